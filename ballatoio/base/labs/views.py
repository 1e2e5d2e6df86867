"""The pages on which a coordinator sets how the lab presents itself, what it promises, and when it is closed."""

from datetime import date
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from ballatoio.base.core.conflicts import ChangedElsewhere

from .forms import ClosingForm, DetailsForm, HoursForm, PromisesForm, SeenForm, details_of, promises_of
from .models import ClosingDay, Lab
from .settings_services import (
    LONGEST_CLOSING,
    ClosingTooLong,
    DayIsPast,
    NothingToClose,
    amend_lab,
    close_lab_between,
    days_to_close,
    details_mark,
    falling_on,
    mark_of,
    openings_of,
    promises_mark,
    set_openings,
    set_promises,
    take_back_closing,
)

PER_PAGE = 30


class CoordinatorRequest(HttpRequest):
    """A request inside a lab from whoever coordinates it, as the gate hands it over."""

    lab: Lab
    user: Any


@never_cache
def settings_home(request: CoordinatorRequest) -> HttpResponse:
    """All that can be set, with how it stands: where every other page of settings is found."""
    ahead = ClosingDay.objects.filter(lab=request.lab, on__gte=timezone.localdate()).order_by("on")
    context = {"hours": HoursForm(initial=HoursForm.written(openings_of(request.lab))), "closing": list(ahead[:3])}
    return render(request, "labs/settings_home.html", context)


@never_cache
def details_edit(request: CoordinatorRequest) -> HttpResponse:
    """Name, address, telephone, who we are."""
    lab = request.lab
    if request.method != "POST":
        return render_form(
            request, "labs/details_edit.html", DetailsForm(initial=details_of(lab) | {"seen": details_mark(lab)})
        )
    form = DetailsForm(request.POST)
    if not form.is_valid():
        return render_form(request, "labs/details_edit.html", form)
    try:
        amend_lab(lab, by=request.user, **form.cleaned_data)
    except ChangedElsewhere as refusal:
        theirs = DetailsForm(initial=details_of(refusal.current))
        return render_form(request, "labs/details_edit.html", form, theirs, details_mark(refusal.current))
    return saved(request)


@never_cache
def promises_edit(request: CoordinatorRequest) -> HttpResponse:
    """What the lab promises: days to answer, to remind, to expire; quiet hours."""
    lab = request.lab
    if request.method != "POST":
        return render_form(
            request, "labs/promises_edit.html", PromisesForm(initial=promises_of(lab) | {"seen": promises_mark(lab)})
        )
    form = PromisesForm(request.POST)
    if not form.is_valid():
        return render_form(request, "labs/promises_edit.html", form)
    try:
        set_promises(lab, by=request.user, **form.cleaned_data)
    except ChangedElsewhere as refusal:
        theirs = PromisesForm(initial=promises_of(refusal.current))
        return render_form(request, "labs/promises_edit.html", form, theirs, promises_mark(refusal.current))
    return saved(request)


@never_cache
def hours_edit(request: CoordinatorRequest) -> HttpResponse:
    """When the desk is open, all the week."""
    if request.method != "POST":
        spans = openings_of(request.lab)
        return render_form(
            request, "labs/hours_edit.html", HoursForm(initial=HoursForm.written(spans) | {"seen": mark_of(spans)})
        )
    form = HoursForm(request.POST)
    if not form.is_valid():
        return render_form(request, "labs/hours_edit.html", form)
    try:
        set_openings(request.lab, by=request.user, seen=form.cleaned_data["seen"], spans=form.cleaned_data["spans"])
    except ChangedElsewhere as refusal:
        theirs = HoursForm(initial=HoursForm.written(refusal.current))
        return render_form(request, "labs/hours_edit.html", form, theirs, mark_of(refusal.current))
    return saved(request)


def saved(request: CoordinatorRequest) -> HttpResponse:
    """Say so, and go back to all the settings."""
    messages.success(request, _("Salvato."))
    return redirect("labs:settings_home", request.lab.slug)


