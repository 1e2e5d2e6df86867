"""Hours added up: a week as its writer sees it, a month as the funder reads it."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from django.db.models import Q, Sum
from django.utils import timezone

from ballatoio.base.accounts.models import User
from ballatoio.base.labs.models import Lab

from .models import Activity, Cell, WeekSheet, WorkedHours

State = WeekSheet.State


@dataclass(frozen=True)
class Row:
    """Minutes spent on one activity for one organisation, those that are approved apart."""

    organisation: str
    activity: str
    funding_line: str
    minutes: int
    approved: int


@dataclass(frozen=True)
class Sums:
    """The hours of a period: the rows, what each funding line pays, and everything together."""

    rows: tuple[Row, ...]
    by_line: tuple[Row, ...]
    total: Row


def activities_of_week(lab: Lab, monday: date) -> list[Activity]:
    """Give the activities on which hours of a week may be written."""
    found = Activity.objects.filter(lab=lab).on(monday, monday + timedelta(days=6))
    return list(found.select_related("funding_line"))


def minutes_of_week(user: User, lab: Lab, monday: date) -> dict[Cell, int]:
    """Give the minutes that `user` wrote in a week, by (activity, day)."""
    hours = WorkedHours.objects.filter(sheet__user=user, sheet__lab=lab, sheet__monday=monday)
    return {(row.activity_id, row.on): row.minutes for row in hours}


def as_last_week(user: User, lab: Lab, monday: date) -> dict[Cell, int]:
    """Give the minutes of the week before, moved to the days of this one that have come."""
    today, week = timezone.localdate(), timedelta(days=7)
    before = minutes_of_week(user, lab, monday - week)
    return {(activity, on + week): minutes for (activity, on), minutes in before.items() if on + week <= today}


def missing_weeks(user: User, lab: Lab, *, weeks: int = 4) -> list[date]:
    """Give the Mondays of the last finished weeks that `user` has not confirmed, the oldest first; none before joining.

    Whoever has written no week yet is not reminded: not every lab counts hours.
    """
    this = timezone.localdate()
    this -= timedelta(days=this.weekday())
    sheets = dict(
        WeekSheet.objects.filter(user=user, lab=lab, monday__gte=this - timedelta(weeks=weeks + 4))
        .order_by("monday")
        .values_list("monday", "state")
    )
    if not sheets:
        return []
    first = max(min(sheets), this - timedelta(weeks=weeks))
    mondays = [first + timedelta(weeks=number) for number in range((this - first).days // 7)]
    return [monday for monday in mondays if sheets.get(monday, State.OPEN) == State.OPEN]


def hours_between(lab: Lab, first: date, last: date) -> Sums:
    """Give the confirmed and approved hours of a lab from `first` to `last`, two queries whatever their number."""
    found = (
        WorkedHours.objects.filter(sheet__lab=lab, on__range=(first, last))
        .exclude(sheet__state=State.OPEN)
        .order_by()
        .values("organisation__name", "activity")
        .annotate(spent=Sum("minutes"), approved=Sum("minutes", filter=Q(sheet__state=State.APPROVED)))
    )
    activities = {a.pk: a for a in Activity.objects.filter(lab=lab).select_related("funding_line")}
    rows = [
        _row(row["organisation__name"] or "–", activities[row["activity"]], row["spent"], row["approved"] or 0)
        for row in found
    ]
    rows.sort(key=lambda row: (row.organisation, row.funding_line, row.activity))
    of_line: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        of_line[row.funding_line].append(row)
    by_line = tuple(_sum(line, of_line[line]) for line in sorted(of_line))
    return Sums(tuple(rows), by_line, _sum("", rows))


def _row(organisation: str, activity: Activity, minutes: int, approved: int) -> Row:
    return Row(organisation, activity.name, str(activity.funding_line or "–"), minutes, approved)


def _sum(line: str, rows: list[Row]) -> Row:
    return Row("", "", line, sum(row.minutes for row in rows), sum(row.approved for row in rows))


def weeks_to_approve(lab: Lab, limit: int = 50) -> list[WeekSheet]:
    """Give the weeks that wait for the coordinator, the oldest first, each with its minutes."""
    waiting = WeekSheet.objects.filter(lab=lab, state=State.CONFIRMED).select_related("user")
    return list(waiting.annotate(minutes=Sum("hours__minutes")).order_by("monday", "user__name", "pk")[:limit])


def minutes_by_activity(sheet: WeekSheet) -> dict[UUID, int]:
    """Give the minutes of a week by activity."""
    return dict(sheet.hours.order_by().values_list("activity").annotate(spent=Sum("minutes")))
