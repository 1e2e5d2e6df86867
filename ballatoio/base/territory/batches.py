"""The part of services.py that writes an import, a batch of rows at a time: one writer for each shape of file.

Each compares the rows with what is there, so that importing the same file again changes nothing; an empty cell
leaves what is there as it is.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from math import cos, radians
from typing import Any
from uuid import UUID

from django.db import models
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _
from shapely.affinity import scale
from shapely.geometry import Point, shape
from shapely.ops import unary_union
from shapely.prepared import prep

from ballatoio.base.core.text import normalise
from ballatoio.base.labs.models import Lab, Organisation

from .addresses import civic_key, street_key
from .geography import DistrictMap, district_map
from .models import Building, District, Dwelling, Place, Stair
from .rows import BuildingRow, DistrictRow, DwellingRow, FootprintRow, PlaceRow, RowError, Shape

BATCH = 1000
NEAR_M = 300
METRES_IN_A_DEGREE = 111_195  # of latitude, on the sphere of geography.py

Address = tuple[str, str]


@dataclass
class Tally:
    """How many records an import made, changed and found as they should be."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0

    @property
    def total(self) -> int:
        return self.created + self.updated + self.unchanged


class Writer(ABC):
    """What importing one shape of file needs to know; the subclasses say how its rows become records."""

    model: type[models.Model]
    fields: tuple[str, ...]

    def __init__(self, lab: Lab, *, everywhere: bool, source: str) -> None:
        self.lab = lab
        self.everywhere = everywhere
        self.source = source
        self.outside = 0
        self.seen: dict[Any, int] = {}

    @abstractmethod
    def key(self, record: Any) -> Any:
        """Give what a row is recognised by when its file is imported again."""

    def problem(self, record: Any) -> str:
        """Give what is wrong with a row beside its cells (something it names is not there), or ""."""
        return ""

    def wanted(self, record: Any) -> bool:
        """Tell whether a row is for this lab."""
        return True

    @abstractmethod
    def existing(self, batch: list[Any]) -> dict[Any, Any]:
        """Give the records of a batch that are there already, by key."""

    @abstractmethod
    def build(self, record: Any) -> Any:
        """Give the record, not saved, that a row asks for."""

    def before_write(self, batch: list[Any]) -> None:  # noqa: B027 (most writers have nothing to add)
        """Write what the records of a batch stand on."""

    def finish(self) -> None:  # noqa: B027 (most writers have nothing to add)
        """Write what depends on the whole file."""

    def check(self, number: int, record: Any) -> RowError | None:
        """Give what is wrong with row `number`, or None; a row for another place is counted and left out."""
        key = self.key(record)
        if key in self.seen:
            return RowError(number, _("è uguale alla riga %(row)s: tienine una.") % {"row": self.seen[key]})
        self.seen[key] = number
        problem = self.problem(record)
        if problem:
            return RowError(number, problem)
        if not self.wanted(record):
            self.outside += 1
        return None

    def batches(self, rows: Iterable[tuple[int, Any]]) -> Iterator[list[Any]]:
        """Give the rows for this lab, so many at a time."""
        records = (record for _number, record in rows if self.wanted(record))
        while batch := list(islice(records, BATCH)):
            yield batch

    def compare(self, batch: list[Any], tally: Tally) -> tuple[list[Any], list[Any]]:
        """Count, and give, the records of a batch to make and those to change."""
        existing = self.existing(batch)
        new, changed = [], []
        for record in batch:
            built, found = self.build(record), existing.get(self.key(record))
            if found is None:
                new.append(built)
            elif self._change(found, built):
                changed.append(found)
        tally.created += len(new)
        tally.updated += len(changed)
        tally.unchanged += len(batch) - len(new) - len(changed)
        return new, changed

    def _change(self, found: Any, built: Any) -> bool:
        changed = False
        for name in self.fields:
            value = getattr(built, name)
            if value not in (None, "") and value != getattr(found, name):
                setattr(found, name, value)
                changed = True
        return changed

    def write(self, batch: list[Any], tally: Tally) -> None:
        """Write a batch in the transaction of the caller."""
        self.before_write(batch)
        new, changed = self.compare(batch, tally)
        manager = self.model._default_manager
        manager.bulk_create(new)
        if changed:
            manager.bulk_update(changed, self.fields, batch_size=200)


