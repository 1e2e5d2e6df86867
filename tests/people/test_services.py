"""What can happen to a person's file."""

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from ballatoio.base.accounts.models import User
from ballatoio.base.audit.models import AuditEntry
from ballatoio.base.core.conflicts import ChangedElsewhere
from ballatoio.base.jobs.services import AlreadySubmitted
from ballatoio.base.labs.models import Lab
from ballatoio.base.people.models import (
    Consent,
    ContactPoint,
    EntrySnapshot,
    Person,
    PersonIdentifier,
    PersonKey,
    SensitiveSnapshot,
)
from ballatoio.base.people.phones import NotAPhone
from ballatoio.base.people.services import (
    BirthIsImpossible,
    FiscalCodeDoesNotMatch,
    FiscalCodeIsWrong,
    NotAnEmail,
    PersonNeedsAName,
    TooEarlyToAsk,
    add_contact_point,
    amend_person,
    read_identifier,
    read_person,
    record_consent,
    record_entry_snapshot,
    register_person,
    remove_contact_point,
    set_identifier,
    withdraw_consent,
)
from ballatoio.base.vault.models import DataKey
from ballatoio.base.vault.services import open_texts

pytestmark = pytest.mark.django_db
FISCAL = PersonIdentifier.Kind.FISCAL_CODE


def verbs() -> list[str]:
    return list(AuditEntry.objects.order_by("at", "position").values_list("verb", flat=True))


def keys_of(person: Person) -> set[str]:
    return set(PersonKey.objects.filter(person=person).values_list("key", flat=True))


def test_register_keeps_what_was_said_and_leaves_a_trace(amal: Person, anna: User) -> None:
    kept = Person.objects.get(pk=amal.pk)
    assert (kept.given_name, kept.birth_year, kept.languages_read) == ("Amal", 1987, ["ar"])
    assert b"piano" not in bytes(kept.sealed)
    assert ContactPoint.objects.get(person=kept).value == "+39 333 123 4567"
    alone = {"amal", "haddad", "3331234567", "~aml", "~ad"}
    assert keys_of(kept) == alone | {"+ama haddad", "+had amal", "~ad aml", "~ad aml 1987"}
    entry = AuditEntry.objects.get()
    assert (entry.verb, entry.actor_id, entry.subject_id, entry.detail) == ("person.register", anna.pk, amal.pk, {})


@pytest.mark.parametrize(
    ("facts", "problem"),
    [
        ({}, PersonNeedsAName),
        ({"given_name": "  "}, PersonNeedsAName),
        ({"given_name": "Li", "birth_year": 1850}, BirthIsImpossible),
        ({"given_name": "Li", "birth_date": date(1850, 1, 1)}, BirthIsImpossible),
        ({"given_name": "Li", "phone": "call me"}, NotAPhone),
    ],
)
def test_register_refuses_what_cannot_be(
    mazzini: Lab, anna: User, facts: dict[str, object], problem: type[Exception]
) -> None:
    with pytest.raises(problem):
        register_person(mazzini, by=anna, **facts)  # type: ignore[arg-type]
    assert (Person.objects.count(), DataKey.objects.count(), verbs()) == (0, 0, [])


def test_nobody_is_born_tomorrow(mazzini: Lab, anna: User) -> None:
    with pytest.raises(BirthIsImpossible, match="deve ancora venire"):
        register_person(mazzini, by=anna, given_name="Li", birth_date=timezone.localdate() + timedelta(days=1))


def test_a_double_click_opens_one_file(mazzini: Lab, anna: User) -> None:
    first = register_person(mazzini, by=anna, given_name="Li", once="abc")
    with pytest.raises(AlreadySubmitted) as again:
        register_person(mazzini, by=anna, given_name="Li", once="abc")
    assert again.value.result == str(first.pk)
    assert Person.objects.count() == 1


def test_amend_changes_names_and_what_they_are_found_by(amal: Person, anna: User) -> None:
    changed = amend_person(amal, by=anna, version=1, texts={"notes": "Adesso capisce tutto."}, family_name="El Hadad")
    assert (changed.version, changed.family_name) == (2, "El Hadad")
    assert keys_of(amal) >= {"el", "hadad", "elhadad", "3331234567"}
    assert "haddad" not in keys_of(amal)
    assert read_person(Person.objects.get(pk=amal.pk), by=anna) == {
        "notes": "Adesso capisce tutto.",
        "accessibility": "",
    }
    assert verbs()[-2:] == ["person.amend", "person.read"]
    assert AuditEntry.objects.get(verb="person.amend").detail == {"fields": ["family_name", "notes"]}


