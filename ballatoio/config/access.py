"""Who may ask for what: one row for each route. A route without a row is refused (see gate.py)."""

from dataclasses import dataclass
from enum import Enum

from ballatoio.base.accounts.models import Role


class Who(Enum):
    """Whom a route is for, before roles are asked."""

    EVERYBODY = "everybody"
    SIGNED_IN = "signed in"
    STAFF = "staff of any lab"
    MEMBERS = "members of the lab, with one of the roles"


READ = frozenset({"GET", "HEAD"})
FORM = READ | {"POST"}
ACT = frozenset({"POST"})


@dataclass(frozen=True)
class Access:
    """Who may use a route, and with which HTTP methods."""

    who: Who
    methods: frozenset[str]
    roles: frozenset[str] = frozenset()


def public(methods: frozenset[str] = READ) -> Access:
    """Open to everybody, signed in or not."""
    return Access(Who.EVERYBODY, methods)


def signed_in(methods: frozenset[str] = FORM) -> Access:
    """Open to whoever has signed in, in any role or none."""
    return Access(Who.SIGNED_IN, methods)


def staff(methods: frozenset[str] = FORM) -> Access:
    """Open to whoever works in any lab today, or for the whole installation."""
    return Access(Who.STAFF, methods)


def for_roles(*roles: str, methods: frozenset[str] = READ) -> Access:
    """Open to members of the route's lab who have one of `roles` there."""
    return Access(Who.MEMBERS, methods, frozenset(roles))


# Signing in is allauth's; its pages are listed so that a new one does not open by itself after an update.
SIGN_IN: dict[str, Access] = {
    "account_login": public(FORM),
    "account_logout": public(FORM),
    "account_inactive": public(),
    "account_signup": public(FORM),
    "account_request_login_code": public(FORM),
    "account_confirm_login_code": public(FORM),
    "account_reset_password": public(FORM),
    "account_confirm_password_reset_code": public(FORM),
    "account_complete_password_reset": public(FORM),
    "account_password_reset_completed": public(),
    "account_email_verification_sent": public(),
    "account_confirm_email": public(FORM),
    "mfa_authenticate": public(FORM),
    # Residents enter with the desk's code and nothing else: an e-mail or a password added by whoever holds their
    # telephone for a minute would open their page for ever.
    "account_reauthenticate": staff(),
    "account_email": staff(),
    "account_change_password": staff(),
    "account_set_password": staff(),
    "mfa_reauthenticate": staff(),
    "mfa_index": staff(READ),
    "mfa_activate_totp": staff(),
    "mfa_deactivate_totp": staff(),
    "mfa_view_recovery_codes": staff(READ),
    "mfa_generate_recovery_codes": staff(),
    "mfa_download_recovery_codes": staff(READ),
}

OPERATION: dict[str, Access] = {
    "healthz": public(),
    "readyz": public(),
    "metrics": public(),
    "security_txt": public(),
    # Its route is there in demo mode only.
    "demo:enter": public(ACT),
}

ACCOUNTS: dict[str, Access] = {
    "accounts:member_list": for_roles(Role.COORDINATOR),
    "accounts:member_invite": for_roles(Role.COORDINATOR, methods=FORM),
    "accounts:membership_end": for_roles(Role.COORDINATOR, methods=ACT),
    "accounts:invitation_accept": public(FORM),
}

PRIVACY: dict[str, Access] = {
    "privacy:audit_list": for_roles(Role.COORDINATOR),
    "privacy:retention_list": for_roles(Role.COORDINATOR, methods=FORM),
    "privacy:code_issue": for_roles(Role.DESK, Role.MEDIATOR, Role.CASEWORKER, Role.COORDINATOR, methods=ACT),
    "privacy:sign_in": public(FORM),
    "privacy:resident_home": signed_in(READ),
    "privacy:resident_audit": signed_in(READ),
}

DIRECTORY: dict[str, Access] = {
    "directory:service_list": public(),
    "directory:service_detail": public(),
    "directory:service_sheet": public(),
    "directory:service_manage": for_roles(Role.DESK, Role.MEDIATOR, Role.CASEWORKER, Role.COORDINATOR),
    "directory:service_new": for_roles(Role.COORDINATOR, methods=FORM),
    "directory:service_edit": for_roles(Role.COORDINATOR, methods=FORM),
    "directory:service_verify": for_roles(Role.COORDINATOR, methods=ACT),
    "directory:service_translate": for_roles(Role.MEDIATOR, Role.COORDINATOR, methods=FORM),
}

