"""Needs on the map and over time: live and opening onto records for the desk, as published for everybody else."""

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import override

from ballatoio.base.accounts.http import StaffRequest
from ballatoio.base.core.sheets.export import download
from ballatoio.base.territory.drawing import house_outlines
from ballatoio.care.desk.forms import DeskLists

from .forms import NeedsMapForm, PublishedForm
from .needs_map import SHADES, needs_map, shapes_of
from .published import Published, house_counts, last_published, notes, published
from .published_files import print_published, published_table
from .rules import can_open_records
from .spans import span_around
from .trends import RECENT_DAYS, find_growing, topic_trends


def needs(request: StaffRequest) -> HttpResponse:
    """The needs of a period by house, topic, month and language, each number with its records."""
    if not can_open_records(request.user, request.lab.pk):
        return published_figures(request)
    lists = DeskLists(request.lab, request.user)
    form = NeedsMapForm(request.GET, lists=lists)
    whole = request.GET.get("case") == "tutte"
    found = needs_map(request.lab, form.span(), form.asked, terms=lists.all_terms, all_houses=whole)
    today = timezone.localdate()
    context = {
        "form": form,
        "map": found,
        "query": request.GET.urlencode(),
        "shades": range(SHADES + 1),
        "shortcuts": [(label, span_around(today, months)) for label, months in shortcuts()],
        "later": found.span.after if found.span.after.first <= today else None,
    }
    return render(request, "reporting/_needs.html" if request.htmx else "reporting/needs.html", context)  # type: ignore[attr-defined]


def shortcuts() -> list[tuple[str, int]]:
    """Give the periods that are one click away."""
    return [(_("Questo mese"), 1), (_("Questo trimestre"), 3), (_("Quest’anno"), 12)]


def trends(request: StaffRequest) -> HttpResponse:
    """Each topic over the months, and which ones grow."""
    today = timezone.localdate()
    context = {
        "trends": topic_trends(request.lab, today),
        "growing": find_growing(request.lab, today),
        "days": RECENT_DAYS,
    }
    return render(request, "reporting/trends.html", context)


def asked_published(request: StaffRequest) -> Published:
    """Give what was published of the month, quarter or year that the address names; of the last month when of none."""
    form = PublishedForm(request.GET)
    last = last_published(request.lab) or span_around(timezone.localdate(), 1).before.first
    return published(request.lab, form.span(last))


def published_figures(request: StaffRequest) -> HttpResponse:
    """What leaves the lab: the same for the institutions, for the city, and for the desk that wants to see it."""
    found = asked_published(request)
    today = timezone.localdate()
    drawing = house_outlines(request.lab) if found.houses else None
    context = {
        "found": found,
        "drawing": drawing,
        "shapes": shapes_of(drawing, house_counts(found.houses)) if drawing else [],
        "shades": range(SHADES + 1),
        "notes": notes(found),
        "later": found.span.after if found.span.after.first <= today else None,
        "is_desk": can_open_records(request.user, request.lab.pk),
    }
    return render(request, "reporting/published.html", context)


def published_sheet(request: StaffRequest) -> HttpResponse:
    """The same numbers on paper."""
    found = asked_published(request)
    response = HttpResponse(print_published(request.lab, found), content_type="application/pdf")
    name = f"{slugify(request.lab.slug)}-numeri-{found.span.first:%Y-%m}-{found.span.months}.pdf"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def published_export(request: StaffRequest) -> HttpResponseBase:
    """The same numbers for a spreadsheet."""
    with override("it"):
        return download(request, published_table(request.lab, asked_published(request)))
