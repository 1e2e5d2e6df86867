"""Everything that can happen to an appointment: it is kept, missed, cancelled, moved. Booking it: booking.py."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from ballatoio.base.accounts.models import AccessCode, User
from ballatoio.base.accounts.services import CodeDoesNotWork, look_up_code
from ballatoio.base.audit.services import record_act, record_reading
from ballatoio.base.core.ids import new_id
from ballatoio.base.jobs.models import Draft
from ballatoio.base.jobs.services import save_draft, submit_once
from ballatoio.base.labs.models import Lab
from ballatoio.base.notices.services import cancel_notices
from ballatoio.base.people.models import Person
from ballatoio.base.people.services import note_seen
from ballatoio.base.vault.services import reseal_texts, seal_texts
from ballatoio.care.desk.models import Contact
from ballatoio.care.desk.services import DRAFT_KIND

from .booking import (
    KindNotReceived,
    SlotIsOver,
    SlotTaken,
    code_that_lasts,
    issue_appointment_code,
    plan_reminder,
    slot_now,
)
from .messages import BOOKED, CANCELLED, MOVED, REMINDER, cancelled_text, moved_text, tell
from .models import Agenda, Appointment, AppointmentQuerySet, Slot, WaitingPlace
from .timetable import Timetable, lead_time, read_timetable
from .turns import lock_agenda, offer_free_slots, texts_of

State = Appointment.State
# Nobody is moved farther than so many free times ahead.
TIMES_LOOKED_AT = 2000


class AppointmentIsOver(Exception):
    """This appointment has ended, or what was asked does not follow from how it stands: look at it again."""


class TooEarlyToSay(Exception):
    """Nobody knows yet how an appointment went that has not begun."""


class ReasonNeeded(Exception):
    """Whoever loses their time is told why."""


def _record(verb: str, appointment: Appointment, by: User | None, **detail: str) -> None:
    record_act(verb, appointment, by=by, lab_id=appointment.lab_id, subject_id=appointment.person_id, detail=detail)


def lock_appointment(appointment: Appointment) -> Appointment:
    """Give an appointment as it stands, locked together with its lab's agenda."""
    lock_agenda(appointment.lab)
    related = ("slot__rota", "slot__operator", "person", "kind", "lab", "data_key")
    locked = Appointment.objects.select_for_update(of=("self",), no_key=True).select_related(*related)
    return locked.get(pk=appointment.pk)


def _change_state(appointment: Appointment, state: str, by: User | None, missed: str = "") -> None:
    if state not in Appointment.ALLOWED[appointment.state]:
        raise AppointmentIsOver
    appointment.state, appointment.missed = state, missed
    appointment.ended_at, appointment.ended_by = timezone.now(), by
    appointment.changed_at = appointment.ended_at
    appointment.sequence += 1
    cancel_notices(appointment, by=by, kinds=(BOOKED, MOVED, REMINDER))


@transaction.atomic
def keep_appointment(appointment: Appointment, *, by: User) -> Appointment:
    """Note that whoever had the appointment came; saying it twice changes nothing.

    Raise TooEarlyToSay before its day, AppointmentIsOver when it was cancelled or moved.
    """
    current = lock_appointment(appointment)
    if current.state == State.KEPT:
        return current
    if timezone.localdate(current.slot.starts_at) > timezone.localdate():
        raise TooEarlyToSay
    _change_state(current, State.KEPT, by)
    current.save()
    if current.person is not None:
        note_seen(current.person, timezone.localdate(current.slot.starts_at))
    _record("appointment.keep", current, by)
    return current


