"""From an old sheet to the records: as if the desk had written them then."""

import io
import random
from datetime import date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from ballatoio.base.accounts.models import User
from ballatoio.base.audit.models import AuditEntry
from ballatoio.base.audit.services import verify_chains
from ballatoio.base.core.sheets.export import write_xlsx
from ballatoio.base.core.sheets.sheet import FileRefused
from ballatoio.base.jobs.models import DueWork
from ballatoio.base.jobs.services import AlreadySubmitted, do_next_work
from ballatoio.base.labs.models import Lab
from ballatoio.base.people.lookup import search_people
from ballatoio.base.people.models import ContactPoint, HouseholdMember, Person
from ballatoio.base.people.services import add_contact_point, register_person
from ballatoio.base.territory.models import Dwelling, Stair
from ballatoio.base.vault.models import DataKey
from ballatoio.base.vault.services import open_texts
from ballatoio.care.desk.figures import month_figures
from ballatoio.care.desk.models import Answer, Contact, Need
from ballatoio.care.desk.services import AnswerGiven, NeedHeard, record_contact
from ballatoio.demo.sheets import desk_log
from ballatoio.oversight.spreadsheets import services
from ballatoio.oversight.spreadsheets.models import ImportedRow, Lookalike, SavedMapping, SheetImport, SheetPart
from ballatoio.oversight.spreadsheets.preview import all_errors, error_table, first_rows
from tests.factories import make_building, make_service, make_term, make_user
from tests.spreadsheets.conftest import LOG, REGISTER, TODAY, Way, as_csv, fresh, work

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("today")]
State = SheetImport.State
HEADINGS = ["Data", "Nome e cognome", "Telefono", "Argomento", "Risposta", "Esito", "Operatore", "Casa", "Note"]


@pytest.fixture
def today() -> Any:
    with time_machine.travel(datetime(2026, 3, 2, 9, 30, tzinfo=timezone.get_current_timezone()), tick=True):
        yield


def row(day: str, name: str = "", **cells: str) -> list[str]:
    """Give a row under HEADINGS."""
    return [day, name, *(cells.get(heading, "") for heading in HEADINGS[2:])]


def sentences(sheet: SheetImport) -> list[tuple[int, str, str]]:
    return [(one.row, one.column, one.sentence) for one in all_errors(sheet)]


# --- The records ------------------------------------------------------------------------------------------


def test_a_row_becomes_what_the_desk_would_have_written(way: Way, mazzini: Lab) -> None:
    anna = make_user("Anna Colombo", mazzini, "desk")
    house = make_building(mazzini, "viale Omero", "12")
    sheet = [
        HEADINGS,
        row(
            "3/5/2025", "Amina Haddad", Argomento="affitto", Risposta="spiegato", Operatore="anna", Casa="v.le Omero 12"
        ),
    ]
    way.bring_in(sheet)
    told = Contact.objects.get()
    with time_machine.travel(told.started_at, tick=False):
        answer = AnswerGiven(kind="information", text="spiegato")
        heard = NeedHeard(term=make_term("Affitto"), answers=(answer,), told=True)
        amina = register_person(mazzini, by=anna, given_name="Amina", family_name="Haddad")
        as_then = record_contact(
            mazzini, by=anna, channel="walk_in", started_at=told.started_at, person=amina, building=house, needs=[heard]
        )
    assert facts(told) == facts(as_then)
    need, need_then = told.needs.get(), as_then.needs.get()
    assert facts(need, "contact", "person", "owner") == facts(need_then, "contact", "person", "owner")
    given, given_then = need.answers.get(), need_then.answers.get()
    assert facts(given, "need") == facts(given_then, "need")
    assert facts(told.person) == facts(amina)  # type: ignore[arg-type]
    assert set(told.person.keys.values_list("key", flat=True)) == set(amina.keys.values_list("key", flat=True))  # type: ignore[union-attr]
    assert [open_texts(record) for record in (told, need, given)] == [{}, {}, {"text": "spiegato"}]


def facts(record: Any, *without: str) -> dict[str, Any]:
    """Give all columns of a record but its ids, its keys and what is of its own."""
    left_out = {"id", "data_key", "sealed", "person", "compared_version", *without}
    return {
        field.name: getattr(record, field.attname)
        for field in record._meta.concrete_fields
        if field.name not in left_out
    }


