"""Who takes a message out of the house: the mail server, the service for text messages.

A carrier is opened once for a batch. Whatever goes wrong with it ends in one of three ways, and no exception says an
address or a text: the server does not work (the batch stops), this message has to wait, this message will never go.
"""

import smtplib
from contextlib import suppress
from email.utils import formataddr, parseaddr
from types import TracebackType
from typing import Protocol, Self

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.utils.module_loading import import_string

from .models import Delivery
from .words import parts_of, plain_text, short_text, subject_of

Problem = Delivery.Problem
# RFC 5321, 3.8: the server shuts down; no other message has a chance now.
SHUTTING_DOWN = 421


class CarrierIsDown(Exception):
    """The server refuses, hangs, died, or does not know us: no message has a chance now. `problem` is a Problem."""

    def __init__(self, problem: str = Problem.SERVER_DOWN) -> None:
        super().__init__(problem)
        self.problem = problem


class TryLater(Exception):
    """This message was not taken now; later it may be."""

    def __init__(self, problem: str = Problem.NOT_NOW) -> None:
        super().__init__(problem)
        self.problem = problem


class Refused(Exception):
    """This message will never be taken."""

    def __init__(self, problem: str = Problem.REFUSED) -> None:
        super().__init__(problem)
        self.problem = problem


class Carrier(Protocol):
    """Takes messages of one channel, one after another, over one connection."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def carry(self, notice: Delivery, texts: dict[str, str], *, only_short: bool) -> None:
        """Take one message, opening the connection with the first. Raise CarrierIsDown, TryLater, Refused."""


def message_id(notice: Delivery) -> str:
    """Give the Message-ID (RFC 5322, 3.6.4) of a message: the same at each try, so that a double is seen as one."""
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
    return f"<{notice.pk}@{domain}>"


def email_of(
    notice: Delivery, texts: dict[str, str], *, only_short: bool, connection: BaseEmailBackend | None = None
) -> EmailMessage:
    """Give a message as an e-mail: plain text, in the name of the lab, answers to the lab, no automatic ones."""
    lab, parts = notice.lab, parts_of(notice, texts, only_short=only_short)
    headers = {
        "Message-ID": message_id(notice),
        # RFC 3834: no answering machine replies to a machine.
        "Auto-Submitted": "auto-generated",
        "Content-Language": ", ".join(part.language for part in parts),
    }
    return EmailMessage(
        subject=subject_of(parts, lab),
        body=plain_text(parts, lab),
        from_email=formataddr((lab.name, parseaddr(settings.DEFAULT_FROM_EMAIL)[1])),
        to=[texts["to"]],
        reply_to=[lab.email] if lab.email else None,
        headers=headers,
        connection=connection,
    )


class EmailCarrier:
    """Whatever EMAIL_URL names: an SMTP server; files in the demo."""

    def __init__(self) -> None:
        self.connection: BaseEmailBackend = get_connection()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # A server that hangs does not answer to a goodbye either.
        with suppress(OSError):
            self.connection.close()

    def carry(self, notice: Delivery, texts: dict[str, str], *, only_short: bool) -> None:
        """Send one e-mail."""
        try:
            self.connection.open()
            taken = email_of(notice, texts, only_short=only_short, connection=self.connection).send()
        except smtplib.SMTPRecipientsRefused as error:
            # One recipient each: their answer is the only one.
            raise _of_answer(next(iter(error.recipients.values()))[0], Problem.REFUSED) from None
        except smtplib.SMTPDataError as error:
            raise _of_answer(error.smtp_code, Problem.TEXT_REFUSED) from None
        except smtplib.SMTPSenderRefused as error:
            is_ours = error.smtp_code >= 500
            raise CarrierIsDown(Problem.SENDER_REFUSED if is_ours else Problem.SERVER_DOWN) from None
        except smtplib.SMTPAuthenticationError:
            raise CarrierIsDown(Problem.SENDER_REFUSED) from None
        except OSError:
            # Of smtplib too: what is left are greetings that fail and connections that end.
            raise CarrierIsDown from None
        if not taken:
            raise TryLater


def _of_answer(code: int, never: str) -> CarrierIsDown | TryLater | Refused:
    """RFC 5321, 4.2.1: 4yz may go well another time, 5yz will not."""
    if code == SHUTTING_DOWN:
        return CarrierIsDown()
    return Refused(never) if code >= 500 else TryLater()


class SmsBackend(Protocol):
    """What settings.SMS_BACKEND names: a class without arguments whose `send` hands one text message over.

    `reference` is the same at each try of a message, for a service that can throw a double away. Raise Refused for a
    number that never takes any, TryLater when only this message has to wait, CarrierIsDown (or any OSError) otherwise.
    """

    def send(self, number: str, text: str, *, reference: str) -> None: ...


class SmsCarrier:
    """Whatever SMS_BACKEND names."""

    def __init__(self) -> None:
        self.backend: SmsBackend | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.backend = None

    def carry(self, notice: Delivery, texts: dict[str, str], *, only_short: bool) -> None:
        """Send one text message: the short text, which names no matter, whoever reads it."""
        if not settings.SMS_BACKEND:
            raise CarrierIsDown(Problem.SENDER_REFUSED)
        try:
            if self.backend is None:
                self.backend = import_string(settings.SMS_BACKEND)()
            self.backend.send(texts["to"], short_text(texts), reference=str(notice.pk))
        except (ImportError, ImproperlyConfigured):
            # The system check says what is wrong, when the server or the worker starts.
            raise CarrierIsDown(Problem.SENDER_REFUSED) from None
        except OSError:
            raise CarrierIsDown from None


CARRIERS: dict[str, type[EmailCarrier] | type[SmsCarrier]] = {
    Delivery.Channel.EMAIL: EmailCarrier,
    Delivery.Channel.SMS: SmsCarrier,
}
