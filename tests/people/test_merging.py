"""Two files of one person become one, and two again."""

import threading
import time
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from ballatoio.base.accounts.models import AccessCode, Role, User
from ballatoio.base.accounts.services import issue_code
from ballatoio.base.audit.models import AuditEntry
from ballatoio.base.core.conflicts import ChangedElsewhere
from ballatoio.base.jobs.models import DueWork
from ballatoio.base.jobs.services import AlreadySubmitted, do_next_work
from ballatoio.base.labs.models import Lab
from ballatoio.base.notices.services import Text, notify_person
from ballatoio.base.people.households import (
    house_household,
    household_of,
    household_view,
    join_household,
    separate_person,
)
from ballatoio.base.people.lookup import search_people
from ballatoio.base.people.merge_rows import CannotBeMerged, belongings
from ballatoio.base.people.merging import (
    MergeIsNotTheLast,
    MustBeConfirmed,
    files_of,
    find_kept,
    follow_merge,
    merge_people,
    undo_merge,
    unlink_account,
)
from ballatoio.base.people.models import (
    ContactPoint,
    EntrySnapshot,
    Household,
    HouseholdDwelling,
    HouseholdMember,
    Person,
    PersonIdentifier,
    PersonKey,
    PersonMerge,
)
from ballatoio.base.people.services import (
    add_contact_point,
    amend_person,
    record_consent,
    record_entry_snapshot,
    register_person,
    set_identifier,
)
from ballatoio.base.vault.models import DataKey
from ballatoio.base.vault.services import open_texts
from ballatoio.care.desk.models import Contact, Need
from tests.factories import make_contact, make_lab, make_user

from .conftest import fresh, make_dwelling, merge

pytestmark = pytest.mark.django_db
SIGN_IN = AccessCode.Purpose.SIGN_IN


def owned(person: Person) -> dict[str, int]:
    """How many records of each kind belong to a person."""
    counts = {
        model._meta.label: model._base_manager.filter(**{field.name: person}).count() for model, field in belongings()
    }
    return {label: number for label, number in counts.items() if number}


@pytest.fixture
def mohamed(mazzini: Lab, anna: User) -> Person:
    """The file that stays."""
    return register_person(
        mazzini,
        by=anna,
        given_name="Mohamed",
        family_name="Haddad",
        birth_year=1980,
        languages_spoken=["ar"],
        notes="Ama il tè.",
        phone="333 1234567",
    )


@pytest.fixture
def muhammad(mazzini: Lab, anna: User) -> Person:
    """The same man, written down a second time."""
    person = register_person(
        mazzini,
        by=anna,
        given_name="محمد",
        family_name="حداد",
        pronounced="Muhammad Haddad",
        birth_date=date(1980, 5, 3),
        languages_spoken=["ar", "fr"],
        notes="Viene il martedì.",
        phone="333 7654321",
    )
    make_contact(mazzini, anna, person=person)
    return person


# --- What moves ---------------------------------------------------------------------------------------------


def test_everything_of_the_one_belongs_to_the_other(
    mohamed: Person, muhammad: Person, anna: User, mazzini: Lab
) -> None:
    record_consent(muhammad, by=anna, scope="recall", text_version="1", how="spoken")
    set_identifier(muhammad, by=anna, kind="document", value="CA1")
    record_entry_snapshot(muhammad, by=anna, operation="9.4", has_earlier_contact=True, values={})
    join_household(muhammad, by=anna)
    code, _ = issue_code(muhammad, purpose=SIGN_IN, lab=mazzini, valid_for=timedelta(days=1), by=anna)
    before = owned(muhammad)
    merge(mohamed, muhammad, anna)
    assert owned(muhammad) == {}
    assert owned(mohamed) == {**before, "people.ContactPoint": 2}
    assert set(before) == {
        "desk.Contact",
        "desk.Need",
        "people.ContactPoint",
        "people.Consent",
        "people.PersonIdentifier",
        "people.EntrySnapshot",
        "people.HouseholdMember",
    }
    code.refresh_from_db()
    assert code.object_id == mohamed.pk


