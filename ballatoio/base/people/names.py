"""The words that a person is looked up by."""

import re
import unicodedata
from collections.abc import Iterable

from ballatoio.base.core.text import normalise

from .phones import phone_keys

LONGEST_KEY = 80
# Marks the keys that hold how a name sounds, not how it is written.
SOUND = "~"
# Marks the keys of two words together: the beginning of one, the whole other («+mar rossi», «+ros mario»).
PAIR = "+"
PAIR_START = 3
MOST_PAIRED = 5
CJK = re.compile("[\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")


def is_cjk(word: str) -> bool:
    """Tell whether a word is Chinese, Japanese or Korean, where two characters are already a name."""
    return bool(CJK.search(word))


def sound(word: str) -> str:
    """Give the consonants of a word written in Latin letters, doubles once; "" for any other and for short ones.

    Names that came through another alphabet are spelled in many ways: Mohamed, Muhammad and Mohammad sound «mhmd».

    >>> sound("mohamed"), sound("muhammad"), sound("khalid"), sound("kaled")
    ('mhmd', 'mhmd', 'kld', 'kld')
    """
    if not (word.isascii() and word.isalpha()):
        return ""
    told = word.replace("ph", "f").replace("q", "k").replace("ck", "k").replace("c", "k").replace("z", "s")
    told = re.sub(r"(?<=[^aeiou])h", "", told)
    told = told[0] + re.sub(r"[aeiouyw]", "", told[1:])
    told = re.sub(r"(.)\1+", r"\1", told)
    return told if len(told) >= 2 else ""


def name_keys(given: str, family: str, pronounced: str = "") -> set[str]:
    """Give the keys of a name: its words, its double names in one («De Luca», «deluca»), how its words sound."""
    parts = [normalise(text).split() for text in (given, family, pronounced)]
    keys: set[str] = set()
    for words in parts:
        keys.update(word for word in words if len(word) > 1 or is_cjk(word))
        if 1 < len(words) <= 3:
            keys.add("".join(words))
    if is_cjk(family) and is_cjk(given):
        # Written without a space, family name first.
        keys.add("".join(parts[1] + parts[0]))
    written = sorted(keys)
    keys.update(SOUND + sound(word) for word in written if len(word) >= 4 and sound(word))
    paired = [word for word in written if len(word) >= PAIR_START][:MOST_PAIRED]
    keys.update(pair_key(one, other) for one in paired for other in paired if one != other)
    return {key[:LONGEST_KEY] for key in keys if key}


def pair_key(one: str, other: str) -> str:
    """Give the key of two words of a name, which also is the beginning to look for when `other` is cut short.

    «mar rossi» is answered by one short stretch of the index, however many are called Maria or Rossi.
    """
    return f"{PAIR}{one[:PAIR_START]} {other}"[:LONGEST_KEY]


def person_keys(given: str, family: str, pronounced: str = "", phones: Iterable[str] = ()) -> set[str]:
    """Give every key of a person: of the names, as written and as pronounced, and of the telephone numbers."""
    return name_keys(given, family, pronounced).union(*(phone_keys(phone) for phone in phones))


def searchable_words(text: str) -> list[str]:
    """Give the words of a search that are long enough to search by: three letters, or two characters of Chinese."""
    words = list(dict.fromkeys(normalise(unicodedata.normalize("NFC", text)[:100]).split()))
    return [word[:LONGEST_KEY] for word in words if len(word) >= (2 if is_cjk(word) else 3)]
