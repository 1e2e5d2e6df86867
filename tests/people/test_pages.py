"""The pages about people, as those who may open them and those who may not meet them."""

import re
import uuid
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from ballatoio.base.accounts.models import Role, User
from ballatoio.base.audit.models import AuditEntry
from ballatoio.base.labs.models import Lab
from ballatoio.base.people.households import Move, addresses_of, separate_person, settle_person
from ballatoio.base.people.models import Consent, ContactPoint, Household, Person, PersonIdentifier
from ballatoio.base.people.services import record_consent, register_person, set_identifier
from ballatoio.base.territory.models import Dwelling
from tests.factories import make_user, sign_in

from .conftest import make_dwelling

pytestmark = pytest.mark.django_db
HTMX = {"HTTP_HX_REQUEST": "true"}


def url(name: str, person: Person | None = None, **more: Any) -> str:
    kwargs = {"lab": "mazzini", **({"person": person.pk} if person else {}), **more}
    return reverse(f"people:{name}", kwargs=kwargs)


@pytest.fixture
def desk(client: Client, anna: User) -> Client:
    return sign_in(client, anna)


def text(response: Any) -> str:
    content: str = response.content.decode()
    return content


def one_person_pages(person: Person) -> list[str]:
    names = (
        "person_detail",
        "person_edit",
        "home_set",
        "contact_point_add",
        "identifier_set",
        "consent_record",
        "entry_edit",
        "person_separate",
    )
    return [url(name, person) for name in names]


def test_pages_open_for_who_works_with_people(client: Client, amal: Person, mazzini: Lab) -> None:
    for role in (Role.DESK, Role.MEDIATOR, Role.CASEWORKER, Role.COORDINATOR):
        sign_in(client, make_user(f"Uno-{role}", mazzini, role))
        for page in [url("person_list"), url("person_new"), *one_person_pages(amal)]:
            assert client.get(page).status_code == 200, (role, page)


def test_pages_are_closed_to_other_roles(client: Client, amal: Person, mazzini: Lab) -> None:
    for role in (Role.INTERPRETER, Role.HOUSING_MANAGER, Role.WORKS_MANAGER, Role.INSTITUTION):
        sign_in(client, make_user(f"Due-{role}", mazzini, role))
        for page in [url("person_list"), url("person_new"), *one_person_pages(amal)]:
            response = client.get(page)
            assert response.status_code == 403, (role, page)
            assert "Haddad" not in text(response)


def test_another_labs_person_is_a_missing_person(client: Client, amal: Person, bruno: User, milo: Lab) -> None:
    sign_in(client, bruno)
    for page in one_person_pages(amal):
        assert client.get(page).status_code == 404
        mine = client.get(page.replace("/mazzini/", "/milo/"))
        missing = client.get(page.replace("/mazzini/", "/milo/").replace(str(amal.pk), str(uuid.uuid4())))
        assert (mine.status_code, missing.status_code) == (404, 404)
        assert "Haddad" not in text(mine)


def test_a_stranger_is_sent_to_sign_in(client: Client, amal: Person) -> None:
    for page in [url("person_list"), *one_person_pages(amal)]:
        assert client.get(page).status_code == 302


def test_nobody_is_listed_who_was_not_asked_for(desk: Client, amal: Person) -> None:
    assert "Haddad" not in text(desk.get(url("person_list")))


def test_searching_shows_names_and_addresses(desk: Client, haddad: Household) -> None:
    page = text(desk.get(url("person_list"), {"q": "haddad"}))
    assert page.count("viale Omero 12, scala B") == 2
    assert "<html" in page


def test_htmx_gets_the_rows_alone(desk: Client, haddad: Household) -> None:
    rows = text(desk.get(url("person_list"), {"q": "amal"}, **HTMX))
    assert "<html" not in rows
    assert "Amal Haddad" in rows


@pytest.mark.parametrize(("typed", "told"), [("am", "almeno tre lettere"), ("xyzzy", "Nessuno con «xyzzy»")])
def test_a_search_without_result_says_what_to_do(desk: Client, amal: Person, typed: str, told: str) -> None:
    assert told in text(desk.get(url("person_list"), {"q": typed}))


