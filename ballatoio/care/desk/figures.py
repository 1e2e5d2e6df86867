"""The figures of a month of the desk, each with the address of the records that it counts."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median
from typing import Any
from urllib.parse import urlencode

from django.db.models import BooleanField, Count, ExpressionWrapper, Q
from django.db.models.functions import TruncDate
from django.utils import timezone
from django.utils.translation import gettext as _

from ballatoio.base.directory.models import NeedTerm
from ballatoio.base.labs.models import Lab

from .charts import Chart, bar_chart
from .forms import language_choices
from .lists import day_start, top_terms
from .models import Contact, Need


@dataclass(frozen=True)
class Figure:
    """A count with its name; `query` opens the list that it counts."""

    label: str
    count: int
    query: str
    share: int = 0


@dataclass(frozen=True)
class Table:
    """Counts of one kind, with their sum."""

    title: str
    rows: tuple[Figure, ...]
    total: Figure


@dataclass(frozen=True)
class MonthFigures:
    """What a desk did in a month."""

    first: date
    last: date
    before: date
    after: date | None
    contacts: Figure
    anonymous: Figure
    needs: Figure
    days_to_answer: float | None
    answered_query: str
    by_day: tuple[Figure, ...]
    chart: Chart
    channels: Table
    languages: Table
    terms: Table
    endings: Table


def month_from(text: str) -> date:
    """Give the first day of the month written 2026-11; of the present one when it is not a month, or is to come."""
    this = timezone.localdate().replace(day=1)
    try:
        chosen = date.fromisoformat(f"{text}-01")
    except ValueError:
        return this
    return chosen if date(2000, 1, 1) <= chosen <= this else this


def month_figures(lab: Lab, first: date) -> MonthFigures:
    """Give the figures of the month that begins on `first`; five queries, whatever the month holds.

    Contacts count in the month in which they began, needs in that in which they were opened. These are figures for the
    desk alone: what leaves the lab is published by oversight/reporting.
    """
    after = (first + timedelta(days=32)).replace(day=1)
    last = after - timedelta(days=1)
    period = {"dal": f"{first:%d/%m/%Y}", "al": f"{last:%d/%m/%Y}"}
    inside = (day_start(first), day_start(after))
    contacts = _contacts(lab, inside)
    needs = _needs(lab, inside)
    terms = list(NeedTerm.objects.order_by("position", "name"))
    names = dict(language_choices())
    channels = _sum(contacts, "channel")
    by_language = _sum(contacts, "language")
    tables = {
        "channels": _table(
            _("Come sono arrivati"), _labelled(channels, dict(Contact.Channel.choices)), "canale", period
        ),
        "languages": _table(_("Lingue usate"), _labelled(by_language, names), "lingua", period),
        "terms": _table(
            _("Che cosa hanno chiesto"), _by_top_term(needs, terms), "bisogno", period | {"stato": "tutti"}
        ),
        "endings": _table(_("Com’è finita"), _by_ending(needs), "stato", period, total={"stato": "tutti"}),
    }
    by_day = _days(lab, inside, first, last)
    anonymous = sum(row["n"] for row in contacts if row["anonymous"])
    return MonthFigures(
        first=first,
        last=last,
        before=(first - timedelta(days=1)).replace(day=1),
        after=after if after <= timezone.localdate() else None,
        contacts=tables["channels"].total,
        anonymous=Figure(_("anonimi"), anonymous, urlencode(period | {"chi": "anonimo"})),
        needs=tables["terms"].total,
        days_to_answer=_days_to_answer(lab, inside),
        answered_query=urlencode(period | {"stato": Need.State.CLOSED}),
        by_day=by_day,
        chart=bar_chart(
            [(figure.label, figure.count) for figure in by_day],
            marked=frozenset(str(day) for day in range(1, last.day + 1) if first.replace(day=day).weekday() >= 5),
        ),
        **tables,
    )


def _contacts(lab: Lab, inside: tuple[Any, Any]) -> list[dict[str, Any]]:
    anonymous = ExpressionWrapper(Q(person__isnull=True), output_field=BooleanField())
    found = Contact.objects.filter(lab=lab, started_at__gte=inside[0], started_at__lt=inside[1]).order_by()
    return [dict(row) for row in found.values("channel", "language", anonymous=anonymous).annotate(n=Count("pk"))]


def _needs(lab: Lab, inside: tuple[Any, Any]) -> list[dict[str, Any]]:
    found = Need.objects.filter(lab=lab, opened_at__gte=inside[0], opened_at__lt=inside[1]).order_by()
    return [dict(row) for row in found.values("term", "state").annotate(n=Count("pk"))]


def _days_to_answer(lab: Lab, inside: tuple[Any, Any]) -> float | None:
    """Half of the needs whose answer arrived took no more days than this; None when none arrived."""
    answered = Need.objects.filter(
        lab=lab, state=Need.State.CLOSED, opened_at__gte=inside[0], opened_at__lt=inside[1]
    ).order_by()
    waits = [
        (timezone.localdate(closed) - timezone.localdate(opened)).days
        for opened, closed in answered.values_list("opened_at", "closed_at")
    ]
    return median(waits) if waits else None


def _days(lab: Lab, inside: tuple[Any, Any], first: date, last: date) -> tuple[Figure, ...]:
    found = Contact.objects.filter(lab=lab, started_at__gte=inside[0], started_at__lt=inside[1]).order_by()
    counts = dict(found.values_list(TruncDate("started_at")).annotate(n=Count("pk")))
    days = (first + timedelta(days=offset) for offset in range(last.day))
    return tuple(
        Figure(str(day.day), counts.get(day, 0), urlencode({"dal": f"{day:%d/%m/%Y}", "al": f"{day:%d/%m/%Y}"}))
        for day in days
    )


def _sum(rows: Iterable[dict[str, Any]], name: str) -> "Counter[str]":
    counts: Counter[str] = Counter()
    for row in rows:
        counts[row[name]] += row["n"]
    return counts


def _labelled(counts: "Counter[str]", names: dict[str, Any]) -> list[tuple[str, str, int]]:
    """Give (value of the filter, name, count), the most frequent first."""
    return [
        (key, str(names.get(key, key)), count) for key, count in sorted(counts.items(), key=lambda x: (-x[1], x[0]))
    ]


def _by_top_term(needs: Iterable[dict[str, Any]], terms: list[NeedTerm]) -> list[tuple[str, str, int]]:
    tops = top_terms(terms)
    counts: Counter[str] = Counter()
    for row in needs:
        top = tops.get(row["term"])
        counts[top.code if top else "senza"] += row["n"]
    names = {term.code: term.name for term in terms} | {"senza": _("con parole sue")}
    return _labelled(counts, names)


def _by_ending(needs: Iterable[dict[str, Any]]) -> list[tuple[str, str, int]]:
    counts = _sum(needs, "state")
    still_open = sum(counts[state] for state in Need.OPEN_STATES)
    ended = [(str(state), str(Need.State(state).label), counts[state]) for state in Need.CLOSED_STATES]
    return [*ended, ("aperti", _("Ancora aperti"), still_open)]


def _table(
    title: str, rows: list[tuple[str, str, int]], name: str, query: dict[str, str], total: dict[str, str] | None = None
) -> Table:
    most = max((count for _key, _label, count in rows), default=0) or 1
    figures = tuple(
        Figure(label, count, urlencode(query | {name: key}), round(100 * count / most)) for key, label, count in rows
    )
    everything = Figure(_("In tutto"), sum(row[2] for row in rows), urlencode(query | (total or {})))
    return Table(title, figures, everything)
