"""What was published of a month, a quarter or a year, ready to be shown: the same on screen, in a file, on paper."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db.models import OuterRef, Subquery
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from ballatoio.base.core.masking import MINIMUM_COUNT, Shown, add_up
from ballatoio.base.labs.models import Lab

from .models import Publication
from .spans import Span, months_between, span_around

Kind = Publication.Kind


@dataclass(frozen=True)
class Line:
    """A count with its name; `at_least` when more of it may stand among the others of some month."""

    key: str
    label: str
    count: int
    at_least: bool
    depth: int
    share: int

    @property
    def text(self) -> str:
        """How the count is written."""
        return _("almeno %(count)s") % {"count": self.count} if self.at_least else str(self.count)


@dataclass(frozen=True)
class Table:
    """Counts of one kind; `is_hidden` when even all of them together are too few to be shown."""

    name: str
    title: str
    lines: list[Line]
    rest: int
    total: str
    is_hidden: bool


@dataclass(frozen=True)
class MonthTotal:
    """All the needs of a month of the period; `text` says so when it was not published."""

    name: str
    text: str
    share: int


@dataclass(frozen=True)
class Published:
    """All that is shown of a period."""

    span: Span
    tables: list[Table]
    houses: Table | None
    months: list[MonthTotal]
    missing: int
    days: float | None

    def table(self, name: str) -> Table:
        """Give one of the tables by its name."""
        return next(table for table in self.tables if table.name == name)

    @property
    def query(self) -> str:
        """The period as an address of these pages."""
        return query_of(self.span)

    @property
    def earlier(self) -> str:
        return query_of(self.span.before)

    @property
    def later(self) -> str:
        return query_of(self.span.after)

    @property
    def lengths(self) -> list[tuple[str, str, bool]]:
        """The month, the quarter and the year around the period: name, address, whether it is this one."""
        names = ((1, _("Un mese")), (3, _("Un trimestre")), (12, _("Un anno")))
        spans = [(name, span_around(self.span.first, months)) for months, name in names]
        return [(name, query_of(span), span == self.span) for name, span in spans]

    @property
    def all_tables(self) -> list[Table]:
        return [*self.tables, *([self.houses] if self.houses else [])]


def query_of(span: Span) -> str:
    """Give a period as these pages name it in their address."""
    return f"dal={span.first:%Y-%m}&mesi={span.months}"


def titles() -> dict[str, str]:
    """Give the titles of the tables, in the order in which they are shown."""
    return {
        "topic": _("Che cosa hanno chiesto"),
        "ending": _("Com’è finita"),
        "channel": _("Come sono arrivati"),
        "language": _("Lingue usate"),
        "who": _("Conosciuti o anonimi"),
    }


def last_published(lab: Lab) -> date | None:
    """Give the last month of a lab that was published."""
    found = Publication.objects.filter(lab=lab, kind=Kind.MONTH).order_by("-first")
    return found.values_list("first", flat=True).first()


def latest_months(labs: Iterable[Lab]) -> dict[UUID, Publication]:
    """Give the last published month of each lab that has one: one query."""
    of_lab = Publication.objects.filter(lab=OuterRef("lab"), kind=Kind.MONTH).order_by("-first")
    found = Publication.objects.filter(lab__in=labs, kind=Kind.MONTH, first=Subquery(of_lab.values("first")[:1]))
    return {publication.lab_id: publication for publication in found.defer("unpublished").order_by("pk")}


def published(lab: Lab, span: Span) -> Published:
    """Give what was published of a month, a quarter or a year: one query. A longer period is the sum of its parts."""
    inside = Publication.objects.filter(lab=lab, first__gte=span.first, first__lte=span.last).order_by("first")
    found = list(inside)
    months = [publication for publication in found if publication.kind == Kind.MONTH]
    quarters = [publication for publication in found if publication.kind == Kind.QUARTER]
    wanted = list(months_between(span.first, span.last))
    return Published(
        span=span,
        tables=[_table(name, title, months) for name, title in titles().items()] if months else [],
        houses=_table("house", _("In quali case"), quarters) if quarters and span.months >= 3 else None,
        months=_months(wanted, {month.first: month.content["topic"]["total"] for month in months}),
        missing=len(wanted) - len(months),
        days=months[0].content["days"] if len(months) == 1 and span.months == 1 else None,
    )


def _months(wanted: list[date], totals: dict[date, int | None]) -> list[MonthTotal]:
    most = max((total or 0 for total in totals.values()), default=0)
    rows = []
    for month in wanted:
        total = totals.get(month, -1)
        few = _("meno di %(count)s") % {"count": MINIMUM_COUNT}
        text = _("non pubblicato") if total == -1 else few if total is None else str(total)
        share = round(100 * max(total or 0, 0) / most) if most else 0
        rows.append(MonthTotal(date_format(month, "F Y").lower(), text, share))
    return rows


def _table(name: str, title: str, publications: list[Publication]) -> Table:
    shown = add_up(Shown.from_data(publication.content[name]) for publication in publications)
    names: dict[str, str] = {}
    for publication in publications:
        names |= publication.content["names"][name]
    most = max((part.total or 0 for key, part in shown.parts.items() if key), default=0)
    total = str(shown.total) if shown.is_whole else _("almeno %(count)s") % {"count": shown.total or 0}
    return Table(
        name=name,
        title=title,
        lines=list(_lines(shown, names, most)),
        rest=shown.rest if shown.parts else 0,
        total=_("meno di %(count)s") % {"count": MINIMUM_COUNT} if shown.total is None else total,
        is_hidden=shown.total is None,
    )


def _lines(shown: Shown, names: dict[str, str], most: int, depth: int = 0, above: str = "") -> Iterable[Line]:
    """Give the parts, the largest first, each followed by its own."""
    # What is of no house comes last.
    for key, part in sorted(shown.parts.items(), key=lambda item: (not item[0], -(item[1].total or 0), item[0])):
        count = part.total or 0
        share = min(100, round(100 * count / most)) if most and key else 0
        name = names.get(key, key)
        if count:
            label = _("%(topic)s, senza altro") % {"topic": name} if depth and key == above else name
            yield Line(key, label, count, not part.is_whole, depth, share)
        # A topic that has one part only, of its own name, is said once.
        if part.parts and set(part.parts) != {key}:
            yield from _lines(part, names, most, depth + 1, key)
            if part.rest:
                rest = round(100 * part.rest / most) if most else 0
                yield Line("", _("altro"), part.rest, False, depth + 1, rest)


def house_counts(table: Table | None) -> dict[UUID, tuple[int, str, str]]:
    """Give what the map shows of each house: the count, what is said of it, and no address to go to."""
    lines = table.lines if table else []
    return {UUID(line.key): (line.count, f"{line.label}: {line.text}", "") for line in lines if line.key}


def notes(found: Published) -> list[str]:
    """Give what a reader has to know of these numbers."""
    lines = [
        _("Ogni mese si conta una volta sola, il primo giorno di lavoro del mese dopo. Poi non cambia più."),
        _("I numeri sotto %(count)s non si mostrano mai: stanno in «tutti gli altri», insieme ad altri.")
        % {"count": MINIMUM_COUNT},
    ]
    if any(line.at_least for table in found.all_tables for line in table.lines):
        lines.append(_("«Almeno» vuol dire che in qualche mese il numero era troppo piccolo, e sta negli altri."))
    if found.span.months == 1:
        lines.append(_("Le case si pubblicano per trimestre."))
    if found.missing:
        lines.append(_("Mancano dei mesi: non sono ancora finiti, o il laboratorio non c’era."))
    return lines
