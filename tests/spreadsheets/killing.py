"""Run in a process of its own, on the database of DATABASE_URL: prepare an import, work on it, count what there is.

Usage: killing.py prepare ROWS | work | undo | count. Each prints JSON.
"""

import io
import json
import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ballatoio.config.settings")

import django

django.setup()

# ruff: noqa: E402 (Django is set up before its models are imported)
from django.core.management import call_command

from ballatoio.base.accounts.models import Role
from ballatoio.base.audit.services import verify_chains
from ballatoio.base.jobs.services import do_next_work
from ballatoio.base.people.models import Person
from ballatoio.base.vault.models import DataKey
from ballatoio.base.vault.services import open_texts
from ballatoio.care.desk.models import Contact, Need
from ballatoio.oversight.spreadsheets import services
from ballatoio.oversight.spreadsheets.models import ImportedRow, SheetImport
from tests.factories import make_lab, make_term, make_user


def prepare(rows: int) -> None:
    """Bring a sheet to where only the writing is left."""
    call_command("migrate", verbosity=0)
    make_term("Affitto")
    lab = make_lab("mazzini")
    elena = make_user("Elena", lab, Role.COORDINATOR)
    text = "Data;Nome e cognome;Argomento;Richiesta\r\n" + "".join(
        f"{1 + n % 28}/5/2025;Nome Cognome{n // 2};affitto;riga numero {n}\r\n" for n in range(rows)
    )
    sheet = services.upload_sheet(lab, io.BytesIO(text.encode()), kind="desk_log", by=elena)
    services.choose_values(sheet, {}, by=elena)
    work()
    sheet = SheetImport.objects.get()
    services.start_import(sheet, by=elena, version=sheet.version)


def work() -> None:
    """Do what is due, as the worker does."""
    while do_next_work():
        pass


def undo() -> None:
    """Let the import be taken back."""
    sheet = SheetImport.objects.get()
    services.start_undo(sheet, by=sheet.uploaded_by, version=sheet.version)


def count() -> dict[str, object]:
    """Give what there is, and whether every row came once and whole."""
    contacts = list(Contact.objects.select_related("data_key"))
    told = [open_texts(contact).get("words", "") for contact in contacts]
    return {
        "state": SheetImport.objects.get().state,
        "contacts": len(contacts),
        "rows": len({text for text in told if text.startswith("riga numero")}),
        "needs": Need.objects.count(),
        "people": Person.objects.count(),
        "remembered": ImportedRow.objects.count(),
        "keys": DataKey.objects.count(),
        "breaks": len(list(verify_chains())),
    }


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    done = {"prepare": lambda: prepare(int(arguments[0])), "work": work, "undo": undo, "count": count}[command]()
    json.dump(done, sys.stdout)