def test_the_list_costs_the_same_at_25_and_100(
    desk: Client, mazzini: Lab, anna: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    def cost(people: int) -> int:
        for _ in range(people):
            register_person(mazzini, by=anna, given_name="Mario", family_name="Rossi")
        with django_assert_max_num_queries(10) as queries:
            assert desk.get(url("person_list"), {"q": "rossi"}).status_code == 200
        return len(queries)

    # With fewer than fit on the page those whose name sounds the same are looked for too: one query more.
    assert cost(26) == cost(74)


def test_opening_a_file_costs_the_same_however_full_it_is(
    desk: Client, haddad: Household, amal: Person, anna: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    def cost() -> int:
        with django_assert_max_num_queries(20) as queries:
            assert desk.get(url("person_detail", amal)).status_code == 200
        return len(queries)

    first = cost()
    for number in range(5):
        record_consent(amal, by=anna, scope="recall", text_version="1", how=Consent.How.SPOKEN)
        set_identifier(amal, by=anna, kind="document", value=f"CA{number}")
    assert cost() == first


def test_a_new_file(desk: Client, mazzini: Lab) -> None:
    data = {
        "given_name": "Fatou",
        "birth": "3/5/1990",
        "phone": "345 678 9012",
        "languages_spoken": ["fr", "it"],
        "notes": "Viene con la sorella.",
        "once": "t1",
    }
    first = desk.post(url("person_new"), data)
    again = desk.post(url("person_new"), data)
    person = Person.objects.get()
    assert (first.status_code, first.headers["Location"]) == (302, url("person_detail", person))
    assert again.headers["Location"] == first.headers["Location"]
    assert (person.birth_year, person.languages_spoken) == (1990, ["fr", "it"])
    page = text(desk.get(url("person_detail", person)))
    assert "Viene con la sorella." in page
    assert "+39 345 678 9012" in page


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({}, "Scrivi almeno un nome"),
        ({"given_name": "Li", "birth": "31/02/1980"}, "Il giorno 31/02/1980 non esiste"),
        ({"given_name": "Li", "birth": "ieri"}, "Scrivi la data così"),
        ({"given_name": "Li", "birth": "1790"}, "L’anno di nascita 1790 non è possibile"),
        ({"given_name": "Li", "birth": "1/1/2999"}, "deve ancora venire"),
        ({"given_name": "Li", "phone": "333 pippo"}, "contiene lettere"),
        ({"given_name": "Li" * 50}, "80"),
        ({"given_name": "Li", "notes": "a" * 5001}, "5000"),
    ],
)
def test_bad_input_is_one_sentence_and_nothing_is_lost(desk: Client, typed: dict[str, str], told: str) -> None:
    page = text(desk.post(url("person_new"), {**typed, "family_name": "Quello scritto"}))
    if typed:
        assert told in page
        assert "Quello scritto" in page
        assert all(value in page for value in typed.values())
    assert Person.objects.count() == (0 if typed else 1)


def test_no_name_at_all(desk: Client) -> None:
    assert "Scrivi almeno un nome" in text(desk.post(url("person_new"), {"phone": "333 1234567"}))


def test_somebody_who_looks_alike_is_shown_first(desk: Client, amal: Person) -> None:
    data = {"given_name": "Amal", "family_name": "Haddad", "once": "t2"}
    page = text(desk.post(url("person_new"), data))
    assert "Forse c’è già" in page
    assert "telefono che finisce con 567" in page
    assert "333 123" not in page
    assert Person.objects.count() == 1
    assert desk.post(url("person_new"), data | {"is_another": "1"}).status_code == 302
    assert Person.objects.count() == 2


def test_correcting_a_file_opened_twice(desk: Client, amal: Person) -> None:
    form = {"given_name": "Amal", "family_name": "Haddad", "birth": "5/3/1987", "version": "1"}
    assert desk.post(url("person_edit", amal), form | {"pronounced": "Amàl"}).status_code == 302
    conflict = desk.post(url("person_edit", amal), form | {"pronounced": "Ammàl", "given_name": "Amel"})
    assert conflict.status_code == 200
    assert "Qualcun altro ha salvato" in text(conflict)
    assert "Ammàl" in text(conflict)
    assert Person.objects.get(pk=amal.pk).pronounced == "Amàl"
    resolved = desk.post(url("person_edit", amal), form | {"pronounced": "Ammàl", "version": "2"})
    assert resolved.status_code == 302
    assert Person.objects.get(pk=amal.pk).pronounced == "Ammàl"


def test_the_edit_page_shows_what_is_there(desk: Client, amal: Person) -> None:
    page = text(desk.get(url("person_edit", amal)))
    for shown in ("Amal", "Haddad", "5/3/1987", "Parla piano."):
        assert shown in page


