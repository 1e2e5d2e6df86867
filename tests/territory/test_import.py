"""Importing the territory: known files, damaged files, files of somebody else."""

import io
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

import ballatoio.demo
from ballatoio.base.audit.models import AuditEntry
from ballatoio.base.core.sheets.opening import detect_encoding, mend
from ballatoio.base.labs.models import Lab, Organisation
from ballatoio.base.territory.models import Building, District, Dwelling, Place, Stair
from ballatoio.base.territory.rows import Shape
from ballatoio.base.territory.services import (
    FileHasWrongRows,
    FileRefused,
    ImportReport,
    add_building,
    import_territory,
)

from .test_geography import square

pytestmark = pytest.mark.django_db
OPEN_DATA = Path(ballatoio.demo.__file__).parent / "data" / "open"

BUILDINGS = """street,civic,cap,district_code,owner,manager,year,lat,lon,kind,stairs,floors,dwellings_per_floor
via Odazio,7,20147,1,Ente case,Ente case,1940,45.005,9.005,ballatoio,3,4,5
viale Omero,12/A,20139,,,,,45.005,9.005,linea,A;destra,4,3
"""
DWELLINGS = """street,civic,stair,number,floor,rooms,useful_m2,lift,step_free,state
via Odazio,7,A,1,0,2,"48,5",no,sì,let
via Odazio,7,A,2,1,,,,,vuoto
v. odazio,7,Z,1,3,3,61.25,true,false,
"""


@pytest.fixture
def town(mazzini: Lab) -> Lab:
    Organisation.objects.create(name="Ente case", short_name="EC", kind="housing")
    District.objects.create(code="1", name="Ovest", geometry=square(9.00, 45), source="prova")
    return mazzini


def load(lab: Lab, text: str | bytes, **options: Any) -> ImportReport:
    raw = text.encode() if isinstance(text, str) else text
    return import_territory(io.BytesIO(raw), lab=lab, by=None, **{"dry_run": False, **options})


def counts(report: ImportReport) -> tuple[int, int, int, int]:
    return report.read, report.created, report.updated, report.unchanged


def open_file(name: str, lab: Lab, **options: Any) -> ImportReport:
    with (OPEN_DATA / name).open("rb") as file:
        return import_territory(file, lab=lab, by=None, **{"dry_run": False, **options})


# --- The open data of a city ------------------------------------------------------------------------------


def test_the_open_data_come_in_and_come_again_without_doubles(mazzini: Lab, milo: Lab) -> None:
    districts = open_file("ds964.nil_wm.geojson", milo, districts=["49", "53"])
    assert counts(districts) == (7, 7, 0, 0)
    assert set(District.objects.filter(labs=milo).values_list("code", flat=True)) == {"49", "53"}
    names = {
        "scuole.csv": Place.Kind.SCHOOL,
        "ds555_uffici_postali_milano_final.geojson": Place.Kind.POST_OFFICE,
        "geocoded_comandi-decentrati-polizia-locale__final.geojson": Place.Kind.POLICE,
        "biblioteche.json": Place.Kind.LIBRARY,
        "vedovelle.json": Place.Kind.FOUNTAIN,
    }
    for name, kind in names.items():
        everywhere = open_file(name, mazzini, everywhere=True)
        near = open_file(name, milo)
        assert (everywhere.shape, everywhere.read, everywhere.outside) == (Shape.PLACES, everywhere.created, 0)
        assert near.read == near.created + near.outside
        assert Place.objects.filter(lab=mazzini, kind=kind).count() == everywhere.created
        again = open_file(name, mazzini, everywhere=True)
        assert counts(again) == (everywhere.read, 0, 0, everywhere.read)
    assert (
        Place.objects.filter(lab=milo, kind="school").count() < Place.objects.filter(lab=mazzini, kind="school").count()
    )


