"""The sheet of questions on paper: A4, accessible, with room for the answers."""

from datetime import date
from pathlib import Path
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import override

from ballatoio.base.core.pdf import render_pdf

from .models import QuestionSheet
from .question_texts import houses_in_words, how_many

TEMPLATE = Path(__file__).resolve().parent / "typst" / "question_sheet.typ"


def print_questions(sheet: QuestionSheet) -> bytes:
    """Give a sheet as an accessible PDF, in Italian: as it was sent, with the answers that have come since."""
    with override("it"):
        return render_pdf(TEMPLATE, _for_print(sheet))


def _for_print(sheet: QuestionSheet) -> dict[str, Any]:
    lab, sent = sheet.lab, sheet.content.get("sent_on")
    explanation = _("Sono le domande che gli abitanti hanno portato al laboratorio, scritte da noi.")
    return {
        "lab": sheet.content.get("lab", lab.name),
        "title": _("Domande degli abitanti"),
        "to": sheet.content.get("organisation", sheet.organisation.name),
        "period": date_format(sheet.month, "F Y").lower(),
        "state": "" if sent else _("Bozza: non ancora mandata."),
        "made": _("Foglio mandato il %(day)s") % {"day": f"{date.fromisoformat(sent):%d/%m/%Y}"} if sent else "",
        "explanation": f"{explanation} {_('Un numero sotto 5 non si dice mai.')}",
        "answer": _("Risposta"),
        "back": _("La risposta la portiamo noi a chi ha chiesto: %(address)s, telefono %(phone)s.")
        % {"address": lab.address, "phone": lab.phone},
        "lines": _lines(sheet),
    }


def _lines(sheet: QuestionSheet) -> list[dict[str, str]]:
    """Give the questions as they were sent (as they stand, in a draft), with the answers that have come since."""
    there = {str(line.pk): line for line in sheet.lines.all()}
    asked = sheet.content["lines"] if sheet.content else [line.as_sent() for line in there.values()]
    lines = []
    for question in asked:
        line = there[question["id"]]
        day = f"{line.answered_on:%d/%m/%Y}" if line.answered_on else ""
        lines.append(
            {
                "topic": question["topic"],
                "beside": "; ".join(filter(None, [how_many(question["asked"]), houses_in_words(question["houses"])])),
                "question": question["question"],
                "answer": line.answer,
                "said": ", ".join(filter(None, [line.answered_by, day])),
            }
        )
    return lines
