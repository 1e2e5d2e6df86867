"""A week of hours: written once, finished, approved; what a funder reads is what people wrote."""

import threading
from datetime import date, timedelta

import pytest
import time_machine
from django.db import connection, connections
from hypothesis import given
from hypothesis import strategies as st

from ballatoio.base.accounts.models import Membership, Role, User
from ballatoio.base.core.conflicts import ChangedElsewhere
from ballatoio.base.labs.models import FundingLine, Lab
from ballatoio.oversight.hours import services, sums
from ballatoio.oversight.hours.clock import NotATime, read_minutes, write_minutes
from ballatoio.oversight.hours.models import Activity, WeekSheet, WorkedHours
from tests import factories

MONDAY = date(2026, 11, 16)
SATURDAY_NOON = "2026-11-21 12:00+01:00"


@pytest.fixture
def lab(db: None) -> Lab:
    return factories.make_lab("mazzini")


@pytest.fixture
def anna(lab: Lab) -> User:
    return factories.make_user("Anna", lab, Role.DESK)


@pytest.fixture
def desk(lab: Lab) -> Activity:
    line = FundingLine.objects.create(lab=lab, name="Fondo A")
    return services.start_activity(lab, by=None, name="Sportello", since=date(2026, 1, 1), funding_line=line)


def fill(lab: Lab, who: User, *cells: tuple[Activity, int, int], confirm: bool = True, version: int = 0) -> WeekSheet:
    minutes = {(activity.pk, MONDAY + timedelta(days=offset)): spent for activity, offset, spent in cells}
    return services.fill_week(lab, by=who, monday=MONDAY, minutes=minutes, confirm=confirm, version=version)


@given(st.integers(min_value=0, max_value=24 * 60))
def test_hours_read_back_as_they_are_shown(minutes: int) -> None:
    assert read_minutes(write_minutes(minutes)) == minutes


@pytest.mark.parametrize("typed", ["due", "25", "1:75", "-1", "1,5,5", "²"])
def test_what_is_no_time_is_refused_with_a_sentence(typed: str) -> None:
    with pytest.raises(NotATime, match=r".{20,}"):
        read_minutes(typed)


@time_machine.travel(SATURDAY_NOON)
def test_anna_writes_her_week_and_the_month_adds_up(lab: Lab, anna: User, desk: Activity) -> None:
    other = services.start_activity(lab, by=None, name="Rete", since=date(2026, 1, 1))
    sheet = fill(lab, anna, (desk, 0, 240), (desk, 1, 90), (other, 1, 30))
    assert (sheet.state, sheet.version) == ("confirmed", 2)
    found = sums.hours_between(lab, date(2026, 11, 1), date(2026, 11, 30))
    rows = [(row.activity, row.funding_line, row.minutes, row.approved) for row in found.rows]
    assert rows == [("Sportello", "Fondo A", 330, 0), ("Rete", "–", 30, 0)] or rows == [
        ("Rete", "–", 30, 0),
        ("Sportello", "Fondo A", 330, 0),
    ]
    services.approve_week(sheet, by=anna)
    found = sums.hours_between(lab, date(2026, 11, 1), date(2026, 11, 30))
    assert (found.total.minutes, found.total.approved) == (360, 360)
    assert {(row.funding_line, row.minutes) for row in found.by_line} == {("Fondo A", 330), ("–", 30)}


@time_machine.travel(SATURDAY_NOON)
def test_a_week_that_is_not_confirmed_counts_for_nobody(lab: Lab, anna: User, desk: Activity) -> None:
    fill(lab, anna, (desk, 0, 240), confirm=False)
    assert sums.hours_between(lab, MONDAY, MONDAY).rows == ()


@time_machine.travel(SATURDAY_NOON)
def test_the_organisation_is_that_of_the_day(lab: Lab, anna: User, desk: Activity) -> None:
    one, two = factories.make_organisation(name="Uno"), factories.make_organisation(name="Due")
    Membership.objects.filter(user=anna).update(organisation=one, since=date(2026, 1, 1), until=MONDAY)
    Membership.objects.create(user=anna, lab=lab, role=Role.DESK, organisation=two, since=MONDAY + timedelta(days=1))
    fill(lab, anna, (desk, 0, 60), (desk, 1, 120))
    found = sums.hours_between(lab, MONDAY, MONDAY + timedelta(days=6))
    assert {(row.organisation, row.minutes) for row in found.rows} == {("Uno", 60), ("Due", 120)}


