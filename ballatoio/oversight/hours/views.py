from datetime import date, timedelta
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from ballatoio.base.accounts.http import StaffRequest
from ballatoio.base.core.conflicts import ChangedElsewhere
from ballatoio.base.labs.services import FundingLineIsThere, add_funding_line

from . import services
from .forms import ActivityForm, EndForm, FundingLineForm, ReturnForm, WeekForm, WeekGrid
from .models import Activity, WeekSheet
from .sums import activities_of_week, as_last_week, hours_between, minutes_of_week, missing_weeks, weeks_to_approve


def week_fill(request: StaffRequest) -> HttpResponse:
    """One's own hours of a week, all on one screen."""
    monday = monday_from(request.GET.get("settimana", ""))
    sheet = WeekSheet.objects.filter(user=request.user, lab=request.lab, monday=monday).first()
    days = [monday + timedelta(days=offset) for offset in range(7)]
    activities = activities_of_week(request.lab, monday)
    if request.method == "POST":
        grid = WeekGrid(activities, days, data=request.POST)
        if saved := save_week(request, monday, grid):
            return saved
    else:
        minutes = minutes_of_week(request.user, request.lab, monday)
        copied = not minutes and request.GET.get("come") == "prima"
        grid = WeekGrid(
            activities, days, minutes=as_last_week(request.user, request.lab, monday) if copied else minutes
        )
    context = {
        "grid": grid,
        "sheet": sheet,
        "version": request.POST.get("version", sheet.version if sheet else 0),
        "monday": monday,
        "sunday": days[-1],
        "before": monday - timedelta(days=7),
        "after": monday + timedelta(days=7) if days[-1] < timezone.localdate() else None,
        "missing": [on for on in missing_weeks(request.user, request.lab) if on != monday],
        "is_locked": sheet is not None and sheet.state == WeekSheet.State.APPROVED,
    }
    return render(request, "hours/week_fill.html", context, status=422 if grid.errors else 200)


def monday_from(text: str) -> date:
    """Give the Monday of the week of a day written 2026-11-16; of this week when it is no day, or to come."""
    this = services.monday_of(timezone.localdate())
    try:
        chosen = services.monday_of(date.fromisoformat(text))
    except ValueError:
        return this
    return chosen if date(2000, 1, 3) <= chosen <= this else this


def save_week(request: StaffRequest, monday: date, grid: WeekGrid) -> HttpResponse | None:
    """Save what was typed and go back to the page; or note on the grid what is wrong, and give None."""
    form = WeekForm(request.POST)
    confirm = request.POST.get("do") == "confirm"
    version = form.cleaned_data["version"] if form.is_valid() else 0
    if grid.errors:
        return None
    try:
        services.fill_week(
            request.lab, by=request.user, monday=monday, minutes=grid.minutes, confirm=confirm, version=version
        )
    except services.WeekIsClosed:
        grid.errors["week"] = _("Questa settimana è già approvata. Per cambiarla, chiedi a chi coordina di riaprirla.")
    except ChangedElsewhere:
        grid.errors["week"] = _("Hai cambiato questa settimana in un’altra finestra. Confronta, poi salva da quella.")
    except services.DayIsTooLong as error:
        grid.errors["week"] = _("%(day)s: più di 24 ore. Controlla i numeri di quel giorno.") % {"day": day(error.on)}
    except services.DayIsToCome as error:
        grid.errors["week"] = _("%(day)s deve ancora venire: togli quelle ore.") % {"day": day(error.on)}
    except services.ActivityIsOver as error:
        grid.errors["week"] = _("«%(name)s» quel giorno non c’era: sposta le ore su un’altra attività.") % {
            "name": error
        }
    else:
        messages.success(request, _("Settimana confermata. Grazie.") if confirm else _("Ore salvate."))
        return redirect(f"{reverse('hours:week_fill', args=[request.lab.slug])}?settimana={monday.isoformat()}")
    return None


def day(on: date) -> str:
    """Give a day as it is said: «martedì 17 novembre»."""
    return date_format(on, "l j F").capitalize()


def hours_summary(request: StaffRequest) -> HttpResponse:
    """The hours of a month by organisation, activity and funding line, and the weeks that wait to be approved."""
    first = month_from(request.GET.get("mese", ""))
    after = (first + timedelta(days=32)).replace(day=1)
    context = {
        "first": first,
        "before": (first - timedelta(days=1)).replace(day=1),
        "after": after if after <= timezone.localdate() else None,
        "sums": hours_between(request.lab, first, after - timedelta(days=1)),
        "weeks": weeks_to_approve(request.lab),
    }
    return render(request, "hours/hours_summary.html", context)