HOME: dict[str, Access] = {
    "home:lab_list": public(),
    "home:accessibility": public(),
    "home:own_work": signed_in(READ),
    "home:lab_home": public(),
    "home:district_map": public(),
    "home:services_map": public(),
    "home:address_search": public(),
    "home:address_detail": public(),
    "home:address_map": public(),
    "home:callback_request": public(FORM),
    "home:callback_done": public(),
    "home:accessibility_statement": public(),
    "home:accessibility_feedback": public(FORM),
    "home:accessibility_done": public(),
    "home:privacy_note": public(),
}

DESK_STAFF = (Role.DESK, Role.MEDIATOR, Role.CASEWORKER, Role.COORDINATOR)
DESK: dict[str, Access] = {
    "desk:today": for_roles(*DESK_STAFF),
    "desk:contact_list": for_roles(*DESK_STAFF),
    "desk:contact_new": for_roles(*DESK_STAFF, methods=FORM),
    "desk:contact_export": for_roles(*DESK_STAFF),
    "desk:contact_detail": for_roles(*DESK_STAFF),
    "desk:contact_edit": for_roles(*DESK_STAFF, methods=FORM),
    "desk:draft_save": for_roles(*DESK_STAFF, methods=ACT),
    "desk:draft_drop": for_roles(*DESK_STAFF, methods=ACT),
    "desk:person_search": for_roles(*DESK_STAFF),
    "desk:building_search": for_roles(*DESK_STAFF),
    "desk:need_list": for_roles(*DESK_STAFF),
    "desk:handover": for_roles(*DESK_STAFF, methods=FORM),
    "desk:need_detail": for_roles(*DESK_STAFF),
    "desk:need_answer": for_roles(*DESK_STAFF, methods=ACT),
    "desk:need_tell": for_roles(*DESK_STAFF, methods=ACT),
    "desk:need_attempt": for_roles(*DESK_STAFF, methods=ACT),
    "desk:need_wait": for_roles(*DESK_STAFF, methods=ACT),
    "desk:need_plan": for_roles(*DESK_STAFF, methods=ACT),
    "desk:need_close": for_roles(*DESK_STAFF, methods=ACT),
    "desk:need_reopen": for_roles(*DESK_STAFF, methods=ACT),
    "desk:answer_outcome": for_roles(*DESK_STAFF, methods=ACT),
    "desk:person_timeline": for_roles(*DESK_STAFF),
    "desk:building_timeline": for_roles(*DESK_STAFF),
    "desk:message_leave": for_roles(*DESK_STAFF, methods=FORM),
    "desk:message_read": for_roles(*DESK_STAFF),
    # Masked, and without the records, for whoever does not work at the desk.
    "desk:month": for_roles(*DESK_STAFF, Role.INSTITUTION, Role.CITY_COORDINATOR),
}

PEOPLE_STAFF = (Role.DESK, Role.MEDIATOR, Role.CASEWORKER, Role.COORDINATOR)
PEOPLE: dict[str, Access] = {
    "people:person_list": for_roles(*PEOPLE_STAFF),
    "people:person_new": for_roles(*PEOPLE_STAFF, methods=FORM),
    "people:person_detail": for_roles(*PEOPLE_STAFF),
    "people:person_edit": for_roles(*PEOPLE_STAFF, methods=FORM),
    "people:contact_point_add": for_roles(*PEOPLE_STAFF, methods=FORM),
    "people:contact_point_remove": for_roles(*PEOPLE_STAFF, methods=ACT),
    "people:home_set": for_roles(*PEOPLE_STAFF, methods=FORM),
    "people:identifier_set": for_roles(*PEOPLE_STAFF, methods=FORM),
    "people:identifier_show": for_roles(*PEOPLE_STAFF, methods=ACT),
    "people:consent_record": for_roles(*PEOPLE_STAFF, methods=FORM),
    "people:consent_withdraw": for_roles(*PEOPLE_STAFF, methods=ACT),
    "people:entry_edit": for_roles(*PEOPLE_STAFF, methods=FORM),
    "people:entry_show": for_roles(*PEOPLE_STAFF, methods=ACT),
    "people:person_separate": for_roles(*PEOPLE_STAFF, methods=FORM),
    "people:protection_lift": for_roles(Role.COORDINATOR, methods=FORM),
}

NOTICES: dict[str, Access] = {}

ISSUES: dict[str, Access] = {}

REFERRALS: dict[str, Access] = {}

APPOINTMENTS: dict[str, Access] = {}

REPORTING: dict[str, Access] = {}

SPREADSHEETS: dict[str, Access] = {}

LABS: dict[str, Access] = {}

ACCESS: dict[str, Access] = (
    DESK
    | SIGN_IN
    | OPERATION
    | DIRECTORY
    | ACCOUNTS
    | PRIVACY
    | HOME
    | PEOPLE
    | LABS
    | NOTICES
    | ISSUES
    | REFERRALS
    | APPOINTMENTS
    | REPORTING
    | SPREADSHEETS
)
