"""Sheets of .ods files (OASIS OpenDocument 1.3, part 3)."""

import re
import zipfile

from django.utils.translation import gettext as _

from .archive import FAR_COLUMN, Attributes, Walk, WorkbookSheet, candidates, first_with_rows
from .sheet import FileRefused, trim


def open_ods(archive: zipfile.ZipFile, wanted: str) -> WorkbookSheet:
    """Give the sheet called `wanted`, or the first one that holds something; raise FileRefused."""
    names: list[str] = []

    def start(name: str, attributes: Attributes) -> None:
        if name == "table":
            names.append(_attribute(attributes, "name"))

    for _piece in Walk(archive, "content.xml", start=start).pieces():
        pass
    return first_with_rows(
        OdsSheet(archive, "content.xml", name, tuple(other for other in names if other != name))
        for name in candidates(names, wanted)
    )


def _attribute(attributes: Attributes, wanted: str) -> str:
    return next((value for name, value in attributes.items() if name.rpartition(":")[2] == wanted), "")


class OdsSheet(WorkbookSheet):
    """A sheet of an .ods."""

    def _reader(self, ready: list[tuple[int, list[str]]]) -> Walk:
        reading = _OdsRows(self.name, ready)
        return Walk(self.archive, self.part, start=reading.start, end=reading.end, text=reading.text)


class _OdsRows:
    """The rows of a table of a document while they are read."""

    def __init__(self, wanted: str, ready: list[tuple[int, list[str]]]) -> None:
        self.wanted, self.ready = wanted, ready
        self.depth = 0
        self.here = False
        self.number = 0
        self.repeated = self.times = 1
        self.cells: list[str] = []
        self.typed: Attributes = {}
        self.collected: list[str] = []
        self.paragraphs = 0
        self.in_paragraph = 0
        self.annotation = 0
        self.joined: dict[int, tuple[int, str]] = {}

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "table":
            self.depth += 1
            self.here = self.here or _attribute(attributes, "name") == self.wanted
        if not self.here:
            return
        if name == "table-row":
            self.repeated = _count(attributes, "number-rows-repeated")
            self.cells = []
        elif name in ("table-cell", "covered-table-cell"):
            self.typed = {key.rpartition(":")[2]: value for key, value in attributes.items()}
            self.times = _count(attributes, "number-columns-repeated")
            self.collected, self.paragraphs = [], 0
        elif name == "annotation":
            self.annotation += 1
        elif not self.annotation:
            self._start_text(name, attributes)

    def _start_text(self, name: str, attributes: Attributes) -> None:
        if name == "p":
            self.in_paragraph += 1
            self.paragraphs += 1
            if self.paragraphs > 1:
                self.collected.append("\n")
        elif name == "s":
            self.collected.append(" " * min(_count(attributes, "c"), 100))
        elif name == "line-break":
            self.collected.append("\n")
        elif name == "tab":
            self.collected.append("\t")

    def text(self, data: str) -> None:
        if self.here and self.in_paragraph and not self.annotation:
            self.collected.append(data)

    def end(self, name: str) -> None:
        if not self.here:
            self.depth -= name == "table"
            return
        if name == "table":
            self.depth -= 1
            self.here = self.depth > 0
        elif name in ("table-cell", "covered-table-cell"):
            self._finish_cell()
        elif name == "table-row":
            self._finish_row()
        elif name == "annotation":
            self.annotation -= 1
        elif name == "p" and not self.annotation:
            self.in_paragraph -= 1

    def _finish_cell(self) -> None:
        value = _ods_value(self.typed, "".join(self.collected))
        column = len(self.cells)
        spanned = self.typed.get("number-rows-spanned", "1")
        if value and spanned.isdigit() and int(spanned) > 1:
            self.joined[column] = (self.number + int(spanned), value)
        # What is repeated further than any table goes is the empty rest of the sheet, or a trap.
        self.cells.extend([value] * min(self.times, FAR_COLUMN - min(column, FAR_COLUMN) + 1))

    def _finish_row(self) -> None:
        own = any(self.cells)
        for column, (last, value) in list(self.joined.items()):
            if self.number + 1 > last:
                del self.joined[column]
            elif own and column < len(self.cells) and not self.cells[column]:
                self.cells[column] = value
        row = trim(self.cells)
        if row:
            if self.repeated > 1_000:
                raise FileRefused(
                    _("Il foglio ripete %(times)s volte la riga %(row)s: riaprilo, salvalo di nuovo e riprova.")
                    % {"times": self.repeated, "row": self.number + 1}
                )
            self.ready.extend((self.number + again, list(row)) for again in range(1, self.repeated + 1))
        self.number += self.repeated


def _count(attributes: Attributes, name: str) -> int:
    written = _attribute(attributes, name)
    return min(max(int(written), 1), 2_000_000) if written.isdigit() else 1


def _ods_value(typed: Attributes, shown: str) -> str:
    """Give what a cell holds, as text; for dates not what it shows, which may be «mar 3» alone."""
    kind = typed.get("value-type", "")
    if kind == "date" and (found := re.match(r"(\d{4})-(\d\d)-(\d\d)(?:T(\d\d:\d\d))?", typed.get("date-value", ""))):
        day = f"{found[3]}/{found[2]}/{found[1]}"
        return f"{day} {found[4]}" if found[4] and found[4] != "00:00" else day
    if kind == "time" and (found := re.match(r"PT(\d+)H(\d+)M", typed.get("time-value", ""))):
        return f"{int(found[1]):02d}:{int(found[2]):02d}"
    if kind == "boolean":
        return "sì" if typed.get("boolean-value") == "true" else "no"
    if kind in ("float", "percentage", "currency"):
        written = typed.get("value", shown)
        try:
            number = float(written)
        except ValueError:
            return shown
        return str(int(number)) if number.is_integer() and abs(number) < 1e15 else written
    return shown