def test_schools_carry_what_a_desk_needs(mazzini: Lab) -> None:
    open_file("ds964.nil_wm.geojson", mazzini)
    open_file("scuole.csv", mazzini)
    school = Place.objects.get(source_key="MIEE8CZ01L")
    assert (school.name, school.address.startswith("Via dei Narcisi 2"), school.phone) == (
        "Primaria - via Dei Narcisi",
        True,
        "024150354",
    )
    assert (round(school.lat or 0, 3), round(school.lon or 0, 3)) == (45.45, 9.129)
    assert school.district is not None
    assert [p.name for p in Place.objects.order_by("pk") if "Ã" in p.name + p.address] == []


def test_districts_find_the_places_that_were_there_before(mazzini: Lab) -> None:
    house = add_building(mazzini, street="via Odazio", civic="7", by=None, lat=45.4474, lon=9.1403)
    open_file("vedovelle.json", mazzini)
    assert not Place.objects.filter(district__isnull=False).exists()
    open_file("ds964.nil_wm.geojson", mazzini)
    assert Place.objects.filter(district__isnull=False).exists()
    assert Building.objects.get(pk=house.pk).district is not None


def test_a_changed_district_changes_and_an_unknown_code_is_named(mazzini: Lab) -> None:
    open_file("ds964.nil_wm.geojson", mazzini)
    District.objects.filter(code="49").update(name="Altro")
    assert counts(open_file("ds964.nil_wm.geojson", mazzini)) == (7, 0, 1, 6)
    with pytest.raises(FileRefused, match="999"):
        open_file("ds964.nil_wm.geojson", mazzini, districts=["999"])


def test_a_border_that_crosses_itself_is_named(mazzini: Lab) -> None:
    knot = {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}
    features = [{"properties": {"ID_NIL": 1, "NIL": "NODO", "Fonte": "x"}, "geometry": knot}]
    with pytest.raises(FileHasWrongRows, match="«Nodo» si incrocia"):
        load(mazzini, json.dumps({"features": features}))
    assert District.objects.count() == 0


# --- Our own tables ---------------------------------------------------------------------------------------


def test_buildings_come_with_their_stairs(town: Lab) -> None:
    assert counts(load(town, BUILDINGS)) == (2, 2, 0, 0)
    house = Building.objects.get(slug="via-odazio-7")
    assert (house.year, house.cap, str(house.owner), house.district_id) == (
        1940,
        "20147",
        "EC",
        District.objects.get().pk,
    )
    assert list(house.stairs.values_list("name", flat=True)) == ["A", "B", "C"]
    other = Building.objects.get(slug="viale-omero-12a")
    assert list(other.stairs.values_list("name", flat=True)) == ["A", "destra"]
    assert other.district == house.district
    assert AuditEntry.objects.get(verb="territory.import").detail == {
        "shape": "buildings",
        "read": 2,
        "created": 2,
        "updated": 0,
    }


def test_importing_again_changes_only_what_changed(town: Lab) -> None:
    load(town, BUILDINGS)
    assert counts(load(town, BUILDINGS)) == (2, 0, 0, 2)
    assert counts(load(town, BUILDINGS.replace("1940", "1941"))) == (2, 0, 1, 1)
    # An empty cell leaves what is there.
    assert counts(load(town, "street,civic,year\nvia Odazio,7,\n")) == (1, 0, 0, 1)
    assert Building.objects.get(slug="via-odazio-7").year == 1941
    assert Stair.objects.count() == 5


def test_dwellings_come_into_their_stairs(town: Lab) -> None:
    load(town, BUILDINGS)
    assert counts(load(town, DWELLINGS, dry_run=True)) == (3, 3, 0, 0)
    assert Dwelling.objects.count() == 0
    assert counts(load(town, DWELLINGS)) == (3, 3, 0, 0)
    flats = Dwelling.objects.order_by("stair__name", "number")
    assert [(str(f.stair), f.number, f.floor, f.rooms, f.state) for f in flats] == [
        ("A", "1", 0, 2, "let"),
        ("A", "2", 1, None, "empty"),
        ("Z", "1", 3, 3, "let"),
    ]
    assert [(str(f.useful_m2), f.lift, f.step_free) for f in flats] == [
        ("48.50", False, True),
        ("None", None, None),
        ("61.25", True, False),
    ]
    assert counts(load(town, DWELLINGS)) == (3, 0, 0, 3)
    assert counts(load(town, DWELLINGS.replace("vuoto", "in works"))) == (3, 0, 1, 2)