@transaction.atomic
def miss_appointment(appointment: Appointment, *, how: str, by: User) -> Appointment:
    """Note that an appointment did not take place and how (an Appointment.Missed): not always by whoever had it.

    Raise TooEarlyToSay before it begins, AppointmentIsOver when it was cancelled or moved.
    """
    current = lock_appointment(appointment)
    if (current.state, current.missed) == (State.NO_SHOW, how):
        return current
    if current.slot.starts_at > timezone.now():
        raise TooEarlyToSay
    if current.state == State.NO_SHOW:
        # Only how it was missed is corrected.
        current.missed = how
    else:
        _change_state(current, State.NO_SHOW, by, missed=how)
    current.save()
    _record("appointment.miss", current, by, how=how)
    return current


@transaction.atomic
def cancel_appointment(appointment: Appointment, *, by: User | None, reason: str = "", by_person: bool) -> Appointment:
    """Cancel an appointment that has not begun, and offer its time to whoever waits.

    `by_person`: whoever had it does not come (with their code when `by` is None, else they told the desk); else the
    lab cancels, and they are told the reason. Raise ReasonNeeded, AppointmentIsOver.
    """
    if not by_person and not reason.strip():
        raise ReasonNeeded
    current = lock_appointment(appointment)
    if current.slot.starts_at <= timezone.now():
        raise AppointmentIsOver
    _change_state(current, State.CANCELLED_BY_PERSON if by_person else State.CANCELLED_BY_LAB, by)
    texts = texts_of(current)
    if reason:
        _seal_reason(current, texts, reason)
    current.save()
    if not by_person:
        tell(
            current,
            texts,
            kind=CANCELLED,
            key=f"{CANCELLED}:{current.pk}",
            compose=lambda: cancelled_text(current, reason),
            about=current,
            by=by,
            expires_at=current.slot.ends_at,
        )
    _free_slot(current.slot, by=by)
    _record("appointment.cancel", current, by, state=current.state)
    return current


def _seal_reason(appointment: Appointment, texts: dict[str, str], reason: str) -> None:
    reseal_texts(appointment, {**texts, "reason": reason})


def _free_slot(slot: Slot, *, by: User | None) -> None:
    """Let go of a time whose appointment ended; one that the rota has is offered to whoever waits.

    The agenda is locked by the caller.
    """
    if slot.state != Slot.State.OPEN:
        slot.state = Slot.State.WITHDRAWN
        slot.save(update_fields=["state"])
        return
    offer_free_slots(lock_agenda(slot.lab), by=by)


@transaction.atomic
def move_appointment(appointment: Appointment, slot: Slot, *, by: User | None, reason: str = "") -> Appointment:
    """Move an appointment to a free time and give the one that follows it; its code opens the new one too.

    Raise AppointmentIsOver, SlotTaken, SlotIsOver, KindNotReceived.
    """
    current = lock_appointment(appointment)
    timetable = read_timetable(current.lab, kind=current.kind, ended=True)
    new_slot = slot_now(slot)
    if new_slot.lab_id != current.lab_id or new_slot.rota_id not in timetable:
        raise KindNotReceived
    if new_slot.starts_at <= timezone.now():
        raise SlotIsOver
    if not Slot.objects.filter(pk=new_slot.pk).free().exists():
        raise SlotTaken
    return _move(current, new_slot, timetable, by=by, reason=reason)


def _move(current: Appointment, slot: Slot, timetable: Timetable, *, by: User | None, reason: str) -> Appointment:
    before = current.slot
    if before.starts_at <= timezone.now() and by is None:
        raise AppointmentIsOver
    _change_state(current, State.MOVED, by)
    texts = texts_of(current)
    if reason:
        _seal_reason(current, texts, reason)
    current.save()
    hours = timetable[slot.rota_id]  # type: ignore[index]
    following = Appointment(
        pk=new_id(),
        lab=current.lab,
        slot=slot,
        kind=current.kind,
        person=current.person,
        need_id=current.need_id,
        language=current.language,
        wants_interpreter=not (current.language == "it" or current.language in hours.languages),
        channel=current.channel,
        booked_by=by,
        moved_from=current,
        calendar_uid=current.calendar_uid,
        sequence=current.sequence,
    )
    code = code_that_lasts(texts, following) or issue_appointment_code(following, by)
    texts = {**texts, "code": code}
    seal_texts([(following, {name: text for name, text in texts.items() if name != "reason"})])
    following.save(force_insert=True)
    tell(
        following,
        texts,
        kind=MOVED,
        key=f"{MOVED}:{following.pk}",
        compose=lambda: moved_text(following, before, reason, code),
        about=following,
        by=by,
        expires_at=slot.starts_at,
    )
    plan_reminder(following, texts, by)
    _free_slot(before, by=by)
    _record("appointment.move", following, by, to=str(slot.pk))
    return following


