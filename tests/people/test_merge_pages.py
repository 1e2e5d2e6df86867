"""The pages on which two files become one, and two again."""

import re
import uuid
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from ballatoio.base.accounts.models import AccessCode, Role, User
from ballatoio.base.audit.models import AuditEntry
from ballatoio.base.labs.models import Lab
from ballatoio.base.people.doubles import compare_people
from ballatoio.base.people.households import join_household, separate_person
from ballatoio.base.people.models import Household, Person, PersonMerge, ProbableDuplicate
from ballatoio.base.people.services import add_contact_point, amend_person, register_person, set_identifier
from ballatoio.oversight.privacy.services import issue_sign_in_code
from tests.factories import make_contact, make_user, sign_in

from .conftest import fresh, merge

pytestmark = pytest.mark.django_db


def url(name: str, **kwargs: Any) -> str:
    return reverse(f"people:{name}", kwargs={"lab": "mazzini", **kwargs})


def preview_url(kept: Person, merged: Person) -> str:
    return url("merge_preview", person=kept.pk, other=merged.pk)


def text(response: Any) -> str:
    content: str = response.content.decode()
    return content


def words(response: Any) -> str:
    """The words of a page, without its marks."""
    return re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", text(response)))


@pytest.fixture
def desk(client: Client, anna: User) -> Client:
    return sign_in(client, anna)


@pytest.fixture
def mohamed(mazzini: Lab, anna: User) -> Person:
    return register_person(
        mazzini, by=anna, given_name="Mohamed", family_name="Haddad", birth_year=1980, languages_spoken=["ar"],
        notes="Ama il tè.", phone="333 1234567",
    )  # fmt: skip


@pytest.fixture
def muhammad(mazzini: Lab, anna: User) -> Person:
    person = register_person(
        mazzini, by=anna, given_name="Muhammad", family_name="Haddad", birth_year=1980, languages_spoken=["fr"],
        notes="Viene il martedì.", phone="333 1234567",
    )  # fmt: skip
    make_contact(mazzini, anna, person=person)
    return person


def sent(kept: Person, merged: Person, **more: str) -> dict[str, str]:
    kept, merged = fresh(kept), fresh(merged)
    return {"kept_version": str(kept.version), "merged_version": str(merged.version), **more}


# --- The work list ------------------------------------------------------------------------------------------


def test_the_list_says_why_and_no_more_than_is_needed(
    desk: Client, mohamed: Person, muhammad: Person, anna: User
) -> None:
    compare_people()
    page = words(desk.get(url("double_list")))
    assert "Mohamed Haddad , 1980, telefono che finisce con 567" in page
    assert "stesso telefono, stesso anno di nascita, nomi che suonano uguali" in page
    assert "333 123" not in page


def test_of_a_protected_person_the_list_says_the_name_alone(
    desk: Client, mohamed: Person, muhammad: Person, anna: User
) -> None:
    compare_people()
    separate_person(muhammad, by=anna)
    page = words(desk.get(url("double_list")))
    row = page[page.index("Muhammad Haddad") :][:60]
    assert "1980" not in row
    assert "567" not in row


def test_two_people_are_taken_off_the_list(desk: Client, mohamed: Person, muhammad: Person) -> None:
    compare_people()
    double = ProbableDuplicate.objects.get()
    assert "1 scheda doppia?" in words(desk.get(url("person_list")))
    response = desk.post(url("double_differ", double=double.pk), follow=True)
    assert "Non te lo chiediamo più" in text(response)
    assert "Nessuna scheda doppia" in text(response)
    assert "scheda doppia?" not in words(desk.get(url("person_list")))


