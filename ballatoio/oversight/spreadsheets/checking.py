"""The check of a sheet, without locking anybody out: every row is read, whoever is in it is looked for in the lab."""

import json
from collections.abc import Callable
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from ballatoio.base.accounts.models import User
from ballatoio.base.audit.services import record_act
from ballatoio.base.people.bulk import Match, match_newcomers
from ballatoio.base.vault.erasing import erase_with_keys
from ballatoio.base.vault.services import open_texts, reseal_texts, seal_texts

from .models import Lookalike, SheetImport, SheetPart
from .people import Somebody, newcomer_as_json
from .reading import RowReader
from .services import PART_ROWS, Stopped, change_state, choices_of, columns_of, lock_sheet, values_of
from .values import ValueLists

Progress = Callable[[int, int], object]
State = SheetImport.State
# The same telephone or birth beside the same name is proof enough; the name alone is not.
FIRST_CHOICE = {
    Lookalike.Why.PHONE: Lookalike.Choice.JOIN,
    Lookalike.Why.BIRTH: Lookalike.Choice.JOIN,
    Lookalike.Why.NAME: Lookalike.Choice.NEW,
}


def check_sheet(sheet: SheetImport, *, on_progress: Progress) -> SheetImport:
    """Read every row of a sheet and write beside it what it will be, or what is wrong with it.

    Twice is as good as once: it begins anew. Raise Stopped when somebody stopped it, or another worker took it over.
    """
    by = sheet.decided_by or sheet.uploaded_by
    with transaction.atomic():
        # A worker that was thought dead and is not stops at its next step: the number is no longer its own.
        sheet = _lock(sheet, sheet.version)
        sheet.version += 1
        sheet.save(update_fields=["version"])
    erase_with_keys(sheet.parts.filter(holds=SheetPart.Holds.PEOPLE))
    erase_with_keys(Lookalike.objects.filter(sheet=sheet))
    lists = ValueLists(sheet.lab, values_of(sheet))
    reader = RowReader(sheet, columns_of(sheet), choices_of(sheet), lists, by)
    wrong = 0
    for part_id in list(sheet.parts.filter(holds=SheetPart.Holds.ROWS).values_list("pk", flat=True)):
        wrong += _check_part(sheet, part_id, reader)
        done = SheetImport.objects.values_list("done", flat=True).get(pk=sheet.pk)
        on_progress(done, sheet.rows)
    _write_people(sheet, reader, by)
    return _finish(sheet, reader, wrong, by)


def _lock(sheet: SheetImport, version: int) -> SheetImport:
    """Give the sheet locked, while this check goes on. Raise Stopped when it does not."""
    locked = SheetImport.objects.select_for_update(of=("self",), no_key=True).select_related("data_key", "lab")
    current = locked.get(pk=sheet.pk)
    if current.state != State.CHECKING or current.version != version:
        raise Stopped
    return current


def _check_part(sheet: SheetImport, part_id: UUID, reader: RowReader) -> int:
    """Check the rows of a part; give how many are wrong."""
    part = SheetPart.objects.select_related("data_key").get(pk=part_id)
    text = open_texts(part)["rows"]
    plan, errors, wrong = [], [], 0
    for number, cells in json.loads(text):
        if number <= sheet.header_row:
            continue
        outcome = reader.read(number, cells)
        if outcome.plan is None:
            errors += outcome.errors
            wrong += 1
        else:
            plan.append(outcome.plan)
    part.wrong = wrong
    dump = {
        "rows": text,
        "plan": json.dumps(plan, ensure_ascii=False),
        "errors": json.dumps(errors, ensure_ascii=False),
    }
    with transaction.atomic():
        current = _lock(sheet, sheet.version)
        current.done += len(plan) + wrong
        current.save(update_fields=["done"])
        reseal_texts(part, dump)
        part.save(update_fields=["sealed", "data_key", "wrong"])
    return wrong


def _write_people(sheet: SheetImport, reader: RowReader, by: User) -> None:
    """Keep who is in the sheet, and who of them may be somebody that the lab knows."""
    for number, batch in enumerate(reader.crowd.in_batches(PART_ROWS)):
        matches = match_newcomers(sheet.lab, [somebody.newcomer for somebody in batch], by=by)
        plan = json.dumps([newcomer_as_json(somebody.newcomer) for somebody in batch], ensure_ascii=False)
        part = SheetPart(sheet=sheet, holds=SheetPart.Holds.PEOPLE, number=number, rows=len(batch))
        lookalikes = [
            _lookalike(sheet, somebody, matches[somebody.newcomer.pk])
            for somebody in batch
            if somebody.newcomer.pk in matches
        ]
        reader.count("joined", sum(lookalike.choice == Lookalike.Choice.JOIN for lookalike in lookalikes))
        reader.count("lookalikes", len(lookalikes))
        with transaction.atomic():
            _lock(sheet, sheet.version)
            seal_texts([(part, {"plan": plan})])
            part.save(force_insert=True)
            names = [f"{one.newcomer.given_name} {one.newcomer.family_name}".strip() for one in batch]
            by_id = dict(zip((one.newcomer.pk for one in batch), names, strict=True))
            seal_texts((lookalike, {"name": by_id[lookalike.planned]}) for lookalike in lookalikes)
            Lookalike.objects.bulk_create(lookalikes)
    reader.count("people", len(reader.crowd.people))


def _lookalike(sheet: SheetImport, somebody: Somebody, match: Match) -> Lookalike:
    why = Lookalike.Why(match.why)
    return Lookalike(
        sheet=sheet,
        planned=somebody.newcomer.pk,
        person=match.person,
        why=why,
        choice=FIRST_CHOICE[why],
        row=somebody.row,
        times=somebody.times,
    )


@transaction.atomic
def _finish(sheet: SheetImport, reader: RowReader, wrong: int, by: User) -> SheetImport:
    _lock(sheet, sheet.version)
    current = lock_sheet(sheet)
    change_state(current, State.CHECKED)
    current.wrong, current.checked_at = wrong, timezone.now()
    current.counts = {name: count for name, count in sorted(reader.counts.items()) if count}
    current.save()
    record_act("spreadsheet.check", current, by=by, lab_id=current.lab_id, detail=current.counts | {"wrong": wrong})
    return current
