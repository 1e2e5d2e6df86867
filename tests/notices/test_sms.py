"""Text messages: into files in the demo, to a service over HTTP elsewhere; never with a matter in them."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.utils.translation import get_language
from pytest_django.fixtures import Settings

from ballatoio.base.labs.models import Lab
from ballatoio.base.notices.checks import sms_can_be_sent
from ballatoio.base.notices.models import Delivery
from ballatoio.base.notices.sending import send_due_notices
from ballatoio.base.notices.services import Text
from ballatoio.base.people.models import Person
from bench.server import free_port

from .conftest import reach, told, write_to

pytestmark = pytest.mark.django_db
State, Problem = Delivery.State, Delivery.Problem
HTTP = "ballatoio.base.notices.sms.HttpSms"


@pytest.fixture(autouse=True)
def morning() -> Iterator[None]:
    with time_machine.travel("2026-11-23 10:00:00+01:00", tick=False):
        yield


class Gateway(HTTPServer):
    """A service for text messages: keeps what it is given, and answers with `status`."""

    status = 200
    hangs_up = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", free_port()), Answer)
        self.taken: list[tuple[dict[str, str], dict[str, Any]]] = []


class Answer(BaseHTTPRequestHandler):
    server: Gateway

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.taken.append((dict(self.headers), body))
        if self.server.hangs_up:
            return
        self.send_response(self.server.status)
        if self.server.status == 302:
            self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/elsewhere")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def gateway(settings: Settings) -> Iterator[Gateway]:
    server = Gateway()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    settings.SMS_BACKEND, settings.SMS_URL = HTTP, f"http://127.0.0.1:{server.server_port}/sms"
    settings.SMS_TOKEN, settings.SMS_SENDER = "chiave", "Ballatoio"
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def text_to(lab: Lab, number: str = "+39 333 123 4567", **more: Any) -> Delivery:
    return write_to(lab, number, channel="sms", **more)


def result(notice: Delivery) -> tuple[str, int, str]:
    notice.refresh_from_db()
    return notice.state, notice.attempts, notice.last_error


def test_in_the_demo_a_text_message_is_a_file(mazzini: Lab, settings: Settings, tmp_path: Path) -> None:
    notice = text_to(mazzini)
    assert send_due_notices() == 1
    [file] = (tmp_path / "sms").iterdir()
    assert (file.name, file.stat().st_mode & 0o777) == (f"{notice.pk}.txt", 0o600)
    assert file.read_text() == "2026-11-23 10:00 +39 333 123 4567\nTi aspettiamo giovedì 3, ore 10.\n"


def test_the_service_gets_number_text_sender_and_a_reference_that_stays(gateway: Gateway, mazzini: Lab) -> None:
    gateway.status = 503
    notice = text_to(mazzini)
    assert (send_due_notices(), result(notice)) == (0, (State.WAITING, 1, Problem.SERVER_DOWN))
    gateway.status = 202
    with time_machine.travel("2026-11-23 10:05:00+01:00", tick=False):
        assert (send_due_notices(), result(notice)) == (1, (State.SENT, 2, ""))
    first, second = gateway.taken
    assert (
        first[1]
        == second[1]
        == {
            "to": "+393331234567",
            "from": "Ballatoio",
            "text": "Ti aspettiamo giovedì 3, ore 10.",
            "reference": str(notice.pk),
        }
    )
    assert (first[0]["Authorization"], first[0]["Idempotency-Key"]) == ("Bearer chiave", str(notice.pk))


def test_no_matter_stands_in_a_text_message(gateway: Gateway, mazzini: Lab) -> None:
    secret = Text("Centro antiviolenza", "Il centro antiviolenza ti aspetta", "Ti aspettiamo giovedì alle 10")
    text_to(mazzini, compose=lambda: secret)
    send_due_notices()
    assert [body["text"] for _headers, body in gateway.taken] == ["Ti aspettiamo giovedì alle 10"]


def test_a_text_message_is_in_one_language(gateway: Gateway, mazzini: Lab) -> None:
    words = {"en": Text("s", "b", "See you on Thursday at 10"), "it": Text("s", "b", "Ti aspettiamo giovedì alle 10")}
    text_to(mazzini, language="en", compose=lambda: words[get_language() or "it"])
    send_due_notices()
    assert [body["text"] for _headers, body in gateway.taken] == ["See you on Thursday at 10"]


@pytest.mark.parametrize(
    ("status", "state", "problem", "second"),
    [
        (400, State.DEAD, Problem.REFUSED, State.DEAD),
        (404, State.DEAD, Problem.REFUSED, State.DEAD),
        (422, State.DEAD, Problem.REFUSED, State.DEAD),
        (409, State.WAITING, Problem.NOT_NOW, State.WAITING),
        (401, State.WAITING, Problem.SENDER_REFUSED, State.WAITING),
        (429, State.WAITING, Problem.SERVER_DOWN, State.WAITING),
        (500, State.WAITING, Problem.SERVER_DOWN, State.WAITING),
        (302, State.WAITING, Problem.SERVER_DOWN, State.WAITING),
    ],
)
def test_each_answer_of_the_service_has_its_consequence(
    status: int, state: str, problem: str, second: str, gateway: Gateway, mazzini: Lab
) -> None:
    one, two = text_to(mazzini), text_to(mazzini)
    gateway.status = status
    send_due_notices()
    stops = problem in (Problem.SERVER_DOWN, Problem.SENDER_REFUSED)
    # One request for each message, none anywhere else, and after an answer that concerns all of them only one.
    assert len(gateway.taken) == (1 if stops else 2)
    assert result(one) == (state, 0 if state == State.DEAD else 1, problem)
    assert result(two) == ((second, 0, "") if stops else (state, 0 if state == State.DEAD else 1, problem))


def test_a_service_that_hangs_up_or_is_not_there_stops_the_batch(
    gateway: Gateway, mazzini: Lab, settings: Settings
) -> None:
    gateway.hangs_up = True
    one, two = text_to(mazzini), text_to(mazzini)
    send_due_notices()
    assert [result(one), result(two)] == [(State.WAITING, 1, Problem.SERVER_DOWN), (State.WAITING, 0, "")]
    settings.SMS_URL = f"http://127.0.0.1:{free_port()}/sms"
    with time_machine.travel("2026-11-23 10:01:00+01:00", tick=False):
        send_due_notices()
    assert result(one)[1] + result(two)[1] == 2


@pytest.mark.parametrize(
    ("backend", "url", "token", "ids"),
    [
        ("", "", "", []),
        ("ballatoio.base.notices.sms.FileSms", "", "", []),
        (HTTP, "https://sms.example/send", "chiave", []),
        (HTTP, "http://localhost:9/", "chiave", []),
        (HTTP, "https://sms.example/send", "", ["notices.E002"]),
        (HTTP, "", "chiave", ["notices.E002"]),
        (HTTP, "http://sms.example/send", "chiave", ["notices.E002"]),
        ("ballatoio.nowhere.Sms", "", "", ["notices.E001"]),
    ],
)
def test_settings_that_cannot_work_are_found_at_the_start(
    backend: str, url: str, token: str, ids: list[str], settings: Settings
) -> None:
    settings.SMS_BACKEND, settings.SMS_URL, settings.SMS_TOKEN = backend, url, token
    assert [message.id for message in sms_can_be_sent(None)] == ids


@pytest.mark.parametrize("backend", ["", "ballatoio.nowhere.Sms", HTTP])
def test_settings_that_were_taken_away_meanwhile_lose_no_message(
    backend: str, mazzini: Lab, settings: Settings
) -> None:
    notice = text_to(mazzini)
    settings.SMS_BACKEND = backend
    send_due_notices()
    assert result(notice) == (State.WAITING, 1, Problem.SENDER_REFUSED)


def test_a_number_that_others_answer_gets_the_same_short_text(gateway: Gateway, mazzini: Lab, amina: Person) -> None:
    amina.contact_points.all().delete()
    reach(amina, "phone", "+39 333 123 4567", is_shared=True)
    told(amina)
    send_due_notices()
    assert [body["text"] for _headers, body in gateway.taken] == ["Ti aspettiamo giovedì 3, ore 10."]
