"""Services around a door, those open now before the others."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.translation import get_language

from ballatoio.base.directory.hours import DoorState, door_state, load_hours
from ballatoio.base.directory.models import Service
from ballatoio.base.directory.search import find_services
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
    found = [row for row in find_services(lab, near=here)[:LOOKED_AT] if row.metres is not None]
    hours = load_hours(row.service for row in found)
    doors = {row.service.pk: door_state(row.service, hours[row.service.pk], moment) for row in found}
    shown = sorted(found, key=lambda row: not doors[row.service.pk].is_open)[:SHOWN]
    names = translated([row.service for row in shown], get_language() or SOURCE_LANGUAGE, ["name"])
    return [
        Near(row.service, names[row.service.pk]["name"], walking_minutes(row.metres or 0), doors[row.service.pk])
        for row in shown
    ]
