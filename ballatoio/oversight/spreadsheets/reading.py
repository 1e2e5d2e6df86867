"""A row of a sheet, as the records that it will be: every cell is read, or refused in a sentence."""

import re
from dataclasses import dataclass, field
from datetime import date, datetime, time
from functools import cached_property
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils import timezone
from django.utils.translation import gettext as _

from ballatoio.base.accounts.models import User
from ballatoio.base.core.sheets.export import plain_cell
from ballatoio.base.core.text import normalise
from ballatoio.base.labs.models import Lab
from ballatoio.base.labs.services import add_working_days
from ballatoio.base.people.bulk import Newcomer
from ballatoio.base.people.names import is_cjk
from ballatoio.base.people.services import check_birth
from ballatoio.base.territory.addresses import find_buildings
from ballatoio.base.territory.models import Building, Dwelling
from ballatoio.care.desk.fields import LONGEST_TEXT, StoryField
from ballatoio.care.desk.models import Answer, Contact, Need

from .cells import BadCell, find_phones, is_nobody, proper_case, read_birth, read_day, read_time, split_name
from .columns import Column, heading_of
from .models import SheetImport
from .people import Crowd
from .values import ValueLists, pieces_of, split_languages

NOON = time(12)
NAME_LENGTH = 80
LONGEST_STORY = StoryField()
# Columns that say which part of an address they are.
ADDRESS_PARTS = {
    "scala": "scala",
    "interno": "interno",
    "int": "interno",
    "civico": "",
    "n civico": "",
    "piano": "piano",
}
_INSIDE = re.compile(r"\b(?:int|interno|app|appartamento)\b\.?\s*(?:n\.?\s*)?(\w{1,12})", re.IGNORECASE)


@dataclass(frozen=True)
class Choices:
    """What somebody said about a sheet: what each column is, and how to read what sheets write in several ways."""

    columns: dict[str, str] = field(default_factory=dict)
    family_first: bool = False
    # An empty day is that of the row above.
    same_day: bool = False
    separator: str = ""
    channel: str = Contact.Channel.WALK_IN


@dataclass
class Outcome:
    """What came of a row: what it will be, or what is wrong with it, cell by cell."""

    plan: dict[str, Any] | None = None
    errors: list[tuple[int, str, str]] = field(default_factory=list)


class RowReader:
    """Reads the rows of one sheet in their order; who is in them gathers in `crowd`, numbers in `counts`."""

    def __init__(
        self, sheet: SheetImport, columns: list[Column], choices: Choices, lists: ValueLists, by: User
    ) -> None:
        self.lab: Lab = sheet.lab
        self.kind = sheet.kind
        self.choices, self.lists, self.by = choices, lists, by
        self.crowd = Crowd(trusting=self.kind == SheetImport.Kind.DESK_LOG)
        self.today = timezone.localdate()
        self.counts: dict[str, int] = {}
        self.headings = [heading_of(columns, place) for place in range(len(columns))]
        self.places: dict[str, list[int]] = {}
        for place, name in choices.columns.items():
            self.places.setdefault(name, []).append(int(place))
        self.day: date | None = None
        self.seen: set[int] = set()
        self._buildings: dict[str, Building | None] = {}
        self._dwellings: dict[str, UUID | None] = {}

    @cached_property
    def due_on(self) -> date:
        """By when what is still open will be taken up again: what the lab promises, from today."""
        return add_working_days(self.lab, self.today, self.lab.answer_days)

    def read(self, number: int, cells: list[str]) -> Outcome:
        """Give what a row will be; all that is wrong with it is said at once."""
        row = _Row(self, number, [plain_cell(cell) for cell in cells])
        plan = row.contact() if self.kind == SheetImport.Kind.DESK_LOG else row.person()
        if row.errors:
            return Outcome(errors=row.errors)
        mark = hash(tuple(cells))
        self.count("repeated", mark in self.seen)
        self.seen.add(mark)
        return Outcome(plan=plan | {"n": number})

    def count(self, name: str, times: int | bool = 1) -> None:
        """Add to one of the numbers that are told before the import begins."""
        self.counts[name] = self.counts.get(name, 0) + int(times)

    def building(self, address: str) -> Building | None:
        """Give the house that an address means, None when there is none or there are several."""
        key = normalise(address)
        if key not in self._buildings:
            found = find_buildings(self.lab, address, limit=6) if key else []
            sure = [match.building for match in found if match.exact]
            guessed = [match.building for match in found if match.building.civic_key in key.split()]
            one = sure if len(sure) == 1 else guessed if not sure and len(found) == 1 else []
            self._buildings[key] = one[0] if one else None
        return self._buildings[key]

    def dwelling(self, address: str) -> UUID | None:
        """Give the flat that an address means: of a house that is known, the only one with its number."""
        key = normalise(address)
        if key not in self._dwellings:
            self._dwellings[key] = self._find_dwelling(address)
        return self._dwellings[key]

    def _find_dwelling(self, address: str) -> UUID | None:
        inside = _INSIDE.search(address)
        building = self.building(_INSIDE.sub(" ", address)) if inside else None
        if inside is None or building is None:
            return None
        flats = Dwelling.objects.visible_to(self.by).filter(stair__building=building, number__iexact=inside[1])
        match = next(iter(find_buildings(self.lab, address, limit=1)), None)
        if match and match.stair:
            flats = flats.filter(stair__name__iexact=match.stair)
        found = list(flats.values_list("pk", flat=True)[:2])
        return found[0] if len(found) == 1 else None


