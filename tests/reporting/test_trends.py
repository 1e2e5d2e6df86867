"""When a topic grows: enough of it, more than the half year before lets one expect, and not because of the desk."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from ballatoio.base.accounts.models import User
from ballatoio.base.labs.models import Lab
from ballatoio.care.desk.models import Need
from ballatoio.oversight.reporting.trends import Counted, chance_of, find_growing, growing_topics, is_growing
from tests.factories import make_contact, make_term, sign_in

TODAY = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def on_a_day() -> Iterator[None]:
    with time_machine.travel(TODAY, tick=False):
        yield


def grows(recent: int, before: int, others: tuple[int, int] = (140, 910), compared: int = 20) -> bool:
    topic = Counted(recent, before, 0)
    everything = Counted(recent + others[0], before + others[1], 0)
    return is_growing(topic, everything, before_days=182, compared=compared)


def test_four_never_grow_whatever_was_before() -> None:
    assert [grows(recent, 0) for recent in (1, 2, 3, 4)] == [False] * 4


def test_a_topic_that_nobody_knew_grows_with_five() -> None:
    assert (grows(5, 0), grows(5, 5)) == (True, False)


def test_what_chance_brings_does_not_grow() -> None:
    """In half a year 65, so 10 are usual in four weeks: 14 happen by chance, 26 do not."""
    assert [grows(recent, 65) for recent in (10, 14, 17, 26)] == [False, False, False, True]


def test_a_busy_desk_makes_nothing_grow() -> None:
    """Everything doubled: the desk was open more, or had been closed before."""
    assert (grows(26, 65, others=(140, 910)), grows(26, 65, others=(364, 910))) == (True, False)


def test_a_quiet_desk_makes_nothing_grow_either() -> None:
    """The others came less, this topic as always."""
    assert grows(10, 65, others=(20, 910)) is False


@given(st.integers(0, 400), st.integers(0, 400))
def test_chances_are_chances_and_more_is_rarer(recent: int, before: int) -> None:
    chance = chance_of(recent, before, 28 / 210)
    assert -1e-9 <= chance <= 1.0
    assert chance_of(recent + 1, max(before - 1, 0), 28 / 210) <= chance + 1e-9


def needs_at(lab: Lab, by: User, name: str, days_ago: list[int]) -> None:
    for days in days_ago:
        need = make_contact(lab, by, term_heard(name)).needs.get()
        Need.objects.filter(pk=need.pk).update(opened_at=TODAY - timedelta(days=days))


def term_heard(name: str):  # type: ignore[no-untyped-def]
    from ballatoio.care.desk.services import NeedHeard

    return NeedHeard(term=make_term(name))


@pytest.fixture
def half_a_year(mazzini: Lab, anna: User) -> None:
    """ISEE as always, mould since three weeks."""
    needs_at(mazzini, anna, "ISEE", list(range(1, 210, 4)))
    make_term("Muffa", parent=make_term("Casa"))
    needs_at(mazzini, anna, "Muffa", [2, 3, 3, 5, 8, 9, 12, 15, 20])


def test_the_coordinator_sees_what_grows_and_opens_it(
    half_a_year: None, mazzini: Lab, client: Client, elena: User
) -> None:
    found = growing_topics(mazzini)
    assert [(growth.name, growth.recent, growth.usual, growth.last_year) for growth in found] == [("Muffa", 9, 0, None)]
    sign_in(client, elena)
    assert "di solito 0" in client.get("/mazzini/rendiconto/andamento/").content.decode()
    opened = client.get(f"/mazzini/banco/bisogni/?{found[0].opens}").context["page"].paginator.count
    assert opened == 9


def test_what_was_the_same_a_year_ago_is_said(half_a_year: None, mazzini: Lab, anna: User) -> None:
    needs_at(mazzini, anna, "Muffa", [364 + days for days in (2, 4, 6, 8, 10, 12, 14, 27)])
    needs_at(mazzini, anna, "ISEE", [420])
    growth = find_growing(mazzini, TODAY.date())[0]
    assert (growth.last_year, growth.is_seasonal) == (8, True)


def test_a_lab_of_a_month_knows_no_usual(mazzini: Lab, anna: User) -> None:
    needs_at(mazzini, anna, "Muffa", [1, 2, 3, 4, 5, 6, 40])
    assert find_growing(mazzini, TODAY.date()) == []


def test_a_topic_over_the_months_opens_onto_its_needs(
    half_a_year: None, mazzini: Lab, client: Client, elena: User
) -> None:
    sign_in(client, elena)
    trends = client.get("/mazzini/rendiconto/andamento/").context["trends"]
    cells = [month for trend in trends for month in trend.months if month.count]
    counted = [client.get(f"/mazzini/banco/bisogni/?{month.opens}").context["page"].paginator.count for month in cells]
    assert counted == [month.count for month in cells]
    assert sum(counted) == Need.objects.count()
