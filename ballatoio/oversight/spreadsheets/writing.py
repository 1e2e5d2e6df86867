"""The rows of a checked sheet become records, and go again when the import fails or is undone.

Always a few at a time: each batch is one short transaction in which a part is marked as written, or what was taken
back is forgotten. Killed at any moment, a worker leaves whole batches, and the next one goes on behind them.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from django.db import connection, models, transaction
from django.db.models import ProtectedError, RestrictedError
from django.utils import timezone

from ballatoio.base.accounts.models import User
from ballatoio.base.audit.services import record_act
from ballatoio.base.people.bulk import (
    Filled,
    Newcomer,
    empty_people,
    fill_people,
    forget_empty_households,
    forget_people,
    register_people,
)
from ballatoio.base.people.models import Household, Person
from ballatoio.base.people.services import note_seen
from ballatoio.base.territory.models import Building
from ballatoio.base.vault.services import open_texts
from ballatoio.care.desk.bulk import PastContact, PastNeed, forget_contacts, record_past_contacts
from ballatoio.care.desk.models import Contact
from ballatoio.care.desk.services import refresh_search_words

from .models import ImportedRow, Lookalike, SheetImport, SheetPart
from .people import Somebody, newcomer_from
from .services import Stopped, change_state, forget_rows, lock_sheet, save_mapping
from .traces import label, used_contacts, used_people
from .values import ValueLists

Progress = Callable[[int, int], object]
State = SheetImport.State
# So many records are taken back in one transaction.
TAKEN_AT_ONCE = 100
# Longer than whoever waits at the desk sleeps before trying again.
PAUSE = 0.05


def import_sheet(sheet: SheetImport, *, on_progress: Progress) -> SheetImport:
    """Write the parts of a sheet that are not written yet, and finish it. Raise Stopped."""
    writer = _Writer(sheet)
    waiting = sheet.parts.filter(written_at__isnull=True).order_by("holds", "number")
    for part_id in list(waiting.values_list("pk", flat=True)):
        done = writer.write(part_id)
        on_progress(done, sheet.total)
        _let_others_in()
    return _finish(sheet)


def _let_others_in() -> None:
    """Leave the database for a moment: SQLite has one writer at a time, and does not make them queue."""
    if connection.vendor == "sqlite":
        time.sleep(PAUSE)


@dataclass
class _Writer:
    """Writes the parts of one sheet, each in a transaction of its own."""

    sheet: SheetImport

    @property
    def by(self) -> User:
        """For whom the records are written."""
        return self.sheet.decided_by or self.sheet.uploaded_by

    @cached_property
    def known(self) -> dict[UUID, Lookalike]:
        """The people of the sheet whom the lab may know, by their id in the plan."""
        return {one.planned: one for one in Lookalike.objects.filter(sheet=self.sheet).select_related("person")}

    @cached_property
    def lists(self) -> ValueLists:
        """What the codes of the plan mean."""
        return ValueLists(self.sheet.lab)

    def write(self, part_id: UUID) -> int:
        """Write a part, once; give how many rows are done. Raise Stopped."""
        part = SheetPart.objects.select_related("data_key").get(pk=part_id)
        plan = json.loads(open_texts(part)["plan"])
        with transaction.atomic():
            current = _lock(self.sheet, State.IMPORTING)
            if SheetPart.objects.select_for_update().get(pk=part_id).written_at is not None:
                return current.done
            if part.holds == SheetPart.Holds.PEOPLE:
                self._write_people([newcomer_from(stored) for stored in plan])
            elif self.sheet.kind == SheetImport.Kind.DESK_LOG:
                self._write_contacts(plan)
            SheetPart.objects.filter(pk=part_id).update(written_at=timezone.now())
            current.done += part.rows
            current.save(update_fields=["done", "counts"])
            return current.done

    def _write_people(self, newcomers: list[Newcomer]) -> None:
        new = [one for one in newcomers if self._choice(one.pk) == Lookalike.Choice.NEW]
        written = register_people(self.sheet.lab, new, by=self.by, about=self.sheet)
        self._remember([(record, False, detail) for record, detail in written])
        self._fill({one.pk: one for one in newcomers if self._choice(one.pk) == Lookalike.Choice.JOIN})

    def _choice(self, planned: UUID) -> str:
        lookalike = self.known.get(planned)
        return lookalike.choice if lookalike else Lookalike.Choice.NEW

    def _fill(self, joined: dict[UUID, Newcomer]) -> None:
        """Let the files that were there learn what the sheet knows of them; two of the sheet may be one of the lab."""
        together: dict[UUID, Somebody] = {}
        for planned, newcomer in joined.items():
            person = _final(self.known[planned].person)
            if person.pk in together:
                together[person.pk].learn(newcomer)
            else:
                together[person.pk] = Somebody(newcomer, 0)
            if newcomer.seen_on:
                note_seen(person, newcomer.seen_on)
        found = [(pk, somebody.newcomer) for pk, somebody in together.items()]
        for filled in fill_people(self.sheet.lab, found, by=self.by, about=self.sheet):
            self._remember_filled(filled)

    def _remember_filled(self, filled: Filled) -> None:
        row, created = ImportedRow.objects.get_or_create(
            sheet=self.sheet,
            model=label(Person),
            object_id=filled.person_id,
            defaults={"was_there": True, "detail": _filled_as_json(filled)},
        )
        if not created:
            before = _filled_from(row)
            row.detail = _filled_as_json(
                Filled(
                    filled.person_id,
                    filled.version,
                    before.fields + filled.fields,
                    before.points + filled.points,
                    filled.notes_before if before.notes_before is None else before.notes_before,
                )
            )
            row.save(update_fields=["detail"])

    def _remember(self, written: Sequence[tuple[models.Model, bool, dict[str, Any]]]) -> None:
        ImportedRow.objects.bulk_create(
            ImportedRow(
                sheet=self.sheet, model=label(type(record)), object_id=record.pk, was_there=was_there, detail=detail
            )
            for record, was_there, detail in written
        )

    def _write_contacts(self, plan: list[dict[str, Any]]) -> None:
        rows = [row for row in plan if not row["person"] or self._choice(UUID(row["person"])) != Lookalike.Choice.SKIP]
        people = self._people_of(rows)
        buildings = Building.objects.of_lab(self.sheet.lab).in_bulk(
            [UUID(r["building"]) for r in rows if r["building"]]
        )
        past = [self._past(row, people, buildings) for row in rows]
        contacts = record_past_contacts(self.sheet.lab, past, by=self.by, about=self.sheet)
        self._remember([(contact, False, {}) for contact in contacts])

    def _people_of(self, rows: list[dict[str, Any]]) -> dict[str, Person]:
        """Give the people of some rows by their id in the plan: those just written, or those that were there."""
        planned = {UUID(row["person"]) for row in rows if row["person"]}
        joined = {pk: self.known[pk].person for pk in planned if self._choice(pk) == Lookalike.Choice.JOIN}
        new = Person.objects.filter(lab=self.sheet.lab).defer("sealed").in_bulk(planned - joined.keys())
        return {str(pk): _final(person) for pk, person in (joined | new).items()}

    def _past(self, row: dict[str, Any], people: dict[str, Person], buildings: dict[UUID, Building]) -> PastContact:
        person = people.get(row["person"])
        texts = dict(row["texts"])
        if person is None and row["who"]:
            # The file with which they were to be joined is gone meanwhile: at least the name stays.
            texts.setdefault("name", row["who"])
        return PastContact(
            started_at=datetime.fromisoformat(row["at"]),
            channel=row["channel"],
            language=row["language"],
            person=person,
            building=buildings.get(UUID(row["building"])) if row["building"] else None,
            recorded_by=self.lists.staff.get(row["recorded_by"]),
            texts=texts,
            needs=tuple(self._past_need(need) for need in row["needs"]),
        )

    def _past_need(self, need: dict[str, str]) -> PastNeed:
        return PastNeed(
            state=need["state"],
            term=self.lists.terms.get(need["term"]),
            words=need["words"],
            answer_kind=need.get("kind", ""),
            answer=need.get("answer", ""),
            service=self.lists.services.get(need.get("service", "")),
            owner=(self.lists.staff.get(need["owner"]) or self.by) if "owner" in need else None,
            next_on=date.fromisoformat(need["next_on"]) if "next_on" in need else None,
        )


def _final(person: Person) -> Person:
    """Give the file that this one became part of, if it did since the check."""
    seen = {person.pk}
    while person.merged_into and person.merged_into_id not in seen:
        person = person.merged_into
        seen.add(person.pk)
    return person


def _filled_as_json(filled: Filled) -> dict[str, Any]:
    return {
        "version": filled.version,
        "fields": list(filled.fields),
        "points": [str(pk) for pk in filled.points],
        "notes_before": filled.notes_before,
    }


def _filled_from(row: ImportedRow) -> Filled:
    told = row.detail
    points = tuple(UUID(pk) for pk in told["points"])
    return Filled(row.object_id, told["version"], tuple(told["fields"]), points, told["notes_before"])


def _lock(sheet: SheetImport, *states: str) -> SheetImport:
    """Give a sheet locked, while its work goes on. Raise Stopped when it does not."""
    current = SheetImport.objects.select_for_update(of=("self",), no_key=True).get(pk=sheet.pk)
    if current.state not in states or current.version != sheet.version:
        raise Stopped
    return current


@transaction.atomic
def _finish(sheet: SheetImport) -> SheetImport:
    _lock(sheet, State.IMPORTING)
    current = lock_sheet(sheet)
    change_state(current, State.DONE)
    current.done, current.finished_at = current.total, timezone.now()
    rows = ImportedRow.objects.filter(sheet=current, was_there=False).order_by()
    written = dict(rows.values_list("model").annotate(n=models.Count("pk")))
    current.counts = current.counts | {
        "contacts_in": written.get(label(Contact), 0),
        "people_in": written.get(label(Person), 0),
        "filled_in": ImportedRow.objects.filter(sheet=current, was_there=True).count(),
        "left_out": current.wrong,
    }
    save_mapping(current)
    forget_rows(current)
    current.save()
    record_act("spreadsheet.finish", current, by=current.decided_by, lab_id=current.lab_id, detail=current.counts)
    return current


# --- Taking back ------------------------------------------------------------------------------------------


@transaction.atomic
def give_up(sheet: SheetImport) -> SheetImport:
    """Say that an import cannot be finished: what of it was written is taken back next."""
    current = lock_sheet(sheet)
    change_state(current, State.FAILING)
    current.total = ImportedRow.objects.filter(sheet=current).count()
    current.save()
    record_act("spreadsheet.failing", current, by=current.decided_by, lab_id=current.lab_id)
    return current


def take_back(sheet: SheetImport, *, on_progress: Progress) -> SheetImport:
    """Erase what came from a sheet, batch by batch, but what somebody has used since; then say so. Raise Stopped."""
    for model, take in ((Contact, _take_contacts), (Person, _take_people), (Household, _take_households)):
        while True:
            done, left = _take_batch(sheet, model, take)
            if not left:
                break
            on_progress(done, sheet.total)
            _let_others_in()
    return _finish_taking_back(sheet)


Take = Callable[[SheetImport, list[ImportedRow], User], set[UUID]]


@transaction.atomic
def _take_batch(sheet: SheetImport, model: type[models.Model], take: Take) -> tuple[int, bool]:
    """Take back some records of a model; give how many are done in all, and whether there were any."""
    current = _lock(sheet, State.UNDOING, State.FAILING)
    rows = ImportedRow.objects.filter(sheet=current, model=label(model)).exclude(fate=ImportedRow.Fate.KEPT)
    batch = list(rows.order_by("pk")[:TAKEN_AT_ONCE])
    if not batch:
        return current.done, False
    kept = take(current, batch, current.decided_by or current.uploaded_by)
    ids = [row.pk for row in batch]
    ImportedRow.objects.filter(pk__in=ids, object_id__in=kept).update(fate=ImportedRow.Fate.KEPT)
    ImportedRow.objects.filter(pk__in=ids).exclude(object_id__in=kept).delete()
    current.done += len(batch)
    current.save(update_fields=["done"])
    return current.done, True


def _take_contacts(sheet: SheetImport, batch: list[ImportedRow], by: User) -> set[UUID]:
    ids = [row.object_id for row in batch]
    kept = used_contacts(sheet, ids).keys() - _to_remove(batch)
    erased = _erase(forget_contacts, sheet, set(ids) - kept, by)
    return set(ids) - erased


def _take_people(sheet: SheetImport, batch: list[ImportedRow], by: User) -> set[UUID]:
    filled = [_filled_from(row) for row in batch if row.was_there]
    empty_people(sheet.lab, filled, by=by, about=sheet)
    ids = {row.object_id for row in batch if not row.was_there}
    kept = used_people(sheet, list(ids)).keys() - _to_remove(batch)
    # Whoever stays in a contact that stays is still somebody.
    in_kept = Contact.objects.filter(person__in=ids - kept, pk__in=_kept_contacts(sheet))
    kept |= set(in_kept.order_by().values_list("person", flat=True))
    later = list(Contact.objects.filter(person__in=ids - kept).order_by().values_list("pk", flat=True))
    erased = _erase(forget_people, sheet, ids - kept, by)
    # Their later contacts are anonymous from now on, and are no longer found by their name.
    refresh_search_words(Contact.objects.filter(pk__in=later).select_related("person", "building"))
    return ids - erased


def _kept_contacts(sheet: SheetImport) -> "models.QuerySet[ImportedRow, UUID]":
    rows = ImportedRow.objects.filter(sheet=sheet, model=label(Contact), fate=ImportedRow.Fate.KEPT)
    return rows.values_list("object_id", flat=True)


def _take_households(sheet: SheetImport, batch: list[ImportedRow], by: User) -> set[UUID]:
    forget_empty_households(sheet.lab, [row.object_id for row in batch], by=by, about=sheet)
    return set()


def _to_remove(batch: list[ImportedRow]) -> set[UUID]:
    return {row.object_id for row in batch if row.fate == ImportedRow.Fate.REMOVE}


def _erase(forget: Callable[..., int], sheet: SheetImport, ids: set[UUID], by: User) -> set[UUID]:
    """Erase records; when something else must not lose one of them, all but that one. Give which went."""
    if not ids:
        return set()
    try:
        with transaction.atomic():
            forget(sheet.lab, ids, by=by, about=sheet)
    except (ProtectedError, RestrictedError):
        if len(ids) == 1:
            return set()
        ordered = sorted(ids)
        half = len(ordered) // 2
        return _erase(forget, sheet, set(ordered[:half]), by) | _erase(forget, sheet, set(ordered[half:]), by)
    return ids


@transaction.atomic
def _finish_taking_back(sheet: SheetImport) -> SheetImport:
    _lock(sheet, State.UNDOING, State.FAILING)
    current = lock_sheet(sheet)
    rows = ImportedRow.objects.filter(sheet=current)
    current.counts = current.counts | {"kept": rows.count()}
    failed = current.state == State.FAILING
    change_state(current, State.FAILED if failed else State.UNDONE)
    if failed:
        # The sheet itself is still there: somebody may try again.
        SheetPart.objects.filter(sheet=current).update(written_at=None)
    else:
        current.undone_at = timezone.now()
    rows.delete()
    current.save()
    verb = "spreadsheet.failed" if failed else "spreadsheet.undone"
    record_act(verb, current, by=current.decided_by, lab_id=current.lab_id, detail={"kept": current.counts["kept"]})
    return current
