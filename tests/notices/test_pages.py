"""The pages of the outbox: what an operator finds, does and never sees."""

import re
import uuid
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.html import escape
from pypdf import PdfReader
from pytest_django import DjangoAssertNumQueries

from ballatoio.base.accounts.models import Role, User
from ballatoio.base.audit.models import AuditEntry
from ballatoio.base.labs.models import Lab
from ballatoio.base.notices.lists import ADVICE, COUNTED
from ballatoio.base.notices.models import Delivery
from ballatoio.base.people.households import separate_person
from ballatoio.base.people.models import Person
from ballatoio.base.vault.services import destroy_key
from tests.factories import make_person, make_user, sign_in

from .conftest import reach, say, told, write_to
from .test_handling import letter_to

pytestmark = pytest.mark.django_db
State, Problem = Delivery.State, Delivery.Problem
POST = "/mazzini/posta/"
HTMX = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture
def desk(client: Client, anna: User) -> Client:
    return sign_in(client, anna)


def page(client: Client, path: str, status: int = 200) -> str:
    response = client.get(path)
    assert response.status_code == status
    return str(response.content.decode())


def of(notice: Delivery, act: str = "") -> str:
    return f"{POST}messaggi/{notice.pk}/{act}"


def act(client: Client, notice: Delivery, name: str, **fields: Any) -> tuple[str, str]:
    """Send one button of the page of a message; give where it leads and the state afterwards."""
    response = client.post(of(notice, f"{name}/"), {"seen": notice.seen} | fields)
    assert response.status_code == 302
    notice.refresh_from_db()
    return response.headers["Location"], notice.state


def call_to(lab: Lab, name: str = "Samira", **facts: Any) -> Delivery:
    person = make_person(lab, name, reach_by="call", **facts)
    how = {"hours": "solo la mattina", "no_voicemail": True, "is_shared": True}
    reach(person, "phone", "+39 333 123 4567", **how)
    return told(person, compose=say("Sportello antiviolenza"))


def copy_to(lab: Lab, name: str = "Rosa") -> Delivery:
    person = make_person(lab, name, reach_by="copy")
    reach(person, "messenger", "+39 333 765 4321")
    return told(person, compose=say("Testo per Rosa"))


def dead(notice: Delivery, problem: str) -> Delivery:
    Delivery.objects.filter(pk=notice.pk).update(state=State.DEAD, last_error=problem, attempts=8)
    notice.refresh_from_db()
    return notice


# --- Who may open them ----------------------------------------------------------------------------------------


def test_the_outbox_opens_for_the_desk_and_for_nobody_else(client: Client, mazzini: Lab, bruno: User) -> None:
    notice = call_to(mazzini)
    pages = [POST, f"{POST}non-arrivati/", f"{POST}spediti/", of(notice)]
    for role in (Role.DESK, Role.MEDIATOR, Role.CASEWORKER, Role.COORDINATOR):
        sign_in(client, make_user("Uno", mazzini, role))
        assert [client.get(path).status_code for path in pages] == [200] * 4
    for role in (Role.INTERPRETER, Role.HOUSING_MANAGER, Role.WORKS_MANAGER, Role.INSTITUTION):
        sign_in(client, make_user("Due", mazzini, role))
        assert [client.get(path).status_code for path in pages] == [403] * 4
    sign_in(client, bruno)
    assert [client.get(path).status_code for path in pages] == [404] * 4


def test_another_labs_message_is_a_missing_message(client: Client, mazzini: Lab, bruno: User) -> None:
    notice = call_to(mazzini)
    sign_in(client, bruno)
    for path in (of(notice), of(notice, "riprova/")):
        mine, missing = path.replace("/mazzini/", "/milo/"), path.replace(str(notice.pk), str(uuid.uuid4()))
        send = client.get if path.endswith(f"{notice.pk}/") else client.post
        assert [send(mine).status_code, send(missing.replace("/mazzini/", "/milo/")).status_code] == [404, 404]
    printed = client.post("/milo/posta/lettere.pdf", {"letter": [str(notice.pk)]})
    assert (printed.status_code, AuditEntry.objects.filter(verb="notice.read").count()) == (302, 0)


# --- By hand --------------------------------------------------------------------------------------------------


