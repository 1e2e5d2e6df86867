"""The map of needs at the desk: every number is the length of the list that it opens."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from html import unescape

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from ballatoio.base.accounts.models import User
from ballatoio.base.labs.models import Lab
from ballatoio.base.people.models import Household, HouseholdDwelling, HouseholdMember
from ballatoio.base.territory.models import Building, Dwelling, Stair
from ballatoio.care.desk.models import Need
from ballatoio.care.desk.services import NeedHeard
from ballatoio.oversight.reporting.spans import Span, months_from, span_around
from ballatoio.oversight.reporting.tally_services import tally_due_months
from tests.factories import make_building, make_contact, make_person, make_term, sign_in

PAGE = "/mazzini/rendiconto/bisogni/"
LINK = re.compile(r'<a href="(/mazzini/banco/bisogni/\?[^"]+)">(\d+)(?: bisogn\w)?</a>')


@pytest.fixture(autouse=True)
def on_a_day() -> Iterator[None]:
    with time_machine.travel("2026-11-22 12:00+01:00", tick=False):
        yield


@pytest.fixture
def house(mazzini: Lab) -> Building:
    return make_building(mazzini, civic="5", lat=45.44, lon=9.22)


@pytest.fixture
def autumn(mazzini: Lab, anna: User, house: Building) -> None:
    """Needs of two houses, three topics, two languages, three months; one of a protected person."""
    home = make_term("Casa")
    mould, isee = make_term("Muffa", parent=home), make_term("ISEE")
    other = make_building(mazzini, civic="9")
    stair = Stair.objects.create(building=house, name="A")
    lives_there, hidden = make_person(mazzini, "Samira"), make_person(mazzini, "Lucia", is_protected=True)
    for number, person in enumerate((lives_there, hidden), start=1):
        household = Household.objects.create(lab=mazzini)
        HouseholdMember.objects.create(household=household, person=person)
        flat = Dwelling.objects.create(stair=stair, number=str(number), floor=1)
        HouseholdDwelling.objects.create(household=household, dwelling=flat)
    ways = [
        ({"building": house, "person": lives_there}, NeedHeard(term=mould), 9),
        ({"building": house, "language": "ar"}, NeedHeard(term=mould), 10),
        ({"building": house, "person": hidden}, NeedHeard(term=home), 10),
        ({"building": other, "channel": "phone"}, NeedHeard(term=isee), 11),
        ({"language": "ar"}, NeedHeard(words="parole sue"), 11),
    ]
    for fields, heard, month in ways * 2:
        contact = make_contact(mazzini, anna, heard, **fields)
        Need.objects.filter(contact=contact).update(opened_at=datetime(2026, month, 5, 10, tzinfo=UTC))


FILTERS = [
    "",
    "bisogno=casa",
    "bisogno=muffa&lingua=ar",
    "bisogno=senza",
    "lingua=ar&canale=walk_in",
    "dal=1/10/2026&al=31/10/2026",
    "casa=nessuna",
]


@pytest.mark.parametrize("counted_before", [False, True])
@pytest.mark.parametrize("query", FILTERS)
def test_every_number_is_the_length_of_the_list_that_it_opens(
    autumn: None, mazzini: Lab, client: Client, anna: User, query: str, counted_before: bool
) -> None:
    if counted_before:
        tally_due_months(mazzini)
    sign_in(client, anna)
    numbers = LINK.findall(client.get(f"{PAGE}?{query}").content.decode())
    wrong = [
        (address, shown)
        for address, shown in numbers
        if client.get(unescape(address)).context["page"].paginator.count != int(shown)
    ]
    assert (wrong, len(numbers) > 3) == ([], True)


def test_a_house_shows_its_stairs_and_never_a_protected_person(
    autumn: None, client: Client, anna: User, house: Building
) -> None:
    """Six needs were about the house; the two of the protected person are counted in none."""
    sign_in(client, anna)
    page = client.get(PAGE, {"casa": str(house.pk)})
    found = page.context["map"]
    stairs = {row.label: row.count for row in found.stairs}
    assert (found.total.count, stairs) == (4, {"Scala A": 2, "Scala non nota": 2})
    for address, shown in LINK.findall(page.content.decode()):
        assert client.get(unescape(address)).context["page"].paginator.count == int(shown)
    assert client.get(PAGE).context["map"].no_house.count == 4


def test_the_map_is_darker_where_more_was_asked(autumn: None, client: Client, anna: User) -> None:
    shapes = sign_in(client, anna).get(PAGE).context["map"].shapes
    assert [(shape.shade, shape.title) for shape in shapes] == [(4, "via Panigarola 5: 4")]


@pytest.mark.parametrize("query", ["casa=pippo", "dal=31/31", "lingua=klingon", "al=1/1/2020", "bisogno=nessuno"])
def test_filters_that_make_no_sense_break_nothing(autumn: None, client: Client, anna: User, query: str) -> None:
    assert sign_in(client, anna).get(f"{PAGE}?{query}").status_code == 200


@pytest.mark.parametrize("houses", [1, 40])
def test_the_page_asks_the_same_whatever_it_holds(
    autumn: None,
    mazzini: Lab,
    client: Client,
    anna: User,
    houses: int,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for _turn in range(houses):
        make_contact(mazzini, anna, building=make_building(mazzini))
    tally_due_months(mazzini)
    sign_in(client, anna)
    client.get(PAGE)
    with django_assert_max_num_queries(10):
        page = client.get(PAGE)
    assert page.context["map"].more_houses == max(0, houses + 2 - 25)


def test_periods_have_their_names_and_neighbours() -> None:
    year, quarter = span_around(date(2026, 11, 22), 12), span_around(date(2026, 11, 22), 3)
    assert [span.name for span in (year, quarter, months_from(date(2026, 10, 1), 1))] == [
        "2026",
        "ottobre–dicembre 2026",
        "ottobre 2026",
    ]
    assert (year.before.name, quarter.before.name, quarter.after.name) == (
        "2025",
        "luglio–settembre 2026",
        "gennaio–marzo 2027",
    )
    week = Span(date(2026, 11, 16), date(2026, 11, 22))
    assert (week.months, week.before, week.after.first) == (
        0,
        Span(date(2026, 11, 9), date(2026, 11, 15)),
        date(2026, 11, 23),
    )
