"""The appointments of a week, of a day, and those to be moved, as pages show them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID

from django.core.paginator import Page, Paginator
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from ballatoio.base.accounts.models import User
from ballatoio.base.labs.models import ClosingDay, Lab

from .finding import day_bounds, monday_of
from .models import Appointment, AppointmentQuerySet, Offer, Slot
from .services import room_to_move
from .timetable import agenda_of

# More than a lab can hold in a week: what is beyond is found by choosing one operator.
ROWS_IN_WEEK = 400
PAGE_SIZE = 25
ROWS_TO_MARK = 10


@dataclass(frozen=True)
class Row:
    """A time of the week: somebody's, free, or held for whoever waits."""

    slot: Slot
    appointment: Appointment | None = None
    is_held: bool = False


@dataclass
class WeekDay:
    """A day of the week with its times."""

    on: date
    closed: str = ""
    rows: list[Row] = field(default_factory=list)
    free: int = 0

    @property
    def is_empty(self) -> bool:
        return not (self.rows or self.free or self.closed)


@dataclass(frozen=True)
class Week:
    """Seven days from a Monday; Saturday and Sunday only when there is something."""

    days: list[WeekDay]
    first_on: date
    is_cut: bool

    @property
    def last_on(self) -> date:
        return self.first_on + timedelta(days=6)

    @property
    def before(self) -> date:
        return self.first_on - timedelta(days=7)

    @property
    def after(self) -> date:
        return self.first_on + timedelta(days=7)


def read_week(user: User, lab: Lab, *, operator: User | None, first_on: date) -> Week:
    """Give the week of a day. Of one operator with the free times; of the whole desk the free ones are counted."""
    monday = monday_of(first_on)
    start, end = day_bounds(monday, 7)
    taken = Appointment.objects.visible_to(user).holding().filter(lab=lab)
    taken = taken.filter(slot__starts_at__gte=start, slot__starts_at__lt=end)
    free = Slot.objects.visible_to(user).filter(lab=lab, starts_at__lt=end).free(max(start, timezone.now()))
    if operator is not None:
        taken, free = taken.filter(slot__operator=operator), free.filter(operator=operator)
    closings = ClosingDay.objects.filter(lab=lab, on__range=(monday, monday + timedelta(days=6)))
    closed = dict(closings.values_list("on", "reason"))
    days = [WeekDay(on, closed.get(on, "")) for on in (monday + timedelta(days=number) for number in range(7))]
    rows = [Row(a.slot, a) for a in taken.with_names().order_by("slot__starts_at", "pk")[:ROWS_IN_WEEK]]
    if operator is not None:
        rows += [Row(slot) for slot in free.select_related("rota").order_by("starts_at")[:ROWS_IN_WEEK]]
        rows += [Row(slot, is_held=True) for slot in _held(lab, operator, start, end)]
    else:
        for starts_at in free.order_by().values_list("starts_at", flat=True)[: ROWS_IN_WEEK * 10]:
            days[(timezone.localdate(starts_at) - monday).days].free += 1
    for row in sorted(rows, key=lambda row: (row.slot.starts_at, str(row.slot.operator_id))):
        days[(timezone.localdate(row.slot.starts_at) - monday).days].rows.append(row)
    shown = [day for day in days if day.on.weekday() < 5 or not day.is_empty]
    return Week(shown, monday, len(rows) >= ROWS_IN_WEEK)


def _held(lab: Lab, operator: User, start: object, end: object) -> Iterable[Slot]:
    offers = Offer.objects.filter(slot=OuterRef("pk"), state=Offer.State.OPEN)
    slots = Slot.objects.filter(lab=lab, operator=operator, starts_at__gte=start, starts_at__lt=end)
    return slots.filter(Exists(offers)).select_related("rota").order_by("starts_at")


@dataclass
class AppointmentsToday:
    """What an operator has to do today with appointments; for the coordinator, the whole desk."""

    today: list[Appointment] = field(default_factory=list)
    of_others: list[Appointment] = field(default_factory=list)
    # Over, and nobody said how they went.
    to_mark: list[Appointment] = field(default_factory=list)
    stranded: int = 0
    now: datetime = field(default_factory=timezone.now)

    @property
    def is_calm(self) -> bool:
        return not (self.today or self.of_others or self.to_mark or self.stranded)


def appointments_today(user: User, lab: Lab, *, whole_desk: bool) -> AppointmentsToday:
    """Give the appointments of today in order of time, those left unmarked, and how many are to be moved: one query.

    With `whole_desk` those of the colleagues too, apart from one's own.
    """
    start, end = day_bounds(timezone.localdate())
    of_today = Q(slot__starts_at__gte=start, slot__starts_at__lt=end)
    booked = Q(state=Appointment.State.BOOKED)
    unmarked = booked & Q(slot__ends_at__lte=start)
    stranded = booked & Q(slot__state=Slot.State.STRANDED, slot__starts_at__gte=end)
    rows = Appointment.objects.holding().filter(of_today | unmarked | stranded, lab=lab)
    if not whole_desk:
        rows = rows.filter(slot__operator=user)
    found = AppointmentsToday()
    for appointment in rows.with_names().order_by("slot__starts_at", "pk")[:ROWS_IN_WEEK]:
        if appointment.slot.state == Slot.State.STRANDED and appointment.is_booked:
            found.stranded += appointment.slot.starts_at > timezone.now()
        if start <= appointment.slot.starts_at < end:
            mine = appointment.slot.operator_id == user.pk
            (found.today if mine else found.of_others).append(appointment)
        elif appointment.slot.starts_at < start and len(found.to_mark) < ROWS_TO_MARK:
            found.to_mark.append(appointment)
    return found


def stranded_of(user: User, lab: Lab) -> AppointmentQuerySet:
    """Give the appointments whose time the hours no longer have, in order of time."""
    rows = Appointment.objects.visible_to(user).filter(lab=lab, slot__state=Slot.State.STRANDED)
    return rows.to_come().with_names().order_by("slot__starts_at", "pk")


def stranded_page(user: User, lab: Lab, number: str | None) -> "Page[Appointment]":
    """Give one page of the appointments to be moved."""
    return Paginator(stranded_of(user, lab), PAGE_SIZE).get_page(number)


def propose_moves(lab: Lab, appointments: Iterable[Appointment]) -> dict[UUID, Slot]:
    """Give, by appointment, the time to which each would move, all of them different; none where nothing fits."""
    room = room_to_move(agenda_of(lab))
    pairs = ((appointment.pk, room.first_for(appointment)) for appointment in appointments)
    return {pk: slot for pk, slot in pairs if slot is not None}
