"""Who may manage whom."""

from .models import LAB_ROLES, Membership, User


def can_give_role(user: User, role: str) -> bool:
    """A coordinator staffs the lab; roles held for the whole installation are not theirs to give."""
    return role in LAB_ROLES


def can_end_membership(user: User, membership: Membership) -> bool:
    """Nobody ends their own place: a lab must not lose its last coordinator by a slip."""
    return membership.user_id != user.pk
