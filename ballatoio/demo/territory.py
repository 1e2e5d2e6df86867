"""The places of the demonstration: districts and public places from the open data, buildings, stairs, dwellings."""

from collections.abc import Iterator, Mapping
from operator import itemgetter

from django.utils.text import slugify

from ballatoio.base.territory.addresses import civic_key, street_key
from ballatoio.base.territory.geography import distance_m
from ballatoio.base.territory.imports import open_source
from ballatoio.base.territory.models import Building, District, Dwelling, Place, Stair
from ballatoio.base.territory.rows import DistrictRow, PlaceRow, Record, RowError

from .content import OPEN_DATA, footprints, load, pick, rows
from .world import LabWorld, World

SOURCE = "Comune di Milano, dati aperti, CC BY 4.0"
AROUND_M = 1800
PLACE_FILES = (
    "scuole.csv",
    "ds555_uffici_postali_milano_final.geojson",
    "biblioteche.json",
    "geocoded_comandi-decentrati-polizia-locale__final.geojson",
    "vedovelle.json",
)


def build_territory(world: World) -> None:
    """Make districts, buildings with their stairs and dwellings, and the places around them."""
    districts = _make_districts(world)
    for lab_world in world.labs.values():
        _make_buildings(world, lab_world, districts)
        _make_places(lab_world, districts)
        world.ledger.note(
            world.began_at,
            "territory.import",
            lab_world.lab,
            by=None,
            lab_id=lab_world.lab.pk,
            detail={"buildings": len(lab_world.buildings)},
        )


def _make_districts(world: World) -> dict[str, District]:
    wanted = {code for lab_world in world.labs.values() for code in lab_world.facts["districts"]}
    found = {
        row.code: District(code=row.code, name=row.name, geometry=row.geometry, source=SOURCE)
        for row in _records("ds964.nil_wm.geojson")
        if isinstance(row, DistrictRow) and row.code in wanted
    }
    District.objects.bulk_create(found.values())
    for lab_world in world.labs.values():
        for code in lab_world.facts["districts"]:
            found[code].labs.add(lab_world.lab)
    return found


def _records(name: str) -> Iterator[Record]:
    """Give the rows of an open data file as the import reads them."""
    with (OPEN_DATA / name).open("rb") as file:
        for _number, record in open_source(file).rows():
            if not isinstance(record, RowError):
                yield record


def _make_buildings(world: World, lab_world: LabWorld, districts: dict[str, District]) -> None:
    outlines = footprints(lab_world.facts["footprints"])
    owners = {organisation.name: organisation for organisation in world.organisations.values()}
    stairs: list[Stair] = []
    dwellings: list[Dwelling] = []
    for row in rows(lab_world.facts["buildings"]):
        building = Building(
            lab=lab_world.lab,
            district=districts[row["district_code"]],
            slug=slugify(f"{row['street']} {row['civic'].replace('/', ' ')}"),
            street=row["street"],
            civic=row["civic"],
            cap=row["cap"],
            owner=owners[row["owner"]],
            manager=owners[row["manager"]],
            year=int(row["year"]),
            lat=float(row["lat"]),
            lon=float(row["lon"]),
            geometry=outlines[row["street"], row["civic"]],
            street_key=street_key(row["street"]),
            civic_key=civic_key(row["civic"]),
        )
        lab_world.buildings.append(building)
        _fill_building(world, lab_world, building, row, stairs, dwellings)
    Building.objects.bulk_create(lab_world.buildings)
    Stair.objects.bulk_create(stairs)
    Dwelling.objects.bulk_create(dwellings, batch_size=500)
    lab_world.let = [(d, d.stair.building) for d in dwellings if d.state == Dwelling.State.LET]


def _fill_building(
    world: World,
    lab_world: LabWorld,
    building: Building,
    row: dict[str, str],
    stairs: list[Stair],
    dwellings: list[Dwelling],
) -> None:
    """Make the stairs and the dwellings of one building, as many as its row says."""
    rng, facts = world.rng, load("population")
    states = _states(lab_world, building)
    has_lift = rng.random() < facts["lift_share"]
    for number in range(int(row["stairs"])):
        stair = Stair(pk=world.id_at(world.began_at), building=building, name="ABCDEFGH"[number], has_lift=has_lift)
        stairs.append(stair)
        for index in range(int(row["floors"]) * int(row["dwellings_per_floor"])):
            floor = index // int(row["dwellings_per_floor"])
            rooms = pick(rng, facts["rooms"])
            low, high = facts["m2"][rooms]
            dwellings.append(
                Dwelling(
                    pk=world.random_id(),
                    stair=stair,
                    number=str(index + 1),
                    floor=floor,
                    rooms=int(rooms),
                    useful_m2=rng.randint(low * 2, high * 2) / 2,
                    lift=has_lift,
                    # The ground floor of these houses is raised: without a lift a few steps remain.
                    step_free=has_lift or (floor == 0 and rng.random() < 0.1),
                    state=pick(rng, states),
                )
            )


def _states(lab_world: LabWorld, building: Building) -> Mapping[str, float]:
    facts = load("population")
    for site in facts["sites"]:
        if (site["lab"], site["street"], site["civic"]) == (lab_world.lab.slug, building.street, building.civic):
            return site["states"]
    return facts["dwelling_states"][lab_world.lab.slug]


def _make_places(lab_world: LabWorld, districts: dict[str, District]) -> None:
    places = _open_places(lab_world)
    for building in lab_world.buildings[::2]:
        places.append(
            Place(
                kind=Place.Kind.COURTYARD,
                name=f"Cortile di {building}",
                address=str(building),
                building=building,
                lat=building.lat,
                lon=building.lon,
            )
        )
    places.append(
        Place(
            kind=Place.Kind.COMMON_ROOM,
            name="Sala comune del laboratorio",
            address=lab_world.lab.address,
            lat=lab_world.lab.lat,
            lon=lab_world.lab.lon,
            accessibility="Ingresso a livello strada",
        )
    )
    own = districts[lab_world.facts["districts"][0]]
    for place in places:
        place.lab, place.district = lab_world.lab, own
    Place.objects.bulk_create(places)


def _open_places(lab_world: LabWorld) -> list[Place]:
    """The schools, post offices, libraries, police stations and fountains around the lab, the nearest first."""
    lab = lab_world.lab
    assert lab.lat is not None and lab.lon is not None
    found: list[tuple[float, Place]] = []
    for name in PLACE_FILES:
        for row in _records(name):
            if not isinstance(row, PlaceRow) or row.lat is None or row.lon is None:
                continue
            metres = distance_m(lab.lon, lab.lat, row.lon, row.lat)
            if metres < AROUND_M:
                place = Place(source_key=row.key, source=SOURCE)
                for field in ("kind", "name", "address", "phone", "lat", "lon", "accessibility"):
                    setattr(place, field, getattr(row, field))
                found.append((metres, place))
    return [place for _metres, place in sorted(found, key=itemgetter(0))]
