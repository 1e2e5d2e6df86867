"""Who may do what with appointments, once the gate has let them in."""

from ballatoio.base.accounts.models import Role, User
from ballatoio.base.labs.models import Lab


def can_keep_all_hours(user: User, lab: Lab) -> bool:
    """Whoever coordinates decides who receives when, closes the lab, names the kinds of appointment."""
    return Role.COORDINATOR in user.roles_in(lab.pk)


def can_keep_hours_of(user: User, operator: User, lab: Lab) -> bool:
    """Everybody keeps their own hours and days off; the coordinator those of all."""
    return user == operator or can_keep_all_hours(user, lab)
