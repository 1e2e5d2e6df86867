"""Booking without an account and without JavaScript, and one's own appointment by its code."""

from datetime import timedelta
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from ballatoio.base.accounts.http import LabRequest, source_of
from ballatoio.base.accounts.limits import is_too_often
from ballatoio.base.accounts.services import CodeDoesNotWork, TooManyWrongCodes
from ballatoio.base.directory.texts import SOURCE_LANGUAGE, Text, language_notice, translated
from ballatoio.base.jobs.services import AlreadySubmitted, find_submitted, new_once_token

from .booking import KindNotReceived, SlotIsOver, SlotTaken, book_slot
from .finding import Offering, find_times
from .forms import CodeForm, PublicBookForm, PublicLookForm, read_id
from .models import Appointment, AppointmentKind, Offer, Slot, WaitingPlace
from .services import AppointmentIsOver, cancel_appointment, find_by_code, stands_now
from .slips import slip_response
from .timetable import place_of
from .turns import PlaceIsOver, texts_of
from .views import day_from
from .waiting_services import (
    NobodyCouldTell,
    OfferIsOver,
    ThereIsRoom,
    accept_offer,
    decline_offer,
    join_waiting,
    leave_waiting,
    places_before,
)

# For so long a page remembers which appointment its visitor opened; a telephone passes from hand to hand.
OWN, REMEMBERED = "own_appointment", timedelta(minutes=30)
DOES_NOT_WORK = gettext_lazy("Questo codice non funziona: controlla le lettere, oppure chiama lo sportello.")
TOO_MANY = gettext_lazy("Troppi tentativi: aspetta un quarto d’ora, oppure chiama lo sportello.")
GONE = gettext_lazy("Questo orario è appena stato preso. Scegline un altro: quello che hai scritto è ancora qui.")


def language_here() -> str:
    """Give the language of the page."""
    return get_language() or SOURCE_LANGUAGE


def texts_for(request: LabRequest, kinds: list[AppointmentKind]) -> dict[UUID, dict[str, Text]]:
    """Give the names of kinds and what to bring in the language of the page."""
    return translated(kinds, language_here(), ["name", "bring"])


# --- Booking -----------------------------------------------------------------------------------------------------


def booking(request: LabRequest) -> HttpResponse:
    """First step: what for."""
    kinds = list(AppointmentKind.objects.visible_to(request.user).filter(lab=request.lab, is_public=True).in_use())
    texts = texts_for(request, kinds)
    shown = [text for fields in texts.values() for text in fields.values()]
    context = {
        "lab": request.lab,
        "kinds": [(kind, texts[kind.pk]) for kind in kinds],
        "notice": language_notice(shown, language_here()),
    }
    return render(request, "appointments/booking.html", context)


def public_kind(request: LabRequest, slug: str) -> AppointmentKind:
    """Give the kind that everybody may book; raise Http404 for any other."""
    return get_object_or_404(AppointmentKind.objects.in_use().filter(lab=request.lab, is_public=True), slug=slug)


@never_cache
def booking_times(request: LabRequest, kind: str) -> HttpResponse:
    """Second step: when; only times that are free, with a filter by language."""
    found = public_kind(request, kind)
    form = PublicLookForm(request.GET or None, initial={"lingua": language_here()})
    language, only = form.chosen
    first_on = day_from(request.GET["dal"]) if request.GET.get("dal") else None
    offering = find_times(request.lab, found, language=language, only_language=only, public=True, first_on=first_on)
    context = {
        "lab": request.lab,
        "kind": found,
        "texts": texts_for(request, [found])[found.pk],
        "form": form,
        "language": language,
        "only": only,
        "offering": offering,
    }
    return render(request, "appointments/booking_times.html", context)


@never_cache
def booking_details(request: LabRequest, kind: str) -> HttpResponse:
    """Third step: who. A double click counts once; a time that somebody else took is said, and nothing is lost."""
    found = public_kind(request, kind)
    form = PublicBookForm(request.POST or None)
    slot = slot_asked(request)
    if request.method == "POST" and form.is_valid():
        if is_too_often(request, "appointment"):
            return render(request, "429.html", status=429)
        try:
            remember(request, booked(request, found, form, slot))
            return redirect("appointments:own", lab=request.lab.slug)
        except AlreadySubmitted as already:
            return redirect_to_own(request, Appointment, already.result)
        except (SlotTaken, SlotIsOver, KindNotReceived):
            form.add_error(None, GONE)
            slot = None
    return render_details(request, found, form, slot)


def slot_asked(request: LabRequest) -> Slot | None:
    """Give the free time that was chosen, None when it is gone or was never there."""
    asked = request.POST or request.GET
    pk = read_id(asked.get("posto", ""))
    return Slot.objects.filter(lab=request.lab, pk=pk).free().select_related("rota", "lab").first() if pk else None


