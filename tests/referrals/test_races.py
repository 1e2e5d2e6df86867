"""Two at once: two answers, two workers, a worker and an answer. Locks are proved where rows are locked: PostgreSQL."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from ballatoio.base.accounts.models import User
from ballatoio.base.accounts.services import CodeDoesNotWork
from ballatoio.base.core.conflicts import ChangedElsewhere
from ballatoio.base.directory.models import Service
from ballatoio.base.labs.models import Lab
from ballatoio.base.people.models import Person
from ballatoio.base.people.services import amend_person
from ballatoio.care.desk.models import Need
from ballatoio.care.desk.need_services import plan_need
from ballatoio.care.referrals.due import keep_time
from ballatoio.care.referrals.link import ask_for_check, open_with_check
from ballatoio.care.referrals.models import Referral
from ballatoio.care.referrals.services import ReferralIsOver, answer_referral, remind_service, withdraw_referral
from tests.factories import make_need, make_referral

from .post import check_of, link_of, messages_of

pytestmark = pytest.mark.django_db(transaction=True)
LOST = (ChangedElsewhere, ReferralIsOver, CodeDoesNotWork)


@pytest.fixture(autouse=True)
def real_connections(db: None) -> None:
    if connection.vendor == "sqlite" and connection.is_in_memory_db():  # type: ignore[attr-defined]
        pytest.skip("a database in memory has one connection")


def together(*acts: Callable[[], object]) -> list[str]:
    """Do all of them at the same moment; give what came of each: "done" or the name of what refused it."""
    ready, results = threading.Barrier(len(acts)), [""] * len(acts)

    def run(place: int, act: Callable[[], object]) -> None:
        ready.wait()
        try:
            act()
            results[place] = "done"
        except Exception as error:  # noqa: BLE001
            results[place] = type(error).__name__
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(place, act)) for place, act in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_of_two_answers_at_once_one_counts(referral: Referral, anna: User) -> None:
    results = together(
        lambda: answer_referral(referral, state="accepted", channel="link", by=None, version=1),
        lambda: answer_referral(referral, state="done", channel="call", by=anna, version=1),
        lambda: withdraw_referral(referral, by=anna, version=1),
    )
    assert sorted(results) == ["ChangedElsewhere", "ChangedElsewhere", "done"]
    referral.refresh_from_db()
    assert (referral.version, referral.events.count()) == (2, 2)


def test_of_two_workers_at_once_each_thing_is_done_by_one(referral: Referral, mazzini: Lab, anna: User) -> None:
    old = timezone.localdate() - timedelta(days=40)
    silent = make_referral(mazzini, anna)
    Referral.objects.filter(pk=referral.pk).update(next_reminder_on=timezone.localdate())
    Referral.objects.filter(pk=silent.pk).update(next_reminder_on=None, expires_on=old)
    # A Wednesday that is no holiday: the moment is the same for all threads.
    with time_machine.travel("2026-11-25 10:00:00+01:00"):
        Referral.objects.filter(pk=referral.pk).update(next_reminder_on="2026-11-25", expires_on="2026-12-20")
        results = together(*[lambda: keep_time(mazzini)] * 4)
    assert results == ["done"] * 4
    assert [event.kind for event in referral.events.all()] == ["sent", "reminded"]
    assert [event.kind for event in silent.events.all()] == ["sent", "expired"]
    assert len(messages_of(referral, "referral.request")) == 2


def test_a_double_click_on_send_sends_once(mazzini: Lab, anna: User, need: Need, clinic: Service) -> None:
    sends = [lambda: make_referral(mazzini, anna, clinic, need=need, once="token", version=1)] * 3
    assert sorted(together(*sends)) == ["AlreadySubmitted", "AlreadySubmitted", "done"]
    assert Referral.objects.count() == 1


def test_one_code_opens_one_browser(referral: Referral, mazzini: Lab) -> None:
    code = link_of(referral)
    ask_for_check(code, lab=mazzini, source="here")
    check = check_of(referral)
    opens = [lambda: open_with_check(code, check, lab=mazzini, source="here")] * 3
    assert sorted(together(*opens)) == ["CodeDoesNotWork", "CodeDoesNotWork", "done"]
    assert referral.events.filter(kind="seen").count() == 1


def test_nobody_waits_in_a_circle(mazzini: Lab, anna: User, samira: Person, clinic: Service) -> None:
    """Whatever is done at once with the referral, its need and its person: each is done, or refused in words."""
    today = timezone.localdate()
    for _ in range(12):
        need = make_need(mazzini, anna, person=samira)
        referral = make_referral(mazzini, anna, clinic, need=need)
        need.refresh_from_db()
        samira.refresh_from_db()
        code, version, seen = link_of(referral), need.version, samira.version
        Person.objects.filter(pk=samira.pk).update(last_seen_on=today - timedelta(days=3))
        results = together(
            lambda r=referral: withdraw_referral(r, by=anna, version=1),  # type: ignore[misc]
            lambda r=referral: remind_service(r, by=anna, version=1),  # type: ignore[misc]
            lambda r=referral: answer_referral(r, state="accepted", channel="call", by=anna, version=1),  # type: ignore[misc]
            lambda c=code: ask_for_check(c, lab=mazzini, source="here"),  # type: ignore[misc]
            lambda n=need, v=version: plan_need(n, by=anna, version=v, owner=anna, next_on=today),  # type: ignore[misc]
            lambda v=seen: amend_person(samira, by=anna, version=v, pronounced="Samìra"),  # type: ignore[misc]
            lambda: keep_time(mazzini),
        )
        assert set(results) <= {"done", *(error.__name__ for error in LOST)}, results
        assert results.count("done") >= 3
