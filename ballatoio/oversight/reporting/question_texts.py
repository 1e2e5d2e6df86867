"""What is written to an institution about a sheet of questions, and to a person whose question has an answer."""

from collections.abc import Callable

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from ballatoio.base.core.links import absolute_url
from ballatoio.base.directory.schedules import spoken_date
from ballatoio.base.labs.models import Lab
from ballatoio.base.notices.services import Text

from .models import QuestionLine, QuestionSheet


def how_many(asked: int | None) -> str:
    """Say how many asked, when that may be said."""
    return _("%(count)s richieste") % {"count": asked} if asked else ""


def houses_in_words(houses: list[str]) -> str:
    """Say from which houses at least five asked."""
    return _("almeno 5 da: %(houses)s") % {"houses": "; ".join(houses)} if houses else ""


def sheet_text(sheet: QuestionSheet) -> Callable[[], Text]:
    """Give what composes the message to an institution: the questions, and where to answer. It names nobody."""

    def compose() -> Text:
        month = date_format(sheet.month, "F Y").lower()
        lab = sheet.lab
        lines = [
            _("Queste sono le domande che gli abitanti hanno portato al laboratorio in %(month)s.") % {"month": month},
            _("Sono scritte da noi, con i numeri e senza nomi."),
        ]
        for number, line in enumerate(sheet.content["lines"], start=1):
            beside = "; ".join(filter(None, [how_many(line["asked"]), houses_in_words(line["houses"])]))
            lines.append(f"{number}. {line['topic']}{f' ({beside})' if beside else ''}\n{line['question']}")
        page = absolute_url("reporting:question_sheet", lab=lab.slug, questions=sheet.pk)
        lines += [
            _("Potete rispondere qui, con il vostro accesso: %(page)s") % {"page": page},
            _("Oppure telefonate: %(lab)s, %(address)s, telefono %(phone)s.")
            % {"lab": lab.name, "address": lab.address, "phone": lab.phone},
            _("La risposta la portiamo noi a chi ha chiesto."),
        ]
        subject = _("Domande degli abitanti, %(month)s: %(lab)s") % {"month": month, "lab": lab.name}
        return Text(subject=subject, body="\n\n".join(lines), short=subject)

    return compose


def answer_words(line: QuestionLine) -> str:
    """Give an institution's answer as it is written into a need."""
    on = spoken_date(line.answered_on) if line.answered_on else ""
    return _("%(who)s risponde (%(day)s): %(answer)s") % {"who": line.answered_by, "day": on, "answer": line.answer}


def answer_is_ready(lab: Lab) -> Callable[[], Text]:
    """Give what composes the message to a person: that there is an answer, where and how to have it, nothing else.

    What they had asked is not in it: others may open the letter or hold the telephone.
    """

    def compose() -> Text:
        facts = {
            "day": spoken_date(timezone.localdate()),
            "lab": lab.name,
            "phone": lab.phone,
            "address": lab.address,
        }
        return Text(
            subject=_("C’è una risposta per te"),
            body="\n\n".join(
                [
                    _("Dal %(day)s c’è una risposta a quello che ci avevi chiesto.") % facts,
                    _("Per saperla passa da noi o telefona: %(lab)s, %(address)s, telefono %(phone)s.") % facts,
                ]
            ),
            short=_("%(lab)s: dal %(day)s c’è una risposta per te. Chiama %(phone)s o passa: %(address)s.") % facts,
        )

    return compose
