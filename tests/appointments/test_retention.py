"""When the rule of the lab lets them go, appointments and places go whole: texts, keys, codes, messages."""

from datetime import timedelta

import pytest
import time_machine

from ballatoio.base.accounts.models import AccessCode, User
from ballatoio.base.labs.models import Lab
from ballatoio.base.notices.models import Delivery
from ballatoio.base.vault.models import DataKey
from ballatoio.care.appointments.models import Appointment, WaitingPlace
from ballatoio.care.appointments.services import cancel_appointment
from ballatoio.care.appointments.waiting_services import leave_waiting
from ballatoio.oversight.privacy.models import MonthStatistic, RetentionRule
from ballatoio.oversight.privacy.services import erase_expired

from .making import NOW, TUESDAY, at, book, join, make_kind, make_rota, make_slots


@pytest.fixture
def rule(mazzini: Lab) -> RetentionRule:
    long_ago = NOW.date() - timedelta(days=400)
    return RetentionRule.objects.create(
        lab=mazzini, kind="contact", months=12, source="prova", decided_on=long_ago, effective_on=long_ago
    )


def test_what_is_old_goes_with_its_keys_codes_and_messages_and_leaves_a_count(
    mazzini: Lab, anna: User, rule: RetentionRule
) -> None:
    with time_machine.travel(NOW, tick=False):
        kind = make_kind(mazzini, "Casa")
        slots = make_slots(make_rota(mazzini, anna, kind), 2, at(TUESDAY + timedelta(7), 9))
        kept, off = (book(slot, kind, by=anna) for slot in slots)
        left, waits = join(kind), join(kind)
        cancel_appointment(off, by=anna, by_person=True)
        leave_waiting(left, by=None)
    with time_machine.travel(NOW + timedelta(days=300), tick=False):
        assert erase_expired(mazzini) == 0
    with time_machine.travel(NOW + timedelta(days=430), tick=False):
        while erase_expired(mazzini):
            pass
    # Who still waits has lost nothing; everything else is gone, key and all.
    assert list(WaitingPlace.objects.all()) == [waits]
    assert (Appointment.objects.count(), kept.pk is not None) == (0, True)
    assert list(AccessCode.objects.values_list("object_id", flat=True)) == [waits.pk]
    about = set(Delivery.objects.values_list("about_id", flat=True))
    assert about & {kept.pk, off.pk, left.pk} == set()
    waits.refresh_from_db()
    sealed = {waits.data_key_id, *Delivery.objects.values_list("data_key_id", flat=True)}
    assert set(DataKey.objects.values_list("pk", flat=True)) == sealed
    counts = MonthStatistic.objects.filter(measure__in=["appointment", "waiting"])
    assert set(counts.values_list("measure", "value", "count")) == {
        ("appointment", "booked", 1),
        ("appointment", "cancelled_by_person", 1),
        ("waiting", "left", 1),
    }
