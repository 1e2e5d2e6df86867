"""The map of a district as SVG: plain functions from longitude and latitude to path strings.

A picture of 300 buildings is about 5 kB compressed, needs no script, no tile server and no other site; beside each
picture stands the same as a list, so nothing depends on seeing it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import cos, radians
from typing import Any

Point = tuple[float, float]
METRES_PER_DEGREE = 111_320.0
# A house whose shape is not known is drawn as a square of this half side.
HALF_SIDE_M = 7.0


@dataclass(frozen=True)
class Frame:
    """The part of the earth that the picture shows, and the size of the picture."""

    west: float
    north: float
    x_scale: float
    y_scale: float
    width: int
    height: int

    def place(self, lon: float, lat: float) -> tuple[int, int]:
        """Where a point falls in the picture, in whole units of the view box."""
        return round((lon - self.west) * self.x_scale), round((self.north - lat) * self.y_scale)

    def shows(self, lon: float, lat: float, inside: int = 0) -> bool:
        """Whether a point falls in the picture, `inside` units away from its edge at least."""
        x, y = self.place(lon, lat)
        return inside <= x <= self.width - inside and inside <= y <= self.height - inside


def frame_around(points: Iterable[Point], width: int = 600, margin_m: float = 120.0) -> Frame:
    """The frame that holds all (lon, lat) points with a margin, no narrower than 1:1 and no flatter than 2:1.

    Raises ValueError without points. Scales are equirectangular at the middle latitude: within a district of a few
    kilometres the error is under a metre.
    """
    known = list(points)
    if not known:
        raise ValueError("a map needs at least one point")
    lons, lats = [p[0] for p in known], [p[1] for p in known]
    middle_lat = (min(lats) + max(lats)) / 2
    lon_m = METRES_PER_DEGREE * cos(radians(middle_lat))
    wide = (max(lons) - min(lons)) * lon_m + 2 * margin_m
    high = (max(lats) - min(lats)) * METRES_PER_DEGREE + 2 * margin_m
    wide, high = max(wide, high), max(high, wide / 2)
    middle_lon = (min(lons) + max(lons)) / 2
    scale = width / wide
    return Frame(
        west=middle_lon - wide / 2 / lon_m,
        north=middle_lat + high / 2 / METRES_PER_DEGREE,
        x_scale=scale * lon_m,
        y_scale=scale * METRES_PER_DEGREE,
        width=width,
        height=round(high * scale),
    )


def rings(geometry: dict[str, Any] | None) -> list[Sequence[Sequence[float]]]:
    """The rings of a GeoJSON Polygon or MultiPolygon (RFC 7946), outer and inner; none for anything else."""
    if not geometry:
        return []
    if geometry.get("type") == "Polygon":
        return list(geometry["coordinates"])
    if geometry.get("type") == "MultiPolygon":
        return [ring for polygon in geometry["coordinates"] for ring in polygon]
    return []


def ring_path(points: Iterable[tuple[int, int]]) -> str:
    """One closed ring as short path data: the first point absolute, then relative steps, repeated points left out."""
    steps: list[tuple[int, int]] = []
    start: tuple[int, int] | None = None
    last = (0, 0)
    for point in points:
        if start is None:
            start = last = point
        elif point != last:
            steps.append((point[0] - last[0], point[1] - last[1]))
            last = point
    if start is None or len(steps) < 2:
        return ""
    if last == start:
        steps.pop()  # the z closes it
    numbers = " ".join(f"{dx} {dy}" for dx, dy in steps).replace(" -", "-")
    return f"M{start[0]} {start[1]}l{numbers}z"


def area_path(geometry: dict[str, Any] | None, frame: Frame) -> str:
    """The outline of a district as path data."""
    return "".join(ring_path(frame.place(p[0], p[1]) for p in ring) for ring in rings(geometry))


def house_path(geometry: dict[str, Any] | None, middle: Point, frame: Frame) -> str:
    """The footprint of a building, or a small square at its point when its shape is not known."""
    if drawn := area_path(geometry, frame):
        return drawn
    x, y = frame.place(*middle)
    half = max(3, round(HALF_SIDE_M * frame.y_scale / METRES_PER_DEGREE))
    return f"M{x - half} {y - half}h{2 * half}v{2 * half}h-{2 * half}z"


def middle_of(geometry: dict[str, Any] | None) -> Point | None:
    """A (lon, lat) in the middle of a shape's box: enough to frame it or to put a number on it."""
    points = [p for ring in rings(geometry) for p in ring]
    if not points:
        return None
    lons, lats = [p[0] for p in points], [p[1] for p in points]
    return (min(lons) + max(lons)) / 2, (min(lats) + max(lats)) / 2


def walking_minutes(metres: float) -> int:
    """Minutes on foot for a distance as the crow flies: 4 km/h and streets 1.3 times as long, never 0."""
    return max(1, round(metres * 1.3 / (4000 / 60)))
