"""Spreadsheets read cell by cell out of their archive: .xlsx (ECMA-376) and .ods (OASIS OpenDocument 1.3).

A library would hold the whole sheet, or believe what it says of itself: one cell in the last corner, and memory ends.
Here nothing is trusted: what the archive may unpack to, how many cells there are, which entities the XML declares.
"""

import zipfile
import zlib
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from xml.parsers import expat

from django.utils.translation import gettext as _

from .sheet import FileRefused, Sheet

MB = 1024 * 1024
# A desk log of ten years with its stories unpacks to a tenth of it.
MAX_UNPACKED = 400 * MB
MAX_TEXTS = 100 * MB
MAX_SMALL_PART = 8 * MB
MAX_PARTS = 5_000
MAX_CELLS = 8_000_000
PIECE = 65_536
# More columns than a table may have, so that the row is refused and not cut.
FAR_COLUMN = 1_000

# What reading a damaged, locked or forged archive may raise (zipfile, zlib, expat, numbers that are none).
DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    expat.ExpatError,
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
    LookupError,
    OverflowError,
)

Attributes = dict[str, str]


def broken() -> FileRefused:
    """Give the refusal of a spreadsheet that cannot be read."""
    return FileRefused(_("Il foglio è rovinato o chiuso con una password: riaprilo, salvalo di nuovo e riprova."))


class Walk:
    """Read one XML part of an archive by pieces, telling of each element by its bare name."""

    def __init__(
        self,
        archive: zipfile.ZipFile,
        part: str,
        *,
        start: Callable[[str, Attributes], None],
        end: Callable[[str], None] = lambda _name: None,
        text: Callable[[str], None] | None = None,
    ) -> None:
        self.archive, self.part, self.start, self.end = archive, part, start, end
        self.seen = 0
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = lambda name: end(name.rpartition(":")[2])
        if text:
            self.parser.CharacterDataHandler = text
        self.parser.StartDoctypeDeclHandler = self._refuse

    def _start(self, name: str, attributes: Attributes) -> None:
        self.seen += 1
        if self.seen > 3 * MAX_CELLS:
            raise FileRefused(_("Il foglio ha troppe celle: dividilo in fogli più piccoli."))
        self.start(name.rpartition(":")[2], attributes)

    def _refuse(self, *_declaration: object) -> None:
        # No spreadsheet declares entities; who does wants them to grow, or to read files of the server.
        raise broken()

    def pieces(self) -> Iterator[None]:
        """Go on after each piece: what it told of may be used up before the next."""
        try:
            with self.archive.open(self.part) as file:
                while piece := file.read(PIECE):
                    self.parser.Parse(piece, False)
                    yield
            self.parser.Parse(b"", True)
            yield
        except DAMAGED as error:
            raise broken() from error

    def whole(self, most: int) -> None:
        """Read a part that has to be small; raise FileRefused when it is not."""
        if self.archive.getinfo(self.part).file_size > most:
            raise FileRefused(_("Il file, aperto, è troppo grande: dividilo in fogli più piccoli."))
        for _piece in self.pieces():
            pass


class WorkbookSheet(Sheet):
    """What the two kinds of spreadsheet have in common: rows that come out while the XML is read."""

    def __init__(self, archive: zipfile.ZipFile, part: str, name: str, others: tuple[str, ...]) -> None:
        self.archive, self.part, self.name, self.others = archive, part, name, others

    @abstractmethod
    def _reader(self, ready: list[tuple[int, list[str]]]) -> Walk:
        """Give the walk through the part, which puts each row into `ready`."""

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Give the rows that hold something (see Sheet.rows)."""
        ready: list[tuple[int, list[str]]] = []
        for _piece in self._reader(ready).pieces():
            yield from ready
            ready.clear()


def candidates(names: list[str], wanted: str) -> list[str]:
    """Give the sheets of a file to try in turn: the one that somebody named, else all of them.

    Raise FileRefused when there is none.
    """
    if not names:
        raise FileRefused(_("In questo file non c’è nessun foglio."))
    if not wanted.strip():
        return names
    for name in names:
        if name.strip().casefold() == wanted.strip().casefold():
            return [name]
    raise FileRefused(
        _("Nel file non c’è un foglio «%(wanted)s». Ci sono: %(names)s.")
        % {"wanted": wanted[:60], "names": ", ".join(names)[:300]}
    )


def first_with_rows(sheets: Iterable["WorkbookSheet"]) -> "WorkbookSheet":
    """Give the first sheet that holds something, the last one when none does."""
    sheet = None
    for sheet in sheets:
        if next(sheet.rows(), None):
            break
    assert sheet is not None  # candidates gives one at least
    return sheet
