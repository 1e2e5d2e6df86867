"""The pages of an import: from the file to the records and back, with a browser that knows no script."""

import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from ballatoio.base.accounts.models import Role, User
from ballatoio.base.audit.models import AuditEntry
from ballatoio.base.labs.models import Lab
from ballatoio.base.people.models import Person
from ballatoio.base.people.services import register_person
from ballatoio.care.desk.models import Contact
from ballatoio.oversight.spreadsheets.models import Lookalike, SheetImport
from tests.factories import make_contact, make_user, sign_in
from tests.spreadsheets.conftest import LOG, Way, as_csv, fresh, work

pytestmark = pytest.mark.django_db
State = SheetImport.State
HERE = "/mazzini/fogli/"


@pytest.fixture
def at_work(client: Client, elena: User, way: Way) -> Client:
    return sign_in(client, elena)


def upload(client: Client, raw: bytes, name: str = "diario.csv", **more: str) -> Any:
    fields = {"kind": "desk_log", "file": SimpleUploadedFile(name, raw), "title": "Diario 2025"}
    return client.post(f"{HERE}nuovo/", fields | more)


def shown_form(response: Any) -> dict[str, str]:
    """Give what a browser would send of a form that nobody changes."""
    form = response.context["form"]
    return {field.html_name: field.value() for field in form if field.value() not in (None, False, "")}


def text_of(response: HttpResponse) -> str:
    text = " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())
    return re.sub(r" (?=[,:])", "", text)


def test_the_whole_way_without_scripts(at_work: Client, mazzini: Lab) -> None:
    sent = upload(at_work, as_csv(LOG, "cp1252"))
    sheet = SheetImport.objects.get()
    columns = f"{HERE}{sheet.pk}/colonne/"
    assert (sent.status_code, sent.url) == (302, columns)
    page = at_work.get(columns)
    assert "Ho letto 3 righe (utf-8 ;)." in text_of(page)
    sent = at_work.post(columns, shown_form(page))
    assert sent.url == f"{HERE}{sheet.pk}/parole/"
    page = at_work.get(sent.url)
    assert "affitto" in text_of(page)
    sent = at_work.post(sent.url, shown_form(page))
    assert sent.url == f"{HERE}{sheet.pk}/"
    page = at_work.get(sent.url)
    assert "Controllo in corso" in text_of(page)
    work()
    page = at_work.get(sent.url)
    assert "Importa 3 righe" in text_of(page)
    sent = at_work.post(f"{HERE}{sheet.pk}/importa/", {"version": page.context["sheet"].version})
    work()
    page = at_work.get(f"{HERE}{sheet.pk}/")
    assert "Sono entrati 3 contatti. 1 scheda nuova di persona." in text_of(page)
    assert Contact.objects.count() == 3
    page = at_work.get(f"{HERE}{sheet.pk}/annulla/")
    assert "va via tutto" in text_of(page)
    at_work.post(f"{HERE}{sheet.pk}/annulla/", {"version": page.context["sheet"].version})
    work()
    assert "i dati sono cancellati per sempre" in text_of(at_work.get(f"{HERE}{sheet.pk}/"))
    assert (Contact.objects.count(), Person.objects.count()) == (0, 0)


