"""The calendar of a lab: which days count when it has promised an answer."""

from datetime import date, timedelta
from functools import lru_cache
from typing import Any

import holidays
from django.db import transaction

from ballatoio.base.audit.services import Actor, record_act

from .models import ClosingDay, FundingLine, Lab


@lru_cache(maxsize=64)
def public_holidays(year: int, province: str = "") -> frozenset[date]:
    """Give the public holidays of a year, with the patron's day of a province (its two letters) when it is given."""
    return frozenset(holidays.country_holidays("IT", subdiv=province or None, years=year))


def is_working_day(lab: Lab, on: date, closing_days: frozenset[date] | None = None) -> bool:
    """Tell whether `on` is a day from Monday to Friday, no public holiday, on which the lab is not closed.

    `closing_days` spares the query to whoever asks for many days.
    """
    if on.weekday() >= 5 or on in public_holidays(on.year, lab.province):
        return False
    if closing_days is None:
        return not ClosingDay.objects.filter(lab=lab, on=on).exists()
    return on not in closing_days


def add_working_days(lab: Lab, start: date, days: int) -> date:
    """Give the date that is `days` working days of the lab after `start`; its closing days stop the clock."""
    horizon = start + timedelta(days=days * 3 + 60)
    closed = frozenset(ClosingDay.objects.filter(lab=lab, on__range=(start, horizon)).values_list("on", flat=True))
    on, left = start, days
    while left > 0:
        on += timedelta(days=1)
        if is_working_day(lab, on, closed):
            left -= 1
    return on


def next_working_day(lab: Lab, on: date) -> date:
    """Give `on` itself when the lab works on it, else the first working day after."""
    return on if is_working_day(lab, on) else add_working_days(lab, on, 1)


@transaction.atomic
def close_lab_on(lab: Lab, *, on: date, reason: str, by: Actor) -> ClosingDay:
    """Declare the lab closed on a day; saying it twice changes nothing."""
    closing_day, created = ClosingDay.objects.get_or_create(lab=lab, on=on, defaults={"reason": reason})
    if created:
        record_act("lab.close_day", closing_day, by=by, lab_id=lab.pk, detail={"on": on.isoformat()})
    return closing_day


@transaction.atomic
def open_lab_on(lab: Lab, *, on: date, by: Actor) -> bool:
    """Take a closing day back; give whether the lab had been closed on it."""
    taken_back, _ = ClosingDay.objects.filter(lab=lab, on=on).delete()
    if taken_back:
        record_act("lab.open_day", lab, by=by, lab_id=lab.pk, detail={"on": on.isoformat()})
    return bool(taken_back)


class FundingLineIsThere(Exception):
    """The lab has a funding line with this name already."""


@transaction.atomic
def add_funding_line(lab: Lab, *, by: Actor | None, name: str, **fields: Any) -> FundingLine:
    """Write down money that the lab works with (`fields`: those of FundingLine). Raise FundingLineIsThere."""
    if FundingLine.objects.filter(lab=lab, name__iexact=name.strip()).exists():
        raise FundingLineIsThere
    line = FundingLine.objects.create(lab=lab, name=name.strip(), **fields)
    record_act("funding_line.add", line, by=by, lab_id=lab.pk)
    return line
