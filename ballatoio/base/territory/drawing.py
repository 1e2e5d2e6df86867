"""The maps of a lab, drawn once and kept for a while: houses and districts change by import, not by the minute."""

import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import atan2, cos, degrees, dist, pi, sin
from typing import Any, TypeVar

from django.core.cache import cache

from ballatoio.base.labs.models import Lab

from .map import Frame, Point, area_path, frame_around, house_path, middle_of
from .models import Building, District

KEPT_SECONDS = 600
# On an address page: how far around the door the picture reaches.
AROUND_M = 320.0
# A number needs this much room, in units of the picture, and this much away from its edge.
DOT_WIDTH = 30
EDGE = 16


@dataclass(frozen=True)
class Dot:
    """A numbered service on a map: its number in the list beside, and where it falls."""

    number: int
    x: int
    y: int


@dataclass(frozen=True)
class Label:
    """The name of a street, and where and how slanted to write it."""

    text: str
    x: int
    y: int
    angle: int


@dataclass(frozen=True)
class Drawing:
    """Everything that the template of a map needs, as path strings and whole numbers."""

    width: int
    height: int
    area: str
    houses: str
    here: str
    lab: tuple[int, int] | None
    dots: list[Dot]
    labels: list[Label]


@dataclass(frozen=True)
class House:
    """What a picture needs of a building; never what is inside it."""

    pk: uuid.UUID
    street: str
    middle: Point
    geometry: dict[str, Any] | None


def houses_of(lab: Lab) -> list[House]:
    """The houses of the lab that stand somewhere."""
    rows = Building.objects.of_lab(lab).order_by("pk").values_list("pk", "street", "lon", "lat", "geometry")
    houses = []
    for pk, street, lon, lat, geometry in rows:
        middle = middle_of(geometry) or (None if lon is None or lat is None else (lon, lat))
        if middle is not None:
            houses.append(House(pk, street, middle, geometry))
    return houses


def lab_frame(lab: Lab) -> Frame | None:
    """The part of the earth that the lab's map shows: its houses and itself; None when nothing has a place yet."""

    def frame() -> Frame | None:
        points = [house.middle for house in houses_of(lab)]
        if lab.lon is not None and lab.lat is not None:
            points.append((lab.lon, lab.lat))
        return frame_around(points) if points else None

    return kept(f"frame:{lab.pk}", frame)


def draw(
    lab: Lab, frame: Frame, here: uuid.UUID | None = None, places: Sequence[Point] = (), *, named: bool = True
) -> Drawing:
    """Draw the part of the lab's territory inside `frame`; `places` are numbered in their order, streets named."""
    districts = District.objects.filter(labs=lab).order_by("pk").values_list("geometry", flat=True)
    houses = [house for house in houses_of(lab) if frame.shows(*house.middle)]
    paths = {house.pk: house_path(house.geometry, house.middle, frame) for house in houses}
    mine = paths.pop(here, "") if here else ""
    at_lab = []
    if lab.lon is not None and lab.lat is not None and frame.shows(lab.lon, lab.lat, inside=EDGE):
        at_lab.append(frame.place(lab.lon, lab.lat))
    return Drawing(
        width=frame.width,
        height=frame.height,
        area="".join(area_path(geometry, frame) for geometry in districts),
        houses="".join(paths.values()),
        here=mine,
        lab=at_lab[0] if at_lab else None,
        dots=dots_of(places, frame, at_lab),
        labels=labels_of(houses, frame) if named else [],
    )


def dots_of(places: Sequence[Point], frame: Frame, taken: Iterable[tuple[int, int]] = ()) -> list[Dot]:
    """The numbers of `places` that fall in the frame, each in the free spot nearest to its place."""
    occupied = list(taken)
    dots: list[Dot] = []
    for number, place in enumerate(places, start=1):
        if not frame.shows(*place, inside=EDGE):
            continue
        spot = free_spot(frame.place(*place), occupied, frame)
        occupied.append(spot)
        dots.append(Dot(number, *spot))
    return dots


