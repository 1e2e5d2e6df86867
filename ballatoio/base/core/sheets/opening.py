"""Tables that somebody exported or kept by hand: any usual encoding, any delimiter, CSV or spreadsheet, row by row.

A table is never held in memory as a whole.
"""

import codecs
import csv
import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from django.utils.translation import gettext as _

from .archive import DAMAGED, MAX_PARTS, MAX_UNPACKED, broken
from .ods import open_ods
from .sheet import FileRefused, Sheet, trim
from .xlsx import open_xlsx

DELIMITERS = ",;\t|"
SAMPLE_BYTES = 65_536
SAMPLE_LINES = 40
# Letters with an accent, and the apostrophe of a word processor, as each alphabet of one byte writes them.
ACCENTS = {"cp1252": b"\xe0\xe8\xe9\xec\xf2\xf9\x92", "mac_roman": b"\x88\x8f\x8e\x93\x98\x9d\xd5"}
# How other kinds of file begin, and what to do with them.
NOT_TABLES: tuple[tuple[bytes, str], ...] = (
    (b"\xd0\xcf\x11\xe0", "old"),
    (b"%PDF", "pdf"),
    (b"{\\rtf", "other"),
    (b"<", "web"),
    (b"\x89PNG", "other"),
    (b"\xff\xd8\xff", "other"),
    (b"GIF8", "other"),
    (b"Rar!", "other"),
    (b"7z\xbc\xaf", "other"),
    (b"\x1f\x8b", "other"),
)


def detect_encoding(file: BinaryIO) -> str:
    """Give the encoding of a file: what its first bytes declare, else UTF-8 if all of it is, else one of one byte.

    Windows-1252 and the old Macintosh alphabet are told apart by their letters with an accent. Windows-1252 leaves
    five bytes without meaning; a file that uses them is Latin-1. The file is read by pieces and put back to its
    beginning.
    """
    file.seek(0)
    start = file.read(SAMPLE_BYTES)
    file.seek(0)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if start.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if wide := _wide_letters(start):
        return wide
    if _decodes(file, "utf-8"):
        return "utf-8"
    if _count_accents(file, "mac_roman") > _count_accents(file, "cp1252"):
        return "mac_roman"
    return "cp1252" if _decodes(file, "cp1252") else "latin-1"


def _wide_letters(start: bytes) -> str:
    """Give the alphabet of two bytes of a file that does not declare it: every other byte of Latin text is zero."""
    if len(start) < 4:
        return ""
    even, odd = start[0::2].count(0), start[1::2].count(0)
    half = len(start) // 2
    if odd > 0.7 * half and even < 0.1 * half:
        return "utf-16-le"
    return "utf-16-be" if even > 0.7 * half and odd < 0.1 * half else ""


