"""How a name sounds, in whatever alphabet and spelling it was written: Mohamed, Muhammad and محمد sound «mhmd».

Only consonants count, because the way from one alphabet to another loses the vowels first. Other alphabets come to
Latin letters by `anyascii`, which for Chinese gives the pinyin of each character. The rules that follow were made on
the names of the neighbourhoods: Arabic ones as Italian, French and English registry offices write them, Ukrainian
and Russian ones by both transliterations.
"""

import re
from difflib import SequenceMatcher
from functools import lru_cache

from anyascii import anyascii

# How much two spellings in Latin letters have in common when they are of one name. Two consonants are many names: Rossi
# and Russo.
ALIKE = 0.65
ALIKE_WHEN_SHORT = 0.75
# More spellings than these of one word are guessing.
MOST_FORMS = 4
# Alphabets that write consonants and leave the vowels to who reads (Hebrew, Arabic, those of India and Sri Lanka): what
# anyascii gives is a skeleton, and letters that stand beside each other in it do not make one sound.
SKELETON = re.compile("[\u0590-\u06ff\u0750-\u077f\u0870-\u08ff\u0900-\u0dff\ufb1d-\ufdff\ufe70-\ufefc]")
CYRILLIC = re.compile("[\u0400-\u052f]")
# Where the general table does not give what Europe writes: ع opens a name as a vowel, ة and the aspiration ھ are mute.
ARABIC = {"ا": "a", "ع": "a", "ى": "a", "ء": "", "ة": "", "ھ": "", "ژ": "z"}
# The article before these letters is written and not said: عبد الرحمن is Abdelrahman and Abderrahman.
SUN_LETTERS = "تثدذرزسشصضطظلن"
MUTE_ARTICLE = re.compile(f"ال(?=[{SUN_LETTERS}])")

# From a way of writing to the ways in which it may be meant, one after the other.
SPELLINGS: list[tuple[re.Pattern[str], tuple[str, ...]]] = [
    (re.compile(pattern), ways)
    for pattern, ways in (
        ("^ou(?=[aeiy])", ("w",)),  # Oualid, Walid
        ("ph", ("f",)),
        ("dj", ("g",)),  # Djamila, Jamila, Giamila
        ("tch", ("ch",)),
        ("x", ("ks",)),
        ("ck|q", ("k",)),
        ("z", ("s",)),
        ("ch(?=[aouy])", ("s",)),  # Aicha, Aisha
        ("ch(?=[ei]|$)", ("k", "s")),  # Michele, Rachid
        ("c", ("k",)),
        ("^j(?=[aeiou])", ("g", "y")),  # Jamila, Julia
        ("(?<=.)j", ("g", "")),  # Khadija, Marija
        ("^i(?=[aeou])", ("y",)),  # Iulia, Yulia
        ("^h(?=[aeiouy])", ("",)),  # Hassan, Assan
        ("(?<=[^aeiou])h|h$", ("",)),  # Khaled, Kaled; Sarah, Sara
        ("^(?:[aeiou]|y(?![aeiou]))", ("a",)),  # Olena, Elena; Omar, Umar
    )
]


def is_skeleton(word: str) -> bool:
    """Tell whether a word is of an alphabet that leaves the vowels out: how it sounds is all that can be compared."""
    return bool(SKELETON.search(word))


@lru_cache(maxsize=8192)
def latin(word: str) -> str:
    """Give a normalised word in Latin letters and digits alone.

    >>> latin("олена"), latin("小明"), latin("łukasz"), latin("محمد")
    ('olena', 'xiaoming', 'lukasz', 'mahamad')
    """
    if word.isascii():
        return word
    if is_skeleton(word):
        # A vowel after each letter keeps «kh» (one letter) apart from «k» and «h» (two).
        letters = (ARABIC.get(letter, anyascii(letter)) for letter in word)
        plain = "".join(letter if letter[-1:] in "aeiou" else f"{letter}a" for letter in letters if letter)
        plain = plain[:-1] if plain.endswith("a") and len(plain) > 1 else plain
    else:
        plain = anyascii(word)
    return re.sub("[^a-z0-9]", "", plain.lower())


@lru_cache(maxsize=8192)
def sounds(word: str) -> tuple[str, ...]:
    """Give how a normalised word may sound, the likeliest first; nothing for a short word, a number, a lone vowel.

    >>> sounds("mohamed"), sounds("muhammad"), sounds("محمد"), sounds("mahmoud")
    (('mhmd',), ('mhmd',), ('mhmd',), ('mhmd',))
    >>> sounds("rachid"), sounds("رشيد"), sounds("галина"), sounds("halyna")
    (('rkd', 'rsd'), ('rsd',), ('gln', 'aln'), ('aln',))
    """
    forms: list[str] = []
    for written in _writings(word):
        if not (written.isascii() and written.isalpha()):
            continue
        ways = [written]
        for pattern, meant in SPELLINGS:
            ways = list(dict.fromkeys(pattern.sub(way, form) for form in ways for way in meant))[:MOST_FORMS]
        forms += [_consonants(way) for way in ways if way]
    return tuple(form for form in dict.fromkeys(forms) if len(form) >= 2)[:MOST_FORMS]


def _writings(word: str) -> list[str]:
    """Give a word in Latin letters, in each way in which it is written so."""
    plain = latin(word)
    if CYRILLIC.search(word):
        # Ukrainian г is h, Russian г is g; х is kh in one table and h in the other.
        return list(dict.fromkeys([plain, plain.replace("g", "h"), plain.replace("kh", "h")]))
    if word.startswith("ال") and len(word) > 4:
        return [latin(word[2:]), plain]
    if MUTE_ARTICLE.search(word):
        return [plain, latin(MUTE_ARTICLE.sub("ا", word))]
    return [plain]


def _consonants(plain: str) -> str:
    told = plain[0] + re.sub("[aeiouyw]", "", plain[1:])
    return re.sub(r"(.)\1+", r"\1", told)


@lru_cache(maxsize=4096)
def likeness(word: str, other: str) -> float:
    """Say how sure it is that two words are one name, from 0 to 1: they sound alike and nothing tells them apart.

    >>> likeness("mohamed", "محمد"), likeness("rossi", "russo"), likeness("mario", "maria"), likeness("karim", "كريمة")
    (0.75, 0.0, 0.0, 0.0)
    """
    if word == other:
        return 1.0
    shared = set(sounds(word)) & set(sounds(other))
    if not shared or {_ends_in_a(word), _ends_in_a(other)} == {True, False}:
        return 0.0
    if is_skeleton(word) or is_skeleton(other):
        # No vowels to compare: the consonants are the same.
        return ALIKE_WHEN_SHORT
    ratio = SequenceMatcher(None, latin(word), latin(other)).ratio()
    return ratio if ratio >= (ALIKE if max(map(len, shared)) > 2 else ALIKE_WHEN_SHORT) else 0.0


def _ends_in_a(word: str) -> bool | None:
    """Whether a name ends as those of women do in Italian, Arabic and Ukrainian; None where that cannot be told.

    Mario and Maria, Karim and Karima have the same consonants and are not the same person.
    """
    last = word[-1:]
    if is_skeleton(word):
        if last in "ةاى":
            return True
        # ه may be read «ah», ي stands for ى in Egypt; a last consonant of India may carry its vowel or not.
        return None if last in "هيی" or last > "\u08ff" else False
    # Of Chinese the sound of each character is all there is.
    return None if not word.isascii() and len(latin(word)) > 2 * len(word) else latin(word).rstrip("h").endswith("a")
