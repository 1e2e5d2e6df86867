"""The needs of a period by house, stair, topic, month and language: each number with the list that it counts."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from urllib.parse import quote_plus, urlencode
from uuid import UUID

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from ballatoio.base.directory.models import NeedTerm
from ballatoio.base.labs.models import Lab
from ballatoio.base.people.models import HouseholdMember
from ballatoio.base.territory.drawing import Outlines, house_outlines
from ballatoio.base.territory.models import Building, Stair
from ballatoio.care.desk.charts import Bar, Chart, bar_chart
from ballatoio.care.desk.forms import language_choices
from ballatoio.care.desk.lists import NOWHERE, day_start, top_terms

from .spans import Span, months_between, next_month
from .tallies import Asked, count_needs, needs_asked

# The needs that are in the person's own words stand under no topic.
OWN_WORDS = "senza"
# So many houses stand in the table at once; whoever wants the others asks for them.
HOUSES_SHOWN = 25
# How dark a house is: from none of the most needs that a house has, to all of them.
SHADES = 4
# With more months than these a chart has room for the names of the years alone.
MONTHS_NAMED = 14


@dataclass(frozen=True)
class Row:
    """A count with its name: `opens` is the address of the list that it counts, `inside` that of a closer look."""

    label: str
    count: int
    opens: str
    inside: str = ""
    share: int = 0


@dataclass(frozen=True)
class HouseShape:
    """A house on the map: its outline, how dark it is, what to say of it, and where it leads."""

    path: str
    shade: int
    title: str
    inside: str


@dataclass(frozen=True)
class MonthBar:
    """A month in the chart; `label` is empty where there is no room for it."""

    bar: Bar
    label: str
    row: Row


@dataclass(frozen=True)
class NeedsMap:
    """All that the page shows of the needs of a period."""

    span: Span
    total: Row
    topics: list[Row]
    houses: list[Row]
    more_houses: int
    no_house: Row
    months: list[MonthBar]
    languages: list[Row]
    chart: Chart
    drawing: Outlines | None
    shapes: list[HouseShape] = field(default_factory=list)
    house: Building | None = None
    stairs: list[Row] = field(default_factory=list)
    topic: str = ""
    filters: dict[str, str] = field(default_factory=dict)

    @property
    def earlier_query(self) -> str:
        """The same page, one period before."""
        return self._query(self.span.before)

    @property
    def later_query(self) -> str:
        """The same page, one period after."""
        return self._query(self.span.after)

    @property
    def without_house_query(self) -> str:
        """The same page, of all houses."""
        return self._query(self.span, "casa")

    @property
    def without_topic_query(self) -> str:
        """The same page, of all topics."""
        return self._query(self.span, "bisogno")

    def _query(self, span: Span, without: str = "") -> str:
        kept = {name: value for name, value in self.filters.items() if name != without}
        return urlencode({**span.filters, **kept})


def needs_map(
    lab: Lab, span: Span, asked: Mapping[str, Any], *, terms: Iterable[NeedTerm], all_houses: bool
) -> NeedsMap:
    """Count the needs of a period that pass the filters `asked` (bisogno, lingua, canale, casa), in every way."""
    terms = list(terms)
    chosen = next((term for term in terms if term.code == asked.get("bisogno")), None)
    house = Building.objects.of_lab(lab).filter(pk=asked["casa"]).first() if _is_house(asked) else None
    what = what_is_asked(span, asked, terms)
    counts = count_needs(lab, what)
    filters = {name: str(asked[name]) for name in ("bisogno", "lingua", "canale", "casa") if name in asked}
    addresses = _Addresses(span, filters)
    houses = _houses(lab, counts.buildings, addresses)
    shown = houses if all_houses else houses[:HOUSES_SHOWN]
    months = _months(span, counts.months, addresses)
    drawing = None if house else house_outlines(lab)
    on_map = {pk: (row.count, f"{row.label}: {row.count}", row.inside) for pk, row in houses}
    return NeedsMap(
        span=span,
        total=addresses.row(_("In tutto"), counts.total, {}),
        topics=_topics(terms, counts.terms, chosen, addresses),
        houses=[row for _pk, row in shown],
        more_houses=len(houses) - len(shown),
        no_house=addresses.row(_("Nessuna casa indicata"), counts.buildings[""], {"casa": NOWHERE}),
        months=months,
        languages=_languages(counts.languages, addresses),
        chart=bar_chart([(bar.row.label, bar.row.count) for bar in months]),
        drawing=drawing,
        shapes=shapes_of(drawing, on_map) if drawing else [],
        house=house,
        stairs=_stairs(house, span, what, addresses) if house else [],
        filters=filters,
        topic=chosen.name if chosen else _("con parole sue") if asked.get("bisogno") == OWN_WORDS else "",
    )


def _is_house(asked: Mapping[str, Any]) -> bool:
    return isinstance(asked.get("casa"), UUID)


def what_is_asked(span: Span, asked: Mapping[str, Any], terms: Iterable[NeedTerm]) -> Asked:
    """Give the filters of the page as the tallies take them."""
    code, wanted = asked.get("bisogno"), None
    if code == OWN_WORDS:
        wanted = frozenset([""])
    elif code:
        top = {term.pk for term in terms if term.code == code}
        wanted = frozenset(term.pk.hex for term in terms if {term.pk, term.parent_id} & top)
    return Asked(
        first=span.first,
        last=span.last,
        terms=wanted,
        language=asked.get("lingua", ""),
        channel=asked.get("canale", ""),
        house=asked.get("casa", ""),
    )


class _Addresses:
    """Where the numbers of the page lead: to the list with the filters of the page and one more."""

    def __init__(self, span: Span, filters: Mapping[str, str]) -> None:
        self.lists = {**span.filters, "stato": "tutti", **filters}
        self.pages = {**span.filters, **filters}
        # A page has a hundred rows, and they differ in one filter.
        self.begun: dict[tuple[int, tuple[str, ...]], str] = {}

    def row(
        self,
        label: str,
        count: int,
        more: Mapping[str, str],
        *,
        share: int = 0,
        inside: Mapping[str, str] | None = None,
    ) -> Row:
        """Give a row that opens the list with `more` filters, and looks closer with those `inside`."""
        return Row(label, count, self._with(self.lists, more), self._with(self.pages, inside) if inside else "", share)

    def _with(self, filters: Mapping[str, str], more: Mapping[str, str]) -> str:
        key = (id(filters), tuple(more))
        if key not in self.begun:
            self.begun[key] = urlencode({name: value for name, value in filters.items() if name not in more})
        return "&".join([self.begun[key], *(f"{name}={quote_plus(value, safe='/')}" for name, value in more.items())])


def _share(count: int, most: int) -> int:
    return round(100 * count / most) if most else 0


def _topics(terms: list[NeedTerm], counts: "Counter[str]", chosen: NeedTerm | None, to: _Addresses) -> list[Row]:
    """Give the topics, or what a topic is made of, the most frequent first."""
    if chosen is not None:
        found = {term: counts[term.pk.hex] for term in terms if counts[term.pk.hex]}
        most = max(found.values(), default=0)
        rows = []
        for term, n in found.items():
            whole = term == chosen and term.parent_id is None
            label = _("%(topic)s, senza altro") % {"topic": term.name} if whole else term.name
            more = {"bisogno": term.code} | ({"solo": "on"} if whole else {})
            rows.append(to.row(label, n, more, share=_share(n, most)))
        return sorted(rows, key=lambda row: (-row.count, row.label))
    tops, sums = top_terms(terms), Counter[str]()
    for pk, n in counts.items():
        top = tops.get(UUID(pk)) if pk else None
        sums[top.code if top else OWN_WORDS] += n
    names = {term.code: term.name for term in terms} | {OWN_WORDS: _("con parole sue")}
    most = max(sums.values(), default=0)
    rows = []
    for code, n in sorted(sums.items(), key=lambda item: (-item[1], names[item[0]])):
        here = {"bisogno": code}
        rows.append(to.row(names[code], n, here, share=_share(n, most), inside=None if code == OWN_WORDS else here))
    return rows


def _houses(lab: Lab, counts: "Counter[str]", to: _Addresses) -> list[tuple[UUID, Row]]:
    """Give the houses that have needs, those with the most first."""
    ids = [UUID(building) for building in counts if building]
    names = {house.pk: str(house) for house in Building.objects.of_lab(lab).filter(pk__in=ids).only("street", "civic")}
    most = max((counts[pk.hex] for pk in names), default=0)
    found = [
        (pk, to.row(name, n, {"casa": str(pk)}, share=_share(n, most), inside={"casa": str(pk)}))
        for pk, name in names.items()
        if (n := counts[pk.hex])
    ]
    return sorted(found, key=lambda pair: (-pair[1].count, pair[1].label))


def shapes_of(drawing: Outlines, counts: Mapping[UUID, tuple[int, str, str]]) -> list[HouseShape]:
    """Give the houses of a map, the darker the higher their count; `counts` says it, its title and its address."""
    most = max((count for count, _title, _inside in counts.values()), default=0)
    shapes = []
    for pk, path in drawing.houses.items():
        count, title, inside = counts.get(pk, (0, "", ""))
        # Every house that has any is darker than those that have none.
        shapes.append(HouseShape(path, -(-SHADES * count // most) if count else 0, title, inside))
    return shapes


def _months(span: Span, counts: "Counter[date]", to: _Addresses) -> list[MonthBar]:
    months = list(months_between(span.first, span.last))
    long_names = [date_format(date(2000, month, 1), "F").lower() for month in range(1, 13)]
    rows = []
    for month in months:
        inside = Span(max(month, span.first), min(next_month(month) - timedelta(days=1), span.last))
        rows.append(to.row(f"{long_names[month.month - 1]} {month.year}", counts[month], inside.filters))
    bars = bar_chart([(row.label, row.count) for row in rows]).bars
    few = len(rows) <= MONTHS_NAMED
    return [
        MonthBar(bar, date_format(month, "M").lower() if few else str(month.year) if month.month == 1 else "", row)
        for bar, month, row in zip(bars, months, rows, strict=True)
    ]


def _languages(counts: "Counter[str]", to: _Addresses) -> list[Row]:
    names, most = dict(language_choices()), max(counts.values(), default=0)
    return [
        to.row(str(names.get(code, code)), n, {"lingua": code}, share=_share(n, most))
        for code, n in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]


def _stairs(house: Building, span: Span, asked: Asked, to: _Addresses) -> list[Row]:
    """Give the needs of a house by the stair on which whoever asked lives today: two queries."""
    start, end = day_start(span.first), day_start(span.last + timedelta(days=1))
    needs = needs_asked(house.lab, asked).filter(opened_at__gte=start, opened_at__lt=end)
    people = list(needs.order_by().values_list("person", flat=True))
    living = HouseholdMember.objects.filter(
        until__isnull=True,
        household__dwellings__until__isnull=True,
        household__dwellings__dwelling__stair__building=house,
        person__in=set(people) - {None},
    )
    stair_of = dict(living.order_by().values_list("person", "household__dwellings__dwelling__stair"))
    counts = Counter(stair_of.get(person) for person in people)
    stairs = Stair.objects.filter(building=house).order_by("name")
    most = max(counts.values(), default=0)
    rows = [
        to.row(_("Scala %(name)s") % {"name": stair.name}, n, {"scala": str(stair.pk)}, share=_share(n, most))
        for stair in stairs
        if (n := counts[stair.pk])
    ]
    if counts[None]:
        unknown = to.row(_("Scala non nota"), counts[None], {"scala": NOWHERE}, share=_share(counts[None], most))
        rows.append(unknown)
    return rows
