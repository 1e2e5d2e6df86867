"""Who receives when: hours, days off, closing days, kinds of appointment, the calendar's link."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Prefetch, Q
from django.forms import Form
from django.http import Http404, HttpResponse, HttpResponseNotModified, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from ballatoio.base.accounts.http import LabRequest, StaffRequest, source_of
from ballatoio.base.accounts.models import User
from ballatoio.base.accounts.services import CodeDoesNotWork, TooManyWrongCodes
from ballatoio.base.core.conflicts import ChangedElsewhere
from ballatoio.base.core.links import absolute_url
from ballatoio.base.directory.models import Translation
from ballatoio.base.directory.services import TranslationCannotBecome
from ballatoio.base.jobs.services import AlreadySubmitted, new_once_token
from ballatoio.base.labs.models import ClosingDay
from ballatoio.care.desk.forms import DeskLists
from ballatoio.care.desk.services import OwnerCannotWorkHere

from .calendars import appointments_in_calendar, calendar_of, calendar_tag
from .models import Absence, AppointmentKind, Rota
from .rota_forms import (
    OTHER_LANGUAGES,
    AbsenceForm,
    AgendaForm,
    AmendKindForm,
    AmendRotaForm,
    ClosingForm,
    EndForm,
    KindForm,
    RotaForm,
)
from .rota_services import (
    KindNameTaken,
    RotaOverlaps,
    add_absence,
    add_kind,
    add_rota,
    amend_kind,
    amend_rota,
    calendar_code_of,
    close_desk_on,
    end_rota,
    issue_calendar_code,
    open_desk_on,
    operator_of_calendar,
    remove_absence,
    revoke_calendar_code,
    set_agenda,
)
from .rules import can_keep_all_hours, can_keep_hours_of
from .timetable import agenda_of
from .week import stranded_of

PAGE_SIZE = 50


# --- Hours and days off ------------------------------------------------------------------------------------------


@never_cache
def rota_list(request: StaffRequest) -> HttpResponse:
    """The hours of all who receive, by operator, and the days off ahead."""
    today = timezone.localdate()
    not_over = Q(valid_to__isnull=True) | Q(valid_to__gte=today)
    rotas = Rota.objects.visible_to(request.user).filter(not_over, lab=request.lab).select_related("operator")
    kinds = Prefetch("kinds", AppointmentKind.objects.only("pk", "name"))
    ordered = rotas.prefetch_related(kinds).order_by("operator__name", "weekday", "opens", "pk")
    absences = Absence.objects.visible_to(request.user).filter(lab=request.lab, last_on__gte=today)
    all_hours = can_keep_all_hours(request.user, request.lab)
    context = {
        "page": Paginator(ordered, PAGE_SIZE).get_page(request.GET.get("pagina")),
        "absences": absences.select_related("operator")[:PAGE_SIZE],
        "all_hours": all_hours,
        "has_kinds": AppointmentKind.objects.filter(lab=request.lab).in_use().exists(),
    }
    return render(request, "appointments/rota_list.html", context)


def say_stranded(request: StaffRequest, done: str) -> None:
    """Say what was done, and how many appointments are to be moved because of it."""
    messages.success(request, done)
    if lost := stranded_of(request.user, request.lab).count():
        messages.warning(request, _("Ci sono %(lost)s appuntamenti da spostare.") % {"lost": lost})


def kinds_in_use(request: StaffRequest) -> list[AppointmentKind]:
    """Give the kinds that the lab receives for."""
    return list(AppointmentKind.objects.filter(lab=request.lab).in_use())


@never_cache
def rota_new(request: StaffRequest) -> HttpResponse:
    """Let somebody receive: oneself, or for the coordinator anybody of the desk."""
    lists = DeskLists(request.lab, request.user)
    initial = {"valid_from": timezone.localdate(), "operator": request.GET.get("di", str(request.user.pk))}
    form = RotaForm(request.POST or None, initial=initial, lists=lists, kinds=kinds_in_use(request))
    if request.method == "POST" and form.is_valid():
        cleaned = dict(form.cleaned_data)
        operator = allowed_operator(request, cleaned.pop("operator"))
        try:
            add_rota(request.lab, operator=operator, by=request.user, once=request.POST.get("once", ""), **cleaned)
        except AlreadySubmitted:
            return redirect("appointments:rota_list", request.lab.slug)
        except RotaOverlaps as refusal:
            form.add_error("opens", str(refusal))
        except OwnerCannotWorkHere:
            form.add_error("operator", _("Questa persona non lavora più allo sportello. Scegline un’altra."))
        else:
            say_stranded(request, _("Salvato: gli orari si possono prenotare da subito."))
            return redirect("appointments:rota_list", request.lab.slug)
    return render_rota(request, form)


def allowed_operator(request: StaffRequest, operator: User) -> User:
    """Give the operator whose hours are kept; raise PermissionDenied when they are not the user's to keep."""
    if not can_keep_hours_of(request.user, operator, request.lab):
        raise PermissionDenied
    return operator


