"""Booking without an account and without a script, and one's own appointment by its code."""

import gzip
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from ballatoio.base.accounts.limits import SENDINGS
from ballatoio.base.accounts.models import User
from ballatoio.base.audit.models import AuditEntry
from ballatoio.base.jobs.services import new_once_token
from ballatoio.base.labs.models import Lab
from ballatoio.base.vault.services import open_texts
from ballatoio.care.appointments.models import Appointment, AppointmentKind, Rota, Slot, WaitingPlace
from ballatoio.care.appointments.services import cancel_appointment, move_appointment

from .making import NOW, TUESDAY, at, book, join, make_kind, make_rota, make_slot, make_slots

BOOK, OWN = "/mazzini/prenota/", "/mazzini/appuntamento/"
TIMES, DETAILS, WAIT = f"{BOOK}casa/", f"{BOOK}casa/dati/", f"{BOOK}casa/attesa/"
WEEK = timedelta(days=7)
State = Appointment.State


@pytest.fixture(autouse=True)
def monday() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def kind(mazzini: Lab) -> AppointmentKind:
    return make_kind(mazzini, "Casa", bring="Il contratto")


@pytest.fixture
def rota(mazzini: Lab, anna: User, kind: AppointmentKind) -> Rota:
    return make_rota(mazzini, anna, kind, interpreter_languages=["ar"])


def form(slot: Slot | None, /, **fields: Any) -> dict[str, Any]:
    """What the browser sends from the last step."""
    first = {"posto": str(slot.pk) if slot else "", "lingua": "it", "name": "Nadia", "phone": "333 123 4567"}
    return first | {"once": new_once_token()} | fields


def shown(client: Client, path: str, **asked: str) -> str:
    response = client.get(path, asked)
    assert response.status_code == 200
    return response.content.decode()


def times_shown(client: Client, **asked: str) -> list[str]:
    return re.findall(r"<bdi>(\d\d:\d\d)</bdi>", shown(client, TIMES, **asked))


PATHS = [BOOK, TIMES, DETAILS, WAIT, OWN]


@pytest.mark.parametrize("prefix", ["", "/en", "/ar"])
@pytest.mark.parametrize("path", PATHS)
def test_every_step_answers_in_each_language_without_a_script_of_its_own(
    client: Client, rota: Rota, prefix: str, path: str
) -> None:
    make_slots(rota, 40)
    html = shown(client, prefix + path)
    language = prefix.strip("/") or "it"
    assert f'<html lang="{language}" dir="{"rtl" if language == "ar" else "ltr"}">' in html
    assert (html.count("<h1"), html.count('data-element="appointment-booking"')) == (1, 1)
    assert re.findall(r"<script[^>]*>", html) == ['<script src="/static/core/read_aloud.js" defer>']
    assert re.findall(r'\son\w+="', html) == []
    assert len(gzip.compress(html.encode(), 6)) <= 8_000


def test_the_whole_way_from_kind_to_slip(client: Client, mazzini: Lab, rota: Rota, kind: AppointmentKind) -> None:
    slot = make_slot(rota, at(TUESDAY, 10))
    first = shown(client, BOOK)
    assert (f'href="{TIMES}"' in first, 'data-element="service-booking-access"' in first) == (True, True)
    assert f'value="{slot.pk}"' in shown(client, TIMES)
    assert "10:00" in shown(client, DETAILS, posto=str(slot.pk))
    response = client.post(DETAILS, form(slot))
    appointment = Appointment.objects.get()
    code = open_texts(appointment)["code"]
    # The address says nothing: neither who, nor which appointment, nor its code.
    assert response.headers["Location"] == OWN
    done = shown(client, OWN)
    for part in ("martedì 24 novembre 2026", "10:00", "via di prova 1", "Il contratto", code[:5], code[5:]):
        assert part in done
    slip = client.get(f"{OWN}foglio.pdf")
    assert (slip["Content-Type"], slip.content[:5]) == ("application/pdf", b"%PDF-")
    assert (appointment.channel, appointment.booked_by, appointment.person) == ("web", None, None)


def test_a_double_click_books_once_and_shows_the_same(client: Client, rota: Rota) -> None:
    sent = form(make_slot(rota, at(TUESDAY, 10)))
    client.post(DETAILS, sent)
    # The second click of a browser that had no cookie yet.
    second = Client()
    assert second.post(DETAILS, sent).headers["Location"] == OWN
    code = open_texts(Appointment.objects.get())["code"]
    assert [code[:5] in shown(browser, OWN) for browser in (client, second)] == [True, True]


