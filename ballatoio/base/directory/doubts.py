"""The part of services.py about doubt: what becomes of referrals says that a sheet may no longer be true.

It is worked out for whoever keeps the directory. Nothing of it is public.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from ballatoio.base.audit.services import Actor, record_act

from .models import VERIFY_AFTER_DAYS, Service, ServiceDoubt

Reason = ServiceDoubt.Reason
# So many silences or refusals since the last check are no accident; that it is closed is enough when said once.
DOUBTS_BEFORE_CHECK = 3


@transaction.atomic
def doubt_service(service: Service, *, reason: str, source: UUID, by: Actor | None) -> Service:
    """Note a sign (a ServiceDoubt.Reason) that the sheet of a service may be wrong; `source` is where it comes from.

    The same source says one thing: what it said before is taken back.
    """
    locked = Service.objects.select_for_update(of=("self",), no_key=True).get(pk=service.pk)
    noted = {"service": locked, "reason": reason, "noted_on": timezone.localdate(), "settled_on": None}
    ServiceDoubt.objects.update_or_create(source=source, defaults=noted)
    _weigh(locked)
    record_act("service.doubt", locked, by=by, lab_id=locked.lab_id, detail={"reason": reason})
    return locked


@transaction.atomic
def take_doubt_back(service: Service, *, source: UUID, by: Actor | None) -> Service:
    """Forget what `source` said against a sheet: the answer came after all. Without a doubt nothing changes."""
    locked = Service.objects.select_for_update(of=("self",), no_key=True).get(pk=service.pk)
    forgotten, _rows = ServiceDoubt.objects.filter(service=locked, source=source).delete()
    if forgotten:
        _weigh(locked)
        record_act("service.doubt", locked, by=by, lab_id=locked.lab_id, detail={"reason": ""})
    return locked


def settle_doubts(service: Service) -> None:
    """Somebody has checked the sheet: the caller, who holds the service locked, saves and records it."""
    ServiceDoubt.objects.filter(service=service, settled_on__isnull=True).update(settled_on=timezone.localdate())
    service.doubted_since = None


def _weigh(service: Service) -> None:
    """Write since when the sheet is in doubt, when the open signs are enough."""
    signs = open_doubts([service]).get(service.pk, Counter())
    enough = signs[Reason.GONE] or signs.total() >= DOUBTS_BEFORE_CHECK
    since = (service.doubted_since or timezone.localdate()) if enough else None
    if since != service.doubted_since:
        service.doubted_since = since
        service.save(update_fields=["doubted_since"])


def open_doubts(services: Iterable[Service]) -> dict[UUID, "Counter[str]"]:
    """Give, by service, how many signs of each reason came in the last half year and since its last check.

    One query.
    """
    since = timezone.localdate() - timedelta(days=VERIFY_AFTER_DAYS)
    signs = ServiceDoubt.objects.filter(
        service__in=[service.pk for service in services], settled_on__isnull=True, noted_on__gte=since
    )
    found: dict[UUID, Counter[str]] = {}
    for service_id, reason in signs.order_by().values_list("service", "reason"):
        found.setdefault(service_id, Counter())[reason] += 1
    return found
