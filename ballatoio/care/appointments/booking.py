"""The part of services.py that gives a time to somebody: with a code, a message, a reminder."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from ballatoio.base.accounts.models import AccessCode, User
from ballatoio.base.accounts.services import CodeDoesNotWork, TooManyWrongCodes, issue_code, look_up_code
from ballatoio.base.audit.services import record_act
from ballatoio.base.core.ids import new_id
from ballatoio.base.jobs.services import submit_once
from ballatoio.base.labs.models import Lab
from ballatoio.base.people.models import Person
from ballatoio.base.vault.services import seal_texts
from ballatoio.care.desk.models import Need
from ballatoio.care.desk.services import check_owner

from .messages import BOOKED, REMINDER, booked_text, reminder_text, tell
from .models import Appointment, AppointmentKind, Slot
from .timetable import lead_time, read_timetable
from .turns import lock_agenda

# A code opens its appointment until so long after it: to see that it was, or to book again.
CODE_AFTERLIFE = timedelta(days=90)


class SlotTaken(Exception):
    """Somebody else has this time, or it is held for whoever waits: choose another."""


class SlotIsOver(Exception):
    """This time has begun already, or begins too soon for whoever books alone."""


class KindNotReceived(Exception):
    """Nobody receives for this kind at that time."""


class OperatorIsBusy(Exception):
    """The operator has an appointment at that time already."""


@dataclass(frozen=True)
class Booker:
    """Who makes an appointment or waits for one: a person with a file, or a name and a way to reach them."""

    person: Person | None = None
    name: str = ""
    phone: str = ""
    email: str = ""
    words: str = ""

    def texts(self) -> dict[str, str]:
        """What is kept sealed of them."""
        if self.person is not None:
            return {"words": self.words}
        return {"name": self.name, "phone": self.phone, "email": self.email, "words": self.words}


def slot_now(slot: Slot | UUID) -> Slot:
    """Give a time as it stands, locked; raise SlotTaken when it is not there any more."""
    pk = slot.pk if isinstance(slot, Slot) else slot
    current = (
        Slot.objects.select_for_update(of=("self",), no_key=True).select_related("lab", "rota").filter(pk=pk).first()
    )
    if current is None:
        raise SlotTaken
    return current


@transaction.atomic
def book_slot(
    slot: Slot,
    *,
    kind: AppointmentKind,
    booker: Booker,
    language: str,
    channel: str,
    by: User | None,
    need: Need | None = None,
    once: str = "",
    send: bool = True,
) -> Appointment:
    """Give a free time to somebody, with a code and a reminder; `send` tells them at once too.

    Raise SlotTaken when somebody has it or it is held for whoever waits, SlotIsOver when it has begun (for the public
    also when it begins too soon), KindNotReceived, AlreadySubmitted (its result is the appointment's id).
    """
    appointment_id = new_id()
    submit_once(once, str(appointment_id))
    agenda = lock_agenda(slot.lab)
    current = slot_now(slot)
    hours = read_timetable(agenda.lab, kind=kind, ended=True).get(current.rota_id) if current.rota_id else None
    if hours is None or not kind.is_active or (by is None and not (hours.is_public and kind.is_public)):
        raise KindNotReceived
    if current.starts_at <= (timezone.now() if by else lead_time(agenda)):
        raise SlotIsOver
    if not Slot.objects.filter(pk=current.pk).free().exists():
        raise SlotTaken
    appointment = Appointment(
        pk=appointment_id,
        kind=kind,
        need=need,
        language=language,
        wants_interpreter=not (language == "it" or language in hours.languages),
        channel=channel,
        booked_by=by,
    )
    return fill_slot(appointment, current, booker, by=by, send=send)


def fill_slot(appointment: Appointment, slot: Slot, booker: Booker, *, by: User | None, send: bool) -> Appointment:
    """Write an appointment into a time that was found free, inside the caller's transaction, and tell whose it is."""
    appointment.lab, appointment.slot, appointment.person = slot.lab, slot, booker.person
    appointment.wants_interpreter = appointment.wants_interpreter and appointment.language != "it"
    code = issue_appointment_code(appointment, by)
    texts = {**booker.texts(), "code": code}
    seal_texts([(appointment, texts)])
    try:
        with transaction.atomic():
            appointment.save(force_insert=True)
    except IntegrityError:
        raise SlotTaken from None
    if send:
        tell(
            appointment,
            texts,
            kind=BOOKED,
            key=f"{BOOKED}:{appointment.pk}",
            compose=lambda: booked_text(appointment, code),
            about=appointment,
            by=by,
            expires_at=slot.starts_at,
        )
    plan_reminder(appointment, texts, by)
    detail = {"kind": appointment.kind.slug, "channel": appointment.channel, "slot": str(slot.pk)}
    _record("appointment.book", appointment, by, **detail)
    return appointment


def issue_appointment_code(appointment: Appointment, by: User | None) -> str:
    """Give the code with which whoever has an appointment looks at it and cancels it."""
    slot = appointment.slot
    _code, code = issue_code(
        appointment,
        purpose=AccessCode.Purpose.APPOINTMENT,
        lab=slot.lab,
        valid_for=max(slot.ends_at - timezone.now(), timedelta()) + CODE_AFTERLIFE,
        by=by,
        subject_id=appointment.person_id,
    )
    return code


def code_that_lasts(texts: dict[str, str], following: Appointment) -> str:
    """Give the code that somebody has in hand if it opens the appointment that follows theirs long enough."""
    code, purpose = texts.get("code", ""), AccessCode.Purpose.APPOINTMENT
    try:
        found = look_up_code(code, purpose=purpose, lab=following.lab, source="appointments")
    except (CodeDoesNotWork, TooManyWrongCodes):
        return ""
    return code if found.expires_at > following.slot.ends_at else ""


def plan_reminder(appointment: Appointment, texts: dict[str, str], by: User | None) -> None:
    """Have the reminder leave some hours before; who books later than that was told a moment ago."""
    starts_at = appointment.slot.starts_at
    leaves_at = starts_at - timedelta(hours=appointment.lab.reminder_hours)
    if leaves_at <= timezone.now():
        return
    code = texts.get("code", "")
    tell(
        appointment,
        texts,
        kind=REMINDER,
        key=f"{REMINDER}:{appointment.pk}",
        compose=lambda: reminder_text(appointment, code),
        about=appointment,
        by=by,
        not_before=leaves_at,
        expires_at=starts_at,
    )


def _record(verb: str, appointment: Appointment, by: User | None, **detail: Any) -> None:
    """Record what happened to an appointment."""
    record_act(verb, appointment, by=by, lab_id=appointment.lab_id, subject_id=appointment.person_id, detail=detail)


@transaction.atomic
def book_own_time(
    lab: Lab,
    *,
    operator: User,
    starts_at: datetime,
    minutes: int,
    place: str,
    kind: AppointmentKind,
    booker: Booker,
    language: str,
    channel: str,
    by: User,
    need: Need | None = None,
    once: str = "",
    send: bool = True,
) -> Appointment:
    """Make an appointment outside the rota: a visit at home, a time that suits an interpreter.

    Free times of the operator that it overlaps are taken away. Raise SlotIsOver, OperatorIsBusy when an appointment
    (or a time held for whoever waits) is in the way, OwnerCannotWorkHere, AlreadySubmitted.
    """
    check_owner(lab, operator)
    appointment_id = new_id()
    submit_once(once, str(appointment_id))
    lock_agenda(lab)
    if starts_at <= timezone.now():
        raise SlotIsOver
    ends_at = starts_at + timedelta(minutes=minutes)
    _clear_way(operator, starts_at, ends_at)
    slot = Slot(lab=lab, operator=operator, starts_at=starts_at, ends_at=ends_at, place=place, state=Slot.State.SINGLE)
    try:
        with transaction.atomic():
            slot.save(force_insert=True)
    except IntegrityError:
        raise OperatorIsBusy from None
    appointment = Appointment(
        pk=appointment_id,
        kind=kind,
        need=need,
        language=language,
        wants_interpreter=language != "it",
        channel=channel,
        booked_by=by,
    )
    return fill_slot(appointment, slot, booker, by=by, send=send)


def _clear_way(operator: User, starts_at: datetime, ends_at: datetime) -> None:
    """Take away the free times of an operator between two moments."""
    overlapping = Slot.objects.filter(operator=operator, starts_at__lt=ends_at, ends_at__gt=starts_at)
    free = list(overlapping.free().values_list("pk", flat=True))
    Slot.objects.filter(pk__in=free).update(state=Slot.State.WITHDRAWN)
