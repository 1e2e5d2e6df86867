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
    "mfa_list_webauthn": staff(READ),
    "mfa_add_webauthn": staff(),
    "mfa_edit_webauthn": staff(),
    "mfa_remove_webauthn": staff(),
    "mfa_reauthenticate_webauthn": staff(),
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
    "accounts:member_export": for_roles(Role.COORDINATOR),
    "accounts:member_invite": for_roles(Role.COORDINATOR, methods=FORM),
    "accounts:membership_end": for_roles(Role.COORDINATOR, methods=ACT),
    "accounts:invitation_renew": for_roles(Role.COORDINATOR, methods=ACT),
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
    "directory:service_export": for_roles(Role.DESK, Role.MEDIATOR, Role.CASEWORKER, Role.COORDINATOR),
    "directory:service_new": for_roles(Role.COORDINATOR, methods=FORM),
    "directory:service_edit": for_roles(Role.COORDINATOR, methods=FORM),
    "directory:service_verify": for_roles(Role.COORDINATOR, methods=ACT),
    "directory:service_translate": for_roles(Role.MEDIATOR, Role.COORDINATOR, methods=FORM),
    "directory:term_list": for_roles(Role.DESK, Role.MEDIATOR, Role.CASEWORKER, Role.COORDINATOR),
    "directory:term_words": for_roles(Role.DESK, Role.MEDIATOR, Role.CASEWORKER, Role.COORDINATOR),
    "directory:synonym_propose": for_roles(Role.MEDIATOR, Role.COORDINATOR, methods=ACT),
    "directory:synonym_judge": for_roles(Role.MEDIATOR, Role.COORDINATOR, methods=ACT),
    "directory:local_term_add": for_roles(Role.COORDINATOR, methods=ACT),
    "directory:local_term_retire": for_roles(Role.COORDINATOR, methods=ACT),
}

HOME: dict[str, Access] = {
    "home:lab_list": public(),
    "home:accessibility": public(),
    "home:own_work": signed_in(READ),
    "home:lab_home": public(),
    # The operator's day: what waits in every room.
    "home:today": for_roles(Role.DESK, Role.MEDIATOR, Role.CASEWORKER, Role.COORDINATOR),
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
    "desk:contact_list": for_roles(*DESK_STAFF),
    "desk:contact_new": for_roles(*DESK_STAFF, methods=FORM),
    "desk:contact_export": for_roles(*DESK_STAFF),
    "desk:contact_detail": for_roles(*DESK_STAFF),
    "desk:contact_edit": for_roles(*DESK_STAFF, methods=FORM),
    "desk:receipt_issue": for_roles(*DESK_STAFF, methods=ACT),
    "desk:receipt_print": for_roles(*DESK_STAFF, methods=ACT),
    "desk:receipt_lose": for_roles(*DESK_STAFF, methods=ACT),
    "desk:receipt_find": for_roles(*DESK_STAFF, methods=FORM),
    "desk:receipt_claim": for_roles(*DESK_STAFF, methods=ACT),
    "receipts:receipt_check": public(FORM),
    "receipts:receipt_keep": signed_in(),
    "desk:draft_save": for_roles(*DESK_STAFF, methods=ACT),
    "desk:draft_drop": for_roles(*DESK_STAFF, methods=ACT),
    "desk:person_search": for_roles(*DESK_STAFF),
    "desk:building_search": for_roles(*DESK_STAFF),
    "desk:term_search": for_roles(*DESK_STAFF, methods=ACT),
    "desk:need_list": for_roles(*DESK_STAFF),
    "desk:need_export": for_roles(*DESK_STAFF),
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
    "desk:message_list": for_roles(*DESK_STAFF),
    "desk:message_read": for_roles(*DESK_STAFF),
    "desk:month": for_roles(*DESK_STAFF),
}

