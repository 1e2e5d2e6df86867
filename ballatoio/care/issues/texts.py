"""What a person is told when the question of their house has an answer."""

from collections.abc import Callable

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from ballatoio.base.directory.schedules import spoken_date
from ballatoio.base.directory.texts import SOURCE_LANGUAGE
from ballatoio.base.labs.models import Lab
from ballatoio.base.notices.services import Text
from ballatoio.base.people.models import Person

from .models import IssueStep


def answer_text(lab: Lab, step: IssueStep, person: Person) -> Callable[[], Text]:
    """Give what composes the message in the language that is switched on.

    The answer is the staff's Italian, and never passes for a translation: in another language the message leads to
    the Italian, which notices put below. A protected person is not written what it is about: it would name the house.
    """

    def compose() -> Text:
        facts = {"day": spoken_date(step.on), "lab": lab.name, "phone": lab.phone, "address": lab.address}
        lines = [_("C’è una risposta a quello che ci avevi chiesto (%(day)s).") % facts]
        if not person.is_protected and get_language() == SOURCE_LANGUAGE:
            lines.append(step.text)
        elif not person.is_protected:
            lines.append(_("La trovi qui sotto, in italiano. Per capirla bene chiedi a noi, anche con un interprete."))
        lines.append(_("Per parlarne: %(lab)s, %(address)s, telefono %(phone)s.") % facts)
        return Text(
            subject=_("Una risposta per te"),
            body="\n\n".join(lines),
            short=_("%(lab)s: dal %(day)s c’è una risposta per te. Chiama %(phone)s o passa: %(address)s.") % facts,
        )

    return compose
