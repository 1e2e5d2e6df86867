"""The part of services.py about the waiting list: joining, leaving, answering an offer, letting one go by."""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from ballatoio.base.accounts.models import AccessCode, User
from ballatoio.base.accounts.services import issue_code
from ballatoio.base.audit.services import record_act, record_reading
from ballatoio.base.core.ids import new_id
from ballatoio.base.jobs.services import submit_once
from ballatoio.base.labs.models import Lab
from ballatoio.base.vault.services import seal_texts
from ballatoio.care.desk.models import Need

from .booking import Booker, KindNotReceived, fill_slot, slot_now
from .messages import contact_of
from .models import Appointment, AppointmentKind, Offer, Slot, WaitingPlace
from .timetable import free_slots, lead_time, read_timetable
from .turns import change_place, close_offer, lock_agenda, offer_free_slots, pass_over, texts_of

# A place lasts until its holder has a time or leaves; its code as long as anybody waits for one.
CODE_LIFE = timedelta(days=365)
State = WaitingPlace.State


class ThereIsRoom(Exception):
    """A time is free that fits: nobody waits for what they can have now."""


class NobodyCouldTell(Exception):
    """Whoever waits leaves a way to be told, or the time that is freed would go by."""


class OfferIsOver(Exception):
    """This time is no longer held: the time to answer is over, or the lab took it away."""


@transaction.atomic
def join_waiting(
    lab: Lab,
    *,
    kind: AppointmentKind,
    booker: Booker,
    language: str,
    only_language: bool,
    channel: str,
    by: User | None,
    need: Need | None = None,
    once: str = "",
) -> WaitingPlace:
    """Put somebody at the end of the waiting list for a kind, with a code to look at their place and to answer.

    Raise ThereIsRoom when a time is free that fits, NobodyCouldTell when somebody without a file leaves no contact,
    KindNotReceived, AlreadySubmitted (its result is the place's id).
    """
    place_id = new_id()
    submit_once(once, str(place_id))
    agenda = lock_agenda(lab)
    if not kind.is_active or kind.lab_id != lab.pk or (by is None and not kind.is_public):
        raise KindNotReceived
    texts = booker.texts()
    if booker.person is None and not contact_of(texts)[1]:
        raise NobodyCouldTell
    timetable = read_timetable(lab, kind=kind)
    wanted = language if only_language else ""
    after = lead_time(agenda) if by is None else None
    if free_slots(lab, timetable, kind=kind, language=wanted, public=by is None, after=after).exists():
        raise ThereIsRoom
    agenda.last_number += 1
    agenda.save(update_fields=["last_number"])
    place = WaitingPlace(
        pk=place_id,
        lab=lab,
        kind=kind,
        number=agenda.last_number,
        person=booker.person,
        need=need,
        language=language,
        only_language=only_language,
        channel=channel,
        joined_by=by,
    )
    _access_code, code = issue_code(
        place,
        purpose=AccessCode.Purpose.APPOINTMENT,
        lab=lab,
        valid_for=CODE_LIFE,
        by=by,
        subject_id=place.person_id,
    )
    seal_texts([(place, {**texts, "code": code})])
    place.save(force_insert=True)
    _record("waiting.join", place, by)
    # Times that only the desk may give, or that begin too soon for the public, can fit whoever has just joined.
    offer_free_slots(agenda, by=by)
    return place


def _record(verb: str, place: WaitingPlace, by: User | None, **detail: object) -> None:
    record_act(verb, place, by=by, lab_id=place.lab_id, subject_id=place.person_id, detail=detail)


def _lock_place(place: WaitingPlace) -> WaitingPlace:
    lock_agenda(place.lab)
    related = ("lab", "kind", "person", "data_key")
    return WaitingPlace.objects.select_for_update(of=("self",), no_key=True).select_related(*related).get(pk=place.pk)