@transaction.atomic
def settle_stranded(appointment: Appointment, *, by: User) -> Appointment:
    """Let an appointment stand although the rota no longer has its time. Raise AppointmentIsOver."""
    current = lock_appointment(appointment)
    if not current.is_booked or current.slot.state != Slot.State.STRANDED:
        raise AppointmentIsOver
    # Of no rota any more: what the hours become does not touch it again.
    current.slot.state, current.slot.rota = Slot.State.SINGLE, None
    current.slot.save(update_fields=["state", "rota"])
    _record("appointment.settle", current, by)
    return current


@dataclass(frozen=True)
class Cleared:
    """What became of the appointments of a day that was lost."""

    moved: int = 0
    cancelled: int = 0
    # Nothing free fits them: they stand as they were, and somebody has to speak with whoever has them.
    left: int = 0


@transaction.atomic
def clear_appointments(
    lab: Lab, chosen: Sequence[UUID], *, move: bool, reason: str, by: User, once: str = ""
) -> Cleared:
    """Move each of these appointments to the first free time that fits it, or cancel them all: one message each.

    Those for which nothing is free are left as they are. Raise ReasonNeeded, AlreadySubmitted.
    """
    if not reason.strip():
        raise ReasonNeeded
    submit_once(once)
    agenda = lock_agenda(lab)
    found = Appointment.objects.filter(lab=lab, pk__in=chosen).to_come().order_by("slot__starts_at", "pk")
    room = room_to_move(agenda)
    moved = cancelled = left = 0
    for appointment in found.select_related("lab", "kind", "slot"):
        if not move:
            cancel_appointment(appointment, by=by, reason=reason, by_person=False)
            cancelled += 1
        elif slot := room.first_for(appointment):
            move_appointment(appointment, slot, by=by, reason=reason)
            moved += 1
        else:
            left += 1
    record_act("appointment.clear", lab, by=by, lab_id=lab.pk, detail={"moved": moved, "cancelled": cancelled})
    return Cleared(moved, cancelled, left)


@dataclass
class Room:
    """The free times to which appointments can move, late enough to tell whoever has them."""

    timetable: Timetable
    slots: list[Slot]

    def first_for(self, appointment: Appointment) -> Slot | None:
        """Give the first that fits, in their language if anybody speaks it; it is gone for the next who asks.

        After the day that was lost, as people expect; before it only when there is nothing after.
        """
        hours = self.timetable.values()
        kind_id, language = appointment.kind_id, appointment.language
        wanted = language if any(h.fits(kind_id, language) for h in hours) else ""
        fitting = {h.rota_id for h in hours if h.fits(kind_id, wanted)}
        found = [slot for slot in self.slots if slot.rota_id in fitting]
        lost_at = appointment.slot.starts_at
        slot = next((slot for slot in found if slot.starts_at >= lost_at), found[0] if found else None)
        if slot is not None:
            self.slots.remove(slot)
        return slot


def room_to_move(agenda: Agenda) -> Room:
    """Give the free times of a lab to which appointments can move: three queries, however many appointments."""
    after = lead_time(agenda) + timedelta(hours=agenda.lab.reminder_hours)
    slots = Slot.objects.filter(lab=agenda.lab).free(after).order_by("starts_at", "pk")
    return Room(read_timetable(agenda.lab), list(slots[:TIMES_LOOKED_AT]))


