"""What can happen to a sheet until a worker has it: it is uploaded, explained, checked, confirmed, thrown away."""

import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import BinaryIO
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from ballatoio.base.accounts.models import User
from ballatoio.base.audit.services import record_act, record_reading
from ballatoio.base.core import keys
from ballatoio.base.core.conflicts import ChangedElsewhere
from ballatoio.base.core.sheets.opening import open_sheet
from ballatoio.base.core.sheets.sheet import FileRefused, Sheet
from ballatoio.base.jobs.services import plan_work, submit_once
from ballatoio.base.labs.models import Lab
from ballatoio.base.vault.erasing import erase_with_keys
from ballatoio.base.vault.services import forget_keys, open_texts, reseal_texts, seal_texts

from .columns import Column, Row, columns_from, describe_columns, find_header_row, headings_text
from .models import SHEET_LIFE, UNDO_LIFE, ImportedRow, Lookalike, SavedMapping, SheetImport, SheetPart
from .reading import Choices

State = SheetImport.State
WORK = "spreadsheets.work"
# Ten years of a busy desk; with more, a file is no desk's log.
MAX_ROWS = 100_000
MAX_BYTES = 25 * 1024 * 1024
# Written in one transaction: on SQLite the desk waits as long as that lasts.
PART_ROWS = 100
# What is written in one go when a sheet is uploaded.
PARTS_AT_ONCE = 25
# A check older than this is made again: the desk has met people since.
CHECK_LIFE = timedelta(hours=24)


class Stopped(Exception):
    """The sheet is no longer as it was when its work was begun: somebody stopped it, or another worker has it."""


class NotNow(Exception):
    """The sheet is in a state in which this cannot be done; its page says what can."""


class CheckIsOld(Exception):
    """The lab has changed since the check: it has to be made again before anything is written."""


class AnotherAtWork(Exception):
    """Another import of this lab is being written or taken back: one at a time."""


class SameFileWentIn(Exception):
    """The very same file was imported already; `other` is that import."""

    def __init__(self, other: SheetImport) -> None:
        super().__init__(str(other.pk))
        self.other = other


class RowsAreWrong(Exception):
    """Some rows are wrong and nobody said to leave them out."""


class NothingToImport(Exception):
    """No row is left to import."""


def upload_sheet(
    lab: Lab,
    file: BinaryIO,
    *,
    kind: str,
    by: User,
    title: str = "",
    encoding: str = "",
    delimiter: str = "",
    wanted: str = "",
    once: str = "",
) -> SheetImport:
    """Take a file in: its rows are kept sealed, for SHEET_LIFE at most, the file itself is not kept.

    `encoding`, `delimiter` and `wanted` (one of several sheets) are for whoever knows better than the file. Raise
    FileRefused with a sentence for a file that cannot be read or has more than MAX_ROWS rows, AlreadySubmitted (its
    result is the id).
    """
    table = open_sheet(file, encoding=encoding, delimiter=delimiter, wanted=wanted)
    parts, count = _pack_rows(table)
    rows = lambda: _unpack_rows(parts)  # noqa: E731 (read twice, and never held)
    header_row = find_header_row(rows(), kind)
    columns = describe_columns(rows(), header_row, kind)
    headings_digest = keys.mac("sheet", headings_text(columns, kind).encode())
    saved = _saved_mapping(lab, kind, headings_digest)
    sheet = SheetImport(
        lab=lab,
        kind=kind,
        title=title.strip()[:80],
        digest=_digest(file),
        headings_digest=headings_digest,
        format=_format_of(table),
        header_row=header_row,
        rows=sum(number > header_row for number, _cells in rows()),
        uploaded_by=by,
    )
    if not sheet.rows:
        raise FileRefused(_("Nel foglio non ci sono righe sotto le intestazioni."))
    mapping = saved.get("mapping") or _dump(_first_choices(columns))
    texts = {"columns": _dump_columns(columns), "mapping": mapping, "values": saved.get("values", "{}")}
    with transaction.atomic():
        submit_once(once, str(sheet.pk))
        seal_texts([(sheet, texts)])
        sheet.save(force_insert=True)
        _write_parts(sheet, parts)
        detail = {"rows": sheet.rows, "columns": len(columns), "known": bool(saved), "read": count}
        record_act("spreadsheet.upload", sheet, by=by, lab_id=lab.pk, detail=detail)
    return sheet


