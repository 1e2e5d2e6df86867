"""Counting months beforehand (tallies.py)."""

from datetime import date, timedelta

from django.db import transaction
from django.db.models import Min
from django.utils import timezone

from ballatoio.base.labs.models import Lab
from ballatoio.care.desk.models import Need

from .models import NeedTally, TouchedDay
from .spans import months_between, next_month
from .tallies import Axis, months_of_utc_day, read_rows, tally_rows


def tally_due_months(lab: Lab) -> int:
    """Count the months of a lab that were never counted, or of which something changed; give how many.

    Each month in a transaction of its own. A note of change is forgotten once the months that it may speak of have
    been counted after it was read.
    """
    notes = {pk: months_of_utc_day(day) for pk, day in TouchedDay.objects.filter(lab=lab).values_list("pk", "day")}
    began = Need.objects.filter(lab=lab).order_by().aggregate(first=Min("opened_at"))["first"]
    months = set(months_between(timezone.localdate(began), timezone.localdate())) if began else set()
    kept = set(NeedTally.objects.filter(lab=lab, axis=Axis.ALL, value="").order_by().values_list("month", flat=True))
    due = sorted((months - kept).union(*notes.values()))
    for place, month in enumerate(due, start=1):
        done = set(due[:place])
        with transaction.atomic():
            _tally_month(lab, month)
            settled = [pk for pk, of in notes.items() if month in of and of <= done]
            TouchedDay.objects.filter(pk__in=settled).delete()
    return len(due)


def _tally_month(lab: Lab, month: date) -> None:
    # Two workers on one lab: the second waits, and counts what the first could not see yet.
    Lab.objects.select_for_update(of=("self",), no_key=True).get(pk=lab.pk)
    rows = [row for _month, row in read_rows(lab, [(month, next_month(month) - timedelta(days=1))])]
    NeedTally.objects.filter(lab=lab, month=month).delete()
    NeedTally.objects.bulk_create(
        NeedTally(lab=lab, month=month, axis=axis, value=value, content=counts.content())
        for (axis, value), counts in tally_rows(rows, month).items()
    )
