"""Text as people type it, made comparable."""

import unicodedata


def normalise(text: str) -> str:
    """Take any text and give it lower case, without accents or punctuation, one space between words.

    >>> normalise("  Viale Omèro, 12/A ")
    'viale omero 12 a'
    """
    # Decomposed before too: some letters have a lower case only once they are (Unicode, §3.13, D145).
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    # The vowel signs of Bengali or Sinhala are marks (M), not letters, and without them a name falls to pieces.
    bare = "".join(
        character if character.isalnum() or unicodedata.category(character)[0] == "M" else " "
        for character in decomposed
        if not unicodedata.combining(character)
    )
    return " ".join(bare.split())


def words(text: str) -> list[str]:
    """Give the normalised words of `text`, in order, each once."""
    return list(dict.fromkeys(normalise(text).split()))
