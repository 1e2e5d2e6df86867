"""Finding a person: while one types, and before writing somebody down twice.

At most three queries for a search, five for a warning, over sets of bounded size: the time does not grow with the
number of people.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import SequenceMatcher
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from ballatoio.base.accounts.models import User
from ballatoio.base.core import keys
from ballatoio.base.core.search import prefix_filter, prefix_order
from ballatoio.base.core.text import normalise
from ballatoio.base.labs.models import Lab
from ballatoio.base.territory.addresses import STREET_KINDS, find_buildings, street_key

from .models import STAFF_OF_PEOPLE, ContactPoint, HouseholdDwelling, Person, PersonIdentifier, PersonKey
from .names import PAIR_START, SOUND, pair_key, searchable_words, sound_pairs, sounding
from .phones import NotAPhone, is_phone_like, phone_keys, read_phone, typed_digits
from .sounds import ALIKE, latin, likeness, sounds

# How many keys that begin with the word of a search are looked at for the other words of it.
CANDIDATES = 1500
CANDIDATES_BY_SOUND = 120
# How many of those whose name sounds the same are looked at when the spelling that was typed finds too few.
LOOKED_AT = 30
HINTS = 5
FISCAL_CODE = re.compile(r"[A-Z]{6}[0-9L-V]{2}[A-Z][0-9L-V]{2}[A-Z][0-9L-V]{3}[A-Z]")


@dataclass(frozen=True)
class Hint:
    """Somebody who may be the same person: enough to recognise them, nothing to learn from."""

    person_id: UUID
    name: str
    birth_year: int | None
    phone_end: str


def is_too_short(text: str) -> bool:
    """Tell whether a search is too short to be made: it would find half the district."""
    return not (is_phone_like(text) or searchable_words(text) or _is_address(text))


def search_people(user: User, lab: Lab, text: str, limit: int = 10) -> list[Person]:
    """Give the people of the lab, of those that `user` may see, whom the typed text may mean.

    By the beginning of each word of the names, by telephone number in any form, by address (never those who are
    protected), by codice fiscale. After those whose name begins so come those whose name sounds the same in another
    spelling or alphabet; when there are none of either, those whose name begins to sound so.
    """
    if lab.pk not in user.labs_as(*STAFF_OF_PEOPLE) or is_too_short(text):
        return []
    code = re.sub(r"\s", "", text).upper()
    if FISCAL_CODE.fullmatch(code):
        found = list(people_with_identifier(user, lab, PersonIdentifier.Kind.FISCAL_CODE, code)[:limit])
    elif is_phone_like(text):
        found = _fetch(user, lab, _ids(_keys_from(lab, typed_digits(text)), limit))
    else:
        living = _at_address(user, lab, text, limit) if _is_address(text) else None
        # «Corso» is a surname too: a street that the lab does not have is looked for as a name.
        found = _by_name(user, lab, searchable_words(text), limit) if living is None else living
    return found


def _is_address(text: str) -> bool:
    """«omero 12», «viale omero», but not «via»: a number beside a word, or a kind of street before one."""
    words = normalise(text[:100]).split()
    has_word = any(word.isalpha() and len(word) >= 3 for word in words)
    if has_word and any(word[0].isdigit() for word in words):
        return True
    return len(words) > 1 and has_word and street_key(text[:100]).split()[0] in STREET_KINDS


def _keys_from(lab: Lab, prefix: str) -> QuerySet[PersonKey]:
    """The keys of the lab that begin with `prefix`, the exact one first, read from the index alone."""
    rows = PersonKey.objects.filter(prefix_filter("key", prefix), lab=lab)
    return rows.order_by(prefix_order("key"))


def _ids(rows: QuerySet[PersonKey], limit: int) -> list[UUID]:
    """The people of the first keys, each once: one person may have several keys that begin alike."""
    return list(dict.fromkeys(rows.values_list("person_id", flat=True)[: limit * 3]))[:limit]


def _visible(user: User, lab: Lab) -> QuerySet[Person]:
    return Person.objects.visible_to(user).of_lab(lab).defer("sealed").order_by()


def _fetch(user: User, lab: Lab, ids: Sequence[UUID]) -> list[Person]:
    """The people with these ids, in this order, if the user may see them."""
    people = _visible(user, lab).in_bulk(ids) if ids else {}
    return [people[pk] for pk in ids if pk in people]


def _with_keys(user: User, lab: Lab, first: str, others: Iterable[str], candidates: int) -> QuerySet[Person]:
    """The people who have a key that begins with `first`, so many at most, and one for each of `others`."""
    people = _visible(user, lab).filter(pk__in=_keys_from(lab, first).values("person_id")[:candidates])
    for other in others:
        people = people.filter(Exists(PersonKey.objects.filter(prefix_filter("key", other), person_id=OuterRef("pk"))))
    return people


def _by_name(user: User, lab: Lab, words: list[str], limit: int) -> list[Person]:
    if not words:
        return []
    if len(words) == 1:
        ids = _ids(_keys_from(lab, words[0]), limit)
        more = _sounding_alike(lab, words) if len(ids) < limit else []
        found = _fetch(user, lab, list(dict.fromkeys([*ids, *more]))[:limit])
    else:
        found = _named(user, lab, words, limit)
        known = {person.pk for person in found}
        more = _sounding_alike(lab, words) if len(found) < limit else []
        found += _fetch(user, lab, [pk for pk in more if pk not in known][: limit - len(found)])
    return found or _by_sound(user, lab, words, limit)


def _named(user: User, lab: Lab, words: list[str], limit: int) -> list[Person]:
    """The people who have a name that begins with each of the words."""
    if len(words) == 1:
        return _fetch(user, lab, _ids(_keys_from(lab, words[0]), limit))
    # The longest words are the rarest.
    one, other, *rest = sorted(words, key=len, reverse=True)
    if len(other) >= PAIR_START:
        first, others = pair_key(other, one), [pair_key(one, other), *rest]
    else:
        first, others = one, [other, *rest]
    return sorted(_with_keys(user, lab, first, others, CANDIDATES)[:limit], key=str)


def _sounding_alike(lab: Lab, words: list[str]) -> list[UUID]:
    """The people whose names sound just like the words, whatever they are written with, the likest first.

    Only ids: whoever shows them asks again which of them the user may see.
    """
    told = [found for word in words if (found := sounding(word))]
    if len(told) < len(words):
        return []
    singly = [{SOUND + form for form in forms} for forms in told]
    rows = PersonKey.objects.filter(lab=lab, key__in=sound_pairs(words) if len(words) > 1 else singly[0])
    for keys_of_word in singly if len(words) > 2 else ():
        rows = rows.filter(Exists(PersonKey.objects.filter(person_id=OuterRef("person_id"), key__in=keys_of_word)))
    # Straight from the keys: while somebody types, most of these are looked at in vain.
    names = rows.values_list("person_id", "person__given_name", "person__family_name", "person__pronounced")
    scored = {pk: (-score, said) for pk, *said in names[:LOOKED_AT] if (score := _likeness(words, _names_of(said)))}
    return sorted(scored, key=lambda pk: scored[pk])


def _likeness(words: list[str], names: list[str]) -> float:
    """Say how much the words are like names that sound the same; 0 when one is like none."""
    return min(max((likeness(word, name) for name in names), default=0.0) for word in words)


def _names_of(said: Iterable[str]) -> list[str]:
    """The words of a person's names (given, family, as pronounced), double names also in one."""
    parts = [normalise(text).split() for text in said if text]
    together = ["".join(words) for words in parts if 1 < len(words) <= 3]
    return list(dict.fromkeys([*(word for words in parts for word in words), *together]))


