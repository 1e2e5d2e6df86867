"""The sheets of the desk: what a finished period gave is kept as it was, so that it gives the same figures again."""

from datetime import date, timedelta

from django.db import transaction
from django.db.models import Min
from django.utils import timezone

from ballatoio.base.accounts.models import User
from ballatoio.base.audit.services import record_act, record_reading
from ballatoio.base.labs.models import Lab
from ballatoio.care.desk.lists import day_start
from ballatoio.care.desk.models import Contact, Need

from .desk_figures import desk_figures
from .models import DeskSheet
from .periods import Kind, Period, period_of

# Days older than these are counted when somebody asks: nobody prints a day of three years ago.
DAYS_KEPT_AT_ONCE = 31
SHEETS_AT_ONCE = 60


class PeriodIsNotOver(Exception):
    """The period goes on: its figures are fixed the day after it ends."""


class ReasonIsMissing(Exception):
    """A sheet that is fixed is made again only with a reason, which stays written on it."""


def sheet_of(lab: Lab, period: Period) -> DeskSheet | None:
    """Give the last edition of the sheet of a period, None when it was not fixed."""
    return DeskSheet.objects.filter(lab=lab, kind=period.kind, first=period.first).order_by("-edition").first()


@transaction.atomic
def fix_sheet(lab: Lab, period: Period, *, by: User | None, reason: str = "") -> DeskSheet:
    """Keep the figures of a finished period for ever; give the edition.

    Without a `reason` the first edition is made, once; with it a further one, beside the others. Raise
    PeriodIsNotOver, ReasonIsMissing (for whoever asks again without one).
    """
    if period.last >= timezone.localdate():
        raise PeriodIsNotOver
    # Two at once wait for each other here.
    Lab.objects.select_for_update(of=("self",), no_key=True).get(pk=lab.pk)
    earlier = sheet_of(lab, period)
    if earlier and not reason.strip():
        if by is None:
            return earlier
        raise ReasonIsMissing
    sheet = DeskSheet.objects.create(
        lab=lab,
        kind=period.kind,
        first=period.first,
        edition=earlier.edition + 1 if earlier else 1,
        content=desk_figures(lab, period),
        made_by=by,
        reason=reason.strip(),
    )
    record_act("sheet.fix", sheet, by=by, lab_id=lab.pk, detail={"period": period.value, "edition": sheet.edition})
    return sheet


def fix_due_sheets(lab: Lab) -> int:
    """Fix the finished days, months and years of a lab that nobody fixed yet, the newest first; give how many."""
    due = _due_periods(lab)[:SHEETS_AT_ONCE]
    for period in due:
        fix_sheet(lab, period, by=None)
    return len(due)


def _due_periods(lab: Lab) -> list[Period]:
    began = Contact.objects.filter(lab=lab).order_by().aggregate(first=Min("started_at"))["first"]
    if began is None:
        return []
    first, today = timezone.localdate(began), timezone.localdate()
    fixed = set(DeskSheet.objects.filter(lab=lab).values_list("kind", "first"))
    return [
        period
        for kind, since in (
            (Kind.YEAR, first),
            (Kind.MONTH, first),
            (Kind.DAY, max(first, today - timedelta(days=DAYS_KEPT_AT_ONCE))),
        )
        for period in _finished(kind, since, today)
        if (str(kind), period.first) not in fixed
    ]


def _finished(kind: Kind, since: date, today: date) -> list[Period]:
    periods, period = [], period_of(kind, today).before
    while period.last >= since:
        periods.append(period)
        period = period.before
    return periods


def written_since(sheet: DeskSheet, period: Period) -> int:
    """Give by how many contacts and needs a period that was fixed has grown or shrunk (imports, erasures)."""
    start, end = day_start(period.first), day_start(period.last + timedelta(days=1))
    contacts = Contact.objects.filter(lab=sheet.lab_id, started_at__gte=start, started_at__lt=end).order_by().count()
    needs = Need.objects.filter(lab=sheet.lab_id, opened_at__gte=start, opened_at__lt=end).order_by().count()
    return abs(contacts - sheet.content["contacts"]) + abs(needs - sheet.content["needs"])


def take_away_sheet(lab: Lab, period: Period, *, form: str, by: User) -> None:
    """Record that somebody took the sheet of a period away as a file."""
    record_reading("sheet.export", lab, by=by, lab_id=lab.pk, detail={"period": period.value, "form": form})
