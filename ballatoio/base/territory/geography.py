"""Where a point lies, and what is near it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from math import asin, cos, radians, sin, sqrt
from typing import Protocol, TypeVar
from uuid import UUID

from django.db.models import Count, Max
from shapely.geometry import Point, shape
from shapely.geometry.base import BaseGeometry
from shapely.prepared import PreparedGeometry, prep
from shapely.strtree import STRtree

from .models import District

EARTH_RADIUS_M = 6_371_008.8  # mean radius, IUGG


class Located(Protocol):
    """Anything that may stand on the map."""

    @property
    def lat(self) -> float | None: ...

    @property
    def lon(self) -> float | None: ...


Thing = TypeVar("Thing", bound=Located)


def distance_m(lon: float, lat: float, other_lon: float, other_lat: float) -> float:
    """Give the metres between two points of the globe (haversine formula; degrees, WGS84)."""
    half_lat = radians(other_lat - lat) / 2
    half_lon = radians(other_lon - lon) / 2
    chord = sin(half_lat) ** 2 + cos(radians(lat)) * cos(radians(other_lat)) * sin(half_lon) ** 2
    return 2 * EARTH_RADIUS_M * asin(sqrt(chord))


def nearest(lon: float, lat: float, things: Iterable[Thing], limit: int = 3) -> list[tuple[float, Thing]]:
    """Give the things nearest to a point, each after its distance in metres; those without a place are left out."""
    measured = [
        (distance_m(lon, lat, thing.lon, thing.lat), thing)
        for thing in things
        if thing.lon is not None and thing.lat is not None
    ]
    return sorted(measured, key=lambda pair: pair[0])[:limit]


@dataclass(frozen=True)
class DistrictMap:
    """The districts as they stood at one moment, ready to be asked for many points."""

    signature: tuple[int, datetime | None]
    ids: list[UUID]
    prepared: list["PreparedGeometry[BaseGeometry]"]
    tree: STRtree

    def find(self, lon: float, lat: float) -> UUID | None:
        """Give the district that covers the point; on a border, always the same one."""
        point = Point(lon, lat)
        for place in sorted(self.tree.query(point)):
            if self.prepared[place].covers(point):
                return self.ids[place]
        return None


_maps: dict[str, DistrictMap] = {}


def district_map() -> DistrictMap:
    """Give the map of the districts, drawn once per process and again when a district was added, changed or removed.

    One small query each time; whoever asks for many points keeps the map.
    """
    found = District.objects.aggregate(count=Count("pk"), last=Max("updated_at"))
    signature = (found["count"], found["last"])
    current = _maps.get("current")
    if current is None or current.signature != signature:
        rows = list(District.objects.order_by("code").values_list("pk", "geometry"))
        shapes = [shape(geometry) for _, geometry in rows]
        current = DistrictMap(signature, [pk for pk, _ in rows], [prep(s) for s in shapes], STRtree(shapes))
        _maps["current"] = current
    return current


def district_of(lon: float, lat: float) -> District | None:
    """Give the district in which a point lies, or None outside all of them."""
    found = district_map().find(lon, lat)
    return District.objects.defer("geometry").filter(pk=found).first() if found else None