class DistrictWriter(Writer):
    model = District
    fields = ("name", "geometry", "source", "updated_at")

    def key(self, record: DistrictRow) -> str:
        return record.code

    def problem(self, record: DistrictRow) -> str:
        try:
            fine = shape(record.geometry).is_valid
        except (ValueError, TypeError, AttributeError, IndexError):
            fine = False
        return "" if fine else _("il confine di «%(name)s» si incrocia o è rovinato.") % {"name": record.name}

    def existing(self, batch: list[DistrictRow]) -> dict[str, District]:
        return {district.code: district for district in District.objects.filter(code__in=[r.code for r in batch])}

    def build(self, record: DistrictRow) -> District:
        return District(code=record.code, name=record.name, geometry=record.geometry, source=record.source)

    def _change(self, found: Any, built: Any) -> bool:
        if (found.name, found.geometry, found.source) == (built.name, built.geometry, built.source):
            return False
        found.name, found.geometry, found.source = built.name, built.geometry, built.source
        # bulk_update does not do what auto_now promises.
        found.updated_at = timezone.now()
        return True

    def finish(self) -> None:
        """Give a district to the buildings and places of the lab that were there before it."""
        districts = district_map()
        for model in (Building, Place):
            found: dict[UUID, list[UUID]] = {}
            rows = model._default_manager.filter(lab=self.lab, district__isnull=True, lat__isnull=False)
            for pk, lon, lat in rows.order_by("pk").values_list("pk", "lon", "lat"):
                if lon is not None and lat is not None and (district := districts.find(lon, lat)):
                    found.setdefault(district, []).append(pk)
            for district, pks in found.items():
                model._default_manager.filter(pk__in=pks).update(district=district)


class BuildingWriter(Writer):
    model = Building
    fields = ("cap", "district_id", "owner_id", "manager_id", "year", "lat", "lon")

    def __init__(self, lab: Lab, *, everywhere: bool, source: str) -> None:
        super().__init__(lab, everywhere=everywhere, source=source)
        self.districts = dict(District.objects.values_list("code", "pk"))
        self.map: DistrictMap = district_map()
        self.organisations = _organisation_names(lab)
        self.slugs = set(Building.objects.of_lab(lab).values_list("slug", flat=True))

    def key(self, record: BuildingRow) -> Address:
        return street_key(record.street), civic_key(record.civic)

    def problem(self, record: BuildingRow) -> str:
        if record.district_code and record.district_code not in self.districts:
            return _("il quartiere «%(code)s» non c’è: importa prima i quartieri.") % {"code": record.district_code}
        for name in filter(None, (record.owner, record.manager)):
            if normalise(name) not in self.organisations:
                return _("l’ente «%(name)s» non c’è: aggiungilo, o lascia vuota la cella.") % {"name": name}
        return ""

    def existing(self, batch: list[BuildingRow]) -> dict[Address, Building]:
        streets = {street_key(record.street) for record in batch}
        rows = Building.objects.of_lab(self.lab).filter(street_key__in=streets).defer("geometry")
        return {(building.street_key, building.civic_key): building for building in rows}

    def build(self, record: BuildingRow) -> Building:
        district = self.districts.get(record.district_code)
        if district is None and record.lat is not None and record.lon is not None:
            district = self.map.find(record.lon, record.lat)
        street, civic = self.key(record)
        return Building(
            lab=self.lab,
            district_id=district,
            street=record.street,
            civic=record.civic,
            cap=record.cap,
            owner_id=self.organisations.get(normalise(record.owner)),
            manager_id=self.organisations.get(normalise(record.manager)),
            year=record.year,
            lat=record.lat,
            lon=record.lon,
            street_key=street,
            civic_key=civic,
        )

    def write(self, batch: list[BuildingRow], tally: Tally) -> None:
        new, changed = self.compare(batch, tally)
        for building in new:
            building.slug = self._slug(building)
        Building.objects.bulk_create(new)
        if changed:
            Building.objects.bulk_update(changed, self.fields, batch_size=200)
        _make_stairs(self.existing(batch), [(self.key(record), name) for record in batch for name in record.stairs])

    def _slug(self, building: Building) -> str:
        slug = next_slug(building, self.slugs)
        self.slugs.add(slug)
        return slug