def test_outlines_of_buildings(town: Lab) -> None:
    load(town, BUILDINGS)
    feature = {"properties": {"street": "Via Odazio", "civic": "7"}, "geometry": square(9, 45)}
    assert counts(load(town, json.dumps({"features": [feature]}))) == (1, 0, 1, 0)
    assert Building.objects.get(slug="via-odazio-7").geometry == square(9, 45)
    feature["properties"] = {"street": "Via Ignota", "civic": "7"}
    with pytest.raises(FileHasWrongRows, match="importa prima i palazzi"):
        load(town, json.dumps({"features": [feature]}))


def test_places_of_our_own(town: Lab) -> None:
    table = "tipo;nome;indirizzo;latitudine;longitudine\ncortile;Corte grande;via Odazio 7;45,005;9,005\n"
    assert counts(load(town, table)) == (1, 1, 0, 0)
    assert counts(load(town, table)) == (1, 0, 0, 1)
    place = Place.objects.get()
    assert (place.kind, place.name, place.lat, str(place.district)) == ("courtyard", "Corte grande", 45.005, "Ovest")


def test_a_trial_writes_nothing(town: Lab) -> None:
    report = load(town, BUILDINGS, dry_run=True)
    assert (report.applied, counts(report)) == (False, (2, 2, 0, 0))
    assert (Building.objects.count(), AuditEntry.objects.count()) == (0, 0)


ROW = "street,civic,cap,district_code,owner,year,lat,stairs\n"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (ROW + ",7,,,,,,", "Riga 2: manca «street»."),
        (ROW + "via Odazio,,,,,,,", "Riga 2: manca «civic»."),
        (ROW + "via Odazio,-,,,,,,", "Riga 2: manca «civic»."),
        (ROW + "via Odazio,sette,,,,,,", "Riga 2: il numero civico è «sette»"),
        (ROW + "via Odazio,7,2014,,,,,", "Riga 2: il CAP è «2014»: servono cinque cifre."),
        (ROW + "via Odazio,7,,77,,,,", "il quartiere «77» non c’è"),
        (ROW + "via Odazio,7,,,Ente Ignoto,,,", "l’ente «Ente Ignoto» non c’è"),
        (ROW + "via Odazio,7,,,,mille,,", "serve un numero intero fra 1000 e 2100"),
        (ROW + "via Odazio,7,,,,,quarantacinque,", "serve una coordinata in gradi"),
        (ROW + "via Odazio,7,,,,,450,", "serve una coordinata in gradi"),
        (ROW + "via Odazio,7,,,,,,99", "più di 26 vanno scritte una per una"),
        (ROW + "via Odazio,7,,,,,,\nVia Odazio,07,,,,,,", "Riga 3: è uguale alla riga 2"),
        (ROW + "via Odazio,7,,,,,,,,x", "Riga 2: ha più celle delle 8 colonne"),
        (ROW + f"{'a' * 200},7,,,,,,", "più lungo di 110 caratteri"),
        (DWELLINGS.replace("let", "boh"), "Riga 2: lo stato è «boh»"),
        (DWELLINGS.replace("48,5", "tanti"), "Riga 2: i metri quadri sono «tanti»"),
        (DWELLINGS.replace("sì", "forse"), "Riga 2: «step_free» è «forse»: scrivi sì o no."),
        (DWELLINGS.replace("v. odazio", "via Ignota"), "Riga 4: il palazzo «via Ignota 7» non c’è"),
        (DWELLINGS.replace(",0,2", ",,2"), "Riga 2: manca «floor»."),
        ("kind,name\nbar,Da Gino\n", "Riga 2: il tipo è «bar»"),
    ],
)
def test_each_wrong_row_is_one_sentence_and_nothing_is_written(town: Lab, text: str, sentence: str) -> None:
    add_building(town, street="via Odazio", civic="7", by=None)
    before = (Building.objects.count(), Dwelling.objects.count(), Stair.objects.count())
    with pytest.raises(FileHasWrongRows) as wrong:
        load(town, text)
    assert any(sentence in str(error) for error in wrong.value.errors)
    assert (Building.objects.count(), Dwelling.objects.count(), Stair.objects.count()) == before


