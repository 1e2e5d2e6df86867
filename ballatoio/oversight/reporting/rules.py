"""Who may do what with figures, once the gate has let them in."""

from uuid import UUID

from ballatoio.base.accounts.models import Role, User
from ballatoio.care.desk.models import DESK_ROLES


def can_fix_sheets(user: User, lab_id: UUID) -> bool:
    """Whoever answers for the figures of a lab fixes them: the coordinator."""
    return Role.COORDINATOR in user.roles_in(lab_id)


def can_open_records(user: User, lab_id: UUID) -> bool:
    """Whoever works at the desk opens a number onto its records; everybody else reads what was published, masked."""
    return bool(user.roles_in(lab_id) & set(DESK_ROLES))


def can_approve_questions(user: User, lab_id: UUID) -> bool:
    """What goes to an institution in the lab's name, and what comes back to people, goes by the coordinator's hand."""
    return Role.COORDINATOR in user.roles_in(lab_id)
