"""When a lab's own desk is open: its weekly hours and closing days, read by the same functions as any service's."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.db.models import DateField, SmallIntegerField, TimeField, Value
from django.utils import timezone
from django.utils.translation import gettext as _

from ballatoio.base.directory.hours import DoorState, Hours, open_text, opening_text
from ballatoio.base.directory.schedules import TypedDay, TypedHours, closing_time, next_opening
from ballatoio.base.labs.models import ClosingDay, Lab, Opening

# Hours change a few times a year; a page may lag behind them by a minute.
KEPT_SECONDS = 60
CLOSING_DAYS_AHEAD = timedelta(days=31)


@dataclass(frozen=True)
class DeskHours:
    """A lab's timetable, and what its door says now."""

    hours: Hours
    door: DoorState


def desk_hours_of(labs: list[Lab]) -> dict[Any, DeskHours]:
    """The timetables of some labs: one query, none when they were read less than a minute ago."""
    now = timezone.now()
    kept: dict[str, Hours] = cache.get_many([f"hours:{lab.pk}" for lab in labs])
    missing = {f"hours:{lab.pk}": lab for lab in labs if f"hours:{lab.pk}" not in kept}
    if missing:
        read = read_hours(list(missing.values()))
        fresh = {key: read[lab.pk] for key, lab in missing.items()}
        cache.set_many(fresh, KEPT_SECONDS)
        kept |= fresh
    timetables = {lab.pk: kept[f"hours:{lab.pk}"] for lab in labs}
    return {pk: DeskHours(hours, door_of_desk(hours, now)) for pk, hours in timetables.items()}


def desk_hours(lab: Lab) -> DeskHours:
    """The timetable of one lab."""
    return desk_hours_of([lab])[lab.pk]


def read_hours(labs: list[Lab]) -> dict[Any, Hours]:
    """Weekly hours and the closing days of the next month, by lab, in one query out of two tables."""
    found = {lab.pk: Hours(province=lab.province) for lab in labs}
    today = timezone.localdate()
    weekly = Opening.objects.filter(lab__in=labs).values_list(
        "lab_id", "weekday", "opens", "closes", Value(None, DateField()), Value("")
    )
    closed = ClosingDay.objects.filter(lab__in=labs, on__range=(today, today + CLOSING_DAYS_AHEAD)).values_list(
        "lab_id",
        Value(-1, SmallIntegerField()),
        Value(None, TimeField()),
        Value(None, TimeField()),
        "on",
        "reason",
    )
    for lab_id, weekday, opens, closes, on, reason in weekly.order_by().union(closed.order_by(), all=True):
        if weekday < 0:
            found[lab_id].special.append(TypedDay(on, None, None, reason))
        else:
            found[lab_id].weekly.append(TypedHours(weekday, opens, closes))
    for hours in found.values():
        hours.weekly.sort(key=lambda row: (row.weekday, row.opens_at))
        hours.special.sort(key=lambda day: day.on)
    return found


def door_of_desk(hours: Hours, at: datetime) -> DoorState:
    """What the lab's door says at a moment: open until when, or when it opens again."""
    closes_at = closing_time(hours.weekly, hours.special, at, hours.province)
    if closes_at is not None:
        return DoorState(open_text(closes_at), "ok", True)
    opening = next_opening(hours.weekly, hours.special, at, hours.province)
    if opening is None:
        return DoorState(_("Telefona per sapere quando siamo aperti"), "info", False)
    when = opening_text(opening, timezone.localdate(at))
    return DoorState(_("Chiuso, apre %(when)s") % {"when": when}, "closed", False)