def _decodes(file: BinaryIO, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        while piece := file.read(SAMPLE_BYTES):
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    finally:
        file.seek(0)
    return True


def _count_accents(file: BinaryIO, encoding: str) -> int:
    """Count the accents of an alphabet that follow a letter, where Italian has them."""
    accent = re.compile(rb"[A-Za-z][" + re.escape(ACCENTS[encoding]) + rb"]")
    found = 0
    while piece := file.read(SAMPLE_BYTES):
        found += len(accent.findall(piece))
    file.seek(0)
    return found


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


@dataclass(frozen=True)
class DelimitedText(Sheet):
    """A table written as plain text."""

    file: BinaryIO
    encoding: str
    delimiter: str
    first_row: int = 1

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Give the rows that hold something (see Sheet.rows)."""
        number = 0
        with _reading(self.file, self.encoding) as lines:
            reader = csv.reader(lines, delimiter=self.delimiter)
            try:
                for number, cells in enumerate(reader, start=1):
                    kept = trim(cells)
                    if kept and number >= self.first_row:
                        yield number, kept
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


def open_sheet(file: BinaryIO, *, encoding: str = "", delimiter: str = "", wanted: str = "") -> Sheet:
    """Recognise a table by what is in the file, never by its name, and give it.

    `encoding` and `delimiter` are what somebody who knows better says; `wanted` names one of several sheets of a
    spreadsheet.
    Raise FileRefused, with what to do, for a file that is empty, is no table, or is built to do harm.
    """
    file.seek(0)
    start = file.read(512)
    file.seek(0)
    if start.startswith(b"PK"):
        return _open_workbook(file, wanted)
    _refuse_other_kinds(start)
    encoding = encoding or detect_encoding(file)
    lines = _first_lines(file, encoding)
    if not any(line.replace("\0", "").strip() for line in lines):
        raise FileRefused(_("Il file è vuoto o non è una tabella: esportalo come CSV e riprova."))
    # The first line with which some programs tell a spreadsheet how to read the others.
    declared = re.fullmatch(r'"?sep=(.)"?\s*', lines[0].lstrip("\ufeff"), re.IGNORECASE)
    if declared:
        return DelimitedText(file, encoding, declared[1], first_row=2)
    return DelimitedText(file, encoding, delimiter or _guess_delimiter(lines))


def _open_workbook(file: BinaryIO, wanted: str = "") -> Sheet:
    """Give a sheet of a spreadsheet.

    Raise FileRefused when the archive is none, is damaged or locked, or unpacks to more than MAX_UNPACKED.
    """
    try:
        archive = zipfile.ZipFile(file)
        names = {info.filename: info for info in archive.infolist()}
        if len(names) > MAX_PARTS or sum(info.file_size for info in names.values()) > MAX_UNPACKED:
            raise FileRefused(_("Il file, aperto, è troppo grande: dividilo in fogli più piccoli."))
        if "content.xml" in names:
            return open_ods(archive, wanted)
        if "[Content_Types].xml" in names and not any(name.endswith(".bin") for name in names if "workbook" in name):
            return open_xlsx(archive, wanted)
    except DAMAGED as error:
        raise broken() from error
    raise FileRefused(_("Questo file non è un foglio di calcolo: salvalo come .xlsx, .ods o CSV e riprova."))


def _refuse_other_kinds(start: bytes) -> None:
    sentences = {
        "old": _("È un file Excel vecchio (.xls) o chiuso con una password: salvalo come .xlsx, senza, e riprova."),
        "pdf": _("È un PDF: serve il foglio da cui è stato stampato, oppure un CSV."),
        "web": _("È una pagina web o un file XML: aprilo con il foglio di calcolo e salvalo come .xlsx o CSV."),
        "other": _("Questo file non è una tabella: esportala come CSV, .xlsx o .ods e riprova."),
    }
    bare = start.removeprefix(codecs.BOM_UTF8).lstrip()
    for beginning, kind in NOT_TABLES:
        if bare.startswith(beginning):
            raise FileRefused(sentences[kind])


def _first_lines(file: BinaryIO, encoding: str) -> list[str]:
    """Give the first lines of a text, the last one only when it is whole."""
    with _reading(file, encoding) as text:
        try:
            sample = text.read(SAMPLE_BYTES)
        except UnicodeDecodeError as error:
            raise FileRefused(_("Le lettere di questo file non si leggono: salvalo come «CSV UTF-8».")) from error
    lines = sample.splitlines(keepends=True)
    return lines[:-1][:SAMPLE_LINES] if len(sample) == SAMPLE_BYTES and len(lines) > 1 else lines[:SAMPLE_LINES]


def _guess_delimiter(lines: list[str]) -> str:
    """Give the delimiter with which most lines have the same number of cells; titles above the table do not count."""
    scores = {}
    for delimiter in DELIMITERS:
        try:
            widths = Counter(len(row) for row in csv.reader(lines, delimiter=delimiter))
        except csv.Error:
            continue
        several = [(rows, width) for width, rows in widths.items() if width > 1]
        scores[delimiter] = (*max(several, default=(0, 0)), max(widths, default=0))
    return max(scores, key=lambda delimiter: scores[delimiter], default=DELIMITERS[0])
