"""Messages end with what they were about, with their person, and by their own age; their keys go with them."""

import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
import time_machine

from ballatoio.base.accounts.models import User
from ballatoio.base.labs.models import Lab
from ballatoio.base.notices.models import Delivery
from ballatoio.base.people.models import Person
from ballatoio.base.vault.models import DataKey
from ballatoio.oversight.privacy.models import MonthStatistic
from ballatoio.oversight.privacy.services import erase_expired, set_retention_rule
from tests.factories import make_contact, make_notice, make_person

pytestmark = pytest.mark.django_db
OLD = datetime(2024, 10, 31, 12, tzinfo=UTC)
YOUNG = datetime(2024, 11, 2, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def today() -> Iterator[None]:
    with time_machine.travel("2026-11-22 10:00:00+01:00", tick=False):
        yield


def decide(lab: Lab, kind: str) -> None:
    """A rule of two years that was decided a week ago and has its effect from today."""
    with time_machine.travel("2026-11-15 10:00:00+01:00", tick=False):
        set_retention_rule(lab, kind=kind, months=24, source="registro", by=None, confirmed=True)


def erase_all(lab: Lab) -> None:
    while erase_expired(lab):
        pass


def aged(notice: Delivery, at: datetime, **fields: Any) -> Delivery:
    Delivery.objects.filter(pk=notice.pk).update(**{"created_at": at, "not_before": at} | fields)
    return notice


def left() -> set[uuid.UUID]:
    """Give the messages that are left, having seen that each has its key and no other key is there."""
    rows = dict(Delivery.objects.values_list("pk", "data_key_id"))
    assert set(rows.values()) <= set(DataKey.objects.values_list("pk", flat=True))
    return set(rows)


def counted() -> set[tuple[date, str, int]]:
    rows = MonthStatistic.objects.filter(measure="notice")
    return set(rows.values_list("month", "value", "count"))


def test_a_person_takes_their_messages_and_keys_along(mazzini: Lab) -> None:
    gone, stays = make_person(mazzini, last_seen_on=date(2024, 1, 1)), make_person(mazzini)
    for person in (gone, stays):
        for _ in range(2):
            Delivery.objects.filter(pk=make_notice(person).pk).update(person=person, created_at=YOUNG)
    decide(mazzini, "person")
    erase_all(mazzini)
    assert set(Person.objects.all()) == {stays}
    assert set(Delivery.objects.values_list("person", flat=True)) == {stays.pk}
    assert (len(left()), DataKey.objects.count()) == (2, 2)
    assert counted() == {(date(2024, 11, 1), "call", 2)}


def test_a_contact_takes_what_was_said_about_it_along(mazzini: Lab, anna: User) -> None:
    contact, other = (make_contact(mazzini, anna, person=make_person(mazzini)) for _ in range(2))
    [need] = contact.needs.all()
    about = [contact, need, other]
    notices = [make_notice(person=make_person(mazzini)) for _ in about]
    for notice, thing in zip(notices, about, strict=True):
        Delivery.objects.filter(pk=notice.pk).update(about_type=thing._meta.label_lower, about_id=thing.pk)
    type(contact).objects.filter(pk=contact.pk).update(started_at=OLD, ended_at=OLD)
    type(need).objects.filter(pk=need.pk).update(
        state="closed", closed_at=OLD, told_how="phone", owner=None, next_on=None
    )
    decide(mazzini, "contact")
    keys = {notice.data_key_id for notice in notices}
    erase_all(mazzini)
    assert left() == {notices[2].pk}
    assert keys & set(DataKey.objects.values_list("pk", flat=True)) == {notices[2].data_key_id}
    assert counted() == {(date(2026, 11, 1), "call", 2)}


def test_messages_grow_old_by_themselves_but_not_those_about_something_to_come(mazzini: Lab, milo: Lab) -> None:
    person, other = make_person(mazzini), make_person(milo)
    old, young, far = (make_notice(person) for _ in range(3))
    aged(old, OLD)
    aged(young, YOUNG)
    aged(far, OLD, not_before=datetime(2027, 1, 1, tzinfo=UTC))
    elsewhere = aged(make_notice(other), OLD)
    decide(mazzini, "contact")
    erase_all(mazzini)
    assert left() == {young.pk, far.pk, elsewhere.pk}
    assert counted() == {(date(2024, 10, 1), "call", 1)}
