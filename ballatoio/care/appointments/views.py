"""Appointments at the desk: the week, a new one, one of them with all that can be done with it."""

from datetime import date
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache

from ballatoio.base.accounts.http import StaffRequest
from ballatoio.base.accounts.services import CodeDoesNotWork, TooManyWrongCodes
from ballatoio.base.core.languages import CODES
from ballatoio.base.jobs.services import AlreadySubmitted, new_once_token
from ballatoio.base.people.models import Person
from ballatoio.care.desk.forms import DeskLists
from ballatoio.care.desk.services import OwnerCannotWorkHere
from ballatoio.care.desk.views import people_like

from .booking import KindNotReceived, OperatorIsBusy, SlotIsOver, SlotTaken, book_own_time, book_slot
from .finding import find_times
from .forms import OWN_TIME, BookForm, CancelForm, ClearForm, CodeForm, MoveForm, need_of, read_id
from .models import Appointment, AppointmentKind, Slot, WaitingPlace
from .services import (
    AppointmentIsOver,
    TooEarlyToSay,
    cancel_appointment,
    clear_appointments,
    find_by_code,
    keep_appointment,
    miss_appointment,
    move_appointment,
    read_appointment,
    read_appointments_of,
    receive,
    settle_stranded,
)
from .slips import slip_response
from .turns import waiting_count
from .week import PAGE_SIZE, propose_moves, read_week, stranded_of, stranded_page

# What a service refuses, in a sentence that says what to do.
REFUSALS: dict[type[Exception], Any] = {
    SlotTaken: gettext_lazy("Questo orario è appena stato preso, o è tenuto per chi aspetta. Scegline un altro."),
    SlotIsOver: gettext_lazy("Questo orario è già passato. Scegline un altro."),
    KindNotReceived: gettext_lazy("A quell’ora non si riceve per questo. Scegli un altro orario."),
    OperatorIsBusy: gettext_lazy("A quell’ora chi riceve ha già un appuntamento. Scegli un’altra ora."),
    OwnerCannotWorkHere: gettext_lazy("La persona scelta non lavora più allo sportello. Scegline un’altra."),
    AppointmentIsOver: gettext_lazy("Questo appuntamento non è più com’era prima. Guarda com’è adesso."),
    TooEarlyToSay: gettext_lazy("L’appuntamento deve ancora cominciare: potrai segnarlo dopo."),
}


@never_cache
def week(request: StaffRequest) -> HttpResponse:
    """The week of one operator with their free times, or of the whole desk."""
    lists = DeskLists(request.lab, request.user)
    operator = lists.colleague(request.GET.get("di", ""))
    context = {
        "week": read_week(request.user, request.lab, operator=operator, first_on=day_from(request.GET.get("dal", ""))),
        "operator": operator,
        "staff": lists.staff,
        "waiting": waiting_count(request.lab),
        "today": timezone.localdate(),
    }
    return render(request, "appointments/week.html", context)


def day_from(text: str) -> date:
    """Give the day that an address names; today when it names none, or one that is too far away."""
    today = timezone.localdate()
    try:
        on = date.fromisoformat(text)
    except ValueError:
        return today
    return on if abs((on - today).days) < 800 else today


@never_cache
def appointment_find(request: StaffRequest) -> HttpResponse:
    """Somebody on the telephone reads their code aloud: their appointment, or their place in the list."""
    form = CodeForm(request.POST or None)
    if form.is_valid():
        try:
            found = find_by_code(form.cleaned_data["code"], lab=request.lab, source=f"user:{request.user.pk}")
        except CodeDoesNotWork:
            form.add_error("code", _("Questo codice non apre niente: è scritto male, o è scaduto. Controllalo."))
        except TooManyWrongCodes:
            form.add_error("code", _("Troppi tentativi: aspetta un quarto d’ora."))
        else:
            is_place = isinstance(found, WaitingPlace)
            page = "appointments:waiting_detail" if is_place else "appointments:appointment_detail"
            return redirect(page, request.lab.slug, found.pk)
    return render(request, "appointments/appointment_find.html", {"form": form}, status=422 if form.errors else 200)