def test_a_contact_point_comes_and_goes(desk: Client, amal: Person) -> None:
    form = {"kind": "phone", "value": "02 4771 4011", "no_voicemail": "on", "hours": "la mattina"}
    assert desk.post(url("contact_point_add", amal), form).status_code == 302
    point = ContactPoint.objects.get(value="+39 02 4771 4011")
    assert (point.no_voicemail, point.safe_to_call) == (True, False)
    page = text(desk.get(url("person_detail", amal)))
    assert "non chiamare: è rischioso" in page
    assert desk.post(url("contact_point_remove", amal, point=point.pk)).status_code == 302
    assert not ContactPoint.objects.filter(pk=point.pk).exists()


def test_a_wrong_contact_point_stays_on_the_page(desk: Client, amal: Person) -> None:
    page = text(desk.post(url("contact_point_add", amal), {"kind": "phone", "value": "33a 12", "hours": "sera"}))
    assert "contiene lettere" in page
    assert "33a 12" in page
    assert "sera" in page


def test_somebody_elses_contact_point_is_not_there(desk: Client, amal: Person, karim: Person) -> None:
    point = ContactPoint.objects.get(person=amal)
    assert desk.post(url("contact_point_remove", karim, point=point.pk)).status_code == 404


def test_a_code_is_covered_until_asked_for_and_looking_leaves_a_trace(desk: Client, amal: Person, anna: User) -> None:
    assert desk.post(url("identifier_set", amal), {"kind": "document", "value": "CANARY1"}).status_code == 302
    assert "CANARY1" not in text(desk.get(url("person_detail", amal)))
    identifier = PersonIdentifier.objects.get()
    show = url("identifier_show", amal, identifier=identifier.pk)
    assert desk.get(show).status_code == 405
    whole, fragment = desk.post(show), desk.post(show, **HTMX)
    assert ("CANARY1" in text(whole), "<html" in text(whole)) == (True, True)
    assert ("CANARY1" in text(fragment), "<html" in text(fragment)) == (True, False)
    assert AuditEntry.objects.filter(verb="identifier.read", subject_id=amal.pk, actor_id=anna.pk).count() == 2


def test_a_code_that_does_not_match_is_still_on_the_page(desk: Client, amal: Person) -> None:
    page = text(desk.post(url("identifier_set", amal), {"kind": "fiscal_code", "value": "RSSMRA80A01F205X"}))
    assert "01/01/1980" in page
    assert "05/03/1987" in page
    assert "RSSMRA80A01F205X" in page


def test_a_consent_is_recorded_and_withdrawn(desk: Client, amal: Person) -> None:
    form = {"scope": "recall", "how": "spoken", "language": "ar", "text_version": "2026-01", "ends_on": ""}
    assert desk.post(url("consent_record", amal), form).status_code == 302
    consent = Consent.objects.get()
    assert desk.post(url("consent_withdraw", amal, consent=consent.pk)).status_code == 302
    assert "ritirato il" in text(desk.get(url("person_detail", amal)))


def test_separation_explains_itself_then_happens(
    desk: Client, haddad: Household, amal: Person, karim: Person, client: Client
) -> None:
    page = text(desk.get(url("person_separate", amal)))
    assert "non fa più parte del nucleo" in page
    assert Person.objects.get(pk=amal.pk).is_protected is False
    assert desk.post(url("person_separate", amal)).status_code == 302
    assert Person.objects.get(pk=amal.pk).is_protected
    file = text(desk.get(url("person_detail", amal)))
    assert "Non dire a nessuno" in file
    assert "Omero" not in file
    assert "Karim" not in file


def test_the_other_page_shows_no_trace_of_a_protected_member(
    desk: Client, haddad: Household, amal: Person, karim: Person, anna: User
) -> None:
    assert "Amal" in text(desk.get(url("person_detail", karim)))
    separate_person(amal, by=anna)
    desk.get(url("person_list"))
    page = text(desk.get(url("person_detail", karim)))
    assert "Omero" in page
    assert ("Amal" in page, str(amal.pk) in page, "Vive con" in page) == (False, False, False)
    rows = text(desk.get(url("person_list"), {"q": "omero 12"}))
    assert ("Karim" in rows, "Amal" in rows) == (True, False)