PEOPLE_STAFF = (Role.DESK, Role.MEDIATOR, Role.CASEWORKER, Role.COORDINATOR)
PEOPLE: dict[str, Access] = {
    "people:person_list": for_roles(*PEOPLE_STAFF),
    "people:person_export": for_roles(*PEOPLE_STAFF),
    "people:register_export": for_roles(Role.COORDINATOR),
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
    "people:double_list": for_roles(*PEOPLE_STAFF),
    "people:double_differ": for_roles(*PEOPLE_STAFF, methods=ACT),
    # Where one of the two is protected, the service lets the coordinator alone.
    "people:merge_choose": for_roles(*PEOPLE_STAFF),
    "people:merge_preview": for_roles(*PEOPLE_STAFF, methods=FORM),
    "people:merge_undo": for_roles(*PEOPLE_STAFF, methods=FORM),
    "people:account_close": for_roles(*PEOPLE_STAFF, methods=ACT),
    "people:person_separate": for_roles(*PEOPLE_STAFF, methods=FORM),
    "people:protection_lift": for_roles(Role.COORDINATOR, methods=FORM),
}

NOTICE_STAFF = (Role.DESK, Role.MEDIATOR, Role.CASEWORKER, Role.COORDINATOR)
NOTICES: dict[str, Access] = {
    "notices:to_do_list": for_roles(*NOTICE_STAFF),
    "notices:letters_print": for_roles(*NOTICE_STAFF, methods=ACT),
    "notices:letters_post": for_roles(*NOTICE_STAFF, methods=ACT),
    "notices:dead_list": for_roles(*NOTICE_STAFF),
    "notices:dead_retry": for_roles(*NOTICE_STAFF, methods=ACT),
    "notices:sent_list": for_roles(*NOTICE_STAFF),
    "notices:notice_detail": for_roles(*NOTICE_STAFF),
    "notices:notice_call": for_roles(*NOTICE_STAFF, methods=ACT),
    "notices:notice_done": for_roles(*NOTICE_STAFF, methods=ACT),
    "notices:notice_retry": for_roles(*NOTICE_STAFF, methods=ACT),
    "notices:notice_reroute": for_roles(*NOTICE_STAFF, methods=ACT),
    "notices:notice_cancel": for_roles(*NOTICE_STAFF, methods=ACT),
    "notices:notice_return": for_roles(*NOTICE_STAFF, methods=ACT),
}

# Desk roles alone: what institutions and the city read is counted and masked elsewhere, once for all.
ISSUES: dict[str, Access] = {
    "issues:issue_list": for_roles(*DESK_STAFF),
    "issues:issue_new": for_roles(*DESK_STAFF, methods=FORM),
    "issues:issue_detail": for_roles(*DESK_STAFF),
    "issues:issue_step": for_roles(*DESK_STAFF, methods=ACT),
    "issues:issue_plan": for_roles(*DESK_STAFF, methods=ACT),
    "issues:issue_reopen": for_roles(*DESK_STAFF, methods=ACT),
    "issues:issue_join": for_roles(*DESK_STAFF, methods=ACT),
    "issues:issue_leave": for_roles(*DESK_STAFF, methods=ACT),
    "issues:need_issue": for_roles(*DESK_STAFF),
    "issues:building_issues": for_roles(*DESK_STAFF),
}

REFERRALS: dict[str, Access] = {
    "referrals:referral_list": for_roles(*DESK_STAFF),
    "referrals:referral_new": for_roles(*DESK_STAFF, methods=FORM),
    "referrals:referral_of_answer": for_roles(*DESK_STAFF),
    "referrals:referral_detail": for_roles(*DESK_STAFF),
    "referrals:referral_answer": for_roles(*DESK_STAFF, methods=ACT),
    "referrals:referral_withdraw": for_roles(*DESK_STAFF, methods=ACT),
    "referrals:referral_remind": for_roles(*DESK_STAFF, methods=ACT),
    # For the service that answers: the link, then the code that came to its own address.
    "referrals:link_open": public(FORM),
    "referrals:link_check": public(FORM),
    "referrals:link_answer": public(FORM),
    "referrals:link_thanks": public(),
}