def test_a_desk_log_comes_in_with_its_days_people_and_words(way: Way, mazzini: Lab, elena: User) -> None:
    sheet = way.bring_in(LOG)
    assert (sheet.state, sheet.rows, sheet.wrong) == (State.DONE, 3, 0)
    contacts = list(Contact.objects.order_by("started_at"))
    assert [timezone.localtime(contact.started_at) for contact in contacts] == [
        timezone.make_aware(datetime(2025, 5, day, 12)) for day in (3, 4, 5)
    ]
    amina = Person.objects.get()
    assert [contact.person for contact in contacts] == [amina, None, amina]
    assert (amina.last_seen_on, timezone.localdate(amina.created_at)) == (date(2025, 5, 5), date(2025, 5, 3))
    assert [contact.language for contact in contacts] == ["ar", "it", "ar"]
    assert [[str(need) for need in contact.needs.all()] for contact in contacts] == [
        ["Affitto"],
        ["Documenti"],
        ["Con parole sue"],
    ]
    assert open_texts(contacts[0]) == {"words": "non riesce a pagare", "note": "Operatore: Anna"}
    assert open_texts(contacts[2].needs.get()) == {"words": "qualcosa di strano"}
    assert set(Need.objects.values_list("state", "told_how")) == {("closed", "face_to_face")}
    assert [found.pk for found in search_people(elena, mazzini, "hadd")] == [amina.pk]
    assert [found.pk for found in search_people(elena, mazzini, "333 123")] == [amina.pk]
    assert list(Contact.objects.visible_to(elena).matching("affitto", elena)) == [contacts[0]]
    assert list(verify_chains()) == []


def test_the_figures_of_past_months_count_the_rows_of_those_months(way: Way, mazzini: Lab) -> None:
    way.bring_in(LOG)
    may, march = (month_figures(mazzini, first) for first in (date(2025, 5, 1), date(2026, 3, 1)))
    assert (may.contacts.count, may.needs.count, may.anonymous.count, may.days_to_answer) == (3, 3, 1, 0)
    assert (march.contacts.count, march.needs.count) == (0, 0)


def test_what_the_sheet_says_is_open_stays_open_with_an_owner_and_a_date(way: Way, mazzini: Lab, elena: User) -> None:
    anna = make_user("Anna Colombo", mazzini, "desk")
    way.bring_in(
        [
            HEADINGS,
            row("3/2/2026", "Amina Haddad", Argomento="affitto", Esito="in corso", Operatore="Anna"),
            row("4/2/2026", "Amina Haddad", Argomento="affitto", Esito="in attesa", Operatore="Lucia"),
            row("5/2/2026", "Amina Haddad", Argomento="affitto", Esito="irreperibile"),
            row("6/2/2026", "Amina Haddad", Argomento="affitto", Esito="ok"),
            row("6/2/2026", "Amina Haddad", Argomento="affitto"),
        ]
    )
    found = Need.objects.order_by("opened_at", "pk").values_list("state", "owner__name", "next_on")
    promised = date(2026, 3, 9)
    assert list(found) == [
        ("open", "Anna Colombo", promised),
        ("waiting", "Elena", promised),
        ("unreachable", None, None),
        ("closed", None, None),
        ("closed", None, None),
    ]
    assert Need.objects.owned_by(anna).count() == 1


def test_services_houses_and_colleagues_that_nobody_knows_stay_in_words(way: Way, mazzini: Lab) -> None:
    caf = make_service(mazzini, "CAF di quartiere")
    headings = ["Data", "Argomento", "Inviato a", "Risposta", "Indirizzo", "Operatore"]
    way.bring_in(
        [
            headings,
            ["3/5/2025", "affitto", "CAF", "preso appuntamento", "via Odazio 7 scala B", ""],
            ["4/5/2025", "affitto", "la parrocchia", "", "via Inventata 3", "Pino"],
        ]
    )
    one, other = Contact.objects.order_by("started_at")
    answers = [contact.needs.get().answers.get() for contact in (one, other)]
    assert [(a.kind, a.service, open_texts(a)) for a in answers] == [
        ("orientation", caf, {"text": "preso appuntamento"}),
        ("orientation", None, {"text": "Servizio: la parrocchia"}),
    ]
    assert (str(one.building), other.building) == ("via Odazio 7", None)
    assert open_texts(other) == {"note": "Operatore: Pino\nCasa: via Inventata 3"}


