"""Sheets as labs keep them, and the whole way from a file to the records."""

import csv
import io
import random
from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest

from ballatoio.base.accounts.models import User
from ballatoio.base.jobs.models import DueWork
from ballatoio.base.jobs.services import do_next_work
from ballatoio.base.labs.models import Lab
from ballatoio.oversight.spreadsheets import services
from ballatoio.oversight.spreadsheets.models import SheetImport
from tests.factories import make_building, make_term

TODAY = date(2026, 3, 2)
LOG = [
    ["Data", "Nome e cognome", "Telefono", "Lingua", "Argomento", "Richiesta", "Risposta", "Operatore"],
    ["3/5/2025", "Amina Haddad", "333 123 4567", "arabo", "affitto", "non riesce a pagare", "spiegato", "Anna"],
    ["4 maggio 2025", "anonimo", "", "", "documenti", "", "", "Lucia"],
    ["05.05.25", "Amina Haddad", "", "arabo", "qualcosa di strano", "", "", ""],
]
REGISTER = [
    ["Cognome", "Nome", "Telefono", "Nato il", "Lingue", "Indirizzo", "Note"],
    ["Haddad", "Amina", "3331234567", "1980", "arabo, francese", "via Odazio 7 scala A int 3", "pomeriggio"],
    ["ROSSI", "MARIO", "02 123 4567", "3/5/1950", "", "", ""],
]


def as_csv(rows: Sequence[Sequence[str]], encoding: str = "utf-8", delimiter: str = ";") -> bytes:
    """Give rows as the bytes of a CSV file."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue().encode(encoding)


def work() -> None:
    """Do all the work that waits, as the worker does."""
    while do_next_work():
        pass
    assert list(DueWork.objects.filter(done_at=None).exclude(last_error="").values_list("last_error", flat=True)) == []


class Way:
    """The way of one coordinator with one sheet."""

    def __init__(self, lab: Lab, by: User) -> None:
        self.lab, self.by = lab, by

    def upload(self, rows: Sequence[Sequence[str]] | bytes, kind: str = "desk_log", **more: Any) -> SheetImport:
        raw = rows if isinstance(rows, bytes) else as_csv(rows)
        return services.upload_sheet(self.lab, io.BytesIO(raw), kind=kind, by=self.by, **more)

    def check(self, rows: Sequence[Sequence[str]] | bytes, kind: str = "desk_log", **more: Any) -> SheetImport:
        """Upload, take all guesses, check."""
        sheet = self.upload(rows, kind, **more)
        return self.check_again(sheet)

    def check_again(self, sheet: SheetImport, **choices: Any) -> SheetImport:
        """Change what was said about the columns, if anything, and check."""
        sheet = fresh(sheet)
        told = services.choices_of(sheet).__dict__ | choices
        sheet = services.choose_columns(
            sheet, services.Choices(**told), header_row=sheet.header_row, by=self.by, version=sheet.version
        )
        services.choose_values(sheet, services.values_of(sheet), by=self.by)
        work()
        return fresh(sheet)

    def start(self, sheet: SheetImport, **more: Any) -> SheetImport:
        return services.start_import(sheet, by=self.by, version=sheet.version, **more)

    def bring_in(self, rows: Sequence[Sequence[str]] | bytes, kind: str = "desk_log", **more: Any) -> SheetImport:
        """All of it, to the end."""
        self.start(sheet := self.check(rows, kind), **more)
        work()
        return fresh(sheet)

    def undo(self, sheet: SheetImport, **more: Any) -> SheetImport:
        services.start_undo(sheet, by=self.by, version=sheet.version, **more)
        work()
        return fresh(sheet)


def fresh(sheet: SheetImport) -> SheetImport:
    """Give a sheet as the database has it now."""
    return SheetImport.objects.select_related("lab", "data_key").get(pk=sheet.pk)


@pytest.fixture
def way(mazzini: Lab, elena: User) -> Way:
    """Elena, with her desk's colleagues, houses and topics."""
    make_term("Affitto")
    make_term("Documenti")
    make_building(mazzini, "via Odazio", "7")
    return Way(mazzini, elena)


@pytest.fixture
def dice() -> random.Random:
    return random.Random(7)