def test_one_wrong_row_among_many_stops_all(town: Lab) -> None:
    rows = "".join(f"via Odazio,{number}\n" for number in range(1, 2500))
    with pytest.raises(FileHasWrongRows) as wrong:
        load(town, f"street,civic\n{rows}via Odazio,x\n")
    assert ([error.row for error in wrong.value.errors], Building.objects.count()) == ([2501], 0)


def test_only_the_first_errors_are_told(town: Lab) -> None:
    with pytest.raises(FileHasWrongRows) as wrong:
        load(town, "street,civic\n" + "via Odazio,x\n" * 5000)
    assert len(wrong.value.errors) == 20


# --- Files of another shape -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\n\n",
        b"ciao",
        b"nome,cognome\nAda,Rossi\n",
        b"{}",
        b"[]",
        b"{ rotto",
        b'{"features": 3}',
        b'{"features": [{"properties": {"x": 1}, "geometry": null}]}',
        b"PK\x03\x04\x00\x00\x00\x00",
        b"%PDF-1.7\n\x00\xff\xfe",
        b"[" * 100_000,
        "street;civic".encode("utf-16"),
    ],
)
def test_a_file_of_another_shape_is_refused_in_a_sentence(town: Lab, text: bytes) -> None:
    if text.startswith("street".encode("utf-16")[:4]):
        assert load(town, text).read == 0
        return
    with pytest.raises(FileRefused) as refusal:
        load(town, text)
    assert str(refusal.value).endswith(".")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "latin-1", "utf-16"])
def test_any_encoding_and_delimiter(town: Lab, encoding: str, delimiter: str) -> None:
    text = f"street{delimiter}civic\r\nvia Nicolò Tartàglia{delimiter}7\r\n"
    assert counts(load(town, text.encode(encoding))) == (1, 1, 0, 0)
    assert Building.objects.get().street == "via Nicolò Tartàglia"


def test_cells_with_line_breaks_and_quotes(town: Lab) -> None:
    load(town, 'street,civic\n"via\nOdazio",7\n"via ""Omero""",8\n')
    assert set(Building.objects.values_list("street", flat=True)) == {"via Odazio", 'via "Omero"'}


def test_a_broken_quote_says_where_the_file_stops(town: Lab) -> None:
    with pytest.raises(FileRefused, match="si interrompe dopo la riga"):
        load(town, 'street,civic\nvia Odazio,7\n"via Omero,8\n' + "x" * 200_000)


def test_the_limit_of_rows_is_said_at_once(town: Lab) -> None:
    with pytest.raises(FileRefused, match="più di 10 righe"):
        load(town, "street,civic\n" + "".join(f"via Odazio,{n}\n" for n in range(1, 50)), max_rows=10)
    assert Building.objects.count() == 0


class Endless(io.RawIOBase):
    """A very long file that is made while it is read: the same block over and over after the heading."""

    def __init__(self, heading: bytes, block: bytes, times: int) -> None:
        self.heading, self.block, self.times = heading, block, times
        self.seek(0)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        assert offset == 0
        self.pieces = iter([self.heading, *[self.block] * self.times])
        self.left = memoryview(b"")
        return 0

    def readinto(self, buffer: Any) -> int:
        if not self.left:
            self.left = memoryview(next(self.pieces, b""))
        size = min(len(buffer), len(self.left))
        buffer[:size], self.left = self.left[:size], self.left[size:]
        return size


