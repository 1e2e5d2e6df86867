"""Which topics grow: asked more in the last four weeks than the half year before lets one expect.

The rule, in plain words: of the needs of the last 28 days so many are about this topic that chance alone would rarely
bring them. Given all the needs of the topic in both periods, each falls into the last one with the share that the last
one has of the time, or of all other needs if that is more (a desk that was closed, or has never been so busy, makes
nothing grow): the binomial test of two counts of Przyborowski and Wilenski (Biometrika 31, 1940). Because many topics
are looked at together, the limit is parted among them (Bonferroni). What few people ask does not shout: under
LEAST_ASKED, or under half as much again as expected, nothing is said. If it was the same a year ago, that is said too.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from math import exp, lgamma, log
from urllib.parse import urlencode
from uuid import UUID

from django.core.cache import cache
from django.db.models import Count, Min, Q
from django.utils import timezone

from ballatoio.base.directory.models import NeedTerm
from ballatoio.base.labs.models import Lab
from ballatoio.care.desk.lists import day_start, top_terms
from ballatoio.care.desk.models import Need

from .spans import Span, month_of, months_between, next_month
from .tallies import Asked, Counts, count_months

RECENT_DAYS = 28
BEFORE_DAYS = 182
# With less than this behind it a lab cannot tell what is usual.
LEAST_BEFORE_DAYS = 56
LEAST_ASKED = 5
LEAST_FACTOR = 1.5
LIMIT = 0.05
# The same weekdays, a year ago.
YEAR_DAYS = 364
MONTHS_SHOWN = 12
KEPT_SECONDS = 1800


@dataclass(frozen=True)
class Counted:
    """How often something was asked lately, before that, and in the same four weeks of last year."""

    recent: int
    before: int
    last_year: int


@dataclass(frozen=True)
class Growth:
    """A topic that grows; `last_year` is None when the lab was not there a year ago."""

    code: str
    name: str
    recent: int
    usual: int
    last_year: int | None
    opens: str

    @property
    def is_seasonal(self) -> bool:
        """Whether it was much the same a year ago."""
        return self.last_year is not None and self.last_year * LEAST_FACTOR >= self.recent


@dataclass(frozen=True)
class Month:
    """How often a topic was asked in a month: `opens` is the list, `height` that of its bar in percent."""

    first: date
    count: int
    opens: str
    height: int

    @property
    def top(self) -> int:
        """Where the bar begins, counted from above."""
        return 100 - self.height


@dataclass(frozen=True)
class Trend:
    """A topic over the months."""

    name: str
    months: list[Month]
    total: int
    growth: Growth | None


def chance_of(recent: int, before: int, share: float) -> float:
    """Give how likely so many or more of the needs fall into the last period when each does with `share`.

    >>> round(chance_of(3, 0, 0.5), 3)
    0.125
    """
    n = recent + before
    ways = (lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) for k in range(recent, n + 1))
    return min(1.0, sum(exp(way + k * log(share) + (n - k) * log(1 - share)) for k, way in enumerate(ways, recent)))


def is_growing(topic: Counted, everything: Counted, *, before_days: int, compared: int) -> bool:
    """Tell whether a topic grows, among `compared` topics; `everything` counts the needs of all of them."""
    share, expected = _usual(topic, everything, before_days)
    if topic.recent < LEAST_ASKED or topic.recent < LEAST_FACTOR * expected:
        return False
    return chance_of(topic.recent, topic.before, share) * compared <= LIMIT


def _usual(topic: Counted, everything: Counted, before_days: int) -> tuple[float, float]:
    """Give the share of its needs that the last four weeks would have, and how many one would expect then."""
    recent, before = everything.recent - topic.recent, everything.before - topic.before
    by_time = RECENT_DAYS / (RECENT_DAYS + before_days)
    by_use = recent / (recent + before) if recent + before else 0.0
    share = min(max(by_time, by_use), 0.99)
    return share, topic.before * share / (1 - share)


def growing_topics(lab: Lab, today: date | None = None) -> list[Growth]:
    """Give the topics of a lab that grow, the clearest first; for whoever looks often, as of half an hour ago."""
    day = today or timezone.localdate()
    key = f"growing:{lab.pk}:{day}"
    found: list[Growth] | None = cache.get(key)
    if found is None:
        found = find_growing(lab, day)
        cache.set(key, found, KEPT_SECONDS)
    return found


def find_growing(lab: Lab, today: date) -> list[Growth]:
    """Give the topics of a lab that grow: three queries. A topic is named only when no part of it is."""
    terms = list(NeedTerm.objects.order_by("position", "name"))
    began = Need.objects.filter(lab=lab).order_by().aggregate(first=Min("opened_at"))["first"]
    start = today - timedelta(days=RECENT_DAYS)
    before_days = min(BEFORE_DAYS, (start - timezone.localdate(began)).days) if began else 0
    if before_days < LEAST_BEFORE_DAYS or began is None:
        return []
    counted = _count(lab, terms, start, before_days)
    knows_last_year = timezone.localdate(began) <= start - timedelta(days=YEAR_DAYS)
    everything = counted.pop(None)
    compared = sum(topic.recent >= LEAST_ASKED for topic in counted.values())
    growing = {
        pk: topic
        for pk, topic in counted.items()
        if is_growing(topic, everything, before_days=before_days, compared=max(compared, 1))
    }
    parents = {term.parent_id for term in terms if term.pk in growing}
    span = Span(start, today - timedelta(days=1))
    found = []
    for term in terms:
        if term.pk in growing and term.pk not in parents:
            topic = growing[term.pk]
            usual = _usual(topic, everything, before_days)[1]
            last_year = topic.last_year if knows_last_year else None
            opens = urlencode({**span.filters, "stato": "tutti", "bisogno": term.code})
            found.append(Growth(term.code, term.name, topic.recent, round(usual), last_year, opens))
    return sorted(found, key=lambda growth: (growth.usual - growth.recent, growth.name))


def _count(lab: Lab, terms: Iterable[NeedTerm], start: date, before_days: int) -> dict[UUID | None, Counted]:
    """Count the needs of each term, of each topic with its terms, and of all (None)."""
    periods = {
        "recent": (start, RECENT_DAYS),
        "before": (start - timedelta(days=before_days), before_days),
        "last_year": (start - timedelta(days=YEAR_DAYS), RECENT_DAYS),
    }
    inside = {
        name: Q(opened_at__gte=day_start(first), opened_at__lt=day_start(first + timedelta(days=days)))
        for name, (first, days) in periods.items()
    }
    needs = Need.objects.filter(inside["recent"] | inside["before"] | inside["last_year"], lab=lab).order_by()
    columns = {f"n_{name}": Count("pk", filter=condition) for name, condition in inside.items()}
    sums: dict[UUID | None, list[int]] = {None: [0, 0, 0]}
    parents = {term.pk: term.parent_id for term in terms}
    for term, *counts in needs.values_list("term").annotate(**columns):
        for pk in {None, term, parents.get(term)}:
            sums[pk] = [a + b for a, b in zip(sums.get(pk, [0, 0, 0]), counts, strict=True)]
    return {pk: Counted(*counts) for pk, counts in sums.items()}


def topic_trends(lab: Lab, today: date) -> list[Trend]:
    """Give each topic over the last twelve months, the present one included; the most asked first."""
    first = month_of(today)
    for _turn in range(MONTHS_SHOWN - 1):
        first = month_of(first - timedelta(days=1))
    terms = list(NeedTerm.objects.order_by("position", "name"))
    tops = top_terms(terms)
    by_month = count_months(lab, Asked(first, today))
    growing = {growth.code: growth for growth in find_growing(lab, today)}
    parts: dict[UUID, list[NeedTerm]] = {}
    for term in terms:
        parts.setdefault(tops[term.pk].pk, []).append(term)
    months = list(months_between(first, today))
    trends = []
    for pk, inside in parts.items():
        top = tops[pk]
        counts = [_sum(by_month.get(month), inside) for month in months]
        if not sum(counts):
            continue
        most = max(counts)
        grown = next((growing[term.code] for term in inside if term.code in growing), None)
        cells = [
            Month(month, n, _opens(top, month, today), round(100 * n / most))
            for month, n in zip(months, counts, strict=True)
        ]
        trends.append(Trend(top.name, cells, sum(counts), grown))
    return sorted(trends, key=lambda trend: (-trend.total, trend.name))


def _sum(counts: Counts | None, terms: Iterable[NeedTerm]) -> int:
    return sum(counts.terms[term.pk.hex] for term in terms) if counts else 0


def _opens(top: NeedTerm, month: date, today: date) -> str:
    span = Span(month, min(next_month(month) - timedelta(days=1), today))
    return urlencode({**span.filters, "stato": "tutti", "bisogno": top.code})