@never_cache
def person_appointments(request: StaffRequest, person: UUID) -> HttpResponse:
    """The appointments of a person, the latest first, and where they wait."""
    found = get_object_or_404(Person.objects.visible_to(request.user).of_lab(request.lab), pk=person)
    rows = read_appointments_of(found, by=request.user)
    context = {
        "person": found,
        "page": Paginator(rows, PAGE_SIZE).get_page(request.GET.get("pagina")),
        "places": WaitingPlace.objects.visible_to(request.user).in_line().filter(person=found).select_related("kind"),
    }
    return render(request, "appointments/person_appointments.html", context)


# --- A new appointment -----------------------------------------------------------------------------------------


@never_cache
def appointment_new(request: StaffRequest) -> HttpResponse:
    """A time for somebody who is here or on the telephone; the free times follow what is asked for."""
    lists = DeskLists(request.lab, request.user)
    kinds = list(AppointmentKind.objects.filter(lab=request.lab).in_use())
    if request.method != "POST":
        return render_new(request, BookForm(initial=starting_point(request, lists), lists=lists, kinds=kinds))
    form = BookForm(request.POST, lists=lists, kinds=kinds)
    if request.POST.get("do") != "book":
        return render_new(request, form)
    try:
        if form.is_valid():
            return after_booking(request, book(request, form))
    except AlreadySubmitted as already:
        messages.info(request, _("Questo appuntamento era già fissato: eccolo."))
        return redirect("appointments:appointment_detail", request.lab.slug, already.result)
    except (SlotTaken, SlotIsOver, KindNotReceived, OperatorIsBusy, OwnerCannotWorkHere) as refusal:
        field = "own_on" if request.POST.get("slot") == OWN_TIME else "slot"
        form.add_error(field, REFUSALS[type(refusal)])
    return render_new(request, form, failed=True)


def starting_point(request: StaffRequest, lists: DeskLists) -> dict[str, Any]:
    """Give what an empty form knows already: the person and the need that one comes from, by their ids."""
    asked = request.GET
    need = need_of(lists, asked.get("bisogno", ""))
    initial: dict[str, Any] = {"person": asked.get("persona", ""), "once": new_once_token(), "slot": ""}
    if need is not None:
        initial |= {"need": str(need.pk), "person": str(need.person_id or "")}
        kinds = AppointmentKind.objects.filter(lab=request.lab, term__isnull=False, term=need.term_id)
        if kind := kinds.in_use().first():
            initial["kind"] = str(kind.pk)
    for name, parameter in (("kind", "tipo"), ("operator", "di"), ("slot", "posto"), ("first_on", "dal")):
        if asked.get(parameter):
            initial[name] = asked[parameter]
    if "kind" not in initial and (slot := read_id(asked.get("posto", ""))):
        # A free time of the week: for something that its hours are for.
        rotas = Slot.objects.filter(lab=request.lab, pk=slot).values("rota")
        if kind := AppointmentKind.objects.in_use().filter(lab=request.lab, rotas__in=rotas).first():
            initial["kind"] = str(kind.pk)
    if asked.get("lingua") in CODES:
        initial["language"] = asked["lingua"]
    return initial


def render_new(request: StaffRequest, form: BookForm, *, failed: bool = False) -> HttpResponse:
    """Draw the form with the free times that go with it; the same address answers htmx with the times alone."""
    chosen, typed = str(form["person"].value() or ""), form["look_for"].value() or ""
    people = people_like(form.lists, typed, chosen)
    if not form.is_bound and "language" not in form.initial:
        spoken: list[str] = next((person.languages_spoken for person in people if str(person.pk) == chosen), [])
        form.initial["language"] = next((code for code in spoken if code in CODES), "it")
    later = request.POST.get("later", "")
    context = {
        "form": form,
        "people": people,
        "chosen": chosen,
        "looked_for": typed,
        "own_time": OWN_TIME,
        "picked": str(form["slot"].value() or ""),
        "offering": offering_for(request, form, day_from(later) if later else form.asked("first_on")),
    }
    template = "appointments/_times.html" if request.htmx else "appointments/appointment_new.html"  # type: ignore[attr-defined]
    return render(request, template, context, status=422 if failed else 200)


def offering_for(request: StaffRequest, form: BookForm, first_on: date | None) -> Any:
    """Give the free times for what a form asks, as far as it makes sense; None when the lab has no kinds yet."""
    kind, language = form.asked("kind"), form.asked("language") or "it"
    if kind is None:
        return None
    operator = form.lists.colleague(form.asked("operator") or "")
    return find_times(
        request.lab,
        kind,
        language=language,
        only_language=language != "it" and bool(form.asked("only_language")),
        operator_id=operator.pk if operator else None,
        first_on=first_on,
    )


