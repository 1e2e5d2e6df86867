"""What can happen to hours of work: a week is written, confirmed, approved, sent back; activities begin and end."""

from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from ballatoio.base.accounts.models import Membership, User
from ballatoio.base.audit.services import record_act
from ballatoio.base.core.conflicts import ChangedElsewhere
from ballatoio.base.labs.models import FundingLine, Lab

from .models import HOUR_ROLES, Activity, Cell, WeekSheet, WorkedHours

State = WeekSheet.State
MINUTES_OF_A_DAY = 24 * 60


class WeekIsClosed(Exception):
    """The week was approved: the coordinator has to send it back before anything in it changes."""


class DayIsTooLong(Exception):
    """More than 24 hours on one day; `on` says which."""

    def __init__(self, on: date) -> None:
        super().__init__(on)
        self.on = on


class DayIsToCome(Exception):
    """Hours of a day that has not come yet; `on` says which."""

    def __init__(self, on: date) -> None:
        super().__init__(on)
        self.on = on


class ActivityIsOver(Exception):
    """The activity had not begun, or had ended, on that day; the message names it."""


class ActivityIsThere(Exception):
    """The lab has an activity with this name already."""


def monday_of(on: date) -> date:
    """Give the Monday of the week of a day."""
    return on - timedelta(days=on.weekday())


@transaction.atomic
def fill_week(
    lab: Lab, *, by: User, monday: date, minutes: Mapping[Cell, int], confirm: bool = False, version: int = 0
) -> WeekSheet:
    """Write the week of `by`: minutes by (activity, day), in the place of what was there; with `confirm`, finish it.

    `version` is what the writer saw (0: nothing yet). Raise ChangedElsewhere, WeekIsClosed, DayIsTooLong,
    DayIsToCome, ActivityIsOver; nothing is written then.
    """
    sheet = _lock_week(lab, by, monday, version)
    target = State.CONFIRMED if confirm else State.OPEN
    if target not in WeekSheet.ALLOWED[sheet.state] or sheet.state == State.APPROVED:
        raise WeekIsClosed
    written = {cell: spent for cell, spent in minutes.items() if spent}
    _check(lab, sheet, written)
    organisations = _organisations(lab, by, sheet)
    WorkedHours.objects.filter(sheet=sheet).delete()
    WorkedHours.objects.bulk_create(
        WorkedHours(sheet=sheet, activity_id=activity, on=on, minutes=spent, organisation_id=organisations.get(on))
        for (activity, on), spent in sorted(written.items(), key=lambda row: (row[0][1], str(row[0][0])))
    )
    sheet.state, sheet.version = target, sheet.version + 1
    if confirm:
        sheet.note = ""
    sheet.save()
    detail = {"monday": monday.isoformat(), "minutes": sum(written.values()), "state": sheet.state}
    record_act("hours.fill", sheet, by=by, lab_id=lab.pk, detail=detail)
    return sheet


def _lock_week(lab: Lab, user: User, monday: date, version: int) -> WeekSheet:
    rows = WeekSheet.objects.select_for_update(of=("self",), no_key=True).filter(lab=lab, user=user, monday=monday)
    sheet = rows.first()
    if sheet is None:
        try:
            with transaction.atomic():
                return WeekSheet.objects.create(lab=lab, user=user, monday=monday)
        except IntegrityError:
            # The same person began the same week in another window a moment ago.
            sheet = rows.get()
    if sheet.version != version:
        raise ChangedElsewhere(sheet)
    return sheet


def _check(lab: Lab, sheet: WeekSheet, written: Mapping[Cell, int]) -> None:
    today, of_day = timezone.localdate(), Counter[date]()
    activities = {activity.pk: activity for activity in Activity.objects.filter(lab=lab)}
    for (activity_id, on), spent in written.items():
        activity = activities[activity_id]
        of_day[on] += spent
        if on not in sheet.days:
            raise ValueError(on)
        if on > today:
            raise DayIsToCome(on)
        if on < activity.since or (activity.until and on > activity.until):
            raise ActivityIsOver(activity.name)
    for on, spent in sorted(of_day.items()):
        if spent > MINUTES_OF_A_DAY:
            raise DayIsTooLong(on)


def _organisations(lab: Lab, user: User, sheet: WeekSheet) -> dict[date, UUID | None]:
    """For each day of the week, the organisation for which the person worked that day."""
    memberships = Membership.objects.filter(lab=lab, user=user, role__in=HOUR_ROLES).order_by("since", "pk")
    return {
        on: membership.organisation_id
        for membership in memberships
        for on in sheet.days
        if membership.since <= on and (membership.until is None or on <= membership.until)
    }


@transaction.atomic
def approve_week(sheet: WeekSheet, *, by: User) -> WeekSheet:
    """Approve a week that its writer confirmed; twice changes nothing. Raise WeekIsClosed when it is not confirmed."""
    current = WeekSheet.objects.select_for_update(of=("self",), no_key=True).get(pk=sheet.pk)
    if current.state == State.APPROVED:
        return current
    if State.APPROVED not in WeekSheet.ALLOWED[current.state]:
        raise WeekIsClosed
    current.state, current.approved_by, current.version = State.APPROVED, by, current.version + 1
    current.save()
    record_act("hours.approve", current, by=by, lab_id=current.lab_id, detail={"monday": current.monday.isoformat()})
    return current


@transaction.atomic
def return_week(sheet: WeekSheet, *, by: User, note: str) -> WeekSheet:
    """Send a week back to its writer, who sees `note` and can change it again."""
    current = WeekSheet.objects.select_for_update(of=("self",), no_key=True).get(pk=sheet.pk)
    current.state, current.approved_by, current.note = State.OPEN, None, note.strip()
    current.version += 1
    current.save()
    record_act("hours.return", current, by=by, lab_id=current.lab_id, detail={"monday": current.monday.isoformat()})
    return current


@transaction.atomic
def start_activity(
    lab: Lab, *, by: User | None, name: str, since: date, funding_line: FundingLine | None = None
) -> Activity:
    """Let hours be written on a new activity from a day on, paid by a funding line or by none.

    Raise ActivityIsThere.
    """
    if Activity.objects.filter(lab=lab, name__iexact=name.strip()).exists():
        raise ActivityIsThere
    position = Activity.objects.filter(lab=lab).count()
    activity = Activity.objects.create(
        lab=lab, name=name.strip(), since=since, funding_line=funding_line, position=position
    )
    record_act("activity.start", activity, by=by, lab_id=lab.pk)
    return activity


@transaction.atomic
def end_activity(activity: Activity, *, by: User, on: date) -> Activity:
    """Let no hours be written on an activity after the day `on`; what was written stays."""
    current = Activity.objects.select_for_update(of=("self",), no_key=True).get(pk=activity.pk)
    current.until = max(on, current.since)
    current.save(update_fields=["until"])
    record_act("activity.end", current, by=by, lab_id=current.lab_id, detail={"on": current.until.isoformat()})
    return current