def test_several_columns_of_notes_keep_their_titles(way: Way) -> None:
    way.bring_in([["Data", "Note", "Note", "Mezzo"], ["3/5/2025", "uno", "due", "tram"], ["4/5/2025", "", "tre", ""]])
    notes = [open_texts(contact) for contact in Contact.objects.order_by("started_at")]
    assert notes == [{"note": "Note (1): uno\nNote (2): due"}, {"note": "Note (2): tre"}]


def test_several_topics_of_one_cell_are_several_needs(way: Way) -> None:
    sheet = way.upload([["Data", "Argomento", "Risposta"], ["3/5/2025", "affitto, documenti", "ok"]])
    sheet = way.check_again(sheet, separator="comma")
    way.start(sheet)
    work()
    needs = Need.objects.order_by("pk")
    assert [(str(need), need.answers.count()) for need in needs] == [("Affitto", 1), ("Documenti", 0)]


def test_a_day_written_once_counts_for_the_rows_under_it(way: Way) -> None:
    rows = [["Data", "Nome e cognome"], ["3/5/2025", "Amina Haddad"], ["", "Farid Nur"], ["4/5/2025", "Sara Neri"]]
    sheet = way.check(rows)
    assert sentences(sheet) == [(3, "Data", "manca la data.")]
    sheet = way.check_again(sheet, same_day=True)
    assert (sheet.state, sheet.wrong) == (State.CHECKED, 0)
    way.start(sheet)
    work()
    days = Contact.objects.order_by("started_at", "pk").values_list("started_at", flat=True)
    assert [timezone.localdate(day).day for day in days] == [3, 3, 4]


def test_a_register_opens_files_like_the_desk(way: Way, mazzini: Lab) -> None:
    stair = Stair.objects.create(building=make_building(mazzini, "via Odazio", "9"), name="A")
    flat = Dwelling.objects.create(stair=stair, number="3", floor=1)
    sheet = way.bring_in(
        [*REGISTER[:1], [*REGISTER[1][:5], "via Odazio 9 scala A int. 3", "pomeriggio"], REGISTER[2]], "register"
    )
    amina, mario = Person.objects.order_by("family_name")
    assert (amina.given_name, amina.family_name, amina.birth_year, amina.languages_spoken) == (
        *("Amina", "Haddad", 1980),
        ["ar", "fr"],
    )
    assert (str(mario), mario.birth_date) == ("Mario Rossi", date(1950, 5, 3))
    assert list(amina.contact_points.values_list("kind", "value")) == [("phone", "+39 333 123 4567")]
    assert [open_texts(person) for person in (amina, mario)] == [{"notes": "pomeriggio"}, {}]
    home = HouseholdMember.objects.get(person=amina).household.dwellings.get()
    assert (home.dwelling, HouseholdMember.objects.filter(person=mario).exists()) == (flat, False)
    assert sheet.counts["people_in"] == 2


def test_nobody_of_a_register_is_put_into_a_home_where_somebody_lives(way: Way, mazzini: Lab) -> None:
    stair = Stair.objects.create(building=make_building(mazzini, "via Odazio", "9"), name="A")
    Dwelling.objects.create(stair=stair, number="3", floor=1)
    headings = ["Nome", "Cognome", "Indirizzo"]
    address = "via Odazio 9 scala A interno 3"
    way.bring_in([headings, ["Amina", "Haddad", address], ["Karim", "Haddad", address]], "register")
    assert HouseholdMember.objects.values("household").distinct().count() == 1
    way.bring_in([headings, ["Sara", "Neri", address]], "register")
    assert HouseholdMember.objects.count() == 2
    assert open_texts(Person.objects.get(given_name="Sara")) == {}


# --- Who is who -------------------------------------------------------------------------------------------


def test_somebody_who_cannot_be_told_from_others_stays_anonymous_with_their_name(way: Way) -> None:
    way.bring_in(
        [HEADINGS, row("3/5/2025", "Maria"), row("4/5/2025", "", Telefono="333 1234567"), row("5/5/2025", "-")]
    )
    assert Person.objects.count() == 0
    texts = [open_texts(contact) for contact in Contact.objects.order_by("started_at")]
    assert texts == [{"name": "Maria"}, {"phone": "+39 333 123 4567"}, {}]


