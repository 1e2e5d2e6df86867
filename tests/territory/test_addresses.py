"""What people type as an address."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from ballatoio.base.core.text import normalise
from ballatoio.base.labs.models import Lab
from ballatoio.base.territory.addresses import (
    STREET_KINDS,
    Typed,
    civic_key,
    civic_order,
    find_buildings,
    read_address,
    street_key,
)
from ballatoio.base.territory.services import add_building

pytestmark = pytest.mark.django_db

STREETS = {
    "via Odazio": ["1", "7", "12/A", "12", "120"],
    "viale Omero": ["12", "15"],
    "piazzale Ferrara": ["2", "6"],
    "via Giosuè Borsi": ["10"],
    "via 25 Aprile": ["3", "25"],
    "via degli Apuli": ["4"],
    "corso Lodi": ["7"],
    "via Ludovico il Moro": ["7 bis"],
}


@pytest.fixture
def houses(mazzini: Lab) -> Lab:
    for street, civics in STREETS.items():
        for civic in civics:
            add_building(mazzini, street=street, civic=civic, by=None)
    return mazzini


def found(lab: Lab, text: str) -> list[str]:
    return [str(match.building) for match in find_buildings(lab, text)]


@pytest.mark.parametrize(
    ("typed", "house", "stair"),
    [
        ("odazio 7", "via Odazio 7", ""),
        ("Via Odazio, 7 scala B", "via Odazio 7", "B"),
        ("VIA ODAZIO N. 7 SC. B INT. 12", "via Odazio 7", "B"),
        ("v. odazio 7", "via Odazio 7", ""),
        ("via odazio n° 7, 20147 Bergamo", "via Odazio 7", ""),
        ("7 via odazio", "via Odazio 7", ""),
        ("odazio 12/a", "via Odazio 12/A", ""),
        ("odazio 12a", "via Odazio 12/A", ""),
        ("odazio 12 A", "via Odazio 12/A", ""),
        ("odazio 007", "via Odazio 7", ""),
        ("odazio 7b", "via Odazio 7", "B"),
        ("oda 120", "via Odazio 120", ""),
        ("v.le omero 12", "viale Omero 12", ""),
        ("vle Omèro 12", "viale Omero 12", ""),
        ("p.le ferrara 6", "piazzale Ferrara 6", ""),
        ("ple ferrara, 6", "piazzale Ferrara 6", ""),
        ("borsi 10", "via Giosuè Borsi 10", ""),
        ("via g. borsi 10", "via Giosuè Borsi 10", ""),
        ("giosue borsi 10", "via Giosuè Borsi 10", ""),
        ("via 25 aprile 3", "via 25 Aprile 3", ""),
        ("via 25 aprile 25", "via 25 Aprile 25", ""),
        ("apuli 4", "via degli Apuli 4", ""),
        ("c.so lodi 7", "corso Lodi 7", ""),
        ("ludovico il moro 7bis", "via Ludovico il Moro 7 bis", ""),
        ("ludovico moro 7 bis", "via Ludovico il Moro 7 bis", ""),
    ],
)
def test_the_house_that_is_meant(houses: Lab, typed: str, house: str, stair: str) -> None:
    matches = find_buildings(houses, typed)
    assert (str(matches[0].building), matches[0].stair) == (house, stair)


@pytest.mark.parametrize(
    ("typed", "exact"),
    [("odazio 7", True), ("oda 7", False), ("odasio 7", False), ("odazio", False), ("via omero 12", False)],
)
def test_a_guess_says_that_it_is_one(houses: Lab, typed: str, exact: bool) -> None:
    assert find_buildings(houses, typed)[0].exact is exact


@pytest.mark.parametrize(
    ("typed", "street"),
    [("odasio 7", "via Odazio"), ("p.za ferrara", "piazzale Ferrara"), ("via omaro 12", "viale Omero")],
)
def test_a_wrong_letter_is_forgiven(houses: Lab, typed: str, street: str) -> None:
    assert found(houses, typed)[0].startswith(street)


def test_a_street_without_number_gives_its_numbers_in_order(houses: Lab) -> None:
    numbers = ["1", "7", "12", "12/A", "120"]
    assert found(houses, "via odazio") == [f"via Odazio {number}" for number in numbers]


def test_a_number_that_is_not_there_gives_the_nearest_ones(houses: Lab) -> None:
    assert found(houses, "odazio 9")[:2] == ["via Odazio 7", "via Odazio 12"]
    assert not any(match.exact for match in find_buildings(houses, "odazio 9"))


@pytest.mark.parametrize("typed", ["", "  ", "7", "via", "?!", "via 7", "xyz", "\x00", "9" * 500, "a " * 5000])
def test_what_is_no_address_finds_nothing(houses: Lab, typed: str) -> None:
    assert find_buildings(houses, typed) == []


def test_the_limit_holds(houses: Lab) -> None:
    assert len(find_buildings(houses, "odazio", limit=2)) == 2


def test_another_labs_houses_are_not_found(houses: Lab, milo: Lab) -> None:
    assert find_buildings(milo, "odazio 7") == []


@pytest.mark.parametrize("typed", ["odazio 7", "odasio 7", "via odazio", "xyz 3"])
def test_two_queries_at_most(houses: Lab, typed: str, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_max_num_queries(2):
        find_buildings(houses, typed)


def test_every_shortening_stands_for_its_kind() -> None:
    for kind, shorts in STREET_KINDS.items():
        for short in shorts:
            assert street_key(f"{short} Omero") == f"{kind} omero"


def test_numbers_of_a_street_are_in_order() -> None:
    assert sorted(["120", "7bis", "12", "7", "12a"], key=civic_order) == ["7", "7bis", "12", "12a", "120"]


def test_the_ways_to_read_an_address_with_two_numbers() -> None:
    assert read_address("via 25 aprile 3")[0] == Typed("via 25 aprile", "3", "")


@given(st.text(max_size=120))
def test_reading_never_fails_and_gives_normalised_words(text: str) -> None:
    readings = read_address(text)
    assert readings
    for reading in readings:
        assert normalise(reading.street) == reading.street


@given(st.text(max_size=60))
def test_a_key_of_a_key_is_itself(text: str) -> None:
    key = street_key(text)
    assert len(key) <= 120
    assert street_key(civic_key(text)) == street_key(civic_key(civic_key(text)))


@given(
    kind=st.sampled_from(["via", "v.", "V.LE", "viale", "p.za", "Piazza", "c.so", ""]),
    name=st.sampled_from(["Omero", "GIAMBELLINO", "Giosuè Borsi", "degli Apuli"]),
    number=st.integers(1, 9999),
    letter=st.sampled_from(["", "a", "/B", " bis"]),
    stair=st.sampled_from(["", " scala C", ", sc. 2", " Sc d"]),
)
def test_number_and_stair_are_read_from_any_writing(kind: str, name: str, number: int, letter: str, stair: str) -> None:
    reading = read_address(f"{kind} {name}, {number}{letter}{stair}".strip())[0]
    assert reading.civic == civic_key(f"{number}{letter}")
    assert reading.stair == stair[-1:].upper()
    assert reading.street.endswith(normalise(name))