def _pack_rows(table: Sheet) -> tuple[list[bytes], int]:
    """Give the rows of a file in small packets, and how many they are: 25 MB of text are 5 of packets."""
    parts: list[bytes] = []
    waiting: list[Row] = []
    count = 0
    for row in table.rows():
        count += 1
        if count > MAX_ROWS + 1:
            raise FileRefused(
                _("Il foglio ha più di %(most)s righe: dividilo, per esempio un anno per foglio.") % {"most": MAX_ROWS}
            )
        waiting.append(row)
        if len(waiting) == PART_ROWS:
            parts.append(_pack(waiting))
            waiting = []
    if waiting:
        parts.append(_pack(waiting))
    if not parts:
        raise FileRefused(_("Il foglio è vuoto."))
    return parts, count


def _pack(rows: list[Row]) -> bytes:
    return zlib.compress(json.dumps(rows, ensure_ascii=False).encode("utf-8", "replace"), 3)


def _unpack_rows(parts: Iterable[bytes]) -> Iterator[Row]:
    for part in parts:
        yield from json.loads(zlib.decompress(part))


def _write_parts(sheet: SheetImport, parts: list[bytes]) -> None:
    for start in range(0, len(parts), PARTS_AT_ONCE):
        pairs = []
        for number, packed in enumerate(parts[start : start + PARTS_AT_ONCE], start=start):
            text = zlib.decompress(packed).decode()
            rows = sum(row[0] > sheet.header_row for row in json.loads(text))
            pairs.append((SheetPart(sheet=sheet, number=number, rows=rows), {"rows": text}))
        seal_texts(pairs)
        SheetPart.objects.bulk_create(part for part, _texts in pairs)


def _digest(file: BinaryIO) -> bytes:
    """Give what tells the same file from another, and nothing of what is in it."""
    file.seek(0)
    return keys.mac("sheet", hashlib.file_digest(file, "sha256").digest())  # type: ignore[arg-type]


def _format_of(table: Sheet) -> str:
    if table.encoding:
        signs = {"\t": "tab"}
        return f"{table.encoding} {signs.get(table.delimiter, table.delimiter)}"
    return f"{type(table).__name__.removesuffix('Sheet').lower()} {table.name}"[:40]


def _saved_mapping(lab: Lab, kind: str, headings_digest: bytes) -> dict[str, str]:
    saved = SavedMapping.objects.filter(lab=lab, kind=kind, headings_digest=headings_digest).first()
    return open_texts(saved) if saved else {}


def _first_choices(columns: list[Column]) -> Choices:
    """Give what the columns probably are, before anybody says so."""
    guessed = {str(place): column.guess for place, column in enumerate(columns) if column.guess}
    names = [columns[int(place)].heading for place, name in guessed.items() if name == "full_name"]
    return Choices(guessed, family_first=bool(names) and names[0].strip().lower().startswith("cognome"))


def _dump(choices: Choices) -> str:
    return json.dumps(choices.__dict__, ensure_ascii=False)


def _dump_columns(columns: list[Column]) -> str:
    return json.dumps([column.as_json() for column in columns], ensure_ascii=False)


def columns_of(sheet: SheetImport) -> list[Column]:
    """Give the columns of a sheet, with examples of what is in them."""
    return columns_from(json.loads(open_texts(sheet).get("columns", "[]")))


def choices_of(sheet: SheetImport) -> Choices:
    """Give what was said, or guessed, about the columns of a sheet."""
    return Choices(**json.loads(open_texts(sheet).get("mapping", "{}")))


def values_of(sheet: SheetImport) -> dict[str, dict[str, str]]:
    """Give what was said about the words of its lists."""
    values: dict[str, dict[str, str]] = json.loads(open_texts(sheet).get("values", "{}"))
    return values


def read_sheet(sheet: SheetImport, *, by: User) -> None:
    """Record that `by` looks at what is in a sheet: its first cells already say who came."""
    record_reading("spreadsheet.read", sheet, by=by, lab_id=sheet.lab_id)


def rows_of(sheet: SheetImport) -> Iterator[Row]:
    """Give the rows of a sheet as they were in the file."""
    for texts in texts_of_parts(sheet, SheetPart.Holds.ROWS):
        yield from json.loads(texts["rows"])


def texts_of_parts(sheet: SheetImport, holds: str, *, only_wrong: bool = False) -> Iterator[dict[str, str]]:
    """Give the opened texts of the parts of a sheet in their order, one part at a time.

    Part by part and not through one cursor: whoever wants the first rows alone stops in the middle.
    """
    parts = sheet.parts.filter(holds=holds, **({"wrong__gt": 0} if only_wrong else {}))
    for part_id in list(parts.order_by("number").values_list("pk", flat=True)):
        yield open_texts(SheetPart.objects.select_related("data_key").get(pk=part_id))