@transaction.atomic
def read_appointment(appointment: Appointment, *, by: User) -> dict[str, str]:
    """Open the sealed texts of an appointment for `by`, and record the reading in the same transaction."""
    record_reading("appointment.read", appointment, by=by, lab_id=appointment.lab_id, subject_id=appointment.person_id)
    return texts_of(appointment)


@transaction.atomic
def read_appointments_of(person: Person, *, by: User) -> AppointmentQuerySet:
    """Give the appointments of a person, the latest first, for `by`; that they looked is recorded."""
    record_reading("appointment.list", person, by=by, lab_id=person.lab_id, subject_id=person.pk)
    found = Appointment.objects.visible_to(by).filter(lab=person.lab_id, person=person)
    return found.with_names().order_by("-slot__starts_at", "pk")


def find_by_code(code: str, *, lab: Lab, source: str) -> Appointment | WaitingPlace:
    """Give what a code opens today: an appointment (the last one, when it was moved), or a place that has none yet.

    `source` is who tries (counted). Raise CodeDoesNotWork, TooManyWrongCodes.
    """
    found = look_up_code(code, purpose=AccessCode.Purpose.APPOINTMENT, lab=lab, source=source)
    thing = stands_now(found.object_type.rpartition(".")[2], found.object_id, lab)
    if thing is None:
        raise CodeDoesNotWork
    return thing


def stands_now(model: str, pk: str | UUID, lab: Lab) -> Appointment | WaitingPlace | None:
    """Give an appointment or a place as it stands now; one that was moved, or has its time, leads to what followed."""
    if model == WaitingPlace._meta.model_name:
        places = WaitingPlace.objects.filter(lab=lab, pk=pk)
        place = places.select_related("kind", "lab", "person", "data_key").first()
        if place is None or place.appointment_id is None:
            return place
        pk = place.appointment_id
    related = ("slot__lab", "slot__rota", "kind", "lab", "person", "data_key")
    appointments = Appointment.objects.filter(lab=lab).select_related(*related)
    found = appointments.filter(pk=pk).first()
    while found is not None and found.state == State.MOVED:
        following = appointments.filter(moved_from=found).first()
        if following is None:
            break
        found = following
    return found


@transaction.atomic
def receive(appointment: Appointment, *, by: User) -> Draft:
    """Note that whoever had the appointment came, and give a draft of the contact with what is known already.

    Their name and number never pass through an address: a draft is sealed, and only `by` opens it. Raise as
    keep_appointment does.
    """
    current = keep_appointment(appointment, by=by)
    texts = read_appointment(current, by=by)
    person, hours = current.person, current.slot.rota
    language = current.language
    spoken = language == "it" or (hours is not None and language in hours.languages)
    present = hours is not None and language in hours.interpreter_languages
    interpreter = Contact.Interpreter.STAFF if spoken else Contact.Interpreter.PRESENT if present else ""
    fields = {
        "channel": Contact.Channel.WALK_IN,
        "language": language,
        "interpreter": Contact.Interpreter.NONE if language == "it" else interpreter,
        "who": "known" if person else "new" if texts.get("name") else "anonymous",
        "person": str(person.pk) if person else "",
        "given_name": texts.get("name", "") if person is None else "",
        "phone": texts.get("phone", "") if person is None else "",
        "words": texts.get("words", ""),
        "b1-need": current.kind.term.name if current.kind.term else "",
        "b1-told": "on",
    }
    kept = {name: str(value) for name, value in fields.items() if value}
    key = f"appuntamento-{current.pk}"
    there = Draft.objects.visible_to(by).filter(lab=current.lab, kind=DRAFT_KIND, key=key).first()
    return there or save_draft(by=by, lab=current.lab, kind=DRAFT_KIND, key=key, fields=kept)
