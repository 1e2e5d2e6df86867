"""Which times there are: pure functions over weekly hours, days off, closing days and the clock on the wall."""

import uuid
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from django.utils import timezone

from ballatoio.base.labs.services import public_holidays

# Beyond this nobody looks for the end of some hours of opening: a lab without hours would make it endless.
HORIZON = timedelta(days=60)


@dataclass(frozen=True)
class Hours:
    """The weekly hours of one operator on one weekday, with what they offer there."""

    rota_id: uuid.UUID
    operator_id: uuid.UUID
    weekday: int
    opens: time
    closes: time
    valid_from: date
    valid_to: date | None
    # How long one appointment takes: the longest of the kinds that are received.
    minutes: int
    kinds: frozenset[uuid.UUID] = frozenset()
    languages: frozenset[str] = frozenset()
    interpreter_languages: frozenset[str] = frozenset()
    place: str = ""
    is_public: bool = True

    def holds_on(self, on: date) -> bool:
        """Whether these hours are valid on a day."""
        if on.weekday() != self.weekday or on < self.valid_from:
            return False
        return self.valid_to is None or on <= self.valid_to

    def understands(self, language: str) -> bool:
        """Whether somebody is there who speaks a language: the operator or an interpreter."""
        return language in self.languages or language in self.interpreter_languages

    def fits(self, kind_id: uuid.UUID, language: str = "") -> bool:
        """Whether they receive for a kind, and (when it is given) somebody there speaks the language."""
        return kind_id in self.kinds and (not language or self.understands(language))


@dataclass(frozen=True)
class DayOff:
    """Days on which an operator does not receive, whole or between two times."""

    operator_id: uuid.UUID
    first_on: date
    last_on: date
    from_time: time | None = None
    until_time: time | None = None

    def takes(self, operator_id: uuid.UUID, starts_at: datetime, ends_at: datetime) -> bool:
        """Whether a time of an operator falls into it."""
        begins, ends = timezone.localtime(starts_at), timezone.localtime(ends_at)
        if operator_id != self.operator_id or not self.first_on <= begins.date() <= self.last_on:
            return False
        if self.from_time is None or self.until_time is None:
            return True
        return begins.time() < self.until_time and self.from_time < ends.time()


@dataclass(frozen=True)
class Planned:
    """A time that there should be."""

    operator_id: uuid.UUID
    starts_at: datetime
    ends_at: datetime
    rota_id: uuid.UUID
    place: str = ""


@dataclass
class Busy:
    """The times that an operator has already, in order: to see quickly whether another one would overlap."""

    spans: list[tuple[datetime, datetime]] = field(default_factory=list)

    def overlaps(self, starts_at: datetime, ends_at: datetime) -> bool:
        """Whether a time would overlap one of these; those that only touch do not."""
        at = bisect_left(self.spans, (starts_at, starts_at))
        before = at > 0 and self.spans[at - 1][1] > starts_at
        return before or (at < len(self.spans) and self.spans[at][0] < ends_at)

    def add(self, starts_at: datetime, ends_at: datetime) -> None:
        """Take a time that overlaps none."""
        self.spans.insert(bisect_left(self.spans, (starts_at, starts_at)), (starts_at, ends_at))


def local_moment(on: date, at: time) -> datetime:
    """Give the moment (UTC) at which the clock on the wall shows `at` on a day.

    A time that the clock skips in March is read as the one an hour later, one that it shows twice in October as the
    first of the two (PEP 495, fold=0).
    """
    return timezone.make_aware(datetime.combine(on, at)).astimezone(UTC)


def times_of(hours: Hours, on: date) -> list[Planned]:
    """Give the times of some hours on a day: as many as fit whole, in real minutes.

    On the day when the clock is turned, hours across the turn have more or fewer times, and none overlaps another.
    """
    start, end = local_moment(on, hours.opens), local_moment(on, hours.closes)
    step = timedelta(minutes=hours.minutes)
    found = []
    while start + step <= end:
        found.append(Planned(hours.operator_id, start, start + step, hours.rota_id, hours.place))
        start += step
    return found


def plan_times(
    timetable: Iterable[Hours],
    days_off: Sequence[DayOff],
    closed: frozenset[date],
    first: date,
    last: date,
    province: str = "",
) -> list[Planned]:
    """Give every time that there should be from one day to another, in order of time.

    None on public holidays, on the lab's closing days, on an operator's days off. Where two hours of one operator
    overlap, the first of them wins.
    """
    ordered = sorted(timetable, key=lambda hours: (hours.opens, str(hours.rota_id)))
    busy: dict[uuid.UUID, Busy] = {}
    found = []
    for number in range((last - first).days + 1):
        on = first + timedelta(days=number)
        if on in closed or on in public_holidays(on.year, province):
            continue
        for hours in ordered:
            if not hours.holds_on(on):
                continue
            mine = busy.setdefault(hours.operator_id, Busy())
            for planned in times_of(hours, on):
                off = any(d.takes(hours.operator_id, planned.starts_at, planned.ends_at) for d in days_off)
                if not off and not mine.overlaps(planned.starts_at, planned.ends_at):
                    mine.add(planned.starts_at, planned.ends_at)
                    found.append(planned)
    return sorted(found, key=lambda planned: (planned.starts_at, str(planned.operator_id)))


def add_opening_hours(
    openings: Mapping[int, Sequence[tuple[time, time]]],
    closed: frozenset[date],
    start: datetime,
    hours: int,
    province: str = "",
) -> datetime:
    """Give the moment at which a door has been open for `hours` since `start`.

    `openings` are the weekly hours by weekday. A lab that has written none is taken to be open day and night.
    """
    left = timedelta(hours=hours)
    if not any(openings.values()):
        return start + left
    on = timezone.localdate(start)
    while on <= timezone.localdate(start) + HORIZON:
        if on not in closed and on not in public_holidays(on.year, province):
            for opens, closes in sorted(openings.get(on.weekday(), ())):
                begins, ends = max(local_moment(on, opens), start), local_moment(on, closes)
                if begins >= ends:
                    continue
                if ends - begins >= left:
                    return begins + left
                left -= ends - begins
        on += timedelta(days=1)
    return start + HORIZON
