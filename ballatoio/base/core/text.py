"""Text as people type it, made comparable."""

import re
import unicodedata

_NOT_WORD = re.compile(r"[^\w]+", re.UNICODE)


def normalise(text: str) -> str:
    """Take any text and give it lower case, without accents or punctuation, one space between words.

    >>> normalise("  Viale Omèro, 12/A ")
    'viale omero 12 a'
    """
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(character for character in decomposed if not unicodedata.combining(character))
    return _NOT_WORD.sub(" ", bare.replace("_", " ")).strip()


def words(text: str) -> list[str]:
    """Give the normalised words of `text`, in order, each once."""
    return list(dict.fromkeys(normalise(text).split()))
