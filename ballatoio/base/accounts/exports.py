"""A list that leaves the program: the one way out, for the lists of every room."""

from collections.abc import Iterable

from django.http.response import HttpResponseBase

from ballatoio.base.audit.services import record_reading
from ballatoio.base.core.sheets.export import ExportTable, download

from .http import StaffRequest


def take_away(request: StaffRequest, table: ExportTable, *, verb: str, filters: Iterable[str]) -> HttpResponseBase:
    """Answer with a list as a file; the audit says who took it, with which filters and how many rows.

    The caller gives the rows that the user may see, those of the screen. CSV, or .xlsx with `formato=xlsx`.
    """
    form = "xlsx" if request.GET.get("formato") == "xlsx" else "csv"
    detail = {"filters": sorted(filters), "count": table.count, "format": form}
    record_reading(verb, request.lab, by=request.user, lab_id=request.lab.pk, detail=detail)
    return download(request, table)