def test_the_same_person_in_many_rows_is_one_unless_something_differs(way: Way) -> None:
    way.bring_in(
        [
            HEADINGS,
            row("3/5/2025", "Maria Rossi"),
            row("4/5/2025", "ROSSI MARIA", Telefono="333 1234567"),
            row("5/5/2025", "Maria Rossi", Telefono="333 1234567"),
            row("6/5/2025", "Maria Rossi", Telefono="347 7654321"),
        ]
    )
    people = Person.objects.order_by("pk")
    assert [(str(person), Contact.objects.filter(person=person).count()) for person in people] == [
        ("Maria Rossi", 3),
        ("Maria Rossi", 1),
    ]
    assert list(ContactPoint.objects.order_by("value").values_list("value", flat=True)) == [
        "+39 333 123 4567",
        "+39 347 765 4321",
    ]


def test_in_a_register_only_a_telephone_or_a_birth_makes_two_rows_one(way: Way) -> None:
    rows = [
        ["Nome", "Cognome", "Telefono", "Nato il"],
        ["Maria", "Rossi", "", ""],
        ["Maria", "Rossi", "", ""],
        ["Maria", "Rossi", "333 1234567", "3/5/1950"],
        ["Maria", "Rossi", "347 7654321", "3/5/1950"],
    ]
    way.bring_in(rows, "register")
    assert sorted(Person.objects.values_list("birth_year", flat=True), key=str) == [1950, 1950, None, None]


def known(lab: Lab, by: User, **facts: Any) -> Person:
    return register_person(lab, by=by, **{"given_name": "Amina", "family_name": "Haddad"} | facts)


def test_whoever_is_known_by_name_and_telephone_is_joined(way: Way, mazzini: Lab, elena: User) -> None:
    amina = known(mazzini, elena, phone="333 1234567")
    sheet = way.check(LOG)
    assert list(sheet.lookalikes.values_list("person", "why", "choice", "row", "times")) == [
        (amina.pk, "phone", "join", 2, 2)
    ]
    way.start(sheet)
    work()
    assert Person.objects.get() == amina
    assert Contact.objects.filter(person=amina).count() == 2


def test_a_name_alone_makes_a_new_file_unless_somebody_says_otherwise(way: Way, mazzini: Lab, elena: User) -> None:
    amina = known(mazzini, elena)
    sheet = way.check(LOG)
    lookalike = sheet.lookalikes.get()
    assert (lookalike.why, lookalike.choice) == ("name", "new")
    services.choose_lookalikes(sheet, {lookalike.pk: Lookalike.Choice.JOIN}, by=elena)
    way.start(sheet)
    work()
    assert Person.objects.get() == amina
    assert list(amina.contact_points.values_list("value", flat=True)) == ["+39 333 123 4567"]


def test_the_rows_of_a_person_may_be_left_out(way: Way, mazzini: Lab, elena: User) -> None:
    known(mazzini, elena)
    sheet = way.check(LOG)
    assert services.choose_all_lookalikes(sheet, Lookalike.Choice.SKIP, by=elena) == 1
    way.start(sheet)
    work()
    assert (Person.objects.count(), [contact.person for contact in Contact.objects.all()]) == (1, [None])


def test_another_birth_is_another_person(way: Way, mazzini: Lab, elena: User) -> None:
    known(mazzini, elena, birth_year=1951, phone="333 1234567")
    assert way.check(REGISTER, "register").lookalikes.count() == 0


def test_a_register_fills_in_what_a_file_lacks_and_changes_nothing_else(way: Way, mazzini: Lab, elena: User) -> None:
    amina = known(mazzini, elena, birth_year=1980, languages_spoken=["it"], notes="sorda da un orecchio")
    way.bring_in(REGISTER, "register")
    amina.refresh_from_db()
    assert (amina.birth_year, amina.languages_spoken, amina.version) == (1980, ["it"], 2)
    notes = "sorda da un orecchio\n\npomeriggio\nIndirizzo: via Odazio 7 scala A int 3"
    assert open_texts(amina) == {"notes": notes}
    assert list(amina.contact_points.values_list("value", flat=True)) == ["+39 333 123 4567"]


def test_the_file_of_a_protected_person_takes_nothing_from_a_sheet(way: Way, mazzini: Lab, elena: User) -> None:
    amina = known(mazzini, elena, birth_year=1980)
    Person.objects.filter(pk=amina.pk).update(is_protected=True)
    sheet = way.check(REGISTER, "register")
    services.choose_all_lookalikes(sheet, Lookalike.Choice.JOIN, by=elena)
    way.start(sheet)
    work()
    amina.refresh_from_db()
    assert (amina.languages_spoken, amina.version, open_texts(amina)) == ([], 1, {})
    assert amina.contact_points.count() == 0


