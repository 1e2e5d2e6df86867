"""What a person types as an address, and the building that they mean.

«odazio 7», «Via Odazio, 7 scala B», «v.le omero 12/a», «p.za ferrara»: kinds of street may be missing or shortened,
accents and capitals do not count, a wrong letter is forgiven when nothing else is found.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

from ballatoio.base.core.text import normalise
from ballatoio.base.labs.models import Lab

from .models import Building

# Kinds of street as people and registers shorten them («DUG» of the Italian street registers).
STREET_KINDS = {
    "via": ("v",),
    "viale": ("v le", "vle"),
    "piazza": ("p za", "p zza", "pza", "pzza"),
    "piazzale": ("p le", "ple", "p zzale", "pzzale", "p zale"),
    "piazzetta": ("p tta", "ptta", "p zetta"),
    "corso": ("c so", "cso"),
    "largo": ("l go", "lgo"),
    "vicolo": ("vic", "v lo", "vlo"),
    "strada": ("str",),
    "bastioni": ("bast", "bastione"),
    "alzaia": ("alz",),
    "ripa": (),
    "galleria": ("gall",),
    "passaggio": ("pass",),
    "cascina": ("c na", "cna"),
}
KIND_OF = {short: kind for kind, shorts in STREET_KINDS.items() for short in (kind, *shorts)}
CIVIC = re.compile(r"^(\d{1,4})([a-z]?)$")
CIVIC_ENDINGS = ("bis", "ter", "quater")
STAIR_WORDS = ("scala", "sc")
# What may follow the civic number and does not help to find the building.
INSIDE_WORDS = ("interno", "int", "piano", "p")
NUMBER_WORDS = ("n", "nr", "num", "numero", "civico", "civ", "no")
TOO_LONG = 200
CLOSE_ENOUGH = 0.75
MAX_STREETS = 12
MAX_BUILDINGS = 600


@dataclass(frozen=True)
class Match:
    """A building that the typed text may mean, with the stair when one was named.

    `exact` is True when the civic number and every word of the street were typed as they are, though some words
    may have been left out; False when something was cut short or guessed, or the number was missing.
    """

    building: Building
    stair: str
    exact: bool


@dataclass(frozen=True)
class Typed:
    """One way to read a typed address: normalised street, civic number ("" when missing), stair ("" when none)."""

    street: str
    civic: str
    stair: str


def street_key(street: str) -> str:
    """Give what a street is looked up by: normalised, its kind written in full.

    >>> street_key("V.le Omèro")
    'viale omero'
    """
    words = normalise(street).split()
    for length in (2, 1):
        kind = KIND_OF.get(" ".join(words[:length]))
        if kind and len(words) > length:
            return " ".join([kind, *words[length:]])[:120]
    return " ".join(words)[:120]


def civic_key(civic: str) -> str:
    """Give what a civic number is looked up by: no spaces or bars, no zeros in front.

    >>> civic_key(" 012/A "), civic_key("7 bis")
    ('12a', '7bis')
    """
    return normalise(civic).replace(" ", "").lstrip("0")[:12]


def civic_order(key: str) -> tuple[int, str]:
    """Give the place of a civic number in its street: 7, 7a, 12."""
    digits = re.match(r"\d*", key)
    number = digits.group() if digits else ""
    return (int(number) if number else 0, key[len(number) :])


def read_address(text: str) -> list[Typed]:
    """Give the ways to read a typed address, the likeliest first.

    A number may be the civic number or part of the street's name («via 25 aprile 3»), so there may be several.
    """
    words, stair = _without_inside(normalise(text[:TOO_LONG]).split())
    readings: list[Typed] = []
    for place in reversed(range(len(words))):
        found = CIVIC.match(words[place])
        if not found:
            continue
        civic, rest = _civic_at(words, place)
        before = [word for word in words[:place] if word not in NUMBER_WORDS]
        streets = filter(None, (before, before + rest))
        readings.extend(Typed(street_key(" ".join(street)), civic, stair) for street in streets)
    readings.append(Typed(street_key(" ".join(words)), "", stair))
    return list(dict.fromkeys(readings))


def _without_inside(words: list[str]) -> tuple[list[str], str]:
    """Take away the stair, the floor and the flat, and a postcode; give what is left and the stair."""
    kept: list[str] = []
    stair = ""
    follows = ""
    for word in words:
        # «p» is also the beginning of «p za»: it means a floor only once a number was seen.
        seen_number = any(CIVIC.match(w) for w in kept)
        if follows:
            stair, follows = (word.upper() if follows == "stair" else stair), ""
        elif word in STAIR_WORDS and kept:
            follows = "stair"
        elif word in INSIDE_WORDS and seen_number:
            follows = "inside"
        elif not re.fullmatch(r"\d{5}", word):
            kept.append(word)
    return kept, stair


def _civic_at(words: list[str], place: int) -> tuple[str, list[str]]:
    """Give the civic number that begins at `place`, with its letter or ending, and the words after it."""
    civic, rest = words[place], words[place + 1 :]
    if rest and (rest[0] in CIVIC_ENDINGS or (len(rest[0]) == 1 and rest[0].isalpha() and civic.isdigit())):
        civic, rest = civic + rest[0], rest[1:]
    return civic_key(civic), rest


def find_buildings(lab: Lab, text: str, limit: int = 10) -> list[Match]:
    """Give the buildings of the lab that `text` may mean, the likeliest first; at most two queries.

    Without a civic number, or with one that the street does not have, give the numbers of the street.
    """
    readings = read_address(text)
    if not any(reading.street for reading in readings):
        return []
    streets = list(Building.objects.of_lab(lab).order_by("street_key").values_list("street_key", flat=True).distinct())
    chosen = _choose_streets(readings, streets)
    if chosen is None:
        return []
    typed, sure = chosen
    buildings = list(
        Building.objects.of_lab(lab).filter(street_key__in=sure).defer("geometry").order_by("pk")[:MAX_BUILDINGS]
    )
    rank = {key: place for place, key in enumerate(sure)}
    buildings.sort(key=lambda b: (rank[b.street_key], civic_order(b.civic_key)))
    return list(_choose_numbers(typed, buildings, sure))[:limit]


def _choose_streets(readings: Iterable[Typed], streets: list[str]) -> tuple[Typed, dict[str, bool]] | None:
    """Give the first reading for which the lab has streets, and those streets with whether each is sure."""
    readings = [reading for reading in readings if any(len(word) > 1 for word in _split_kind(reading.street)[1])]
    for reading in readings:
        found = sorted((score, street) for street in streets if (score := _score(reading.street, street)) is not None)
        if found:
            return reading, {street: score[:2] == (0, 0) for score, street in found[:MAX_STREETS]}
    for reading in readings:
        close = sorted((-ratio, street) for street in streets if (ratio := _likeness(reading.street, street)))
        if close:
            return reading, {street: False for _, street in close[:3]}
    return None


def _split_kind(street: str) -> tuple[str, list[str]]:
    words = street.split()
    if words and words[0] in STREET_KINDS:
        return words[0], words[1:]
    return "", words


def _score(typed: str, street: str) -> tuple[int, int, int] | None:
    """Tell how well the typed words begin words of the street (0 best); None when one of them begins none.

    First the kind of street and the words that had to be guessed, then those cut short, then those left out.
    """
    kind, name = _split_kind(typed)
    street_kind, street_name = _split_kind(street)
    guessed = 1 if kind and kind != street_kind else 0
    shortened = 0
    for word in name:
        if word in street_name:
            continue
        shortened += 1
        if not any(other.startswith(word) for other in street_name):
            # An initial stands for a first name that the street may not carry: «g borsi».
            if len(word) > 1 or len(name) == 1:
                return None
            guessed += 1
    return (guessed, shortened, len(street_name) - len(name))


def _likeness(typed: str, street: str) -> float:
    """Give how alike two streets are, kinds left aside, from CLOSE_ENOUGH to 1; 0 when they are not."""
    typed_name = " ".join(_split_kind(typed)[1])
    name = _split_kind(street)[1]
    if len(typed_name) < 4:
        return 0
    # People leave out first names: the last word alone may be what was mistyped.
    ratios = [SequenceMatcher(None, typed_name, other).ratio() for other in (" ".join(name), name[-1] if name else "")]
    return max(ratios) if max(ratios) >= CLOSE_ENOUGH else 0


def _choose_numbers(typed: Typed, buildings: list[Building], sure: dict[str, bool]) -> Iterator[Match]:
    same = [b for b in buildings if typed.civic and b.civic_key == typed.civic]
    if same:
        yield from (Match(building, typed.stair, sure[building.street_key]) for building in same)
        return
    # «7b» where the street has no 7/B is the stair B of number 7.
    with_letter = re.fullmatch(r"(\d+)([a-z])", typed.civic)
    if with_letter:
        inside = [b for b in buildings if b.civic_key == with_letter.group(1)]
        if inside:
            stair = typed.stair or with_letter.group(2).upper()
            yield from (Match(building, stair, sure[building.street_key]) for building in inside)
            return
    number = civic_order(typed.civic)[0]
    if number:
        # The nearest numbers first: a wrong digit is rarely far off, and one sees what the street has.
        buildings = sorted(buildings, key=lambda b: (abs(civic_order(b.civic_key)[0] - number), b.civic_key))
    yield from (Match(building, typed.stair, False) for building in buildings)
