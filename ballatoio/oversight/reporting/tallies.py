"""Needs counted by topic, house, language, channel and month, over years of a desk within one page's time.

A month's counts are kept beforehand (NeedTally), for all its needs and for each topic, language and channel; a month of
which something changed since (TouchedDay, written by the database) is counted from its records until that is done
again. So a figure is always the number of records that it opens, whether the job ran or not.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import reduce
from operator import or_
from typing import Any
from uuid import UUID

from django.db.models import Case, CharField, Count, IntegerField, Q, Value, When
from django.db.models.functions import Cast
from django.utils import timezone

from ballatoio.base.labs.models import Lab
from ballatoio.care.desk.lists import day_start, of_house
from ballatoio.care.desk.models import Need, NeedQuerySet

from .models import NeedTally, TouchedDay
from .spans import month_of, months_between, next_month

Axis = NeedTally.Axis
# Term and building (ids in hexadecimal, "" when there is none), language, channel, how many.
Row = tuple[str, str, str, str, int]


@dataclass(frozen=True)
class Asked:
    """Which needs are counted: opened from `first` to `last`; of some terms, a language, a channel, a house."""

    first: date
    last: date
    # Ids of terms in hexadecimal, "" among them for needs in the person's own words; None for all.
    terms: frozenset[str] | None = None
    language: str = ""
    channel: str = ""
    # The id of a house, or NOWHERE for those that are of none.
    house: UUID | str = ""

    @property
    def axes(self) -> list[tuple[str, frozenset[str]]]:
        """The filters in use, as the axes and values of a tally."""
        given = [(Axis.TERM, self.terms)] if self.terms is not None else []
        given += [(Axis.LANGUAGE, frozenset([self.language]))] if self.language else []
        given += [(Axis.CHANNEL, frozenset([self.channel]))] if self.channel else []
        return [(str(axis), values) for axis, values in given]


@dataclass
class Counts:
    """Needs counted by each thing that they have; every counter adds up to `total`."""

    total: int = 0
    terms: "Counter[str]" = field(default_factory=Counter)
    buildings: "Counter[str]" = field(default_factory=Counter)
    languages: "Counter[str]" = field(default_factory=Counter)
    channels: "Counter[str]" = field(default_factory=Counter)
    months: "Counter[date]" = field(default_factory=Counter)

    def add(self, row: Row, month: date) -> None:
        """Count the needs of one row."""
        term, building, language, channel, n = row
        self.total += n
        self.terms[term] += n
        self.buildings[building] += n
        self.languages[language] += n
        self.channels[channel] += n
        self.months[month] += n

    def add_content(self, content: dict[str, Any], month: date) -> None:
        """Count what a tally holds."""
        self.total += content["n"]
        self.months[month] += content["n"]
        for counter, name in ((self.terms, "t"), (self.buildings, "b"), (self.languages, "l"), (self.channels, "c")):
            counter.update(content[name])

    def content(self) -> dict[str, Any]:
        """Give the same as a tally keeps it."""
        counters = {"t": self.terms, "b": self.buildings, "l": self.languages, "c": self.channels}
        return {"n": self.total, **counters}


def needs_asked(lab: Lab, asked: Asked | None) -> NeedQuerySet:
    """Give the needs of a lab that pass the filters, of any period."""
    needs = Need.objects.filter(lab=lab)
    if asked is None:
        return needs
    if asked.terms is not None:
        ids = [term for term in asked.terms if term]
        needs = needs.filter(Q(term__in=ids) | Q(term__isnull=True) if "" in asked.terms else Q(term__in=ids))
    if asked.language:
        needs = needs.filter(contact__language=asked.language)
    if asked.channel:
        needs = needs.filter(contact__channel=asked.channel)
    if asked.house:
        needs = needs.filter(of_house(asked.house))
    return needs


def read_rows(lab: Lab, spans: Sequence[tuple[date, date]], asked: Asked | None = None) -> Iterator[tuple[date, Row]]:
    """Count the records themselves, those opened in the `spans` (first and last day), by month: one query."""
    starts = [(day_start(first), day_start(last + timedelta(days=1))) for first, last in spans]
    inside = reduce(or_, (Q(opened_at__gte=start, opened_at__lt=end) for start, end in starts))
    needs = needs_asked(lab, asked).filter(inside, opened_at__gte=starts[0][0], opened_at__lt=starts[-1][1])
    # A house must not tell where a protected person lives.
    house = Case(When(person__is_protected=True, then=None), default=Cast("building_id", CharField()))
    months = [month for first, last in spans for month in months_between(first, last)]
    ends = [When(opened_at__lt=day_start(next_month(month)), then=Value(at)) for at, month in enumerate(months)]
    month = Case(*ends[:-1], default=Value(len(months) - 1), output_field=IntegerField())
    grouped = needs.order_by().annotate(topic=Cast("term_id", CharField()), house=house, at=month)
    columns = ("at", "topic", "house", "contact__language", "contact__channel")
    for at, topic, building, language, channel, n in grouped.values_list(*columns).annotate(n=Count("pk")):
        # As text out of the database: making thousands of UUIDs takes longer than counting.
        yield months[at], ((topic or "").replace("-", ""), (building or "").replace("-", ""), language, channel, n)


def count_needs(lab: Lab, asked: Asked) -> Counts:
    """Count the needs of a period: all together, and how many they were in each month.

    Four queries at most with one filter or none; one with more, or of a house: then all is counted from the records,
    which are fewer.
    """
    counts = Counts()
    _count(lab, asked, lambda _month: counts)
    return counts


def count_months(lab: Lab, asked: Asked) -> dict[date, Counts]:
    """Count the needs of a period month by month; queries as above."""
    counts: dict[date, Counts] = defaultdict(Counts)
    _count(lab, asked, counts.__getitem__)
    return counts


def _count(lab: Lab, asked: Asked, counts_of: Callable[[date], Counts]) -> None:
    """Add the needs of each month to what `counts_of` gives, from tallies where they hold, from records elsewhere."""
    axes = asked.axes
    kept = _kept_months(lab, asked) if len(axes) < 2 and not asked.house else set()
    if kept:
        axis, values = axes[0] if axes else (str(Axis.ALL), frozenset([""]))
        tallies = NeedTally.objects.filter(lab=lab, axis=axis, value__in=values, month__in=kept).order_by()
        for month, content in tallies.values_list("month", "content"):
            counts_of(month).add_content(content, month)
    if spans := list(_spans_without(kept, asked)):
        for month, row in read_rows(lab, spans, asked):
            counts_of(month).add(row, month)


def _kept_months(lab: Lab, asked: Asked) -> set[date]:
    """Give the months of a period that need not be counted: tallied, or before all needs, and nothing changed since."""
    kept = set(NeedTally.objects.filter(lab=lab, axis=Axis.ALL, value="").order_by().values_list("month", flat=True))
    if not kept:
        return kept
    # Of the present month nothing is still to come: what goes until today, has all of it.
    last = date.max if asked.last >= timezone.localdate() else asked.last
    began, months = min(kept), set()
    for month in months_between(asked.first, asked.last):
        is_whole = asked.first <= month and next_month(month) - timedelta(days=1) <= last
        if month < began or (month in kept and is_whole):
            months.add(month)
    return months - touched_months(lab)


def touched_months(lab: Lab) -> set[date]:
    """Give the months of which something changed since they were tallied."""
    days = TouchedDay.objects.filter(lab=lab).order_by().values_list("day", flat=True).distinct()
    return {month for day in days for month in months_of_utc_day(day)}


def months_of_utc_day(day: date) -> set[date]:
    """Give the months in which a day of UTC begins and ends where the lab is."""
    start = datetime.combine(day, time.min, UTC)
    return {month_of(timezone.localdate(start + timedelta(hours=hours))) for hours in (0, 24)}


def _spans_without(kept: set[date], asked: Asked) -> Iterator[tuple[date, date]]:
    """Give what is left of a period without some of its months, in pieces as long as possible."""
    first: date | None = None
    for month in months_between(asked.first, asked.last):
        if month in kept:
            if first is not None:
                yield first, month - timedelta(days=1)
            first = None
        elif first is None:
            first = max(month, asked.first)
    if first is not None:
        yield first, asked.last


def tally_rows(rows: Iterable[Row], month: date) -> dict[tuple[str, str], Counts]:
    """Give the counts of a month by axis and value: of all, and of each topic, language and channel."""
    found: dict[tuple[str, str], Counts] = defaultdict(Counts)
    # A month without needs is tallied too.
    found[str(Axis.ALL), ""] = Counts()
    for row in rows:
        term, _building, language, channel, _n = row
        for axis, value in ((Axis.ALL, ""), (Axis.TERM, term), (Axis.LANGUAGE, language), (Axis.CHANNEL, channel)):
            found[str(axis), value].add(row, month)
    return found