def render_rota(request: StaffRequest, form: Form, rota: Rota | None = None, *, changed: bool = False) -> HttpResponse:
    """Draw the form of some hours."""
    context = {
        "form": form,
        "rota": rota,
        "end": EndForm(initial={"on": timezone.localdate()}),
        "once": request.POST.get("once") or new_once_token(),
    }
    status = 409 if changed else 422 if form.errors else 200
    return render(request, "appointments/rota_form.html", context, status=status)


def rota_or_404(request: StaffRequest, rota: UUID) -> Rota:
    """Give the hours of this lab that the user may keep; raise Http404 for any other."""
    rotas = Rota.objects.visible_to(request.user).filter(lab=request.lab).select_related("operator", "lab")
    found = get_object_or_404(rotas, pk=rota)
    allowed_operator(request, found.operator)
    return found


@never_cache
def rota_edit(request: StaffRequest, rota: UUID) -> HttpResponse:
    """Change some hours; appointments that fall out of them are listed to be moved."""
    found = rota_or_404(request, rota)
    names = ("weekday", "opens", "closes", "languages", "interpreter_languages", "place", "is_public")
    initial = {name: getattr(found, name) for name in (*names, "valid_from", "valid_to", "version")}
    initial["kinds"] = [str(pk) for pk in found.kinds.values_list("pk", flat=True)]
    lists = DeskLists(request.lab, request.user)
    form = AmendRotaForm(request.POST or None, initial=initial, lists=lists, kinds=kinds_in_use(request))
    if request.method == "POST" and form.is_valid():
        try:
            amend_rota(found, by=request.user, **form.cleaned_data)
        except ChangedElsewhere as refusal:
            form.add_error(None, str(refusal))
            form.data = with_version(request, refusal)
            return render_rota(request, form, found, changed=True)
        except RotaOverlaps as refusal:
            form.add_error("opens", str(refusal))
        else:
            say_stranded(request, _("Salvato."))
            return redirect("appointments:rota_list", request.lab.slug)
    return render_rota(request, form, found)


def with_version(request: StaffRequest, refusal: ChangedElsewhere) -> QueryDict:
    """Give what was typed, to be sent again over what a colleague saved in the meantime."""
    data = request.POST.copy()
    data["version"] = str(refusal.current.version)
    return data


def rota_end(request: StaffRequest, rota: UUID) -> HttpResponse:
    """The last day of some hours."""
    found, form = rota_or_404(request, rota), EndForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Scrivi l’ultimo giorno, da oggi in poi."))
        return redirect("appointments:rota_edit", request.lab.slug, found.pk)
    end_rota(found, on=form.cleaned_data["on"], by=request.user)
    say_stranded(request, _("Fatto: dopo quel giorno non si riceve più in queste ore."))
    return redirect("appointments:rota_list", request.lab.slug)