def test_somebody_whose_number_belongs_to_a_protected_person_is_not_told_of_them(
    way: Way, mazzini: Lab, elena: User
) -> None:
    amina = known(mazzini, elena, phone="333 1234567")
    Person.objects.filter(pk=amina.pk).update(is_protected=True)
    rows = [HEADINGS, row("3/5/2025", "Amina", Telefono="333 1234567")]
    assert way.check(rows).lookalikes.count() == 0


def test_a_file_that_is_merged_after_the_check_is_found_where_it_went(way: Way, mazzini: Lab, elena: User) -> None:
    amina = known(mazzini, elena, phone="333 1234567")
    other = known(mazzini, elena, given_name="Aminah")
    sheet = way.check(LOG)
    Person.objects.filter(pk=amina.pk).update(merged_into=other)
    way.start(sheet)
    work()
    assert Contact.objects.filter(person=other).count() == 2


# --- What is wrong ----------------------------------------------------------------------------------------

WRONG = [
    HEADINGS,
    row("3/5/2025", "Amina Haddad"),
    row("31/02/2025", "Farid Nur"),
    row("4/5/2025", "Sara Neri", Telefono="12"),
    row("3/3/2026", "X" * 90, Note="la password: pippo"),
]


def test_all_that_is_wrong_is_said_row_by_row(way: Way) -> None:
    sheet = way.check(WRONG)
    assert (sheet.state, sheet.wrong, sheet.rows) == (State.CHECKED, 3, 4)
    assert sentences(sheet) == [
        (3, "Data", "«31/02/2025» non esiste: correggi il foglio e ricaricalo."),
        (4, "Telefono", "Il numero «12» ha troppe cifre o troppo poche: ricontrollalo, per esempio 333 123 4567."),
        (5, "Data", "«3/3/2026» deve ancora venire: correggi il foglio e ricaricalo."),
        (5, "Nome e cognome", "è più lungo di 80 caratteri: è davvero un nome?"),
        (5, "Note", "sembra che ci sia una password o un PIN: qui non si scrivono, toglilo."),
    ]
    titles, rows = error_table(sheet)
    assert titles[:3] == ["riga", "che cosa correggere", "Data"]
    assert next(cells[:4] for cells in rows) == [
        *("3", "Data: «31/02/2025» non esiste: correggi il foglio e ricaricalo.", "31/02/2025", "Farid Nur"),
    ]


def test_nothing_comes_in_while_a_row_is_wrong_unless_it_is_left_out(way: Way) -> None:
    sheet = way.check(WRONG)
    with pytest.raises(services.RowsAreWrong):
        way.start(sheet)
    assert (Contact.objects.count(), fresh(sheet).state) == (0, State.CHECKED)
    way.start(sheet, leave_out=True)
    work()
    assert (Contact.objects.count(), fresh(sheet).counts["left_out"]) == (1, 3)


def test_a_sheet_in_which_every_row_is_wrong_cannot_be_imported(way: Way) -> None:
    sheet = way.check([HEADINGS, row("ieri", "Amina Haddad")])
    with pytest.raises(services.NothingToImport):
        way.start(sheet, leave_out=True)


def test_the_first_rows_are_shown_as_they_will_be(way: Way) -> None:
    shown = first_rows(way.check(LOG))
    assert [(one.number, one.who, one.what, one.how) for one in shown] == [
        (2, "Amina Haddad", (("Affitto", "Chiuso: la persona lo sa"),), "Allo sportello, arabo"),
        (3, "", (("Documenti", "Chiuso: la persona lo sa"),), "Allo sportello"),
        (4, "Amina Haddad", (("qualcosa di strano", "Chiuso: la persona lo sa"),), "Allo sportello, arabo"),
    ]


# --- The file ---------------------------------------------------------------------------------------------