def test_two_operators_never_overwrite_each_other(amal: Person, anna: User) -> None:
    amend_person(amal, by=anna, version=1, given_name="Amàl")
    with pytest.raises(ChangedElsewhere) as conflict:
        amend_person(amal, by=anna, version=1, given_name="Amalia")
    assert conflict.value.current.given_name == "Amàl"
    assert Person.objects.get(pk=amal.pk).given_name == "Amàl"


def test_amend_takes_facts_only(amal: Person, anna: User) -> None:
    with pytest.raises(TypeError):
        amend_person(amal, by=anna, version=1, is_protected=True)


def test_reading_a_file_is_recorded(amal: Person, elena: User) -> None:
    assert read_person(amal, by=elena)["notes"] == "Parla piano."
    entry = AuditEntry.objects.get(verb="person.read")
    assert (entry.is_reading, entry.actor_id, entry.actor_role, entry.subject_id) == (
        True,
        elena.pk,
        "coordinator",
        amal.pk,
    )


def test_a_file_whose_key_is_gone_still_opens(amal: Person, anna: User) -> None:
    DataKey.objects.filter(pk=amal.data_key_id).delete()
    assert read_person(Person.objects.get(pk=amal.pk), by=anna) == {"notes": "", "accessibility": ""}


def test_the_same_number_twice_is_one_contact_point(amal: Person, anna: User) -> None:
    add_contact_point(amal, by=anna, kind="phone", value="+39 333.12.34.567", is_shared=True, hours="mattina")
    point = ContactPoint.objects.get(person=amal)
    assert (point.value, point.is_shared, point.hours) == ("+39 333 123 4567", True, "mattina")


@pytest.mark.parametrize(
    ("kind", "value", "problem", "sentence"),
    [
        ("phone", "333 pippo", NotAPhone, "contiene lettere"),
        ("messenger", "12", NotAPhone, "troppe cifre o troppo poche"),
        ("phone", "3" * 30, NotAPhone, "troppe cifre o troppo poche"),
        ("email", "amal at example", NotAnEmail, "non è un indirizzo e-mail"),
    ],
)
def test_a_wrong_contact_point_is_one_clear_sentence(
    amal: Person, anna: User, kind: str, value: str, problem: type[Exception], sentence: str
) -> None:
    with pytest.raises(problem, match=sentence):
        add_contact_point(amal, by=anna, kind=kind, value=value)
    assert ContactPoint.objects.filter(person=amal).count() == 1


def test_a_removed_number_finds_nobody(amal: Person, anna: User) -> None:
    remove_contact_point(ContactPoint.objects.select_related("person").get(person=amal), by=anna)
    assert "3331234567" not in keys_of(amal)
    assert AuditEntry.objects.get(verb="contact_point.remove").subject_id == amal.pk


def test_a_foreign_number_is_found_with_and_without_its_country(amal: Person, anna: User) -> None:
    add_contact_point(amal, by=anna, kind="messenger", value="+34 612 345 678")
    assert {"612345678", "34612345678"} <= keys_of(amal)


AMAL_CODE = "HDDMLA87C45Z229C"


def test_a_fiscal_code_is_sealed_and_takes_the_place_of_the_old(mazzini: Lab, anna: User) -> None:
    mario = register_person(mazzini, by=anna, given_name="Mario", birth_date=date(1980, 1, 1))
    first = set_identifier(mario, by=anna, kind=FISCAL, value="rssmra 80a01 f205x")
    assert b"RSSMRA" not in bytes(first.sealed) + bytes(first.blind_index)
    assert read_identifier(first, by=anna) == "RSSMRA80A01F205X"
    assert set_identifier(mario, by=anna, kind=FISCAL, value="RSSMRA80A01F205X").kind == FISCAL
    set_identifier(mario, by=anna, kind=FISCAL, value="RSSMRA80A01F20RS")
    kept = PersonIdentifier.objects.get(person=mario)
    assert open_texts(kept) == {"value": "RSSMRA80A01F20RS"}
    assert DataKey.objects.count() == 1
    assert AuditEntry.objects.filter(verb="identifier.read", is_reading=True).count() == 1


