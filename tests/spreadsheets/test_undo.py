"""An import is taken back in one act; what somebody has used since is theirs."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from ballatoio.base.accounts.models import AccessCode, User
from ballatoio.base.accounts.services import issue_code
from ballatoio.base.audit.models import AuditEntry
from ballatoio.base.audit.services import verify_chains
from ballatoio.base.labs.models import Lab
from ballatoio.base.people.models import ContactPoint, Household, HouseholdMember, Person, PersonKey
from ballatoio.base.people.services import (
    add_contact_point,
    amend_person,
    record_consent,
    register_person,
    remove_contact_point,
)
from ballatoio.base.territory.models import Dwelling, Stair
from ballatoio.base.vault.models import DataKey
from ballatoio.base.vault.services import open_texts
from ballatoio.care.desk.models import Answer, Contact, Need
from ballatoio.care.desk.need_services import record_outcome, reopen_need
from ballatoio.care.desk.services import amend_contact
from ballatoio.oversight.spreadsheets import services
from ballatoio.oversight.spreadsheets.models import ImportedRow, SheetImport
from ballatoio.oversight.spreadsheets.preview import used_since
from ballatoio.oversight.spreadsheets.traces import ids_of, used_contacts, used_people
from tests.factories import make_building, make_contact
from tests.spreadsheets.conftest import LOG, REGISTER, Way, fresh, work

pytestmark = pytest.mark.django_db
State = SheetImport.State
MODELS = (Contact, Need, Answer, Person, PersonKey, ContactPoint, Household, HouseholdMember)


def counted() -> dict[str, int]:
    return {model.__name__: model._default_manager.count() for model in MODELS} | {"keys": DataKey.objects.count()}


def test_nothing_is_left_of_an_import_that_nobody_touched(way: Way, mazzini: Lab, elena: User) -> None:
    make_contact(mazzini, elena)
    before = counted()
    sheet = way.bring_in(LOG)
    assert used_since(sheet) == ([], 0)
    sheet = way.undo(sheet)
    # What was said about the columns stays for the next sheet, under a key of its own.
    assert counted() == before | {"keys": before["keys"] + 1}
    assert (sheet.state, sheet.counts["kept"], ImportedRow.objects.count()) == (State.UNDONE, 0, 0)
    assert list(verify_chains()) == []
    acts = AuditEntry.objects.filter(object_id=str(sheet.pk), verb__in=["contact.take_back", "person.take_back"])
    assert [act.detail for act in acts.order_by("position")] == [
        {"contacts": 3, "needs": 3, "answers": 1},
        {"people": 1},
    ]


def test_a_register_goes_with_the_homes_that_it_brought(way: Way, mazzini: Lab) -> None:
    stair = Stair.objects.create(building=make_building(mazzini, "via Odazio", "9"), name="A")
    Dwelling.objects.create(stair=stair, number="3", floor=1)
    before = counted()
    sheet = way.bring_in([*REGISTER[:1], [*REGISTER[1][:5], "via Odazio 9 int 3", ""]], "register")
    assert Household.objects.count() == 1
    way.undo(sheet)
    assert counted() == before | {"keys": before["keys"] + 1}


def test_what_a_file_took_from_a_sheet_is_taken_out_again(way: Way, mazzini: Lab, elena: User) -> None:
    amina = register_person(mazzini, by=elena, given_name="Amina", family_name="Haddad", birth_year=1980, notes="sorda")
    sheet = way.bring_in(REGISTER, "register")
    amina.refresh_from_db()
    assert (amina.languages_spoken, amina.contact_points.count()) == (["ar", "fr"], 1)
    way.undo(sheet)
    amina = Person.objects.get()
    assert (amina.languages_spoken, amina.birth_year, amina.contact_points.count()) == ([], 1980, 0)
    assert open_texts(amina) == {"notes": "sorda"}
    assert PersonKey.objects.filter(key="3331234567").count() == 0


def test_a_file_that_was_corrected_since_keeps_what_it_took(way: Way, mazzini: Lab, elena: User) -> None:
    amina = register_person(mazzini, by=elena, given_name="Amina", family_name="Haddad", birth_year=1980)
    sheet = way.bring_in(REGISTER, "register")
    amina.refresh_from_db()
    amend_person(amina, by=elena, version=amina.version, interpreter="wanted")
    way.undo(sheet)
    amina.refresh_from_db()
    assert amina.languages_spoken == ["ar", "fr"]


def test_two_imports_are_undone_each_by_itself(way: Way) -> None:
    one = way.bring_in(LOG)
    other = way.bring_in([LOG[0], ["9/9/2025", "Sara Neri", "", "", "affitto", "", "", ""]])
    way.undo(one)
    assert [str(person) for person in Person.objects.all()] == ["Sara Neri"]
    way.undo(other)
    assert (Person.objects.count(), Contact.objects.count()) == (0, 0)


def test_an_undone_sheet_may_come_in_again(way: Way) -> None:
    way.undo(way.bring_in(LOG))
    sheet = way.bring_in(LOG)
    assert (sheet.state, Contact.objects.count()) == (State.DONE, 3)


def test_it_cannot_be_undone_twice(way: Way) -> None:
    sheet = way.undo(way.bring_in(LOG))
    with pytest.raises(services.NotNow):
        services.start_undo(sheet, by=way.by, version=sheet.version)


# --- What somebody has used since -------------------------------------------------------------------------


def first_contact() -> Contact:
    return Contact.objects.order_by("started_at")[0]


def amend(way: Way) -> None:
    contact = first_contact()
    told = {"channel": "phone", "person": contact.person, "building": None, "language": "it", "interpreter": "none"}
    amend_contact(contact, by=way.by, version=contact.version, words="", note="corretto", **told)


def reopen(way: Way) -> None:
    need = first_contact().needs.get()
    reopen_need(need, by=way.by, version=need.version, owner=way.by, next_on=date(2027, 1, 8))


def note_outcome(way: Way) -> None:
    record_outcome(first_contact().needs.get().answers.get(), by=way.by, outcome="done")


def hand_out_a_code(way: Way) -> None:
    issue_code(first_contact(), purpose=AccessCode.Purpose.RECEIPT, lab=way.lab, valid_for=timedelta(days=9), by=way.by)


USES: list[tuple[Callable[[Way], Any], set[str]]] = [
    (amend, {"amended", "answered"}),
    (reopen, {"answered"}),
    (note_outcome, {"answered"}),
    (hand_out_a_code, {"followed"}),
]


@pytest.mark.parametrize(("use", "why"), USES)
def test_a_contact_that_somebody_used_stays_with_its_person(way: Way, use: Callable[[Way], Any], why: set[str]) -> None:
    sheet = way.bring_in(LOG)
    use(way)
    used = first_contact()
    assert used_contacts(sheet, ids_of(sheet, Contact)) == {used.pk: why}
    sheet = way.undo(sheet)
    assert list(Contact.objects.all()) == [used]
    assert (Person.objects.get(), sheet.counts["kept"]) == (used.person, 2)
    assert used.needs.count() == 1


@pytest.mark.parametrize(("use", "why"), USES)
def test_it_goes_too_when_somebody_says_so(way: Way, use: Callable[[Way], Any], why: set[str]) -> None:
    sheet = way.bring_in(LOG)
    use(way)
    shown, total = used_since(sheet)
    assert (len(shown), total, bool(shown[0].why)) == (1, 1, True)
    way.undo(sheet, remove=[UUID(one.pk) for one in shown])
    assert (Contact.objects.count(), Person.objects.count(), Need.objects.count()) == (0, 0, 0)


def come_back(way: Way) -> None:
    make_contact(way.lab, way.by, person=Person.objects.get())


def correct(way: Way) -> None:
    amina = Person.objects.get()
    amend_person(amina, by=way.by, version=amina.version, family_name="Haddad-Neri")


def give_a_number(way: Way) -> None:
    add_contact_point(Person.objects.get(), by=way.by, kind="email", value="amina@example.org")


def take_a_number(way: Way) -> None:
    remove_contact_point(ContactPoint.objects.get(), by=way.by)


def consent(way: Way) -> None:
    record_consent(Person.objects.get(), by=way.by, scope="contact", text_version="1", how="spoken")


@pytest.mark.parametrize(
    ("use", "why"),
    [
        (come_back, {"later"}),
        (correct, {"amended"}),
        (give_a_number, {"amended"}),
        (take_a_number, {"amended"}),
        (consent, {"followed"}),
    ],
)
def test_a_person_whose_file_somebody_used_stays(way: Way, use: Callable[[Way], Any], why: set[str]) -> None:
    sheet = way.bring_in(LOG)
    use(way)
    amina = Person.objects.get()
    assert used_people(sheet, ids_of(sheet, Person)) == {amina.pk: why}
    came_back = Contact.objects.filter(person=amina).exclude(pk__in=ids_of(sheet, Contact)).count()
    way.undo(sheet)
    assert list(Person.objects.all()) == [amina]
    assert Contact.objects.count() == came_back


def test_a_person_taken_away_although_they_came_back_leaves_an_anonymous_contact(way: Way, elena: User) -> None:
    sheet = way.bring_in(LOG)
    come_back(way)
    way.undo(sheet, remove_all=True)
    left = Contact.objects.get()
    assert (Person.objects.count(), left.person) == (0, None)
    assert list(Contact.objects.matching("haddad", elena)) == []


def test_what_is_used_while_the_undo_runs_stays(way: Way) -> None:
    sheet = way.bring_in(LOG)
    services.start_undo(sheet, by=way.by, version=sheet.version)
    come_back(way)
    work()
    assert (fresh(sheet).state, Person.objects.count(), Contact.objects.count()) == (State.UNDONE, 1, 1)