def test_every_room_that_names_a_person_says_what_it_keeps_of_them() -> None:
    """So that whoever merges reads what moves.

    A message tells that somebody follows the person, which nobody may count; what an import compares is no record.
    """
    silent = {model._meta.label for model, _field in belongings() if not hasattr(model, "counted_as")}
    assert silent == {"desk.Message", "spreadsheets.Lookalike"}


def test_what_is_said_of_both_is_chosen_and_the_rest_completes_it(
    mohamed: Person, muhammad: Person, anna: User
) -> None:
    merge(mohamed, muhammad, anna, choices={"family_name": "merged", "languages_spoken": "both", "notes": "both"})
    kept = fresh(mohamed)
    assert (kept.given_name, kept.family_name, kept.pronounced) == ("Mohamed", "حداد", "Muhammad Haddad")
    # The year of the one is no other answer than the date of the other.
    assert (kept.birth_date, kept.birth_year) == (date(1980, 5, 3), 1980)
    assert kept.languages_spoken == ["ar", "fr"]
    assert open_texts(kept)["notes"] == "Ama il tè.\nViene il martedì."


def test_unless_chosen_the_kept_file_is_right(mohamed: Person, muhammad: Person, anna: User) -> None:
    merge(mohamed, muhammad, anna)
    kept = fresh(mohamed)
    assert (kept.given_name, kept.languages_spoken) == ("Mohamed", ["ar"])
    assert open_texts(kept)["notes"] == "Ama il tè."


def test_the_last_day_on_which_either_was_seen_counts(mohamed: Person, muhammad: Person, anna: User) -> None:
    Person.objects.filter(pk=mohamed.pk).update(last_seen_on=date(2024, 1, 1))
    Person.objects.filter(pk=muhammad.pk).update(last_seen_on=date(2026, 1, 1))
    merge(mohamed, muhammad, anna)
    assert fresh(mohamed).last_seen_on == date(2026, 1, 1)


def test_the_merged_file_is_found_nowhere_and_its_names_find_the_kept_one(
    mohamed: Person, muhammad: Person, anna: User, mazzini: Lab
) -> None:
    merge(mohamed, muhammad, anna)
    assert not PersonKey.objects.filter(person=muhammad).exists()
    for typed in ("محمد حداد", "muhammad", "mohamed haddad", "333 765", "333 123"):
        assert search_people(anna, mazzini, typed) == [mohamed], typed
    assert list(Person.objects.visible_to(anna)) == [mohamed]
    assert list(Person.objects.of_lab(mazzini)) == [mohamed]


def test_contacts_are_searched_by_the_name_that_stays(mohamed: Person, muhammad: Person, anna: User) -> None:
    merge(mohamed, muhammad, anna)
    while do_next_work():
        pass
    assert not DueWork.objects.filter(attempts__gt=0, done_at=None).exists()
    assert "mohamed" in Contact.objects.get().search_words
    assert "محمد" not in Contact.objects.get().search_words


def test_an_account_goes_along(mohamed: Person, muhammad: Person, anna: User, farid: User) -> None:
    Person.objects.filter(pk=muhammad.pk).update(user=farid)
    merge(mohamed, muhammad, anna)
    assert (fresh(mohamed).user, fresh(muhammad).user) == (farid, None)


# --- What both have -----------------------------------------------------------------------------------------


def test_of_the_same_number_the_more_careful_way_to_use_it_stays(mohamed: Person, muhammad: Person, anna: User) -> None:
    add_contact_point(mohamed, by=anna, kind="phone", value="345 000 0000", hours="")
    add_contact_point(
        muhammad, by=anna, kind="phone", value="+39 345 0000000", is_shared=True, safe_to_call=False, hours="la sera"
    )
    merge(mohamed, muhammad, anna)
    point = ContactPoint.objects.get(person=mohamed, value="+39 345 000 0000")
    assert (point.is_shared, point.safe_to_call, point.no_voicemail, point.hours) == (True, False, False, "la sera")
    assert ContactPoint.objects.filter(person=muhammad).count() == 1