def test_the_call_list_says_whom_when_and_how_but_not_what(desk: Client, mazzini: Lab) -> None:
    call_to(mazzini, languages_spoken=["ar"])
    shown = page(desk, POST)
    for words in ("Samira Haddad", "+39 333 123 4567", "solo la mattina", "niente segreteria", "lo usano anche altri"):
        assert words in shown
    assert ("antiviolenza" in shown, AuditEntry.objects.filter(verb="notice.read").count()) == (False, 0)


def test_opening_a_call_shows_what_to_say_and_is_recorded(desk: Client, mazzini: Lab, anna: User) -> None:
    notice = call_to(mazzini)
    shown = page(desk, of(notice))
    assert "Sportello antiviolenza: giovedì 3 dicembre" in shown
    assert "non lasciare messaggi in segreteria" in shown
    assert 'href="tel:+393331234567"' in shown
    assert [entry.actor_id for entry in AuditEntry.objects.filter(verb="notice.read")] == [anna.pk]


@pytest.mark.parametrize(
    ("outcome", "state", "leads_to"),
    [
        ("reached", State.DONE, f"{POST}?come=call"),
        ("no_answer", State.TO_DO, f"{POST}?come=call"),
        ("wrong_number", State.DEAD, f"{POST}?come=call"),
    ],
)
def test_one_button_for_each_end_of_a_call(outcome: str, state: str, leads_to: str, desk: Client, mazzini: Lab) -> None:
    notice = call_to(mazzini)
    assert f'value="{outcome}"' in page(desk, of(notice))
    assert act(desk, notice, "telefonata", outcome=outcome) == (leads_to, state)


def test_a_double_click_counts_once_and_says_so(desk: Client, mazzini: Lab) -> None:
    notice = call_to(mazzini)
    typed = {"seen": notice.seen, "outcome": "no_answer"}
    desk.post(of(notice, "telefonata/"), typed)
    again = desk.post(of(notice, "telefonata/"), typed, follow=True)
    notice.refresh_from_db()
    assert (notice.attempts, "Un collega ha appena fatto" in again.content.decode()) == (1, True)


@pytest.mark.parametrize("typed", [{}, {"outcome": "boh", "seen": "x"}, {"seen": "x" * 500}, {"outcome": "reached"}])
def test_buttons_that_we_did_not_draw_do_nothing(typed: dict[str, str], desk: Client, mazzini: Lab) -> None:
    notice = call_to(mazzini)
    response = desk.post(of(notice, "telefonata/"), typed)
    notice.refresh_from_db()
    assert (response.status_code, response.headers["Location"]) == (302, of(notice))
    assert (notice.state, notice.attempts) == (State.TO_DO, 0)


def test_a_text_to_copy_stands_in_a_field_that_leads_nowhere(desk: Client, mazzini: Lab) -> None:
    notice = copy_to(mazzini)
    shown = page(desk, of(notice))
    field = re.search(r"<textarea[^>]*readonly[^>]*>(.*?)</textarea>", shown, re.S)
    assert field is not None
    assert field[1].strip().startswith("Testo per Rosa: giovedì 3 dicembre")
    assert [link for link in re.findall(r'href="([^"]+)"', shown) if "://" in link or "wa.me" in link] == []
    assert act(desk, notice, "fatto") == (f"{POST}?come=copy", State.DONE)


def test_the_letters_of_the_page_are_printed_and_then_posted(desk: Client, mazzini: Lab) -> None:
    first, second = letter_to(mazzini, "Amina", "1"), letter_to(mazzini, "Mario", "2")
    shown = page(desk, f"{POST}?come=letter")
    ids = re.findall(r'name="letter" value="([^"]+)"', shown)
    assert ids == [str(first.pk), str(second.pk)]
    later = letter_to(mazzini, "Dopo", "3")
    printed = desk.post(f"{POST}lettere.pdf", {"letter": ids})
    assert (printed.headers["Content-Type"], "no-store" in printed.headers["Cache-Control"]) == (
        "application/pdf",
        True,
    )
    words = "".join(sheet.extract_text() for sheet in PdfReader(BytesIO(printed.content)).pages)
    assert [name in words for name in ("Amina", "Mario", "Dopo")] == [True, True, False]
    assert desk.post(f"{POST}lettere/imbucate/", {"letter": ids}).status_code == 302
    states = {notice.pk: notice.state for notice in Delivery.objects.all()}
    assert [states[letter.pk] for letter in (first, second, later)] == [State.DONE, State.DONE, State.TO_DO]


