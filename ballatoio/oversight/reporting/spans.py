"""Periods from one day to another, and those among them that have a name."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import urlencode

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

# A period of so many whole months has a name: a month, a quarter, a year.
NAMED = (1, 3, 12)


def month_of(day: date) -> date:
    """Give the first day of a month."""
    return day.replace(day=1)


def next_month(day: date) -> date:
    """Give the first day of the month after."""
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def months_between(first: date, last: date) -> Iterator[date]:
    """Give the first days of the months of a period."""
    month = month_of(first)
    while month <= last:
        yield month
        month = next_month(month)


@dataclass(frozen=True)
class Span:
    """A period with its first and its last day."""

    first: date
    last: date

    @property
    def months(self) -> int:
        """How many months the period is, when it is a calendar month, quarter or year; 0 for any other."""
        ends_month = (self.last + timedelta(days=1)).day == 1
        months = (self.last.year - self.first.year) * 12 + self.last.month - self.first.month + 1
        starts_well = self.first.day == 1 and ends_month and months in NAMED
        return months if starts_well and (self.first.month - 1) % months == 0 else 0

    @property
    def name(self) -> str:
        """How the period is said: «ottobre 2026», «luglio–settembre 2026», «2026», «dal 3 al 9 ottobre 2026»."""
        if self.months == 12:
            return str(self.first.year)
        if self.months == 3:
            return f"{date_format(self.first, 'F')}–{date_format(self.last, 'F Y')}".lower()
        if self.months == 1:
            return date_format(self.first, "F Y").lower()
        days = {"first": date_format(self.first, "j F Y").lower(), "last": date_format(self.last, "j F Y").lower()}
        return _("dal %(first)s al %(last)s") % days

    @property
    def query(self) -> str:
        return urlencode(self.filters)

    @property
    def filters(self) -> dict[str, str]:
        """The period as the filters of a list."""
        return {"dal": f"{self.first:%d/%m/%Y}", "al": f"{self.last:%d/%m/%Y}"}

    @property
    def before(self) -> "Span":
        """The period of the same length that ends where this one begins."""
        if not self.months:
            return Span(self.first - (self.last - self.first) - timedelta(days=1), self.first - timedelta(days=1))
        first = self.first
        for _turn in range(self.months):
            first = (first - timedelta(days=1)).replace(day=1)
        return Span(first, self.first - timedelta(days=1))

    @property
    def after(self) -> "Span":
        """The period of the same length that begins where this one ends."""
        if self.months:
            return months_from(self.last + timedelta(days=1), self.months)
        return Span(self.last + timedelta(days=1), self.last + (self.last - self.first) + timedelta(days=1))


def months_from(first: date, months: int) -> Span:
    """Give the period of so many whole months from the first of one on.

    >>> months_from(date(2026, 10, 1), 3).last
    datetime.date(2026, 12, 31)
    """
    after = first
    for _turn in range(months):
        after = next_month(after)
    return Span(first, after - timedelta(days=1))


def span_around(day: date, months: int) -> Span:
    """Give the calendar month (1), quarter (3) or year (12) in which a day falls."""
    first = day.replace(month=day.month - (day.month - 1) % months, day=1)
    return months_from(first, months)


def default_span() -> Span:
    """Give the period that the page begins with: this month and the two before, until today."""
    today = timezone.localdate()
    first = today.replace(day=1)
    for _turn in range(2):
        first = (first - timedelta(days=1)).replace(day=1)
    return Span(first, today)