def test_the_own_file_of_a_protected_person_tells_staff_where_they_live_and_to_keep_it(
    desk: Client, haddad: Household, amal: Person, karim: Person, anna: User, mazzini: Lab
) -> None:
    protected = separate_person(amal, by=anna)
    flat = make_dwelling(mazzini, street="via Mompiani", civic="3")
    settle_person(protected, flat, by=anna, move=Move.ALONE)
    page = text(desk.get(url("person_detail", amal)))
    assert ("via Mompiani 3" in page, "non dirlo a nessuno della casa" in page) == (True, True)
    assert AuditEntry.objects.filter(verb="person.read", subject_id=amal.pk).count() == 1
    # Nowhere else: not in the lists, not by the address, not on the page of who lived with them.
    for elsewhere in ({"q": "amal"}, {"q": "mompiani 3"}):
        assert "Mompiani 3" not in text(desk.get(url("person_list"), elsewhere)).replace(elsewhere["q"], "")
    assert addresses_of([protected]) == {}
    assert "Mompiani" not in text(desk.get(url("person_detail", karim)))


def test_who_lived_with_a_protected_person_is_not_told_where_they_live_even_at_the_desk(
    desk: Client, haddad: Household, amal: Person, karim: Person, anna: User, elena: User, mazzini: Lab
) -> None:
    Person.objects.filter(pk=karim.pk).update(user=anna)
    settle_person(
        separate_person(amal, by=elena), make_dwelling(mazzini, street="via Mompiani"), by=elena, move="alone"
    )
    assert "Mompiani" not in text(desk.get(url("person_detail", amal)))


def test_only_the_coordinator_takes_protection_away(
    client: Client, amal: Person, anna: User, carla: User, elena: User
) -> None:
    separate_person(amal, by=anna)
    for other in (anna, carla):
        sign_in(client, other)
        assert client.get(url("protection_lift", amal)).status_code == 403
        assert client.post(url("protection_lift", amal)).status_code == 403
    sign_in(client, elena)
    assert client.get(url("protection_lift", amal)).status_code == 200
    assert client.post(url("protection_lift", amal)).status_code == 302
    assert Person.objects.get(pk=amal.pk).is_protected is False
    assert client.get(url("protection_lift", amal)).status_code == 302


def test_opening_a_file_is_recorded(desk: Client, amal: Person, anna: User) -> None:
    desk.get(url("person_detail", amal))
    entry = AuditEntry.objects.get(verb="person.read")
    assert (entry.actor_id, entry.subject_id, entry.is_reading) == (anna.pk, amal.pk, True)


def test_where_a_person_lives_is_found_by_address(desk: Client, mazzini: Lab, amal: Person) -> None:
    flat = make_dwelling(mazzini)
    page = url("home_set", amal)
    assert "Nessun palazzo con «xyz 3»" in text(desk.get(page, {"indirizzo": "xyz 3"}))
    choices = text(desk.get(page, {"indirizzo": "omero 12"}))
    assert "scala B, interno 1, piano 2" in choices
    elsewhere = make_dwelling(mazzini, civic="14")
    wrong = desk.post(f"{page}?indirizzo=omero 12", {"dwelling": str(elsewhere.pk), "move": "alone"})
    assert "Scegli l’alloggio." in text(wrong)
    done = desk.post(f"{page}?indirizzo=omero 12", {"dwelling": str(flat.pk), "move": "alone"})
    assert done.status_code == 302
    assert "viale Omero 12" in text(desk.get(url("person_detail", amal)))


def test_the_list_of_flats_says_nothing_of_which_are_empty(
    client: Client, mazzini: Lab, amal: Person, anna: User, elena: User
) -> None:
    flat = make_dwelling(mazzini)
    for number, state in enumerate(Dwelling.State.values, 2):
        Dwelling.objects.create(stair=flat.stair, number=str(number), floor=2, state=state)
    page = f"{url('home_set', amal)}?indirizzo=omero 12"
    lists = []
    for user in (anna, elena):
        sign_in(client, user)
        lists.append(re.findall(r'<option value="([0-9a-f-]{36})"', text(client.get(page))))
    assert (len(lists[0]), lists[0]) == (6, lists[1])
    empty = Dwelling.objects.get(state=Dwelling.State.EMPTY)
    sign_in(client, anna)
    assert client.post(page, {"dwelling": str(empty.pk), "move": "with_others"}).status_code == 302


def test_a_double_click_on_a_consent_counts_once(desk: Client, amal: Person) -> None:
    page = url("consent_record", amal)
    once = re.search(r'name="once" value="([^"]+)"', text(desk.get(page)))
    assert once
    sent = {"scope": "recall", "how": "spoken", "language": "it", "text_version": "1", "once": once[1]}
    assert [desk.post(page, sent).status_code for _ in range(2)] == [302, 302]
    assert Consent.objects.count() == 1
