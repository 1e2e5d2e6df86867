"""What left the lab, as it arrived: the demonstration writes messages into files of its data folder."""

import re
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

# What Django's file back end writes between two messages.
BETWEEN = re.compile(rb"^-{79}$", re.MULTILINE)
# As codes are written: ten signs in two groups.
CODE = re.compile(r"\b[A-Z0-9]{5} [A-Z0-9]{5}\b")


def emails_to(data: Path, address: str) -> list[EmailMessage]:
    """Give the e-mails that came to an address, the oldest first."""
    found: list[EmailMessage] = []
    for file in sorted((data / "posta").glob("*"), key=lambda file: file.stat().st_mtime_ns):
        for raw in BETWEEN.split(file.read_bytes()):
            message = message_from_bytes(raw.strip(), policy=default)
            assert isinstance(message, EmailMessage)
            if message["To"] and address in message["To"]:
                found.append(message)
    return found


def text_of(message: EmailMessage) -> str:
    """Give what whoever opens an e-mail reads."""
    body = message.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def sms_to(data: Path, number: str) -> list[str]:
    """Give the text messages that came to a number («340 1112223»), the oldest first."""
    files = sorted((data / "sms").glob("*"), key=lambda file: file.stat().st_mtime_ns)
    split = [file.read_text(encoding="utf-8").split("\n", 1) for file in files]
    digits = "".join(filter(str.isdigit, number))
    return [text.strip() for head, text in split if "".join(filter(str.isdigit, head)).endswith(digits)]