def _by_sound(user: User, lab: Lab, words: list[str], limit: int) -> list[Person]:
    """The people whose names begin to sound like the words, those spelled most alike first."""
    told = sorted({found[0] for word in words if (found := sounds(word))}, key=len, reverse=True)
    if not told:
        return []
    first, *others = [SOUND + form for form in told]
    scored = []
    for person in _with_keys(user, lab, first, others, CANDIDATES_BY_SOUND):
        said = person.given_name, person.family_name, person.pronounced
        names = [latin(name) for name in _names_of(said)]
        score = min(
            max((SequenceMatcher(None, latin(word), name).ratio() for name in names), default=0) for word in words
        )
        if score >= ALIKE:
            scored.append((-score, str(person), person))
    return [person for _score, _name, person in sorted(scored, key=lambda row: row[:2])[:limit]]


def _at_address(user: User, lab: Lab, text: str, limit: int) -> list[Person] | None:
    """The people who live at an address, protected ones left out; None when the lab has no such street."""
    matches = find_buildings(lab, text)
    matches = [match for match in matches if match.exact] or matches
    if not matches:
        return None
    living = Q(until__isnull=True, dwelling__stair__building_id__in=[match.building.pk for match in matches])
    if stair := matches[0].stair:
        living &= Q(dwelling__stair__name__iexact=stair)
    households = HouseholdDwelling.objects.filter(living).values("household_id")
    people = _visible(user, lab).filter(
        is_protected=False, households__until__isnull=True, households__household_id__in=households
    )
    return list(people.order_by("family_name", "given_name", "pk")[:limit])


