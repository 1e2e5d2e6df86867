"""The words that a person is looked up by."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import combinations, product

from ballatoio.base.core.text import normalise

from .phones import phone_keys
from .sounds import is_skeleton, latin, sounds

LONGEST_KEY = 80
# Marks the keys that hold how a name sounds, not how it is written: of one word («~mhmd»), of two («~hd mhmd»), of two
# with the year of birth («~hd mhmd 1980»).
SOUND = "~"
# Marks the keys of two words together: the beginning of one, the whole other («+mar rossi», «+ros mario»).
PAIR = "+"
PAIR_START = 3
MOST_PAIRED = 5
CJK = re.compile("[\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")


def is_cjk(word: str) -> bool:
    """Tell whether a word is Chinese, Japanese or Korean, where two characters are already a name."""
    return bool(CJK.search(word))


def also_written(word: str) -> str:
    """Give a word of another alphabet in Latin letters, «олена» as «olena»; "" when it leaves its vowels out."""
    return "" if word.isascii() or is_skeleton(word) else latin(word)


def name_keys(given: str, family: str, pronounced: str = "", birth_year: int | None = None) -> set[str]:
    """Give the keys of a name: its words, its double names in one («De Luca», «deluca»), how its words sound.

    With the year of birth also the two together, by which people are compared who may be one (doubles.py).
    """
    parts = [normalise(text).split() for text in (given, family, pronounced)]
    keys: set[str] = set()
    for words in parts:
        keys.update(word for word in words if len(word) > 1 or is_cjk(word))
        if 1 < len(words) <= 3:
            keys.add("".join(words))
    if is_cjk(family) and is_cjk(given):
        # Written without a space, family name first.
        keys.add("".join(parts[1] + parts[0]))
    keys.update([other for word in sorted(keys) if len(other := also_written(word)) > 1])
    written = sorted(keys)
    keys.update(SOUND + told for word in written for told in sounding(word))
    paired = [word for word in written if len(word) >= PAIR_START][:MOST_PAIRED]
    keys.update(pair_key(one, other) for one in paired for other in paired if one != other)
    alike = sound_pairs(parts[0], parts[1]) | sound_pairs(parts[2])
    keys.update(alike)
    if birth_year:
        keys.update(f"{key} {birth_year}" for key in alike)
    return {key[:LONGEST_KEY] for key in keys if key}


def sounding(word: str) -> tuple[str, ...]:
    """Give how a word sounds, when it is long enough to be told from others by it."""
    return sounds(word) if len(latin(word)) >= PAIR_START else ()


def sound_pairs(given: list[str], family: Sequence[str] = ()) -> set[str]:
    """Give the keys of each given name beside each family name, by their sound, in one order whichever was said first.

    With one of the two alone, of every two of its words.
    """
    one, other = _said(given), _said(family)
    pairs = product(one, other) if one and other else combinations(one or other, 2)
    return {
        SOUND + " ".join(sorted((first, second)))
        for some, others in pairs
        for first, second in product(some, others)
        if first != second
    }


def _said(words: Sequence[str]) -> list[tuple[str, ...]]:
    """Give how each of some words sounds, and all of them in one."""
    together = ["".join(words)] if 1 < len(words) <= 3 else []
    return [told for word in [*words[:MOST_PAIRED], *together] if (told := sounding(word))]


def pair_key(start: str, word: str) -> str:
    """Give the key of two words together: a prefix of it is the beginning of either one."""
    return f"{PAIR}{start[:PAIR_START]} {word}"


def person_keys(
    given: str, family: str, pronounced: str = "", phones: Iterable[str] = (), birth_year: int | None = None
) -> set[str]:
    """Give every key of a person: of the names, as written and as pronounced, and of the telephone numbers."""
    return name_keys(given, family, pronounced, birth_year).union(*(phone_keys(phone) for phone in phones))


def searchable_words(text: str) -> list[str]:
    """Give the words of a search that are long enough to search by: three letters, or two characters of Chinese."""
    words = list(dict.fromkeys(normalise(unicodedata.normalize("NFC", text)[:100]).split()))
    return [word[:LONGEST_KEY] for word in words if len(word) >= (2 if is_cjk(word) else 3)]
