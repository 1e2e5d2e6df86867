"""Who may do what at the desk, once the gate has let them in."""

from ballatoio.base.accounts.models import Role, User

from .models import Need


def can_see_whole_desk(user: User, lab_id: object) -> bool:
    """A coordinator sees what is late for everybody, and who carries how much."""
    return Role.COORDINATOR in user.roles_in(lab_id)  # type: ignore[arg-type]


def can_hand_over(user: User, giver: User, lab_id: object) -> bool:
    """Whoever goes away hands over their own needs; the coordinator hands over anybody's."""
    return user == giver or can_see_whole_desk(user, lab_id)


def can_close_as_unknown(need: Need) -> bool:
    """Only an anonymous need may be closed because nobody can be told."""
    return need.person_id is None
