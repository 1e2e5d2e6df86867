"""The pages of the issues: what an operator finds, joins, writes and answers; what nobody else is shown."""

from datetime import timedelta
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from ballatoio.base.accounts.models import Role, User
from ballatoio.base.directory.models import NeedTerm
from ballatoio.base.jobs.services import new_once_token
from ballatoio.base.labs.models import Lab
from ballatoio.base.people.households import separate_person
from ballatoio.base.people.services import register_person
from ballatoio.base.territory.models import Building, Stair
from ballatoio.care.desk.models import Answer, Need
from ballatoio.care.desk.services import NeedHeard
from ballatoio.care.issues.lists import issues_due
from ballatoio.care.issues.models import BuildingIssue, IssueNeed
from ballatoio.care.issues.services import open_issue
from tests.factories import make_building, make_contact, make_term, make_user, sign_in

BASE = "/mazzini/questioni/"
CANARY = "la signora del terzo piano piange"
WORDS = "L’ascensore riparte lunedì"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def at_desk(client: Client, anna: User) -> Client:
    return sign_in(client, anna)


@pytest.fixture
def house(mazzini: Lab) -> Building:
    return make_building(mazzini, "via Panigarola", "3")


@pytest.fixture
def lift(db: None) -> NeedTerm:
    return make_term("Ascensore")


def asks(lab: Lab, by: User, term: NeedTerm, building: Building, **fields: Any) -> Need:
    heard = NeedHeard(term=term, words=CANARY)
    return make_contact(lab, by, heard, building=building, words=CANARY, **fields).needs.get()


def start(house: Building, by: User, term: NeedTerm, *needs: Need, title: str = "Ascensore fermo") -> BuildingIssue:
    day = timezone.localdate() + timedelta(days=5)
    return open_issue(house, by=by, term=term, title=title, owner=by, next_on=day, needs=needs)


def page(client: Client, path: str, **kwargs: Any) -> str:
    response = client.get(path, **kwargs)
    assert response.status_code == 200
    return response.content.decode()


# --- who comes in --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["", "nuova/", "{issue}/", "bisogno/{need}/", "casa/{building}/"])
def test_issues_open_to_the_desk_alone(
    path: str,
    mazzini: Lab,
    anna: User,
    bruno: User,
    carla: User,
    elena: User,
    dario: User,
    house: Building,
    lift: NeedTerm,
) -> None:
    need = asks(mazzini, anna, lift, house)
    url = BASE + path.format(issue=start(house, anna, lift, need).pk, need=need.pk, building=house.pk)
    funder, owner = (make_user(role, mazzini, role) for role in (Role.INSTITUTION, Role.HOUSING_MANAGER))
    expected = {anna: 200, carla: 200, elena: 200, bruno: 404, dario: 404, funder: 403, owner: 403}
    assert {user: sign_in(Client(), user).get(url).status_code for user in expected} == expected
    assert Client().get(url).status_code == 302


def test_issues_of_another_lab_are_missing_pages(
    at_desk: Client, milo: Lab, bruno: User, mazzini: Lab, anna: User, house: Building, lift: NeedTerm
) -> None:
    theirs = make_building(milo)
    need = asks(milo, bruno, lift, theirs)
    issue = start(theirs, bruno, lift, need)
    gets = [at_desk.get(BASE + path) for path in (f"{issue.pk}/", f"bisogno/{need.pk}/", f"casa/{theirs.pk}/")]
    posts = [
        at_desk.post(f"{BASE}{issue.pk}/{name}/", {"version": 1}) for name in ("passo", "affida", "riapri", "unisci")
    ]
    leave = at_desk.post(f"{BASE}{issue.pk}/togli/{need.pk}/")
    ours = at_desk.post(f"{BASE}{start(house, anna, lift).pk}/togli/{need.pk}/")
    assert [answer.status_code for answer in [*gets, *posts, leave, ours]] == [404] * 9
    where = page(at_desk, f"{BASE}nuova/?casa={theirs.pk}&bisogno={lift.code}")
    assert str(theirs) not in where
    assert IssueNeed.objects.count() == 1