@pytest.mark.parametrize("ids", [[], ["non-un-id"], [str(uuid.uuid4())]])
def test_without_letters_there_is_no_pdf(ids: list[str], desk: Client) -> None:
    answers = [desk.post(f"{POST}{path}", {"letter": ids}) for path in ("lettere.pdf", "lettere/imbucate/")]
    assert [answer.status_code for answer in answers] == [302, 302]


def test_an_empty_list_says_what_comes_here(desk: Client) -> None:
    for come, words in (("call", "Nessuna telefonata"), ("letter", "Nessuna lettera"), ("copy", "Nessun testo")):
        assert words in page(desk, f"{POST}?come={come}")
    assert "Nessuna telefonata" in page(desk, f"{POST}?come=piccione&pagina=xx")


def test_without_a_choice_the_list_that_has_something_opens(desk: Client, mazzini: Lab) -> None:
    copy_to(mazzini)
    assert "Rosa Haddad" in page(desk, POST)


# --- Protected, erased, unsafe --------------------------------------------------------------------------------


def everywhere(client: Client, notice: Delivery) -> str:
    """Give all the pages on which a message may stand, one after another."""
    lists = [f"{POST}?come={notice.channel}", f"{POST}non-arrivati/", f"{POST}spediti/?stato=tutti"]
    return "".join(page(client, path) for path in [*lists, of(notice)])


@pytest.mark.parametrize("state", [State.TO_DO, State.DEAD, State.DONE])
def test_of_a_person_protected_since_no_page_says_anything(state: str, desk: Client, mazzini: Lab, anna: User) -> None:
    notice = letter_to(mazzini, "Sparita")
    assert notice.person is not None
    Delivery.objects.filter(pk=notice.pk).update(state=state, kind="appointment.booked")
    separate_person(notice.person, by=anna)
    shown = everywhere(desk, notice)
    for words in ("Sparita", "Omero", "Il tuo appuntamento", "giovedì 3 dicembre", ">appuntamento"):
        assert words not in shown
    assert ("persona protetta" in shown, "non si mostra più niente" in shown) == (True, True)
    assert AuditEntry.objects.filter(verb="notice.read").count() == 0
    for name, fields in (("riprova", {}), ("altra-strada", {"channel": "call"}), ("fatto", {})):
        if (state, name) != (State.TO_DO, "fatto"):
            assert act(desk, Delivery.objects.get(pk=notice.pk), name, **fields)[1] == state


def test_of_an_erased_text_no_page_says_anything(desk: Client, mazzini: Lab) -> None:
    notice = copy_to(mazzini)
    destroy_key(notice, by=None, lab_id=mazzini.pk)
    assert "Testo per Rosa" not in everywhere(desk, notice)


def test_a_number_that_became_unsafe_is_shown_nowhere(desk: Client, mazzini: Lab) -> None:
    notice = call_to(mazzini)
    assert notice.person is not None
    notice.person.contact_points.update(safe_to_call=False)
    shown = everywhere(desk, notice)
    assert ("+39 333 123 4567" in shown, "tel:" in shown) == (False, False)
    assert 'value="reached"' not in shown
    assert escape("Il recapito non c’è più o non è sicuro") in shown


def test_done_by_hand_is_refused_once_the_way_is_shut(desk: Client, mazzini: Lab, anna: User) -> None:
    notice = copy_to(mazzini)
    assert notice.person is not None
    separate_person(notice.person, by=anna)
    assert "Copiato e mandato" not in page(desk, of(notice))


# --- What did not arrive, what left ---------------------------------------------------------------------------


@pytest.mark.parametrize("problem", Problem.values)
def test_each_reason_is_in_plain_words_with_what_can_be_done(problem: str, desk: Client, amina: Person) -> None:
    dead(told(amina), problem)
    for path in (f"{POST}non-arrivati/", of(Delivery.objects.get())):
        shown = page(desk, path)
        assert escape(str(Problem(problem).label)) in shown
        assert escape(str(ADVICE[problem])) in shown