def people_with_identifier(user: User, lab: Lab, kind: str, value: str) -> QuerySet[Person]:
    """The people whom `user` may see and who have this codice fiscale or document, by its blind index only."""
    indexes = [blind_index(kind, value, key_id) for key_id in keys.master_keys()]
    identifiers = PersonIdentifier.objects.filter(kind=kind, blind_index__in=indexes)
    people = Person.objects.visible_to(user).of_lab(lab)
    return people.filter(pk__in=identifiers.values("person_id")).order_by("pk")


def blind_index(kind: str, value: str, key_id: str) -> bytes:
    """Give the HMAC by which a sealed identifier is found again without being opened."""
    return keys.mac("blind-index", f"{kind}:{value}".encode(), key_id)


def duplicate_hints(
    user: User, lab: Lab, given: str, family: str, birth: date | int | None = None, phone: str = ""
) -> list[Hint]:
    """Give at most five people who may be the one about to be written down, of those that `user` may see.

    Same telephone number, or names that begin or sound alike and a year of birth that does not speak against it. Only
    name, year of birth and the last three digits of the telephone are told; of protected people only the name, and only
    to whoever typed it: the number of a protected person may be known to whoever looks for them.
    """
    if lab.pk not in user.labs_as(*STAFF_OF_PEOPLE):
        return []
    same_phone = _with_phone(user, lab, phone)
    words = searchable_words(f"{given} {family}")
    year = birth.year if isinstance(birth, date) else birth
    named = _named(user, lab, words, HINTS * 4) if len(words) > 1 else []
    named += _fetch(user, lab, _sounding_alike(lab, words)[:HINTS]) if len(words) > 1 else []
    same_name = [person for person in named if not year or not person.birth_year or person.birth_year == year]
    return list(hints_of(list(dict.fromkeys([*same_phone, *same_name]))[:HINTS]).values())


def hints_of(people: Sequence[Person]) -> dict[UUID, Hint]:
    """Give of some people, by id, only what tells them apart; of the protected nothing but the name. One query."""
    ends = _phone_ends([person.pk for person in people if not person.is_protected])
    return {
        person.pk: Hint(
            person.pk, str(person), None if person.is_protected else person.birth_year, ends.get(person.pk, "")
        )
        for person in people
    }


def _with_phone(user: User, lab: Lab, phone: str) -> list[Person]:
    try:
        digits = phone_keys(read_phone(phone)) if phone else set()
    except NotAPhone:
        return []
    if not digits:
        return []
    ids = PersonKey.objects.filter(lab=lab, key__in=digits).order_by("person_id").values("person_id")[:HINTS]
    return sorted(_visible(user, lab).filter(pk__in=ids, is_protected=False), key=str)


def _phone_ends(ids: list[UUID]) -> dict[UUID, str]:
    if not ids:
        return {}
    points = ContactPoint.objects.filter(person_id__in=ids, kind=ContactPoint.Kind.PHONE).order_by("-pk")
    return {point.person_id: point.value[-3:] for point in points}