# --- what it shows ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("households", [1, 4, 5])
def test_an_issue_says_how_many_ask_and_never_who(
    households: int, at_desk: Client, mazzini: Lab, anna: User, house: Building, lift: NeedTerm
) -> None:
    people = [register_person(mazzini, by=anna, given_name=f"Nascosta{number}") for number in range(households)]
    needs = [asks(mazzini, anna, lift, house, person=person) for person in people]
    issue = start(house, anna, lift, *needs)
    paths = (f"{issue.pk}/", "", f"casa/{house.pk}/", f"bisogno/{needs[0].pk}/")
    shown = {path: page(at_desk, BASE + path) for path in paths}
    listed = at_desk.get(f"{BASE}{issue.pk}/").context["page"].object_list
    assert [path for path, text in shown.items() if "Nascosta" in text or CANARY in text] == []
    sentence = "1 famiglia o persona " if households == 1 else f"{households} famiglie o persone "
    assert (sentence in shown[f"{issue.pk}/"], len(listed)) == (True, households)


def test_a_protected_person_is_counted_and_not_listed(
    at_desk: Client, mazzini: Lab, anna: User, house: Building, lift: NeedTerm
) -> None:
    samira = register_person(mazzini, by=anna, given_name="Samira")
    hers, other = asks(mazzini, anna, lift, house, person=samira), asks(mazzini, anna, lift, house)
    issue = start(house, anna, lift, hers, other)
    separate_person(samira, by=anna)
    shown = page(at_desk, f"{BASE}{issue.pk}/")
    assert ("2 contatti" in shown, str(hers.pk) in shown, str(other.pk) in shown) == (True, False, True)


def test_the_list_has_filters_and_a_fragment(
    at_desk: Client, mazzini: Lab, anna: User, carla: User, house: Building, lift: NeedTerm
) -> None:
    mould, other = make_term("Muffa"), make_building(mazzini, "via dei Cinquecento", "7")
    mine, hers = start(house, anna, lift), start(other, anna, mould, title="Muffa ovunque")
    BuildingIssue.objects.filter(pk=hers.pk).update(owner=carla)
    done = start(house, anna, lift, title="Finita")
    BuildingIssue.objects.filter(pk=done.pk).update(state="solved", closed_at=timezone.now())
    asked: list[tuple[dict[str, str], list[BuildingIssue]]] = [
        ({}, [mine, hers]),
        ({"stato": "tutte"}, [mine, hers, done]),
        ({"stato": "solved"}, [done]),
        ({"di": str(carla.pk)}, [hers]),
        ({"bisogno": "muffa"}, [hers]),
        ({"via": "panigarola 3"}, [mine]),
        ({"casa": str(other.pk)}, [hers]),
        ({"stato": "x", "di": "y", "bisogno": "z", "casa": "w", "pagina": "-9"}, [mine, hers]),
    ]
    for filters, expected in asked:
        found = at_desk.get(BASE, filters).context["page"].object_list
        assert sorted(issue.pk for issue in found) == sorted(issue.pk for issue in expected), filters
    fragment = page(at_desk, BASE, headers=HTMX)
    assert ("<html" in fragment, "Ascensore fermo" in fragment) == (False, True)


