"""The people of the demonstration: invented households, drawn by published distributions, all flagged synthetic."""

from datetime import date, datetime, time, timedelta
from typing import Any, Literal

from codicefiscale import codicefiscale

from ballatoio.base.core import keys
from ballatoio.base.core.ids import random_id
from ballatoio.base.people.lookup import blind_index
from ballatoio.base.people.models import (
    Consent,
    ContactPoint,
    EntrySnapshot,
    Household,
    HouseholdDwelling,
    HouseholdMember,
    Person,
    PersonIdentifier,
    PersonKey,
    SensitiveSnapshot,
)
from ballatoio.base.people.names import person_keys
from ballatoio.base.people.phones import read_phone
from ballatoio.base.territory.models import Building, Dwelling
from ballatoio.base.vault.services import seal_texts

from .content import load, one_of, pick
from .world import LabWorld, Resident, World

# Shares of Italian heads by size of household, so that half of the people are Italian (facts behind population.json).
ITALIAN_HEADS = {1: 0.80, 2: 0.68, 3: 0.45}
ITALIAN_HEADS_OF_LARGE = 0.22
OVER_65 = {"it": 0.88}
OVER_65_ELSEWHERE = 0.13
# No operator gives out telephone numbers that begin like these: nobody is called by mistake.
NOON = time(12)
FIRST_PHONE = 3_990_000_000


def written_phone(number: int) -> str:
    """Give a telephone number as services keep it, so that the same one typed by hand makes no double."""
    return read_phone(str(number))


class PeopleRows:
    """The rows of everybody, written together at the end."""

    def __init__(self) -> None:
        self.people: list[Person] = []
        self.keys: list[PersonKey] = []
        self.points: list[ContactPoint] = []
        self.households: list[Household] = []
        self.members: list[HouseholdMember] = []
        self.homes: list[HouseholdDwelling] = []
        self.identifiers: list[PersonIdentifier] = []
        self.consents: list[Consent] = []
        self.snapshots: list[EntrySnapshot] = []
        self.sensitive: list[SensitiveSnapshot] = []
        self.sealed: list[tuple[Any, dict[str, str]]] = []

    def write(self) -> None:
        seal_texts(self.sealed)
        for rows in (
            self.people,
            self.keys,
            self.points,
            self.households,
            self.members,
            self.homes,
            self.identifiers,
            self.consents,
            self.snapshots,
            self.sensitive,
        ):
            if rows:
                type(rows[0])._default_manager.bulk_create(rows, batch_size=500)  # type: ignore[arg-type]


def build_people(world: World) -> None:
    """Fill the dwellings of both labs with households, the cast's among them."""
    rows = PeopleRows()
    for lab_world in world.labs.values():
        homes = _shuffled(world, lab_world)
        _settle_cast(world, lab_world, rows, homes)
        while len(lab_world.residents) < lab_world.facts["persons"]:
            dwelling, building = homes.pop()
            _settle_household(world, lab_world, rows, dwelling, building)
        _protect_some(world, lab_world, rows)
        _enter_funds(world, lab_world, rows)
    rows.write()


def _shuffled(world: World, lab_world: LabWorld) -> list[tuple[Dwelling, Building]]:
    homes = list(lab_world.let)
    world.rng.shuffle(homes)
    return homes


def _settle_cast(world: World, lab_world: LabWorld, rows: PeopleRows, homes: list[tuple[Dwelling, Building]]) -> None:
    """Those of the cast who live here have a file like everybody else's."""
    for row in load("labs")["cast"]:
        facts = row.get("person")
        if not facts or facts["lab"] != lab_world.lab.slug:
            continue
        user = world.users[row["demo_name"]]
        given, family = row["name"].split(" ", 1)
        home = next(h for h in homes if [h[1].street, h[1].civic] == facts["building"])
        homes.remove(home)
        person = Person(
            pk=world.id_at(world.began_at),
            lab=lab_world.lab,
            user=user,
            given_name=given,
            family_name=family,
            birth_year=facts["birth_year"],
            languages_spoken=facts["spoken"],
            languages_read=facts["read"],
            interpreter=Person.Interpreter.WANTED if facts["read"] == ["ar"] else Person.Interpreter.NOT_WANTED,
            synthetic=True,
            created_at=world.began_at,
        )
        age = world.today.year - facts["birth_year"]
        resident = Resident(person, "male", age, facts["spoken"][0], home[1])
        world.stories[row["demo_name"]] = resident
        _keep(world, lab_world, rows, resident)
        household = _open_household(world, lab_world, rows, home[0])
        rows.members.append(_member(world, household, person))