APPOINTMENTS: dict[str, Access] = {
    "appointments:week": for_roles(*DESK_STAFF),
    "appointments:appointment_new": for_roles(*DESK_STAFF, methods=FORM),
    "appointments:appointment_find": for_roles(*DESK_STAFF, methods=FORM),
    "appointments:person_appointments": for_roles(*DESK_STAFF),
    "appointments:appointment_detail": for_roles(*DESK_STAFF),
    "appointments:appointment_receive": for_roles(*DESK_STAFF, methods=ACT),
    "appointments:appointment_mark": for_roles(*DESK_STAFF, methods=ACT),
    "appointments:appointment_cancel": for_roles(*DESK_STAFF, methods=ACT),
    "appointments:appointment_move": for_roles(*DESK_STAFF, methods=FORM),
    "appointments:appointment_settle": for_roles(*DESK_STAFF, methods=ACT),
    "appointments:appointment_slip": for_roles(*DESK_STAFF),
    "appointments:stranded_list": for_roles(*DESK_STAFF, methods=FORM),
    "appointments:waiting_list": for_roles(*DESK_STAFF),
    "appointments:waiting_join": for_roles(*DESK_STAFF, methods=FORM),
    "appointments:waiting_detail": for_roles(*DESK_STAFF),
    "appointments:waiting_accept": for_roles(*DESK_STAFF, methods=ACT),
    "appointments:waiting_decline": for_roles(*DESK_STAFF, methods=ACT),
    "appointments:waiting_leave": for_roles(*DESK_STAFF, methods=ACT),
    # One's own hours and days off; those of others are the coordinator's (rules.py).
    "appointments:rota_list": for_roles(*DESK_STAFF),
    "appointments:rota_new": for_roles(*DESK_STAFF, methods=FORM),
    "appointments:rota_edit": for_roles(*DESK_STAFF, methods=FORM),
    "appointments:rota_end": for_roles(*DESK_STAFF, methods=ACT),
    "appointments:absence_new": for_roles(*DESK_STAFF, methods=FORM),
    "appointments:absence_remove": for_roles(*DESK_STAFF, methods=ACT),
    "appointments:closing_list": for_roles(Role.COORDINATOR, methods=FORM),
    "appointments:closing_remove": for_roles(Role.COORDINATOR, methods=ACT),
    "appointments:kind_list": for_roles(Role.COORDINATOR, methods=FORM),
    "appointments:kind_new": for_roles(Role.COORDINATOR, methods=FORM),
    "appointments:kind_edit": for_roles(Role.COORDINATOR, methods=FORM),
    "appointments:calendar_link": for_roles(*DESK_STAFF, methods=FORM),
    # Everything of a resident's, without an account: the code decides.
    "appointments:calendar_feed": public(),
    "appointments:booking": public(),
    "appointments:booking_times": public(),
    "appointments:booking_details": public(FORM),
    "appointments:booking_wait": public(FORM),
    "appointments:own": public(FORM),
    "appointments:own_answer": public(ACT),
    "appointments:own_slip": public(),
    "appointments:own_enter": public(),
}

READERS = (Role.INSTITUTION, Role.CITY_COORDINATOR)
REPORTING: dict[str, Access] = {
    "reporting:desk_sheet": for_roles(*DESK_STAFF),
    "reporting:desk_sheet_pdf": for_roles(*DESK_STAFF),
    "reporting:desk_sheet_xlsx": for_roles(*DESK_STAFF),
    "reporting:desk_sheet_fix": for_roles(Role.COORDINATOR, methods=ACT),
    # Whoever does not work at the desk reads what was published, masked, and opens no record.
    "reporting:needs_map": for_roles(*DESK_STAFF, *READERS),
    "reporting:trends": for_roles(*DESK_STAFF),
    "reporting:published": for_roles(*DESK_STAFF, *READERS),
    "reporting:published_pdf": for_roles(*DESK_STAFF, *READERS),
    "reporting:published_csv": for_roles(*DESK_STAFF, *READERS),
    # An institution finds its own sheets, once they are sent, and answers there.
    "reporting:question_list": for_roles(*DESK_STAFF, Role.INSTITUTION),
    "reporting:question_sheet": for_roles(*DESK_STAFF, Role.INSTITUTION),
    "reporting:question_pdf": for_roles(*DESK_STAFF, Role.INSTITUTION),
    "reporting:question_answer": for_roles(*DESK_STAFF, Role.INSTITUTION, methods=ACT),
    "reporting:question_word": for_roles(*DESK_STAFF, methods=ACT),
    "reporting:question_new": for_roles(Role.COORDINATOR, methods=FORM),
    "reporting:question_drop": for_roles(Role.COORDINATOR, methods=ACT),
    "reporting:question_send": for_roles(Role.COORDINATOR, methods=ACT),
    "reporting:question_return": for_roles(Role.COORDINATOR, methods=ACT),
    "reporting:recipient_list": for_roles(Role.COORDINATOR, methods=FORM),
    "reporting:recipient_remove": for_roles(Role.COORDINATOR, methods=ACT),
}