def test_only_what_is_free_and_open_to_all_is_shown_and_never_who_receives(
    client: Client, mazzini: Lab, anna: User, carla: User, rota: Rota, kind: AppointmentKind
) -> None:
    hers = make_rota(mazzini, carla, kind, interpreter_languages=["ar"])
    make_slot(rota, NOW + timedelta(minutes=90))
    free, taken = make_slots(rota, 2)
    book(taken, kind, by=anna)
    make_slot(hers, free.starts_at)
    make_slot(make_rota(mazzini, carla, kind, is_public=False), at(TUESDAY, 15))
    # Two who receive at the same time are one time.
    assert times_shown(client) == ["09:00"]
    html = shown(client, TIMES)
    assert [name for name in ("Anna", "Carla") if name in html] == []


def test_times_are_filtered_by_the_language_that_is_understood(
    client: Client, mazzini: Lab, carla: User, rota: Rota, kind: AppointmentKind
) -> None:
    make_slot(rota, at(TUESDAY, 9))
    make_slot(make_rota(mazzini, carla, kind), at(TUESDAY, 11))
    assert times_shown(client) == ["09:00", "11:00"]
    assert times_shown(client, lingua="ar", solo="on") == ["09:00"]
    assert times_shown(client, lingua="ar") == ["09:00", "11:00"]
    # In Arabic the page begins with what is understood in Arabic.
    assert re.findall(r"<bdi>(\d\d:\d\d)</bdi>", shown(client, f"/ar{TIMES}")) == ["09:00"]
    assert times_shown(client, lingua="sq", solo="on") == []


def test_more_days_are_one_link_away(client: Client, rota: Rota) -> None:
    for week in range(8):
        make_slot(rota, at(TUESDAY + week * WEEK, 9))
    assert len(times_shown(client)) == 6
    assert len(times_shown(client, dal=str(TUESDAY + 6 * WEEK))) == 2


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"name": ""}, "Scrivi un nome, anche inventato"),
        ({"phone": ""}, "oppure segna che tieni il codice"),
        ({"phone": "123"}, "troppe cifre o troppo poche"),
        ({"email": "nadia"}, "nome@esempio.it"),
    ],
)
def test_what_is_missing_is_said_and_what_was_typed_stays(
    fields: dict[str, str], sentence: str, client: Client, rota: Rota
) -> None:
    response = client.post(DETAILS, form(make_slot(rota, at(TUESDAY, 10)), words="porto mia figlia", **fields))
    html = response.content.decode()
    assert (response.status_code, Appointment.objects.count()) == (422, 0)
    assert (sentence in html, "porto mia figlia" in html) == (True, True)


def test_who_leaves_no_contact_keeps_the_code(client: Client, rota: Rota) -> None:
    sent = form(make_slot(rota, at(TUESDAY, 10)), phone="", only_code="on")
    assert client.post(DETAILS, sent).status_code == 302
    assert Appointment.objects.count() == 1


def test_a_time_taken_in_the_meantime_is_said_and_another_is_chosen_on_the_same_page(
    client: Client, anna: User, rota: Rota, kind: AppointmentKind
) -> None:
    slot, other = make_slots(rota, 2)
    book(slot, kind, by=anna)
    response = client.post(DETAILS, form(slot))
    html = response.content.decode()
    assert (response.status_code, Appointment.objects.count()) == (422, 1)
    for part in ("appena stato preso", 'value="Nadia"', f'value="{other.pk}"'):
        assert part in html
    assert client.post(DETAILS, form(other)).status_code == 302


@pytest.mark.parametrize("posto", ["", "non-un-posto", "00000000-0000-0000-0000-000000000000", "\0"])
def test_a_time_that_makes_no_sense_books_nothing(posto: str, client: Client, rota: Rota) -> None:
    response = client.post(DETAILS, form(None, posto=posto))
    assert (response.status_code, Appointment.objects.count()) == (422, 0)


