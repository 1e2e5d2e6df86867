"""The part of services.py that decides whose turn it is: one lock for each lab, first in, first out.

Everything that takes or frees a time goes through `lock_agenda`, so that bookings and promotions of a lab happen one
after the other. The rule that holds whenever the lock is let go: no free time fits anybody who waits, unless that
very time was offered to them already or begins too soon to be held.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.utils import timezone

from ballatoio.base.accounts.models import User
from ballatoio.base.audit.services import record_act
from ballatoio.base.labs.models import Lab
from ballatoio.base.notices.services import cancel_notices
from ballatoio.base.vault.models import SealedRecord
from ballatoio.base.vault.services import TextIsGone, open_texts

from .messages import KEPT_IN_LINE, OFFERED, OUT_OF_LINE, TAKEN_BACK, line_text, offer_text, tell
from .models import Agenda, Appointment, Offer, Slot, WaitingPlace
from .timetable import Timetable, held_until, read_timetable

# Whoever is asked has at least so long to answer, and so long to come; a time that begins sooner is held for nobody.
LEAST_HOLD = timedelta(hours=1)
LEAST_TIME_TO_COME = timedelta(hours=1)
State = WaitingPlace.State


class PlaceIsOver(Exception):
    """This place in the waiting list has ended, or what was asked of it does not follow from how it stands."""


def waiting_count(lab: Lab) -> int:
    """Give how many wait in a lab."""
    return WaitingPlace.objects.in_line().filter(lab=lab).count()


def lock_agenda(lab: Lab) -> Agenda:
    """Give the agenda of a lab, locked until the transaction ends: one booking or promotion at a time."""
    agendas = Agenda.objects.select_for_update(of=("self",), no_key=True)
    agenda = agendas.filter(lab=lab).first()
    if agenda is None:
        Agenda.objects.get_or_create(lab=lab)
        agenda = agendas.get(lab=lab)
    agenda.lab = lab
    return agenda


def texts_of(record: SealedRecord) -> dict[str, str]:
    """Give the sealed texts of a record for the program to write a message with; none once its key was destroyed."""
    try:
        return open_texts(record)
    except TextIsGone:
        return {}


def change_place(place: WaitingPlace, state: str) -> None:
    """Bring a place to a state; the caller saves it. Raise PlaceIsOver when that state may not follow."""
    if state not in WaitingPlace.ALLOWED[place.state]:
        raise PlaceIsOver
    place.state = state
    if state not in WaitingPlace.IN_LINE:
        place.ended_at = timezone.now()


def offer_free_slots(agenda: Agenda, *, by: User | None) -> int:
    """Offer the free times to whoever waits, the lowest number first, each the earliest that fits; give how many.

    The agenda is locked. Nobody has two offers at once, nobody is offered the same time twice.
    """
    waiting = list(
        WaitingPlace.objects.filter(lab=agenda.lab, state=State.WAITING)
        .select_related("person", "kind", "data_key")
        .order_by("number")
    )
    if not waiting:
        return 0
    until = held_until(agenda, timezone.now())
    slots = _slots_to_hold(agenda)
    timetable = read_timetable(agenda.lab, ended=True)
    passed = set(Offer.objects.filter(place__in=waiting).values_list("place_id", "slot_id"))
    offered = 0
    for place in waiting:
        place.lab = agenda.lab
        slot = next((s for s in slots if (place.pk, s.pk) not in passed and fits(place, s, timetable)), None)
        if slot is not None:
            slots.remove(slot)
            _make_offer(place, slot, until, by)
            offered += 1
    return offered


def _slots_to_hold(agenda: Agenda) -> list[Slot]:
    """Give the free times that begin late enough to be held, in order."""
    soonest = timezone.now() + LEAST_HOLD + LEAST_TIME_TO_COME
    return list(Slot.objects.filter(lab=agenda.lab).free(soonest).order_by("starts_at", "pk"))


def fits(place: WaitingPlace, slot: Slot, timetable: Timetable) -> bool:
    """Tell whether a time is one that a place waits for: its kind, and its language when it must be that.

    Hours that the lab keeps for its desk go to whoever asked at the desk or on the telephone.
    """
    hours = timetable.get(slot.rota_id) if slot.rota_id else None
    if hours is None or not (hours.is_public or place.channel != Appointment.Channel.WEB):
        return False
    return hours.fits(place.kind_id, place.language if place.only_language else "")


def _make_offer(place: WaitingPlace, slot: Slot, until: datetime, by: User | None) -> Offer:
    expires_at = min(until, slot.starts_at - LEAST_TIME_TO_COME)
    offer = Offer.objects.create(place=place, slot=slot, expires_at=expires_at)
    change_place(place, State.OFFERED)
    place.save()
    texts = texts_of(place)
    message = tell(
        place,
        texts,
        kind=OFFERED,
        key=f"{OFFERED}:{offer.pk}",
        compose=lambda: offer_text(place, slot, expires_at, texts.get("code", "")),
        about=offer,
        by=by,
        expires_at=expires_at,
    )
    if message is not None:
        offer.is_told = True
        offer.save(update_fields=["is_told"])
    record_act(
        "waiting.offer",
        place,
        by=by,
        lab_id=place.lab_id,
        subject_id=place.person_id,
        detail={"slot": str(slot.pk), "until": expires_at.isoformat()},
    )
    return offer


def close_offer(offer: Offer, state: str, *, by: User | None) -> None:
    """Close an offer that is open; what it said is taken back if it has not left yet."""
    offer.state, offer.closed_at = state, timezone.now()
    offer.save(update_fields=["state", "closed_at"])
    cancel_notices(offer, by=by)


def pass_over(offer: Offer, state: str, *, by: User | None) -> None:
    """Note that an offer was refused or went by (`state`): the place is kept once, the second time it ends."""
    place = offer.place
    close_offer(offer, state, by=by)
    place.passed += 1
    is_out = place.passed >= WaitingPlace.OFFERS
    change_place(place, State.EXPIRED if is_out else State.WAITING)
    place.save()
    _tell_place(place, offer, OUT_OF_LINE if is_out else KEPT_IN_LINE, by)
    record_act(
        "waiting.pass",
        place,
        by=by,
        lab_id=place.lab_id,
        subject_id=place.person_id,
        detail={"offer": state, "state": place.state},
    )


def take_back_offers(slots: Iterable[Slot], *, by: User | None) -> int:
    """The times are gone: whoever was asked keeps their place, as if they had not been; give how many offers."""
    offers = Offer.objects.filter(slot__in=list(slots), state=Offer.State.OPEN)
    related = offers.select_related("slot", "place__lab", "place__person", "place__kind", "place__data_key")
    taken_back = list(related.order_by("place__number"))
    for offer in taken_back:
        close_offer(offer, Offer.State.WITHDRAWN, by=by)
        change_place(offer.place, State.WAITING)
        offer.place.save()
        _tell_place(offer.place, offer, TAKEN_BACK, by)
        record_act("waiting.take_back", offer.place, by=by, lab_id=offer.place.lab_id, subject_id=offer.place.person_id)
    return len(taken_back)


def _tell_place(place: WaitingPlace, offer: Offer, kind: str, by: User | None) -> None:
    if not offer.is_told and kind != OUT_OF_LINE:
        # They never heard of it: there is nothing to take back.
        return
    texts = texts_of(place)
    tell(
        place,
        texts,
        kind=kind,
        key=f"{kind}:{offer.pk}",
        compose=lambda: line_text(place, offer.slot, kind, texts.get("code", "")),
        about=place,
        by=by,
    )