class _Row:
    """One row while it is read."""

    def __init__(self, reader: RowReader, number: int, cells: list[str]) -> None:
        self.reader, self.number, self.cells = reader, number, cells
        self.errors: list[tuple[int, str, str]] = []

    def text(self, name: str) -> str:
        """Give the first cell of a field."""
        return next((cell for _place, cell in self._cells(name)), "")

    def _cells(self, name: str) -> list[tuple[int, str]]:
        places = self.reader.places.get(name, ())
        return [(place, self.cells[place]) for place in places if place < len(self.cells) and self.cells[place]]

    def wrong(self, name: str, sentence: str) -> None:
        """Note what is wrong with a field of this row."""
        places = self.reader.places.get(name) or [-1]
        filled = [place for place, _cell in self._cells(name)] or places
        heading = self.reader.headings[filled[0]] if filled[0] >= 0 else ""
        self.errors.append((self.number, heading, sentence))

    def story(self, name: str, *, extra: tuple[str, ...] = ()) -> str:
        """Give the text of a field out of all its columns, each after its title when they are several."""
        with_titles = len(self.reader.places.get(name, ())) > 1
        parts = [f"{self.reader.headings[place]}: {cell}" if with_titles else cell for place, cell in self._cells(name)]
        whole = "\n".join([*parts, *extra])
        try:
            return LONGEST_STORY.clean(whole)
        except ValidationError:
            if len(whole) > LONGEST_TEXT:
                self.wrong(name, _("è più lungo di %(most)s caratteri: accorcialo.") % {"most": LONGEST_TEXT})
            else:
                self.wrong(name, _("sembra che ci sia una password o un PIN: qui non si scrivono, toglilo."))
            return ""

    def address(self, name: str) -> str:
        """Give an address out of all its columns: street, number, stair, flat."""
        parts = []
        for place, cell in self._cells(name):
            part = ADDRESS_PARTS.get(normalise(self.reader.headings[place]), "")
            parts.append(f"{part} {cell}" if part and not normalise(cell).startswith(part[:3]) else cell)
        return " ".join(" ".join(parts).split())

    # --- A person ---------------------------------------------------------------------------------------

    def names(self) -> tuple[str, str]:
        """Give the name and the family name, both empty when nobody said them."""
        given, family = self.text("given_name"), self.text("family_name")
        whole = self.text("full_name")
        if whole and not (given or family):
            given, family = (
                ("", "") if is_nobody(whole) else split_name(whole, family_first=self.reader.choices.family_first)
            )
        else:
            given, family = ("" if is_nobody(one) else proper_case(" ".join(one.split())) for one in (given, family))
        for name, part in (("given_name", given), ("family_name", family)):
            if len(part) > NAME_LENGTH:
                shown = name if self.reader.places.get(name) else "full_name"
                self.wrong(shown, _("è più lungo di %(most)s caratteri: è davvero un nome?") % {"most": NAME_LENGTH})
        return given, family

    def newcomer(self) -> tuple[Newcomer, str]:
        """Give who the row is about, and what was beside their telephone numbers."""
        given, family = self.names()
        born, year = self._birth()
        phones, beside = self._phones()
        emails = self._emails()
        spoken, read = self._languages("languages_spoken"), self._languages("languages_read")
        who = Newcomer(
            pk=UUID(int=0),
            given_name=given,
            family_name=family,
            pronounced=self.text("pronounced")[:160],
            birth_date=born,
            birth_year=year,
            languages_spoken=spoken,
            languages_read=read,
            phones=phones,
            emails=emails,
        )
        return who, beside

    def _birth(self) -> tuple[date | None, int | None]:
        typed = self.text("birth")
        if is_nobody(typed):
            return None, None
        try:
            born, year = read_birth(typed, self.reader.today)
            if problem := check_birth(born, year):
                raise BadCell(problem)
        except BadCell as refusal:
            self.wrong("birth", str(refusal))
            return None, None
        return born, year

    def _phones(self) -> tuple[tuple[str, ...], str]:
        found: list[str] = []
        beside = []
        for _place, cell in self._cells("phone"):
            try:
                phones, rest = find_phones(cell)
            except BadCell as refusal:
                self.wrong("phone", str(refusal))
                continue
            found += phones
            beside.append(rest)
        return tuple(dict.fromkeys(found)), "; ".join(filter(None, beside))

    def _emails(self) -> tuple[str, ...]:
        typed = self.text("email").lower()
        if is_nobody(typed):
            return ()
        try:
            validate_email(typed)
        except ValidationError:
            self.wrong("email", _("«%(text)s» non è un indirizzo e-mail.") % {"text": typed[:60]})
            return ()
        return (typed[:160],)

    def _languages(self, name: str) -> tuple[str, ...]:
        codes = [self.reader.lists.meaning(name, piece) for piece in split_languages(self.text(name))]
        return tuple(dict.fromkeys(code for code in codes if code != "other"))

    def person(self) -> dict[str, Any]:
        """Give the plan of a row of a register: the id of the person whom it tells of."""
        who, beside = self.newcomer()
        if not (who.given_name or who.family_name):
            first = next(
                (name for name in ("full_name", "given_name", "family_name") if name in self.reader.places), ""
            )
            self.wrong(first, _("manca il nome: scrivilo, oppure lascia fuori la riga."))
        address = self.address("address")
        dwelling = self.reader.dwelling(address) if address else None
        self.reader.count("no_dwelling", bool(address) and dwelling is None)
        extra = [
            _("Indirizzo: %(text)s") % {"text": address} if address and dwelling is None else "",
            _("Telefono: %(text)s") % {"text": beside} if beside else "",
        ]
        notes = self.story("notes", extra=tuple(filter(None, extra)))
        known_since, seen_on = self._past_day("known_since"), self._past_day("seen_on")
        if self.errors:
            return {}
        return {
            "person": str(
                self.reader.crowd.add(
                    who, row=self.number, notes=notes, dwelling=dwelling, seen_on=seen_on, known_since=known_since
                )
            ),
            "who": f"{who.given_name} {who.family_name}".strip(),
        }

    def _past_day(self, name: str) -> date | None:
        typed = self.text(name)
        if not typed:
            return None
        try:
            return read_day(typed, self.reader.today)[0]
        except BadCell as refusal:
            self.wrong(name, str(refusal))
            return None

    # --- A contact --------------------------------------------------------------------------------------

    def contact(self) -> dict[str, Any]:
        """Give the plan of a row of a desk log."""
        at = self._moment()
        who, beside = self.newcomer()
        address = self.address("building")
        building = self.reader.building(address) if address else None
        self.reader.count("no_building", bool(address) and building is None)
        operator = self._listed("operator")
        recorded_by = self.reader.lists.staff.get(operator) if operator else None
        extra = [
            _("Operatore: %(text)s") % {"text": self.text("operator")}
            if self.text("operator") and not recorded_by
            else "",
            _("Casa: %(text)s") % {"text": address} if address and building is None else "",
            _("Telefono: %(text)s") % {"text": beside} if beside else "",
        ]
        texts = {"words": self.story("words"), "note": self.story("note", extra=tuple(filter(None, extra)))}
        needs = self._needs(operator)
        if self.errors or at is None:
            return {}
        person = self._who_came(who, at, texts)
        return {
            "person": person,
            "who": f"{who.given_name} {who.family_name}".strip(),
            "at": at.isoformat(),
            "channel": self._listed("channel") or self.reader.choices.channel,
            "language": self._listed("language") or "it",
            "building": str(building.pk) if building else "",
            "house": str(building or address),
            "recorded_by": str(recorded_by.pk) if recorded_by else "",
            "texts": {name: text for name, text in texts.items() if text},
            "needs": needs,
        }

    def _listed(self, name: str) -> str:
        typed = self.text(name)
        return self.reader.lists.meaning(name, typed) if typed else ""

    def _moment(self) -> datetime | None:
        typed = self.text("date")
        at: time | None = None
        try:
            if typed:
                self.reader.day, at = read_day(typed, self.reader.today)
            elif not self.reader.choices.same_day or self.reader.day is None:
                raise BadCell(_("manca la data."))
        except BadCell as refusal:
            self.wrong("date", str(refusal))
            return None
        try:
            at = read_time(self.text("time")) if self.text("time") else at
        except BadCell as refusal:
            self.wrong("time", str(refusal))
            return None
        assert self.reader.day is not None
        moment = timezone.make_aware(datetime.combine(self.reader.day, at or NOON))
        return min(moment, timezone.now())

    def _who_came(self, who: Newcomer, at: datetime, texts: dict[str, str]) -> str:
        """Give the id of the person who came; of somebody who cannot be told from others the contact keeps the name."""
        name = f"{who.given_name} {who.family_name}".strip()
        sure = (
            len(who.names) > 1 or bool(who.names and (who.phones or who.birth_year)) or (is_cjk(name) and len(name) > 1)
        )
        if sure:
            day = timezone.localdate(at)
            return str(self.reader.crowd.add(who, row=self.number, seen_on=day, known_since=day))
        self.reader.count("anonymous")
        texts |= {"name": name, "phone": next(iter(who.phones), "")}
        others = [_("Altro telefono: %(text)s") % {"text": phone} for phone in who.phones[1:]]
        texts["note"] = "\n".join(filter(None, [texts["note"], *others]))
        return ""

    def _needs(self, operator: str) -> list[dict[str, str]]:
        state = self._listed("state") or Need.State.CLOSED
        answer, service = self.story("answer"), self._listed("service")
        if self.text("service") and not service:
            answer = "\n".join(filter(None, [answer, _("Servizio: %(text)s") % {"text": self.text("service")}]))
        kind = Answer.Kind.ORIENTATION if self.text("service") else Answer.Kind.INFORMATION if answer else ""
        topics = pieces_of("topic", self.text("topic"), self.reader.choices.separator)
        if not topics and (kind or state != Need.State.CLOSED):
            topics = [""]
        is_open = state in Need.OPEN_STATES
        owner = operator if operator in self.reader.lists.present else str(self.reader.by.pk)
        needs = []
        for place, topic in enumerate(topics):
            code = self.reader.lists.meaning("topic", topic) if topic else ""
            self.reader.count("as_written", bool(topic) and not code)
            self.reader.count("open", is_open)
            need = {"term": code, "words": "" if code else topic, "state": str(state)}
            if is_open:
                need |= {"owner": owner, "next_on": self.reader.due_on.isoformat()}
            if place == 0 and kind:
                need |= {"kind": str(kind), "answer": answer, "service": service}
            needs.append(need)
        self.reader.count("needs", len(needs))
        return needs
