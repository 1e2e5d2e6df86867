"""What a fund asks on entry: free to answer, never at a first contact, the sensitive part sealed and audited."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ballatoio.base.accounts.models import Role, User
from ballatoio.base.audit.models import AuditEntry
from ballatoio.base.labs.models import Lab
from ballatoio.base.people.models import EntrySnapshot, Person, SensitiveSnapshot
from ballatoio.base.people.services import read_sensitive_answers, record_entry_snapshot, was_met_before
from ballatoio.base.vault.services import destroy_key, open_texts
from tests.factories import make_contact, make_user, sign_in

pytestmark = pytest.mark.django_db

ANSWERS = {
    "operation": "9.4.2",
    "gender": "woman",
    "employment": "refused",
    "education": "isced_3_4",
    "household_situation": "unknown",
    "migrant": "yes",
    "disability": "refused",
    "other_disadvantage": "not_asked",
}


def page_of(person: Person, snapshot: EntrySnapshot | None = None, lab: str = "mazzini") -> str:
    if snapshot is None:
        return reverse("people:entry_edit", kwargs={"lab": lab, "person": person.pk})
    return reverse("people:entry_show", kwargs={"lab": lab, "person": person.pk, "snapshot": snapshot.pk})


def text(response: Any) -> str:
    content: str = response.content.decode()
    return content


@pytest.fixture
def met(amal: Person, anna: User, mazzini: Lab) -> Person:
    """Amal, who was at the desk the day before."""
    make_contact(mazzini, anna, person=amal, started_at=timezone.now() - timedelta(days=1))
    return amal


@pytest.fixture
def desk(client: Client, anna: User) -> Client:
    return sign_in(client, anna)


def test_who_works_with_people_may_ask_and_nobody_else(client: Client, met: Person, mazzini: Lab) -> None:
    for role in Role.values:
        sign_in(client, make_user(f"Uno-{role}", mazzini, role))
        allowed = role in (Role.DESK, Role.MEDIATOR, Role.CASEWORKER, Role.COORDINATOR)
        assert (client.get(page_of(met)).status_code == 200, role) == (allowed, role)
        assert (client.post(page_of(met), ANSWERS).status_code == 302, role) == (allowed, role)


def test_another_labs_person_is_a_missing_person(
    client: Client, met: Person, anna: User, bruno: User, milo: Lab
) -> None:
    snapshot = record_entry_snapshot(met, by=anna, operation="9.4.2", has_earlier_contact=True, values={})
    sign_in(client, bruno)
    assert client.get(page_of(met)).status_code == 404
    assert client.get(page_of(met, lab="milo")).status_code == 404
    assert client.post(page_of(met, lab="milo"), ANSWERS).status_code == 404
    assert client.post(page_of(met, snapshot, lab="milo")).status_code == 404


def test_another_persons_sheet_is_a_missing_sheet(desk: Client, met: Person, karim: Person, anna: User) -> None:
    snapshot = record_entry_snapshot(met, by=anna, operation="9.4.2", has_earlier_contact=True, values={})
    assert desk.post(page_of(karim, snapshot)).status_code == 404


def test_nothing_is_asked_of_who_was_never_at_the_desk_or_comes_for_the_first_time_today(
    desk: Client, amal: Person, anna: User, mazzini: Lab
) -> None:
    # The file of somebody’s relative may be old: what counts is when they were heard.
    Person.objects.filter(pk=amal.pk).update(created_at=timezone.now() - timedelta(days=200))
    for _visit in range(2):
        assert was_met_before(amal) is False
        page = text(desk.get(page_of(amal)))
        assert ("si fanno dalla seconda volta" in page, "Domande delicate" in page) == (True, False)
        refused = desk.post(page_of(amal), ANSWERS)
        assert (refused.status_code, EntrySnapshot.objects.count()) == (200, 0)
        make_contact(mazzini, anna, person=amal)


def test_answers_are_kept_the_sensitive_ones_sealed_apart(desk: Client, met: Person, anna: User) -> None:
    page = text(desk.get(page_of(met)))
    assert "può non rispondere, senza dire perché" in page
    assert desk.post(page_of(met), ANSWERS).status_code == 302
    snapshot = EntrySnapshot.objects.get()
    kept = (snapshot.operation, snapshot.gender, snapshot.employment, snapshot.education, snapshot.household_situation)
    assert kept == ("9.4.2", "woman", "refused", "isced_3_4", "unknown")
    assert (snapshot.person_id, snapshot.recorded_by_id) == (met.pk, anna.pk)
    apart = SensitiveSnapshot.objects.get()
    assert (apart.snapshot_id, apart.asked_on) == (snapshot.pk, timezone.localdate())
    assert b"refused" not in bytes(apart.sealed)
    assert open_texts(apart) == {"migrant": "yes", "disability": "refused", "other_disadvantage": "not_asked"}


def test_a_double_click_makes_one_sheet_and_the_first_answers_stay(desk: Client, met: Person) -> None:
    for gender in ("woman", "man"):
        assert desk.post(page_of(met), ANSWERS | {"gender": gender, "operation": "fse-1"}).status_code == 302
    desk.post(page_of(met), ANSWERS | {"operation": " FSE-1 "})
    assert [(s.operation, s.gender) for s in EntrySnapshot.objects.all()] == [("fse-1", "woman")]
    assert AuditEntry.objects.filter(verb="entry.record").count() == 1
    assert "restano le risposte del primo giorno" in text(desk.get(page_of(met)))


def test_when_nothing_sensitive_was_asked_there_is_no_proof_of_asking(desk: Client, met: Person) -> None:
    untouched = dict.fromkeys(SensitiveSnapshot.QUESTIONS, "not_asked")
    desk.post(page_of(met), ANSWERS | untouched)
    assert (EntrySnapshot.objects.count(), SensitiveSnapshot.objects.count()) == (1, 0)


def test_sensitive_answers_are_covered_until_asked_for_and_looking_leaves_a_trace(
    desk: Client, met: Person, anna: User
) -> None:
    desk.post(page_of(met), ANSWERS)
    snapshot = EntrySnapshot.objects.get()
    facts = text(desk.get(page_of(met))).split("<form")[0]
    assert AuditEntry.objects.filter(verb="entry.read").count() == 0
    assert "Ha una disabilità" not in facts
    assert desk.get(page_of(met, snapshot)).status_code == 405
    shown = text(desk.post(page_of(met, snapshot)))
    assert "<dt>Ha una disabilità</dt><dd>Non vuole dirlo</dd>" in shown
    entry = AuditEntry.objects.get(verb="entry.read")
    assert (entry.actor_id, entry.subject_id, entry.is_reading) == (anna.pk, met.pk, True)


def test_answers_whose_key_is_gone_are_not_there(met: Person, anna: User) -> None:
    snapshot = record_entry_snapshot(
        met, by=anna, operation="9.4.2", has_earlier_contact=True, values={}, sensitive={"migrant": "yes"}
    )
    destroy_key(SensitiveSnapshot.objects.get(), by=None, lab_id=met.lab_id)
    assert read_sensitive_answers(snapshot, by=anna) == {}


def test_a_sensitive_question_that_is_not_on_the_list_is_not_asked(met: Person, anna: User) -> None:
    with pytest.raises(ValueError):
        record_entry_snapshot(
            met, by=anna, operation="9.4.2", has_earlier_contact=True, values={}, sensitive={"religion": "yes"}
        )


@pytest.mark.parametrize(
    ("wrong", "told"),
    [({"operation": ""}, "Scrivi il codice del progetto"), ({"gender": "x"}, "Genere")],
)
def test_what_cannot_be_stays_on_the_page(desk: Client, met: Person, wrong: dict[str, str], told: str) -> None:
    page = text(desk.post(page_of(met), ANSWERS | wrong))
    assert told in page.split("<form method")[-2] + page.split("<form method")[-1]
    assert '<option value="isced_3_4" selected>' in page
    assert EntrySnapshot.objects.count() == 0


def test_the_file_only_links_to_the_sheets(desk: Client, met: Person, anna: User) -> None:
    record_entry_snapshot(met, by=anna, operation="CANARINO", has_earlier_contact=True, values={})
    page = text(desk.get(reverse("people:person_detail", kwargs={"lab": "mazzini", "person": met.pk})))
    assert (page_of(met) in page, "Dati per i fondi (facoltativi)" in page, "CANARINO" in page) == (True, True, False)
