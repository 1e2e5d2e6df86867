"""The sheet of the desk as files to take away: PDF to print and sign, XLSX to go on counting."""

import io
from pathlib import Path
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import override
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font

from ballatoio.base.core.pdf import render_pdf
from ballatoio.base.labs.models import Lab

from .desk_figures import Content
from .models import DeskSheet
from .periods import Kind, Period

TEMPLATE = Path(__file__).resolve().parent / "typst" / "desk_sheet.typ"
TABLES = ("topics", "answers", "endings", "channels", "languages", "parts")


def table_title(name: str, kind: Kind) -> str:
    """Give the title of one of the TABLES."""
    titles = {
        "topics": _("Che cosa hanno chiesto"),
        "answers": _("Che risposta hanno avuto"),
        "endings": _("Bisogni chiusi: com’è finita"),
        "channels": _("Come sono arrivati"),
        "languages": _("Lingue usate"),
        "parts": {
            Kind.DAY: _("Contatti ora per ora"),
            Kind.MONTH: _("Contatti giorno per giorno"),
            Kind.YEAR: _("Contatti mese per mese"),
        }[kind],
    }
    return titles[name]


def tiles(content: Content) -> list[tuple[str, str]]:
    """Give the figures that stand on top, each as (what is shown, what it is)."""
    days = "—" if content["days"] is None else number_format(content["days"], decimal_pos=None)
    return [
        (str(content["contacts"]), _("contatti")),
        (str(content["anonymous"]), _("di persone rimaste anonime")),
        (str(content["needs"]), _("bisogni nuovi")),
        (str(content["closed"]), _("bisogni chiusi")),
        (str(content["open"]), _("bisogni aperti alla fine")),
        (days, _("giorni per sapere la risposta (mediana)")),
    ]


def notes(sheet: DeskSheet | None, content: Content) -> list[str]:
    """Give what a reader has to know of these figures: how they are counted, when they were fixed, why again."""
    lines = [
        _("Un contatto conta nel giorno in cui comincia, un bisogno quando si apre, una risposta quando si dà.")
        + " "
        + _("Definizioni: versione %(number)s.") % {"number": content["definition"]}
    ]
    if sheet is None:
        lines.append(_("Numeri di adesso, non ancora fissati: possono cambiare."))
    else:
        when = date_format(timezone.localtime(sheet.made_at), "j F Y, H:i").lower()
        lines.append(_("Numeri fissati il %(when)s, edizione %(edition)s.") % {"when": when, "edition": sheet.edition})
    if sheet is not None and sheet.reason:
        lines.append(_("Rifatti perché: %(reason)s") % {"reason": sheet.reason})
    return lines


def print_desk_sheet(lab: Lab, period: Period, content: Content, sheet: DeskSheet | None) -> bytes:
    """Give the sheet as an accessible PDF, in Italian: an edition that is fixed gives the same figures every time."""
    with override("it"):
        return render_pdf(TEMPLATE, _for_print(lab, period, content, sheet))


def _for_print(lab: Lab, period: Period, content: Content, sheet: DeskSheet | None) -> dict[str, Any]:
    made = sheet.made_at if sheet else timezone.now()
    return {
        "lab": lab.name,
        "title": {Kind.DAY: _("Il giorno"), Kind.MONTH: _("Il mese"), Kind.YEAR: _("L’anno")}[period.kind]
        + " "
        + _("dello sportello"),
        "period": period.name,
        "made": _("Foglio del %(date)s") % {"date": f"{timezone.localtime(made):%d/%m/%Y}"},
        "number": _("Quanti"),
        "none": _("Niente in questo periodo."),
        "tiles": [{"value": value, "label": label} for value, label in tiles(content)],
        "tables": [
            {"title": table_title(name, period.kind), "head": "", "rows": _bars(content[name])} for name in TABLES
        ],
        "notes": notes(sheet, content),
    }


def _bars(rows: list[Any]) -> list[dict[str, Any]]:
    most = max((n for _key, _label, n in rows), default=0) or 1
    return [
        {"label": label, "value": str(n), "share": round(100 * n / most), "strong": False} for _key, label, n in rows
    ]


def desk_workbook(lab: Lab, period: Period, content: Content, sheet: DeskSheet | None) -> bytes:
    """Give the sheet as a workbook: a page of figures, then a page for each table; text is always text."""
    with override("it"):
        book = Workbook(write_only=True)
        page = book.create_sheet(_("Riepilogo"))
        bold = Font(bold=True)
        page.append([_cell(page, lab.name, bold)])
        page.append([_cell(page, period.name, bold)])
        for value, label in tiles(content):
            page.append([_cell(page, label), _number(value)])
        for line in notes(sheet, content):
            page.append([_cell(page, line)])
        for name in TABLES:
            title = table_title(name, period.kind)
            page = book.create_sheet(title.replace(":", "")[:31])
            page.append([_cell(page, title, bold), _cell(page, _("Quanti"), bold)])
            for _key, label, n in content[name]:
                page.append([_cell(page, label), n])
        file = io.BytesIO()
        book.save(file)
        return file.getvalue()


def _cell(page: Any, text: str, font: Font | None = None) -> Any:
    cell = WriteOnlyCell(page, value=text)
    # A name that begins like a formula stays a name.
    cell.data_type = "s"
    if font:
        cell.font = font
    return cell


def _number(text: str) -> int | float | str:
    try:
        return float(text.replace(",", ".")) if "," in text else int(text)
    except ValueError:
        return text
