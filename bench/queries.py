"""How many queries each request asks: run in a process of its own with the settings of the installation.

Usage: python -m bench.queries FACTS. Prints JSON; what opens and ends a transaction is not counted.
"""

import json
import os
import secrets
import sys
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ballatoio.config.settings")

import django

django.setup()

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from .client import FormFields

HEADERS = {"HTTP_X_FORWARDED_PROTO": "https", "HTTP_HOST": "127.0.0.1", "HTTP_REFERER": "https://127.0.0.1/"}


def main(facts: dict[str, str]) -> dict[str, int]:
    """Ask each page twice and count the second time, when what is kept in memory is kept."""
    client = Client(**HEADERS)  # type: ignore[arg-type]
    staff = Client(**HEADERS)  # type: ignore[arg-type]
    staff.cookies["sessionid"] = facts["cookie"]
    lab, found = f"/{facts['lab']}", {}

    def counted(name: str, who: Client, path: str, data: dict[str, str] | None = None) -> None:
        for _ in range(2):
            sent = data | {"once": secrets.token_urlsafe(12)} if data else None
            with CaptureQueriesContext(connection) as queries:
                answer = who.post(path, sent) if sent else who.get(path)
            assert answer.status_code in (200, 302), (path, answer.status_code)
        skip = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")
        found[name] = sum(not query["sql"].startswith(skip) for query in queries)

    counted("public: home", client, f"{lab}/")
    counted("public: address", client, f"{lab}/casa/{facts['building']}/")
    counted("public: service", client, f"{lab}/servizi/{facts['service']}/")
    counted("public: services", client, f"{lab}/servizi/")
    counted("list: contacts", staff, f"{lab}/banco/contatti/")
    counted("list: contacts, search", staff, f"{lab}/banco/contatti/?q={facts['family']}")
    counted("list: today", staff, f"{lab}/banco/")
    counted("list: people", staff, f"{lab}/persone/?q={facts['family']}")
    counted("list: needs", staff, f"{lab}/banco/bisogni/")
    counted("list: needs map", staff, f"{lab}/rendiconto/bisogni/?{facts['whole']}")
    form = FormFields("contatto")
    form.feed(staff.get(f"{lab}/banco/contatti/nuovo/").content.decode())
    typed = form.fields | {
        "b1-need": "tessera",
        "b1-kind": "information",
        "b1-text": "spiegato",
        "words": "x",
        "do": "next",
    }
    counted("save: contact", staff, f"{lab}/banco/contatti/nuovo/", typed)
    return found


if __name__ == "__main__":
    json.dump(main(json.loads(Path(sys.argv[1]).read_text())[0]), sys.stdout)