def free_spot(at: tuple[int, int], occupied: list[tuple[int, int]], frame: Frame) -> tuple[int, int]:
    """The point nearest to `at`, on rings around it, where a number covers no other; `at` when none is free."""
    for ring in range(6):
        for step in range(8 * ring or 1):
            turn = 2 * pi * step / (8 * ring or 1)
            x = round(at[0] + ring * DOT_WIDTH * cos(turn))
            y = round(at[1] + ring * DOT_WIDTH * sin(turn))
            inside = EDGE <= x <= frame.width - EDGE and EDGE <= y <= frame.height - EDGE
            if inside and all(dist((x, y), other) >= DOT_WIDTH for other in occupied):
                return x, y
    return at


def labels_of(houses: list[House], frame: Frame) -> list[Label]:
    """The name of each street with two houses or more, along the line from its first to its last house."""
    streets: dict[str, list[tuple[int, int]]] = {}
    for house in houses:
        streets.setdefault(house.street, []).append(frame.place(*house.middle))
    labels: list[Label] = []
    for street, points in sorted(streets.items()):
        first, last = min(points), max(points)
        if dist(first, last) < frame.width / 9:
            continue
        slope = degrees(atan2(last[1] - first[1], last[0] - first[0]))
        x = round(sum(point[0] for point in points) / len(points))
        y = round(sum(point[1] for point in points) / len(points))
        if all(dist((x, y), (label.x, label.y)) > frame.width / 11 for label in labels):
            labels.append(Label(street, x, y, round(slope)))
    return labels


def district_drawing(lab: Lab) -> Drawing | None:
    """The lab's houses in their district; None when nothing has a place yet."""
    frame = lab_frame(lab)
    return kept(f"quartiere:{lab.pk}", lambda: draw(lab, frame, named=False)) if frame else None


@dataclass(frozen=True)
class Outlines:
    """The houses of a lab one by one, so that each may have a colour and lead somewhere."""

    width: int
    height: int
    area: str
    houses: dict[uuid.UUID, str]
    labels: list[Label]


def house_outlines(lab: Lab) -> Outlines | None:
    """The lab's houses in their district, each with its own shape; None when nothing has a place yet."""
    frame = lab_frame(lab)
    return kept(f"case:{lab.pk}", lambda: _outlines(lab, frame)) if frame else None


def _outlines(lab: Lab, frame: Frame) -> Outlines:
    districts = District.objects.filter(labs=lab).order_by("pk").values_list("geometry", flat=True)
    houses = [house for house in houses_of(lab) if frame.shows(*house.middle)]
    return Outlines(
        width=frame.width,
        height=frame.height,
        area="".join(area_path(geometry, frame) for geometry in districts),
        houses={house.pk: house_path(house.geometry, house.middle, frame) for house in houses},
        labels=labels_of(houses, frame),
    )


def services_drawing(lab: Lab, places: Sequence[Point]) -> Drawing | None:
    """The same with the lab’s services numbered as in the list beside; another list is another drawing."""
    frame = lab_frame(lab)
    key = f"servizi:{lab.pk}:{hash(tuple(places))}"
    return kept(key, lambda: draw(lab, frame, places=places)) if frame else None


def place_of(building: Building) -> Point | None:
    """The (lon, lat) of a house: where the register puts it, else the middle of its shape; None when unknown."""
    if building.lon is not None and building.lat is not None:
        return building.lon, building.lat
    return middle_of(building.geometry)


def address_drawing(lab: Lab, building: Building, places: Sequence[Point]) -> Drawing | None:
    """The surroundings of a door, with the services named on its page; None when the house has no place yet."""
    here = place_of(building)
    return draw(lab, frame_around([here], margin_m=AROUND_M), here=building.pk, places=places) if here else None


Kept = TypeVar("Kept")


def kept(key: str, make: Callable[[], Kept]) -> Kept:
    """Give what `make` gives, from the cache when it is younger than KEPT_SECONDS."""
    found: Kept | None = cache.get(f"map:{key}")
    if found is None:
        found = make()
        cache.set(f"map:{key}", found, KEPT_SECONDS)
    return found