def lock_sheet(sheet: SheetImport, version: int | None = None) -> SheetImport:
    """Give a sheet locked, as it is now. Raise ChangedElsewhere when it is no longer the `version` that was seen."""
    current = (
        SheetImport.objects.select_for_update(of=("self",), no_key=True)
        .select_related("data_key", "lab")
        .get(pk=sheet.pk)
    )
    if version is not None and current.version != version:
        raise ChangedElsewhere(current)
    current.version += 1
    return current


def change_state(sheet: SheetImport, state: str) -> None:
    """Put a locked sheet in another state. Raise NotNow when the table does not allow it."""
    if state not in SheetImport.ALLOWED[sheet.state]:
        raise NotNow
    sheet.state = state
    sheet.done = 0


@transaction.atomic
def choose_columns(sheet: SheetImport, choices: Choices, *, header_row: int, by: User, version: int) -> SheetImport:
    """Say what each column is; another row of headings makes the columns be looked at again.

    Raise ChangedElsewhere, NotNow.
    """
    current = lock_sheet(sheet, version)
    change_state(current, State.UPLOADED)
    texts = open_texts(current)
    if header_row != current.header_row:
        columns = describe_columns(rows_of(current), header_row, current.kind)
        current.header_row = header_row
        current.rows = sum(number > header_row for number, _cells in rows_of(current))
        current.headings_digest = keys.mac("sheet", headings_text(columns, current.kind).encode())
        choices = _first_choices(columns)
        texts["columns"] = _dump_columns(columns)
    texts["mapping"] = _dump(choices)
    reseal_texts(current, texts)
    current.save()
    detail = {"taken": len(choices.columns), "header_row": header_row}
    record_act("spreadsheet.explain", current, by=by, lab_id=current.lab_id, detail=detail)
    return current


@transaction.atomic
def choose_values(
    sheet: SheetImport, values: dict[str, dict[str, str]], *, by: User, version: int | None = None
) -> SheetImport:
    """Say what the words of the lists mean, and let the sheet be checked. Raise ChangedElsewhere, NotNow."""
    current = lock_sheet(sheet, version)
    texts = open_texts(current)
    reseal_texts(current, texts | {"values": json.dumps(values, ensure_ascii=False)})
    return _start(current, State.CHECKING, by)


@transaction.atomic
def check_again(sheet: SheetImport, *, by: User, version: int) -> SheetImport:
    """Let a sheet be checked once more as it is. Raise ChangedElsewhere, NotNow."""
    return _start(lock_sheet(sheet, version), State.CHECKING, by)


def _start(current: SheetImport, state: str, by: User, total: int = 0) -> SheetImport:
    """Hand a locked sheet to a worker."""
    change_state(current, state)
    current.decided_by, current.total = by, total or current.rows
    current.save()
    record_act(f"spreadsheet.{state}", current, by=by, lab_id=current.lab_id, detail={"rows": current.rows})
    plan_work(
        WORK,
        key=f"sheet:{current.pk}:{current.version}",
        lab=current.lab,
        payload={"sheet": str(current.pk), "version": current.version},
    )
    return current


@transaction.atomic
def choose_lookalikes(sheet: SheetImport, choices: dict[UUID, str], *, by: User) -> int:
    """Say of people in the sheet whether they are those that the lab knows; give of how many it changed."""
    current = SheetImport.objects.select_for_update(of=("self",), no_key=True).get(pk=sheet.pk)
    if current.state != State.CHECKED:
        raise NotNow
    changed = [
        lookalike
        for lookalike in Lookalike.objects.filter(sheet=current, pk__in=choices).order_by("pk")
        if lookalike.choice != choices[lookalike.pk]
    ]
    for lookalike in changed:
        lookalike.choice = choices[lookalike.pk]
    Lookalike.objects.bulk_update(changed, ["choice"])
    record_act("spreadsheet.recognise", current, by=by, lab_id=current.lab_id, detail={"changed": len(changed)})
    return len(changed)


@transaction.atomic
def choose_all_lookalikes(sheet: SheetImport, choice: str, *, by: User) -> int:
    """Say the same of all those whom only their name makes alike; give how many. Raise NotNow."""
    current = SheetImport.objects.select_for_update(of=("self",), no_key=True).get(pk=sheet.pk)
    if current.state != State.CHECKED:
        raise NotNow
    changed = Lookalike.objects.filter(sheet=current, why=Lookalike.Why.NAME).update(choice=choice)
    record_act("spreadsheet.recognise", current, by=by, lab_id=current.lab_id, detail={"changed": changed})
    return changed


def same_file(sheet: SheetImport) -> SheetImport | None:
    """Give another import of this lab whose file is the very same and whose rows are here, the latest one."""
    others = SheetImport.objects.of_lab(sheet.lab).went_in().exclude(pk=sheet.pk)
    return others.filter(digest=bytes(sheet.digest)).order_by("-uploaded_at").first()