def _open_offer(place: WaitingPlace) -> Offer | None:
    offer = Offer.objects.filter(place=place, state=Offer.State.OPEN).select_related("slot__lab", "slot__rota").first()
    if offer is not None:
        offer.place = place
    return offer


@transaction.atomic
def leave_waiting(place: WaitingPlace, *, by: User | None) -> WaitingPlace:
    """Take somebody off the waiting list; a time that was held for them goes to the next, nobody else moves.

    Leaving twice changes nothing. Raise PlaceIsOver when they have an appointment or are out already.
    """
    current = _lock_place(place)
    if current.state == State.LEFT:
        return current
    offer = _open_offer(current)
    change_place(current, State.LEFT)
    current.save()
    _record("waiting.leave", current, by)
    if offer is not None:
        close_offer(offer, Offer.State.DECLINED, by=by)
        offer_free_slots(lock_agenda(current.lab), by=by)
    return current


@transaction.atomic
def accept_offer(place: WaitingPlace, *, by: User | None) -> Appointment:
    """Give whoever waits the time that is held for them. Saying yes twice gives the same appointment.

    `by` is who was told at the desk or on the telephone; None when they answered with their code. Raise OfferIsOver.
    """
    current = _lock_place(place)
    if current.state == State.BOOKED and current.appointment is not None:
        return current.appointment
    offer = _open_offer(current)
    if offer is None or offer.expires_at <= timezone.now():
        raise OfferIsOver
    slot = slot_now(offer.slot)
    if slot.state != Slot.State.OPEN:
        raise OfferIsOver
    close_offer(offer, Offer.State.TAKEN, by=by)
    hours = read_timetable(current.lab, kind=current.kind, ended=True).get(slot.rota_id) if slot.rota_id else None
    appointment = Appointment(
        pk=new_id(),
        kind=current.kind,
        need_id=current.need_id,
        language=current.language,
        wants_interpreter=hours is None or current.language not in hours.languages,
        channel=current.channel,
        booked_by=by,
    )
    texts = texts_of(current)
    booker = Booker(current.person, *(texts.get(name, "") for name in ("name", "phone", "email", "words")))
    booked = fill_slot(appointment, slot, booker, by=by, send=True)
    current.appointment = booked
    change_place(current, State.BOOKED)
    current.save()
    _record("waiting.accept", current, by)
    return booked


@transaction.atomic
def decline_offer(place: WaitingPlace, *, by: User | None) -> WaitingPlace:
    """Whoever waits does not want the time that is held: it goes to the next. They keep their place once.

    Raise OfferIsOver when nothing is held for them.
    """
    current = _lock_place(place)
    offer = _open_offer(current)
    if offer is None:
        raise OfferIsOver
    pass_over(offer, Offer.State.DECLINED, by=by)
    offer_free_slots(lock_agenda(current.lab), by=by)
    return current


@transaction.atomic
def expire_offers(lab: Lab) -> int:
    """Let go of the times whose holders did not answer, and offer them to the next; give how many."""
    late = Offer.objects.filter(place__lab=lab, state=Offer.State.OPEN, expires_at__lte=timezone.now())
    if not late.exists():
        return 0
    agenda = lock_agenda(lab)
    related = ("slot__lab", "place__lab", "place__kind", "place__person", "place__data_key")
    offers = list(late.select_related(*related).order_by("place__number"))
    for offer in offers:
        pass_over(offer, Offer.State.EXPIRED, by=None)
    offer_free_slots(agenda, by=None)
    return len(offers)


@transaction.atomic
def read_place(place: WaitingPlace, *, by: User) -> dict[str, str]:
    """Open the sealed texts of a place for `by`, and record the reading in the same transaction."""
    record_reading("waiting.read", place, by=by, lab_id=place.lab_id, subject_id=place.person_id)
    return texts_of(place)


def places_before(place: WaitingPlace) -> int:
    """Give how many wait before this place for the same kind; a count, never who."""
    return WaitingPlace.objects.in_line().filter(lab=place.lab_id, kind=place.kind_id, number__lt=place.number).count()
