"""The pages of a receipt: the desk that hands it over, whoever holds it, and whoever only guesses."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from ballatoio.base.accounts.models import Role, User
from ballatoio.base.accounts.services import WRONG_CODES_ALLOWED
from ballatoio.base.jobs.services import new_once_token
from ballatoio.base.labs.models import Lab
from ballatoio.base.people.households import separate_person
from ballatoio.base.people.models import Person
from ballatoio.base.people.services import register_person
from ballatoio.care.desk.models import Contact
from ballatoio.care.desk.receipts import issue_receipt, live_receipt, stop_receipt
from ballatoio.care.desk.services import AnswerGiven, NeedHeard
from tests.factories import make_building, make_contact, make_person, make_service, make_term, make_user, sign_in

PUBLIC, DESK = "/mazzini/ricevuta/", "/mazzini/banco/"
CANARY = "il vicino beve e urla di notte"
ANSWER = "Si fa il martedì"
INFORMATION = AnswerGiven(kind="information", text=ANSWER)


@pytest.fixture
def at_desk(client: Client, anna: User) -> Client:
    return sign_in(client, anna)


@pytest.fixture
def samira(mazzini: Lab, anna: User) -> Person:
    return register_person(mazzini, by=anna, given_name="Samira", family_name="Haddad")


@pytest.fixture
def contact(mazzini: Lab, anna: User) -> Contact:
    return make_contact(mazzini, anna, NeedHeard(term=make_term("Sfratto"), words=CANARY), words=CANARY)


def code_of(contact: Contact, by: User, **fields: Any) -> str:
    return issue_receipt(contact, by=by, **fields)[1]


def receipt(contact: Contact, end: str = "") -> str:
    return f"{DESK}contatti/{contact.pk}/ricevuta/{end}"


# --- at the desk -------------------------------------------------------------------------------------------------


def test_a_contact_is_followed_by_its_receipt_on_the_screen_and_on_paper(at_desk: Client, contact: Contact) -> None:
    assert "Stampa la ricevuta" in at_desk.get(f"{DESK}contatti/{contact.pk}/").content.decode()
    shown = at_desk.post(receipt(contact), {"language": "ar", "once": new_once_token()})
    page, code = shown.content.decode(), shown.context["slip"].code
    assert (shown.status_code, "no-store" in shown["Cache-Control"]) == (200, True)
    assert f"<span>{code[:5]}</span> <span>{code[5:]}</span>" in page
    assert ('dir="rtl"' in page, "Ricevuta dello sportello" in page, CANARY in page) == (True, True, False)
    for _ in range(2):  # a paper that jams is printed again
        paper = at_desk.post(receipt(contact, "stampa/"), {"language": "ar", "code": code})
        assert (paper.status_code, paper["Content-Type"], paper["Content-Language"]) == (200, "application/pdf", "ar")
        assert ("no-store" in paper["Cache-Control"], paper.content[:4]) == (True, b"%PDF")


def test_with_the_next_person_waiting_the_receipt_is_still_one_click_away(at_desk: Client, mazzini: Lab) -> None:
    make_term("ISEE")
    sent = {"channel": "walk_in", "who": "anonymous", "language": "it", "b1-need": "ISEE", "b1-next_on": "+5"}
    saved = at_desk.post(f"{DESK}contatti/nuovo/", sent | {"do": "next", "once": new_once_token()}, follow=True)
    assert f'href="{DESK}contatti/{Contact.objects.get().pk}/#ricevuta"' in saved.content.decode()


def test_a_second_click_does_not_stop_the_receipt_that_is_on_the_screen(at_desk: Client, contact: Contact) -> None:
    sent = {"language": "it", "once": new_once_token()}
    first, second = at_desk.post(receipt(contact), sent), at_desk.post(receipt(contact), sent)
    assert second["Location"] == f"{DESK}contatti/{contact.pk}/#ricevuta"
    code = first.context["slip"].code
    assert at_desk.post(receipt(contact, "stampa/"), {"language": "it", "code": code}).status_code == 200
    assert "La ricevuta era già pronta" in at_desk.get(second["Location"]).content.decode()


def test_only_the_receipt_that_works_is_printed(at_desk: Client, contact: Contact, mazzini: Lab, anna: User) -> None:
    other = make_contact(mazzini, anna)
    old, foreign = code_of(contact, anna), code_of(other, anna)
    stop_receipt(contact, by=anna)
    code_of(contact, anna)
    for code in (old, foreign, "", "x" * 500):
        answer = at_desk.post(receipt(contact, "stampa/"), {"language": "it", "code": code})
        assert (answer.status_code, answer["Location"]) == (302, f"{DESK}contatti/{contact.pk}/#ricevuta")


def test_a_lost_receipt_is_stopped_and_another_printed(at_desk: Client, contact: Contact, anna: User) -> None:
    code_of(contact, anna, answer_by_code=True)
    page = at_desk.get(f"{DESK}contatti/{contact.pk}/").content.decode()
    assert ("Chi l’ha in mano legge anche la risposta." in page, "Ricevuta persa" in page) == (True, True)
    assert at_desk.post(receipt(contact, "persa/"))["Location"] == f"{DESK}contatti/{contact.pk}/#ricevuta"
    assert live_receipt(contact) is None
    assert "Ricevuta persa" not in at_desk.get(f"{DESK}contatti/{contact.pk}/").content.decode()


def test_a_protected_person_is_not_even_asked(at_desk: Client, mazzini: Lab, anna: User, samira: Person) -> None:
    contact = make_contact(mazzini, anna, person=samira)
    form = "answer_by_code"
    assert form in at_desk.get(f"{DESK}contatti/{contact.pk}/").content.decode()
    separate_person(samira, by=anna)
    assert form not in at_desk.get(f"{DESK}contatti/{contact.pk}/").content.decode()
    forged = {"language": "it", "answer_by_code": "on", "once": new_once_token()}
    assert at_desk.post(receipt(contact), forged).status_code == 200
    contact.refresh_from_db()
    assert contact.answer_by_code is False


@pytest.mark.parametrize("language", ["", "xx", "bn", "it' --"])
def test_a_language_without_pages_makes_no_receipt(language: str, at_desk: Client, contact: Contact) -> None:
    answer = at_desk.post(receipt(contact), {"language": language, "once": new_once_token()})
    assert (answer.status_code, live_receipt(contact)) == (302, None)


def test_a_receipt_is_made_and_shown_with_few_questions_to_the_database(
    at_desk: Client, contact: Contact, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    # Of the 20, four are savepoints, six the two rows of the audit, two what the slip says.
    with django_assert_max_num_queries(20):
        at_desk.post(receipt(contact), {"language": "ar", "once": new_once_token()})
    with django_assert_max_num_queries(15):
        at_desk.get(f"{DESK}contatti/{contact.pk}/")


# --- somebody brings a receipt ---------------------------------------------------------------------------------------


def test_a_code_read_on_the_telephone_finds_the_contact(at_desk: Client, contact: Contact, anna: User) -> None:
    code = code_of(contact, anna)
    assert at_desk.get(f"{DESK}ricevute/").status_code == 200
    for typed in (code, f" {code[:5]}-{code[5:]} ".lower()):
        page = at_desk.post(f"{DESK}ricevute/", {"code": typed})
        assert (page.status_code, page.context["contact"]) == (200, contact)
        assert CANARY not in page.content.decode()


def test_the_holder_becomes_the_person_of_the_contact_in_two_steps(
    at_desk: Client, contact: Contact, anna: User, samira: Person
) -> None:
    code = code_of(contact, anna)
    sent = {"code": code, "who": "known", "look_for": "sam", "once": new_once_token()}
    looked = at_desk.post(f"{DESK}ricevute/unisci/", {**sent, "do": "look"})
    assert (looked.context["people"], contact.person) == ([samira], None)
    for _ in range(2):
        done = at_desk.post(f"{DESK}ricevute/unisci/", {**sent, "person": str(samira.pk), "do": "claim"})
        assert done["Location"] == f"{DESK}contatti/{contact.pk}/"
    contact.refresh_from_db()
    assert (contact.person, contact.version) == (samira, 2)


def test_somebody_new_is_written_down_once(at_desk: Client, contact: Contact, anna: User) -> None:
    sent = {"code": code_of(contact, anna), "who": "new", "given_name": "Omar", "once": new_once_token(), "do": "claim"}
    answers = [at_desk.post(f"{DESK}ricevute/unisci/", sent) for _ in range(2)]
    assert [answer["Location"] for answer in answers] == [f"{DESK}contatti/{contact.pk}/"] * 2
    contact.refresh_from_db()
    assert (Person.objects.get(), contact.person) == (Person.objects.get(given_name="Omar"), Person.objects.get())


def test_a_claim_without_a_person_says_what_is_missing_and_keeps_the_rest(
    at_desk: Client, contact: Contact, anna: User, samira: Person
) -> None:
    code = code_of(contact, anna)
    bad: list[tuple[dict[str, str], str]] = [
        ({"who": "known", "look_for": "sami"}, "Scegli la persona"),
        ({"who": "new"}, "Scrivi almeno un nome"),
        ({"who": "new", "given_name": "Samira", "family_name": "Haddad"}, "Forse c’è già"),
        ({"who": "anonymous"}, "valid"),
    ]
    for fields, sentence in bad:
        page = at_desk.post(f"{DESK}ricevute/unisci/", {"code": code, "do": "claim", **fields})
        shown = page.content.decode()
        assert (page.status_code, sentence in shown, code in shown) == (422, True, True)
        assert [value for value in fields.values() if value not in shown] == []
    contact.refresh_from_db()
    assert contact.person is None


def test_claiming_again_is_told_in_clear_words(
    at_desk: Client, contact: Contact, anna: User, samira: Person, mazzini: Lab
) -> None:
    omar = register_person(mazzini, by=anna, given_name="Omar")
    code = code_of(contact, anna)
    sent = {"code": code, "who": "known", "do": "claim"}
    assert at_desk.post(f"{DESK}ricevute/unisci/", {**sent, "person": str(samira.pk)}).status_code == 302
    again = at_desk.post(f"{DESK}ricevute/unisci/", {**sent, "person": str(omar.pk)})
    assert (again.status_code, "è già stato unito a una persona" in again.content.decode()) == (422, True)
    fresh = code_of(contact, anna)
    refused = at_desk.post(f"{DESK}ricevute/unisci/", {**sent, "code": fresh, "person": str(omar.pk)})
    shown = refused.content.decode()
    assert (refused.status_code, "Questo contatto è già nella scheda di Samira Haddad." in shown) == (422, True)
    contact.refresh_from_db()
    assert contact.person == samira


def test_a_receipt_of_another_lab_says_nothing_of_it(at_desk: Client, milo: Lab, bruno: User, samira: Person) -> None:
    theirs = make_contact(milo, bruno, person=make_person(milo, "Segreta"))
    code = code_of(theirs, bruno)
    answers = [
        at_desk.post(f"{DESK}ricevute/", {"code": code}),
        at_desk.post(
            f"{DESK}ricevute/unisci/", {"code": code, "who": "known", "person": str(samira.pk), "do": "claim"}
        ),
        at_desk.post(f"{DESK}ricevute/", {"code": "ABCDEFGHJK"}),
    ]
    assert [(answer.status_code, "Segreta" in answer.content.decode()) for answer in answers] == [(422, False)] * 3


@pytest.mark.parametrize("end", ["", "stampa/", "persa/"])
def test_receipts_belong_to_the_lab_and_its_desk(
    end: str, mazzini: Lab, anna: User, bruno: User, dario: User, contact: Contact
) -> None:
    interpreter = make_user("Ines", mazzini, Role.INTERPRETER)
    expected = {bruno: 404, dario: 404, interpreter: 403}
    answers = {user: sign_in(Client(), user).post(receipt(contact, end)).status_code for user in expected}
    assert (answers, Client().post(receipt(contact, end)).status_code) == (expected, 302)


# --- whoever holds it -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("prefix", "sentence"), [("", "Ci stiamo lavorando."), ("/en", None), ("/ar", None)])
def test_the_holder_sees_only_how_far_it_is(
    prefix: str, sentence: str | None, contact: Contact, anna: User, mazzini: Lab, samira: Person
) -> None:
    Contact.objects.filter(pk=contact.pk).update(person=samira, building=make_building(mazzini, "via Segreta"))
    page = Client().post(prefix + PUBLIC, {"code": code_of(contact, anna)})
    shown = page.content.decode()
    assert (page.status_code, mazzini.phone in shown) == (200, True)
    assert [word for word in ("Samira", "Haddad", "Sfratto", "Segreta", CANARY, "Anna", ANSWER) if word in shown] == []
    assert sentence is None or sentence in shown


def test_nothing_of_the_page_is_kept_or_found_again(contact: Contact, anna: User) -> None:
    code = code_of(contact, anna)
    for page in (Client().get(PUBLIC), Client().post(PUBLIC, {"code": code}), Client().post(PUBLIC, {"code": "X"})):
        shown = page.content.decode()
        assert ("no-store" in page["Cache-Control"], page["X-Robots-Tag"]) == (True, "noindex, nofollow, noarchive")
        assert '<meta name="robots" content="noindex, nofollow">' in shown
        assert (shown.count("Esci subito da questa pagina"), shown.count('referrerpolicy="no-referrer"')) == (1, 1)
    assert code not in Client().post(PUBLIC, {"code": code}).content.decode()


def test_a_ready_answer_is_read_only_by_choice(mazzini: Lab, anna: User) -> None:
    heard = NeedHeard(
        words=CANARY, answers=(INFORMATION, AnswerGiven(kind="orientation", service=make_service(mazzini, "CAF")))
    )
    contact = make_contact(mazzini, anna, heard, words=CANARY, note=CANARY)
    shown = {
        chosen: Client().post(PUBLIC, {"code": code_of(contact, anna, answer_by_code=chosen)}).content.decode()
        for chosen in (False, True)
    }
    assert {chosen: "La risposta è pronta." in page for chosen, page in shown.items()} == {False: True, True: True}
    assert {chosen: (ANSWER in page, "CAF" in page) for chosen, page in shown.items()} == {
        False: (False, False),
        True: (True, True),
    }
    assert CANARY not in shown[True]


def body(answer: Any, typed: str) -> str:
    """The page without what was typed and without the token of its form."""
    text = re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", answer.content.decode())
    return text.replace(typed, "…")


def test_wrong_expired_stopped_used_and_foreign_are_one_answer(
    contact: Contact, mazzini: Lab, milo: Lab, anna: User, bruno: User
) -> None:
    expired, stopped = make_contact(mazzini, anna), make_contact(mazzini, anna)
    codes = [code_of(each, anna) for each in (expired, stopped)] + [code_of(make_contact(milo, bruno), bruno)]
    live = live_receipt(expired)
    assert live is not None
    live.created_at, live.expires_at = (timezone.now() - timedelta(days=days) for days in (2, 1))
    live.save()
    stop_receipt(stopped, by=anna)
    answers = [Client().post(PUBLIC, {"code": typed}) for typed in ("ABCDEFGHJK", *codes)]
    assert {answer.status_code for answer in answers} == {422}
    assert len({body(answer, typed) for answer, typed in zip(answers, ("ABCDEFGHJK", *codes), strict=True)}) == 1


def test_whoever_guesses_is_stopped_with_a_word_about_waiting(contact: Contact, anna: User) -> None:
    code = code_of(contact, anna)
    for _ in range(WRONG_CODES_ALLOWED):
        Client().post(PUBLIC, {"code": "ABCDEFGHJK"})
    page = Client().post(PUBLIC, {"code": code})
    assert (page.status_code, "aspetta un quarto d’ora" in page.content.decode()) == (422, True)


@pytest.mark.parametrize("typed", ["", " ", "\x00" * 10, "x" * 10_000, "<script>", "٠١٢٣٤٥٦٧٨٩", "%00', 1) --"])
def test_hostile_codes_get_the_same_page(typed: str, mazzini: Lab) -> None:
    page = Client().post(PUBLIC, {"code": typed})
    assert (page.status_code, "<script>" in page.content.decode()) == (422, False)


def test_a_code_in_the_address_is_not_looked_at(contact: Contact, anna: User) -> None:
    page = Client().get(PUBLIC, {"code": code_of(contact, anna)})
    assert "Ci stiamo lavorando" not in page.content.decode()


def test_the_public_page_asks_six_times_at_most_and_says_the_same_of_many_needs(
    mazzini: Lab, anna: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    needs = [NeedHeard(words="casa", answers=(INFORMATION, INFORMATION)) for _ in range(25)]
    code = code_of(make_contact(mazzini, anna, *needs), anna)
    with django_assert_max_num_queries(6):
        assert "La risposta è pronta." in Client().post(PUBLIC, {"code": code}).content.decode()


# --- one's own page ---------------------------------------------------------------------------------------------------


def test_a_resident_adds_the_receipt_that_they_chose_to_read(
    mazzini: Lab, anna: User, farid: User, contact: Contact
) -> None:
    own = make_person(mazzini, "Farid", user=farid)
    client = sign_in(Client(), farid)
    code = code_of(contact, anna)
    refused = client.post("/mazzini/io/ricevuta/", {"code": code})
    assert (refused.status_code, "si unisce allo sportello" in refused.content.decode()) == (422, True)
    added = client.post("/mazzini/io/ricevuta/", {"code": code_of(contact, anna, answer_by_code=True)})
    contact.refresh_from_db()
    assert (added["Location"], contact.person) == ("/mazzini/io/", own)
    assert "Ci stiamo lavorando" in client.get("/mazzini/io/").content.decode()


def test_a_resident_gets_nothing_of_anothers_or_by_guessing(
    mazzini: Lab, anna: User, farid: User, samira: Person, dario: User
) -> None:
    make_person(mazzini, "Farid", user=farid)
    code = code_of(make_contact(mazzini, anna, person=samira), anna, answer_by_code=True)
    client = sign_in(Client(), farid)
    answers = [client.post("/mazzini/io/ricevuta/", {"code": typed}) for typed in (code, "ABCDEFGHJK")]
    assert len({body(answer, typed) for answer, typed in zip(answers, (code, "ABCDEFGHJK"), strict=True)}) == 1
    assert sign_in(Client(), dario).get("/mazzini/io/ricevuta/").status_code == 404
    assert Client().get("/mazzini/io/ricevuta/").status_code == 302
