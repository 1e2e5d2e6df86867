"""Run in a process of its own: an empty installation with one lab and messages that wait to be sent.

Usage: outbox_prepare.py MESSAGES
"""

import json
import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ballatoio.config.settings")

import django

django.setup()

from django.core.management import call_command
from django.db import transaction

from ballatoio.base.labs.models import Lab
from ballatoio.base.notices.services import Text, notify_address
from tests.factories import make_lab


def fill(lab: Lab, messages: int) -> None:
    """Queue messages to as many addresses."""
    text = Text(
        "Il tuo appuntamento", "Ti aspettiamo giovedì alle 10, via di prova 1.", "Ti aspettiamo giovedì alle 10"
    )
    for number in range(messages):
        notify_address(
            lab,
            channel="email",
            to=f"n{number}@example.org",
            kind="prova",
            key=f"k{number}",
            compose=lambda: text,
            about=lab,
            by=None,
        )


if __name__ == "__main__":
    call_command("migrate", verbosity=0)
    with transaction.atomic():
        fill(make_lab("mazzini"), int(sys.argv[1]))
    json.dump({}, sys.stdout)