def next_slug(building: Building, taken: set[str]) -> str:
    """Give the name of a building in the addresses of pages, «via-odazio-7», or the first free one after it."""
    wished = slugify(f"{building.street} {building.civic_key}")[:70] or str(building.pk)
    slug, number = wished, 1
    while slug in taken:
        number += 1
        slug = f"{wished}-{number}"
    return slug


class DwellingWriter(Writer):
    model = Dwelling
    fields = ("floor", "rooms", "useful_m2", "lift", "step_free", "state")

    def __init__(self, lab: Lab, *, everywhere: bool, source: str) -> None:
        super().__init__(lab, everywhere=everywhere, source=source)
        rows = Building.objects.of_lab(lab).values_list("street_key", "civic_key", "pk")
        self.buildings: dict[Address, UUID] = {(street, civic): pk for street, civic, pk in rows}
        self.stairs: dict[tuple[UUID, str], Stair] = {}

    def key(self, record: DwellingRow) -> tuple[str, str, str, str]:
        return street_key(record.street), civic_key(record.civic), record.stair.casefold(), record.number

    def problem(self, record: DwellingRow) -> str:
        if self.key(record)[:2] in self.buildings:
            return ""
        address = f"{record.street} {record.civic}"
        return _("il palazzo «%(address)s» non c’è: importa prima i palazzi.") % {"address": address}

    def before_write(self, batch: list[DwellingRow]) -> None:
        """Make the stairs that are not there yet."""
        buildings = {self.key(r)[:2]: Building(pk=self.buildings[self.key(r)[:2]]) for r in batch}
        _make_stairs(buildings, [(self.key(record)[:2], record.stair) for record in batch])

    def existing(self, batch: list[DwellingRow]) -> dict[tuple[str, str, str, str], Dwelling]:
        addresses = {self.buildings[self.key(r)[:2]]: self.key(r)[:2] for r in batch}
        stairs = list(Stair.objects.filter(building_id__in=addresses).order_by("pk"))
        self.stairs = {(stair.building_id, stair.name.casefold()): stair for stair in stairs}
        by_stair = {stair.pk: (*addresses[stair.building_id], stair.name.casefold()) for stair in stairs}
        rows = Dwelling.objects.filter(stair_id__in=by_stair).order_by("pk")
        return {(*by_stair[dwelling.stair_id], dwelling.number): dwelling for dwelling in rows}

    def build(self, record: DwellingRow) -> Dwelling:
        key = self.key(record)
        return Dwelling(
            # None only while comparing without writing: the stair would be made.
            stair=self.stairs.get((self.buildings[key[:2]], key[2])),
            number=record.number,
            floor=record.floor,
            rooms=record.rooms,
            useful_m2=record.useful_m2,
            lift=record.lift,
            step_free=record.step_free,
            state=record.state,
        )


