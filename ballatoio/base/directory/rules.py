"""Who may do what with the directory, one sentence each."""

from ballatoio.base.accounts.models import Role, User
from ballatoio.base.labs.models import Lab


def can_edit_services(user: User, lab: Lab) -> bool:
    """The coordinator answers for what the lab publishes."""
    return bool(user.roles_in(lab.pk) & {Role.COORDINATOR})


def can_translate_services(user: User, lab: Lab) -> bool:
    """Mediators speak the languages; the coordinator may write for whoever does."""
    return bool(user.roles_in(lab.pk) & {Role.COORDINATOR, Role.MEDIATOR})


def can_approve_translations(user: User, lab: Lab) -> bool:
    """To approve commits the institution, so it is the coordinator's."""
    return can_edit_services(user, lab)


def can_keep_words(user: User, lab: Lab) -> bool:
    """A word of the lab's own changes what everybody at the desk sees: the coordinator decides."""
    return can_edit_services(user, lab)


def can_judge_words(user: User, lab: Lab) -> bool:
    """Mediators speak the languages, and hear how people call things."""
    return can_translate_services(user, lab)