def test_a_message_that_waits_for_the_same_number_goes_on_by_the_kept_one(
    mohamed: Person, muhammad: Person, anna: User
) -> None:
    kept = add_contact_point(mohamed, by=anna, kind="email", value="m@example.org")
    other = add_contact_point(muhammad, by=anna, kind="email", value="m@example.org")
    text = Text("Ciao", "Ti aspettiamo il 3 maggio alle 10, in via Mompiani 4.", "Chiamaci.")
    waiting = notify_person(
        muhammad, kind="test", key="1", compose=lambda: text, about=muhammad, by=anna, wanted="email"
    )
    assert waiting is not None and waiting.point_id == other.pk
    done = merge(mohamed, muhammad, anna)
    waiting.refresh_from_db()
    assert (waiting.person, waiting.point_id) == (mohamed, kept.pk)
    undo_merge(done, by=anna)
    waiting.refresh_from_db()
    assert (waiting.person, waiting.point_id) == (muhammad, other.pk)


def test_the_same_document_is_there_once_even_after_a_change_of_the_master_key(
    mohamed: Person, muhammad: Person, anna: User
) -> None:
    kept = set_identifier(mohamed, by=anna, kind="document", value="CA 123")
    other = set_identifier(muhammad, by=anna, kind="document", value="ca123")
    PersonIdentifier.objects.filter(pk=other.pk).update(key_id="older", blind_index=b"older")
    merge(mohamed, muhammad, anna)
    assert list(PersonIdentifier.objects.filter(person=mohamed)) == [kept]
    assert list(PersonIdentifier.objects.filter(person=muhammad)) == [other]


@pytest.mark.parametrize("kept_first", [True, False])
def test_of_two_sheets_for_one_project_the_earlier_counts(
    mohamed: Person, muhammad: Person, anna: User, kept_first: bool
) -> None:
    for person, operation, day in ((mohamed, "9.4.2 a", 5), (muhammad, "9.4.2 A", 3 if not kept_first else 7)):
        sheet = record_entry_snapshot(person, by=anna, operation=operation, has_earlier_contact=True, values={})
        EntrySnapshot.objects.filter(pk=sheet.pk).update(entered_on=date(2026, 1, day))
    record_entry_snapshot(muhammad, by=anna, operation="altro", has_earlier_contact=True, values={})
    before = list(EntrySnapshot.objects.order_by("pk").values())
    done = merge(mohamed, muhammad, anna)
    sheets = EntrySnapshot.objects.filter(person=mohamed).order_by("operation").values_list("operation", flat=True)
    assert list(sheets) == (["9.4.2 a", "altro"] if kept_first else ["9.4.2 A", "altro"])
    undo_merge(done, by=anna)
    assert list(EntrySnapshot.objects.order_by("pk").values()) == before


def test_of_two_homes_the_chosen_one_stays_and_the_other_has_been_theirs_until_today(
    mohamed: Person, muhammad: Person, haddad: Household, anna: User
) -> None:
    alone = join_household(mohamed, by=anna, since=date(2020, 1, 1)).household
    house_household(alone, make_dwelling(haddad.lab, "via Odazio", "7"), by=anna)
    join_household(muhammad, haddad, by=anna)
    done = merge(mohamed, muhammad, anna, choices={"home": "merged"})
    today = timezone.localdate()
    assert household_of(fresh(mohamed)) == haddad
    assert HouseholdMember.objects.get(household=alone).until == today
    assert HouseholdDwelling.objects.get(household=alone).until == today, "nobody lives there any more"
    undo_merge(done, by=anna)
    assert household_of(fresh(mohamed)) == alone
    assert HouseholdDwelling.objects.get(household=alone).until is None


