"""Every list leaves as its viewer sees it: the same rows, nobody protected, no formula, and who took it is written."""

import io
from collections.abc import Iterable
from typing import Any

import pytest
from django.test import Client

from ballatoio.base.accounts.models import Role, User
from ballatoio.base.audit.models import AuditEntry
from ballatoio.base.core.sheets.export import MAX_XLSX_ROWS, ExportTable, download
from ballatoio.base.core.sheets.opening import open_sheet
from ballatoio.base.directory.models import Service
from ballatoio.base.directory.services import import_services
from ballatoio.base.labs.models import Lab
from ballatoio.base.people.households import join_household
from ballatoio.base.people.models import Person
from ballatoio.base.people.services import add_contact_point, register_person
from ballatoio.care.desk.models import Contact
from ballatoio.care.desk.services import AnswerGiven, NeedHeard
from tests.factories import (
    make_building,
    make_contact,
    make_need,
    make_person,
    make_service,
    make_term,
    make_user,
    sign_in,
)
from tests.spreadsheets.conftest import Way

pytestmark = pytest.mark.django_db


def rows_of(response: Any) -> list[list[str]]:
    """Give the cells of a file that was downloaded, whichever of the two it is."""
    assert response.status_code == 200
    # Read to its end, the client closes it.
    raw = b"".join(response)
    return [cells for _number, cells in open_sheet(io.BytesIO(raw)).rows()]


def both(client: Client, path: str, **asked: str) -> list[list[str]]:
    """Download a list in both formats, and give its rows: they are the same."""
    plain, book = (rows_of(client.get(path, asked | more)) for more in ({}, {"formato": "xlsx"}))
    assert [[cell.removeprefix("'") for cell in row] for row in plain] == book
    return book


@pytest.fixture
def at_desk(client: Client, anna: User) -> Client:
    return sign_in(client, anna)


def protected(lab: Lab, by: User) -> Person:
    person = register_person(lab, by=by, given_name="Nascosta", family_name="Davvero", phone="333 1234567")
    Person.objects.filter(pk=person.pk).update(is_protected=True)
    return Person.objects.get(pk=person.pk)


def test_contacts_leave_as_the_list_shows_them(at_desk: Client, mazzini: Lab, anna: User) -> None:
    amina = register_person(mazzini, by=anna, given_name="=Amina", family_name="")
    make_contact(mazzini, anna, person=amina, building=make_building(mazzini, "via Odazio", "7"))
    make_contact(mazzini, anna, person=protected(mazzini, anna), building=make_building(mazzini, "via Segreta", "1"))
    make_contact(mazzini, anna, language="ar")
    path = "/mazzini/banco/contatti/contatti.csv"
    whole = both(at_desk, path)
    assert [row[3:6] for row in whole[1:]] == [
        ["anonimo", "ar", ""],
        ["persona protetta", "it", ""],
        ["=Amina", "it", "via Odazio 7"],
    ]
    assert [row[3] for row in both(at_desk, path, lingua="ar")[1:]] == ["anonimo"]
    told = AuditEntry.objects.filter(verb="contact.export", actor_id=anna.pk).order_by("position")
    assert [entry.detail for entry in told] == [
        {"filters": [], "count": 3, "format": "csv"},
        {"filters": [], "count": 3, "format": "xlsx"},
        {"filters": ["lingua"], "count": 1, "format": "csv"},
        {"filters": ["lingua"], "count": 1, "format": "xlsx"},
    ]


def test_needs_leave_as_the_list_shows_them(at_desk: Client, mazzini: Lab, milo: Lab, anna: User, bruno: User) -> None:
    told = AnswerGiven(kind="information")
    make_need(mazzini, anna, person=register_person(mazzini, by=anna, given_name="Amina"))
    make_need(mazzini, anna, told, told=True)
    make_contact(mazzini, anna, NeedHeard(term=make_term("Spesa")), person=protected(mazzini, anna))
    make_need(milo, bruno)
    path = "/mazzini/banco/bisogni/bisogni.csv"
    assert sorted([row[1], row[3]] for row in both(at_desk, path)[1:]) == [
        ["Affitto", "Amina"],
        ["Spesa", "persona protetta"],
    ]
    closed = both(at_desk, path, stato="closed")[1:]
    assert [(row[2], row[8]) for row in closed] == [("Chiuso: la persona lo sa", "Di persona")]
    assert len(both(at_desk, path, stato="tutti")) == 4


def test_the_people_whom_a_search_found_leave_and_nobody_who_is_protected(
    at_desk: Client, mazzini: Lab, anna: User
) -> None:
    register_person(mazzini, by=anna, given_name="Amina", family_name="Davvero", birth_year=1980)
    protected(mazzini, anna)
    path = "/mazzini/persone/persone.csv"
    assert both(at_desk, path, q="davv")[1:] == [["Davvero", "Amina", "", "1980"]]
    assert both(at_desk, path)[1:] == []


