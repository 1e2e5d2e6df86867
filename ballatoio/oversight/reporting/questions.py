"""The lists of sheets of questions, and how well they are answered."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q

from ballatoio.base.accounts.models import User
from ballatoio.base.labs.models import Lab, Organisation
from ballatoio.care.desk.lists import day_start
from ballatoio.care.desk.models import Need

from .models import QuestionLine, QuestionSheet, QuestionSheetQuerySet, ReturnedAnswer
from .spans import next_month

State = QuestionSheet.State


@dataclass(frozen=True)
class Progress:
    """How many of the questions that were sent have an answer, and after how many days on average."""

    sent: int
    answered: int
    days: float | None


@dataclass(frozen=True)
class Returned:
    """To how many needs an answer was brought, and how many of their people a message could tell."""

    needs: int
    told: int


@dataclass(frozen=True)
class Waiting:
    """How many needs an answer would go to: those still open, and those that were closed without it."""

    is_open: int
    closed: int


def sheets_for(user: User, lab: Lab) -> QuestionSheetQuerySet:
    """Give the sheets of a lab that the user may see, each with how many questions it has and how many answers."""
    answered = Count("lines", filter=~Q(lines__answer=""))
    found = QuestionSheet.objects.visible_to(user).filter(lab=lab).select_related("organisation")
    return found.annotate(asked=Count("lines"), answered=answered).order_by("-month", "organisation__name", "pk")


def progress_of(lab: Lab) -> Progress:
    """Give how the institutions answer: one query. For the staff alone."""
    lines = QuestionLine.objects.filter(sheet__lab=lab, sheet__sent_at__isnull=False).order_by()
    days, sent = [], 0
    for sent_at, answered_on in lines.values_list("sheet__sent_at", "answered_on"):
        sent += 1
        if answered_on is not None and sent_at is not None:
            days.append(max(0, (answered_on - sent_at.date()).days))
    return Progress(sent, len(days), sum(days) / len(days) if days else None)


def returned_by_line(sheet: QuestionSheet) -> dict[Any, Returned]:
    """Give for each line of a sheet how far its answer came: one query."""
    rows = ReturnedAnswer.objects.filter(line__sheet=sheet).order_by()
    counted = rows.values_list("line").annotate(needs=Count("pk"), told=Count("pk", filter=Q(is_told=True)))
    return {line: Returned(needs, told) for line, needs, told in counted}


def waiting_by_line(sheet: QuestionSheet) -> dict[Any, Waiting]:
    """Give for each line how many of its needs are open, and how many were closed: three queries."""
    start, end = day_start(sheet.month), day_start(next_month(sheet.month))
    lines = list(sheet.lines.prefetch_related("terms"))
    wanted = {term.pk for line in lines for term in line.terms.all()}
    needs = Need.objects.filter(lab=sheet.lab_id, term__in=wanted, opened_at__gte=start, opened_at__lt=end).order_by()
    counted = list(needs.values_list("term", "state").annotate(n=Count("pk")))
    found = {}
    for line in lines:
        terms = {term.pk for term in line.terms.all()}
        of_line = [(state, n) for term, state, n in counted if term in terms]
        is_open = sum(n for state, n in of_line if state in Need.OPEN_STATES)
        found[line.pk] = Waiting(is_open, sum(n for _state, n in of_line) - is_open)
    return found


def institutions_of(lab: Lab) -> list[Organisation]:
    """Give who may be asked: the institutions, owners and services that the lab knows, not groups of neighbours."""
    kinds = Organisation.Kind
    known = Organisation.objects.filter(Q(lab=lab) | Q(lab__isnull=True))
    return list(known.exclude(kind__in=[kinds.GROUP, kinds.ASSOCIATION]).order_by("name", "pk"))