def test_a_dead_letter_is_tried_again_sent_another_way_or_taken_off(desk: Client, amina: Person) -> None:
    reach(amina, "phone", "+39 333 123 4567")
    one, two, three = (dead(told(amina), Problem.SERVER_DOWN) for _ in range(3))
    shown = page(desk, of(two))
    assert re.findall(r'name="channel" value="(\w+)"', shown) == ["sms", "call", "copy"]
    assert act(desk, one, "riprova") == (f"{POST}non-arrivati/", State.WAITING)
    assert act(desk, two, "altra-strada", channel="call") == (f"{POST}non-arrivati/", State.TO_DO)
    assert act(desk, three, "annulla") == (f"{POST}non-arrivati/", State.CANCELLED)
    assert "Tutti i messaggi sono arrivati" in page(desk, f"{POST}non-arrivati/")


def test_a_way_that_is_shut_is_said_in_a_sentence(desk: Client, amina: Person) -> None:
    notice = dead(told(amina), Problem.SERVER_DOWN)
    amina.contact_points.all().delete()
    response = desk.post(of(notice, "riprova/"), {"seen": notice.seen}, follow=True)
    assert "Non si può: il recapito non c’è più o non è sicuro." in response.content.decode()


def test_all_that_a_dead_server_left_is_tried_again_with_one_button(desk: Client, amina: Person) -> None:
    for _ in range(3):
        dead(told(amina), Problem.SERVER_DOWN)
    assert "3 messaggi non sono partiti perché il server" in page(desk, f"{POST}non-arrivati/")
    response = desk.post(f"{POST}non-arrivati/riprova/", follow=True)
    assert "Messaggi rimessi in partenza: 3." in response.content.decode()
    assert Delivery.objects.filter(state=State.WAITING).count() == 3


def sent(notice: Delivery, state: str = State.SENT) -> Delivery:
    Delivery.objects.filter(pk=notice.pk).update(state=state, ended_at=timezone.now())
    return notice


def rows(response: Any) -> list[str]:
    return [str(row.notice.pk) for row in response.context["rows"]]


def test_the_filters_of_what_left(desk: Client, mazzini: Lab, amina: Person) -> None:
    mail, call = sent(told(amina)), sent(call_to(mazzini), State.DONE)
    waiting, cancelled = told(amina), sent(told(amina), State.CANCELLED)
    old = sent(told(amina))
    Delivery.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=40))
    today = timezone.localdate().isoformat()
    asked = {
        "": [call, mail, old],
        f"dal={today}": [call, mail],
        f"al={today}": [call, mail, old],
        f"dal={today}&al={today}&canale=email": [mail],
        "canale=call": [call],
        "stato=waiting": [waiting],
        "stato=cancelled": [cancelled],
        "stato=tutti": [cancelled, waiting, call, mail, old],
        f"persona={amina.pk}&stato=tutti": [cancelled, waiting, mail, old],
        "stato=boh&canale=boh&dal=ieri&al=boh&persona=boh": [call, mail, old],
    }
    found = {query: rows(desk.get(f"{POST}spediti/?{query}")) for query in asked}
    assert found == {query: [str(notice.pk) for notice in expected] for query, expected in asked.items()}


def test_htmx_gets_the_rows_alone(desk: Client, amina: Person) -> None:
    sent(told(amina))
    fragment = desk.get(f"{POST}spediti/", **HTMX).content.decode()  # type: ignore[arg-type]
    assert ("<html" in fragment, "Amina Haddad" in fragment) == (False, True)


def test_a_message_that_came_back_joins_what_did_not_arrive(desk: Client, amina: Person) -> None:
    notice = sent(told(amina))
    notice.refresh_from_db()
    assert "È tornato indietro" in page(desk, of(notice))
    assert act(desk, notice, "tornato") == (f"{POST}spediti/", State.DEAD)


def test_a_message_that_left_offers_nothing_that_cannot_be_done(desk: Client, amina: Person) -> None:
    notice = sent(told(amina))
    shown = page(desk, of(notice))
    assert re.findall(rf'action="{of(notice)}([a-z-]+)/"', shown) == ["tornato"]
    for name, fields in (("annulla", {}), ("riprova", {}), ("fatto", {}), ("altra-strada", {"channel": "call"})):
        notice.refresh_from_db()
        assert act(desk, notice, name, **fields)[1] == State.SENT


