"""Files of services: all or nothing, and again without doubles."""

import io
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from ballatoio.base.accounts.models import User
from ballatoio.base.audit.models import AuditEntry
from ballatoio.base.directory.imports import MAX_BYTES, FileNotReadable
from ballatoio.base.directory.models import NeedTerm, Schedule, Service, Translation
from ballatoio.base.directory.services import ImportReport, import_services, set_translation
from ballatoio.base.directory.term_files import packaged_taxonomy
from ballatoio.base.directory.term_services import import_taxonomy
from ballatoio.base.labs.models import Lab, Organisation
from tests.directory.making import make_term

pytestmark = pytest.mark.django_db

HEADER = (
    "code;name;organisation;description;needs;hours;special_days;phone;lat;lon;languages;interpretation;"
    "verified_on;name_ar\n"
)
CAF = (
    "caf;CAF;Patronato;Fa l’ISEE;papers;lun-ven 9-12;24/12/2026 chiuso;02 5550 0103;45,44;9.13;it ar;sì;"
    "3/11/2026;مكتب\n"
)
BOOKS = "libri;Biblioteca;Comune;Presta libri;;;;;;;;;;\n"
DATA = Path(__file__).resolve().parents[2] / "ballatoio" / "demo" / "data"


@pytest.fixture(autouse=True)
def papers(db: None) -> NeedTerm:
    return make_term("papers", "Documenti")


def bring(text: str | bytes, lab: Lab, by: User | None = None, dry_run: bool = False) -> ImportReport:
    content = text if isinstance(text, bytes) else text.encode()
    return import_services(io.BytesIO(content), lab, by=by, dry_run=dry_run)


def counts(report: ImportReport) -> tuple[int, int, int, int]:
    return report.added, report.amended, report.unchanged, len(report.errors)


def test_a_csv_comes_in_whole(mazzini: Lab, elena: User) -> None:
    assert counts(bring(HEADER + CAF + BOOKS, mazzini, elena)) == (2, 0, 0, 0)
    service = Service.objects.get(slug="caf")
    assert (service.phone, service.lat, service.lon, service.languages, service.interpretation_services) == (
        "02 5550 0103",
        45.44,
        9.13,
        ["it", "ar"],
        True,
    )
    assert [term.code for term in service.needs.all()] == ["papers"]
    assert (service.schedules.count(), service.schedule_exceptions.count()) == (5, 1)
    assert Translation.objects.get().state == Translation.State.DRAFT
    assert " caf" in service.search_key
    assert " مكتب" in service.search_key
    assert AuditEntry.objects.filter(verb="service.add", actor_id=elena.pk).count() == 2


def test_again_makes_no_doubles_and_touches_nothing(mazzini: Lab) -> None:
    bring(HEADER + CAF + BOOKS, mazzini)
    entries = AuditEntry.objects.count()
    assert counts(bring(HEADER + CAF + BOOKS, mazzini)) == (0, 0, 2, 0)
    assert (Service.objects.count(), Schedule.objects.count(), Organisation.objects.count()) == (2, 5, 2)
    assert AuditEntry.objects.count() == entries


def test_a_changed_row_is_amended(mazzini: Lab) -> None:
    bring(HEADER + CAF + BOOKS, mazzini)
    assert counts(bring(HEADER + CAF.replace("lun-ven", "lun-gio") + BOOKS, mazzini)) == (0, 1, 1, 0)
    assert Service.objects.get(slug="caf").schedules.count() == 4


def test_a_review_is_not_undone_by_the_file(mazzini: Lab, elena: User) -> None:
    bring(HEADER + CAF, mazzini)
    service = Service.objects.get()
    set_translation(service, field="name", language="ar", text="مكتب", state="reviewed", by=elena, lab=mazzini)
    assert counts(bring(HEADER + CAF, mazzini)) == (0, 0, 1, 0)
    assert Translation.objects.get().state == Translation.State.REVIEWED


def test_a_dry_run_keeps_nothing(mazzini: Lab) -> None:
    assert counts(bring(HEADER + CAF, mazzini, dry_run=True)) == (1, 0, 0, 0)
    assert (Service.objects.count(), Organisation.objects.count(), AuditEntry.objects.count()) == (0, 0, 0)


def test_one_error_and_nothing_comes_in(mazzini: Lab) -> None:
    report = bring(HEADER + BOOKS + CAF.replace("papers", "nothing"), mazzini)
    assert [(error.row, error.column) for error in report.errors] == [(3, "needs")]
    assert (Service.objects.count(), Organisation.objects.count()) == (0, 0)