def render_form(
    request: CoordinatorRequest, template: str, form: SeenForm, theirs: SeenForm | None = None, mark: str = ""
) -> HttpResponse:
    """Draw a form of settings; `theirs` is how it stands after somebody else saved, with its mark.

    What was typed stays. Sent again, it counts over what the other wrote, which is now before the writer's eyes.
    """
    different = []
    if theirs is not None:
        form.data = {**request.POST.dict(), "seen": mark}
        names = [name for name in form.fields if name != "seen"]
        different = [theirs[name] for name in names if str(theirs[name].value() or "") != str(form[name].value() or "")]
    status = 409 if theirs else 422 if form.errors else 200
    return render(request, template, {"form": form, "theirs": different}, status=status)


@never_cache
def closing_list(request: CoordinatorRequest) -> HttpResponse:
    """The days on which the lab is closed, and a new one in two steps: first what would fall on it, then the act."""
    asked = "dal" in request.GET
    form = ClosingForm(request.GET if asked else None)
    preview = preview_of(request, form) if asked and form.is_valid() else None
    return render_closing(request, form, preview)


def render_closing(request: CoordinatorRequest, form: ClosingForm, preview: dict[str, Any] | None) -> HttpResponse:
    """Draw the list of closing days with the form, and what would come of it."""
    today = timezone.localdate()
    days = ClosingDay.objects.filter(lab=request.lab, on__gte=today).order_by("on", "pk")
    past = ClosingDay.objects.filter(lab=request.lab, on__lt=today).order_by("-on", "-pk")
    context = {
        "form": form,
        "preview": preview,
        "page": Paginator(days, PER_PAGE).get_page(request.GET.get("pagina")),
        "past": past[:PER_PAGE],
    }
    return render(request, "labs/closing_list.html", context, status=422 if form.errors else 200)


def preview_of(request: CoordinatorRequest, form: ClosingForm) -> dict[str, Any] | None:
    """Give what closing would do, before anybody does it; say on the form why it cannot be."""
    asked = form.cleaned_data
    try:
        days = days_to_close(request.lab, asked["dal"], asked["al"])
    except ClosingTooLong:
        form.add_error("al", _("È troppo lungo: al massimo %(days)s giorni per volta.") % {"days": LONGEST_CLOSING})
        return None
    if not days:
        form.add_error("dal", _("In questi giorni il laboratorio è già chiuso."))
        return None
    return {"days": days, "falling": falling_on(request.lab, days), "reason": asked["motivo"], **asked}


def closing_add(request: CoordinatorRequest) -> HttpResponse:
    """Close the lab on the days that were shown."""
    form = ClosingForm(request.POST)
    if not form.is_valid():
        return render_closing(request, form, None)
    asked = form.cleaned_data
    try:
        days = close_lab_between(
            request.lab, first=asked["dal"], last=asked["al"], reason=asked["motivo"], by=request.user
        )
    except NothingToClose:
        messages.info(request, _("In questi giorni il laboratorio è già chiuso."))
        return redirect("labs:closing_list", request.lab.slug)
    except ClosingTooLong:
        form.add_error("al", _("È troppo lungo: al massimo %(days)s giorni per volta.") % {"days": LONGEST_CLOSING})
        return render_closing(request, form, None)
    messages.success(request, _("Segnato: giorni di chiusura in più: %(days)s.") % {"days": len(days)})
    return redirect("labs:closing_list", request.lab.slug)


def closing_remove(request: CoordinatorRequest) -> HttpResponse:
    """Open after all on a day to come."""
    on = day_asked(request)
    try:
        if on is None or not take_back_closing(request.lab, on=on, by=request.user):
            messages.info(request, _("Quel giorno il laboratorio era già aperto."))
        else:
            messages.success(request, _("Tolto: quel giorno il laboratorio è aperto."))
    except DayIsPast:
        messages.error(request, _("Questo giorno è già passato: non si può più cambiare."))
    return redirect("labs:closing_list", request.lab.slug)


def day_asked(request: CoordinatorRequest) -> date | None:
    """Give the day that a form names, None when it is none."""
    try:
        return parse_date(request.POST.get("giorno", ""))
    except ValueError:
        return None
