"""The pages of the desk, as operators meet them: today, a new contact, drafts, corrections, lists."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ballatoio.base.accounts.models import Role, User
from ballatoio.base.audit.models import AuditEntry
from ballatoio.base.core.sheets.export import safe_cell
from ballatoio.base.directory.term_index import index_of
from ballatoio.base.jobs.models import Draft
from ballatoio.base.jobs.services import new_once_token
from ballatoio.base.labs.models import Lab
from ballatoio.base.labs.services import add_working_days
from ballatoio.base.people.models import Person
from ballatoio.base.people.services import register_person
from ballatoio.base.vault.services import open_texts
from ballatoio.care.desk.fields import LONGEST_TEXT, read_day
from ballatoio.care.desk.models import Answer, Contact, Need
from ballatoio.care.desk.services import AnswerGiven, NeedHeard, amend_contact
from ballatoio.care.desk.terms import term_chosen
from tests.factories import make_building, make_contact, make_need, make_service, make_term, make_user, sign_in

HTMX = {"HX-Request": "true"}
NEW = "/mazzini/banco/contatti/nuovo/"
CANARY = "il vicino beve e urla di notte"


@pytest.fixture
def at_desk(client: Client, anna: User) -> Client:
    return sign_in(client, anna)


def form(**fields: Any) -> dict[str, Any]:
    """What the browser sends when somebody types one need and saves; `need` and the like are of the first need."""
    first = {"need": "ISEE", "kind": "", "told": "on", "next_on": "+5"}
    about = {"channel": "walk_in", "who": "anonymous", "language": "it", "do": "next", "once": new_once_token()}
    of_need = ("need", "kind", "service", "text", "told", "told_through", "owner", "next_on", "outside_reference")
    given = {(f"b1-{name}" if name in (*of_need, "deadline_on") else name): value for name, value in fields.items()}
    return {**about, **{f"b1-{name}": value for name, value in first.items()}, **given}


def text_of(response: HttpResponse) -> str:
    return response.content.decode()


# --- who comes in -----------------------------------------------------------------------------------------

READING = ["", "contatti/", "contatti/nuovo/", "contatti/contatti.csv", "bisogni/", "bisogni/passaggio/", "mese/"]


@pytest.mark.parametrize("path", READING)
def test_the_desk_opens_to_those_who_work_there_and_to_nobody_else(
    path: str, mazzini: Lab, anna: User, bruno: User, carla: User, dario: User, elena: User
) -> None:
    make_contact(mazzini, anna, words=CANARY)
    interpreter = make_user("Ines", mazzini, Role.INTERPRETER)
    expected = {anna: 200, carla: 200, elena: 200, bruno: 404, dario: 404, interpreter: 403}
    answers = {user: sign_in(Client(), user).get(f"/mazzini/banco/{path}") for user in expected}
    assert {user: answer.status_code for user, answer in answers.items()} == expected
    assert Client().get(f"/mazzini/banco/{path}").status_code == 302


@pytest.mark.parametrize("page", ["contatti/{contact}/", "contatti/{contact}/correggi/", "bisogni/{need}/"])
def test_a_record_of_another_lab_answers_like_a_missing_one(
    page: str, at_desk: Client, mazzini: Lab, milo: Lab, anna: User, bruno: User
) -> None:
    ours, theirs = make_need(mazzini, anna), make_need(milo, bruno)
    missing = {"contact": theirs.owner_id, "need": theirs.owner_id}
    found = [
        at_desk.get("/mazzini/banco/" + page.format(contact=n.contact_id, need=n.pk)).status_code
        for n in (ours, theirs)
    ]
    assert [*found, at_desk.get("/mazzini/banco/" + page.format(**missing)).status_code] == [200, 404, 404]


def test_reading_a_contact_shows_its_texts_and_leaves_a_trace(at_desk: Client, mazzini: Lab, anna: User) -> None:
    contact = make_contact(mazzini, anna, words=CANARY)
    assert CANARY in text_of(at_desk.get(f"/mazzini/banco/contatti/{contact.pk}/"))
    assert AuditEntry.objects.filter(verb="contact.read", object_id=str(contact.pk), actor_id=anna.pk).count() == 1


@pytest.mark.parametrize("path", ["", "contatti/", "contatti/contatti.csv", "bisogni/", "mese/"])
def test_no_list_shows_what_was_told(path: str, at_desk: Client, mazzini: Lab, anna: User) -> None:
    make_contact(mazzini, anna, NeedHeard(words=CANARY), words=CANARY, note=CANARY)
    response = at_desk.get(f"/mazzini/banco/{path}")
    body = b"".join(response) if response.streaming else response.content  # type: ignore[arg-type]
    assert CANARY not in body.decode()


# --- a new contact ------------------------------------------------------------------------------------------


def test_an_anonymous_answer_at_the_desk_closes_in_one_save(at_desk: Client, mazzini: Lab, anna: User) -> None:
    make_term("ISEE")
    caf = make_service(mazzini, "CAF di zona")
    sent = form(kind="orientation", service="caf", text="Ci va domani", language="ar", interpreter="staff", do="print")
    response = at_desk.post(NEW, sent)
    contact = Contact.objects.get()
    need, answer = contact.needs.get(), Answer.objects.get()
    assert response.headers["Location"] == f"/mazzini/banco/contatti/{contact.pk}/#schede"
    assert (contact.person, contact.language, contact.interpreter, contact.recorded_by) == (None, "ar", "staff", anna)
    assert (need.state, need.told_how, str(need)) == (Need.State.CLOSED, Need.Told.FACE_TO_FACE, "ISEE")
    assert (answer.kind, answer.service, open_texts(answer)) == ("orientation", caf, {"text": "Ci va domani"})
    assert f"/mazzini/servizi/{caf.slug}/scheda.pdf?lingua=ar" in text_of(at_desk.get(response.headers["Location"]))


def test_anonymous_stays_anonymous_whatever_was_typed_before(at_desk: Client, mazzini: Lab) -> None:
    at_desk.post(NEW, form(given_name="Samira", family_name="Haddad", look_for="sam"))
    assert (Contact.objects.get().person, Person.objects.count()) == (None, 0)


def test_a_known_person_is_found_by_three_letters_and_the_need_keeps_owner_and_date(
    at_desk: Client, mazzini: Lab, anna: User, carla: User
) -> None:
    samira = register_person(mazzini, by=anna, given_name="Samira", family_name="Haddad")
    found = at_desk.get("/mazzini/banco/cerca/persone/", {"look_for": "had"}, headers=HTMX)
    assert f'value="{samira.pk}"' in text_of(found) and "<html" not in text_of(found)
    at_desk.post(NEW, form(who="known", person=str(samira.pk), need="vuole il cortile pulito", owner=str(carla.pk)))
    need = Need.objects.get()
    due = add_working_days(mazzini, timezone.localdate(), 5)
    assert (need.person, need.owner, need.next_on, need.state) == (samira, carla, due, Need.State.OPEN)
    assert (need.term, open_texts(need)) == (None, {"words": "vuole il cortile pulito"})


def test_a_person_of_another_lab_cannot_be_chosen(at_desk: Client, milo: Lab, bruno: User) -> None:
    stranger = register_person(milo, by=bruno, given_name="Rosa", family_name="Bianchi")
    response = at_desk.post(NEW, form(who="known", person=str(stranger.pk)))
    assert (response.status_code, Contact.objects.count()) == (422, 0)
    assert "Rosa" not in text_of(response)


def test_a_new_person_is_written_down_once_with_the_contact(at_desk: Client, mazzini: Lab) -> None:
    sent = form(who="new", given_name="Samira", family_name="Haddad", phone="333 1234567")
    first, second = at_desk.post(NEW, sent), at_desk.post(NEW, sent)
    assert (first.status_code, second.status_code) == (302, 302)
    assert (Person.objects.count(), Contact.objects.count()) == (1, 1)
    assert Contact.objects.get().person == Person.objects.get()


def test_somebody_who_looks_known_is_asked_about_before_being_written_twice(
    at_desk: Client, mazzini: Lab, anna: User
) -> None:
    samira = register_person(mazzini, by=anna, given_name="Samira", family_name="Haddad")
    sent = form(who="new", given_name="Samira", family_name="Haddad")
    response = at_desk.post(NEW, sent)
    assert (response.status_code, Person.objects.count()) == (422, 1)
    assert f'name="same_as" value="{samira.pk}"' in text_of(response)
    at_desk.post(NEW, sent | {"same_as": str(samira.pk)})
    assert (Contact.objects.get().person, Person.objects.count()) == (samira, 1)
    at_desk.post(NEW, sent | {"is_another": "on", "once": new_once_token()})
    assert Person.objects.count() == 2


def test_a_double_click_saves_once_and_leads_to_the_first_contact(at_desk: Client, mazzini: Lab) -> None:
    sent = form()
    at_desk.post(NEW, sent)
    again = at_desk.post(NEW, sent)
    assert again.headers["Location"] == f"/mazzini/banco/contatti/{Contact.objects.get().pk}/"


def test_three_needs_in_one_save(at_desk: Client, mazzini: Lab) -> None:
    make_term("Sfratto")
    second = {"b2-need": "sfratto", "b2-kind": "follow_up", "b2-told": "on", "b2-next_on": "+2"}
    third = {"b3-need": "il citofono", "b3-kind": "information", "b3-told": "on"}
    at_desk.post(NEW, form(kind="practical_help", outside_reference="ISEE-77", deadline_on="31/12") | second | third)
    states = [need.state for need in Contact.objects.get().needs.order_by("opened_at", "pk")]
    assert states == [Need.State.CLOSED, Need.State.OPEN, Need.State.CLOSED]
    help_given = Answer.objects.get(kind="practical_help")
    assert help_given.outside_reference == "ISEE-77"
    assert help_given.deadline_on is not None and (help_given.deadline_on.day, help_given.deadline_on.month) == (31, 12)


def test_who_writes_for_another_has_told_nobody_unless_it_is_said(at_desk: Client, mazzini: Lab) -> None:
    at_desk.post(NEW, form(channel="message", kind="information", text="Martedì"))
    assert Need.objects.get().state == Need.State.ANSWERED
    at_desk.post(NEW, form(channel="third_party", kind="information", text="Martedì", told_through="on"))
    assert sorted(Need.objects.values_list("state", flat=True)) == [Need.State.ANSWERED, Need.State.CLOSED]


BAD: list[tuple[dict[str, str], str]] = [
    ({"need": ""}, "Scrivi che cosa chiede"),
    ({"next_on": "31/2"}, "«31/2» non è un giorno del calendario"),
    ({"next_on": "1/1/2020"}, "già passato"),
    ({"kind": "orientation", "service": "astronave"}, "«astronave» non è tra i servizi"),
    ({"kind": "not_for_us"}, "Scrivi a quale servizio"),
    ({"kind": "information", "text": "la password: pippo123"}, "password"),
    ({"building": "via che non esiste 99"}, "non è tra le case del laboratorio"),
    ({"who": "known", "look_for": "zzz"}, "Scegli la persona dall’elenco"),
    ({"who": "new"}, "Scrivi almeno un nome"),
    ({"who": "new", "given_name": "Ada", "phone": "tre tre tre"}, "contiene lettere"),
    ({"words": "x" * (LONGEST_TEXT + 1)}, "Il testo è troppo lungo"),
]


@pytest.mark.parametrize(("typed", "sentence"), BAD, ids=[sentence[:24] for _typed, sentence in BAD])
def test_bad_input_gets_one_sentence_and_keeps_what_was_typed(
    typed: dict[str, str], sentence: str, at_desk: Client, mazzini: Lab
) -> None:
    response = at_desk.post(NEW, form(**{"note": "nota da non perdere", "need": "ISEE per la scuola"} | typed))
    page = text_of(response)
    assert (response.status_code, Contact.objects.count()) == (422, 0)
    assert sentence in page and "nota da non perdere" in page
    kept = [value for name, value in typed.items() if value and name not in ("who", "kind", "words")]
    assert [value for value in kept if value not in page] == []
    assert ("x" * LONGEST_TEXT in page) == ("words" in typed) and "x" * (LONGEST_TEXT + 1) not in page


def test_a_paste_of_ten_megabytes_is_refused_in_words_and_nothing_is_saved(at_desk: Client, mazzini: Lab) -> None:
    response = at_desk.post(NEW, form(words="x" * 10_000_000))
    assert (response.status_code, Contact.objects.count()) == (413, 0)
    assert "troppo grande" in text_of(response)
    # In the browser the paste never gets that far: the boxes take no more than the limit.
    assert text_of(at_desk.get(NEW)).count(f'maxlength="{LONGEST_TEXT}"') == 5


def test_a_search_without_script_keeps_the_whole_form(at_desk: Client, mazzini: Lab, anna: User) -> None:
    register_person(mazzini, by=anna, given_name="Samira", family_name="Haddad")
    page = text_of(at_desk.post(NEW, form(do="look", who="known", look_for="haddad", need="la caldaia")))
    assert ("Samira Haddad" in page, 'value="la caldaia"' in page, Contact.objects.count()) == (True, True, 0)


def test_an_address_is_found_forgivingly(at_desk: Client, mazzini: Lab) -> None:
    house = make_building(mazzini, "via Panigarola", "7")
    at_desk.post(NEW, form(building="panigarola 7"))
    assert Contact.objects.get().building == house


def test_a_full_disk_says_so_and_keeps_the_form(
    at_desk: Client, mazzini: Lab, fail_writes: Callable[[str], None]
) -> None:
    fail_writes("desk_contact")
    response = at_desk.post(NEW, form(need="la caldaia fredda"))
    assert (response.status_code, Contact.objects.count()) == (422, 0)
    assert "Non è stato possibile salvare" in text_of(response) and "la caldaia fredda" in text_of(response)


@pytest.fixture
def fail_writes(db: None) -> Any:
    """The database refuses to write a table, as it does when the disk is full."""

    def refuse(table: str) -> None:
        def wrapper(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            if sql.startswith(f'INSERT INTO "{table}"'):
                sql = f'INSERT INTO "{table}_full_disk" VALUES (1)'
                params = None
            return execute(sql, params, many, context)

        manager = connection.execute_wrapper(wrapper)
        manager.__enter__()
        managers.append(manager)

    managers: list[Any] = []
    yield refuse
    for manager in managers:
        manager.__exit__(None, None, None)


def test_the_program_keeps_the_time(at_desk: Client, mazzini: Lab) -> None:
    page = at_desk.get(NEW)
    started = page.context["about"].initial["started"]
    before = timezone.now()
    at_desk.post(NEW, form(started=started))
    contact = Contact.objects.get()
    assert contact.started_at < before < contact.ended_at
    at_desk.post(NEW, form(started="2001-01-01T00:00:00Z:forged"))
    assert Contact.objects.filter(started_at__lt=before).count() == 1


# --- drafts -------------------------------------------------------------------------------------------------

SAVE_DRAFT = "/mazzini/banco/bozze/salva/"


def test_a_draft_is_offered_to_its_writer_alone_and_never_poured_in(
    at_desk: Client, mazzini: Lab, anna: User, carla: User, elena: User
) -> None:
    typed = form(draft="k1", need="la caldaia fredda", words=CANARY)
    answer = at_desk.post(SAVE_DRAFT, typed | {"draft_version": ""}, headers=HTMX)
    draft = Draft.objects.get()
    assert (answer.status_code, "Bozza al sicuro" in text_of(answer)) == (200, True)
    page = text_of(at_desk.get(NEW))
    assert ("Hai un contatto non finito" in page, "la caldaia fredda" in page) == (True, False)
    resumed = text_of(at_desk.get(NEW, {"bozza": str(draft.pk)}))
    assert ('value="la caldaia fredda"' in resumed, CANARY in resumed, 'value="k1"' in resumed) == (True, True, True)
    for colleague in (carla, elena):
        hers = sign_in(Client(), colleague)
        pages = [text_of(hers.get(path)) for path in (NEW, f"{NEW}?bozza={draft.pk}", "/mazzini/banco/")]
        assert [page for page in pages if "non finito" in page or CANARY in page] == []
        assert hers.post(f"/mazzini/banco/bozze/{draft.pk}/scarta/").status_code == 404


def test_saving_the_contact_forgets_its_draft_and_a_late_autosave_does_not_bring_it_back(
    at_desk: Client, mazzini: Lab
) -> None:
    typed = form(draft="k1")
    at_desk.post(SAVE_DRAFT, typed)
    at_desk.post(NEW, typed)
    assert (Contact.objects.count(), Draft.objects.count()) == (1, 0)
    at_desk.post(SAVE_DRAFT, typed)
    assert Draft.objects.count() == 0


def test_the_same_draft_in_two_windows_says_so(at_desk: Client, mazzini: Lab) -> None:
    at_desk.post(SAVE_DRAFT, form(draft="k1"))
    at_desk.post(SAVE_DRAFT, form(draft="k1", need="una cosa") | {"draft_version": "1"})
    late = at_desk.post(SAVE_DRAFT, form(draft="k1", need="un’altra") | {"draft_version": "1"})
    assert "aperta anche in un’altra finestra" in text_of(late)
    assert "una cosa" in str(at_desk.get(NEW, {"bozza": str(Draft.objects.get().pk)}).content.decode())


def test_a_session_that_ends_at_the_save_loses_nothing(mazzini: Lab, anna: User, client: Client) -> None:
    sign_in(client, anna)
    typed = form(draft="k1", need="la caldaia fredda")
    client.post(SAVE_DRAFT, typed)
    client.session.flush()
    response = client.post(NEW, typed)
    assert (response.status_code, response.headers["Location"]) == (302, f"/accesso/login/?next={NEW}")
    assert "Hai un contatto non finito" in text_of(sign_in(client, anna).get("/mazzini/banco/"))


@pytest.mark.parametrize("version", ["²", "-1", "9" * 5000])
def test_a_version_that_makes_no_sense_loses_no_draft(at_desk: Client, version: str) -> None:
    assert at_desk.post(SAVE_DRAFT, form(draft="k1", once="a\0b") | {"draft_version": version}).status_code == 200
    assert Draft.objects.count() == 1


def test_a_draft_is_thrown_away(at_desk: Client, mazzini: Lab) -> None:
    at_desk.post(SAVE_DRAFT, form(draft="k1"))
    at_desk.post(f"/mazzini/banco/bozze/{Draft.objects.get().pk}/scarta/")
    assert Draft.objects.count() == 0


# --- two operators on one contact -----------------------------------------------------------------------------


def test_two_operators_see_both_versions_and_nothing_is_overwritten(
    at_desk: Client, mazzini: Lab, anna: User, carla: User
) -> None:
    contact = make_contact(mazzini, anna, words="prima versione")
    page = f"/mazzini/banco/contatti/{contact.pk}/correggi/"
    assert "prima versione" in text_of(at_desk.get(page))
    same = {"channel": "phone", "person": None, "building": None, "language": "it", "interpreter": "none", "note": ""}
    amend_contact(contact, by=carla, version=1, words="quello che ha scritto Carla", **same)  # type: ignore[arg-type]
    mine = {
        "version": 1,
        "channel": "walk_in",
        "language": "it",
        "interpreter": "none",
        "words": "quello che ha scritto Anna",
        "do": "save",
    }
    refused = at_desk.post(page, mine)
    shown = text_of(refused)
    assert (refused.status_code, "scritto Carla" in shown, "scritto Anna" in shown) == (409, True, True)
    assert 'name="version" value="2"' in shown
    assert refused.context["different"] == ["channel", "words"]
    assert at_desk.post(page, mine | {"version": 2}).status_code == 302
    contact.refresh_from_db()
    assert (open_texts(contact)["words"], contact.version) == ("quello che ha scritto Anna", 3)


# --- lists ------------------------------------------------------------------------------------------------------


def many(lab: Lab, by: User, count: int) -> None:
    person = register_person(lab, by=by, given_name="Samira", family_name="Haddad")
    house = make_building(lab)
    for _ in range(count):
        make_contact(lab, by, person=person, building=house)


def queries(client: Client, path: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        response = client.get(path)
    assert response.status_code == 200
    return len(captured)


# The coordinator's day is put together out of six rooms.
LISTS = [
    ("", 15),
    ("contatti/", 10),
    ("contatti/?canale=walk_in&q=affitto&stato=aperti", 10),
    ("bisogni/", 10),
    ("mese/", 10),
]


@pytest.mark.parametrize(("path", "most"), LISTS)
def test_a_list_costs_the_same_with_25_rows_and_with_100(
    path: str, most: int, mazzini: Lab, anna: User, elena: User
) -> None:
    client = sign_in(Client(), elena)
    many(mazzini, elena, 25)
    client.get(f"/mazzini/banco/{path}")
    few = queries(client, f"/mazzini/banco/{path}")
    many(mazzini, elena, 75)
    assert (queries(client, f"/mazzini/banco/{path}"), few <= most) == (few, True)


def test_a_save_costs_no_more_than_twelve_queries(at_desk: Client, mazzini: Lab, taxonomy_kept: None) -> None:
    make_term("ISEE")
    sent = form(kind="information", text="Martedì alle nove", next_on="")
    at_desk.post(NEW, sent)  # the first one of a lab begins its chain of acts, and reads the taxonomy
    with CaptureQueriesContext(connection) as captured:
        assert at_desk.post(NEW, sent | {"once": new_once_token()}).status_code == 302
    # The test's own transaction turns those of the program into savepoints, which are not queries of its own.
    asked = [query["sql"] for query in captured if "SAVEPOINT" not in query["sql"]]
    assert len(asked) == 11, "\n".join(asked)


def test_every_contact_is_on_one_page_and_on_one_only(at_desk: Client, mazzini: Lab, anna: User) -> None:
    many(mazzini, anna, 60)
    same = timezone.now() - timedelta(days=1)
    Contact.objects.update(started_at=same)
    seen, path = [], "/mazzini/banco/contatti/"
    while path:
        page = at_desk.get(path).context["page"]
        seen += [contact.pk for contact in page.rows]
        path = f"/mazzini/banco/contatti/?dopo={page.next}" if page.next else ""
    assert (len(seen), len(set(seen))) == (60, 60)


def test_filters_answer_htmx_with_the_rows_alone(at_desk: Client, mazzini: Lab, anna: User) -> None:
    make_contact(mazzini, anna, channel="phone", language="ar")
    make_contact(mazzini, anna, channel="walk_in")
    response = at_desk.get("/mazzini/banco/contatti/", {"canale": "phone"}, headers=HTMX)
    assert ("<html" in text_of(response), response.context["total"]) == (False, 1)
    assert [contact.language for contact in response.context["page"].rows] == ["ar"]


FILTERS: list[tuple[dict[str, str], int]] = [
    ({"lingua": "ar"}, 1),
    ({"chi": "conosciuto"}, 1),
    ({"chi": "anonimo"}, 2),
    ({"stato": "closed"}, 1),
    ({"stato": "aperti"}, 2),
    ({"q": "sfratt"}, 1),
    ({"q": "hadd"}, 1),
    ({"q": "nessuno mai"}, 0),
    ({"bisogno": "sfratto"}, 1),
    ({"bisogno": "casa"}, 1),
    ({"bisogno": "senza"}, 1),
    ({"dal": "oggi", "al": "oggi"}, 3),
    ({"al": "1/1/2020"}, 0),
    ({"dal": "non è un giorno"}, 3),
]


@pytest.mark.parametrize(("asked", "found"), FILTERS, ids=[str(asked) for asked, _found in FILTERS])
def test_each_filter_finds_its_contacts(
    asked: dict[str, str], found: int, at_desk: Client, mazzini: Lab, anna: User
) -> None:
    home = make_term("Casa")
    evicted = NeedHeard(term=make_term("Sfratto", parent=home))
    samira = register_person(mazzini, by=anna, given_name="Samira", family_name="Haddad")
    make_contact(mazzini, anna, evicted, person=samira)
    told = (AnswerGiven(kind="information"),)
    make_contact(mazzini, anna, NeedHeard(term=make_term("Spesa"), answers=told, told=True), language="ar")
    make_contact(mazzini, anna, NeedHeard(words="parole sue"))
    assert len(at_desk.get("/mazzini/banco/contatti/", asked).context["page"].rows) == found


def test_the_export_is_the_same_list_and_no_cell_is_a_formula(at_desk: Client, mazzini: Lab, anna: User) -> None:
    trap = register_person(mazzini, by=anna, given_name="=cmd|'/c calc'!A1", family_name="")
    make_contact(mazzini, anna, person=trap)
    make_contact(mazzini, anna, language="ar")
    response = at_desk.get("/mazzini/banco/contatti/contatti.csv", {"lingua": "it"})
    rows = b"".join(response).decode("utf-8-sig").splitlines()  # type: ignore[arg-type]
    assert (len(rows), "'=cmd|" in rows[1]) == (2, True)
    assert AuditEntry.objects.filter(verb="contact.export", actor_id=anna.pk).count() == 1


def test_cells_that_start_like_formulas() -> None:
    cells = ["=1+1", "+39 333", "-2", "@SUM(A1)", "\t=1", " =1", "Anna", ""]
    assert [safe_cell(cell) for cell in cells] == ["'=1+1", "'+39 333", "'-2", "'@SUM(A1)", "'\t=1", "' =1", "Anna", ""]


# --- how days and needs are typed -------------------------------------------------------------------------------


def test_days_as_people_type_them() -> None:
    today = timezone.localdate().replace(year=2026, month=11, day=22)
    typed = ["3/12", "3.12.26", "3-12-2026", "2026-12-03", "3 12 2026"]
    assert {read_day(text, today) for text in typed} == {today.replace(month=12, day=3)}
    assert [read_day(text, today) for text in ("oggi", "Domani", "1/2")] == [
        today,
        today + timedelta(days=1),
        today.replace(year=2027, month=2, day=1),
    ]


def test_a_need_is_matched_by_name_code_synonym_or_beginnings_and_never_guessed(mazzini: Lab) -> None:
    home = make_term("Casa")
    rent = make_term("Affitto: capire o pagare", parent=home, synonyms="affitto canone bollettino")
    arrears = make_term("Affitto arretrato", parent=home, synonyms="arretrati morosità rate")
    typed = ["CASA", "affitto-arretrato", "morosita", "affitto", "affitto arr", "il vicino fa rumore", ""]
    index = index_of(mazzini)
    assert [term_chosen(index, text) for text in typed] == [home, arrears, arrears, rent, arrears, None, None]