SPREADSHEETS: dict[str, Access] = {
    "spreadsheets:import_list": for_roles(Role.COORDINATOR),
    "spreadsheets:import_new": for_roles(Role.COORDINATOR, methods=FORM),
    "spreadsheets:import_detail": for_roles(Role.COORDINATOR),
    "spreadsheets:import_columns": for_roles(Role.COORDINATOR, methods=FORM),
    "spreadsheets:import_values": for_roles(Role.COORDINATOR, methods=FORM),
    "spreadsheets:import_people": for_roles(Role.COORDINATOR, methods=FORM),
    "spreadsheets:import_everybody": for_roles(Role.COORDINATOR, methods=ACT),
    "spreadsheets:import_errors": for_roles(Role.COORDINATOR),
    "spreadsheets:import_check": for_roles(Role.COORDINATOR, methods=ACT),
    "spreadsheets:import_start": for_roles(Role.COORDINATOR, methods=ACT),
    "spreadsheets:import_discard": for_roles(Role.COORDINATOR, methods=ACT),
    "spreadsheets:import_undo": for_roles(Role.COORDINATOR, methods=FORM),
}

LABS: dict[str, Access] = {
    "labs:settings_home": for_roles(Role.COORDINATOR),
    "labs:details_edit": for_roles(Role.COORDINATOR, methods=FORM),
    "labs:hours_edit": for_roles(Role.COORDINATOR, methods=FORM),
    "labs:promises_edit": for_roles(Role.COORDINATOR, methods=FORM),
    "labs:closing_list": for_roles(Role.COORDINATOR),
    "labs:closing_add": for_roles(Role.COORDINATOR, methods=ACT),
    "labs:closing_remove": for_roles(Role.COORDINATOR, methods=ACT),
    "territory:building_list": for_roles(Role.COORDINATOR),
    "territory:building_new": for_roles(Role.COORDINATOR, methods=FORM),
    "territory:building_manage": for_roles(Role.COORDINATOR),
    "territory:building_correct": for_roles(Role.COORDINATOR, methods=FORM),
    "territory:stair_add": for_roles(Role.COORDINATOR, methods=ACT),
    "territory:dwelling_add": for_roles(Role.COORDINATOR, methods=ACT),
    "territory:dwelling_change": for_roles(Role.COORDINATOR, methods=ACT),
}

HOUR_STAFF = (Role.DESK, Role.MEDIATOR, Role.CASEWORKER, Role.INTERPRETER, Role.COORDINATOR)
HOURS: dict[str, Access] = {
    "hours:week_fill": for_roles(*HOUR_STAFF, methods=FORM),
    "hours:hours_summary": for_roles(Role.COORDINATOR),
    "hours:week_detail": for_roles(Role.COORDINATOR),
    "hours:week_approve": for_roles(Role.COORDINATOR, methods=ACT),
    "hours:week_return": for_roles(Role.COORDINATOR, methods=ACT),
    "hours:activity_list": for_roles(Role.COORDINATOR, methods=FORM),
    "hours:activity_end": for_roles(Role.COORDINATOR, methods=ACT),
    "hours:funding_line_new": for_roles(Role.COORDINATOR, methods=FORM),
}

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
    | HOURS
)