def test_two_accounts_are_not_merged_and_the_way_out_works(
    mohamed: Person, muhammad: Person, anna: User, farid: User, dario: User
) -> None:
    Person.objects.filter(pk=mohamed.pk).update(user=dario)
    Person.objects.filter(pk=muhammad.pk).update(user=farid)
    with pytest.raises(CannotBeMerged, match="Togli l’accesso alla sua pagina"):
        merge(mohamed, muhammad, anna)
    unlink_account(muhammad, by=anna)
    assert not User.objects.filter(pk=farid.pk).exists()
    merge(mohamed, muhammad, anna)
    assert fresh(mohamed).user == dario


# --- What cannot be merged ----------------------------------------------------------------------------------


def test_files_of_two_labs_stay_two(mohamed: Person, anna: User) -> None:
    other = register_person(make_lab("milo"), by=None, given_name="Mohamed")
    with pytest.raises(CannotBeMerged, match="laboratori diversi"):
        merge(mohamed, other, anna)


def test_another_birthday_or_codice_fiscale_has_to_be_confirmed(mohamed: Person, muhammad: Person, anna: User) -> None:
    amend_person(mohamed, by=anna, version=1, birth_date=date(1980, 3, 5))
    set_identifier(mohamed, by=anna, kind="fiscal_code", value="RSSMRA80C05F205O")
    set_identifier(muhammad, by=anna, kind="fiscal_code", value="RSSMRA80E03F205M")
    with pytest.raises(MustBeConfirmed) as refused:
        merge(mohamed, muhammad, anna)
    assert refused.value.reasons == [
        "Sono nate in giorni diversi: il 5/3/1980 e il 3/5/1980.",
        "Hanno due codici fiscali diversi.",
    ]
    merge(mohamed, muhammad, anna, confirmed=True)
    assert PersonIdentifier.objects.filter(person=mohamed).count() == 2


def test_a_file_changed_since_it_was_looked_at_is_not_merged(mohamed: Person, muhammad: Person, anna: User) -> None:
    amend_person(muhammad, by=anna, version=1, given_name="Mahmoud")
    for versions in ((1, 1), (2, 2)):
        with pytest.raises(ChangedElsewhere):
            merge(mohamed, muhammad, anna, versions=versions)
    assert owned(muhammad)["desk.Contact"] == 1


def test_a_form_sent_twice_counts_once(mohamed: Person, muhammad: Person, anna: User) -> None:
    done = merge(mohamed, muhammad, anna, once="abc")
    with pytest.raises(AlreadySubmitted) as again:
        merge(mohamed, muhammad, anna, once="abc")
    assert again.value.result == str(done.pk)


def test_a_file_merged_already_says_so_and_nothing_is_lost(mohamed: Person, muhammad: Person, anna: User) -> None:
    merge(mohamed, muhammad, anna)
    for kept, merged in ((mohamed, muhammad), (muhammad, mohamed)):
        with pytest.raises(CannotBeMerged, match="già stata unita"):
            merge(kept, merged, anna)
    assert owned(mohamed)["desk.Contact"] == 1


# --- Protected people ---------------------------------------------------------------------------------------


def test_a_protected_file_is_merged_by_the_coordinator_alone(
    mohamed: Person, muhammad: Person, anna: User, elena: User
) -> None:
    separate_person(mohamed, by=anna)
    with pytest.raises(CannotBeMerged, match="chiedi a chi coordina"):
        merge(mohamed, muhammad, anna)
    merge(mohamed, muhammad, elena)
    assert fresh(mohamed).is_protected