def test_the_whole_register_is_for_the_coordinator_and_comes_in_elsewhere(
    client: Client, way: Way, mazzini: Lab, anna: User, elena: User
) -> None:
    amina = register_person(
        mazzini, by=anna, given_name="Amina", family_name="Haddad", phone="333 1234567", languages_spoken=["ar", "fr"]
    )
    add_contact_point(amina, by=anna, kind="phone", value="347 7654321", safe_to_call=False)
    add_contact_point(amina, by=anna, kind="phone", value="348 7654321", is_shared=True)
    add_contact_point(amina, by=anna, kind="email", value="amina@example.org")
    hidden = protected(mazzini, anna)
    join_household(hidden, join_household(amina, by=anna).household, by=anna)
    path = "/mazzini/persone/rubrica.csv"
    assert sign_in(client, anna).get(path).status_code == 403
    rows = both(sign_in(client, elena), path)
    assert [row[:7] for row in rows[1:]] == [
        ["Haddad", "Amina", "", "", "+39 333 123 4567", "amina@example.org", "arabo, francese"]
    ]
    raw = b"".join(client.get(path))  # type: ignore[arg-type]
    Person.objects.filter(pk=amina.pk).delete()
    way.bring_in(raw, "register")
    back = Person.objects.get(given_name="Amina")
    assert (back.family_name, back.languages_spoken) == ("Haddad", ["ar", "fr"])
    assert sorted(back.contact_points.values_list("value", flat=True)) == ["+39 333 123 4567", "amina@example.org"]


def test_services_leave_in_the_form_in_which_they_come_in(at_desk: Client, mazzini: Lab) -> None:
    make_service(mazzini, "CAF", phone="02 123 4567")
    make_service(mazzini, "Mensa", status="defunct")
    path = "/mazzini/servizi/gestione/servizi.csv"
    rows = both(at_desk, path)
    assert [row[1] for row in rows[1:]] == ["CAF", "Mensa"]
    assert [row[1] for row in both(at_desk, path, stato="defunct")[1:]] == ["Mensa"]
    raw = b"".join(at_desk.get(path))  # type: ignore[arg-type]
    report = import_services(io.BytesIO(raw), mazzini, by=None)
    assert (report.errors, report.unchanged, Service.objects.count()) == ([], 2, 2)


def test_the_team_leaves_for_its_coordinator(client: Client, mazzini: Lab, anna: User, elena: User) -> None:
    path = "/mazzini/squadra/squadra.csv"
    assert sign_in(client, anna).get(path).status_code == 403
    rows = both(sign_in(client, elena), path)
    assert [(row[0], row[2]) for row in rows[1:]] == [
        ("Anna", "Operatore di sportello"),
        ("Elena", "Coordinatore"),
    ]


EXPORTS = [
    *("banco/contatti/contatti.csv", "banco/bisogni/bisogni.csv", "persone/persone.csv", "persone/rubrica.csv"),
    *("servizi/gestione/servizi.csv", "squadra/squadra.csv"),
]


@pytest.mark.parametrize("path", EXPORTS)
def test_nothing_of_another_lab_leaves(client: Client, mazzini: Lab, milo: Lab, anna: User, path: str) -> None:
    make_contact(mazzini, anna, person=make_person(mazzini, "Canarino"))
    make_service(mazzini, "Canarino")
    zoe = sign_in(client, make_user("Zoe", milo, Role.COORDINATOR))
    assert zoe.get(f"/mazzini/{path}", {"q": "canarino"}).status_code == 404
    text = b"".join(zoe.get(f"/milo/{path}", {"q": "canarino"}))  # type: ignore[arg-type]
    assert b"Canarino" not in text


@pytest.mark.parametrize("path", EXPORTS)
def test_every_export_says_who_took_it_and_how_much(client: Client, mazzini: Lab, elena: User, path: str) -> None:
    rows_of(sign_in(client, elena).get(f"/mazzini/{path}", {"formato": "xlsx"}))
    entry = AuditEntry.objects.filter(actor_id=elena.pk, is_reading=True, verb__endswith=".export").get()
    assert set(entry.detail) == {"filters", "count", "format"}


def test_the_number_in_the_audit_is_that_of_the_rows(at_desk: Client, mazzini: Lab, anna: User) -> None:
    for _ in range(3):
        make_contact(mazzini, anna)
    rows = rows_of(at_desk.get("/mazzini/banco/contatti/contatti.csv"))
    assert AuditEntry.objects.get(verb="contact.export").detail["count"] == len(rows) - 1 == Contact.objects.count()


def test_a_list_too_long_for_a_workbook_says_so_and_offers_the_csv(client: Client, rf: Any, anna: User) -> None:
    def never() -> Iterable[list[str]]:
        raise AssertionError("the rows are not even read")
        yield []

    request = rf.get("/mazzini/banco/contatti/contatti.csv?formato=xlsx&lingua=ar")
    request.user, request.lab, request.roles = anna, anna.current_memberships[0].lab, frozenset({"desk"})
    answer = download(request, ExportTable("contatti", ["a"], never(), MAX_XLSX_ROWS + 1))
    assert (answer.status_code, b"formato=csv" in answer.content) == (422, True)  # type: ignore[attr-defined]
