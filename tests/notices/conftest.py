"""Post offices that take, refuse, hang and die, and messages for them."""

import itertools
import logging
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from pytest_django.fixtures import Settings

from ballatoio.base.labs.models import Lab
from ballatoio.base.notices.models import Delivery
from ballatoio.base.notices.services import Text, notify_address, notify_person
from ballatoio.base.people.models import ContactPoint, Person
from bench.server import free_port
from tests.factories import make_person

number = itertools.count(1)
# What our post office says of itself is no log of the program.
logging.getLogger("mail.log").setLevel(logging.ERROR)


class PostOffice:
    """An SMTP server of our own: keeps what it takes; `answer` gives another answer for some recipients."""

    def __init__(self) -> None:
        self.taken: list[EmailMessage] = []
        self.sessions = 0
        self.answers: dict[str, str] = {}
        self.dies_after: int | None = None

    async def handle_EHLO(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        self.sessions += 1
        session.host_name = hostname
        return responses

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        return self.answers.get("MAIL", "250 OK")

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.answers:
            return self.answers[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.dies_after is not None and len(self.taken) >= self.dies_after:
            # It took the message and never said so: the connection ends.
            self.taken.append(self._read(envelope))
            assert server.transport is not None
            server.transport.abort()
            return "250 OK"
        if "DATA" in self.answers:
            return self.answers["DATA"]
        self.taken.append(self._read(envelope))
        return "250 OK"

    def _read(self, envelope: Envelope) -> EmailMessage:
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        return message

    @property
    def ids(self) -> list[str]:
        return [str(message["Message-ID"]) for message in self.taken]


@pytest.fixture
def post_office(settings: Settings) -> Iterator[PostOffice]:
    """A mail server that is up."""
    office = PostOffice()
    controller = Controller(office, hostname="127.0.0.1", port=free_port())
    controller.start()
    use_smtp(settings, controller.port)
    yield office
    controller.stop()


def text_of(message: EmailMessage) -> str:
    """Give the text of a message as a reader shows it."""
    return str(message.get_content()).replace("\r\n", "\n").strip()


def use_smtp(settings: Settings, port: int) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", port, 0.5
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    settings.DEFAULT_FROM_EMAIL = "Ballatoio <posta@ballatoio.example>"


def say(subject: str = "Il tuo appuntamento", short: str = "Ti aspettiamo") -> Callable[[], Text]:
    """Give a message as an app above would compose it."""
    return lambda: Text(
        subject, f"{subject}: giovedì 3 dicembre, ore 10, via di prova 1.", f"{short} giovedì 3, ore 10."
    )


def write_to(lab: Lab, to: str = "", **more: Any) -> Delivery:
    """Queue a message to an address of nobody whom the lab knows."""
    count = next(number)
    given = {"channel": "email", "kind": "prova", "key": f"k{count}", "compose": say(), "about": lab, "by": None}
    return notify_address(lab, to=to or f"n{count}@example.org", **given | more)


def tell(person: Person, **more: Any) -> Delivery | None:
    """Queue a message to a person."""
    given = {"kind": "prova", "key": f"k{next(number)}", "compose": say(), "about": person, "by": None}
    return notify_person(person, **given | more)


def told(person: Person, **more: Any) -> Delivery:
    """Queue a message to a person who can be reached."""
    notice = tell(person, **more)
    assert notice is not None
    return notice


def reach(person: Person, kind: str, value: str, **how: Any) -> ContactPoint:
    """Give a person a way to be reached."""
    return ContactPoint.objects.create(person=person, kind=kind, value=value, **how)


@pytest.fixture
def amina(mazzini: Lab) -> Person:
    """Has an e-mail address of her own."""
    person = make_person(mazzini)
    reach(person, "email", "amina@example.org")
    return person
