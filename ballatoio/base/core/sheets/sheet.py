"""What a table in a file is, whatever its format: rows of texts, one after the other."""

from abc import ABC, abstractmethod
from collections.abc import Iterator

from django.utils.translation import gettext as _

# What a person can still look over; a file with more has something else in it.
MAX_COLUMNS = 200


class FileRefused(Exception):
    """The file as a whole cannot be imported; the message says why and what to do."""


class Sheet(ABC):
    """A table in a file, to be read from its first row as often as one asks."""

    # Its name in the file, and those of the others in the same file; empty for plain text.
    name: str = ""
    others: tuple[str, ...] = ()
    encoding: str = ""
    delimiter: str = ""

    @abstractmethod
    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Give the rows that hold something, each with its number in a spreadsheet (the first is 1).

        Raise FileRefused where the file breaks, or when a row is wider than MAX_COLUMNS.
        """


def trim(cells: list[str]) -> list[str]:
    """Give the cells without space around them, without the sign that no text has, without empty ones at the end.

    Raise FileRefused when they are more than MAX_COLUMNS.
    """
    kept = [cell.replace("\0", "").strip() for cell in cells]
    while kept and not kept[-1]:
        kept.pop()
    if len(kept) > MAX_COLUMNS:
        raise FileRefused(
            _("Il foglio ha più di %(most)s colonne: togli quelle che non servono e ricaricalo.")
            % {"most": MAX_COLUMNS}
        )
    return kept