def test_the_file_of_a_person_leads_to_the_messages_for_them(desk: Client, mazzini: Lab, amina: Person) -> None:
    sent(told(amina))
    sent(call_to(mazzini), State.DONE)
    file = page(desk, f"/mazzini/persone/{amina.pk}/")
    [link] = re.findall(rf'href="({POST}spediti/[^"]+)"', file)
    assert [row.notice.person for row in desk.get(link.replace("&amp;", "&")).context["rows"]] == [amina]


# --- Bounds ---------------------------------------------------------------------------------------------------


def many(lab: Lab, total: int, **fields: Any) -> None:
    """Give the lab messages of every kind that lists show."""
    for number in range(total):
        person = make_person(lab, f"Persona {number}", reach_by=("call", "copy")[number % 2])
        reach(person, "phone", f"+39 333 100 {number:04}")
        notice = told(person)
        if fields:
            Delivery.objects.filter(pk=notice.pk).update(**fields)


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        (f"{POST}?come=call", {"channel": "call"}),
        (f"{POST}?come=letter", {"channel": "letter"}),
        (f"{POST}?come=copy", {"channel": "copy"}),
        (f"{POST}non-arrivati/", {"state": State.DEAD, "last_error": Problem.SERVER_DOWN}),
        (f"{POST}spediti/", {"state": State.DONE}),
    ],
)
def test_a_list_costs_the_same_at_25_and_100(
    path: str,
    fields: dict[str, str],
    desk: Client,
    mazzini: Lab,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    def cost(more: int) -> int:
        many(mazzini, more, **fields)
        with django_assert_max_num_queries(10) as queries:
            assert desk.get(path).status_code == 200
        return len(queries)

    assert cost(25) == cost(75)


def test_a_save_and_an_opened_message_cost_little(
    desk: Client, mazzini: Lab, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    call, text = call_to(mazzini), copy_to(mazzini)
    with django_assert_max_num_queries(12):
        desk.post(of(call, "telefonata/"), {"seen": call.seen, "outcome": "reached"})
    # Two of them are the savepoint around the reading.
    with django_assert_max_num_queries(13):
        desk.get(of(text))


def test_a_long_list_has_pages_and_is_not_counted_to_its_end(desk: Client, mazzini: Lab, amina: Person) -> None:
    notice = told(amina)
    row = Delivery.objects.get(pk=notice.pk)
    copies = []
    for number in range(COUNTED + 5):
        row.pk, row.key, row.data_key_id, row.state = uuid.uuid4(), f"copy{number}", None, State.SENT
        copies.append(Delivery(**{f.attname: getattr(row, f.attname) for f in Delivery._meta.concrete_fields}))
    Delivery.objects.bulk_create(copies)
    shown = page(desk, f"{POST}spediti/?pagina=2")
    assert (f"Più di {COUNTED} messaggi" in shown, 'rel="prev"' in shown, 'rel="next"' in shown) == (True, True, True)


def test_nobody_hears_of_messages_of_another_lab(desk: Client, milo: Lab) -> None:
    call_to(milo, "Altrove")
    write_to(milo)
    for path in (POST, f"{POST}non-arrivati/", f"{POST}spediti/?stato=tutti"):
        assert "Altrove" not in page(desk, path)
        assert desk.get(path).context["counts"].by_hand == 0


def test_how_a_person_wants_to_be_told_is_asked_kept_and_obeyed(desk: Client, amina: Person) -> None:
    reach(amina, "phone", "+39 333 123 4567")
    edit = f"/mazzini/persone/{amina.pk}/modifica/"
    assert "Come vuole essere avvisata" in page(desk, edit)
    typed = {"given_name": "Amina", "family_name": "Haddad", "version": amina.version, "reach_by": "call"}
    assert desk.post(edit, typed).status_code == 302
    amina = Person.objects.get(pk=amina.pk)
    assert (amina.reach_by, told(amina).channel) == ("call", "call")
    assert "Con una telefonata" in page(desk, f"/mazzini/persone/{amina.pk}/")
