"""What the pages of an import show: rows as they will be, what is wrong, what somebody has used since."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ballatoio.base.core.languages import SPOKEN
from ballatoio.base.people.models import Person
from ballatoio.base.vault.services import open_texts
from ballatoio.care.desk.models import Contact, Need

from .columns import heading_of
from .models import Lookalike, SheetImport, SheetPart
from .services import columns_of, texts_of_parts
from .traces import ids_of, used_contacts, used_people
from .values import ValueLists

FIRST_ROWS = 8
FIRST_ERRORS = 20
# So many records that somebody has used are shown one by one; the others are only counted.
FIRST_USED = 100
WHY: dict[str, str | Promise] = {
    "amended": gettext_lazy("qualcuno l’ha corretto"),
    "answered": gettext_lazy("qualcuno ha lavorato sui suoi bisogni"),
    "later": gettext_lazy("la persona è tornata dopo"),
    "followed": gettext_lazy("altre cose ne dipendono: un appuntamento, un invio, un consenso, una ricevuta"),
}


@dataclass(frozen=True)
class PlannedRow:
    """A row as it will be."""

    number: int
    when: datetime | None
    who: str
    how: str
    what: tuple[tuple[str, str], ...]
    where: str
    by: str


@dataclass(frozen=True)
class WrongCell:
    """What is wrong in a cell."""

    row: int
    column: str
    sentence: str


@dataclass(frozen=True)
class Used:
    """A record of the import that somebody has used since."""

    pk: str
    label: str
    url: str
    why: tuple[str, ...]


def _plans(sheet: SheetImport, holds: str) -> Iterator[dict[str, Any]]:
    for texts in texts_of_parts(sheet, holds):
        yield from json.loads(texts.get("plan", "[]"))


def first_rows(sheet: SheetImport) -> list[PlannedRow]:
    """Give the first rows as they will be."""
    if sheet.kind == SheetImport.Kind.REGISTER:
        return [_person_row(plan) for plan in islice(_plans(sheet, SheetPart.Holds.PEOPLE), FIRST_ROWS)]
    lists = ValueLists(sheet.lab)
    return [_contact_row(plan, lists) for plan in islice(_plans(sheet, SheetPart.Holds.ROWS), FIRST_ROWS)]


def _person_row(plan: dict[str, Any]) -> PlannedRow:
    names = {code: str(name) for code, _own, name in SPOKEN}
    languages = ", ".join(names.get(code, code) for code in plan.get("languages_spoken", ()))
    born = plan.get("birth_date") or plan.get("birth_year") or ""
    facts = [
        (_("nascita"), str(born)),
        (_("lingue"), languages),
        (_("note"), _("sì, cifrate") if plan.get("notes") else ""),
    ]
    return PlannedRow(
        0,
        None,
        f"{plan.get('given_name', '')} {plan.get('family_name', '')}".strip(),
        ", ".join([*plan.get("phones", ()), *plan.get("emails", ())]),
        tuple((label, text) for label, text in facts if text),
        _("nel suo alloggio") if plan.get("dwelling") else "",
        "",
    )


def _contact_row(plan: dict[str, Any], lists: ValueLists) -> PlannedRow:
    what = []
    for need in plan["needs"]:
        term = lists.terms.get(need["term"])
        name = term.name if term else need["words"] or str(_("Con parole sue"))
        what.append((name, str(Need.State(need["state"]).label)))
    names = {code: str(name) for code, _own, name in SPOKEN}
    language = "" if plan["language"] == "it" else names.get(plan["language"], _("altra lingua"))
    operator = lists.staff.get(plan["recorded_by"])
    return PlannedRow(
        plan["n"],
        timezone.localtime(datetime.fromisoformat(plan["at"])),
        plan["who"],
        ", ".join(filter(None, [str(Contact.Channel(plan["channel"]).label), language])),
        tuple(what),
        plan["house"],
        str(operator or ""),
    )


def first_errors(sheet: SheetImport) -> list[WrongCell]:
    """Give the first things that are wrong."""
    return list(islice(all_errors(sheet), FIRST_ERRORS))


def all_errors(sheet: SheetImport) -> Iterator[WrongCell]:
    """Give all that is wrong, row by row."""
    for texts in texts_of_parts(sheet, SheetPart.Holds.ROWS, only_wrong=True):
        for row, column, sentence in json.loads(texts.get("errors", "[]")):
            yield WrongCell(row, column, sentence)


def error_table(sheet: SheetImport) -> tuple[list[str], Iterator[list[str]]]:
    """Give the wrong rows as a table: what is wrong in each, beside the row as it was in the file."""
    columns = columns_of(sheet)
    titles = [_("riga"), _("che cosa correggere"), *(heading_of(columns, n) for n in range(len(columns)))]
    return titles, _error_rows(sheet)


def _error_rows(sheet: SheetImport) -> Iterator[list[str]]:
    for texts in texts_of_parts(sheet, SheetPart.Holds.ROWS, only_wrong=True):
        wrong: dict[int, list[str]] = {}
        for row, column, sentence in json.loads(texts.get("errors", "[]")):
            wrong.setdefault(row, []).append(f"{column}: {sentence}" if column else sentence)
        if not wrong:
            continue
        for number, cells in json.loads(texts["rows"]):
            if number in wrong:
                yield [str(number), " ".join(wrong[number]), *cells]


def lookalike_rows(lookalikes: list[Lookalike]) -> list[tuple[Lookalike, str]]:
    """Give each lookalike with the name that the sheet has."""
    return [(lookalike, open_texts(lookalike).get("name", "")) for lookalike in lookalikes]


def used_since(sheet: SheetImport) -> tuple[list[Used], int]:
    """Give what of an import somebody has used since, the first of it, and how much it is in all."""
    contacts = used_contacts(sheet, ids_of(sheet, Contact))
    people = used_people(sheet, ids_of(sheet, Person))
    shown = [*_used_contacts(sheet, contacts), *_used_people(sheet, people)]
    return shown[:FIRST_USED], len(contacts) + len(people)


def _used_contacts(sheet: SheetImport, used: dict[UUID, set[str]]) -> list[Used]:
    rows = Contact.objects.filter(pk__in=list(used)[:FIRST_USED]).select_related("person").defer("sealed")
    return [
        Used(
            str(contact.pk),
            f"{timezone.localtime(contact.started_at):%d/%m/%Y} · {contact.person or _('anonimo')}",
            reverse("desk:contact_detail", args=[sheet.lab.slug, contact.pk]),
            tuple(str(WHY[why]) for why in sorted(used[contact.pk])),
        )
        for contact in rows.order_by("-started_at", "-pk")
    ]


def _used_people(sheet: SheetImport, used: dict[UUID, set[str]]) -> list[Used]:
    rows = Person.objects.filter(pk__in=list(used)[:FIRST_USED]).defer("sealed")
    return [
        Used(
            str(person.pk),
            str(person),
            reverse("people:person_detail", args=[sheet.lab.slug, person.pk]),
            tuple(str(WHY[why]) for why in sorted(used[person.pk])),
        )
        for person in rows.order_by("family_name", "given_name", "pk")
    ]