@pytest.mark.parametrize("many", [25, 100])
def test_lists_and_pages_ask_the_same_of_many_as_of_few(
    many: int,
    at_desk: Client,
    mazzini: Lab,
    anna: User,
    house: Building,
    lift: NeedTerm,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    first = asks(mazzini, anna, lift, house)
    issue = start(house, anna, lift, first)
    rows = [
        BuildingIssue(lab=mazzini, building=house, term=lift, title="x", owner=anna, next_on=issue.next_on)
        for _ in range(many)
    ]
    BuildingIssue.objects.bulk_create(rows)
    copies = [
        Need(lab=mazzini, contact=first.contact, building=house, term=lift, owner=anna, next_on=first.next_on)
        for _ in range(many)
    ]
    joined = Need.objects.bulk_create(copies)
    IssueNeed.objects.bulk_create(IssueNeed(issue=issue, need=need, joined_by=anna) for need in joined)
    budgets = {"": 10, f"casa/{house.pk}/": 10, f"bisogno/{first.pk}/": 8, f"{issue.pk}/": 17}
    for path, budget in budgets.items():
        with django_assert_max_num_queries(budget):
            page(at_desk, BASE + path)


# --- what it does ----------------------------------------------------------------------------------------------------


def test_from_a_need_to_an_issue_that_others_join(
    at_desk: Client, mazzini: Lab, anna: User, house: Building, lift: NeedTerm
) -> None:
    needs = [asks(mazzini, anna, lift, house) for _ in range(5)]
    stair = Stair.objects.create(building=house, name="B")
    assert f"{BASE}bisogno/{needs[0].pk}/" in page(at_desk, f"/mazzini/banco/bisogni/{needs[0].pk}/")
    fragment = page(at_desk, f"{BASE}bisogno/{needs[0].pk}/", headers=HTMX)
    assert ("<html" in fragment, "Altri 4 in questa casa chiedono la stessa cosa." in fragment) == (False, True)
    url = f"{BASE}nuova/?casa={house.pk}&bisogno={lift.code}&con={needs[0].pk}"
    assert url.replace("&", "&amp;") in fragment
    form = at_desk.get(url).context["form"]
    assert sorted(form["needs"].value()) == sorted(str(need.pk) for need in needs)
    sent = {
        "title": "Ascensore fermo, scala B",
        "stair": str(stair.pk),
        "next_on": "+5",
        "needs": [str(need.pk) for need in needs[:4]],
        "once": new_once_token(),
    }
    for _ in range(2):
        issue_url = at_desk.post(url, sent)["Location"]
    issue = BuildingIssue.objects.get()
    assert (issue_url, issue.stair, issue.joined.count()) == (f"{BASE}{issue.pk}/", stair, 4)
    assert "In questa casa seguiamo già:" in page(at_desk, f"{BASE}bisogno/{needs[4].pk}/", headers=HTMX)
    at_desk.post(f"{BASE}{issue.pk}/unisci/?con={needs[4].pk}", {"needs": str(needs[4].pk)})
    assert "La seguiamo insieme ad altre:" in page(at_desk, f"{BASE}bisogno/{needs[4].pk}/", headers=HTMX)
    at_desk.post(f"{BASE}{issue.pk}/togli/{needs[4].pk}/")
    assert issue.joined.count() == 4
    assert "Ascensore fermo, scala B" in page(at_desk, f"{BASE}casa/{house.pk}/", headers=HTMX)
    assert f"{BASE}casa/{house.pk}/" in page(at_desk, f"/mazzini/banco/case/{house.pk}/")


def test_an_answer_is_given_to_all_from_one_form(
    at_desk: Client, mazzini: Lab, anna: User, house: Building, lift: NeedTerm
) -> None:
    needs = [asks(mazzini, anna, lift, house) for _ in range(3)]
    issue = start(house, anna, lift, *needs)
    sent = {"version": 1, "kind": "answered", "on": "oggi", "text": WORDS}
    first, again = (at_desk.post(f"{BASE}{issue.pk}/passo/", sent) for _ in range(2))
    assert (first.status_code, again.status_code, Answer.objects.count()) == (302, 422, 3)
    shown = page(at_desk, f"{BASE}{issue.pk}/")
    assert (WORDS in shown, "Data come risposta a 3 richieste." in shown) == (True, True)
    assert (WORDS in again.content.decode(), "Un collega ha appena cambiato" in again.content.decode()) == (True, True)


BAD_STEPS: list[tuple[dict[str, str], str]] = [
    ({"kind": "promised", "text": "qualcosa"}, "Scrivi il giorno che l’ente ha promesso."),
    ({"kind": "sent", "text": "qualcosa"}, "Scegli a quale ente."),
    ({"kind": "answered"}, "Scrivi che cosa diciamo a chi ha chiesto."),
    ({"kind": "solved", "to_all": "on"}, "Scrivi che cosa diciamo a chi ha chiesto."),
    ({"kind": "done"}, "Scrivi che cosa avete fatto."),
    ({"kind": "done", "text": "Chiamare 333 1234567"}, "Qui non si scrivono telefoni"),
    ({"kind": "done", "text": "scrivere a samira@example.org"}, "Qui non si scrivono telefoni"),
    ({"kind": "done", "text": "x", "on": "31/12/2099"}, "giorno"),
    ({"kind": "opened", "text": "x"}, "opened"),
    ({"kind": "done", "text": "x" * 601}, "600"),
]


@pytest.mark.parametrize(("typed", "sentence"), BAD_STEPS)
def test_a_bad_step_says_what_to_do_and_keeps_what_was_typed(
    typed: dict[str, str], sentence: str, at_desk: Client, anna: User, house: Building, lift: NeedTerm
) -> None:
    issue = start(house, anna, lift)
    answer = at_desk.post(f"{BASE}{issue.pk}/passo/", {"version": 1, "on": "oggi"} | typed)
    shown = answer.content.decode()
    issue.refresh_from_db()
    assert (answer.status_code, issue.version, sentence in shown, typed.get("text", "") in shown) == (
        422,
        1,
        True,
        True,
    )


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"title": ""}, "obbligatorio"),
        ({"title": "Chiamare 02 1234 5678"}, "Qui non si scrivono telefoni"),
        ({"next_on": "ieri"}, "«ieri» non è un giorno"),
        ({"needs": "01890000-0000-7000-8000-000000000000"}, "valida"),
    ],
)
def test_a_bad_issue_is_not_opened(
    fields: dict[str, str], sentence: str, at_desk: Client, mazzini: Lab, anna: User, house: Building, lift: NeedTerm
) -> None:
    asks(mazzini, anna, lift, house)
    sent = {"title": "Ascensore", "next_on": "+5"} | fields
    answer = at_desk.post(f"{BASE}nuova/?casa={house.pk}&bisogno={lift.code}", sent)
    assert (answer.status_code, sentence in answer.content.decode(), BuildingIssue.objects.count()) == (422, True, 0)


