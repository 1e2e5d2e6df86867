"""Who may do what with a person's file, once the gate has let them in."""

from ballatoio.base.accounts.models import Role


def can_lift_protection(roles: frozenset[str]) -> bool:
    """Whoever is at the desk gives protection, the coordinator takes it away, having asked the person alone:

    a partner who waits outside may have sent them.
    """
    return Role.COORDINATOR in roles
