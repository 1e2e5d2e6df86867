"""Time: reminders and silences on the days that the lab said, on no day on which it is closed, each once."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ballatoio.base.accounts.models import AccessCode, User
from ballatoio.base.directory.models import Service, ServiceDoubt
from ballatoio.base.jobs.models import DueWork
from ballatoio.base.jobs.services import do_next_work, plan_periodic_work
from ballatoio.base.labs.models import ClosingDay, Lab
from ballatoio.base.labs.services import is_working_day
from ballatoio.base.people.models import Person
from ballatoio.care.desk.models import Answer, Need
from ballatoio.care.desk.need_services import wait_for_others
from ballatoio.care.referrals.clock import end_of_day, expiry_day, reminder_day
from ballatoio.care.referrals.due import keep_time
from ballatoio.care.referrals.models import Referral
from ballatoio.care.referrals.services import answer_referral
from tests.factories import make_referral, make_service

from .post import link_of, messages_of

ROME = ZoneInfo("Europe/Rome")
# The year has both changes of hour and all its holidays in it.
DAYS = st.dates(date(2026, 1, 1), date(2027, 12, 31))


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=ROME)


def on(day: date) -> "time_machine.travel":
    return time_machine.travel(noon(day), tick=False)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sent_on=DAYS,
    reminder_days=st.integers(0, 20),
    expiry_days=st.integers(0, 60),
    closed=st.sets(st.integers(0, 90), max_size=30),
)
def test_days_are_never_early_never_closed_and_reminders_come_before_the_end(
    mazzini: Lab, sent_on: date, reminder_days: int, expiry_days: int, closed: set[int]
) -> None:
    mazzini.referral_reminder_days, mazzini.referral_expiry_days = reminder_days, expiry_days
    ClosingDay.objects.all().delete()
    days = [sent_on + timedelta(days=offset) for offset in closed]
    ClosingDay.objects.bulk_create(ClosingDay(lab=mazzini, on=day, reason="chiuso") for day in days)
    expires_on = expiry_day(mazzini, sent_on)
    assert expires_on >= sent_on + timedelta(days=max(expiry_days, 1))
    assert is_working_day(mazzini, expires_on)
    # And it is the first such day: nothing is put off for longer than the lab is closed.
    first = sent_on + timedelta(days=max(expiry_days, 1))
    between = [first + timedelta(days=n) for n in range((expires_on - first).days)]
    assert [day for day in between if is_working_day(mazzini, day)] == []
    last, reminders = sent_on, []
    while (day := reminder_day(mazzini, last, expires_on)) is not None:
        assert day >= last + timedelta(days=max(reminder_days, 1))
        assert is_working_day(mazzini, day)
        assert day < expires_on
        last = day
        reminders.append(day)
    assert len(set(reminders)) == len(reminders)


@given(day=DAYS)
def test_a_day_ends_at_midnight_where_the_lab_is_also_when_the_hour_changes(day: date) -> None:
    ends = end_of_day(day)
    assert ends.astimezone(ROME) == datetime.combine(day + timedelta(days=1), datetime.min.time(), ROME)
    assert (ends - timedelta(microseconds=1)).astimezone(ROME).date() == day
    start = end_of_day(day - timedelta(days=1))
    assert (ends - start).total_seconds() / 3600 in (23, 24, 25)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sent_on=st.sampled_from([date(2026, 3, 2), date(2026, 3, 20), date(2026, 10, 5), date(2026, 12, 10)]),
    looked=st.lists(st.integers(0, 75), min_size=1, max_size=14, unique=True).map(sorted),
    closed=st.sets(st.integers(1, 60), max_size=12),
)
def test_however_seldom_the_worker_runs_each_thing_happens_once_and_in_its_order(
    mazzini: Lab, anna: User, clinic: Service, sent_on: date, looked: list[int], closed: set[int]
) -> None:
    Referral.objects.all().delete()
    ClosingDay.objects.all().delete()
    ClosingDay.objects.bulk_create(
        ClosingDay(lab=mazzini, on=sent_on + timedelta(days=offset), reason="chiuso") for offset in closed
    )
    with on(sent_on):
        referral = make_referral(mazzini, anna, clinic)
    for offset in looked:
        with on(sent_on + timedelta(days=offset)):
            keep_time(mazzini)
            keep_time(mazzini)
    referral.refresh_from_db()
    reminded = [timezone.localdate(event.at) for event in referral.events.filter(kind="reminded")]
    expired = [timezone.localdate(event.at) for event in referral.events.filter(kind="expired")]
    worked = [sent_on + timedelta(days=offset) for offset in looked]
    worked = [day for day in worked if is_working_day(mazzini, day)]
    # What a careful person would do who looks into the calendar on those days only.
    expected, last, ends = [], sent_on, []
    for day in worked:
        due = reminder_day(mazzini, last, referral.expires_on)
        if day >= referral.expires_on:
            ends = ends or [day]
        elif due is not None and day >= due:
            expected.append(day)
            last = day
    assert (reminded, expired) == (expected, ends)
    assert (referral.reminders, referral.state) == (len(expected), "expired" if ends else "sent")
    assert all(day < end for day in reminded for end in expired)


@pytest.fixture
def sent(mazzini: Lab, anna: User, samira: Person, clinic: Service) -> Referral:
    """Sent on Monday 2 March 2026: a reminder on the 12th, silence is an answer from Wednesday 1 April."""
    with on(date(2026, 3, 2)):
        return make_referral(mazzini, anna, clinic, person=samira)


def test_the_days_of_a_referral(sent: Referral) -> None:
    assert (sent.next_reminder_on, sent.expires_on) == (date(2026, 3, 12), date(2026, 4, 1))
    # Between them the hour changes (29 March): the link still ends at the midnight of the wall clock.
    access_code = AccessCode.objects.get(purpose=AccessCode.Purpose.REFERRAL)
    assert abs(access_code.expires_at - datetime(2026, 4, 1, 22, tzinfo=UTC)) < timedelta(seconds=1)


def test_a_reminder_sends_a_new_link_and_moves_the_need_on(sent: Referral, mazzini: Lab) -> None:
    first = link_of(sent)
    with on(date(2026, 3, 12)):
        assert keep_time(mazzini) == {"withdrawn": 0, "expired": 0, "reminded": 1}
        assert keep_time(mazzini) == {"withdrawn": 0, "expired": 0, "reminded": 0}
    sent.refresh_from_db()
    need = Need.objects.get(pk=sent.need_id)
    assert (sent.reminders, sent.next_reminder_on, need.next_on) == (1, date(2026, 3, 23), date(2026, 3, 23))
    assert (need.state, link_of(sent) == first) == (Need.State.WAITING, False)
    subjects = [message["subject"] for message in messages_of(sent, "referral.request")]
    assert [subject.startswith("Promemoria") for subject in subjects] == [False, True]


def test_who_has_no_email_comes_up_in_the_day_of_the_owner(mazzini: Lab, anna: User) -> None:
    with on(date(2026, 3, 2)):
        referral = make_referral(mazzini, anna, make_service(mazzini, phone="02 777"))
    with on(date(2026, 3, 12)):
        keep_time(mazzini)
    need = Need.objects.get(pk=referral.need_id)
    assert (need.next_on, [message["channel"] for message in messages_of(referral)]) == (
        date(2026, 3, 12),
        ["call", "call"],
    )


def test_silence_gives_the_need_back_today_and_weakens_the_sheet(
    sent: Referral, mazzini: Lab, anna: User, clinic: Service
) -> None:
    with on(date(2026, 4, 1)):
        assert keep_time(mazzini) == {"withdrawn": 0, "expired": 1, "reminded": 0}
    need, given = Need.objects.get(pk=sent.need_id), Answer.objects.get(pk=sent.answer_id)
    assert (need.state, need.next_on, need.owner) == (Need.State.OPEN, date(2026, 4, 1), anna)
    assert given.outcome == Answer.Outcome.NO_REPLY
    assert list(ServiceDoubt.objects.values_list("service", "reason")) == [(clinic.pk, "no_reply")]
    # A silence is no answer: the person is told nothing.
    assert messages_of(sent, "referral.outcome") == []


def test_a_late_answer_is_still_an_answer(sent: Referral, mazzini: Lab, anna: User) -> None:
    with on(date(2026, 4, 1)):
        keep_time(mazzini)
    sent.refresh_from_db()
    with on(date(2026, 4, 7)):
        answer_referral(sent, state="accepted", channel="letter", by=anna, version=sent.version)
    need, given = Need.objects.get(pk=sent.need_id), Answer.objects.get(pk=sent.answer_id)
    assert (need.state, given.outcome) == (Need.State.ANSWERED, Answer.Outcome.ACCEPTED)
    assert (ServiceDoubt.objects.count(), len(messages_of(sent, "referral.outcome"))) == (0, 1)


def test_what_the_owner_did_meanwhile_stands(sent: Referral, mazzini: Lab, anna: User) -> None:
    need = Need.objects.get(pk=sent.need_id)
    Need.objects.filter(pk=need.pk).update(state=Need.State.ANSWERED)
    with on(date(2026, 4, 1)):
        keep_time(mazzini)
    need.refresh_from_db()
    assert (need.state, need.next_on) == (Need.State.ANSWERED, date(2026, 4, 1))


def test_a_need_that_waits_for_two_services_goes_on_waiting_for_the_other(
    sent: Referral, mazzini: Lab, anna: User
) -> None:
    need = Need.objects.get(pk=sent.need_id)
    with on(date(2026, 3, 20)):
        make_referral(mazzini, anna, make_service(mazzini, email="b@example.org"), need=need)
    with on(date(2026, 4, 1)):
        keep_time(mazzini)
    need.refresh_from_db()
    assert (need.state, need.next_on) == (Need.State.WAITING, date(2026, 4, 1))


def test_a_day_that_the_owner_chose_stands_when_it_comes_sooner(sent: Referral, mazzini: Lab, anna: User) -> None:
    need = Need.objects.get(pk=sent.need_id)
    wait_for_others(need, by=anna, version=need.version, next_on=date(2026, 3, 16))
    with on(date(2026, 3, 12)):
        keep_time(mazzini)
    need.refresh_from_db()
    assert need.next_on == date(2026, 3, 16)


def test_the_worker_keeps_the_time_of_every_lab(sent: Referral, mazzini: Lab, milo: Lab, bruno: User) -> None:
    with on(date(2026, 3, 2)):
        other = make_referral(milo, bruno)
    with on(date(2026, 3, 12)):
        plan_periodic_work()
        DueWork.objects.exclude(kind="referrals.clock").delete()
        assert do_next_work() is not None
    assert list(Referral.objects.order_by("pk").values_list("reminders", flat=True)) == [1, 1]
    assert other.lab == milo
