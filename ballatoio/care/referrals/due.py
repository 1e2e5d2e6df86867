"""The part of services.py that time does by itself: reminders, silences, consents withdrawn elsewhere.

«Due and not done», looked at again under the lock of each referral: any number of workers, or a week without one,
make each thing happen once. On a day on which the lab does not work nothing leaves it and nothing comes back to it.
"""

from collections.abc import Callable
from contextlib import suppress
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from ballatoio.base.labs.models import Lab
from ballatoio.base.labs.services import is_working_day

from .models import Referral, ReferralQuerySet
from .services import ReferralIsOver, expire_referral, remind_service, withdraw_referral


def keep_time(lab: Lab, on_progress: Callable[[int], object] = int) -> dict[str, int]:
    """Do what is due today in a lab, each referral in a transaction of its own; give how many of each.

    `on_progress` is told of each referral that was looked at.
    """
    ours = Referral.objects.filter(lab=lab)
    done = {"withdrawn": _take_back(ours.without_consent(), on_progress), "expired": 0, "reminded": 0}
    if is_working_day(lab, timezone.localdate()):
        # A reminder moves its need on: what comes back today is written after it.
        done["reminded"] = _each(ours.to_remind(), _remind, on_progress)
        done["expired"] = _each(ours.to_expire(), expire_referral, on_progress)
    return done


def _take_back(due: ReferralQuerySet, on_progress: Callable[[int], object]) -> int:
    """Withdraw what stands on no consent any more; it locks the person first, so nothing is held here before it."""
    done = 0
    for referral in list(due.select_related("consent").order_by("pk")):
        with suppress(ReferralIsOver):
            withdraw_referral(referral, by=None, version=None)
            done += 1
        on_progress(1)
    return done


def _each(due: ReferralQuerySet, does: Callable[[Referral], object], on_progress: Callable[[int], object]) -> int:
    return sum(_once(pk, due, does, on_progress) for pk in due.order_by("pk").values_list("pk", flat=True))


def _once(
    pk: UUID, due: ReferralQuerySet, does: Callable[[Referral], object], on_progress: Callable[[int], object]
) -> int:
    """Do one thing to a referral if it is still due; whoever came first holds it until it is done."""
    with transaction.atomic():
        referral = due.filter(pk=pk).order_by("pk").select_for_update(of=("self",), no_key=True).first()
        if referral is not None:
            does(referral)
    on_progress(1)
    return int(referral is not None)


def _remind(referral: Referral) -> object:
    return remind_service(referral, by=None, version=referral.version)