@pytest.mark.parametrize(
    ("old", "new", "column"),
    [
        ("caf;CAF", "CAF!;CAF", "code"),
        ("caf;CAF", "gestione;CAF", "code"),
        ("caf;CAF", "caf;", "name"),
        ("Patronato", "", "organisation"),
        ("lun-ven", "lunven", "hours"),
        ("24/12/2026", "31/2/2026", "special_days"),
        ("45,44", "quarantacinque", "lat"),
        ("45,44", "451", "lat"),
        ("it ar", "it xx", "languages"),
        ("sì", "forse", "interpretation"),
        ("3/11/2026", "3/13/2026", "verified_on"),
        ("3/11/2026", "3/11/2999", "verified_on"),
        ("02 5550 0103", "1" * 41, "phone"),
        ("CAF;", "C" * 161 + ";", "name"),
    ],
)
def test_what_is_wrong_is_said_row_by_row(mazzini: Lab, old: str, new: str, column: str) -> None:
    report = bring(HEADER + BOOKS + CAF.replace(old, new), mazzini)
    assert [(error.row, error.column) for error in report.errors] == [(3, column)]
    assert str(report.errors[0]).startswith(f"riga 3, {column}: ")


def test_the_same_code_twice(mazzini: Lab) -> None:
    report = bring(HEADER + BOOKS + BOOKS, mazzini)
    assert [(error.row, error.message) for error in report.errors] == [(3, "c’è già alla riga 2")]


def test_a_column_that_does_not_exist(mazzini: Lab) -> None:
    report = bring("code,name,organisation,description,colore\na,A,B,C,rosso\n", mazzini)
    assert [(error.row, error.column) for error in report.errors] == [(2, "colore")]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfeq\x00u\x00",
        "code;name\nà".encode("latin-1"),
        b"name;description\nA;B\n",
        b"{not json",
        b'{"services": 3}',
        b"[1, 2]",
        (HEADER + "caf;CAF;;;;;;;;;;;;;;;;;;;\n").encode(),
        (HEADER + 'caf;"CAF').encode(),
        b"x" * (MAX_BYTES + 1),
    ],
    ids=["empty", "utf-16", "latin-1", "columns", "json", "no list", "numbers", "too many cells", "quotes", "too big"],
)
def test_a_file_of_another_shape_is_refused_in_one_sentence(mazzini: Lab, content: bytes) -> None:
    with pytest.raises(FileNotReadable) as caught:
        bring(content, mazzini)
    assert 10 < len(str(caught.value)) < 160


def test_too_many_rows(mazzini: Lab) -> None:
    rows = "".join(f"s{number};S;O;D;;;;;;;;;;\n" for number in range(5_001))
    with pytest.raises(FileNotReadable, match="5000"):
        bring(HEADER + rows, mazzini)


def test_a_json_with_places_brings_each_lab_its_own(mazzini: Lab, milo: Lab) -> None:
    record = {
        "code": "caf",
        "organisation": "lab",
        "places": [{"lab": "milo", "address": "via A 1"}, {"lab": "mazzini", "address": "via B 2"}],
        "hours": ["0-4 09:00-12:30"],
        "exceptions": [{"in_days": 3, "closed": True, "note": "Riunione"}],
        "verified_days_ago": 3,
        "it": {"name": "CAF", "description": "Fa l’ISEE"},
        "en": {"name": "Tax desk"},
    }
    elsewhere = record | {"code": "altro", "places": [{"lab": "altrove", "address": "via C 3"}]}
    text = json.dumps({"services": [record, elsewhere]})
    assert counts(bring(text, mazzini)) == (1, 0, 0, 0)
    assert counts(bring(text, milo)) == (1, 0, 0, 0)
    service = Service.objects.get(lab=mazzini)
    assert (service.address, service.organisation.name) == ("via B 2", mazzini.name)
    assert (timezone.localdate() - service.last_verified_on).days == 3  # type: ignore[operator]


def test_the_demo_files_come_in(mazzini: Lab, milo: Lab) -> None:
    import_taxonomy(packaged_taxonomy(), by=None)
    for lab in (mazzini, milo):
        with (DATA / "services.json").open("rb") as file:
            report = import_services(file, lab, by=None)
        assert report.errors == []
        assert report.added >= 35


def test_the_command_tells_what_it_did(mazzini: Lab, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "servizi.csv"
    file.write_text(HEADER + CAF, encoding="utf-8")
    call_command("import_services", str(file), lab="mazzini")
    assert capsys.readouterr().out == "Fatto: 1 nuovi, 0 cambiati, 0 già così.\n"


def test_the_command_refuses_in_one_sentence(mazzini: Lab, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "servizi.csv"
    file.write_text(HEADER + CAF.replace("papers", "nothing"), encoding="utf-8")
    with pytest.raises(CommandError, match="1 cose da correggere: non ho scritto niente"):
        call_command("import_services", str(file), lab="mazzini")
    assert capsys.readouterr().err == "riga 2, needs: il bisogno «nothing» non c’è\n"
    with pytest.raises(CommandError, match="I laboratori sono: mazzini"):
        call_command("import_services", str(file), lab="altrove")
    with pytest.raises(CommandError, match="Non riesco a leggere"):
        call_command("import_services", str(tmp_path / "manca.csv"), lab="mazzini")