def test_the_page_of_a_running_import_asks_again_by_itself_and_stops(at_work: Client, way: Way) -> None:
    sheet = way.check(LOG)
    way.start(sheet)
    path = f"{HERE}{sheet.pk}/"
    page = at_work.get(path)
    assert ('hx-trigger="every 2s"' in page.content.decode(), "Aggiorna" in text_of(page)) == (True, True)
    part = at_work.get(path, headers={"HX-Request": "true"})
    assert (part.templates[0].name, "<html" in part.content.decode()) == ("spreadsheets/_progress.html", False)
    work()
    assert at_work.get(path, headers={"HX-Request": "true"})["HX-Refresh"] == "true"


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b"", "Il file è vuoto o non è una tabella: esportalo come CSV e riprova."),
        (b"%PDF-1.7", "È un PDF: serve il foglio da cui è stato stampato, oppure un CSV."),
        (b"\xd0\xcf\x11\xe0", "È un file Excel vecchio (.xls) o chiuso con una password"),
        (b"PK\x03\x04", "Il foglio è rovinato o chiuso con una password"),
        (b"Data;Nome\r\n" + b"3/5/2025;A\r\n" * 100_001, "Il foglio ha più di 100000 righe: dividilo"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_a_sentence(at_work: Client, raw: bytes, sentence: str) -> None:
    sent = upload(at_work, raw)
    assert (sent.status_code, sentence in text_of(sent)) == (422, True)
    assert "Diario 2025" in sent.content.decode()
    assert SheetImport.objects.count() == 0


def test_a_file_that_is_too_large_is_not_even_read(at_work: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ballatoio.oversight.spreadsheets.forms.MAX_BYTES", 10)
    sent = upload(at_work, as_csv(LOG))
    assert (sent.status_code, "Il file supera i 25 MB" in text_of(sent)) == (422, True)


def test_a_double_click_uploads_once(at_work: Client) -> None:
    once = at_work.get(f"{HERE}nuovo/").context["once"]
    sent = [upload(at_work, as_csv(LOG), once=once) for _ in range(2)]
    assert (sent[0].url, SheetImport.objects.count()) == (sent[1].url, 1)


def test_columns_that_make_no_sense_are_said_and_nothing_typed_is_lost(at_work: Client, way: Way) -> None:
    sheet = way.upload(LOG)
    path = f"{HERE}{sheet.pk}/colonne/"
    typed = shown_form(at_work.get(path)) | {"c0": "phone", "c1": "language", "c2": "language"}
    sent = at_work.post(path, typed)
    assert sent.status_code == 422
    assert sent.context["form"].errors["c2"] == ["C’è già la colonna «Nome e cognome»: scegline una sola."]
    sent = at_work.post(path, typed | {"c1": "full_name", "c2": "", "c3": "language"})
    assert sent.context["form"].non_field_errors() == [
        "Di’ quale colonna è la data: senza, un contatto non si può scrivere."
    ]
    assert sent.context["form"]["c0"].value() == "phone"
    assert fresh(sheet).state == State.UPLOADED


def test_another_row_of_headings_makes_the_columns_be_read_again(at_work: Client, way: Way) -> None:
    sheet = way.upload([["Uno", "Due"], ["Data", "Nome e cognome"], ["3/5/2025", "Amina Haddad"]])
    path = f"{HERE}{sheet.pk}/colonne/"
    page = at_work.get(path)
    assert page.context["form"]["header_row"].value() == 2
    sent = at_work.post(path, shown_form(page) | {"header_row": "0"})
    assert (sent.url, fresh(sheet).header_row, fresh(sheet).rows) == (path, 0, 3)
    sent = at_work.post(path, shown_form(at_work.get(path)) | {"header_row": "2"})
    assert (fresh(sheet).header_row, fresh(sheet).rows) == (2, 1)


def test_somebody_else_who_acted_first_is_not_overrun(at_work: Client, way: Way) -> None:
    sheet = way.check(LOG)
    page = at_work.get(f"{HERE}{sheet.pk}/colonne/")
    typed = shown_form(page)
    way.check_again(sheet)
    sent = at_work.post(f"{HERE}{sheet.pk}/colonne/", typed, follow=True)
    assert "Intanto qualcosa è cambiato" in text_of(sent)
    assert fresh(sheet).state == State.CHECKED


def test_wrong_rows_are_shown_and_leave_as_a_file_beside_what_to_correct(
    at_work: Client, way: Way, elena: User
) -> None:
    rows = [["Data", "Nome e cognome"], ["31/02/2025", "=Amina Haddad"], ["3/5/2025", "Farid Nur"]]
    sheet = way.check(rows)
    page = text_of(at_work.get(f"{HERE}{sheet.pk}/"))
    assert "riga 2, colonna Data: «31/02/2025» non esiste: correggi il foglio e ricaricalo." in page
    answer = at_work.get(f"{HERE}{sheet.pk}/righe-da-correggere.csv")
    lines = b"".join(answer).decode("utf-8-sig").splitlines()  # type: ignore[arg-type]
    assert lines == [
        "riga;che cosa correggere;Data;Nome e cognome",
        "2;Data: «31/02/2025» non esiste: correggi il foglio e ricaricalo.;31/02/2025;'=Amina Haddad",
    ]
    readings = AuditEntry.objects.filter(verb="spreadsheet.read", object_id=str(sheet.pk), actor_id=elena.pk)
    assert readings.count() == 2
    sent = at_work.post(f"{HERE}{sheet.pk}/importa/", {"version": sheet.version}, follow=True)
    assert "Ci sono righe sbagliate: correggile, oppure segna che restano fuori." in text_of(sent)
    at_work.post(f"{HERE}{sheet.pk}/importa/", {"version": sheet.version, "leave_out": "on"})
    work()
    assert Contact.objects.count() == 1


def test_what_was_exported_with_its_errors_comes_in_again_when_it_is_mended(at_work: Client, way: Way) -> None:
    sheet = way.check([["Data", "Nome e cognome"], ["31/02/2025", "=Amina Haddad"]])
    answer = b"".join(at_work.get(f"{HERE}{sheet.pk}/righe-da-correggere.csv"))  # type: ignore[arg-type]
    mended = answer.replace(b";31/02/2025;", b";28/02/2025;")
    way.bring_in(mended)
    assert [str(person) for person in Person.objects.all()] == ["=Amina Haddad"]


def test_the_people_who_may_be_known_are_shown_page_by_page(
    at_work: Client, way: Way, mazzini: Lab, elena: User
) -> None:
    rows = [["Data", "Nome e cognome"]]
    for number in range(30):
        register_person(mazzini, by=elena, given_name="Amina", family_name=f"Haddad{number}")
        rows.append(["3/5/2025", f"Amina Haddad{number}"])
    sheet = way.check(rows)
    path = f"{HERE}{sheet.pk}/persone/"
    page = at_work.get(path)
    first = page.context["rows"][0][1]
    assert (len(page.context["rows"]), "stesso nome e cognome" in text_of(page)) == (25, True)
    typed = {str(one.pk): "join" for _field, one, _name in page.context["rows"]}
    sent = at_work.post(path, typed)
    assert sent.url == f"{path}?pagina=2"
    assert Lookalike.objects.filter(choice="join").count() == 25
    sent = at_work.post(f"{path}tutte/", {"everybody": "skip"})
    assert set(Lookalike.objects.values_list("choice", flat=True)) == {"skip"}
    assert at_work.post(path, typed | {str(first.pk): "boh"}).status_code == 422


def test_what_was_used_since_is_listed_first_when_an_import_is_undone(at_work: Client, way: Way, mazzini: Lab) -> None:
    sheet = way.bring_in(LOG)
    amina = Person.objects.get()
    make_contact(mazzini, way.by, person=amina)
    page = at_work.get(f"{HERE}{sheet.pk}/annulla/")
    assert "Amina Haddad la persona è tornata dopo" in text_of(page)
    version = page.context["sheet"].version
    at_work.post(f"{HERE}{sheet.pk}/annulla/", {"version": version, "remove": [str(amina.pk)]})
    work()
    assert (Person.objects.count(), Contact.objects.count()) == (0, 1)


def test_a_stranger_id_is_no_choice_of_an_undo(at_work: Client, way: Way) -> None:
    sheet = way.bring_in(LOG)
    sent = at_work.post(f"{HERE}{sheet.pk}/annulla/", {"version": sheet.version, "remove": ["x"]})
    assert (sent.status_code, fresh(sheet).state) == (200, State.DONE)


def test_the_file_that_went_in_already_is_said_on_every_page(at_work: Client, way: Way) -> None:
    way.bring_in(LOG)
    sheet = way.check(LOG)
    for path in ("", "colonne/"):
        assert "Questo stesso file è già entrato" in text_of(at_work.get(f"{HERE}{sheet.pk}/{path}"))
    sent = at_work.post(f"{HERE}{sheet.pk}/importa/", {"version": sheet.version}, follow=True)
    assert "Questo file è già entrato: se lo vuoi due volte, segnalo qui sotto." in text_of(sent)


def test_a_sheet_is_thrown_away(at_work: Client, way: Way) -> None:
    sheet = way.upload(LOG)
    sent = at_work.post(f"{HERE}{sheet.pk}/butta/", follow=True)
    assert "Buttato via: le righe lette sono cancellate." in text_of(sent)
    assert fresh(sheet).parts.count() == 0
    assert "cancellate" in text_of(at_work.get(f"{HERE}{sheet.pk}/"))


PATHS = ["", "colonne/", "parole/", "persone/", "righe-da-correggere.csv", "annulla/"]


@pytest.mark.parametrize("role", [Role.DESK, Role.MEDIATOR, Role.INSTITUTION])
def test_who_does_not_coordinate_cannot_even_look(client: Client, way: Way, mazzini: Lab, role: str) -> None:
    sheet = way.check(LOG)
    sign_in(client, make_user("Altra", mazzini, role))
    found = [client.get(f"{HERE}{sheet.pk}/{path}").status_code for path in PATHS]
    assert (found, client.get(HERE).status_code) == ([403] * len(PATHS), 403)


def test_the_coordinator_of_another_lab_finds_nothing(client: Client, way: Way, milo: Lab) -> None:
    sheet = way.check(LOG)
    sign_in(client, make_user("Zoe", milo, Role.COORDINATOR))
    assert [client.get(f"/milo/fogli/{sheet.pk}/{path}").status_code for path in PATHS] == [404] * len(PATHS)
    assert client.post(f"/milo/fogli/{sheet.pk}/importa/", {"version": sheet.version}).status_code == 404
    assert client.get("/milo/fogli/").context["page"].paginator.count == 0


@pytest.mark.parametrize("count", [25, 100])
def test_the_list_costs_the_same_however_long(at_work: Client, way: Way, mazzini: Lab, elena: User, count: int) -> None:
    SheetImport.objects.bulk_create(
        SheetImport(lab=mazzini, kind="desk_log", digest=b"x", format="csv", uploaded_by=elena) for _ in range(count)
    )
    at_work.get(HERE)
    with CaptureQueriesContext(connection) as queries:
        page = at_work.get(HERE)
    assert len(page.context["page"].object_list) == 25
    assert len(queries) <= 10


@pytest.mark.parametrize("rows", [25, 400])
def test_the_preview_costs_the_same_however_long(at_work: Client, way: Way, rows: int) -> None:
    sheet = way.check([LOG[0], *([f"{1 + n % 28}/5/2025", f"Nome Cognome{n}"] for n in range(rows))])
    at_work.get(HERE)
    with CaptureQueriesContext(connection) as queries:
        at_work.get(f"{HERE}{sheet.pk}/")
    assert len(queries) <= 25


def test_every_page_of_an_import_answers_in_every_state(at_work: Client, way: Way) -> None:
    sheet = way.upload(LOG)
    for state in State.values:
        SheetImport.objects.filter(pk=sheet.pk).update(state=state)
        assert at_work.get(f"{HERE}{sheet.pk}/").status_code == 200
        for path in PATHS[1:]:
            assert at_work.get(f"{HERE}{sheet.pk}/{path}").status_code in (200, 302)