def booked(request: LabRequest, kind: AppointmentKind, form: PublicBookForm, slot: Slot | None) -> Appointment:
    """Do what the form says. Raise AlreadySubmitted when it is this very form that has the time, SlotTaken."""
    if slot is None:
        if sent := find_submitted(request.POST.get("once", "")):
            raise AlreadySubmitted(sent.result)
        raise SlotTaken
    language, _only = PublicLookForm(request.POST).chosen
    return book_slot(
        slot,
        kind=kind,
        booker=form.booker(),
        language=language,
        channel=Appointment.Channel.WEB,
        by=None,
        once=request.POST.get("once", ""),
    )


def render_details(request: LabRequest, kind: AppointmentKind, form: PublicBookForm, slot: Slot | None) -> HttpResponse:
    """Draw the third step; without the time, or when it is gone, with others to choose from."""
    language, only = PublicLookForm(request.POST or request.GET).chosen
    offering: Offering | None = None
    if slot is None:
        offering = find_times(request.lab, kind, language=language, only_language=only, public=True)
    context = {
        "lab": request.lab,
        "kind": kind,
        "texts": texts_for(request, [kind])[kind.pk],
        "form": form,
        "slot": slot,
        "place": place_of(slot, request.lab) if slot else "",
        "offering": offering,
        "language": language,
        "only": only,
        "once": request.POST.get("once") or new_once_token(),
    }
    return render(request, "appointments/booking_details.html", context, status=422 if form.errors else 200)


@never_cache
def booking_wait(request: LabRequest, kind: str) -> HttpResponse:
    """Nothing is free: a place in the waiting list, for whoever leaves a way to be told."""
    found = public_kind(request, kind)
    language, only = PublicLookForm(request.POST or request.GET or {"lingua": language_here()}).chosen
    form = PublicBookForm(request.POST or None, waiting=True)
    if request.method == "POST" and form.is_valid():
        if is_too_often(request, "appointment"):
            return render(request, "429.html", status=429)
        try:
            place = join_waiting(
                request.lab,
                kind=found,
                booker=form.booker(),
                language=language,
                only_language=only,
                channel=Appointment.Channel.WEB,
                by=None,
                once=request.POST.get("once", ""),
            )
            remember(request, place)
            return redirect("appointments:own", lab=request.lab.slug)
        except AlreadySubmitted as already:
            return redirect_to_own(request, WaitingPlace, already.result)
        except ThereIsRoom:
            messages.info(request, _("Nel frattempo si è liberato un orario: eccolo."))
            return redirect("appointments:booking_times", lab=request.lab.slug, kind=found.slug)
        except (NobodyCouldTell, KindNotReceived):
            form.add_error("phone", _("Scrivi il telefono o l’e-mail: senza, non possiamo avvisarti."))
    return render_wait(request, found, form, language, only=only)


def render_wait(
    request: LabRequest, kind: AppointmentKind, form: PublicBookForm, language: str, *, only: bool
) -> HttpResponse:
    """Draw the form of the waiting list."""
    context = {
        "lab": request.lab,
        "kind": kind,
        "texts": texts_for(request, [kind])[kind.pk],
        "form": form,
        "language": language,
        "only": only,
        "once": request.POST.get("once") or new_once_token(),
    }
    return render(request, "appointments/booking_wait.html", context, status=422 if form.errors else 200)


# --- One's own appointment -----------------------------------------------------------------------------------------


def remember(request: LabRequest, thing: Appointment | WaitingPlace) -> None:
    """Let this browser see one appointment, or one place in the list, for half an hour: no code in any address."""
    until = timezone.now() + REMEMBERED
    request.session[OWN] = [str(request.lab.pk), thing._meta.model_name, str(thing.pk), until.timestamp()]


def redirect_to_own(request: LabRequest, model: type[Appointment] | type[WaitingPlace], pk: str) -> HttpResponse:
    """A second click leads to what the first one made: only its own form knows the token."""
    thing = model._default_manager.filter(lab=request.lab, pk=pk).first()
    if thing is not None:
        remember(request, thing)
    return redirect("appointments:own", lab=request.lab.slug)


def remembered(request: LabRequest) -> Appointment | WaitingPlace | None:
    """Give what this browser may see, as it stands now: an appointment that was moved leads to the one after it."""
    lab_id, model, pk, until = request.session.get(OWN, ["", "", "", 0])
    if lab_id != str(request.lab.pk) or until < timezone.now().timestamp():
        return None
    return stands_now(model, pk, request.lab)