@never_cache
def absence_new(request: StaffRequest) -> HttpResponse:
    """Days on which somebody does not receive."""
    initial = {"operator": request.GET.get("di", str(request.user.pk))}
    form = AbsenceForm(request.POST or None, initial=initial, lists=DeskLists(request.lab, request.user))
    if request.method == "POST" and form.is_valid():
        cleaned = dict(form.cleaned_data)
        operator = allowed_operator(request, cleaned.pop("operator"))
        try:
            add_absence(request.lab, operator=operator, by=request.user, once=request.POST.get("once", ""), **cleaned)
        except OwnerCannotWorkHere:
            form.add_error("operator", _("Questa persona non lavora più allo sportello. Scegline un’altra."))
        except AlreadySubmitted:
            return redirect("appointments:rota_list", request.lab.slug)
        else:
            say_stranded(request, _("Segnato: in quei giorni nessuno può prenotare."))
            return redirect("appointments:rota_list", request.lab.slug)
    context = {"form": form, "once": request.POST.get("once") or new_once_token()}
    return render(request, "appointments/absence_new.html", context, status=422 if form.errors else 200)


def absence_remove(request: StaffRequest, absence: UUID) -> HttpResponse:
    """They receive after all."""
    absences = Absence.objects.visible_to(request.user).filter(lab=request.lab).select_related("operator", "lab")
    found = get_object_or_404(absences, pk=absence)
    allowed_operator(request, found.operator)
    remove_absence(found, by=request.user)
    messages.success(request, _("Tolto: gli orari di quei giorni sono tornati."))
    return redirect("appointments:rota_list", request.lab.slug)


# --- Closing days ------------------------------------------------------------------------------------------------


@never_cache
def closing_list(request: StaffRequest) -> HttpResponse:
    """The lab's closing days ahead; a new one takes the free times away and lists the appointments to be moved."""
    form = ClosingForm(request.POST or None, lists=DeskLists(request.lab, request.user))
    if request.method == "POST" and form.is_valid():
        close_desk_on(request.lab, by=request.user, **form.cleaned_data)
        lost = stranded_of(request.user, request.lab).exists()
        messages.success(request, _("Segnato: quel giorno il laboratorio è chiuso."))
        return redirect("appointments:stranded_list" if lost else "appointments:closing_list", request.lab.slug)
    ahead = ClosingDay.objects.filter(lab=request.lab, on__gte=timezone.localdate()).order_by("on")
    context = {"form": form, "page": Paginator(ahead, PAGE_SIZE).get_page(request.GET.get("pagina"))}
    return render(request, "appointments/closing_list.html", context, status=422 if form.errors else 200)


def closing_remove(request: StaffRequest) -> HttpResponse:
    """The lab opens after all."""
    form = ClosingForm({**request.POST.dict(), "reason": "-"}, lists=DeskLists(request.lab, request.user))
    if form.is_valid():
        open_desk_on(request.lab, on=form.cleaned_data["on"], by=request.user)
        messages.success(request, _("Tolto: quel giorno si può prenotare di nuovo."))
    return redirect("appointments:closing_list", request.lab.slug)


# --- Kinds -----------------------------------------------------------------------------------------------------


@never_cache
def kind_list(request: StaffRequest) -> HttpResponse:
    """What one makes an appointment for, and how the lab gives appointments."""
    agenda = agenda_of(request.lab)
    names = ("weeks_ahead", "lead_hours", "hold_hours", "version")
    form = AgendaForm(request.POST or None, initial={name: getattr(agenda, name) for name in names})
    if request.method == "POST" and form.is_valid():
        try:
            set_agenda(request.lab, by=request.user, **form.cleaned_data)
        except ChangedElsewhere as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("Salvato."))
            return redirect("appointments:kind_list", request.lab.slug)
    kinds = AppointmentKind.objects.visible_to(request.user).filter(lab=request.lab).select_related("term")
    page = Paginator(kinds.order_by("-is_active", "name", "pk"), PAGE_SIZE).get_page(request.GET.get("pagina"))
    context = {"form": form, "page": page}
    return render(request, "appointments/kind_list.html", context, status=422 if form.errors else 200)


@never_cache
def kind_new(request: StaffRequest) -> HttpResponse:
    """A new kind."""
    form = KindForm(request.POST or None, lists=DeskLists(request.lab, request.user))
    if request.method == "POST" and form.is_valid():
        try:
            add_kind(request.lab, by=request.user, once=request.POST.get("once", ""), **form.values())
        except KindNameTaken:
            form.add_error("name", _("C’è già un tipo con questo nome."))
        except AlreadySubmitted:
            return redirect("appointments:kind_list", request.lab.slug)
        else:
            messages.success(request, _("Aggiunto. Adesso scegli chi riceve per questo, negli orari."))
            return redirect("appointments:kind_list", request.lab.slug)
    return render_kind(request, form)


