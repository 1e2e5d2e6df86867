"""Words as they are compared: accents, Arabic spellings and Chinese, which has no spaces, made equal on both sides."""

import re
from collections.abc import Iterator

from ballatoio.base.core.text import normalise, words

# Words that say nothing of what somebody looks for (Italian and English).
_EMPTY = (
    "a al alla ai agli alle con da dal dalla di del della dei e ed ho il i la le lo gli in mi mia mio nel nella non o"
    " per si sono su un una the an and for have is my no not of on or to"
)
EMPTY_WORDS = frozenset(words(_EMPTY))
_ARTICLE = "ال"
_VOWELS = frozenset("aeiou")
# One sound, several letters: the feminine ending, the final ya, the letters of Persian and Urdu keyboards. The hamza
# goes with the other marks (core/text.py); the stretching bar is no letter.
_ARABIC = str.maketrans({"ة": "ه", "ى": "ي", "ی": "ي", "ک": "ك", "ـ": None})
# Han ideographs and their first extension (Unicode, blocks 4E00–9FFF and 3400–4DBF): written without spaces.
_HAN = "\u3400-\u4dbf\u4e00-\u9fff"
_RUN = re.compile(f"[{_HAN}]+|[^{_HAN}]+")
_IS_HAN = re.compile(f"[{_HAN}]")
MAX_WORDS = 8


def fold(text: str) -> str:
    """Take any text and give it as it is compared: normalised, and with one spelling for each Arabic sound.

    >>> fold("  La Bolletta, più!"), fold("الإقامة")
    ('la bolletta piu', 'الاقامه')
    """
    return normalise(text).translate(_ARABIC)


def is_han(word: str) -> bool:
    """Whether a word is written in Chinese characters."""
    return bool(_IS_HAN.match(word))


def runs(text: str) -> Iterator[str]:
    """Give the words of a text, folded, in order; what is Chinese apart from the rest of its word («spid和身份»)."""
    for word in fold(text).split():
        yield from _RUN.findall(word)


def bigrams(run: str) -> list[str]:
    """Give the pairs of neighbouring characters of a Chinese run; a single character is its own.

    >>> bigrams("居留证")
    ['居留', '留证']
    """
    return [run[place : place + 2] for place in range(len(run) - 1)] or [run]


def without_article(word: str) -> str:
    """Give an Arabic word without its article; any other word as it is."""
    return word.removeprefix(_ARTICLE) if word.startswith(_ARTICLE) and len(word) > 4 else word


def search_words(text: str) -> list[str]:
    """Give the words under which a text is kept: folded, Arabic ones also without their article, Chinese ones in pairs.

    The last character of a Chinese word is also kept alone, so that each of its characters begins something.
    """
    found: dict[str, None] = {}
    for run in runs(text):
        if is_han(run):
            found |= dict.fromkeys([*bigrams(run), run[-1]])
        else:
            found |= dict.fromkeys([run, without_article(run)])
    return list(found)


def asked_words(text: str) -> list[str]:
    """Give the beginnings of words that a question is looked up by.

    A final vowel is dropped from longer words, so that «pensione» finds «pensioni»; the Arabic article too.
    """
    asked: dict[str, None] = {}
    for run in runs(text[:200]):
        if is_han(run):
            asked |= dict.fromkeys(bigrams(run))
        elif run not in EMPTY_WORDS:
            word = without_article(run)
            asked[word[:-1] if len(word) >= 5 and word[-1] in _VOWELS else word] = None
    return list(asked)[:MAX_WORDS]
