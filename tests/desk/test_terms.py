"""Suggestions while a need is typed at the desk, and what a retired term does to the figures of the past."""

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from ballatoio.base.accounts.models import Role, User
from ballatoio.base.directory.models import NeedTerm
from ballatoio.base.directory.term_files import packaged_taxonomy, taxonomy_of
from ballatoio.base.directory.term_index import forget_kept
from ballatoio.base.directory.term_services import add_local_term, import_taxonomy
from ballatoio.base.jobs.services import new_once_token
from ballatoio.base.labs.models import Lab
from ballatoio.base.vault.services import open_texts
from ballatoio.care.desk.figures import month_figures
from ballatoio.care.desk.models import Need
from ballatoio.care.desk.services import NeedHeard
from tests.factories import make_contact, make_user, sign_in

pytestmark = pytest.mark.django_db
NEW = "/mazzini/banco/contatti/nuovo/"
SEARCH = "/mazzini/banco/cerca/bisogni/"
ROME = ZoneInfo("Europe/Rome")
RECORDS = [
    {"code": "home", "it": "Casa"},
    {"code": "home-lift", "parent": "home", "it": "Ascensore", "synonyms": {"it": ["montacarichi"], "ar": ["مصعد"]}},
    {"code": "home-mould", "parent": "home", "it": "Muffa", "synonyms": {"it": ["umidità"], "zh-hans": ["发霉"]}},
    {"code": "home-repairs", "parent": "home", "it": "Riparazioni"},
    {"code": "money", "it": "Soldi"},
    {"code": "money-bills", "parent": "money", "it": "Bollette", "synonyms": {"it": ["mi staccano la luce"]}},
]


@pytest.fixture
def taxonomy(db: None) -> None:
    import_taxonomy(taxonomy_of(RECORDS, {"code": "1", "published_on": "2025-01-01"}), by=None)


@pytest.fixture
def at_desk(client: Client, anna: User, taxonomy: None) -> Client:
    return sign_in(client, anna)


def term(code: str) -> NeedTerm:
    return NeedTerm.objects.get(code=code)


def offered(client: Client, typed: str, box: str = "b1-need") -> tuple[list[str], str]:
    """What the desk offers for what is typed: the codes, and the one that is chosen."""
    found = client.post(SEARCH, {box: typed}).context["offered"]
    return [each.term.code for each in found.found], found.chosen


def form(**fields: Any) -> dict[str, Any]:
    about = {"channel": "walk_in", "who": "anonymous", "language": "it", "do": "next", "once": new_once_token()}
    return {**about, "b1-kind": "", "b1-next_on": "+5", **{f"b1-{name}": value for name, value in fields.items()}}


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("montac", (["home-lift"], "home-lift")),
        ("UMIDITA", (["home-mould"], "home-mould")),
        ("مصعد", (["home-lift"], "home-lift")),
        ("发霉", (["home-mould"], "home-mould")),
        ("ascensro", (["home-lift"], "")),
        ("ieri mi hanno staccato la luce", (["money-bills"], "")),
        ("xyzzy", ([], "")),
    ],
)
def test_the_desk_offers_what_may_be_meant(typed: str, answer: tuple[list[str], str], at_desk: Client) -> None:
    assert offered(at_desk, typed) == answer


def test_the_second_need_has_its_own_choices(at_desk: Client) -> None:
    shown = at_desk.post(SEARCH, {"b2-need": "muffa"}).content.decode()
    assert 'name="b2-pick" value="home-mould" id="b2-voce-home-mould" checked' in shown
    assert 'type="hidden" name="b2-asked" value="muffa"' in shown


def test_with_nothing_typed_the_desk_offers_what_it_used_most(at_desk: Client, mazzini: Lab, anna: User) -> None:
    make_contact(mazzini, anna, *[NeedHeard(term=term("home-mould"))] * 2, NeedHeard(term=term("money-bills")))
    assert offered(at_desk, "") == (["home-mould", "money-bills"], "")
    before = datetime(2020, 5, 4, 10, tzinfo=ROME)
    with time_machine.travel(before):
        make_contact(mazzini, anna, *[NeedHeard(term=term("home-lift"))] * 9)
    assert offered(at_desk, "")[0] == ["home-mould", "money-bills"]


def test_who_does_not_work_at_this_desk_gets_nothing(taxonomy: None, mazzini: Lab, bruno: User, dario: User) -> None:
    interpreter = make_user("Ines", mazzini, Role.INTERPRETER)
    answers = [
        sign_in(Client(), user).post(SEARCH, {"b1-need": "muffa"}).status_code for user in (bruno, dario, interpreter)
    ]
    assert [*answers, Client().post(SEARCH).status_code] == [404, 404, 403, 302]


