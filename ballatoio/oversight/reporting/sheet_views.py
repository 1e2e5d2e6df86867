"""The sheets of the desk on screen, where every figure opens onto its records, and as files."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _

from ballatoio.base.accounts.http import StaffRequest
from ballatoio.care.desk.charts import bar_chart

from . import sheet_services
from .desk_figures import Content, desk_figures
from .forms import SheetAgainForm
from .models import DeskSheet
from .periods import Period, read_period
from .rules import can_fix_sheets
from .sheet_files import desk_workbook, notes, print_desk_sheet, table_title, tiles

COLUMNS = (("topics", "languages"), ("answers", "endings", "channels"))
FILES = {
    "pdf": ("application/pdf", print_desk_sheet),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", desk_workbook),
}


def desk_sheet(request: StaffRequest) -> HttpResponse:
    """What the desk did in a day, a month, a year; when it is over and fixed, the same figures every time."""
    period, sheet, content = asked_sheet(request)
    today = timezone.localdate()
    grown = sheet_services.written_since(sheet, period) if sheet else 0
    context = {
        "period": period,
        "sheet": sheet,
        "notes": notes(sheet, content),
        "tiles": tiles(content),
        "columns": [[opening(request, period, name, content) for name in names] for names in COLUMNS],
        "parts": opening(request, period, "parts", content),
        "chart": bar_chart([(label, n) for _key, label, n in content["parts"]]),
        "after": period.after if period.after.first <= today else None,
        "is_over": period.last < today,
        "grown": grown,
        "can_fix": can_fix_sheets(request.user, request.lab.pk),
        "form": SheetAgainForm(),
    }
    return render(request, "reporting/desk_sheet.html", context)


def asked_sheet(request: StaffRequest) -> tuple[Period, DeskSheet | None, Content]:
    """Give the period that was asked for, its fixed sheet if there is one, and the figures to show."""
    period = read_period(request.GET.dict(), timezone.localdate())
    sheet = sheet_services.sheet_of(request.lab, period)
    return period, sheet, sheet.content if sheet else desk_figures(request.lab, period)


def opening(request: StaffRequest, period: Period, name: str, content: Content) -> dict[str, Any]:
    """Give a table with, for each row, the address of the list that it counts."""
    slug = request.lab.slug
    first, last = f"{period.first:%d/%m/%Y}", f"{period.last:%d/%m/%Y}"
    contacts, needs = reverse("desk:contact_list", args=[slug]), reverse("desk:need_list", args=[slug])
    openings = {
        "channels": (contacts, {"dal": first, "al": last}, "canale"),
        "languages": (contacts, {"dal": first, "al": last}, "lingua"),
        "topics": (needs, {"dal": first, "al": last, "stato": "tutti"}, "bisogno"),
        "endings": (needs, {"chiuso_dal": first, "chiuso_al": last}, "stato"),
        "answers": (needs, {"risposta_dal": first, "risposta_al": last, "stato": "tutti"}, "risposta"),
    }
    most = max((n for _key, _label, n in content[name]), default=0) or 1
    rows = []
    for key, label, n in content[name]:
        if name == "parts":
            address = "" if period.kind == "giorno" else f"?{key}"
        else:
            base, query, parameter = openings[name]
            address = f"{base}?{urlencode({**query, parameter: key})}"
        rows.append({"label": label, "count": n, "address": address, "share": round(100 * n / most)})
    return {"name": name, "title": table_title(name, period.kind), "rows": rows}


def desk_sheet_file(request: StaffRequest, form: str) -> HttpResponse:
    """The same sheet as a file; who took it away is recorded."""
    content_type, make = FILES[form]
    period, sheet, content = asked_sheet(request)
    sheet_services.take_away_sheet(request.lab, period, form=form, by=request.user)
    response = HttpResponse(make(request.lab, period, content, sheet), content_type=content_type)
    name = f"{slugify(request.lab.slug)}-sportello-{period.value}.{form}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def desk_sheet_fix(request: StaffRequest) -> HttpResponse:
    """Fix the figures of a finished period; again only with a reason."""
    period = read_period(request.GET.dict(), timezone.localdate())
    form = SheetAgainForm(request.POST)
    try:
        reason = form.cleaned_data["reason"] if form.is_valid() else ""
        sheet_services.fix_sheet(request.lab, period, by=request.user, reason=reason)
    except sheet_services.PeriodIsNotOver:
        messages.error(request, _("Questo periodo non è ancora finito: i numeri si fissano dal giorno dopo."))
    except sheet_services.ReasonIsMissing:
        messages.error(request, _("I numeri sono già fissati. Per rifarli, scrivi perché: resta scritto sul foglio."))
    else:
        messages.success(request, _("Numeri fissati: da adesso questo periodo dà sempre gli stessi."))
    return redirect(f"{reverse('reporting:desk_sheet', args=[request.lab.slug])}?{period.query}")
