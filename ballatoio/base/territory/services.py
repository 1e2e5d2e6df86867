"""What can happen to the territory: a building is added, a dwelling changes state, a file is imported."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from ballatoio.base.accounts.models import User
from ballatoio.base.audit.services import record_act
from ballatoio.base.core.sheets.sheet import FileRefused
from ballatoio.base.labs.models import Lab, Organisation

from .addresses import civic_key, street_key
from .batches import BATCH, Tally, Writer, next_slug, writer_for
from .geography import district_of
from .imports import open_source
from .models import Building, District, Dwelling, Stair
from .rows import DistrictRow, RowError, Shape, Source

MAX_ROWS = 100_000
MAX_ERRORS = 20

Progress = Callable[[int], None]


class BuildingIsAlreadyThere(Exception):
    """The lab already has a building at this address."""


class FileHasWrongRows(Exception):
    """Some rows cannot be imported, so none was; `errors` names them."""

    def __init__(self, errors: Sequence[RowError]) -> None:
        super().__init__("\n".join(str(error) for error in errors))
        self.errors = list(errors)


@dataclass
class ImportReport:
    """What an import did, or would do."""

    shape: Shape
    applied: bool = False
    read: int = 0
    outside: int = 0
    tally: Tally = field(default_factory=Tally)
    errors: list[RowError] = field(default_factory=list)
    stopped: bool = False

    @property
    def created(self) -> int:
        return self.tally.created

    @property
    def updated(self) -> int:
        return self.tally.updated

    @property
    def unchanged(self) -> int:
        return self.tally.unchanged


@transaction.atomic
def add_building(
    lab: Lab,
    *,
    street: str,
    civic: str,
    by: User | None,
    cap: str = "",
    owner: Organisation | None = None,
    manager: Organisation | None = None,
    year: int | None = None,
    lat: float | None = None,
    lon: float | None = None,
    stairs: Sequence[str] = (),
) -> Building:
    """Add a building with its stairs; its district is the one in which it stands.

    Raise BuildingIsAlreadyThere when the lab has one at the same street and civic number.
    """
    building = Building(
        lab=lab,
        street=street,
        civic=civic,
        cap=cap,
        owner=owner,
        manager=manager,
        year=year,
        lat=lat,
        lon=lon,
        street_key=street_key(street),
        civic_key=civic_key(civic),
        district=district_of(lon, lat) if lon is not None and lat is not None else None,
    )
    building.slug = next_slug(building, set(Building.objects.of_lab(lab).values_list("slug", flat=True)))
    try:
        with transaction.atomic():
            building.save(force_insert=True)
    except IntegrityError:
        raise BuildingIsAlreadyThere(str(building)) from None
    Stair.objects.bulk_create(Stair(building=building, name=name) for name in dict.fromkeys(stairs))
    record_act("building.add", building, by=by, lab_id=lab.pk, detail={"stairs": len(stairs)})
    return building


@transaction.atomic
def change_dwelling_state(dwelling: Dwelling, *, state: str, by: User) -> Dwelling:
    """Put a dwelling in another state; asking for the state that it is in changes nothing.

    Raise ValueError for a state that does not exist.
    """
    new = Dwelling.State(state)
    locked = (
        Dwelling.objects.select_for_update(of=("self",), no_key=True)
        .select_related("stair__building")
        .get(pk=dwelling.pk)
    )
    if locked.state != new:
        detail = {"from": str(locked.state), "to": str(new)}
        locked.state = new
        locked.save(update_fields=["state"])
        record_act("dwelling.change_state", locked, by=by, lab_id=locked.stair.building.lab_id, detail=detail)
    return locked


def import_territory(
    file: BinaryIO,
    *,
    lab: Lab,
    by: User | None,
    dry_run: bool = True,
    districts: Sequence[str] = (),
    everywhere: bool = False,
    source: str = "",
    max_rows: int = MAX_ROWS,
    progress: Progress | None = None,
) -> ImportReport:
    """Import a file of the territory, recognised by its content, for a lab; give what was done.

    With `dry_run` nothing is written. Otherwise all rows or none: every row is read and checked before the first is
    written, in one transaction. Doing it again changes nothing. `districts` are the codes of those in which the lab
    works; places farther than 300 m from them are left out unless `everywhere`. `progress` is told how many rows
    are done. Raise FileRefused for a file that is not of a known shape or too long, FileHasWrongRows (with at most
    20 rows) when something in it is wrong.
    """
    data = open_source(file)
    writer = writer_for(data.shape, lab, everywhere=everywhere, source=source)
    report = ImportReport(data.shape)
    known = _check_rows(data, writer, report, max_rows, progress)
    if missing := sorted(set(districts) - known):
        raise FileRefused(_("I quartieri %(codes)s non ci sono.") % {"codes": ", ".join(missing)})
    if report.errors:
        raise FileHasWrongRows(report.errors)
    if dry_run:
        for batch in writer.batches(data.rows()):
            writer.compare(batch, report.tally)
        return report
    with transaction.atomic():
        for batch in writer.batches(data.rows()):
            writer.write(batch, report.tally)
            if progress:
                progress(report.read + report.tally.total)
        writer.finish()
        for district in District.objects.filter(code__in=districts).order_by("pk"):
            district.labs.add(lab)
        detail = {"shape": data.shape.value, "read": report.read, "created": report.created, "updated": report.updated}
        record_act("territory.import", lab, by=by, lab_id=lab.pk, detail=detail)
    report.applied = True
    return report


def _check_rows(
    data: Source, writer: Writer, report: ImportReport, max_rows: int, progress: Progress | None
) -> set[str]:
    """Read every row once without writing; give the codes of the districts that there will be."""
    known = set(District.objects.values_list("code", flat=True))
    for number, record in data.rows():
        report.read += 1
        if report.read > max_rows:
            raise FileRefused(
                _("Il file ha più di %(rows)s righe: dividilo, o alza il limite con --max-rows.") % {"rows": max_rows}
            )
        error = record if isinstance(record, RowError) else writer.check(number, record)
        if error is not None:
            report.errors.append(error)
            if len(report.errors) >= MAX_ERRORS:
                report.stopped = True
                break
        elif isinstance(record, DistrictRow):
            known.add(record.code)
        if progress and report.read % BATCH == 0:
            progress(report.read)
    report.outside = writer.outside
    return known