def test_the_same_log_as_csv_and_as_a_workbook_is_the_same(way: Way, dice: random.Random) -> None:
    rows = desk_log(dice, 60, today=TODAY)
    file = io.BytesIO()
    write_xlsx(file, rows[0], rows[1:])
    told = []
    for raw in (as_csv(rows), as_csv(rows, "cp1252", "\t"), as_csv(rows, "utf-16"), file.getvalue()):
        sheet = way.check(raw)
        told.append((sheet.rows, sheet.wrong, sheet.counts, [one.who for one in first_rows(sheet)]))
    assert told[0][0] == 60
    assert told == [told[0]] * 4


def test_more_rows_than_the_limit_are_refused_before_anything_is_kept(way: Way) -> None:
    raw = b"Data;Nome\r\n" + b"3/5/2025;A\r\n" * 1_000_000
    with pytest.raises(FileRefused, match="più di 100000 righe: dividilo"):
        way.upload(raw)
    assert (SheetImport.objects.count(), SheetPart.objects.count(), DataKey.objects.count()) == (0, 0, 0)


def test_a_sheet_with_headings_alone_is_refused(way: Way) -> None:
    with pytest.raises(FileRefused, match="non ci sono righe"):
        way.upload([HEADINGS])


def test_what_was_read_is_sealed_and_gone_when_the_import_is_over(way: Way) -> None:
    sheet = way.upload(LOG)
    kept = b"".join(bytes(sealed) for sealed in [*sheet.parts.values_list("sealed", flat=True), fresh(sheet).sealed])
    assert (b"Amina" in kept, b"Data" in kept, b"affitto" in kept) == (False, False, False)
    sheet = way.check_again(sheet)
    way.start(sheet)
    work()
    sheet = fresh(sheet)
    assert (sheet.parts.count(), sheet.lookalikes.count(), bytes(sheet.sealed), sheet.data_key_id) == (0, 0, b"", None)


def test_a_sheet_that_nobody_finishes_is_thrown_away_after_a_week(way: Way) -> None:
    sheet = way.check(LOG)
    assert services.clear_old_sheets() == {"discarded": 0, "forgotten": 0}
    with time_machine.travel(timezone.now() + timedelta(days=8), tick=False):
        assert services.clear_old_sheets() == {"discarded": 1, "forgotten": 0}
    assert (fresh(sheet).state, SheetPart.objects.count(), DataKey.objects.count()) == (State.DISCARDED, 0, 0)


def test_the_form_that_is_sent_twice_uploads_once(way: Way) -> None:
    sheet = way.upload(LOG, once="a-token-of-ours")
    with pytest.raises(AlreadySubmitted) as already:
        way.upload(LOG, once="a-token-of-ours")
    assert (already.value.result, SheetImport.objects.count()) == (str(sheet.pk), 1)


def test_the_same_file_twice_is_noticed(way: Way) -> None:
    first = way.bring_in(LOG)
    again = way.check(LOG)
    assert services.same_file(again) == first
    with pytest.raises(services.SameFileWentIn) as refusal:
        way.start(again)
    assert refusal.value.other == first
    way.start(again, again=True)
    work()
    assert Contact.objects.count() == 6


def test_what_was_said_once_is_offered_again_for_the_same_headings(way: Way) -> None:
    sheet = way.upload(LOG)
    told = services.choices_of(fresh(sheet))
    columns = told.columns | {"5": "note"}
    sheet = services.choose_columns(
        fresh(sheet), services.Choices(columns), header_row=1, by=way.by, version=sheet.version
    )
    services.choose_values(sheet, {"topic": {"affitto": ""}}, by=way.by)
    work()
    way.start(fresh(sheet))
    work()
    assert SavedMapping.objects.count() == 1
    other = fresh(way.upload([LOG[0], ["9/9/2025", "Sara Neri", "", "", "affitto", "", "", ""]]))
    assert services.choices_of(other).columns == columns
    assert services.values_of(other) == {"topic": {"affitto": ""}}
    stranger = fresh(way.upload([[*LOG[0], "Altro"], [*LOG[1], "x"]]))
    assert services.choices_of(stranger).columns != columns


# --- Order ------------------------------------------------------------------------------------------------


def test_another_import_of_the_lab_makes_a_check_old(way: Way) -> None:
    one, other = way.check(LOG), way.check(REGISTER, "register")
    way.start(one)
    with pytest.raises(services.AnotherAtWork):
        way.start(other)
    work()
    with pytest.raises(services.CheckIsOld):
        way.start(fresh(other))
    services.check_again(fresh(other), by=way.by, version=fresh(other).version)
    work()
    assert list(fresh(other).lookalikes.values_list("why", "choice")) == [("phone", "join")]
    way.start(fresh(other))
    work()
    assert fresh(other).state == State.DONE


