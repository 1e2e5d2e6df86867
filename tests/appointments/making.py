"""What the tests of appointments are about: kinds, hours, free times, people who book them."""

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ballatoio.base.accounts.models import User
from ballatoio.base.labs.models import Lab
from ballatoio.base.people.models import Person
from ballatoio.care.appointments.booking import Booker, book_slot
from ballatoio.care.appointments.models import Appointment, AppointmentKind, Rota, Slot, WaitingPlace
from ballatoio.care.appointments.waiting_services import join_waiting
from tests.factories import number

ROME = ZoneInfo("Europe/Rome")
# A Monday; the Tuesday after is the first day on which anybody receives.
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=ROME)
TUESDAY = date(2026, 11, 24)
NADIA = Booker(name="Nadia", phone="+39 333 123 4567")


def at(on: date, hour: int, minute: int = 0) -> datetime:
    """Give a moment by the clock on the wall."""
    return datetime.combine(on, time(hour, minute), tzinfo=ROME)


def make_kind(lab: Lab, name: str = "", **fields: Any) -> AppointmentKind:
    """Give a new kind of appointment of half an hour."""
    name = name or f"Casa {next(number)}"
    slug = name.lower().replace(" ", "-")
    return AppointmentKind.objects.create(lab=lab, name=name, slug=slug, **fields)


def make_rota(lab: Lab, operator: User, *kinds: AppointmentKind, **fields: Any) -> Rota:
    """Give hours on Tuesdays from 9 to 11 without opening their times."""
    defaults = {"weekday": 1, "opens": time(9), "closes": time(11), "languages": ["it"], "valid_from": NOW.date()}
    rota = Rota.objects.create(lab=lab, operator=operator, **defaults | fields)
    rota.kinds.set(kinds)
    return rota


def make_slot(rota: Rota, starts_at: datetime, minutes: int = 30) -> Slot:
    """Give one free time of some hours."""
    ends_at = starts_at + timedelta(minutes=minutes)
    return Slot.objects.create(
        lab=rota.lab, operator=rota.operator, rota=rota, starts_at=starts_at, ends_at=ends_at, place=rota.place
    )


def make_slots(rota: Rota, count: int, first: datetime | None = None) -> list[Slot]:
    """Give some free times, one after another: from Tuesday at 9 unless another is said."""
    start = first or at(TUESDAY, 9)
    return [make_slot(rota, start + timedelta(minutes=30 * row)) for row in range(count)]


def book(slot: Slot, kind: AppointmentKind, *, by: User | None, **fields: Any) -> Appointment:
    """Book a time, at the desk unless `by` is None."""
    channel = Appointment.Channel.DESK if by else Appointment.Channel.WEB
    given = {"booker": NADIA, "language": "it", "channel": channel} | fields
    return book_slot(slot, kind=kind, by=by, **given)


def join(kind: AppointmentKind, *, by: User | None = None, **fields: Any) -> WaitingPlace:
    """Join the waiting list of a kind, from the public page unless `by` is given."""
    channel = Appointment.Channel.PHONE if by else Appointment.Channel.WEB
    given = {"booker": NADIA, "language": "it", "only_language": False, "channel": channel} | fields
    return join_waiting(kind.lab, kind=kind, by=by, **given)


def booker(person: Person) -> Booker:
    """Give a person with a file as who makes an appointment."""
    return Booker(person=person)