@never_cache
def own(request: LabRequest) -> HttpResponse:
    """The form for a code, or what it opened: one's appointment, or one's place in the waiting list."""
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        if opens(request, form.cleaned_data["code"], form):
            return redirect("appointments:own", lab=request.lab.slug)
        return own_form(request, form)
    thing = None if request.method == "POST" else remembered(request)
    if isinstance(thing, Appointment):
        return own_appointment(request, thing)
    if isinstance(thing, WaitingPlace):
        return own_place(request, thing)
    return own_form(request, form)


def own_form(request: LabRequest, form: CodeForm) -> HttpResponse:
    """Draw the form for a code."""
    context = {"lab": request.lab, "form": form}
    return hidden(render(request, "appointments/own_form.html", context, status=422 if form.errors else 200))


def hidden(response: HttpResponse) -> HttpResponse:
    """Keep a page out of search engines."""
    response.headers["X-Robots-Tag"] = "noindex, nofollow, noarchive"
    return response


def opens(request: LabRequest, code: str, form: CodeForm | None = None) -> bool:
    """Open what a code is of and tell whether it did; whatever is wrong with a code, the answer is the same."""
    try:
        remember(request, find_by_code(code, lab=request.lab, source=source_of(request)))
    except (CodeDoesNotWork, TooManyWrongCodes) as refusal:
        if form is not None:
            form.add_error("code", TOO_MANY if isinstance(refusal, TooManyWrongCodes) else DOES_NOT_WORK)
        return False
    return True


@never_cache
def own_enter(request: LabRequest, code: str) -> HttpResponse:
    """The link of a message: it leads to a page whose address says nothing."""
    if not opens(request, code):
        messages.error(request, DOES_NOT_WORK)
    return hidden(redirect("appointments:own", lab=request.lab.slug))


def own_appointment(request: LabRequest, appointment: Appointment) -> HttpResponse:
    """Draw one's appointment: day, time, place, what to bring, the code."""
    texts = texts_for(request, [appointment.kind])[appointment.kind_id]
    context = {
        "lab": request.lab,
        "appointment": appointment,
        "place": place_of(appointment.slot, request.lab),
        "texts": texts,
        "notice": language_notice(texts.values(), language_here()),
        "code": texts_of(appointment).get("code", ""),
        "can_cancel": appointment.is_booked and appointment.slot.starts_at > timezone.now(),
    }
    return hidden(render(request, "appointments/own_appointment.html", context))


def own_place(request: LabRequest, place: WaitingPlace) -> HttpResponse:
    """Draw one's place in the list, with the time that is held, if there is one."""
    offers = Offer.objects.filter(place=place, state=Offer.State.OPEN, expires_at__gt=timezone.now())
    offer = offers.select_related("slot").first()
    context = {
        "lab": request.lab,
        "place": place,
        "texts": texts_for(request, [place.kind])[place.kind_id],
        "offer": offer,
        "where": place_of(offer.slot, request.lab) if offer else "",
        "before": places_before(place),
        "code": texts_of(place).get("code", ""),
        "is_waiting": place.state in WaitingPlace.IN_LINE,
    }
    return hidden(render(request, "appointments/own_place.html", context))


def own_answer(request: LabRequest) -> HttpResponse:
    """What one says of one's own: I do not come, yes, not this time, I no longer wait."""
    thing, do = remembered(request), request.POST.get("do", "")
    page = redirect("appointments:own", lab=request.lab.slug)
    if thing is None:
        messages.error(request, _("Scrivi di nuovo il codice: è passato troppo tempo."))
        return page
    try:
        done = answered(thing, do)
    except (AppointmentIsOver, OfferIsOver, PlaceIsOver):
        messages.error(request, _("Non è più possibile da qui. Guarda com’è adesso, oppure telefonaci."))
        return page
    if done:
        messages.success(request, done)
    return page


def answered(thing: Appointment | WaitingPlace, do: str) -> str:
    """Do what was said and give the sentence that confirms it; "" when it makes no sense."""
    if isinstance(thing, Appointment):
        if do != "cancel":
            return ""
        cancel_appointment(thing, by=None, by_person=True)
        return _("Hai disdetto. Grazie di averlo detto: il posto va a un’altra persona.")
    if do == "accept":
        accept_offer(thing, by=None)
        return _("Il posto è tuo.")
    if do == "decline":
        decline_offer(thing, by=None)
        return _("Va bene: l’orario passa a un’altra persona.")
    if do == "leave":
        leave_waiting(thing, by=None)
        return _("Non sei più in lista.")
    return ""


@never_cache
def own_slip(request: LabRequest) -> HttpResponse:
    """One's own slip, to print or to keep on the telephone."""
    thing = remembered(request)
    if not isinstance(thing, Appointment) or not thing.is_booked:
        raise Http404
    return slip_response(thing, texts_of(thing))