def _open_household(world: World, lab_world: LabWorld, rows: PeopleRows, dwelling: Dwelling) -> Household:
    household = Household(pk=world.random_id(), lab=lab_world.lab, synthetic=True)
    rows.households.append(household)
    since = world.today - timedelta(days=int(365 * min(60, world.rng.expovariate(1 / 14) + 0.2)))
    rows.homes.append(HouseholdDwelling(pk=world.random_id(), household=household, dwelling=dwelling, since=since))
    return household


def _member(world: World, household: Household, person: Person, since: date | None = None) -> HouseholdMember:
    return HouseholdMember(pk=world.random_id(), household=household, person=person, since=since)


def _settle_household(
    world: World, lab_world: LabWorld, rows: PeopleRows, dwelling: Dwelling, building: Building
) -> None:
    rng = world.rng
    size = int(pick(rng, load("population")["household_size"][lab_world.lab.slug]))
    is_italian = rng.random() < ITALIAN_HEADS.get(size, ITALIAN_HEADS_OF_LARGE)
    origin = "it" if is_italian else _origin_from_abroad(world, lab_world)
    is_old = rng.random() < OVER_65.get(origin, OVER_65_ELSEWHERE) and size <= 3
    head_age = rng.randint(66, 91) if is_old else rng.randint(28, 58)
    household = _open_household(world, lab_world, rows, dwelling)
    family = one_of(rng, load("names")[origin]["family"])
    for place, (age, gender) in enumerate(_ages(world, size, head_age)):
        resident = _resident(world, lab_world, building, origin, family, age, gender)
        if place == 1 and is_old is False and origin != "it" and gender == "female" and rng.random() < 0.5:
            resident.person.family_name = one_of(rng, load("names")[origin]["family"])
        _keep(world, lab_world, rows, resident)
        rows.members.append(_member(world, household, resident.person))


def _origin_from_abroad(world: World, lab_world: LabWorld) -> str:
    names = load("names")
    return pick(world.rng, {o: facts["weight"][lab_world.lab.slug] for o, facts in names.items() if o != "it"})


def _ages(world: World, size: int, head_age: int) -> list[tuple[int, str]]:
    """Give ages and genders of a household of `size`: a head, most often a partner, then children."""
    rng = world.rng
    alone_woman = 0.68 if head_age > 65 else 0.45
    head_gender = "female" if rng.random() < (alone_woman if size == 1 else 0.4) else "male"
    found = [(head_age, head_gender)]
    if size > 1 and rng.random() < (0.8 if head_age > 65 or size > 2 else 0.6):
        other = "male" if head_gender == "female" else "female"
        found.append((max(20, head_age + rng.randint(-7, 4)), other))
    while len(found) < size:
        child = max(0, head_age - rng.randint(22, 38))
        found.append((child if head_age > 65 else min(child, 24), one_of(rng, ("female", "male"))))
    return found


def _resident(
    world: World, lab_world: LabWorld, building: Building, origin: str, family: str, age: int, gender: str
) -> Resident:
    rng, facts = world.rng, load("names")[origin]
    given = one_of(rng, facts[gender])
    birth = world.today - timedelta(days=365 * age + rng.randint(1, 364))
    asked = rng.random()
    came = world.began_at + timedelta(days=rng.randint(0, 25), minutes=rng.randint(0, 500))
    person = Person(
        pk=world.id_at(came),
        lab=lab_world.lab,
        given_name=given,
        family_name=family,
        pronounced=_pronounced(facts["pronounced"], given, family),
        birth_date=birth if asked < 0.6 else None,
        birth_year=birth.year if asked < 0.9 else None,
        languages_spoken=_spoken(world, facts, age),
        languages_read=_read(world, facts, age),
        interpreter=_interpreter(world, origin),
        synthetic=True,
        created_at=came,
    )
    return Resident(person, gender, age, origin, building, is_adult=age >= 18)


