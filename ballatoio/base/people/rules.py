"""Who may do what with a person's file, once the gate has let them in."""

from ballatoio.base.accounts.models import Role

from .models import Person


def can_lift_protection(roles: frozenset[str]) -> bool:
    """Whoever is at the desk gives protection, the coordinator takes it away, having asked the person alone:

    a partner who waits outside may have sent them.
    """
    return Role.COORDINATOR in roles


def can_merge(roles: frozenset[str], one: Person, other: Person) -> bool:
    """Whoever is at the desk makes one file of two; where somebody is protected, only the coordinator.

    A merge joins what was kept apart: done in a hurry, it could lead to somebody who is hiding.
    """
    return Role.COORDINATOR in roles or not (one.is_protected or other.is_protected)
