"""The part of services.py about many people at once: those whom a lab kept in another register."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import models, transaction
from django.utils import timezone

from ballatoio.base.accounts.models import User
from ballatoio.base.audit.services import record_act
from ballatoio.base.core.text import normalise
from ballatoio.base.labs.models import Lab
from ballatoio.base.vault.erasing import erase_with_keys
from ballatoio.base.vault.services import TextIsGone, open_texts, reseal_texts, seal_texts

from .households import may_know_home
from .indexing import index_people, refresh_keys
from .models import ContactPoint, Household, HouseholdDwelling, HouseholdMember, Person, PersonKey
from .names import LONGEST_KEY, PAIR_START, pair_key
from .phones import phone_keys

# What an empty file takes from a register; what is written in it already stays.
FILLED = ("pronounced", "birth_date", "birth_year", "languages_spoken", "languages_read")


@dataclass(frozen=True)
class Newcomer:
    """A person as another register tells of them. `pk` is the id of the file that they get."""

    pk: UUID
    given_name: str = ""
    family_name: str = ""
    pronounced: str = ""
    birth_date: date | None = None
    birth_year: int | None = None
    languages_spoken: tuple[str, ...] = ()
    languages_read: tuple[str, ...] = ()
    notes: str = ""
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    seen_on: date | None = None
    known_since: datetime | None = None
    dwelling: UUID | None = None

    @property
    def names(self) -> frozenset[str]:
        """The words of the name, in whatever order they were written."""
        return frozenset(normalise(f"{self.given_name} {self.family_name}").split())


@dataclass(frozen=True)
class Match:
    """Somebody whom the lab knows and who may be the newcomer: "phone", "birth" or "name" says why."""

    person: Person
    why: str


@dataclass(frozen=True)
class Filled:
    """What a file took from a register, so that it can be taken out: fields, ways to reach, length of the old notes."""

    person_id: UUID
    version: int
    fields: tuple[str, ...]
    points: tuple[UUID, ...]
    notes_before: int | None


def match_newcomers(lab: Lab, newcomers: Sequence[Newcomer], *, by: User) -> dict[UUID, Match]:
    """Give, by the id of the newcomer, the person whom `by` may see with the same name, nothing speaking against it.

    Four queries, however many they are. The telephone alone is no reason: whole families share one.
    """
    wanted = {newcomer.pk: _lookup_keys(newcomer) for newcomer in newcomers}
    found: dict[str, list[UUID]] = defaultdict(list)
    keys = sorted(set().union(*wanted.values())) if wanted else []
    for key, person_id in PersonKey.objects.filter(lab=lab, key__in=keys).values_list("key", "person_id"):
        found[key].append(person_id)
    ids = {person_id for people in found.values() for person_id in people}
    people = Person.objects.visible_to(by).of_lab(lab).defer("sealed").in_bulk(ids)
    phones: dict[UUID, set[str]] = defaultdict(set)
    for point in ContactPoint.objects.filter(person_id__in=people).exclude(kind=ContactPoint.Kind.EMAIL):
        phones[point.person_id].add(point.value)
    matches = {}
    for newcomer in newcomers:
        candidates = {person_id for key in wanted[newcomer.pk] for person_id in found.get(key, ())}
        known = [people[person_id] for person_id in candidates if person_id in people]
        if best := _best_match(newcomer, known, phones, by):
            matches[newcomer.pk] = best
    return matches


def _lookup_keys(newcomer: Newcomer) -> set[str]:
    long = sorted((word for word in newcomer.names if len(word) >= PAIR_START), key=lambda word: (-len(word), word))
    keys = set().union(*(phone_keys(phone) for phone in newcomer.phones)) if newcomer.phones else set()
    if len(long) > 1:
        keys.add(pair_key(long[0], long[1])[:LONGEST_KEY])
    elif len(newcomer.names) > 1:
        # Short names, and those of two characters: by each of their words.
        keys |= set(newcomer.names)
    return keys


def _best_match(newcomer: Newcomer, known: Iterable[Person], phones: dict[UUID, set[str]], by: User) -> Match | None:
    order = {"phone": 0, "birth": 1, "name": 2}
    matches = []
    for person in known:
        why = _why_same(newcomer, person, phones[person.pk])
        if why and (not person.is_protected or may_know_home(person, by)):
            matches.append(Match(person, why))
    return min(
        matches,
        key=lambda match: (order[match.why], -match.person.last_seen_on.toordinal(), str(match.person.pk)),
        default=None,
    )


def _why_same(newcomer: Newcomer, person: Person, phones: set[str]) -> str:
    names = frozenset(normalise(f"{person.given_name} {person.family_name}").split())
    same_name = newcomer.names == names
    one_in_other = newcomer.names <= names or names <= newcomer.names
    if not one_in_other or _born_otherwise(newcomer, person):
        return ""
    if phones & set(newcomer.phones) and not person.is_protected:
        return "phone"
    if not same_name or len(names) < 2:
        return ""
    same_birth = newcomer.birth_year and newcomer.birth_year == person.birth_year
    return "birth" if same_birth else "name"


def _born_otherwise(newcomer: Newcomer, person: Person) -> bool:
    if newcomer.birth_date and person.birth_date:
        return newcomer.birth_date != person.birth_date
    return bool(newcomer.birth_year and person.birth_year and newcomer.birth_year != person.birth_year)


@transaction.atomic
def register_people(
    lab: Lab, newcomers: Sequence[Newcomer], *, by: User, about: models.Model
) -> list[tuple[models.Model, dict[str, int]]]:
    """Open the files of many people at once, as `register_person` would one by one; `about` is where they come from.

    Those of one dwelling live together. Give what was written: each person with how many ways to reach them they
    got, and each new household. The audit has one row for all, with their number.
    """
    today = timezone.localdate()
    people, points, sealed = [], [], []
    for newcomer in newcomers:
        person = Person(
            pk=newcomer.pk,
            lab=lab,
            given_name=newcomer.given_name,
            family_name=newcomer.family_name,
            pronounced=newcomer.pronounced,
            birth_date=newcomer.birth_date,
            birth_year=newcomer.birth_date.year if newcomer.birth_date else newcomer.birth_year,
            languages_spoken=list(newcomer.languages_spoken),
            languages_read=list(newcomer.languages_read),
            last_seen_on=newcomer.seen_on or today,
            created_at=newcomer.known_since or timezone.now(),
            synthetic=lab.synthetic,
        )
        people.append(person)
        sealed.append((person, {"notes": newcomer.notes}))
        points += _points_of(person, newcomer)
    seal_texts(sealed)
    Person.objects.bulk_create(people)
    ContactPoint.objects.bulk_create(points)
    index_people(zip(people, (newcomer.phones for newcomer in newcomers), strict=True))
    households = _house_people(lab, newcomers)
    counts = {"people": len(people), "contact_points": len(points), "households": len(households)}
    record_act("person.register_many", about, by=by, lab_id=lab.pk, detail=counts)
    reached: dict[UUID, int] = defaultdict(int)
    for point in points:
        reached[point.person_id] += 1
    return [
        *((person, {"points": reached[person.pk]}) for person in people),
        *((household, {}) for household in households),
    ]


def _points_of(person: Person, newcomer: Newcomer) -> list[ContactPoint]:
    values = [
        *((ContactPoint.Kind.PHONE, phone) for phone in newcomer.phones),
        *((ContactPoint.Kind.EMAIL, email) for email in newcomer.emails),
    ]
    return [ContactPoint(person=person, kind=kind, value=value) for kind, value in dict.fromkeys(values)]


def _house_people(lab: Lab, newcomers: Sequence[Newcomer]) -> list[Household]:
    """Let the newcomers of each dwelling in which nobody lives yet live there, together; give the new households.

    Whoever lives somewhere already is never joined by a stranger out of a register.
    """
    living: dict[UUID, list[UUID]] = defaultdict(list)
    for newcomer in newcomers:
        if newcomer.dwelling:
            living[newcomer.dwelling].append(newcomer.pk)
    taken = set(
        HouseholdDwelling.objects.filter(dwelling_id__in=living, until__isnull=True).values_list(
            "dwelling_id", flat=True
        )
    )
    households, members, homes = [], [], []
    for dwelling, people in living.items():
        if dwelling in taken:
            continue
        household = Household(lab=lab, synthetic=lab.synthetic)
        households.append(household)
        members += [HouseholdMember(household=household, person_id=person) for person in people]
        homes.append(HouseholdDwelling(household=household, dwelling_id=dwelling))
    Household.objects.bulk_create(households)
    HouseholdMember.objects.bulk_create(members)
    HouseholdDwelling.objects.bulk_create(homes)
    return households


@transaction.atomic
def fill_people(lab: Lab, found: Sequence[tuple[UUID, Newcomer]], *, by: User, about: models.Model) -> list[Filled]:
    """Write into files that are there what they lack and a register has; what they have stays as it is.

    The file of a protected person takes nothing: an old register may hold the number of whoever they got away from.
    Give what was written in which file. The audit has one row for all.
    """
    told = dict(found)
    people = (
        Person.objects.select_for_update(of=("self",), no_key=True)
        .select_related("data_key")
        .filter(lab=lab, pk__in=told)
    )
    filled = [
        done for person in people.order_by("pk") if not person.is_protected and (done := _fill(person, told[person.pk]))
    ]
    if filled:
        record_act("person.complete", about, by=by, lab_id=lab.pk, detail={"people": len(filled)})
    return filled


def _fill(person: Person, newcomer: Newcomer) -> Filled | None:
    fields = []
    for name in FILLED:
        value = getattr(newcomer, name)
        if value and not getattr(person, name):
            setattr(person, name, list(value) if isinstance(value, tuple) else value)
            fields.append(name)
    points = [] if person.contact_points.exists() else _points_of(person, newcomer)
    notes_before = _add_notes(person, newcomer.notes)
    if not fields and not points and notes_before is None:
        return None
    ContactPoint.objects.bulk_create(points)
    person.version += 1
    person.save()
    refresh_keys(person)
    return Filled(person.pk, person.version, tuple(fields), tuple(point.pk for point in points), notes_before)


def _add_notes(person: Person, notes: str) -> int | None:
    """Put notes after those that a file has; give how long those were, None when there is nothing new."""
    texts = _texts(person)
    before = texts.get("notes", "")
    if not notes or notes in before:
        return None
    reseal_texts(person, texts | {"notes": f"{before}\n\n{notes}" if before else notes})
    return len(before)


def _texts(person: Person) -> dict[str, str]:
    try:
        return open_texts(person)
    except TextIsGone:
        person.data_key = None
        return {}


@transaction.atomic
def empty_people(lab: Lab, filled: Sequence[Filled], *, by: User, about: models.Model) -> int:
    """Take out of files what `fill_people` wrote in them, where nobody corrected them since; give of how many."""
    told = {one.person_id: one for one in filled}
    people = (
        Person.objects.select_for_update(of=("self",), no_key=True)
        .select_related("data_key")
        .filter(lab=lab, pk__in=told)
    )
    emptied = 0
    for person in people.order_by("pk"):
        one = told[person.pk]
        if person.version != one.version:
            continue
        blank: dict[str, Any] = {"languages_spoken": [], "languages_read": [], "pronounced": ""}
        for name in one.fields:
            setattr(person, name, blank.get(name))
        if one.notes_before is not None:
            texts = _texts(person)
            reseal_texts(person, texts | {"notes": texts.get("notes", "")[: one.notes_before]})
        ContactPoint.objects.filter(person=person, pk__in=one.points).delete()
        person.version += 1
        person.save()
        refresh_keys(person)
        emptied += 1
    if emptied:
        record_act("person.empty", about, by=by, lab_id=lab.pk, detail={"people": emptied})
    return emptied


@transaction.atomic
def forget_people(lab: Lab, ids: Iterable[UUID], *, by: User, about: models.Model) -> int:
    """Erase the files of people for good, keys and all, because the register that they came from is taken back.

    Give how many. Raise ProtectedError, with nothing erased, when something that must stay needs one of them.
    """
    erased = erase_with_keys(Person.objects.filter(lab=lab, pk__in=list(ids))).get("people.Person", 0)
    if erased:
        record_act("person.take_back", about, by=by, lab_id=lab.pk, detail={"people": erased})
    return erased


@transaction.atomic
def forget_empty_households(lab: Lab, ids: Iterable[UUID], *, by: User, about: models.Model) -> int:
    """Erase those of these households in which nobody lives any more; give how many."""
    empty = Household.objects.filter(lab=lab, pk__in=list(ids), members=None)
    erased = erase_with_keys(empty).get("people.Household", 0)
    if erased:
        record_act("household.take_back", about, by=by, lab_id=lab.pk, detail={"households": erased})
    return erased