def book(request: StaffRequest, form: BookForm) -> Appointment:
    """Do what the form says: one of the free times, or a time of its own."""
    cleaned = form.cleaned_data
    common: dict[str, Any] = {
        name: cleaned[name] for name in ("kind", "booker", "language", "channel", "need", "once", "send")
    }
    if cleaned["own_starts_at"] is None:
        slot = Slot.objects.visible_to(request.user).filter(lab=request.lab, pk=cleaned["slot_id"]).first()
        if slot is None:
            raise SlotTaken
        return book_slot(slot, by=request.user, **common)
    return book_own_time(
        request.lab,
        operator=cleaned["own_operator"],
        starts_at=cleaned["own_starts_at"],
        minutes=cleaned["own_minutes"] or cleaned["kind"].minutes,
        place=cleaned["own_place"],
        by=request.user,
        **common,
    )


def after_booking(request: StaffRequest, appointment: Appointment) -> HttpResponse:
    """Go to the appointment, where its code is read aloud and its slip printed."""
    messages.success(request, _("Appuntamento fissato. Leggi il codice ad alta voce, o stampa il foglio."))
    return redirect("appointments:appointment_detail", request.lab.slug, appointment.pk)


# --- One appointment -----------------------------------------------------------------------------------------------


def appointment_or_404(request: StaffRequest, appointment: UUID) -> Appointment:
    """Give the appointment of this lab that the operator may see; raise Http404 for any other."""
    seen = Appointment.objects.visible_to(request.user).filter(lab=request.lab)
    related = ("slot__operator", "slot__rota", "slot__lab", "person", "kind", "need__term", "lab", "data_key")
    return get_object_or_404(seen.select_related(*related, "moved_from__slot", "booked_by"), pk=appointment)


@never_cache
def appointment_detail(request: StaffRequest, appointment: UUID) -> HttpResponse:
    """One appointment with its code, and all that can be done with it; reading it is recorded."""
    return render_detail(request, appointment_or_404(request, appointment))


def render_detail(request: StaffRequest, found: Appointment, failed: CancelForm | None = None) -> HttpResponse:
    """Draw the page of an appointment; `failed` is the form of a cancellation that has to be corrected."""
    now = timezone.now()
    context = {
        "appointment": found,
        "texts": read_appointment(found, by=request.user),
        "following": Appointment.objects.filter(moved_from=found).select_related("slot").first(),
        "cancel": failed or CancelForm(auto_id="annulla_%s"),
        "ways_to_miss": Appointment.Missed.choices,
        "has_begun": found.slot.starts_at <= now,
        "is_today": timezone.localdate(found.slot.starts_at) <= timezone.localdate(now),
        "points": list(found.person.contact_points.all()) if found.person else [],
    }
    return render(request, "appointments/appointment_detail.html", context, status=422 if failed else 200)


def back_from(request: StaffRequest, appointment: Appointment) -> HttpResponse:
    """Go back to the page of ours that sent the form, or to the appointment."""
    back = request.POST.get("back", "")
    if back and url_has_allowed_host_and_scheme(back, allowed_hosts=None):
        return redirect(back)
    return redirect("appointments:appointment_detail", request.lab.slug, appointment.pk)


def appointment_receive(request: StaffRequest, appointment: UUID) -> HttpResponse:
    """They are here: note it, and begin their contact with what is known."""
    found = appointment_or_404(request, appointment)
    try:
        draft = receive(found, by=request.user)
    except (AppointmentIsOver, TooEarlyToSay) as refusal:
        messages.error(request, REFUSALS[type(refusal)])
        return back_from(request, found)
    return redirect(f"{reverse('desk:contact_new', args=[request.lab.slug])}?bozza={draft.pk}")


def appointment_mark(request: StaffRequest, appointment: UUID) -> HttpResponse:
    """How it went: they came, or one of the ways of missing."""
    found, how = appointment_or_404(request, appointment), request.POST.get("how", "")
    try:
        if how == Appointment.State.KEPT:
            keep_appointment(found, by=request.user)
            messages.success(request, _("Segnato: è venuta."))
        elif how in Appointment.Missed.values:
            miss_appointment(found, how=how, by=request.user)
            done = _("Segnato: %(how)s. Se serve, fissane un altro.")
            messages.success(request, done % {"how": Appointment.Missed(how).label.lower()})
        else:
            messages.error(request, _("Scegli com’è andata."))
    except (AppointmentIsOver, TooEarlyToSay) as refusal:
        messages.error(request, REFUSALS[type(refusal)])
    return back_from(request, found)