def start_import(
    sheet: SheetImport, *, by: User, version: int, leave_out: bool = False, again: bool = False
) -> SheetImport:
    """Let the rows of a checked sheet be written; `leave_out` those that are wrong, `again` though the file went in.

    Raise ChangedElsewhere, NotNow, CheckIsOld, RowsAreWrong, NothingToImport, SameFileWentIn, AnotherAtWork.
    """
    try:
        with transaction.atomic():
            current = lock_sheet(sheet, version)
            if current.state != State.CHECKED:
                raise NotNow
            if _is_old(current):
                raise CheckIsOld
            if current.wrong and not leave_out:
                raise RowsAreWrong
            if current.wrong >= current.rows:
                raise NothingToImport
            if not again and (other := same_file(current)):
                raise SameFileWentIn(other)
            return _start(current, State.IMPORTING, by, total=_rows_to_write(current))
    except IntegrityError:
        # sheet_one_at_work_in_a_lab: somebody else's import began a moment ago.
        raise AnotherAtWork from None


def _rows_to_write(sheet: SheetImport) -> int:
    return sum(sheet.parts.values_list("rows", flat=True))


def _is_old(sheet: SheetImport) -> bool:
    since = sheet.checked_at
    if since is None or timezone.now() - since > CHECK_LIFE:
        return True
    others = SheetImport.objects.of_lab(sheet.lab).exclude(pk=sheet.pk)
    return others.filter(finished_at__gt=since).exists() or others.filter(undone_at__gt=since).exists()


def start_undo(
    sheet: SheetImport, *, by: User, version: int, remove: Iterable[UUID] = (), remove_all: bool = False
) -> SheetImport:
    """Let all that came from a sheet be taken back; what somebody has used since stays, unless it is in `remove`.

    Raise ChangedElsewhere, NotNow, AnotherAtWork.
    """
    try:
        with transaction.atomic():
            current = lock_sheet(sheet, version)
            if current.state != State.DONE:
                raise NotNow
            rows = ImportedRow.objects.filter(sheet=current)
            chosen = rows if remove_all else rows.filter(object_id__in=list(remove))
            chosen.update(fate=ImportedRow.Fate.REMOVE)
            return _start(current, State.UNDOING, by, total=rows.count())
    except IntegrityError:
        raise AnotherAtWork from None


@transaction.atomic
def discard_sheet(sheet: SheetImport, *, by: User | None, version: int | None = None) -> SheetImport:
    """Throw a sheet away before anything of it was written: its rows are erased, keys and all. Raise NotNow."""
    current = lock_sheet(sheet, version)
    change_state(current, State.DISCARDED)
    forget_rows(current)
    current.save()
    record_act("spreadsheet.discard", current, by=by, lab_id=current.lab_id)
    return current


def forget_rows(sheet: SheetImport) -> None:
    """Erase what was read from the file, in the transaction of the caller, who saves the sheet and records the act."""
    erase_with_keys(SheetPart.objects.filter(sheet=sheet))
    erase_with_keys(Lookalike.objects.filter(sheet=sheet))
    if sheet.data_key_id:
        forget_keys([sheet.data_key_id])
        sheet.data_key, sheet.sealed = None, b""


def save_mapping(sheet: SheetImport) -> None:
    """Keep what was said about a sheet for the next one with the same headings, inside the caller's transaction."""
    texts = open_texts(sheet)
    kept: dict[str, str] = {name: texts[name] for name in ("mapping", "values") if name in texts}
    mapping = SavedMapping.objects.select_for_update(of=("self",), no_key=True).filter(
        lab=sheet.lab, kind=sheet.kind, headings_digest=bytes(sheet.headings_digest)
    )
    saved = mapping.first() or SavedMapping(
        lab=sheet.lab, kind=sheet.kind, headings_digest=bytes(sheet.headings_digest)
    )
    reseal_texts(saved, kept)
    saved.saved_at = timezone.now()
    saved.save()


def clear_old_sheets() -> dict[str, int]:
    """Throw away the sheets that nobody finished within SHEET_LIFE, and what is older than UNDO_LIFE; give how many."""
    now = timezone.now()
    old = SheetImport.objects.filter(state__in=SheetImport.OPEN_STATES, uploaded_at__lt=now - SHEET_LIFE)
    discarded = 0
    for sheet in old.order_by("pk"):
        discard_sheet(sheet, by=None)
        discarded += 1
    done = SheetImport.objects.filter(state=State.DONE, finished_at__lt=now - UNDO_LIFE)
    forgotten, _models = ImportedRow.objects.filter(sheet__in=done.values("pk")).delete()
    return {"discarded": discarded, "forgotten": forgotten}