@time_machine.travel(SATURDAY_NOON)
@pytest.mark.parametrize(
    ("cells", "problem"),
    [
        ([(0, 900), (0, 600)], services.DayIsTooLong),
        ([(6, 60)], services.DayIsToCome),
    ],
)
def test_an_impossible_week_changes_nothing(
    lab: Lab, anna: User, desk: Activity, cells: list[tuple[int, int]], problem: type[Exception]
) -> None:
    activities = [desk, services.start_activity(lab, by=None, name="Rete", since=date(2026, 1, 1))]
    with pytest.raises(problem):
        fill(lab, anna, *((activity, *cell) for activity, cell in zip(activities, cells, strict=False)))
    assert (WeekSheet.objects.count(), WorkedHours.objects.count()) == (0, 0)


@time_machine.travel(SATURDAY_NOON)
def test_an_activity_that_ended_takes_no_more_hours_and_keeps_its_own(lab: Lab, anna: User, desk: Activity) -> None:
    fill(lab, anna, (desk, 0, 60), confirm=False)
    services.end_activity(desk, by=anna, on=MONDAY)
    with pytest.raises(services.ActivityIsOver):
        fill(lab, anna, (desk, 1, 60), version=2)
    assert WorkedHours.objects.get().minutes == 60


@time_machine.travel(SATURDAY_NOON)
def test_an_approved_week_is_closed_until_it_is_sent_back(lab: Lab, anna: User, desk: Activity) -> None:
    sheet = services.approve_week(fill(lab, anna, (desk, 0, 60)), by=anna)
    with pytest.raises(services.WeekIsClosed):
        fill(lab, anna, (desk, 0, 90), version=sheet.version)
    sheet = services.return_week(sheet, by=anna, note="Manca martedì")
    assert (sheet.state, sheet.note) == ("open", "Manca martedì")
    assert fill(lab, anna, (desk, 0, 90), version=sheet.version).state == "confirmed"


@time_machine.travel(SATURDAY_NOON)
def test_an_open_week_cannot_be_approved(lab: Lab, anna: User, desk: Activity) -> None:
    with pytest.raises(services.WeekIsClosed):
        services.approve_week(fill(lab, anna, (desk, 0, 60), confirm=False), by=anna)


@time_machine.travel(SATURDAY_NOON)
def test_two_windows_on_one_week_the_second_is_told(lab: Lab, anna: User, desk: Activity) -> None:
    fill(lab, anna, (desk, 0, 60))
    with pytest.raises(ChangedElsewhere):
        fill(lab, anna, (desk, 0, 90))
    assert WorkedHours.objects.get().minutes == 60


@time_machine.travel(SATURDAY_NOON)
def test_last_week_comes_again_only_up_to_today(lab: Lab, anna: User, desk: Activity) -> None:
    fill(lab, anna, (desk, 0, 60), (desk, 5, 30))
    with time_machine.travel("2026-11-25 12:00+01:00"):
        again = sums.as_last_week(anna, lab, MONDAY + timedelta(days=7))
        assert again == {(desk.pk, MONDAY + timedelta(days=7)): 60}
        assert sums.missing_weeks(anna, lab) == []
    with time_machine.travel("2026-12-01 12:00+01:00"):
        assert sums.missing_weeks(anna, lab) == [MONDAY + timedelta(days=7)]


def test_nobody_who_writes_no_hours_is_reminded(lab: Lab, anna: User) -> None:
    assert sums.missing_weeks(anna, lab) == []


@pytest.mark.django_db(transaction=True)
def test_two_first_savings_at_once_are_one_week() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("a database in memory has one connection")
    lab = factories.make_lab("mazzini")
    anna = factories.make_user("Anna", lab, Role.DESK)
    desk = services.start_activity(lab, by=None, name="Sportello", since=date(2026, 1, 1))
    outcomes: list[str] = []
    gate = threading.Barrier(2)

    def save() -> None:
        gate.wait()
        try:
            fill(lab, anna, (desk, 0, 60))
            outcomes.append("saved")
        except ChangedElsewhere:
            outcomes.append("told")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=save) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["saved", "told"]
    assert WorkedHours.objects.get().minutes == 60