def test_a_house_is_asked_for_in_words(at_desk: Client, house: Building, lift: NeedTerm) -> None:
    found = page(at_desk, f"{BASE}nuova/?indirizzo=panigarola+3&bisogno={lift.code}")
    assert f"?casa={house.pk}&amp;bisogno={lift.code}" in found
    assert "non è tra le case" in page(at_desk, f"{BASE}nuova/?indirizzo=zzz&bisogno={lift.code}")
    assert page(at_desk, f"{BASE}nuova/?casa=boh&bisogno=boh&con=boh&indirizzo=%3Cscript%3E").count("<script>") == 0


def test_an_issue_moves_closes_and_opens_again(
    at_desk: Client, mazzini: Lab, anna: User, carla: User, house: Building, lift: NeedTerm
) -> None:
    issue = start(house, anna, lift)
    at_desk.post(f"{BASE}{issue.pk}/affida/", {"version": 1, "owner": str(carla.pk), "next_on": "+3"})
    at_desk.post(f"{BASE}{issue.pk}/passo/", {"version": 2, "kind": "not_solved", "on": "oggi"})
    issue.refresh_from_db()
    assert (issue.owner, issue.state) == (carla, "not_solved")
    assert (
        at_desk.post(f"{BASE}{issue.pk}/passo/", {"version": 3, "kind": "done", "on": "oggi", "text": "x"}).status_code
        == 422
    )
    at_desk.post(
        f"{BASE}{issue.pk}/riapri/", {"version": 3, "owner": str(anna.pk), "next_on": "+3", "text": "di nuovo"}
    )
    issue.refresh_from_db()
    assert (issue.owner, issue.state, "di nuovo" in page(at_desk, f"{BASE}{issue.pk}/")) == (anna, "open", True)


def test_what_is_due_has_a_fragment_for_the_day_of_its_owner(
    mazzini: Lab, anna: User, house: Building, lift: NeedTerm
) -> None:
    issue = start(house, anna, lift)
    BuildingIssue.objects.update(next_on=timezone.localdate())
    context = {
        "issues": issues_due(anna, mazzini),
        "today": timezone.localdate(),
        "request": type("R", (), {"lab": mazzini}),
    }
    assert f"{BASE}{issue.pk}/" in render_to_string("issues/_due.html", context)
    assert "questioni-oggi" not in render_to_string("issues/_due.html", context | {"issues": []})
