"""The published numbers as files: the very numbers of the page, on paper and for a spreadsheet."""

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from ballatoio.base.core.pdf import render_pdf
from ballatoio.base.core.sheets.export import ExportTable
from ballatoio.base.labs.models import Lab

from .published import Published, Table, notes
from .sheet_files import TEMPLATE


def rows_of(table: Table) -> list[tuple[str, str]]:
    """Give a table as (name, number), with what is not told apart and the sum."""
    rows = [(f"{'– ' * line.depth}{line.label}", line.text) for line in table.lines]
    if table.rest:
        rows.append((_("Tutti gli altri insieme"), str(table.rest)))
    return [*rows, (_("In tutto"), table.total)]


def published_table(lab: Lab, found: Published) -> ExportTable:
    """Give the numbers for a spreadsheet."""
    with override("it"):
        titles = [_("laboratorio"), _("periodo"), _("tabella"), _("voce"), _("quanti")]
        rows = [
            (lab.name, found.span.name, table.title, label, int(number) if number.isdigit() else number)
            for table in found.all_tables
            for label, number in rows_of(table)
        ]
    return ExportTable(f"numeri-{found.span.first:%Y-%m}-{found.span.months}", titles, rows, len(rows))


def print_published(lab: Lab, found: Published) -> bytes:
    """Give the numbers as an accessible PDF, in Italian."""
    with override("it"):
        return render_pdf(TEMPLATE, _for_print(lab, found))


def _for_print(lab: Lab, found: Published) -> dict[str, Any]:
    tiles = [(found.table(name).total, label) for name, label in _tiles(found)]
    return {
        "lab": lab.name,
        "title": _("I numeri del laboratorio"),
        "period": found.span.name,
        "made": _("Foglio del %(date)s") % {"date": f"{timezone.localdate():%d/%m/%Y}"},
        "number": _("Quanti"),
        "none": _("Niente in questo periodo."),
        "tiles": [{"value": value, "label": label} for value, label in tiles],
        "tables": [{"title": table.title, "head": "", "rows": _bars(table)} for table in found.all_tables],
        "notes": notes(found),
    }


def _tiles(found: Published) -> list[tuple[str, str]]:
    return [("channel", _("contatti")), ("topic", _("bisogni"))] if found.tables else []


def _bars(table: Table) -> list[dict[str, Any]]:
    shares = [line.share for line in table.lines]
    return [
        {"label": label, "value": number, "share": share, "strong": False}
        for (label, number), share in zip(rows_of(table), [*shares, 0, 0], strict=False)
    ]
