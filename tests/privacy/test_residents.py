"""A resident's own page: a code from the desk opens it, and nothing else does."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from ballatoio.base.accounts.models import User
from ballatoio.base.audit.models import AuditEntry
from ballatoio.base.audit.services import record_reading
from ballatoio.base.labs.models import Lab
from ballatoio.base.people.households import separate_person
from ballatoio.base.people.models import Person
from ballatoio.base.vault.services import seal_texts
from ballatoio.care.desk.models import Contact, Need
from tests.factories import make_user, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def person(mazzini: Lab) -> Person:
    return Person.objects.create(lab=mazzini, given_name="Farid", family_name="Haddad", languages_read=["ar"])


def code_from_the_desk(user: User, person: Person) -> str:
    page = sign_in(Client(), user).post(f"/mazzini/persone/{person.pk}/codice/")
    found = re.search(r"<strong>([A-Z0-9]{5} [A-Z0-9]{5})</strong>", page.content.decode())
    assert found, page.status_code
    return found[1]


def enter(code: str, lab: str = "mazzini") -> Client:
    client = Client()
    client.post(f"/{lab}/entra/", {"code": code})
    return client


def make_contact(person: Person, state: str) -> Contact:
    now = timezone.now()
    contact = Contact(lab=person.lab, person=person, channel="walk_in")
    seal_texts([(contact, {"words": "ha paura del marito"})])
    contact.save()
    Need.objects.create(
        lab=person.lab, contact=contact, person=person, state=state, closed_at=now, told_how="phone",
        owner=make_user(f"Owner{state}"), next_on=now.date(),
    )  # fmt: skip
    return contact


def test_from_the_desk_s_code_to_the_resident_s_own_page(person: Person, anna: User) -> None:
    make_contact(person, "answered")
    client = enter(code_from_the_desk(anna, person))
    page = client.get("/mazzini/io/")
    assert page.status_code == 200
    text = page.content.decode()
    assert "Risposta pronta: passa o chiama" in text
    assert "paura" not in text and "Owneranswered" not in text
    person.refresh_from_db()
    assert person.user is not None
    assert (person.user.email, person.user.has_usable_password(), person.user.language) == (None, False, "ar")
    assert client.session.get_expiry_age() <= 30 * 60


def test_the_second_time_it_is_the_same_account(person: Person, anna: User) -> None:
    enter(code_from_the_desk(anna, person))
    enter(code_from_the_desk(anna, person))
    assert User.objects.filter(email=None).count() == 1


@pytest.mark.parametrize("reason", ["wrong", "used", "expired", "another lab", "replaced"])
def test_whatever_is_wrong_with_a_code_the_answer_is_the_same(
    reason: str, person: Person, anna: User, milo: Lab
) -> None:
    code, lab, later = code_from_the_desk(anna, person), "mazzini", timezone.now()
    if reason == "wrong":
        code = "AAAAA AAAAA"
    elif reason == "used":
        enter(code)
    elif reason == "expired":
        later += timedelta(days=8)
    elif reason == "another lab":
        lab = "milo"
    else:
        code_from_the_desk(anna, person)
    with time_machine.travel(later, tick=False):
        client = Client()
        page = client.post(f"/{lab}/entra/", {"code": code})
    text = page.content.decode()
    assert page.status_code == 200
    assert "Questo codice non funziona: controlla, oppure chiedine uno nuovo allo sportello." in text
    assert code in text, "what was typed is still there"
    assert "_auth_user_id" not in client.session


def test_tries_are_limited(person: Person, anna: User) -> None:
    code, client = code_from_the_desk(anna, person), Client()
    for _ in range(10):
        client.post("/mazzini/entra/", {"code": "AAAAAAAAAA"})
    assert "Troppi tentativi" in client.post("/mazzini/entra/", {"code": code}).content.decode()
    assert "_auth_user_id" not in client.session


def test_a_code_is_never_asked_for_by_address(person: Person, anna: User) -> None:
    code = code_from_the_desk(anna, person)
    client = Client()
    client.get("/mazzini/entra/", {"code": code})
    assert "_auth_user_id" not in client.session


def test_a_code_does_not_let_staff_in_without_the_second_factor(person: Person, anna: User, elena: User) -> None:
    code = code_from_the_desk(anna, person)
    person.user = elena
    person.save()
    assert "_auth_user_id" not in enter(code).session
    refused = sign_in(Client(), anna).post(f"/mazzini/persone/{person.pk}/codice/", follow=True)
    assert "lavora in un laboratorio" in refused.content.decode()


@pytest.mark.parametrize(
    "page", ["email/", "password/set/", "password/change/", "2fa/totp/activate/", "reauthenticate/"]
)
def test_a_resident_cannot_add_another_way_in(page: str, person: Person, anna: User) -> None:
    client = enter(code_from_the_desk(anna, person))
    sent = {"action_add": "", "email": "x@example.org", "password1": "quattro parole", "password2": "quattro parole"}
    assert [client.get(f"/accesso/{page}").status_code, client.post(f"/accesso/{page}", sent).status_code] == [403, 403]
    assert User.objects.filter(email=None).get().has_usable_password() is False


def test_separation_ends_what_was_open_and_a_new_code_opens_again(person: Person, anna: User, elena: User) -> None:
    at_home = enter(code_from_the_desk(anna, person))
    assert at_home.get("/mazzini/io/").status_code == 200
    person.refresh_from_db()
    assert person.user is not None
    # As if an earlier version had let somebody add them.
    person.user.email = "casa@example.org"
    person.user.set_password("quattro parole a caso")
    person.user.save()
    separate_person(person, by=elena)
    assert at_home.get("/mazzini/io/").status_code == 302
    at_home.post("/accesso/login/", {"login": "casa@example.org", "password": "quattro parole a caso"})
    assert at_home.get("/mazzini/io/").status_code == 302
    assert enter(code_from_the_desk(anna, person)).get("/mazzini/io/").status_code == 200


def test_separation_does_not_shut_out_who_works_here(person: Person, anna: User, elena: User) -> None:
    person.user = anna
    person.save()
    separate_person(person, by=elena)
    anna.refresh_from_db()
    assert anna.email


def test_the_desk_of_another_lab_gives_no_code(person: Person, bruno: User) -> None:
    sign_in(client := Client(), bruno)
    assert client.post(f"/mazzini/persone/{person.pk}/codice/").status_code == 404
    assert client.post(f"/milo/persone/{person.pk}/codice/").status_code == 404


def test_whoever_has_no_file_in_the_lab_has_no_page_there(person: Person, farid: User, milo: Lab, anna: User) -> None:
    client = Client()
    client.force_login(farid)
    assert client.get("/mazzini/io/").status_code == 404
    assert enter(code_from_the_desk(anna, person)).get("/milo/io/").status_code == 404


def test_a_stranger_is_sent_to_sign_in(mazzini: Lab) -> None:
    assert Client().get("/mazzini/io/").status_code == 302


def test_the_person_sees_who_looked_by_role_and_never_by_name(person: Person, anna: User, elena: User) -> None:
    record_reading("audit.read", person, by=elena, lab_id=person.lab_id, subject_id=person.pk)
    other = Person.objects.create(lab=person.lab, given_name="Altra")
    record_reading("audit.read", other, by=elena, lab_id=person.lab_id, subject_id=other.pk)
    page = enter(code_from_the_desk(anna, person)).get("/mazzini/io/registro/").content.decode()
    assert "Coordinatore" in page and "Ha letto il registro" in page and "Ha dato un codice di accesso" in page
    assert "Elena" not in page and "Anna" not in page
    about_me = AuditEntry.objects.about(person.pk).count()
    assert page.count("<tr>") == about_me + 1


def test_older_rows_are_found_by_where_the_page_ended(person: Person, anna: User, elena: User) -> None:
    for _turn in range(30):
        record_reading("audit.read", person, by=elena, lab_id=person.lab_id, subject_id=person.pk)
    client = enter(code_from_the_desk(anna, person))
    newest = client.get("/mazzini/io/registro/").context["page"]
    oldest = client.get("/mazzini/io/registro/", {"prima": newest.next}).context["page"]
    positions = [entry.position for page in (newest, oldest) for entry in page.rows]
    about_me = AuditEntry.objects.about(person.pk).order_by("-position").values_list("position", flat=True)
    assert (positions, oldest.next) == (list(about_me), None)


def test_the_page_asks_as_many_questions_for_a_hundred_contacts_as_for_five(person: Person, anna: User) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client = enter(code_from_the_desk(anna, person))
    counts = []
    for size in (25, 100):
        while Contact.objects.count() < size:
            contact = Contact.objects.create(lab=person.lab, person=person, channel="phone")
            Need.objects.create(lab=person.lab, contact=contact, state="no_longer_wanted", closed_at=timezone.now())
        for path in ("/mazzini/io/", "/mazzini/io/registro/"):
            with CaptureQueriesContext(connection) as queries:
                assert client.get(path).status_code == 200
            counts.append(len(queries))
    assert counts[:2] == counts[2:]
    assert max(counts) <= 10