@pytest.mark.parametrize("kept_is_protected", [True, False])
def test_the_other_file_of_a_protected_person_is_brought_to_safety_first(
    haddad: Household, amal: Person, karim: Person, elena: User, mazzini: Lab, kept_is_protected: bool
) -> None:
    """Amal hides from Karim: the file that Karim knows must not lead to the new one."""
    hidden = register_person(mazzini, by=elena, given_name="Amal", phone="340 999 9999")
    separate_person(hidden, by=elena)
    add_contact_point(amal, by=elena, kind="phone", value="02 111 1111", is_shared=True)
    code, _ = issue_code(amal, purpose=SIGN_IN, lab=mazzini, valid_for=timedelta(days=1), by=elena)
    kept, merged = (hidden, amal) if kept_is_protected else (amal, hidden)
    done = merge(kept, merged, elena)
    assert fresh(kept).is_protected
    assert household_of(fresh(kept)) is None
    assert list(household_view(haddad, elena)) == [karim]
    assert not AccessCode.objects.usable().filter(pk=code.pk).exists()
    assert "+39 02 111 1111" not in ContactPoint.objects.values_list("value", flat=True)
    undo_merge(done, by=elena)
    assert (fresh(kept).is_protected, fresh(merged).is_protected) == (True, True)
    assert list(household_view(haddad, elena)) == [karim], "safety is not undone with the merge"


def test_who_lived_with_a_protected_person_merges_nothing_of_theirs(
    haddad: Household, amal: Person, karim: Person, mazzini: Lab, elena: User
) -> None:
    """Karim came to coordinate the lab."""
    coordinator = make_user("Karim", mazzini, Role.COORDINATOR)
    Person.objects.filter(pk=karim.pk).update(user=coordinator)
    separate_person(amal, by=elena)
    twin = register_person(mazzini, by=elena, given_name="Amal")
    with pytest.raises(CannotBeMerged, match="decide qualcun altro"):
        merge(twin, amal, coordinator)


def test_who_was_protected_after_the_merge_is_protected_on_both_files_after_its_undoing(
    haddad: Household, amal: Person, karim: Person, mazzini: Lab, elena: User, anna: User
) -> None:
    twin = register_person(mazzini, by=anna, given_name="Amal")
    done = merge(twin, amal, anna)
    separate_person(twin, by=anna)
    with pytest.raises(MergeIsNotTheLast, match="chiedi a chi coordina"):
        undo_merge(done, by=anna)
    undo_merge(done, by=elena)
    assert fresh(amal).is_protected
    assert not HouseholdMember.objects.filter(person=amal, until=None).exists()


# --- Undoing ------------------------------------------------------------------------------------------------


def test_undoing_leaves_what_came_since_with_the_kept_file(
    mohamed: Person, muhammad: Person, anna: User, mazzini: Lab
) -> None:
    done = merge(mohamed, muhammad, anna)
    old = Contact.objects.get()
    new = make_contact(mazzini, anna, person=mohamed)
    undone = undo_merge(done, by=anna)
    assert (undone.later, undone.merge.undone_by) == (0, anna)
    assert {contact.pk: contact.person for contact in Contact.objects.all()} == {old.pk: muhammad, new.pk: mohamed}
    assert search_people(anna, mazzini, "333 765") == [muhammad]
    assert "changes" not in open_texts(PersonMerge.objects.select_related("data_key").get(pk=done.pk))


def test_what_somebody_changed_since_is_not_overwritten(mohamed: Person, muhammad: Person, anna: User) -> None:
    third = register_person(mohamed.lab, by=anna, given_name="Terzo")
    done = merge(mohamed, muhammad, anna, choices={"given_name": "merged"})
    contact = Contact.objects.get()
    Contact.objects.filter(pk=contact.pk).update(person=third)
    kept = fresh(mohamed)
    amend_person(kept, by=anna, version=kept.version, given_name="Momo", texts={"notes": "Un’altra cosa."})
    assert undo_merge(done, by=anna).later == 2
    contact.refresh_from_db()
    assert contact.person == third
    assert fresh(mohamed).given_name == "Momo"
    assert open_texts(fresh(mohamed))["notes"] == "Un’altra cosa."


