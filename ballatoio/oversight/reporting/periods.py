"""The periods that a sheet of the desk speaks of: a day, a month, a year."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from django.utils.formats import date_format

EARLIEST = date(2000, 1, 1)


class Kind(StrEnum):
    """How long a period is; the value is the parameter that names it in an address."""

    DAY = "giorno"
    MONTH = "mese"
    YEAR = "anno"


@dataclass(frozen=True)
class Period:
    """A day, a calendar month or a calendar year, with its first and last day."""

    kind: Kind
    first: date
    last: date

    @property
    def value(self) -> str:
        """How the period is written in an address: 2026-11-22, 2026-11, 2026."""
        return {Kind.DAY: f"{self.first:%Y-%m-%d}", Kind.MONTH: f"{self.first:%Y-%m}", Kind.YEAR: f"{self.first:%Y}"}[
            self.kind
        ]

    @property
    def query(self) -> str:
        return f"{self.kind}={self.value}"

    @property
    def name(self) -> str:
        """How the period is said: «domenica 22 novembre 2026», «novembre 2026», «2026»."""
        form = {Kind.DAY: "l j F Y", Kind.MONTH: "F Y", Kind.YEAR: "Y"}[self.kind]
        return str(date_format(self.first, form)).lower()

    @property
    def before(self) -> "Period":
        return period_of(self.kind, self.first - timedelta(days=1))

    @property
    def after(self) -> "Period":
        return period_of(self.kind, self.last + timedelta(days=1))

    def parts(self) -> Iterator["Period"]:
        """Give the months of a year, the days of a month; a day has none."""
        if self.kind is Kind.DAY:
            return
        inner = Kind.MONTH if self.kind is Kind.YEAR else Kind.DAY
        part = period_of(inner, self.first)
        while part.first <= self.last:
            yield part
            part = part.after


def period_of(kind: Kind, day: date) -> Period:
    """Give the period of a kind in which a day falls.

    >>> period_of(Kind.MONTH, date(2024, 2, 10)).last
    datetime.date(2024, 2, 29)
    """
    if kind is Kind.DAY:
        return Period(kind, day, day)
    if kind is Kind.YEAR:
        return Period(kind, day.replace(month=1, day=1), day.replace(month=12, day=31))
    after = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    return Period(kind, day.replace(day=1), after - timedelta(days=1))


def read_period(asked: Mapping[str, str], today: date) -> Period:
    """Give the period that an address names; the present month when it names none, a wrong one, or one to come."""
    for kind, rest in ((Kind.DAY, ""), (Kind.MONTH, "-01"), (Kind.YEAR, "-01-01")):
        try:
            first = date.fromisoformat(f"{asked.get(kind, '')}{rest}")
        except ValueError:
            continue
        if EARLIEST <= first <= today:
            return period_of(kind, first)
    return period_of(Kind.MONTH, today)