def test_a_million_rows_neither_fill_the_memory_nor_hang(town: Lab) -> None:
    raw = Endless(b"street,civic\n", b"".join(b"via Odazio,%d\n" % n for n in range(25_000)), 40)
    tracemalloc.start()
    with pytest.raises(FileRefused, match="più di 20000 righe"):
        import_territory(io.BufferedReader(raw), lab=town, by=None, max_rows=20_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000_000
    assert Building.objects.count() == 0


def test_a_million_rows_of_another_shape_are_refused_at_the_heading(town: Lab) -> None:
    raw = Endless(b"x,y\n", b"1,2\n" * 25_000, 40)
    with pytest.raises(FileRefused, match="Non riconosco"):
        import_territory(io.BufferedReader(raw), lab=town, by=None)


# --- Text that was read in the wrong encoding -------------------------------------------------------------


@given(st.text(alphabet="àèéìòùÀÈÌÒÙ’–°abc '", min_size=1, max_size=20), st.integers(1, 2))
def test_text_spoiled_once_or_twice_is_mended(text: str, times: int) -> None:
    spoiled = text
    for _ in range(times):
        spoiled = spoiled.encode().decode("latin-1")
    assert mend(spoiled) == text


@given(st.text(max_size=40))
def test_text_in_order_stays_as_it_is(text: str) -> None:
    if not any(sign in text for sign in "ÃÂâ"):
        assert mend(text) == text


def test_the_letter_that_lost_half_of_itself() -> None:
    assert mend("LibertÃ\x83 ") == "Libertà"


def test_encodings_are_told_apart() -> None:
    for text, encoding in (
        (b"abc", "utf-8"),
        ("è".encode(), "utf-8"),
        ("è".encode("utf-8-sig"), "utf-8-sig"),
        ("è€".encode("cp1252"), "cp1252"),
        (b"\xe8\x81", "latin-1"),
        ("è".encode("utf-16"), "utf-16"),
    ):
        assert detect_encoding(io.BytesIO(text)) == encoding


# --- The command ------------------------------------------------------------------------------------------


def test_the_command_tries_first_and_writes_when_told(town: Lab, tmp_path: Path, capsys: Any) -> None:
    file = tmp_path / "case.csv"
    file.write_text(BUILDINGS, encoding="utf-8")
    call_command("import_territory", str(file), "--lab", "mazzini")
    told = capsys.readouterr().out
    assert "Palazzi: lette 2 righe; 2 nuovi" in told
    assert "non ho scritto nulla" in told
    assert Building.objects.count() == 0
    call_command("import_territory", str(file), "--lab", "mazzini", "--apply")
    assert "non ho scritto nulla" not in capsys.readouterr().out
    assert Building.objects.count() == 2


@pytest.mark.parametrize(
    ("name", "content", "lab", "sentence"),
    [
        ("a.csv", "street,civic\nvia Odazio,x\n", "mazzini", "Riga 2: il numero civico"),
        ("a.csv", "x,y\n", "mazzini", "Non riconosco questo file"),
        ("a.csv", "street,civic\n", "altrove", "Il laboratorio «altrove» non c’è. Ci sono: mazzini."),
        ("", "", "mazzini", "Non riesco a leggere"),
    ],
)
def test_the_command_fails_in_one_sentence(
    town: Lab, tmp_path: Path, name: str, content: str, lab: str, sentence: str
) -> None:
    file = tmp_path / (name or "missing.csv")
    if name:
        file.write_text(content, encoding="utf-8")
    with pytest.raises(CommandError, match=sentence):
        call_command("import_territory", str(file), "--lab", lab, "--apply")