def test_an_account_closed_since_does_not_come_back(mohamed: Person, muhammad: Person, anna: User, farid: User) -> None:
    Person.objects.filter(pk=muhammad.pk).update(user=farid)
    done = merge(mohamed, muhammad, anna)
    unlink_account(mohamed, by=anna)
    assert undo_merge(done, by=anna).later == 2
    assert fresh(muhammad).user is None


def test_a_home_found_since_stays(mohamed: Person, muhammad: Person, anna: User) -> None:
    join_household(mohamed, by=anna, since=date(2020, 1, 1))
    join_household(muhammad, by=anna, since=date(2020, 1, 1))
    done = merge(mohamed, muhammad, anna, choices={"home": "merged"})
    HouseholdMember.objects.filter(person=mohamed, until=None).update(until=timezone.localdate())
    new = join_household(mohamed, by=anna).household
    undo_merge(done, by=anna)
    assert household_of(fresh(mohamed)) == new


def test_merges_are_undone_in_the_opposite_order(mohamed: Person, muhammad: Person, anna: User, mazzini: Lab) -> None:
    third = register_person(mazzini, by=anna, given_name="Mohammed", family_name="Hadad")
    first = merge(mohamed, muhammad, anna)
    second = merge(third, mohamed, anna)
    assert owned(third)["desk.Contact"] == 1
    assert find_kept(muhammad.pk, mazzini.pk) == third
    assert find_kept(third.pk, mazzini.pk) is None
    assert set(files_of(third)) == {third.pk, mohamed.pk, muhammad.pk}
    assert search_people(anna, mazzini, "محمد") == [third]
    with pytest.raises(MergeIsNotTheLast, match="Mohammed Hadad: annulla prima quella"):
        undo_merge(first, by=anna)
    undo_merge(second, by=anna)
    undo_merge(first, by=anna)
    assert owned(muhammad)["desk.Contact"] == 1
    with pytest.raises(MergeIsNotTheLast, match="già stata annullata"):
        undo_merge(first, by=anna)


def test_two_merges_into_one_file_are_undone_the_later_first(
    mohamed: Person, muhammad: Person, anna: User, mazzini: Lab
) -> None:
    third = register_person(mazzini, by=anna, given_name="Mohammed", family_name="Hadad")
    first = merge(mohamed, muhammad, anna)
    second = merge(mohamed, third, anna)
    with pytest.raises(MergeIsNotTheLast, match="Mohammed Hadad"):
        undo_merge(first, by=anna)
    undo_merge(second, by=anna)
    undo_merge(first, by=anna)


def test_both_acts_are_in_the_log_of_both_files(mohamed: Person, muhammad: Person, anna: User) -> None:
    done = merge(mohamed, muhammad, anna)
    undo_merge(done, by=anna)
    told = AuditEntry.objects.filter(object_type="people.personmerge").order_by("position")
    assert [(entry.verb, entry.subject_id, entry.actor_id) for entry in told] == [
        ("person.merge", mohamed.pk, anna.pk),
        ("person.merge", muhammad.pk, anna.pk),
        ("person.unmerge", mohamed.pk, anna.pk),
        ("person.unmerge", muhammad.pk, anna.pk),
    ]


# --- What is being written down meanwhile -------------------------------------------------------------------


def test_what_arrives_late_for_the_hidden_file_follows_it(
    mohamed: Person, muhammad: Person, anna: User, mazzini: Lab
) -> None:
    done = merge(mohamed, muhammad, anna)
    late = Need.objects.get()
    Need.objects.filter(pk=late.pk).update(person=muhammad)
    DueWork.objects.filter(kind="people.follow_merge").update(due_at=timezone.now())
    while do_next_work():
        pass
    late.refresh_from_db()
    assert late.person == mohamed
    entries = AuditEntry.objects.count()
    follow_merge(done)
    assert AuditEntry.objects.count() == entries
    undo_merge(done, by=anna)
    late.refresh_from_db()
    assert late.person == muhammad
    follow_merge(done)
    late.refresh_from_db()
    assert late.person == muhammad


