"""The pages of the words by which people call their needs: who sees and does what, what they cost."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from ballatoio.base.accounts.models import Role, User
from ballatoio.base.directory.models import LocalTerm, NeedSynonym, NeedTerm
from ballatoio.base.directory.term_files import taxonomy_of
from ballatoio.base.directory.term_services import add_local_term, import_taxonomy
from ballatoio.base.labs.models import Lab
from ballatoio.care.desk.services import NeedHeard
from tests.factories import make_contact, make_user, sign_in

pytestmark = pytest.mark.django_db
WORDS = "/mazzini/servizi/gestione/parole/"
ACTS = ("nuove/", "rilette/", "laboratorio/")
RECORDS = [
    {"code": "home", "it": "Casa"},
    {"code": "home-lift", "parent": "home", "it": "Ascensore", "ar": "المصعد", "synonyms": {"it": ["montacarichi"]}},
    {"code": "home-mould", "parent": "home", "it": "Muffa", "synonyms": {"zh-hans": ["发霉"]}},
    {"code": "richiamata", "it": "Essere richiamati", "listed": False},
]
VERSION = {"code": "2026.11", "published_on": "2026-11-22", "source": "Una fonte", "licence": "MIT"}


@pytest.fixture(autouse=True)
def taxonomy(db: None) -> None:
    import_taxonomy(taxonomy_of(RECORDS, VERSION), by=None)


@pytest.fixture
def coordinator(client: Client, elena: User) -> Client:
    return sign_in(client, elena)


def term(code: str) -> NeedTerm:
    return NeedTerm.objects.get(code=code)


def rows(client: Client, query: str = "") -> list[tuple[str, int, int, int, list[str]]]:
    listed = client.get(f"{WORDS}{query}").context["rows"]
    return [(row.term.code, row.used, row.words, row.unread, row.local) for row in listed]


def test_staff_reads_mediators_judge_and_only_the_coordinator_keeps_local_words(
    mazzini: Lab, anna: User, bruno: User, carla: User, dario: User, elena: User
) -> None:
    local = add_local_term(term("home"), lab=mazzini, name="Bonus", by=elena)
    expected = {
        anna: (200, 403, 403),
        carla: (200, 302, 403),
        elena: (200, 302, 302),
        bruno: (404,) * 3,
        dario: (404,) * 3,
    }
    answers = {}
    for user in expected:
        browser = sign_in(Client(), user)
        answers[user] = (
            browser.get(WORDS).status_code,
            browser.post(f"{WORDS}rilette/", {"voce": "home"}).status_code,
            browser.post(f"{WORDS}laboratorio/{local.pk}/").status_code,
        )
    assert answers == expected
    assert Client().get(WORDS).status_code == 302


def test_the_list_counts_uses_words_and_local_words(
    coordinator: Client, mazzini: Lab, milo: Lab, anna: User, bruno: User, elena: User
) -> None:
    lift = term("home-lift")
    make_contact(mazzini, anna, NeedHeard(term=lift), NeedHeard(term=lift), NeedHeard(words="un’altra cosa"))
    make_contact(milo, bruno, NeedHeard(term=lift))
    add_local_term(lift, lab=mazzini, name="Bonus scale", by=elena)
    assert rows(coordinator) == [
        ("home", 0, 0, 0, []),
        ("home-lift", 2, 1, 1, ["Bonus scale"]),
        ("home-mould", 0, 1, 1, []),
    ]
    page = coordinator.get(WORDS)
    assert page.context["own_words"] == 1
    assert "Elenco 2026.11, del 22 novembre 2026." in page.content.decode()


@pytest.mark.parametrize(("query", "found"), [("montacar", ["home-lift"]), ("发霉", ["home-mould"]), ("xyzzy", [])])
def test_a_word_is_looked_for_in_any_language(query: str, found: list[str], coordinator: Client) -> None:
    assert [row[0] for row in rows(coordinator, f"?q={query}")] == found


def test_a_need_that_is_not_there_leads_to_the_list(coordinator: Client) -> None:
    for query in ("", "?voce=nothing", "?voce=%00"):
        response = coordinator.get(f"{WORDS}voce/{query}")
        assert (response.status_code, response.headers["Location"]) == (302, WORDS)
    for act in ACTS:
        sent = [coordinator.post(f"{WORDS}{act}", {"voce": code}) for code in ("nothing", "\x00", "")]
        assert [(answer.status_code, answer.headers["Location"]) for answer in sent] == [(302, WORDS)] * 3


def test_a_mediator_proposes_words_and_says_which_ones_were_read(client: Client, carla: User, mazzini: Lab) -> None:
    browser = sign_in(client, carla)
    sent = {"voce": "home-lift", "language": "ar", "words": "أسانسير\n مصعد معطل , أسانسير"}
    response = browser.post(f"{WORDS}nuove/", sent)
    assert response.headers["Location"] == f"{WORDS}voce/?voce=home-lift"
    words = NeedSynonym.objects.filter(lab=mazzini).order_by("text")
    assert [(word.text, word.state, word.changed_by) for word in words] == [
        ("أسانسير", "draft", carla),
        ("مصعد معطل", "draft", carla),
    ]
    browser.post(f"{WORDS}rilette/", {"voce": "home-lift", "state": "reviewed", "word": [str(w.pk) for w in words]})
    assert set(words.values_list("state", flat=True)) == {"reviewed"}
    shown = browser.get(f"{WORDS}voce/?voce=home-lift")
    assert [(group["code"], len(group["words"]), group["unread"]) for group in shown.context["by_language"]] == [
        ("it", 1, 1),
        ("ar", 2, 0),
    ]


@pytest.mark.parametrize(
    ("act", "sent", "sentence"),
    [
        ("nuove/", {"language": "it", "words": "?!"}, "Scrivi almeno una parola, con lettere o numeri."),
        ("nuove/", {"language": "it", "words": "x" * 90}, "è troppo lunga: al massimo 80 caratteri."),
        (
            "nuove/",
            {"language": "it", "words": ",".join(map(str, range(30)))},
            "Sono troppe: al massimo 20 alla volta.",
        ),
        ("laboratorio/", {"name": "MUFFA", "words": ""}, "Questa parola c’è già: porta a «Muffa»."),
        ("laboratorio/", {"name": "!!", "words": "qualcosa"}, "Scrivi almeno una parola, con lettere o numeri."),
    ],
)
def test_a_wrong_word_gets_a_sentence_and_stays_on_the_page(
    act: str, sent: dict[str, str], sentence: str, coordinator: Client
) -> None:
    response = coordinator.post(f"{WORDS}{act}", {"voce": "home-lift", **sent})
    text = response.content.decode()
    assert (response.status_code, sentence in text, NeedSynonym.objects.count()) == (422, True, 2)
    assert f'value="{sent["name"]}"' in text if "name" in sent else sent["words"] in text


def test_a_local_word_is_added_and_retired_by_the_coordinator(coordinator: Client, mazzini: Lab) -> None:
    coordinator.post(f"{WORDS}laboratorio/", {"voce": "home-lift", "name": "Bonus scale", "words": "contributo scale"})
    local = LocalTerm.objects.get()
    assert (local.lab, local.term.code, local.other_words) == (mazzini, "home-lift", ["contributo scale"])
    coordinator.post(f"{WORDS}laboratorio/{local.pk}/")
    local.refresh_from_db()
    assert local.retired_on is not None
    assert "<del>Bonus scale</del>" in coordinator.get(f"{WORDS}voce/?voce=home-lift").content.decode()


def test_the_words_of_another_lab_are_not_shown_nor_judged(
    coordinator: Client, mazzini: Lab, milo: Lab, elena: User
) -> None:
    theirs = make_user("Gina", milo, Role.COORDINATOR)
    sign_in(Client(), theirs).post(
        "/milo/servizi/gestione/parole/nuove/", {"voce": "home-lift", "language": "it", "words": "lift"}
    )
    word = NeedSynonym.objects.get(text="lift")
    assert "lift</label>" not in coordinator.get(f"{WORDS}voce/?voce=home-lift").content.decode().replace("\n", "")
    coordinator.post(f"{WORDS}rilette/", {"voce": "home-lift", "state": "withdrawn", "word": [str(word.pk)]})
    word.refresh_from_db()
    assert word.state == "draft"


def test_the_pages_cost_the_same_with_few_words_and_with_many(
    coordinator: Client, mazzini: Lab, elena: User, taxonomy_kept: None
) -> None:
    pages = (WORDS, f"{WORDS}?q=casa", f"{WORDS}voce/?voce=home-lift")

    def costs() -> list[int]:
        found = []
        for page in pages:
            with CaptureQueriesContext(connection) as captured:
                assert coordinator.get(page).status_code == 200
            found.append(len(captured))
        return found

    costs()
    few = costs()
    lift = term("home-lift")
    NeedSynonym.objects.bulk_create(
        NeedSynonym(term=lift, language="it", text=f"parola {n}", normalised=f"parola {n}", changed_by=elena)
        for n in range(100)
    )
    LocalTerm.objects.bulk_create(
        LocalTerm(lab=mazzini, term=lift, name=f"nostra {n}", normalised=f"nostra {n}") for n in range(100)
    )
    assert (costs(), max(few) <= 10) == (few, True)
