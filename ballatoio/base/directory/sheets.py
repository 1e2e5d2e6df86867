"""The sheet of a service on paper: A5, in the person's language, to be folded and put in a pocket."""

import io
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import segno
from django.conf import settings
from django.utils import timezone
from django.utils.translation import get_language_info, override
from django.utils.translation import gettext as _

from ballatoio.base.core.pdf import MissingGlyph, render_pdf
from ballatoio.base.labs.models import Lab

from .hours import load_hours
from .models import Service
from .schedules import spoken_date
from .texts import LANGUAGE_NAMES, SERVICE_FIELDS, SOURCE_LANGUAGE, RecordTexts, Text, language_notice, translated

TEMPLATE = Path(__file__).resolve().parent / "typst" / "service_sheet.typ"


@dataclass(frozen=True)
class Sheet:
    """A printed sheet and the language that it came out in, which is not always the one asked for."""

    pdf: bytes
    language: str


def sheet_languages() -> list[str]:
    """The languages in which a sheet can be asked for: those of the pages."""
    return [code for code, _name in settings.LANGUAGES]


def print_sheet(service: Service, *, lab: Lab, language: str, address: str, at: datetime | None = None) -> Sheet:
    """Give the sheet of `service` as an accessible PDF in `language`; `address` is its public page, for the QR code.

    A language that has no pages yet, or whose letters no font of ours has, comes out in Italian with a line that
    says so.
    """
    moment = at or timezone.now()
    if language in sheet_languages():
        try:
            return Sheet(render_pdf(TEMPLATE, sheet_data(service, lab, language, address, moment)), language)
        except MissingGlyph:
            if language == SOURCE_LANGUAGE:
                raise
    data = sheet_data(service, lab, SOURCE_LANGUAGE, address, moment)
    with override(SOURCE_LANGUAGE):
        name = LANGUAGE_NAMES.get(language)
        if name:
            data["apology"] = _("Non sappiamo ancora stampare in %(language)s. Chiedici un interprete.") % {
                "language": name
            }
    return Sheet(render_pdf(TEMPLATE, data), SOURCE_LANGUAGE)


def sheet_data(service: Service, lab: Lab, language: str, address: str, at: datetime) -> dict[str, Any]:
    """Give all that the template prints, words of the house included: it holds no text of its own."""
    texts = translated([service], language, SERVICE_FIELDS)[service.pk]
    hours = load_hours([service], lab)[service.pk]
    with override(language):
        return {
            "language": language,
            "dir": "rtl" if get_language_info(language)["bidi"] else "ltr",
            "lab": {"name": lab.name, "address": lab.address, "phone": lab.phone},
            "name": _line(texts["name"]),
            "organisation": service.organisation.name,
            "alert": _line(texts["alert"]),
            "closed": "" if service.status == Service.Status.ACTIVE else str(service.get_status_display()),
            "sections": _sections(texts),
            "hours": [{"days": line.days, "hours": list(line.intervals)} for line in hours.lines()],
            "shut_on_holidays": hours.shut_on_holidays,
            "special_days": hours.notes()[:3],
            "phone": service.phone,
            "address": service.address,
            "languages": _languages(service),
            "accessibility": _line(texts["accessibility"]),
            "comma": _(", "),
            "words": _words(),
            "qr": qr_svg(address),
            "web": address.split("://", 1)[-1],
            "printed": _("Stampato il %(date)s") % {"date": spoken_date(timezone.localdate(at))},
            "verified": _verified(service),
            "notice": language_notice(texts.values(), language),
            "apology": "",
        }


def _line(text: Text) -> dict[str, str]:
    return {"text": text.value, "language": text.language, "dir": text.dir}


def _sections(texts: RecordTexts) -> list[dict[str, Any]]:
    """Title and text of each part that has one; a price that no speaker has checked has the Italian one beside it."""
    parts = (
        (_("Che cosa fa"), "description"),
        (_("Per chi è"), "eligibility_description"),
        (_("Come si fa"), "application_process"),
        (_("Quanto costa"), "fees_description"),
    )
    sections = []
    for title, name in parts:
        text = texts[name]
        if text:
            beside = text.source if name == "fees_description" and not text.is_reviewed else ""
            sections.append({"title": title, "beside": beside} | _line(text))
    return sections


def _languages(service: Service) -> str:
    spoken = [str(LANGUAGE_NAMES[code]) for code in service.languages if code in LANGUAGE_NAMES]
    if service.interpretation_services:
        spoken.append(_("con interprete, da chiedere prima"))
    return _(", ").join(spoken)


def _verified(service: Service) -> str:
    if service.last_verified_on is None:
        return ""
    return _("Controllato il %(date)s") % {"date": spoken_date(service.last_verified_on)}


def _words() -> dict[str, str]:
    """The words of the house that the sheet prints."""
    return {
        "title": _("Scheda del servizio"),
        "when": _("Quando è aperto"),
        "ask_hours": _("Telefona per sapere gli orari."),
        "where": _("Dove"),
        "phone": _("Telefono"),
        "languages": _("Lingue"),
        "accessibility": _("Ingresso"),
        "notes": _("Il tuo appuntamento"),
        "notes_hint": _("giorno, ora, di chi chiedere"),
        "lab": _("Ti ha dato questa scheda"),
        "qr": _("Codice da inquadrare con il telefono: apre la pagina di questo servizio"),
        "holidays": _("Nei giorni festivi è chiuso."),
    }


def qr_svg(address: str) -> str:
    """Give the QR code (ISO/IEC 18004, level M) of an address as an SVG picture."""
    picture = io.BytesIO()
    segno.make(address, error="m", micro=False).save(picture, kind="svg", border=0, xmldecl=False, svgns=True)
    return picture.getvalue().decode()
