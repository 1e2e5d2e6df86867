"""Two who act at the same moment: proved on PostgreSQL, where several may write at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from ballatoio.base.jobs.services import AlreadySubmitted
from ballatoio.base.people.models import Person
from ballatoio.care.desk.models import Contact
from ballatoio.oversight.spreadsheets import services
from ballatoio.oversight.spreadsheets.models import ImportedRow, SheetImport
from ballatoio.oversight.spreadsheets.writing import import_sheet, take_back
from tests.spreadsheets.conftest import LOG, Way, fresh

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer at a time"),
]
ROWS = [LOG[0], *([f"{1 + n % 28}/5/2025", f"Nome Cognome{n // 2}"] for n in range(700))]


def together(*acts: Callable[[], Any]) -> list[Any]:
    """Let all begin at the same moment, and give what each gave or raised."""
    barrier = Barrier(len(acts))

    def one(act: Callable[[], Any]) -> Any:
        barrier.wait()
        try:
            return act()
        except (services.AnotherAtWork, services.Stopped, services.ChangedElsewhere) as refusal:
            return type(refusal).__name__
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(one, acts))


def test_of_two_imports_that_start_at_once_one_waits_its_turn(way: Way) -> None:
    sheets = [way.check(LOG), way.check([LOG[0], ["9/9/2025", "Sara Neri"]])]
    got = together(*(lambda sheet=sheet: way.start(sheet).state for sheet in sheets))
    assert sorted(got) == ["AnotherAtWork", "importing"]
    assert SheetImport.objects.at_work().count() == 1


def test_of_two_clicks_on_the_same_import_one_counts(way: Way) -> None:
    sheet = way.check(LOG)
    got = together(*[lambda: way.start(sheet).state] * 2)
    assert sorted(got) == ["ChangedElsewhere", "importing"]


def test_two_workers_on_one_import_write_every_row_once(way: Way) -> None:
    sheet = way.check(ROWS)
    way.start(sheet)
    current = fresh(sheet)
    together(*[lambda: import_sheet(SheetImport.objects.get(pk=current.pk), on_progress=lambda _a, _b: None).state] * 3)
    assert fresh(sheet).state == SheetImport.State.DONE
    assert (Contact.objects.count(), Person.objects.count()) == (700, 350)
    assert ImportedRow.objects.count() == 1050


def test_two_workers_on_one_undo_leave_nothing_and_fail_nowhere(way: Way) -> None:
    sheet = way.bring_in(ROWS)
    services.start_undo(sheet, by=way.by, version=sheet.version)
    together(*[lambda: take_back(SheetImport.objects.get(pk=sheet.pk), on_progress=lambda _a, _b: None).state] * 3)
    assert fresh(sheet).state == SheetImport.State.UNDONE
    assert (Contact.objects.count(), Person.objects.count(), ImportedRow.objects.count()) == (0, 0, 0)


def test_two_uploads_of_one_form_are_one(way: Way) -> None:
    def send() -> str:
        try:
            return str(way.upload(LOG, once="one-token").pk)
        except AlreadySubmitted as already:
            return already.result

    got = together(send, send)
    assert (got[0], SheetImport.objects.count()) == (got[1], 1)
