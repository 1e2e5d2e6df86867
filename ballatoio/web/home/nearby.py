"""Services around a door, those open now before the others."""

from dataclasses import dataclass

from django.core.cache import cache
from django.utils import timezone
from django.utils.translation import get_language

from ballatoio.base.directory.hours import DoorState, door_state, load_hours
from ballatoio.base.directory.models import Service
from ballatoio.base.directory.search import metres_between
from ballatoio.base.directory.texts import SOURCE_LANGUAGE, Text, translated
from ballatoio.base.labs.models import Lab
from ballatoio.base.territory.drawing import place_of
from ballatoio.base.territory.map import Point, walking_minutes
from ballatoio.base.territory.models import Building
from ballatoio.web.home.hours import KEPT_SECONDS

SHOWN = 6
# Among so many of the nearest the open ones are looked for; who wants the whole list has the directory.
LOOKED_AT = 24


@dataclass(frozen=True)
class Near:
    """A service, what it is called in the language of the page, how far it is on foot, and its door now."""

    slug: str
    phone: str
    point: Point
    name: Text
    minutes: int
    door: DoorState


def near_services(lab: Lab, building: Building) -> list[Near]:
    """The lab's services nearest to a building, open ones first; none when nobody knows where it stands.

    No query when the same door was looked at less than a minute ago, else two, and one more for translations.
    """
    language = get_language() or SOURCE_LANGUAGE
    key = f"near:{building.pk}:{language}"
    found: list[Near] | None = cache.get(key)
    if found is None:
        here = place_of(building)
        found = find_near(lab, here, language) if here else []
        cache.set(key, found, KEPT_SECONDS)
    return found


def find_near(lab: Lab, here: Point, language: str) -> list[Near]:
    """Look for the services around `here` (lon, lat) and ask their doors."""
    now = timezone.now()
    nearest = placed_services(lab, here)[:LOOKED_AT]
    hours = load_hours((service for _metres, service in nearest), lab)
    doors = {service.pk: door_state(service, hours[service.pk], now) for _metres, service in nearest}
    shown = sorted(nearest, key=lambda row: not doors[row[1].pk].is_open)[:SHOWN]
    names = translated([service for _metres, service in shown], language, ["name"])
    return [
        Near(
            slug=service.slug,
            phone=service.phone,
            point=point_of(service),
            name=names[service.pk]["name"],
            minutes=walking_minutes(metres),
            door=doors[service.pk],
        )
        for metres, service in shown
    ]


def point_of(service: Service) -> Point:
    """The (lon, lat) of a service that has a place."""
    assert service.lon is not None and service.lat is not None
    return service.lon, service.lat


def placed_services(lab: Lab, here: Point) -> list[tuple[float, Service]]:
    """The lab's services that stand somewhere with their metres from `here`, nearest first.

    Only what the address page shows is read: whole records are ten times as heavy.
    """
    placed = Service.objects.of_lab(lab).published().filter(lat__isnull=False, lon__isnull=False)
    rows = placed.only("slug", "name", "phone", "lat", "lon", "status").order_by("name", "pk")
    found = [(metres_between(here, point_of(row)), row) for row in rows]
    return sorted(found, key=lambda row: row[0])