def test_the_list_costs_the_same_with_few_and_with_many(
    desk: Client, mazzini: Lab, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    def cost(pairs: int) -> int:
        for _ in range(pairs):
            one, other = sorted((uuid.uuid4(), uuid.uuid4()))
            people = [Person(pk=pk, lab=mazzini, given_name="Uno") for pk in (one, other)]
            Person.objects.bulk_create(people)
            ProbableDuplicate.objects.create(lab=mazzini, one=people[0], other=people[1], score=40, why=["name"])
        with django_assert_max_num_queries(10) as queries:
            assert desk.get(url("double_list")).status_code == 200
        return len(queries)

    assert cost(25) == cost(75)


def test_the_file_shows_whom_it_may_be_double_of(desk: Client, mohamed: Person, muhammad: Person) -> None:
    compare_people()
    page = text(desk.get(url("person_detail", person=mohamed.pk)))
    assert "Forse questa persona ha anche un’altra scheda" in page
    assert preview_url(mohamed, muhammad) in page


def test_the_other_file_is_found_by_name(desk: Client, mohamed: Person, muhammad: Person) -> None:
    page = text(desk.get(url("merge_choose", person=mohamed.pk), {"q": "haddad"}))
    assert preview_url(mohamed, muhammad) in page
    assert preview_url(mohamed, mohamed) not in page


# --- Before -------------------------------------------------------------------------------------------------


def test_the_preview_shows_both_what_moves_and_who_will_see_it(
    desk: Client, mohamed: Person, muhammad: Person, anna: User, farid: User, haddad: Household, mazzini: Lab
) -> None:
    join_household(muhammad, haddad, by=anna)
    Person.objects.filter(pk=mohamed.pk).update(user=farid)
    issue_sign_in_code(muhammad, by=anna)
    page = words(desk.get(preview_url(mohamed, muhammad)))
    for told in (
        "Nome: Mohamed",
        "Nome: Muhammad",
        "insieme",
        "Viene il martedì.",
        "1 recapito",
        "1 nucleo",
        "1 contatto",
        "1 bisogno",
        "Chi apre la pagina personale di Mohamed Haddad vedrà anche i contatti di Muhammad Haddad.",
        "potrà leggere anche i contatti di Mohamed Haddad.",
        "Chi apre la scheda di Amal Haddad, Karim Haddad vedrà che ci vive Mohamed Haddad.",
    ):
        assert told in page, told
    read = AuditEntry.objects.filter(verb="person.read").values_list("subject_id", flat=True)
    assert set(read) == {mohamed.pk, muhammad.pk}


def test_what_nobody_may_count_is_not_counted(desk: Client, mohamed: Person, muhammad: Person, anna: User) -> None:
    """A message for whoever follows somebody must not tell whether anybody does."""
    from ballatoio.care.desk.services import leave_message

    before = words(desk.get(preview_url(mohamed, muhammad)))
    leave_message(muhammad, by=anna, text="Chiama.")
    after = words(desk.get(preview_url(mohamed, muhammad)))
    assert moving(after) == moving(before)


def moving(page: str) -> str:
    return page[page.index("Che cosa passa") : page.index("Chi vedrà")]


def test_the_preview_costs_the_same_however_much_moves(
    desk: Client, mohamed: Person, muhammad: Person, anna: User, mazzini: Lab,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:  # fmt: skip
    def cost() -> int:
        with django_assert_max_num_queries(60) as queries:
            assert desk.get(preview_url(mohamed, muhammad)).status_code == 200
        return len(queries)

    first = cost()
    for number in range(5):
        make_contact(mazzini, anna, person=muhammad)
        add_contact_point(muhammad, by=anna, kind="phone", value=f"333 000000{number}")
    assert cost() == first


# --- Merging ------------------------------------------------------------------------------------------------


def test_merging_and_undoing_in_the_pages(desk: Client, mohamed: Person, muhammad: Person) -> None:
    data = sent(mohamed, muhammad, given_name="merged", languages_spoken="both", notes="both", once="abc")
    response = desk.post(preview_url(mohamed, muhammad), data, follow=True)
    assert response.redirect_chain == [(url("person_detail", person=mohamed.pk), 302)]
    assert "adesso è una scheda sola" in text(response)
    assert "Dentro c’è anche la scheda di Muhammad Haddad" in words(response)
    assert (fresh(mohamed).given_name, fresh(mohamed).languages_spoken) == ("Muhammad", ["ar", "fr"])
    done = PersonMerge.objects.get()
    undo = url("merge_undo", merge=done.pk)
    assert undo in text(response)
    assert "quello che è stato scritto dopo resta nella scheda di" in text(desk.get(undo))
    response = desk.post(undo, follow=True)
    assert response.redirect_chain == [(url("person_detail", person=muhammad.pk), 302)]
    assert "sono di nuovo due schede" in text(response)
    assert (fresh(mohamed).given_name, fresh(mohamed).languages_spoken) == ("Mohamed", ["ar"])
    again = desk.post(undo)
    assert "già stata annullata" in text(again)


def test_a_second_click_leads_to_the_same_file(desk: Client, mohamed: Person, muhammad: Person) -> None:
    data = sent(mohamed, muhammad, once="abc")
    first, again = (desk.post(preview_url(mohamed, muhammad), data) for _ in range(2))
    assert first.headers["Location"] == again.headers["Location"] == url("person_detail", person=mohamed.pk)
    assert PersonMerge.objects.count() == 1


def test_a_file_changed_meanwhile_is_shown_again_and_the_choices_are_kept(
    desk: Client, mohamed: Person, muhammad: Person, anna: User
) -> None:
    data = sent(mohamed, muhammad, given_name="merged", reason="Me l’ha detto.", once="abc")
    amend_person(muhammad, by=anna, version=1, given_name="Mahmoud")
    response = desk.post(preview_url(mohamed, muhammad), data)
    assert response.status_code == 422
    page = text(response)
    assert "Qualcun altro ha cambiato una delle due schede" in page
    assert "Mahmoud" in page
    assert "Me l’ha detto." in page
    assert not PersonMerge.objects.exists()
    hidden = dict(re.findall(r'name="((?:kept|merged)_version)" value="(\d+)"', page))
    desk.post(preview_url(mohamed, muhammad), data | hidden)
    assert fresh(mohamed).given_name == "Mahmoud"


def test_what_speaks_against_it_has_to_be_confirmed(
    desk: Client, mohamed: Person, muhammad: Person, anna: User
) -> None:
    for person, code in ((mohamed, "RSSMRA80C05F205O"), (muhammad, "RSSMRA80E03F205M")):
        set_identifier(person, by=anna, kind="fiscal_code", value=code)
    page = desk.get(preview_url(mohamed, muhammad))
    assert "Hanno due codici fiscali diversi." in text(page)
    assert "RSSMRA" not in text(page)
    response = desk.post(preview_url(mohamed, muhammad), sent(mohamed, muhammad, once="abc", reason="Lo so."))
    assert response.status_code == 422
    assert "Se è la stessa persona, conferma qui." in text(response)
    assert "Lo so." in text(response)
    desk.post(preview_url(mohamed, muhammad), sent(mohamed, muhammad, once="abc", confirmed="on"))
    assert PersonMerge.objects.count() == 1


def test_two_pages_of_one_person_are_refused_and_one_can_be_closed(
    desk: Client, mohamed: Person, muhammad: Person, farid: User, dario: User
) -> None:
    Person.objects.filter(pk=mohamed.pk).update(user=dario)
    Person.objects.filter(pk=muhammad.pk).update(user=farid)
    assert "Togli l’accesso alla sua pagina" in text(desk.get(preview_url(mohamed, muhammad)))
    response = desk.post(url("account_close", person=muhammad.pk), follow=True)
    assert "Accesso tolto" in text(response)
    assert "È la stessa persona: unisci" in text(desk.get(preview_url(mohamed, muhammad)))


def test_an_operators_own_account_is_not_closed_from_a_file(desk: Client, mohamed: Person, elena: User) -> None:
    Person.objects.filter(pk=mohamed.pk).update(user=elena)
    response = desk.post(url("account_close", person=mohamed.pk), follow=True)
    assert "il suo accesso resta" in text(response)
    assert fresh(mohamed).user == elena


def test_a_protected_file_is_for_the_coordinator_who_reads_what_happens_first(
    client: Client, mohamed: Person, muhammad: Person, anna: User, elena: User
) -> None:
    separate_person(mohamed, by=anna)
    sign_in(client, anna)
    assert "Una delle due schede è protetta" in text(client.get(preview_url(mohamed, muhammad)))
    client.post(preview_url(mohamed, muhammad), sent(mohamed, muhammad, once="abc"))
    assert not PersonMerge.objects.exists()
    sign_in(client, elena)
    assert "anche Muhammad Haddad viene separata e protetta" in words(client.get(preview_url(mohamed, muhammad)))
    client.post(preview_url(mohamed, muhammad), sent(mohamed, muhammad, once="def"))
    assert fresh(mohamed).is_protected


def test_a_person_with_herself_and_a_file_merged_already_get_clear_words(
    desk: Client, mohamed: Person, muhammad: Person, anna: User
) -> None:
    assert "È la stessa scheda" in text(desk.get(preview_url(mohamed, mohamed)))
    merge(mohamed, muhammad, anna)
    for page in (preview_url(mohamed, muhammad), preview_url(muhammad, mohamed)):
        for response in (desk.get(page, follow=True), desk.post(page, sent(mohamed, muhammad), follow=True)):
            assert response.redirect_chain[-1] == (url("person_detail", person=mohamed.pk), 302)
    assert PersonMerge.objects.count() == 1


# --- Old addresses ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["person_detail", "person_edit", "home_set", "merge_choose"])
def test_an_old_address_leads_to_the_file_that_is_left(
    desk: Client, mohamed: Person, muhammad: Person, anna: User, name: str
) -> None:
    merge(mohamed, muhammad, anna)
    response = desk.get(url(name, person=muhammad.pk))
    assert (response.status_code, response.headers["Location"]) == (302, url(name, person=mohamed.pk))


def test_an_old_address_of_another_room_does_too(desk: Client, mohamed: Person, muhammad: Person, anna: User) -> None:
    merge(mohamed, muhammad, anna)
    old, new = (
        reverse("desk:person_timeline", kwargs={"lab": "mazzini", "person": person.pk})
        for person in (muhammad, mohamed)
    )
    assert desk.get(old).headers["Location"] == new


def test_what_was_typed_for_the_hidden_file_is_not_saved_for_the_other(
    desk: Client, mohamed: Person, muhammad: Person, anna: User
) -> None:
    merge(mohamed, muhammad, anna)
    data = {"given_name": "Scritto", "version": str(fresh(mohamed).version)}
    response = desk.post(url("person_edit", person=muhammad.pk), data, follow=True)
    assert "non è stato salvato niente" in text(response)
    assert fresh(mohamed).given_name == "Mohamed"


def test_for_everybody_else_an_old_address_is_missing(
    client: Client, mohamed: Person, muhammad: Person, anna: User, bruno: User, farid: User
) -> None:
    merge(mohamed, muhammad, anna)
    old = url("person_detail", person=muhammad.pk)
    sign_in(client, bruno)
    assert client.get(old).status_code == 404
    assert client.get(old.replace("/mazzini/", "/milo/")).status_code == 404
    sign_in(client, farid)
    assert client.get(old).status_code == 404


# --- Who may ------------------------------------------------------------------------------------------------


def test_pages_are_closed_to_other_labs_and_roles(
    client: Client, mohamed: Person, muhammad: Person, anna: User, bruno: User, mazzini: Lab
) -> None:
    done = merge(mohamed, muhammad, anna)
    pages = [
        url("double_list"),
        url("merge_choose", person=mohamed.pk),
        preview_url(mohamed, muhammad),
        url("merge_undo", merge=done.pk),
    ]
    sign_in(client, bruno)
    assert [client.get(page).status_code for page in pages] == [404] * 4
    sign_in(client, make_user("Ivo", mazzini, Role.INTERPRETER))
    assert [client.get(page).status_code for page in pages] == [403] * 4


def test_who_lived_with_a_protected_person_sees_nothing_of_their_merge(
    client: Client, mohamed: Person, muhammad: Person, anna: User, elena: User, mazzini: Lab, karim: Person
) -> None:
    own = make_user("Karim", mazzini, Role.DESK)
    Person.objects.filter(pk=karim.pk).update(user=own)
    household = join_household(karim, by=anna).household
    join_household(mohamed, household, by=anna)
    done = merge(mohamed, muhammad, anna)
    separate_person(mohamed, by=anna)
    sign_in(client, own)
    assert client.get(url("merge_undo", merge=done.pk)).status_code == 404


def test_the_person_reads_both_acts_and_what_was_read_of_either_file(
    client: Client, mohamed: Person, muhammad: Person, anna: User, farid: User
) -> None:
    Person.objects.filter(pk=mohamed.pk).update(user=farid)
    merge(mohamed, muhammad, anna)
    client.force_login(farid)
    page = words(client.get(reverse("privacy:resident_audit", kwargs={"lab": "mazzini"})))
    assert "Ha unito due schede della stessa persona" in page
    # Each file was opened, and once more the act of merging stands for each of them.
    assert page.count("Ha aperto la scheda della persona") == 2
    assert AccessCode.objects.count() == 0