class PlaceWriter(Writer):
    model = Place
    fields = ("name", "address", "phone", "lat", "lon", "accessibility", "source", "district_id")

    def __init__(self, lab: Lab, *, everywhere: bool, source: str) -> None:
        super().__init__(lab, everywhere=everywhere, source=source)
        self.map: DistrictMap = district_map()
        self.near: Callable[[float, float], bool] | None = None if everywhere else _near_districts(lab)

    def key(self, record: PlaceRow) -> tuple[str, str]:
        return str(record.kind), record.key

    def wanted(self, record: PlaceRow) -> bool:
        if self.near is None or record.lat is None or record.lon is None:
            return True
        return self.near(record.lon, record.lat)

    def existing(self, batch: list[PlaceRow]) -> dict[tuple[str, str], Place]:
        rows = Place.objects.filter(lab=self.lab, source_key__in=[record.key for record in batch])
        return {(place.kind, place.source_key): place for place in rows}

    def build(self, record: PlaceRow) -> Place:
        located = record.lat is not None and record.lon is not None
        return Place(
            lab=self.lab,
            district_id=self.map.find(record.lon, record.lat) if located else None,  # type: ignore[arg-type]
            kind=str(record.kind),
            name=record.name,
            address=record.address,
            phone=record.phone,
            lat=record.lat,
            lon=record.lon,
            accessibility=record.accessibility,
            source=self.source,
            source_key=record.key,
        )


class FootprintWriter(Writer):
    model = Building
    fields = ("geometry",)

    def key(self, record: FootprintRow) -> Address:
        return street_key(record.street), civic_key(record.civic)

    def problem(self, record: FootprintRow) -> str:
        street, civic = self.key(record)
        if Building.objects.of_lab(self.lab).filter(street_key=street, civic_key=civic).exists():
            return ""
        address = f"{record.street} {record.civic}"
        return _("il palazzo «%(address)s» non c’è: importa prima i palazzi.") % {"address": address}

    def existing(self, batch: list[FootprintRow]) -> dict[Address, Building]:
        rows = Building.objects.of_lab(self.lab).filter(street_key__in={self.key(record)[0] for record in batch})
        return {(building.street_key, building.civic_key): building for building in rows}

    def build(self, record: FootprintRow) -> Building:
        return Building(geometry=record.geometry)


def _make_stairs(buildings: dict[Address, Building], asked: list[tuple[Address, str]]) -> None:
    """Make the stairs that these buildings do not have yet; «a» and «A» are the same stair."""
    pks = [building.pk for building in buildings.values()]
    there = {
        (building_id, name.casefold())
        for building_id, name in Stair.objects.filter(building_id__in=pks).values_list("building_id", "name")
    }
    missing = {(buildings[a].pk, n.casefold()): Stair(building_id=buildings[a].pk, name=n) for a, n in asked}
    Stair.objects.bulk_create(stair for key, stair in missing.items() if key not in there)


def _organisation_names(lab: Lab) -> dict[str, UUID]:
    """Give the organisations that the lab knows by every name they go by; the lab's own win over shared ones."""
    rows = Organisation.objects.filter(models.Q(lab=lab) | models.Q(lab__isnull=True)).order_by("-lab_id", "pk")
    names: dict[str, UUID] = {}
    for organisation in rows:
        for name in (organisation.name, organisation.short_name):
            if name:
                names.setdefault(normalise(name), organisation.pk)
    return names


def _near_districts(lab: Lab) -> Callable[[float, float], bool] | None:
    """Give the test «in the lab's districts, or within 300 m of them»; None when the lab has no district yet."""
    shapes = [shape(geometry) for geometry in District.objects.filter(labs=lab).values_list("geometry", flat=True)]
    if not shapes:
        return None
    union = unary_union(shapes)
    # A degree of longitude is shorter than one of latitude: on this plane both measure the same.
    shrink = cos(radians(union.centroid.y))
    area = prep(scale(union, xfact=shrink, yfact=1, origin=(0, 0)).buffer(NEAR_M / METRES_IN_A_DEGREE))
    return lambda lon, lat: bool(area.covers(Point(lon * shrink, lat)))


WRITERS: dict[Shape, type[Writer]] = {
    Shape.DISTRICTS: DistrictWriter,
    Shape.BUILDINGS: BuildingWriter,
    Shape.DWELLINGS: DwellingWriter,
    Shape.PLACES: PlaceWriter,
    Shape.FOOTPRINTS: FootprintWriter,
}


def writer_for(kind: Shape, lab: Lab, *, everywhere: bool, source: str) -> Writer:
    """Give the writer of a shape of file."""
    return WRITERS[kind](lab, everywhere=everywhere, source=source)