def test_a_code_that_does_not_match_names_both_dates(mazzini: Lab, anna: User) -> None:
    mario = register_person(mazzini, by=anna, given_name="Mario", birth_date=date(1981, 3, 2))
    with pytest.raises(FiscalCodeDoesNotMatch) as problem:
        set_identifier(mario, by=anna, kind=FISCAL, value="RSSMRA80A01F205X")
    assert "01/01/1980" in str(problem.value)
    assert "02/03/1981" in str(problem.value)
    assert PersonIdentifier.objects.count() == 0


def test_a_code_is_checked_against_the_year_alone(mazzini: Lab, anna: User) -> None:
    mario = register_person(mazzini, by=anna, given_name="Mario", birth_year=1981)
    with pytest.raises(FiscalCodeDoesNotMatch, match="1981"):
        set_identifier(mario, by=anna, kind=FISCAL, value="RSSMRA80A01F205X")
    old = register_person(mazzini, by=anna, given_name="Maria", birth_year=1980)
    assert set_identifier(old, by=anna, kind=FISCAL, value="RSSMRA80A01F205X").person == old


@pytest.mark.parametrize("value", ["RSSMRA80A01F205Y", "pippo", "", "12345678901", "RSSMRA80A01F205X" * 3])
def test_a_wrong_fiscal_code_says_so(mazzini: Lab, anna: User, value: str) -> None:
    mario = register_person(mazzini, by=anna, given_name="Mario")
    with pytest.raises(FiscalCodeIsWrong):
        set_identifier(mario, by=anna, kind=FISCAL, value=value)


def test_a_provisional_code_of_eleven_digits_is_taken(amal: Person, anna: User) -> None:
    assert read_identifier(set_identifier(amal, by=anna, kind=FISCAL, value="00743110157"), by=anna) == "00743110157"


def test_several_documents_stand_side_by_side(amal: Person, anna: User) -> None:
    for value in ("CA123", "ca 123", "YA999"):
        set_identifier(amal, by=anna, kind="document", value=value)
    assert PersonIdentifier.objects.filter(person=amal).count() == 2


def test_a_consent_can_be_withdrawn_once(amal: Person, anna: User) -> None:
    consent = record_consent(amal, by=anna, scope="recall", text_version="2026-01", how=Consent.How.SPOKEN)
    withdraw_consent(consent, by=anna)
    again = withdraw_consent(consent, by=anna, on=date(2030, 1, 1))
    assert again.withdrawn_on == timezone.localdate()
    assert AuditEntry.objects.filter(verb__startswith="consent.").count() == 2


def test_a_fund_asks_nothing_at_a_first_contact(amal: Person, anna: User) -> None:
    with pytest.raises(TooEarlyToAsk):
        record_entry_snapshot(amal, by=anna, operation="9.4.2", has_earlier_contact=False, values={})
    assert EntrySnapshot.objects.count() == 0


def test_coming_back_does_not_make_a_second_participant(amal: Person, anna: User) -> None:
    values = {"gender": "woman", "employment": "refused"}
    first = record_entry_snapshot(
        amal, by=anna, operation="9.4.2", has_earlier_contact=True, values=values, sensitive={"migrant": "yes"}
    )
    again = record_entry_snapshot(amal, by=anna, operation="9.4.2", has_earlier_contact=True, values={"gender": "man"})
    assert (again.pk, again.gender, again.education) == (first.pk, "woman", "not_asked")
    apart = SensitiveSnapshot.objects.get()
    assert (open_texts(apart), apart.asked_on) == ({"migrant": "yes"}, timezone.localdate())


@pytest.mark.parametrize("wrong", [{"values": {"gender": "x"}}, {"values": {}, "sensitive": {"migrant": "perhaps"}}])
def test_a_value_outside_its_list_is_refused(amal: Person, anna: User, wrong: dict[str, dict[str, str]]) -> None:
    with pytest.raises(ValueError):
        record_entry_snapshot(amal, by=anna, operation="9.4.2", has_earlier_contact=True, **wrong)
    assert EntrySnapshot.objects.count() == 0


def test_the_database_wants_a_name_and_a_possible_year(mazzini: Lab) -> None:
    for wrong in ({}, {"given_name": "Li", "birth_year": 1700}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Person.objects.create(lab=mazzini, **wrong)


def test_audit_never_holds_what_was_said(amal: Person, anna: User) -> None:
    set_identifier(amal, by=anna, kind="document", value="CANARY")
    add_contact_point(amal, by=anna, kind="email", value="canary@example.org")
    amend_person(amal, by=anna, version=1, texts={"notes": "CANARY"}, pronounced="Canary")
    assert [d for d in AuditEntry.objects.values_list("detail", flat=True) if "canary" in str(d).lower()] == []