def test_a_check_of_yesterday_is_made_again(way: Way) -> None:
    sheet = way.check(LOG)
    with time_machine.travel(timezone.now() + timedelta(hours=25), tick=False), pytest.raises(services.CheckIsOld):
        way.start(sheet)


def test_a_page_of_before_does_not_act(way: Way) -> None:
    sheet = way.check(LOG)
    stale = sheet.version
    way.start(sheet)
    with pytest.raises(services.ChangedElsewhere):
        services.start_import(sheet, by=way.by, version=stale)
    with pytest.raises(services.NotNow):
        services.discard_sheet(fresh(sheet), by=way.by)
    assert DueWork.objects.filter(done_at=None, kind="spreadsheets.work").count() == 1


@pytest.mark.parametrize("state", State.values)
def test_every_state_may_only_be_followed_by_those_of_the_table(way: Way, state: str) -> None:
    for target in State.values:
        sheet = SheetImport(lab=way.lab, state=state)
        if target in SheetImport.ALLOWED[state]:
            services.change_state(sheet, target)
            assert sheet.state == target
        else:
            with pytest.raises(services.NotNow):
                services.change_state(sheet, target)


def test_a_check_that_is_stopped_writes_nothing_more(way: Way) -> None:
    sheet = way.upload(LOG)
    services.choose_values(sheet, {}, by=way.by)
    services.discard_sheet(sheet, by=way.by)
    work()
    assert (fresh(sheet).state, SheetPart.objects.count()) == (State.DISCARDED, 0)


def test_the_audit_says_what_happened_with_numbers_and_no_words(way: Way, mazzini: Lab) -> None:
    sheet = way.bring_in(LOG)
    acts = AuditEntry.objects.of_lab(mazzini.pk).filter(object_id=str(sheet.pk)).order_by("position")
    assert [act.verb for act in acts] == [
        *("spreadsheet.upload", "spreadsheet.explain", "spreadsheet.checking", "spreadsheet.check"),
        *("spreadsheet.importing", "person.register_many", "contact.record_past", "spreadsheet.finish"),
    ]
    assert acts.get(verb="contact.record_past").detail == {"contacts": 3, "needs": 3, "answers": 1}
    assert "Amina" not in str([act.detail for act in acts])


def test_a_failure_takes_back_what_had_come_in(way: Way, mazzini: Lab) -> None:
    """The last part cannot be opened; those before it were written."""
    rows = [HEADINGS, *(row(f"{1 + n % 28}/5/2025", f"Nome Cognome{n}", Argomento="affitto") for n in range(450))]
    sheet = way.check(rows)
    way.start(sheet)
    spoiled = sheet.parts.filter(holds="rows").order_by("-number")[0]
    SheetPart.objects.filter(pk=spoiled.pk).update(sealed=b"spoiled" * 9)
    for attempt in range(3):
        with time_machine.travel(timezone.now() + timedelta(minutes=20 * attempt), tick=False):
            do_next_work()
    sheet = fresh(sheet)
    assert (sheet.state, Contact.objects.count(), Person.objects.count()) == (State.FAILED, 0, 0)
    assert ImportedRow.objects.count() == 0
    assert AuditEntry.objects.filter(verb="spreadsheet.failed").count() == 1


def test_a_whole_messy_log_comes_in(way: Way, mazzini: Lab, dice: random.Random) -> None:
    make_user("Anna Colombo", mazzini, "desk")
    sheet = way.bring_in(desk_log(dice, 300, today=TODAY))
    assert (sheet.state, sheet.wrong, Contact.objects.count()) == (State.DONE, 0, 300)
    assert Answer.objects.filter(need__contact__in=Contact.objects.all()).count() == Answer.objects.count()
    assert Need.objects.still_open().filter(owner=None).count() == 0
    assert list(verify_chains()) == []


def test_a_person_added_at_the_desk_meanwhile_is_still_there(way: Way, mazzini: Lab, anna: User) -> None:
    sheet = way.check(LOG)
    point = add_contact_point(known(mazzini, anna), by=anna, kind="phone", value="02 123 4567")
    way.start(sheet)
    work()
    assert (Person.objects.count(), ContactPoint.objects.filter(pk=point.pk).exists()) == (2, True)
