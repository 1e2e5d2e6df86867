"""The times that somebody can choose from, day by day, as a page shows them."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from django.utils import timezone

from ballatoio.base.labs.models import Lab

from .models import AppointmentKind, Slot
from .times import Hours, local_moment
from .timetable import Timetable, agenda_of, free_slots, lead_time, read_timetable

# A page shows so many days on which something is free, and no more times than anybody reads.
DAYS_ON_PAGE = 6
TIMES_ON_PAGE = 120


@dataclass(frozen=True)
class Choice:
    """A time to choose, with the hours that it belongs to."""

    slot: Slot
    hours: Hours

    @property
    def interpreters(self) -> list[str]:
        """The languages of the interpreter who is there, that the operator does not speak."""
        return sorted(self.hours.interpreter_languages - self.hours.languages)

    @property
    def languages(self) -> list[str]:
        """What the operator speaks besides Italian."""
        return sorted(self.hours.languages - {"it"})


@dataclass
class FreeDay:
    """A day on which something is free."""

    on: date
    choices: list[Choice] = field(default_factory=list)


@dataclass(frozen=True)
class Offering:
    """What is free: some days, the day from which there is more, and whether anybody speaks the language at all."""

    days: list[FreeDay]
    more_from: date | None
    is_understood: bool
    timetable: Timetable

    def has(self, slot_id: uuid.UUID | None) -> bool:
        """Whether a time is among those that are shown."""
        return any(choice.slot.pk == slot_id for day in self.days for choice in day.choices)


def find_times(
    lab: Lab,
    kind: AppointmentKind,
    *,
    language: str = "",
    only_language: bool = False,
    operator_id: uuid.UUID | None = None,
    public: bool = False,
    first_on: date | None = None,
) -> Offering:
    """Give the first days on which something is free for a kind, from a day on.

    `only_language`: with somebody who speaks it. In public two operators who are free at the same time, in the same
    languages and place, are one time: who receives is not shown.
    """
    timetable = read_timetable(lab, kind=kind)
    understood = any(hours.understands(language) for hours in timetable.values() if hours.is_public or not public)
    after = local_moment(first_on, time(0)) if first_on else None
    if public:
        after = max(lead_time(agenda_of(lab)), after or timezone.now())
    found = free_slots(
        lab,
        timetable,
        kind=kind,
        language=language if only_language else "",
        operator_id=operator_id,
        public=public,
        after=after,
    )
    if not public:
        found = found.select_related("operator")
    slots = list(found[: TIMES_ON_PAGE + 1])
    days, more_from = _by_day(slots, timetable, public)
    return Offering(days, more_from, understood, timetable)


def _by_day(slots: list[Slot], timetable: Timetable, public: bool) -> tuple[list[FreeDay], date | None]:
    days: dict[date, FreeDay] = {}
    more_from = None
    seen = set()
    for number, slot in enumerate(slots):
        on = timezone.localdate(slot.starts_at)
        if on not in days and (len(days) == DAYS_ON_PAGE or (number == TIMES_ON_PAGE and days)):
            more_from = on
            break
        if number == TIMES_ON_PAGE:
            # The last day is longer than a page: it is shown on the next one, whole.
            more_from = on if len(days) > 1 else on + timedelta(days=1)
            if len(days) > 1:
                del days[on]
            break
        hours = timetable[slot.rota_id]  # type: ignore[index]
        same = (slot.starts_at, slot.place, hours.languages, hours.interpreter_languages)
        if not public or same not in seen:
            seen.add(same)
            days.setdefault(on, FreeDay(on)).choices.append(Choice(slot, hours))
    return list(days.values()), more_from


def day_bounds(first: date, days: int = 1) -> tuple[datetime, datetime]:
    """Give the moments between which some days lie, by the clock on the wall."""
    return local_moment(first, time(0)), local_moment(first + timedelta(days=days), time(0))


def monday_of(on: date) -> date:
    """Give the Monday of the week of a day."""
    return on - timedelta(days=on.weekday())


def spoken_languages(timetables: Iterable[Hours]) -> list[str]:
    """Give the languages that somebody speaks at some hours, Italian left out."""
    found = {code for hours in timetables for code in hours.languages | hours.interpreter_languages}
    return sorted(found - {"it"})
