"""The maps of a lab, drawn once and kept for a while: houses and districts change by import, not by the minute."""

import uuid
from dataclasses import dataclass, field
from typing import Any

from django.core.cache import cache

from ballatoio.base.labs.models import Lab
from ballatoio.base.territory.models import Building, District
from ballatoio.web.home.map import Frame, Point, area_path, frame_around, house_path, middle_of

KEPT_SECONDS = 600
# On an address page: how far around the door the picture reaches.
AROUND_M = 320.0


@dataclass(frozen=True)
class Dot:
    """A numbered service on a map: its number in the list beside, and where it falls."""

    number: int
    x: int
    y: int


@dataclass(frozen=True)
class Drawing:
    """Everything that the template of a map needs, as path strings and whole numbers."""

    width: int
    height: int
    area: str
    houses: str
    here: str = ""
    lab: tuple[int, int] | None = None
    dots: list[Dot] = field(default_factory=list)


def houses_of(lab: Lab) -> list[dict[str, Any]]:
    """The houses of the lab with what a picture needs; never what is inside them."""
    return list(Building.objects.of_lab(lab).order_by("pk").values("pk", "lon", "lat", "geometry"))


def draw(
    lab: Lab, frame: Frame, houses: list[dict[str, Any]], here: uuid.UUID | None = None, places: list[Any] | None = None
) -> Drawing:
    """Draw the part of the lab's territory inside `frame`. `places` are (lon, lat) or None, numbered in their order."""
    districts = District.objects.filter(labs=lab).order_by("pk").values_list("geometry", flat=True)
    shown, mine = [], ""
    for house in houses:
        middle = middle_of(house["geometry"]) or (house["lon"], house["lat"])
        if middle[0] is None or not frame.shows(*middle):
            continue
        path = house_path(house["geometry"], house["lon"], house["lat"], frame)
        if house["pk"] == here:
            mine = path
        else:
            shown.append(path)
    dots = [
        Dot(number, *frame.place(*place))
        for number, place in enumerate(places or [], start=1)
        if place is not None and frame.shows(*place, inside=14)
    ]
    at_lab = lab.lon is not None and lab.lat is not None and frame.shows(lab.lon, lab.lat, inside=14)
    return Drawing(
        width=frame.width,
        height=frame.height,
        area="".join(area_path(geometry, frame) for geometry in districts),
        houses="".join(shown),
        here=mine,
        lab=frame.place(lab.lon, lab.lat) if at_lab else None,
        dots=dots,
    )


def points_of(houses: list[dict[str, Any]]) -> list[tuple[float, float]]:
    """One (lon, lat) for each house that has a place on earth."""
    points = [middle_of(h["geometry"]) or (h["lon"], h["lat"]) for h in houses]
    return [(lon, lat) for lon, lat in points if lon is not None and lat is not None]


def district_drawing(lab: Lab) -> Drawing | None:
    """The lab's houses in their district; None when nothing has a place yet."""
    return kept(f"quartiere:{lab.pk}", lambda: _district(lab, None))


def services_drawing(lab: Lab, places: list[Any]) -> Drawing | None:
    """The same with the lab’s services numbered as in the list beside; another list is another drawing."""
    return kept(f"servizi:{lab.pk}:{hash(tuple(places))}", lambda: _district(lab, places))


def _district(lab: Lab, places: list[Any] | None) -> Drawing | None:
    houses = houses_of(lab)
    points = points_of(houses)
    if lab.lon is not None and lab.lat is not None:
        points.append((lab.lon, lab.lat))
    return draw(lab, frame_around(points), houses, places=places) if points else None


def place_of(building: Building) -> Point | None:
    """The (lon, lat) of a house: where the register puts it, else the middle of its shape; None when unknown."""
    if building.lon is not None and building.lat is not None:
        return building.lon, building.lat
    return middle_of(building.geometry)


def address_drawing(lab: Lab, building: Building, places: list[Any]) -> Drawing | None:
    """The surroundings of a door, with the services named on its page; None when the house has no place yet."""
    here = place_of(building)
    if here is None:
        return None
    frame = frame_around([here], margin_m=AROUND_M)
    return draw(lab, frame, houses_of(lab), here=building.pk, places=places)


def kept(key: str, make: Any) -> Drawing | None:
    """Give what `make` draws, from the cache when it is younger than KEPT_SECONDS."""
    found: Drawing | None = cache.get(f"map:{key}")
    if found is None:
        found = make()
        if found is not None:
            cache.set(f"map:{key}", found, KEPT_SECONDS)
    return found