def _pronounced(hints: dict[str, str], given: str, family: str) -> str:
    """How a name sounds, stress in capitals; nothing when it sounds as it is written."""
    return f"{hints.get(given, given)} {hints.get(family, family)}" if hints.keys() & {given, family} else ""


def _spoken(world: World, facts: dict[str, Any], age: int) -> list[str]:
    speaks_italian = age < 25 or world.rng.random() < 0.7
    return [code for code in facts["spoken"] if code != "it" or facts["spoken"] == ["it"] or speaks_italian]


def _read(world: World, facts: dict[str, Any], age: int) -> list[str]:
    if age < 6 or world.rng.random() < 0.08:
        return []
    reads_italian = "it" in facts["spoken"] and (age < 25 or world.rng.random() < 0.4)
    return list(dict.fromkeys([*facts["read"], *(["it"] if reads_italian else [])]))


def _interpreter(world: World, origin: str) -> str:
    if origin == "it":
        return str(Person.Interpreter.NOT_ASKED)
    return str(
        pick(
            world.rng,
            {Person.Interpreter.WANTED: 3, Person.Interpreter.NOT_WANTED: 3, Person.Interpreter.NOT_ASKED: 4},
        )
    )


def _keep(world: World, lab_world: LabWorld, rows: PeopleRows, resident: Resident) -> None:
    """Put a person among those whom the lab knows, with a telephone, a code and a note if they gave them."""
    rng, person = world.rng, resident.person
    lab_world.residents.append(resident)
    rows.people.append(person)
    if resident.is_adult and rng.random() < 0.85:
        resident.phone = written_phone(FIRST_PHONE + len(rows.points))
        rows.points.append(_point(world, resident))
    if rng.random() < 0.3 and person.birth_date:
        rows.identifiers.append(_identifier(rows, resident))
    texts = {}
    world.phrases.speak_for({resident.gender})
    if rng.random() < 0.12:
        texts["notes"] = world.phrases.one("person_notes")
    if resident.age > 65 and rng.random() < 0.15:
        texts["accessibility"] = world.phrases.one("person_access")
    if texts:
        rows.sealed.append((person, texts))
    if resident.is_adult and rng.random() < 0.1:
        rows.consents.append(_consent(world, lab_world, resident))
    words = person_keys(person.given_name, person.family_name, person.pronounced, filter(None, [resident.phone]))
    rows.keys += [PersonKey(lab=lab_world.lab, person=person, key=key) for key in sorted(words)]
    desk = one_of(rng, lab_world.desk)
    world.ledger.note(
        person.created_at, "person.register", person, by=desk, lab_id=lab_world.lab.pk, subject_id=person.pk
    )


def _point(world: World, resident: Resident) -> ContactPoint:
    rng = world.rng
    return ContactPoint(
        pk=world.id_at(resident.person.created_at),
        person=resident.person,
        kind=ContactPoint.Kind.MESSENGER if rng.random() < 0.15 else ContactPoint.Kind.PHONE,
        value=resident.phone,
        is_shared=rng.random() < 0.12,
        safe_to_call=rng.random() > 0.03,
        no_voicemail=rng.random() < 0.1,
        hours=one_of(rng, ("", "", "", "dopo le 17", "la mattina", "non la domenica")),
    )


