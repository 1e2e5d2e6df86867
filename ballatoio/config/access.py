"""Who may ask for what: one row for each route. A route without a row is refused (see gate.py)."""

from dataclasses import dataclass
from enum import Enum

from ballatoio.base.accounts.models import Role  # noqa: F401 (the rows name roles)


class Who(Enum):
    """Whom a route is for, before roles are asked."""

    EVERYBODY = "everybody"
    SIGNED_IN = "signed in"
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
    "account_reset_password_done": public(),
    "account_confirm_password_reset_code": public(FORM),
    "account_complete_password_reset": public(FORM),
    "account_password_reset_completed": public(),
    "account_email_verification_sent": public(),
    "account_confirm_email": public(FORM),
    "account_reauthenticate": signed_in(),
    "account_email": signed_in(),
    "account_change_password": signed_in(),
    "account_set_password": signed_in(),
    "mfa_authenticate": public(FORM),
    "mfa_reauthenticate": signed_in(),
    "mfa_index": signed_in(READ),
    "mfa_activate_totp": signed_in(),
    "mfa_deactivate_totp": signed_in(),
    "mfa_view_recovery_codes": signed_in(READ),
    "mfa_generate_recovery_codes": signed_in(),
    "mfa_download_recovery_codes": signed_in(READ),
}

OPERATION: dict[str, Access] = {
    "healthz": public(),
    "readyz": public(),
    "metrics": public(),
    "security_txt": public(),
}

ACCESS: dict[str, Access] = SIGN_IN | OPERATION