def appointment_cancel(request: StaffRequest, appointment: UUID) -> HttpResponse:
    """They do not come, or the lab cannot receive them: the time goes to whoever waits."""
    found = appointment_or_404(request, appointment)
    form = CancelForm(request.POST, auto_id="annulla_%s")
    if not form.is_valid():
        return render_detail(request, found, failed=form)
    by_person = form.cleaned_data["who"] == "person"
    try:
        cancel_appointment(found, by=request.user, by_person=by_person, reason=form.cleaned_data["reason"])
    except AppointmentIsOver as refusal:
        messages.error(request, REFUSALS[type(refusal)])
    else:
        messages.success(request, _("Annullato. L’orario è di nuovo libero, o va a chi aspetta."))
    return redirect("appointments:appointment_detail", request.lab.slug, found.pk)


@never_cache
def appointment_move(request: StaffRequest, appointment: UUID) -> HttpResponse:
    """Another time for the same appointment: one message says both."""
    found = appointment_or_404(request, appointment)
    form = MoveForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        slot = Slot.objects.visible_to(request.user).filter(lab=request.lab, pk=form.cleaned_data["slot"]).first()
        try:
            if slot is None:
                raise SlotTaken
            moved = move_appointment(found, slot, by=request.user, reason=form.cleaned_data["reason"])
        except (SlotTaken, SlotIsOver, KindNotReceived, AppointmentIsOver) as refusal:
            form.add_error("slot", REFUSALS[type(refusal)])
        else:
            messages.success(request, _("Spostato: chi ha l’appuntamento riceve il nuovo giorno e la nuova ora."))
            return redirect("appointments:appointment_detail", request.lab.slug, moved.pk)
    first_on = day_from(request.GET["dal"]) if request.GET.get("dal") else None
    context = {
        "appointment": found,
        "form": form,
        "picked": str(form["slot"].value() or ""),
        "offering": find_times(request.lab, found.kind, language=found.language, first_on=first_on),
    }
    return render(request, "appointments/appointment_move.html", context, status=422 if form.errors else 200)


def appointment_settle(request: StaffRequest, appointment: UUID) -> HttpResponse:
    """It stands although the hours changed."""
    found = appointment_or_404(request, appointment)
    try:
        settle_stranded(found, by=request.user)
    except AppointmentIsOver as refusal:
        messages.error(request, REFUSALS[type(refusal)])
    else:
        messages.success(request, _("Va bene così: l’appuntamento resta a quell’ora."))
    return back_from(request, found)


@never_cache
def appointment_slip(request: StaffRequest, appointment: UUID) -> HttpResponse:
    """The slip to hand over: large letters, the language of whoever has the appointment, the code."""
    found = appointment_or_404(request, appointment)
    return slip_response(found, read_appointment(found, by=request.user))


@never_cache
def stranded_list(request: StaffRequest) -> HttpResponse:
    """The appointments that the hours no longer have: moved or cancelled together, one message each."""
    form = ClearForm(request.POST or None)
    page = stranded_page(request.user, request.lab, request.GET.get("pagina"))
    if request.method == "POST" and form.is_valid():
        ours = stranded_of(request.user, request.lab).values_list("pk", flat=True)
        chosen = [pk for pk in ours if str(pk) in request.POST.getlist("chosen")]
        try:
            done = clear_appointments(
                request.lab,
                chosen,
                move=form.cleaned_data["do"] == "move",
                reason=form.cleaned_data["reason"],
                by=request.user,
                once=request.POST.get("once", ""),
            )
        except AlreadySubmitted:
            return redirect("appointments:stranded_list", request.lab.slug)
        counts = {"moved": done.moved, "cancelled": done.cancelled, "left": done.left}
        messages.success(request, _("Spostati %(moved)s, annullati %(cancelled)s, rimasti %(left)s.") % counts)
        return redirect("appointments:stranded_list", request.lab.slug)
    proposed = propose_moves(request.lab, page.object_list)
    context = {
        "form": form,
        "page": page,
        "rows": [(appointment, proposed.get(appointment.pk)) for appointment in page.object_list],
        "once": request.POST.get("once") or new_once_token(),
    }
    return render(request, "appointments/stranded_list.html", context, status=422 if form.errors else 200)
