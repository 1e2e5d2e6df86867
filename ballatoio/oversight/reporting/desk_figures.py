"""What a desk did in a period, counted by the day on which each thing happened."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from django.db.models import BooleanField, Count, ExpressionWrapper, Q
from django.db.models.functions import TruncDate, TruncHour, TruncMonth
from django.db.models.functions.datetime import TruncBase
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import override

from ballatoio.base.directory.term_index import all_terms
from ballatoio.base.labs.models import Lab
from ballatoio.care.desk.forms import language_choices
from ballatoio.care.desk.lists import day_start, top_terms
from ballatoio.care.desk.models import Answer, Contact, ContactQuerySet, Need

from .periods import Kind, Period

# Written on every sheet: figures of two sheets compare only when it is the same.
DEFINITION = 1
# A row is the value of the filter that opens its records, its name, its count.
Row = tuple[str, str, int]
Content = dict[str, Any]


def desk_figures(lab: Lab, period: Period) -> Content:
    """Give what the desk of `lab` did in `period`, as plain data that can be kept; five queries.

    Contacts count on the day on which they began, needs on that on which they were opened, answers on that on which
    they were given, closed needs on that on which they were closed; names are in Italian, the language of the sheet.
    """
    start, end = day_start(period.first), day_start(period.last + timedelta(days=1))
    contacts = Contact.objects.filter(lab=lab, started_at__gte=start, started_at__lt=end).order_by()
    opened = Need.objects.filter(lab=lab, opened_at__gte=start, opened_at__lt=end).order_by()
    closed = Need.objects.filter(lab=lab, closed_at__gte=start, closed_at__lt=end).order_by()
    answers = Answer.objects.filter(need__lab=lab, given_at__gte=start, given_at__lt=end).order_by()
    still_open = Need.objects.filter(Q(closed_at__isnull=True) | Q(closed_at__gte=end), lab=lab, opened_at__lt=end)
    with override("it"):
        came = _contacts(contacts, period.kind)
        by_term = _count(opened.values_list("term").annotate(n=Count("pk")))
        by_answer = _count(answers.values_list("kind").annotate(n=Count("need", distinct=True)))
        waits, by_ending = _closed(closed.values_list("state", "opened_at", "closed_at"))
        return {
            "definition": DEFINITION,
            "contacts": sum(came.channels.values()),
            "anonymous": came.anonymous,
            "needs": sum(by_term.values()),
            "closed": sum(by_ending.values()),
            "open": still_open.order_by().count(),
            "days": median(waits) if waits else None,
            "channels": _rows(came.channels, dict(Contact.Channel.choices).get),
            "languages": _rows(came.languages, dict(language_choices()).get),
            "topics": _topics(by_term),
            "answers": _rows(by_answer, dict(Answer.Kind.choices).get),
            "endings": _rows(by_ending, dict(Need.State.choices).get),
            "parts": _parts(came.parts, period),
        }


TRUNCATED: dict[Kind, type[TruncBase]] = {Kind.DAY: TruncHour, Kind.MONTH: TruncDate, Kind.YEAR: TruncMonth}


@dataclass
class Contacts:
    """The contacts of a period, counted in four ways by one query."""

    channels: "Counter[str]" = field(default_factory=Counter)
    languages: "Counter[str]" = field(default_factory=Counter)
    anonymous: int = 0
    # By hour of a day, day of a month, first day of each month of a year.
    parts: "Counter[Any]" = field(default_factory=Counter)


def _contacts(contacts: ContactQuerySet, kind: Kind) -> Contacts:
    nobody = ExpressionWrapper(Q(person__isnull=True), output_field=BooleanField())
    rows = contacts.values_list("channel", "language", nobody, TRUNCATED[kind]("started_at")).annotate(n=Count("pk"))
    found = Contacts()
    for channel, language, is_anonymous, moment, n in rows:
        found.channels[channel] += n
        found.languages[language] += n
        found.anonymous += n if is_anonymous else 0
        local = timezone.localtime(moment) if isinstance(moment, datetime) else moment
        found.parts[local.hour if kind is Kind.DAY else local if kind is Kind.MONTH else local.date()] += n
    return found


def _count(rows: Iterable[tuple[Any, int]]) -> "Counter[Any]":
    return Counter(dict(rows))


def _rows(counts: "Counter[str]", name: Callable[[str], object]) -> list[Row]:
    return [(key, str(name(key) or key), n) for key, n in sorted(counts.items(), key=lambda row: (-row[1], row[0]))]


def _topics(by_term: "Counter[Any]") -> list[Row]:
    terms = all_terms()
    tops, names = top_terms(terms), {term.code: term.name for term in terms}
    counts: Counter[str] = Counter()
    for term, n in by_term.items():
        counts[tops[term].code if term in tops else "senza"] += n
    return _rows(counts, {**names, "senza": _("con parole sue")}.get)


def _closed(rows: Iterable[tuple[str, Any, Any]]) -> "tuple[list[int], Counter[str]]":
    """Give the days that each answer took until the person knew it, and how the needs ended."""
    waits, endings = [], Counter[str]()
    for state, opened, closed in rows:
        endings[state] += 1
        if state == Need.State.CLOSED:
            waits.append((timezone.localdate(closed) - timezone.localdate(opened)).days)
    return waits, endings


def _parts(counts: "Counter[Any]", period: Period) -> list[Row]:
    """Give the contacts of each hour of a day, day of a month, month of a year."""
    if period.kind is Kind.DAY:
        hours = range(min(counts, default=9), max(counts, default=17) + 1)
        return [(period.query, f"{hour}–{hour + 1}", counts[hour]) for hour in hours]
    named = {Kind.MONTH: "j", Kind.YEAR: "F"}[period.kind]
    return [(part.query, date_format(part.first, named).lower(), counts[part.first]) for part in period.parts()]
