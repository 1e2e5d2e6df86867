"""Reading a table that somebody exported: any usual encoding, any delimiter, line by line.

A table is never held in memory as a whole, and one of a wrong shape is refused at its first line.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from django.utils.translation import gettext as _

from ballatoio.base.core.text import normalise

DELIMITERS = ",;\t|"
SAMPLE_BYTES = 65_536
MAX_HEADER = 20_000
# Names of our columns as an Italian spreadsheet writes them.
COLUMN_NAMES = {
    "via": "street",
    "indirizzo": "street",
    "civico": "civic",
    "quartiere": "district_code",
    "proprietario": "owner",
    "gestore": "manager",
    "anno": "year",
    "latitudine": "lat",
    "longitudine": "lon",
    "scale": "stairs",
    "scala": "stair",
    "interno": "number",
    "piano": "floor",
    "locali": "rooms",
    "mq": "useful_m2",
    "ascensore": "lift",
    "senza_gradini": "step_free",
    "stato": "state",
    "tipo": "kind",
    "nome": "name",
    "telefono": "phone",
    "accessibilita": "accessibility",
}


class FileRefused(Exception):
    """The file as a whole cannot be imported; the message says why and what to do."""


def detect_encoding(file: BinaryIO) -> str:
    """Give the encoding of a file: what its first bytes declare, else UTF-8 if all of it is, else Windows-1252.

    Windows-1252 leaves five bytes without meaning; a file that uses them is Latin-1. The file is read by pieces
    and put back to its beginning.
    """
    file.seek(0)
    start = file.read(4)
    file.seek(0)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if start.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    for encoding in ("utf-8", "cp1252"):
        decoder = codecs.getincrementaldecoder(encoding)()
        try:
            while piece := file.read(SAMPLE_BYTES):
                decoder.decode(piece)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        finally:
            file.seek(0)
        return encoding
    return "latin-1"


def mend(text: str) -> str:
    """Undo text that was UTF-8, was read as Latin-1 and written again, once or twice; anything else stays as it is.

    «PomÃ¨» becomes «Pomè». It is certain: the bytes must be strict UTF-8, which no Italian text in Latin-1 is
    by chance.
    """
    for rounds in range(3):
        if text.isascii() or not any(sign in text for sign in "ÃÂâ"):
            return text
        mended = _undo(text, "latin-1") or _undo(text, "cp1252")
        if not mended:
            # The second byte of «à» is a space that does not break, and exports make it a plain one.
            return re.sub("Ã( |$)", "à", text) if rounds else text
        text = mended
    return text


def _undo(text: str, encoding: str) -> str:
    try:
        return text.encode(encoding).decode("utf-8")
    except UnicodeError:
        return ""


def column_name(cell: str) -> str:
    """Give a heading in the form that columns are looked up by: «Cod. comune» → cod_comune."""
    name = normalise(mend(cell)).replace(" ", "_")
    return COLUMN_NAMES.get(name, name)


@dataclass(frozen=True)
class Table:
    """A table in a file, its heading read and its rows still to come."""

    file: BinaryIO
    encoding: str
    delimiter: str
    columns: tuple[str, ...]
    headings: tuple[str, ...]

    def rows(self) -> Iterator[tuple[int, dict[str, str] | None]]:
        """Give the rows in order with their number in a spreadsheet (the heading is 1), None for a row that has

        more cells than the heading. Empty rows are passed over. Raise FileRefused where the file breaks.
        """
        with _reading(self.file, self.encoding) as lines:
            reader = csv.reader(lines, delimiter=self.delimiter)
            number = 0
            try:
                for number, cells in enumerate(reader, start=1):
                    if number == 1 or not any(cell.strip() for cell in cells):
                        continue
                    if len(cells) > len(self.columns) and any(cell.strip() for cell in cells[len(self.columns) :]):
                        yield number, None
                        continue
                    yield number, {name: mend(cell).strip() for name, cell in zip(self.columns, cells, strict=False)}
            except (csv.Error, UnicodeDecodeError) as error:
                raise FileRefused(
                    _("Il file si interrompe dopo la riga %(row)s: forse è rovinato. Esportalo di nuovo.")
                    % {"row": number}
                ) from error


class _reading:  # noqa: N801 (used as a function)
    """The lines of a file from its beginning; the file itself stays open for the next reader."""

    def __init__(self, file: BinaryIO, encoding: str) -> None:
        file.seek(0)
        self.text = io.TextIOWrapper(file, encoding=encoding, newline="")

    def __enter__(self) -> io.TextIOWrapper:
        return self.text

    def __exit__(self, *_exception: object) -> None:
        self.text.detach()


def open_table(file: BinaryIO) -> Table:
    """Read the heading of a table. Raise FileRefused when there is none."""
    encoding = detect_encoding(file)
    with _reading(file, encoding) as lines:
        heading = lines.readline(MAX_HEADER)
    if not heading.strip() or "\0" in heading:
        raise FileRefused(_("Il file è vuoto o non è una tabella: esportalo come CSV e riprova."))
    delimiter = max(DELIMITERS, key=heading.count)
    headings = tuple(mend(cell).strip() for cell in next(csv.reader([heading], delimiter=delimiter)))
    return Table(file, encoding, delimiter, tuple(column_name(cell) for cell in headings), headings)
