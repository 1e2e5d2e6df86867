"""An appointment on paper: an A6 slip in large letters, in the language of whoever has it, with the Italian below."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.utils.translation import get_language, get_language_info, override
from django.utils.translation import gettext as _

from ballatoio.base.core.links import absolute_url
from ballatoio.base.core.pdf import MissingGlyph, render_pdf
from ballatoio.base.directory.sheets import qr_svg
from ballatoio.base.directory.texts import SOURCE_LANGUAGE
from ballatoio.care.desk.receipts import spelled

from .messages import clock_of, kind_texts, spoken_day
from .models import Appointment
from .timetable import place_of

TEMPLATE = Path(__file__).resolve().parent / "typst" / "appointment_slip.typ"
LANGUAGES = frozenset(code for code, _name in settings.LANGUAGES)


def slip_language(appointment: Appointment) -> str:
    """Give the language of a slip: the first that its holder reads, else the one of the appointment, else Italian."""
    read = appointment.person.languages_read if appointment.person else []
    return next((code for code in [*read, appointment.language] if code in LANGUAGES), SOURCE_LANGUAGE)


def slip_data(appointment: Appointment, code: str, language: str) -> dict[str, Any]:
    """Give all that the slip says, words of the house included; never who has the appointment.

    The QR code holds the address of the page and not the code: what a telephone opens stays in its history.
    """
    lab, blocks = appointment.lab, []
    for name in dict.fromkeys([language, SOURCE_LANGUAGE]):
        with override(name):
            blocks.append(_words(appointment))
    with override(language):
        address = absolute_url("appointments:own", lab=lab.slug)
    return {
        "language": language,
        "blocks": blocks,
        "groups": spelled(code).split() if code else [],
        "time": clock_of(appointment.slot.starts_at),
        "place": place_of(appointment.slot, lab),
        "lab": {"name": lab.name, "phone": lab.phone},
        "web": address.split("://", 1)[-1],
        "qr": qr_svg(address),
    }


def _words(appointment: Appointment) -> dict[str, Any]:
    language, told = get_language() or SOURCE_LANGUAGE, kind_texts(appointment.kind)
    return {
        "language": language,
        "dir": "rtl" if get_language_info(language)["bidi"] else "ltr",
        "title": _("Il tuo appuntamento"),
        "day": spoken_day(appointment.slot.starts_at),
        "at": _("alle"),
        "kind": told["name"],
        "bring": _("Porta: %(things)s") % {"things": told["bring"]} if told["bring"] else "",
        "code": _("Il tuo codice"),
        "how": _("Non puoi venire? Dillo: il posto serve a un’altra persona. Telefona, o scrivi il codice qui:"),
        "qr": _("Codice da inquadrare con il telefono: apre la pagina dove si scrive il codice"),
    }


def slip_response(appointment: Appointment, texts: dict[str, str]) -> HttpResponse:
    """Give the slip as an accessible PDF (PDF/UA-1); in Italian when no font of ours has the letters."""
    language, code = slip_language(appointment), texts.get("code", "")
    try:
        pdf = render_pdf(TEMPLATE, slip_data(appointment, code, language))
    except MissingGlyph:
        language = SOURCE_LANGUAGE
        pdf = render_pdf(TEMPLATE, slip_data(appointment, code, language))
    response = HttpResponse(pdf, content_type="application/pdf")
    response["Content-Disposition"] = 'inline; filename="appuntamento.pdf"'
    response["Content-Language"] = language
    return response
