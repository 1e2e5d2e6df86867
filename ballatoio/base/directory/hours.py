"""The hours of many services, loaded with one query, and what they say at a given moment."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from django.db.models import DateField, SmallIntegerField, Value
from django.utils import timezone
from django.utils.translation import gettext as _

from ballatoio.base.labs.models import Lab

from .models import Schedule, ScheduleException, Service
from .schedules import (
    END_OF_DAY,
    Interval,
    OpeningLine,
    TypedDay,
    TypedHours,
    clock,
    closing_time,
    is_open,
    next_opening,
    opening_lines,
    spoken_date,
)


@dataclass
class Hours:
    """The weekly hours of one service and the days ahead that are different."""

    weekly: list[TypedHours] = field(default_factory=list)
    special: list[TypedDay] = field(default_factory=list)
    # Where it stands: the day of the patron is a holiday.
    province: str = ""

    def lines(self) -> list[OpeningLine]:
        return opening_lines(self.weekly)

    def notes(self) -> list[str]:
        """The days ahead that are different, each in a sentence."""
        return [special_day_text(day) for day in self.special]

    @property
    def shut_on_holidays(self) -> bool:
        """Whether some of the hours do not hold on public holidays: all but those of an emergency number."""
        return any(not Interval(row.opens_at, row.closes_at).is_all_day for row in self.weekly)

    def is_open(self, at: datetime) -> bool:
        return is_open(self.weekly, self.special, at, self.province)


@dataclass(frozen=True)
class DoorState:
    """What the door of a service says at a moment: a word, and whether it is open."""

    label: str
    tone: str
    is_open: bool


def load_hours(services: Iterable[Service], lab: Lab) -> dict[uuid.UUID, Hours]:
    """Give, by service of `lab`, its hours and the special days from today on: one query, however many services."""
    found = {service.pk: Hours(province=lab.province) for service in services}
    if not found:
        return found
    # One list of rows out of two tables: a special day has no weekday and is valid on itself alone.
    weekly = Schedule.objects.filter(service__in=list(found)).values_list(
        "service_id", "weekday", "opens_at", "closes_at", "valid_from", "valid_to", Value("")
    )
    special = ScheduleException.objects.filter(service__in=list(found), on__gte=timezone.localdate()).values_list(
        "service_id", Value(-1, SmallIntegerField()), "opens_at", "closes_at", "on", Value(None, DateField()), "note"
    )
    for pk, weekday, opens_at, closes_at, first, last, note in weekly.order_by().union(special.order_by(), all=True):
        if weekday < 0:
            found[pk].special.append(TypedDay(first, opens_at, closes_at, note))
        else:
            found[pk].weekly.append(TypedHours(weekday, opens_at, closes_at, first, last))
    for hours in found.values():
        hours.weekly.sort(key=lambda row: (row.weekday, row.opens_at))
        hours.special.sort(key=lambda day: day.on)
    return found


def door_state(service: Service, hours: Hours, at: datetime) -> DoorState:
    """Give what to say of a service at a moment: open until when, or when it opens again."""
    if service.status != Service.Status.ACTIVE:
        return DoorState(str(service.get_status_display()), "warn", False)
    if not hours.weekly and not hours.special:
        return DoorState(_("Orari da chiedere"), "info", False)
    closes_at = closing_time(hours.weekly, hours.special, at, hours.province)
    if closes_at is not None:
        return DoorState(open_text(closes_at), "ok", True)
    opening = next_opening(hours.weekly, hours.special, at, hours.province)
    if opening is None:
        return DoorState(_("Chiuso"), "closed", False)
    return DoorState(
        _("Chiuso, apre %(when)s") % {"when": opening_text(opening, timezone.localdate(at))}, "closed", False
    )


def open_text(closes_at: time) -> str:
    """Give «aperto fino alle 12:30», or «aperto adesso» for doors that never shut."""
    if closes_at == END_OF_DAY:
        return _("Aperto adesso")
    return _("Aperto fino alle %(time)s") % {"time": clock(closes_at)}


def opening_text(opening: datetime, today: date) -> str:
    """Give when a door opens as people say it: «oggi alle 14», «domani alle 9», «lunedì alle 9»."""
    on, moment = opening.date(), clock(opening.time())
    if on == today:
        return _("oggi alle %(time)s") % {"time": moment}
    if on == today + timedelta(days=1):
        return _("domani alle %(time)s") % {"time": moment}
    day = spoken_date(on, "l" if on < today + timedelta(days=7) else "j F")
    return _("%(day)s alle %(time)s") % {"day": day, "time": moment}


def special_day_text(day: TypedDay) -> str:
    """Give «24 dicembre: chiuso. Vigilia» for a day that is different."""
    when = spoken_date(day.on, "l j F")
    if day.opens_at is None or day.closes_at is None:
        what = _("chiuso")
    else:
        what = f"{clock(day.opens_at)}–{clock(day.closes_at)}"
    text = _("%(day)s: %(what)s") % {"day": when, "what": what}
    return f"{text}. {day.note}" if day.note else text
