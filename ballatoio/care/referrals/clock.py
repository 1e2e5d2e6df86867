"""When a referral is reminded and when its silence is its answer: days of the calendar where the lab is."""

from datetime import UTC, date, datetime, time, timedelta

from django.utils import timezone

from ballatoio.base.labs.models import Lab
from ballatoio.base.labs.services import next_working_day


def expiry_day(lab: Lab, sent_on: date) -> date:
    """Give the day on which the silence of a service to what was sent on `sent_on` is its answer.

    So many calendar days later as the lab says (`referral_expiry_days`); when the lab does not work then, the next
    day on which it does: somebody has to be there who takes the need up again.
    """
    return next_working_day(lab, sent_on + timedelta(days=max(lab.referral_expiry_days, 1)))


def reminder_day(lab: Lab, last_on: date, expires_on: date) -> date | None:
    """Give the day of the first reminder after `last_on`, the day on which the service heard of it last.

    Counted like the expiry (`referral_reminder_days`). None when the silence would have ended by then.
    """
    day = next_working_day(lab, last_on + timedelta(days=max(lab.referral_reminder_days, 1)))
    return day if day < expires_on else None


def end_of_day(day: date) -> datetime:
    """Give the moment at which a day ends where the lab is, in UTC: a day of the change of hour has 23 or 25 hours."""
    return timezone.make_aware(datetime.combine(day + timedelta(days=1), time.min)).astimezone(UTC)
