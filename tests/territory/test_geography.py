"""Where a point lies, and what is near it."""

from dataclasses import dataclass

import pytest
from pytest_django import DjangoAssertNumQueries

from ballatoio.base.territory.geography import distance_m, district_map, district_of, nearest
from ballatoio.base.territory.models import District

pytestmark = pytest.mark.django_db


def square(lon: float, lat: float, side: float = 0.01) -> dict[str, object]:
    ring = [[lon, lat], [lon + side, lat], [lon + side, lat + side], [lon, lat + side], [lon, lat]]
    return {"type": "Polygon", "coordinates": [ring]}


@pytest.fixture
def east(db: None) -> District:
    return District.objects.create(code="2", name="Est", geometry=square(9.01, 45), source="prova")


@pytest.fixture
def west(db: None) -> District:
    return District.objects.create(code="1", name="Ovest", geometry=square(9.00, 45), source="prova")


def test_a_point_is_in_its_district(west: District, east: District) -> None:
    assert (district_of(9.005, 45.005), district_of(9.015, 45.005), district_of(8, 45)) == (west, east, None)


def test_a_border_belongs_to_one_district_always(west: District, east: District) -> None:
    assert {district_of(9.01, 45.005) for _ in range(3)} == {west}


def test_the_map_follows_the_districts(west: District) -> None:
    assert district_of(9.015, 45.005) is None
    west.geometry = square(9.00, 45, 0.02)
    west.save()
    assert district_of(9.015, 45.005) == west
    west.delete()
    assert district_of(9.015, 45.005) is None


def test_the_map_is_drawn_once(
    west: District, east: District, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    drawn = district_map()
    with django_assert_num_queries(1):
        assert district_map() is drawn
    with django_assert_num_queries(2):
        district_of(9.005, 45.005)


def test_metres() -> None:
    assert distance_m(9, 45, 9, 45) == 0
    assert round(distance_m(9, 45, 9, 46)) == 111_195
    assert round(distance_m(9, 45, 10, 45)) == 78_626


@dataclass(frozen=True)
class Pin:
    name: str
    lat: float | None
    lon: float | None


def test_the_nearest_things_first() -> None:
    pins = [Pin("far", 45.1, 9), Pin("nowhere", None, None), Pin("near", 45.001, 9), Pin("here", 45, 9)]
    found = nearest(9, 45, pins, limit=2)
    assert [(round(metres), pin.name) for metres, pin in found] == [(0, "here"), (111, "near")]