def test_what_is_not_open_to_all_does_not_exist(
    client: Client, mazzini: Lab, milo: Lab, bruno: User, rota: Rota
) -> None:
    make_kind(mazzini, "Interno", is_public=False)
    make_kind(mazzini, "Vecchio", is_active=False)
    make_kind(milo, "Altrove")
    for slug in ("interno", "vecchio", "altrove", "mai-visto"):
        for step in ("", "dati/", "attesa/"):
            assert client.get(f"{BOOK}{slug}/{step}").status_code == 404
    theirs = make_kind(milo, "Casa")
    foreign = make_slot(make_rota(milo, bruno, theirs), at(TUESDAY, 9))
    assert client.post(DETAILS, form(foreign)).status_code == 422
    assert Appointment.objects.count() == 0


def test_a_machine_does_not_fill_the_week(client: Client, rota: Rota) -> None:
    slots = [make_slot(rota, at(TUESDAY + row * WEEK, 9)) for row in range(SENDINGS + 1)]
    answers = [client.post(DETAILS, form(slot)).status_code for slot in slots]
    assert answers == [302] * SENDINGS + [429]


# --- the waiting list --------------------------------------------------------------------------------------------


def test_when_nothing_is_free_one_waits_is_asked_and_says_yes(
    client: Client, anna: User, rota: Rota, kind: AppointmentKind
) -> None:
    taken = book(make_slot(rota, at(TUESDAY + WEEK, 10)), kind, by=anna)
    assert f"{WAIT}?lingua=it" in shown(client, TIMES)
    join(kind)
    refused = client.post(WAIT, form(None, phone=""))
    assert (refused.status_code, WaitingPlace.objects.count()) == (422, 1)
    assert client.post(WAIT, form(None)).headers["Location"] == OWN
    place = WaitingPlace.objects.get(number=2)
    assert "Prima di te c’è 1 persona" in shown(client, OWN)
    WaitingPlace.objects.filter(number=1).update(state=WaitingPlace.State.LEFT)
    assert "Sei la prima persona della lista" in shown(client, OWN)
    cancel_appointment(taken, by=anna, by_person=True)
    assert "C’è un posto per te" in shown(client, OWN)
    assert client.post(f"{OWN}rispondi/", {"do": "accept"}).headers["Location"] == OWN
    place.refresh_from_db()
    assert place.appointment is not None
    assert (place.appointment.slot, "Ti aspettiamo" in shown(client, OWN)) == (taken.slot, True)
    # The code of the place opens the appointment that came of it.
    other = Client()
    other.post(OWN, {"code": open_texts(place)["code"]})
    assert "Ti aspettiamo" in shown(other, OWN)


@pytest.mark.parametrize(("do", "state"), [("decline", "waiting"), ("leave", "left")])
def test_one_says_no_or_no_longer(
    do: str, state: str, client: Client, anna: User, rota: Rota, kind: AppointmentKind
) -> None:
    taken = book(make_slot(rota, at(TUESDAY + WEEK, 10)), kind, by=anna)
    client.post(WAIT, form(None))
    cancel_appointment(taken, by=anna, by_person=True)
    client.post(f"{OWN}rispondi/", {"do": do})
    assert WaitingPlace.objects.get().state == state


def test_who_joins_when_a_time_is_free_is_led_to_it(client: Client, rota: Rota) -> None:
    make_slot(rota, at(TUESDAY, 9))
    assert client.post(WAIT, form(None)).headers["Location"] == TIMES
    assert WaitingPlace.objects.count() == 0


# --- one's own -----------------------------------------------------------------------------------------------------


def test_a_code_opens_its_appointment_on_any_browser_and_cancels_it(
    client: Client, rota: Rota, kind: AppointmentKind
) -> None:
    appointment = book(make_slot(rota, at(TUESDAY, 10)), kind, by=None)
    code = open_texts(appointment)["code"]
    response = client.post(OWN, {"code": f" {code[:5].lower()}-{code[5:]} "})
    assert response.headers["Location"] == OWN
    assert "Ti aspettiamo" in shown(client, OWN)
    assert client.post(f"{OWN}rispondi/", {"do": "cancel"}).status_code == 302
    appointment.refresh_from_db()
    assert (appointment.state, appointment.ended_by) == (State.CANCELLED_BY_PERSON, None)
    assert "Hai disdetto questo appuntamento" in shown(client, OWN)
    # Twice is as good as once, and says that it cannot be done any more.
    client.post(f"{OWN}rispondi/", {"do": "cancel"})
    assert AuditEntry.objects.filter(verb="appointment.cancel").count() == 1
    assert list(Slot.objects.free()) == [appointment.slot]