def _identifier(rows: PeopleRows, resident: Resident) -> PersonIdentifier:
    person = resident.person
    assert person.birth_date is not None
    gender: Literal["F", "M"] = "F" if resident.gender == "female" else "M"
    parts = (
        codicefiscale.encode_lastname(person.family_name),
        codicefiscale.encode_firstname(person.given_name),
        codicefiscale.encode_birthdate(datetime.combine(person.birth_date, NOON), gender),
        load("names")[resident.origin]["place"],
    )
    code = "".join(parts)
    code += codicefiscale.encode_cin(code)
    kind, key_id = PersonIdentifier.Kind.FISCAL_CODE, keys.newest_key_id()
    identifier = PersonIdentifier(person=person, kind=kind, key_id=key_id, blind_index=blind_index(kind, code, key_id))
    rows.sealed.append((identifier, {"value": code}))
    return identifier


def _consent(world: World, lab_world: LabWorld, resident: Resident) -> Consent:
    rng = world.rng
    how = Consent.How.SIGNED if rng.random() < 0.7 else Consent.How.WITH_INTERPRETER
    given_on = world.today - timedelta(days=rng.randint(5, 350))
    return Consent(
        person=resident.person,
        scope=one_of(rng, ("invio-a-un-servizio", "richiamata", "foto-e-iniziative")),
        text_version="2025-09",
        language=resident.person.languages_spoken[0],
        how=how,
        given_on=given_on,
        ends_on=given_on + timedelta(days=730),
        recorded_by=one_of(rng, lab_world.desk),
    )


def _protect_some(world: World, lab_world: LabWorld, rows: PeopleRows) -> None:
    """A few members live apart from their household, where the others must not find them."""
    households = {member.person_id: member for member in rows.members}
    several: dict[Any, int] = {}
    for member in rows.members:
        several[member.household_id] = several.get(member.household_id, 0) + 1
    moved = [r for r in lab_world.residents if r.is_adult and several[households[r.person.pk].household_id] > 1]
    for resident in world.rng.sample(moved, 6):
        day = world.today - timedelta(days=world.rng.randint(20, 300))
        households[resident.person.pk].until = day
        resident.person.is_protected = True
        resident.person.protected_since = day
        for point in rows.points:
            if point.person is resident.person:
                point.is_shared = False
        apart = Household(pk=random_id(), lab=lab_world.lab, synthetic=True)
        rows.households.append(apart)
        rows.members.append(_member(world, apart, resident.person, since=day))
        world.ledger.note(
            world.at(day, NOON),
            "person.separate",
            resident.person,
            by=lab_world.coordinator,
            lab_id=lab_world.lab.pk,
            subject_id=resident.person.pk,
            detail={"codes": 0, "contact_points": 0},
        )


def _enter_funds(world: World, lab_world: LabWorld, rows: PeopleRows) -> None:
    """Some took part in what a fund pays for: asked once, on entry, with the right to say no."""
    operation = lab_world.facts.get("operation")
    if not operation:
        return
    rng = world.rng
    adults = [r for r in lab_world.residents if r.is_adult and r.age < 66]
    for resident in rng.sample(adults, 140):
        entered = world.today - timedelta(days=rng.randint(10, 340))
        snapshot = EntrySnapshot(
            pk=world.random_id(),
            person=resident.person,
            operation=operation,
            entered_on=entered,
            gender="woman" if resident.gender == "female" else "man",
            employment=_answer(world, EntrySnapshot.EMPLOYMENT),
            education=_answer(world, EntrySnapshot.EDUCATION),
            household_situation=_answer(world, EntrySnapshot.HOUSEHOLD),
            recorded_by=one_of(rng, lab_world.desk),
        )
        rows.snapshots.append(snapshot)
        sensitive = SensitiveSnapshot(pk=world.random_id(), snapshot=snapshot, asked_on=entered)
        rows.sensitive.append(sensitive)
        values = ("yes", "no", "no", "no", "refused", "refused", "unknown")
        rows.sealed.append(
            (sensitive, {name: one_of(rng, values) for name in ("migrant", "disability", "other_disadvantage")})
        )


def _answer(world: World, choices: list[tuple[str, Any]]) -> str:
    """One of the values of a fund's question; one in twelve would rather not say."""
    values = [value for value, _label in choices if value not in ("not_asked", "refused", "unknown")]
    return "refused" if world.rng.random() < 0.08 else one_of(world.rng, values)
