"""Services around a door, those open now before the others."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.translation import get_language

from ballatoio.base.directory.hours import DoorState, door_state, load_hours
from ballatoio.base.directory.models import Service
from ballatoio.base.directory.search import metres_between
from ballatoio.base.directory.texts import SOURCE_LANGUAGE, Text, translated
from ballatoio.base.labs.models import Lab
from ballatoio.web.home.map import Point, walking_minutes

SHOWN = 6
# Among so many of the nearest the open ones are looked for; who wants the whole list has the directory.
LOOKED_AT = 24


@dataclass(frozen=True)
class Near:
    """A service, what it is called in the language of the page, how far it is on foot, and its door now."""

    service: Service
    name: Text
    minutes: int
    door: DoorState


def near_services(lab: Lab, here: Point | None, at: datetime | None = None) -> list[Near]:
    """The lab's services nearest to `here` (lon, lat), open ones first: two queries, three with translations."""
    if here is None:
        return []
    moment = at or timezone.now()
    nearest = placed_services(lab, here)[:LOOKED_AT]
    hours = load_hours((service for _metres, service in nearest), lab)
    doors = {service.pk: door_state(service, hours[service.pk], moment) for _metres, service in nearest}
    shown = sorted(nearest, key=lambda row: not doors[row[1].pk].is_open)[:SHOWN]
    names = translated([service for _metres, service in shown], get_language() or SOURCE_LANGUAGE, ["name"])
    return [
        Near(service, names[service.pk]["name"], walking_minutes(metres), doors[service.pk])
        for metres, service in shown
    ]


def placed_services(lab: Lab, here: Point) -> list[tuple[float, Service]]:
    """The lab's services that stand somewhere with their metres from `here`, nearest first.

    Only what the address page shows is read: whole records are ten times as heavy.
    """
    placed = Service.objects.of_lab(lab).published().filter(lat__isnull=False, lon__isnull=False)
    rows = placed.only("slug", "name", "phone", "lat", "lon", "status").order_by("name", "pk")
    found = [(metres_between(here, (row.lon or 0, row.lat or 0)), row) for row in rows]
    return sorted(found, key=lambda row: row[0])