def test_the_link_of_a_message_leads_to_an_address_without_the_code(
    client: Client, rota: Rota, kind: AppointmentKind
) -> None:
    appointment = book(make_slot(rota, at(TUESDAY, 10)), kind, by=None)
    code = open_texts(appointment)["code"]
    response = client.get(f"{OWN}{code}/")
    assert (response.status_code, response.headers["Location"]) == (302, OWN)
    page = client.get(OWN)
    assert "Ti aspettiamo" in page.content.decode()
    assert (page["X-Robots-Tag"], "no-store" in page["Cache-Control"]) == ("noindex, nofollow, noarchive", True)
    # Looking at a link changes nothing: programs open links, too.
    appointment.refresh_from_db()
    assert appointment.is_booked


def test_an_appointment_that_was_moved_is_opened_by_the_code_in_hand(
    client: Client, anna: User, rota: Rota, kind: AppointmentKind
) -> None:
    first, second = make_slots(rota, 2)
    appointment = book(first, kind, by=None)
    client.post(OWN, {"code": open_texts(appointment)["code"]})
    move_appointment(appointment, second, by=anna)
    html = shown(client, OWN)
    assert ("09:30" in html, "09:00" in html) == (True, False)


def test_what_is_wrong_with_a_code_is_the_same_sentence(
    client: Client, mazzini: Lab, milo: Lab, rota: Rota, kind: AppointmentKind
) -> None:
    appointment = book(make_slot(rota, at(TUESDAY, 10)), kind, by=None)
    code = open_texts(appointment)["code"]
    wrong = [client.post(OWN, {"code": typed}) for typed in ("AAAAAAAAAA", "x", "' OR 1=1")]
    elsewhere = client.post("/milo/appuntamento/", {"code": code})
    sentence = "Questo codice non funziona"
    assert [(r.status_code, sentence in r.content.decode()) for r in (*wrong, elsewhere)] == [(422, True)] * 4
    assert client.get(f"{OWN}AAAAAAAAAA/").headers["Location"] == OWN
    assert sentence in shown(client, OWN)


def test_codes_are_not_tried_one_after_another(client: Client, rota: Rota, kind: AppointmentKind) -> None:
    code = open_texts(book(make_slot(rota, at(TUESDAY, 10)), kind, by=None))["code"]
    for _ in range(10):
        client.post(OWN, {"code": "AAAAAAAAAA"})
    late = client.post(OWN, {"code": code})
    assert (late.status_code, "Troppi tentativi" in late.content.decode()) == (422, True)


def test_a_browser_forgets_after_half_an_hour_and_knows_nothing_of_another_lab(
    monday: time_machine.Traveller, client: Client, milo: Lab, rota: Rota, kind: AppointmentKind
) -> None:
    appointment = book(make_slot(rota, at(TUESDAY, 10)), kind, by=None)
    client.post(OWN, {"code": open_texts(appointment)["code"]})
    assert "Ti aspettiamo" not in shown(client, "/milo/appuntamento/")
    monday.shift(timedelta(minutes=31))
    assert "Ti aspettiamo" not in shown(client, OWN)
    client.post(f"{OWN}rispondi/", {"do": "cancel"})
    assert client.get(f"{OWN}foglio.pdf").status_code == 404
    appointment.refresh_from_db()
    assert appointment.is_booked


@pytest.mark.parametrize("do", ["", "accept", "leave", "inventato"])
def test_an_answer_that_makes_no_sense_changes_nothing(
    do: str, client: Client, rota: Rota, kind: AppointmentKind
) -> None:
    appointment = book(make_slot(rota, at(TUESDAY, 10)), kind, by=None)
    client.post(OWN, {"code": open_texts(appointment)["code"]})
    assert client.post(f"{OWN}rispondi/", {"do": do}).headers["Location"] == OWN
    appointment.refresh_from_db()
    assert appointment.is_booked


# --- what pages cost -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [BOOK, f"/en{BOOK}", TIMES, f"/ar{TIMES}", DETAILS, WAIT, OWN])
def test_a_public_page_costs_at_most_six_queries_however_much_is_free(path: str, client: Client, rota: Rota) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(path).status_code == 200
        return len(captured)

    make_slots(rota, 25)
    few = queries()
    make_slots(rota, 75, at(TUESDAY + WEEK, 1))
    assert (queries(), few <= 6) == (few, True)
