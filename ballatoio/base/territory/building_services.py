"""What can happen to one building after it is there: its address is corrected, a stair or a flat is added, read."""

import hashlib
from typing import Any
from uuid import uuid4

from django.db import IntegrityError, transaction

from ballatoio.base.accounts.models import User
from ballatoio.base.audit.services import record_act, record_reading
from ballatoio.base.core.conflicts import ChangedElsewhere
from ballatoio.base.jobs.services import plan_work, submit_once

from .addresses import civic_key, street_key
from .geography import district_of
from .models import Building, Dwelling, DwellingQuerySet, Stair
from .services import BuildingIsAlreadyThere

ADDRESS = ("street", "civic", "cap", "lat", "lon")


class StairIsAlreadyThere(Exception):
    """The building has a stair with this name."""


class DwellingIsAlreadyThere(Exception):
    """The stair has a flat with this number."""


def address_mark(building: Building) -> str:
    """Give a mark of how the address of a building stands: it differs after every change."""
    return hashlib.sha256(repr([getattr(building, name) for name in ADDRESS]).encode()).hexdigest()


@transaction.atomic
def correct_address(building: Building, *, by: User, seen: str, **fields: Any) -> Building:
    """Write the address of a building (`fields`: those of ADDRESS); its page keeps the address that it has on the web.

    `seen` is the address_mark that the writer had before their eyes: raise ChangedElsewhere when somebody changed it
    since, BuildingIsAlreadyThere when the lab has another building there. Nothing is written when nothing changed.
    """
    current = Building.objects.select_for_update(of=("self",), no_key=True).get(pk=building.pk)
    changed = [name for name, value in fields.items() if getattr(current, name) != value]
    if not changed:
        return current
    if seen != address_mark(current):
        raise ChangedElsewhere(current)
    called = str(current)
    for name in changed:
        setattr(current, name, fields[name])
    current.street_key, current.civic_key = street_key(current.street), civic_key(current.civic)
    if {"lat", "lon"} & set(changed):
        known = current.lon is not None and current.lat is not None
        current.district = district_of(current.lon, current.lat) if known else None  # type: ignore[arg-type]
    try:
        with transaction.atomic():
            current.save()
    except IntegrityError:
        raise BuildingIsAlreadyThere(str(current)) from None
    if str(current) != called:
        # The contacts about this house are found by its new address as well.
        plan_work("territory.address_changed", key=f"address:{uuid4()}", payload={"building": str(current.pk)})
    record_act("building.correct", current, by=by, lab_id=current.lab_id, detail={"changed": sorted(changed)})
    return current


@transaction.atomic
def add_stair(building: Building, *, name: str, by: User, has_lift: bool | None = None) -> Stair:
    """Add a stair to a building. Raise StairIsAlreadyThere."""
    Building.objects.select_for_update(of=("self",), no_key=True).get(pk=building.pk)
    if building.stairs.filter(name__iexact=name).exists():
        raise StairIsAlreadyThere(name)
    stair = Stair.objects.create(building=building, name=name, has_lift=has_lift)
    record_act("stair.add", stair, by=by, lab_id=building.lab_id)
    return stair


@transaction.atomic
def add_dwelling(stair: Stair, *, number: str, floor: int, by: User, once: str = "", **fields: Any) -> Dwelling:
    """Add a flat to a stair (`fields`: rooms, useful_m2, lift, step_free, state).

    Raise DwellingIsAlreadyThere, AlreadySubmitted.
    """
    Stair.objects.select_for_update(of=("self",), no_key=True).get(pk=stair.pk)
    submit_once(once)
    if stair.dwellings.filter(number__iexact=number).exists():
        raise DwellingIsAlreadyThere(number)
    dwelling = Dwelling.objects.create(stair=stair, number=number, floor=floor, **fields)
    detail = {"state": str(dwelling.state)}
    record_act("dwelling.add", dwelling, by=by, lab_id=stair.building.lab_id, detail=detail)
    return dwelling


@transaction.atomic
def read_dwellings(building: Building, *, by: User) -> DwellingQuerySet:
    """Give the flats of a building with their states, as far as `by` may see them; the reading is recorded.

    Which ones stand empty would be a map for whoever takes flats by force (models.DwellingQuerySet.visible_to).
    """
    record_reading("building.read_dwellings", building, by=by, lab_id=building.lab_id)
    flats = Dwelling.objects.visible_to(by).filter(stair__building=building).select_related("stair")
    return flats.order_by("stair__name", "floor", "number", "pk")