def test_what_is_typed_is_never_asked_by_address(at_desk: Client) -> None:
    assert at_desk.get(SEARCH, {"b1-need": "muffa"}).status_code == 405
    assert 'hx-get="/mazzini/banco/cerca/bisogni/' not in at_desk.get(NEW).content.decode()


@pytest.mark.parametrize("typed", ["<script>", "\x00", "a" * 5000, "%s", "'; DROP TABLE", "\U0001f600"])
def test_hostile_input_is_only_text(typed: str, at_desk: Client) -> None:
    response = at_desk.post(SEARCH, {"b1-need": typed, "b9999-need": "x"})
    assert (response.status_code, "<script>" in response.content.decode()) == (200, False)


def test_one_query_at_most_when_the_taxonomy_is_kept(
    client: Client, mazzini: Lab, anna: User, taxonomy_kept: None
) -> None:
    import_taxonomy(packaged_taxonomy(), by=None)
    forget_kept()
    browser = sign_in(client, anna)

    def cost(typed: str) -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            browser.post(SEARCH, {"b1-need": typed})
        return [query["sql"] for query in captured]

    cost("bolletta")
    # The session, the user, where they work: what every page of the staff asks.
    assert len(cost("bolletta")) == len(cost("mi hanno staccato la luce")) == 3


def test_a_choice_counts_for_the_words_it_was_made_for_and_keeps_them(at_desk: Client) -> None:
    typed = "ieri mi hanno staccato la luce"
    at_desk.post(NEW, form(need=typed, pick="money-bills", asked=typed))
    need = Need.objects.get()
    assert (str(need.term), open_texts(need)) == ("Bollette", {"words": typed})


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"need": "muffa", "pick": "money-bills", "asked": "muff"}, "Muffa"),
        ({"need": "muffa", "pick": "-", "asked": "muffa"}, "Con parole sue"),
        ({"need": "muffa", "pick": "nothing", "asked": "muffa"}, "Con parole sue"),
        ({"need": "muffa"}, "Muffa"),
        ({"need": "una cosa mia"}, "Con parole sue"),
    ],
)
def test_what_a_need_is_kept_under(fields: dict[str, str], expected: str, at_desk: Client) -> None:
    at_desk.post(NEW, form(**fields))
    need = Need.objects.get()
    words = {} if need.term else {"words": fields["need"]}
    assert (str(need), open_texts(need)) == (expected, words)


def test_without_a_script_the_button_looks_and_keeps_all_that_was_typed(at_desk: Client) -> None:
    sent = form(need="ascensro", text="ha un bambino") | {"do": "look", "b2-need": "bolletta", "note": "passa domani"}
    page = at_desk.post(NEW, sent)
    text = page.content.decode()
    assert page.status_code == 200
    assert 'name="b1-pick" value="home-lift"' in text
    assert 'name="b2-pick" value="money-bills"' in text
    assert all(typed in text for typed in ("ascensro", "passa domani"))
    at_desk.post(NEW, form(need="ascensro", pick="home-lift", asked="ascensro"))
    assert Need.objects.get().term == term("home-lift")


def test_a_local_word_of_the_lab_is_kept_under_its_shared_term(at_desk: Client, mazzini: Lab, elena: User) -> None:
    add_local_term(term("money-bills"), lab=mazzini, name="Bonus utenze", by=elena)
    assert offered(at_desk, "bonus ut") == (["money-bills"], "money-bills")
    at_desk.post(NEW, form(need="bonus utenze"))
    assert Need.objects.get().term == term("money-bills")


def test_a_term_retired_this_year_still_counts_in_last_years_figures(at_desk: Client, mazzini: Lab, anna: User) -> None:
    with time_machine.travel(datetime(2025, 3, 4, 10, tzinfo=ROME)):
        make_contact(mazzini, anna, *[NeedHeard(term=term("home-lift"))] * 3, NeedHeard(term=term("home-mould")))
    before = month_figures(mazzini, date(2025, 3, 1))
    retired = [
        record | {"retired": True, "successor": "home-repairs"} if record["code"] == "home-lift" else record
        for record in RECORDS
    ]
    import_taxonomy(taxonomy_of(retired, {"code": "2", "published_on": "2026-01-01"}), by=None)
    after = month_figures(mazzini, date(2025, 3, 1))
    assert (after.terms, after.needs) == (before.terms, before.needs)
    assert [(row.label, row.count) for row in after.terms.rows] == [("Casa", 4)]
    # The figure opens onto exactly those needs.
    assert at_desk.get(f"/mazzini/banco/bisogni/?{after.terms.rows[0].query}").context["page"].paginator.count == 4
    alone = at_desk.get("/mazzini/banco/bisogni/?stato=tutti&bisogno=home-lift")
    assert alone.context["page"].paginator.count == 3
    assert "Ascensore (non si usa più)" in alone.content.decode()
    # And it is not offered any more, but its words lead to what took its place.
    assert offered(at_desk, "montacarichi") == (["home-repairs"], "home-repairs")