@never_cache
def kind_edit(request: StaffRequest, kind: UUID) -> HttpResponse:
    """A kind, corrected, with its texts in the other languages."""
    kinds = AppointmentKind.objects.visible_to(request.user).filter(lab=request.lab)
    found = get_object_or_404(kinds.select_related("lab", "term"), pk=kind)
    lists = DeskLists(request.lab, request.user)
    form = AmendKindForm(request.POST or None, initial=kind_as_typed(found), lists=lists)
    if request.method == "POST" and form.is_valid():
        try:
            amend_kind(found, version=form.cleaned_data["version"], by=request.user, **form.values())
        except ChangedElsewhere as refusal:
            form.add_error(None, str(refusal))
            form.data = with_version(request, refusal)
            return render_kind(request, form, found, changed=True)
        except KindNameTaken:
            form.add_error("name", _("C’è già un tipo con questo nome."))
        except TranslationCannotBecome:
            form.add_error(None, _("Una traduzione approvata si cambia solo dicendo che va riletta."))
        else:
            messages.success(request, _("Salvato."))
            return redirect("appointments:kind_list", request.lab.slug)
    return render_kind(request, form, found)


def kind_as_typed(kind: AppointmentKind) -> dict[str, Any]:
    """Give a kind as its form shows it."""
    names = ("name", "minutes", "bring", "is_public", "is_active", "version")
    initial: dict[str, Any] = {name: getattr(kind, name) for name in names} | {"term": str(kind.term_id or "")}
    languages = [code for code, _language in OTHER_LANGUAGES]
    for row in Translation.objects.of([kind]).filter(language__in=languages):
        initial[f"{row.field}_{row.language}"] = row.text
        if row.field == "name":
            initial[f"reviewed_{row.language}"] = row.state in (Translation.State.REVIEWED, Translation.State.APPROVED)
    return initial


def render_kind(
    request: StaffRequest, form: KindForm, kind: AppointmentKind | None = None, *, changed: bool = False
) -> HttpResponse:
    """Draw the form of a kind."""
    context = {"form": form, "kind": kind, "once": request.POST.get("once") or new_once_token()}
    status = 409 if changed else 422 if form.errors else 200
    return render(request, "appointments/kind_form.html", context, status=status)


# --- The calendar ------------------------------------------------------------------------------------------------


@never_cache
def calendar_link(request: StaffRequest) -> HttpResponse:
    """One's own appointments in one's own calendar: a secret link, shown once, renewed and stopped from here."""
    link = ""
    if request.POST.get("do") == "stop":
        revoke_calendar_code(request.user, lab=request.lab)
        messages.success(request, _("Fatto: il collegamento di prima non funziona più."))
        return redirect("appointments:calendar_link", request.lab.slug)
    if request.method == "POST":
        code = issue_calendar_code(request.user, lab=request.lab)
        link = absolute_url("appointments:calendar_feed", lab=request.lab.slug, code=code)
    context = {"link": link, "live": calendar_code_of(request.user, request.lab)}
    return render(request, "appointments/calendar_link.html", context)


def calendar_feed(request: LabRequest, code: str) -> HttpResponse:
    """The calendar of whoever the code is of (RFC 5545); nothing at all for any other code."""
    try:
        operator = operator_of_calendar(code, lab=request.lab, source=source_of(request))
    except (CodeDoesNotWork, TooManyWrongCodes):
        raise Http404 from None
    appointments = appointments_in_calendar(operator, request.lab)
    tag = calendar_tag(appointments)
    if request.headers.get("If-None-Match") == tag:
        response: HttpResponse = HttpResponseNotModified()
    else:
        response = HttpResponse(calendar_of(appointments, request.lab), content_type="text/calendar; charset=utf-8")
        response["Content-Disposition"] = 'inline; filename="appuntamenti.ics"'
    response["ETag"] = tag
    response["Cache-Control"] = "private, no-cache"
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response