def test_what_arrives_late_goes_on_to_the_last_file(
    mohamed: Person, muhammad: Person, anna: User, mazzini: Lab
) -> None:
    third = register_person(mazzini, by=anna, given_name="Mohammed")
    first = merge(mohamed, muhammad, anna)
    merge(third, mohamed, anna)
    late = make_contact(mazzini, anna)
    Contact.objects.filter(pk=late.pk).update(person=muhammad)
    follow_merge(first)
    late.refresh_from_db()
    assert late.person == third


@pytest.mark.django_db(transaction=True)
def test_of_two_who_merge_the_same_files_in_opposite_ways_one_wins() -> None:
    if connection.vendor == "sqlite" and connection.is_in_memory_db():  # type: ignore[attr-defined]
        pytest.skip("a database in memory has one connection")
    mazzini = make_lab("mazzini")
    anna = make_user("Anna", mazzini, Role.DESK)
    one, other = (register_person(mazzini, by=anna, given_name=name) for name in ("Uno", "Una"))
    outcomes: list[str] = []
    start = threading.Barrier(2)

    def try_to(kept: Person, merged: Person) -> None:
        start.wait(10)
        try:
            merge_people(kept, merged, by=User.objects.get(pk=anna.pk), versions=(1, 1))
            outcomes.append("merged")
        except CannotBeMerged as refusal:
            outcomes.append(str(refusal))
        finally:
            connection.close()

    threads = [threading.Thread(target=try_to, args=pair) for pair in ((one, other), (other, one))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(outcome[:9] for outcome in outcomes) == ["La scheda", "merged"]
    assert PersonMerge.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_contact_saved_in_the_moment_of_the_merge_is_not_lost() -> None:
    """PostgreSQL lets it wait for the merge, then writes it for the file that is hidden by now."""
    if connection.vendor != "postgresql":
        pytest.skip("on SQLite one transaction at a time writes")
    mazzini = make_lab("mazzini")
    anna = make_user("Anna", mazzini, Role.DESK)
    one, other = (register_person(mazzini, by=anna, given_name=name) for name in ("Uno", "Una"))

    def record() -> None:
        try:
            make_contact(mazzini, User.objects.get(pk=anna.pk), person=other)
        finally:
            connection.close()

    thread = threading.Thread(target=record)
    with transaction.atomic():
        done = merge(one, other, anna)
        thread.start()
        deadline = time.monotonic() + 10
        while not _somebody_waits() and time.monotonic() < deadline:
            time.sleep(0.02)
    thread.join(20)
    follow_merge(done)
    assert Contact.objects.get().person == one


def _somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])


# --- What is forgotten --------------------------------------------------------------------------------------


def test_the_hidden_file_and_what_was_kept_to_undo_are_erased_with_the_kept_one(
    mohamed: Person, muhammad: Person, anna: User, elena: User, mazzini: Lab, retention: Callable[[], None]
) -> None:
    set_identifier(mohamed, by=anna, kind="document", value="CA1")
    set_identifier(muhammad, by=anna, kind="document", value="CA1")
    merge(mohamed, muhammad, anna, reason="Lo ha detto lui.")
    Contact.objects.all().delete()
    Person.objects.update(last_seen_on=date(2020, 1, 1))
    assert DataKey.objects.count() >= 5
    retention()
    assert not Person.objects.exists()
    assert not PersonMerge.objects.exists()
    assert not DataKey.objects.exists()


@pytest.fixture
def retention(mazzini: Lab, elena: User) -> Callable[[], None]:
    """Let the rule about people take its effect."""
    from ballatoio.oversight.privacy.models import RetentionRule
    from ballatoio.oversight.privacy.services import erase_expired

    def run() -> None:
        RetentionRule.objects.create(
            lab=mazzini, kind="person", months=12, source="Delibera 1", decided_on=date(2020, 1, 1),
            effective_on=date(2020, 1, 1),
        )  # fmt: skip
        while erase_expired(mazzini):
            pass

    return run
