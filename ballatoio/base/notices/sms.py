"""Two ways to send text messages: into files, to try the program; to any service that takes JSON over HTTP."""

import http.client
import json
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError
from urllib.parse import urlparse
from urllib.request import HTTPRedirectHandler, Request, build_opener

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from .carriers import CarrierIsDown, Refused, TryLater
from .models import Delivery

SECONDS: Final = 15
# These answers are about the number or the text (RFC 9110): asked again, they would be the same.
NEVER = frozenset({400, 404, 410, 422})
LATER = frozenset({408, 409, 425})
# Who we are was not accepted: every other message would get the same answer.
NOT_US = frozenset({401, 402, 403})


class FileSms:
    """Writes each text message into a file of the data folder: for the demo and for trying out."""

    def send(self, number: str, text: str, *, reference: str) -> None:
        """Write one file; the same reference writes the same file."""
        folder = Path(settings.DATA_DIR) / "sms"
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{reference}.txt"
        file.touch(mode=0o600)
        file.write_text(f"{timezone.localtime():%Y-%m-%d %H:%M} {number}\n{text}\n", encoding="utf-8")


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """A redirect would send number, text and token somewhere that nobody has named."""


class HttpSms:
    """Posts each text message as JSON to SMS_URL, with SMS_TOKEN as bearer token."""

    def __init__(self) -> None:
        if problem := what_is_missing():
            raise ImproperlyConfigured(problem)
        self.opener = build_opener(_NoRedirect)

    def send(self, number: str, text: str, *, reference: str) -> None:
        """Hand one message over; raise as carriers.SmsBackend says."""
        message = {"to": number.replace(" ", ""), "from": settings.SMS_SENDER, "text": text, "reference": reference}
        headers = {
            "Content-Type": "application/json",
            "Authorization": f"Bearer {settings.SMS_TOKEN}",
            "Idempotency-Key": reference,
        }
        request = Request(settings.SMS_URL, json.dumps(message).encode(), headers, method="POST")  # noqa: S310
        try:
            with self.opener.open(request, timeout=SECONDS) as response:
                response.read(1)
        except HTTPError as error:
            error.close()
            raise _of_status(error.code) from None
        except http.client.HTTPException:
            # It hung up in the middle of its answer.
            raise CarrierIsDown from None


def _of_status(status: int) -> CarrierIsDown | TryLater | Refused:
    if status in NEVER:
        return Refused()
    if status in LATER:
        return TryLater()
    return CarrierIsDown(Delivery.Problem.SENDER_REFUSED if status in NOT_US else Delivery.Problem.SERVER_DOWN)


def what_is_missing() -> str:
    """Give in a sentence what the settings of HttpSms lack, "" when nothing."""
    address = urlparse(settings.SMS_URL)
    if not address.hostname or not settings.SMS_TOKEN:
        return "Per spedire SMS mancano SMS_URL (l’indirizzo del servizio) e SMS_TOKEN (la chiave)."
    is_here = address.hostname in {"localhost", "127.0.0.1", "::1"}
    if address.scheme != "https" and not (address.scheme == "http" and is_here):
        return "SMS_URL deve cominciare con https://: i numeri e i testi non viaggiano in chiaro."
    return ""
