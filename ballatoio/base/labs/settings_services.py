"""What a lab says of itself and what it promises, as its coordinator sets them."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.module_loading import import_string

from ballatoio.base.audit.services import Actor, record_act
from ballatoio.base.core.conflicts import ChangedElsewhere

from .models import ClosingDay, Lab, Opening
from .services import close_lab_on, is_working_day, open_lab_on, public_holidays

DETAILS = ("name", "blurb", "address", "city", "province", "phone", "email", "funding")
PROMISES = (
    *("answer_days", "escalation_days", "referral_reminder_days", "referral_expiry_days", "receipt_days"),
    *("reminder_hours", "quiet_from", "quiet_until"),
)
# A summer at most: whoever closes for longer closes twice.
LONGEST_CLOSING = 62

Span = tuple[int, time, time]


class DayIsPast(Exception):
    """This day has gone by: what was promised until then was counted with it."""


class ClosingTooLong(Exception):
    """Nobody closes for so long in one go."""


class NothingToClose(Exception):
    """The lab does not work on any of these days already."""


@dataclass(frozen=True)
class Falling:
    """Something that has a date on days on which the lab would be closed: what, and how many."""

    label: str
    count: int


def mark_of(values: Iterable[Any]) -> str:
    """Give a mark of how some values stand: it differs after every change."""
    return hashlib.sha256(repr(list(values)).encode()).hexdigest()


def details_mark(lab: Lab) -> str:
    """Give the mark of what a lab says of itself."""
    return mark_of(getattr(lab, name) for name in DETAILS)


def promises_mark(lab: Lab) -> str:
    """Give the mark of what a lab promises."""
    return mark_of(getattr(lab, name) for name in PROMISES)


def openings_of(lab: Lab) -> list[Span]:
    """Give when the desk is open, by weekday and hour: one query."""
    spans = Opening.objects.filter(lab=lab).order_by("weekday", "opens")
    return list(spans.values_list("weekday", "opens", "closes"))


@transaction.atomic
def amend_lab(lab: Lab, *, by: Actor, seen: str, **fields: Any) -> Lab:
    """Write what a lab says of itself (`fields`: those of DETAILS).

    `seen` is the details_mark that the writer had before their eyes: raise ChangedElsewhere, with the lab as it stands,
    when somebody changed it since. Nothing is written when nothing changed.
    """
    return _amend(lab, fields, DETAILS, "lab.amend", by, seen)


@transaction.atomic
def set_promises(lab: Lab, *, by: Actor, seen: str, **fields: Any) -> Lab:
    """Write what a lab promises (`fields`: those of PROMISES); needs that are open keep the date they have.

    Raise ChangedElsewhere as amend_lab does.
    """
    return _amend(lab, fields, PROMISES, "lab.promise", by, seen)


def _amend(lab: Lab, fields: dict[str, Any], names: Sequence[str], verb: str, by: Actor, seen: str) -> Lab:
    if unknown := set(fields) - set(names):
        raise TypeError(f"not fields of {verb}: {sorted(unknown)}")
    current = Lab.objects.select_for_update(of=("self",), no_key=True).get(pk=lab.pk)
    changed = [name for name, value in fields.items() if getattr(current, name) != value]
    # The same form sent twice finds everything as it wants it.
    if not changed:
        return current
    if seen != mark_of(getattr(current, name) for name in names):
        raise ChangedElsewhere(current)
    was = {name: str(getattr(current, name)) for name in changed}
    for name in changed:
        setattr(current, name, fields[name])
    current.save(update_fields=changed)
    # What is promised is told with its figures; names and numbers of telephones need no second copy.
    detail: dict[str, Any] = {"changed": sorted(changed)}
    if verb == "lab.promise":
        detail |= {"was": was, "is": {name: str(fields[name]) for name in changed}}
    record_act(verb, current, by=by, lab_id=current.pk, detail=detail)
    return current


@transaction.atomic
def set_openings(lab: Lab, *, by: Actor, seen: str, spans: Iterable[Span]) -> list[Span]:
    """Write when the desk is open, all the week at once; `seen` is the mark_of(openings_of(lab)) that was read.

    Raise ChangedElsewhere, with the spans as they stand, when somebody changed them since.
    """
    Lab.objects.select_for_update(of=("self",), no_key=True).get(pk=lab.pk)
    wanted, standing = sorted(set(spans)), openings_of(lab)
    if wanted == standing:
        return standing
    if seen != mark_of(standing):
        raise ChangedElsewhere(standing)
    Opening.objects.filter(lab=lab).delete()
    Opening.objects.bulk_create(
        Opening(lab=lab, weekday=weekday, opens=opens, closes=closes) for weekday, opens, closes in wanted
    )
    record_act("lab.set_hours", lab, by=by, lab_id=lab.pk, detail={"spans": len(wanted)})
    _days_changed(lab, by)
    return wanted


def days_to_close(lab: Lab, first: date, last: date) -> list[date]:
    """Give the days from `first` to `last` on which the lab would work, or open its door, if it did not close.

    Raise DayIsPast, ClosingTooLong.
    """
    if first < timezone.localdate():
        raise DayIsPast
    if last < first or (last - first).days >= LONGEST_CLOSING:
        raise ClosingTooLong
    closed = frozenset(ClosingDay.objects.filter(lab=lab, on__range=(first, last)).values_list("on", flat=True))
    open_on = set(Opening.objects.filter(lab=lab).values_list("weekday", flat=True))
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return [
        day
        for day in days
        if day not in closed
        and (is_working_day(lab, day, closed) or day.weekday() in open_on)
        and day not in public_holidays(day.year, lab.province)
    ]


def falling_on(lab: Lab, days: Sequence[date]) -> list[Falling]:
    """Give what has a date on some days, as the rooms that keep dates tell it (settings.DATES_FALLING)."""
    if not days:
        return []
    told = (import_string(path)(lab, days) for path in settings.DATES_FALLING)
    return [Falling(str(label), count) for label, count in told if count]


@transaction.atomic
def close_lab_between(lab: Lab, *, first: date, last: date, reason: str, by: Actor) -> list[date]:
    """Declare the lab closed on the days between two on which it would work; give them.

    Dates that fall there stay as they are; the clock of new promises stops. Raise DayIsPast, ClosingTooLong,
    NothingToClose.
    """
    Lab.objects.select_for_update(of=("self",), no_key=True).get(pk=lab.pk)
    days = days_to_close(lab, first, last)
    if not days:
        raise NothingToClose
    for day in days:
        close_lab_on(lab, on=day, reason=reason, by=by)
    _days_changed(lab, by)
    return days


@transaction.atomic
def take_back_closing(lab: Lab, *, on: date, by: Actor) -> bool:
    """Open the lab after all on a day to come; give whether it had been closed. Raise DayIsPast."""
    if on < timezone.localdate():
        raise DayIsPast
    taken_back = open_lab_on(lab, on=on, by=by)
    if taken_back:
        _days_changed(lab, by)
    return taken_back


def _days_changed(lab: Lab, by: Actor) -> None:
    """Tell the rooms that offer times on the lab's days (settings.DAYS_CHANGED), in the same transaction."""
    for path in settings.DAYS_CHANGED:
        import_string(path)(lab, by=by)