def month_from(text: str) -> date:
    """Give the first day of a month written 2026-11; of the present one when it is none, or is to come."""
    this = timezone.localdate().replace(day=1)
    try:
        chosen = date.fromisoformat(f"{text}-01")
    except ValueError:
        return this
    return chosen if date(2000, 1, 1) <= chosen <= this else this


def week_detail(request: StaffRequest, week: UUID) -> HttpResponse:
    """A colleague's week, to be approved or sent back."""
    found = get_object_or_404(WeekSheet.objects.visible_to(request.user).filter(lab=request.lab), pk=week)
    minutes = {(row.activity_id, row.on): row.minutes for row in found.hours.all()}
    grid = WeekGrid(activities_of_week(request.lab, found.monday), found.days, minutes=minutes)
    return render(request, "hours/week_detail.html", {"sheet": found, "grid": grid, "form": ReturnForm()})


def week_approve(request: StaffRequest, week: UUID) -> HttpResponse:
    """Approve a colleague's week."""
    found = get_object_or_404(WeekSheet.objects.visible_to(request.user).filter(lab=request.lab), pk=week)
    try:
        services.approve_week(found, by=request.user)
    except services.WeekIsClosed:
        messages.error(request, _("Questa settimana non è ancora confermata da chi l’ha scritta."))
    else:
        messages.success(request, _("Settimana approvata."))
    return redirect("hours:hours_summary", lab=request.lab.slug)


def week_return(request: StaffRequest, week: UUID) -> HttpResponse:
    """Send a colleague's week back, saying what is missing."""
    found = get_object_or_404(WeekSheet.objects.visible_to(request.user).filter(lab=request.lab), pk=week)
    form = ReturnForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Scrivi che cosa manca: chi ha scritto le ore deve saperlo."))
        return redirect("hours:week_detail", lab=request.lab.slug, week=found.pk)
    services.return_week(found, by=request.user, note=form.cleaned_data["note"])
    messages.success(request, _("Rimandata indietro: la persona la ritrova da finire."))
    return redirect("hours:hours_summary", lab=request.lab.slug)


def activity_list(request: StaffRequest) -> HttpResponse:
    """What hours are written on, and who pays for it."""
    form = ActivityForm(request.POST or None, lab=request.lab, initial={"since": timezone.localdate()})
    if form.is_valid():
        try:
            services.start_activity(request.lab, by=request.user, **form.cleaned_data)
        except services.ActivityIsThere:
            form.add_error("name", _("C’è già un’attività con questo nome: scegline un altro."))
        else:
            messages.success(request, _("Attività aggiunta: da oggi si può scegliere."))
            return redirect("hours:activity_list", lab=request.lab.slug)
    activities = Activity.objects.filter(lab=request.lab).select_related("funding_line")[:200]
    context = {"form": form, "activities": activities, "today": timezone.localdate()}
    return render(request, "hours/activity_list.html", context, status=422 if form.errors else 200)


def activity_end(request: StaffRequest, activity: UUID) -> HttpResponse:
    """End an activity with a day."""
    found = get_object_or_404(Activity.objects.filter(lab=request.lab), pk=activity)
    form = EndForm(request.POST)
    if form.is_valid():
        services.end_activity(found, by=request.user, on=form.cleaned_data["on"])
        messages.success(request, _("Salvato: dopo quel giorno non si scrivono più ore su questa attività."))
    else:
        messages.error(request, _("Scrivi l’ultimo giorno, per esempio 31/12/2026."))
    return redirect("hours:activity_list", lab=request.lab.slug)


def funding_line_new(request: StaffRequest) -> HttpResponse:
    """Write down money that the lab works with."""
    form = FundingLineForm(request.POST or None)
    if form.is_valid():
        try:
            add_funding_line(request.lab, by=request.user, **form.cleaned_data)
        except FundingLineIsThere:
            form.add_error("name", _("C’è già un fondo con questo nome: scegline un altro."))
        else:
            messages.success(request, _("Fondo aggiunto."))
            return redirect("hours:activity_list", lab=request.lab.slug)
    return render(request, "hours/funding_line_new.html", {"form": form}, status=422 if form.errors else 200)
