"""Sheets of .xlsx files (ECMA-376, part 1)."""

import posixpath
import re
import zipfile
from dataclasses import dataclass
from datetime import datetime, timedelta

from .archive import (
    FAR_COLUMN,
    MAX_SMALL_PART,
    MAX_TEXTS,
    PIECE,
    Attributes,
    Walk,
    WorkbookSheet,
    candidates,
    first_with_rows,
)
from .sheet import trim

MAX_MERGED = 50_000
# Formats of dates and times that have no text of their own (18.8.30).
DATE_FORMATS = frozenset({*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)})
LAST_SERIAL = 2_958_465
_MERGED = re.compile(rb'<(?:\w+:)?mergeCell\s[^>]*?ref="([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})"')
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_REFERENCE = re.compile(r"([A-Z]{1,3})\d+")
_NOT_FORMAT = re.compile(r'"[^"]*"|\\.|_.|\[(?!h|m|s)[^\]]*\]', re.IGNORECASE)


def open_xlsx(archive: zipfile.ZipFile, wanted: str) -> WorkbookSheet:
    """Give the sheet called `wanted`, or the first one that is shown and holds something; raise FileRefused."""
    book = next(iter(_relations(archive, "", "officeDocument").values()), "xl/workbook.xml")
    sheets: list[tuple[str, str, bool]] = []
    of_1904 = False

    def start(name: str, attributes: Attributes) -> None:
        nonlocal of_1904
        if name == "sheet":
            relation = next((value for key, value in attributes.items() if key.rpartition(":")[2] == "id"), "")
            sheets.append((attributes.get("name", ""), relation, attributes.get("state", "visible") == "visible"))
        elif name == "workbookPr":
            of_1904 = attributes.get("date1904", "0") in ("1", "true")

    Walk(archive, book, start=start).whole(MAX_SMALL_PART)
    parts = _relations(archive, book, "worksheet")
    shown = {name: parts[relation] for name, relation, visible in sheets if visible and relation in parts}
    beside = _relations(archive, book, "")
    texts = next((part for part in beside.values() if part.endswith("haredStrings.xml")), "")
    styles = next((part for part in beside.values() if part.endswith("tyles.xml")), "")
    reading = _Reading(
        texts=_shared_texts(archive, texts) if texts else [],
        dates=_date_styles(archive, styles) if styles else set(),
        epoch=datetime(1904, 1, 1) if of_1904 else datetime(1899, 12, 30),  # noqa: DTZ001 (a spreadsheet has no zone)
    )
    return first_with_rows(
        XlsxSheet(archive, shown[name], name, tuple(other for other in shown if other != name), reading)
        for name in candidates(list(shown), wanted)
    )


@dataclass(frozen=True)
class _Reading:
    """What all sheets of a file share: its texts, the styles that mean a date, the day from which dates count."""

    texts: list[str]
    dates: set[int]
    epoch: datetime


def _relations(archive: zipfile.ZipFile, part: str, kind: str) -> dict[str, str]:
    """Give the parts that a part points to, by the name that it calls them; those of one kind, or all."""
    folder, name = posixpath.split(part)
    beside = posixpath.join(folder, "_rels", f"{name}.rels")
    found: dict[str, str] = {}

    def start(name: str, attributes: Attributes) -> None:
        if name == "Relationship" and attributes.get("Type", "").endswith(kind):
            target = attributes.get("Target", "")
            path = target.lstrip("/") if target.startswith("/") else posixpath.normpath(posixpath.join(folder, target))
            if path in archive.NameToInfo:
                found[attributes.get("Id", "")] = path

    if beside in archive.NameToInfo:
        Walk(archive, beside, start=start).whole(MAX_SMALL_PART)
    return found


def _shared_texts(archive: zipfile.ZipFile, part: str) -> list[str]:
    texts: list[str] = []
    collected: list[str] = []
    inside = {"t": False, "rPh": False}

    def start(name: str, _attributes: Attributes) -> None:
        if name == "si":
            collected.clear()
        elif name in inside:
            inside[name] = True

    def end(name: str) -> None:
        if name == "si":
            texts.append(_unescape("".join(collected)))
        elif name in inside:
            inside[name] = False

    def text(data: str) -> None:
        # How a Japanese word is read stands beside it, and is not part of it.
        if inside["t"] and not inside["rPh"]:
            collected.append(data)

    Walk(archive, part, start=start, end=end, text=text).whole(MAX_TEXTS)
    return texts


def _unescape(text: str) -> str:
    """Give a text with the signs that XML does not hold, which a spreadsheet writes «_x000D_»."""
    if "_x" not in text:
        return text
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)


def _date_styles(archive: zipfile.ZipFile, part: str) -> set[int]:
    """Give the numbers of the styles under which a number is a date or a time."""
    formats: dict[int, str] = {}
    styles: list[int] = []
    inside = ""

    def start(name: str, attributes: Attributes) -> None:
        nonlocal inside
        if name == "numFmt":
            formats[int(attributes.get("numFmtId", "0"))] = attributes.get("formatCode", "")
        elif name in ("cellXfs", "cellStyleXfs"):
            inside = name
        elif name == "xf" and inside == "cellXfs":
            styles.append(int(attributes.get("numFmtId", "0")))

    Walk(archive, part, start=start).whole(MAX_SMALL_PART)
    return {
        place
        for place, number in enumerate(styles)
        if number in DATE_FORMATS or (number in formats and _is_date_format(formats[number]))
    }


def _is_date_format(code: str) -> bool:
    bare = _NOT_FORMAT.sub("", code.split(";")[0])
    return bool(re.search(r"[dmyhs]", bare, re.IGNORECASE)) and not re.search(r"general|standard", bare, re.IGNORECASE)


class XlsxSheet(WorkbookSheet):
    """A sheet of an .xlsx; a cell that was joined with those under it stands in each of them."""

    def __init__(
        self, archive: zipfile.ZipFile, part: str, name: str, others: tuple[str, ...], reading: _Reading
    ) -> None:
        super().__init__(archive, part, name, others)
        self.texts, self.dates, self.epoch = reading.texts, reading.dates, reading.epoch
        self.merged = self._find_merged()

    def _find_merged(self) -> dict[int, list[tuple[int, int]]]:
        """Give, by first row, the columns whose cells are joined downwards and until which row.

        The sheet tells it only after its last row, so it is read once for this alone, as bytes.
        """
        merged: dict[int, list[tuple[int, int]]] = {}
        rest, count = b"", 0
        with self.archive.open(self.part) as file:
            while piece := file.read(PIECE * 4):
                rest += piece
                end = 0
                for found in _MERGED.finditer(rest):
                    end = found.end()
                    first, last = int(found[2]), int(found[4])
                    count += 1
                    if last > first and count <= MAX_MERGED:
                        merged.setdefault(first, []).append((_column(found[1].decode()), last))
                rest = rest[max(end, len(rest) - 200) :]
        return merged

    def _reader(self, ready: list[tuple[int, list[str]]]) -> Walk:
        reading = _XlsxRows(self, ready)
        return Walk(self.archive, self.part, start=reading.start, end=reading.end, text=reading.text)

    def value(self, kind: str, style: str, written: str, formula: str) -> str:
        """Give what a cell shows, as text: the value of a formula, the formula itself when it was never worked out."""
        if not written:
            return f"={formula}" if formula else ""
        if kind == "s":
            place = int(written) if written.isdigit() else len(self.texts)
            return self.texts[place] if place < len(self.texts) else ""
        if kind == "b":
            return "sì" if written == "1" else "no"
        if kind in ("str", "inlineStr", "e", "d"):
            return _unescape(written)
        return self._number(written, style)

    def _number(self, written: str, style: str) -> str:
        try:
            number = float(written)
        except ValueError:
            return written
        if style.isdigit() and int(style) in self.dates and 0 <= number <= LAST_SERIAL:
            return _moment(self.epoch, number)
        # A telephone number is a number for a spreadsheet: «3.331234567E9».
        return str(int(number)) if number.is_integer() and abs(number) < 1e15 else written


def _moment(epoch: datetime, serial: float) -> str:
    """Give the date, the time or both of a serial number of days, as one writes them in Italy."""
    moment = epoch + timedelta(seconds=round(serial * 86_400))
    if serial < 1:
        return f"{moment:%H:%M}"
    has_time = moment.hour or moment.minute or moment.second
    return f"{moment:%d/%m/}{moment.year:04d}" + (f"{moment: %H:%M}" if has_time else "")


def _column(letters: str) -> int:
    """Give the place of a column: A is 0, AA is 26."""
    place = 0
    for letter in letters:
        place = place * 26 + ord(letter) - ord("A") + 1
    return place - 1


class _XlsxRows:
    """The rows of a sheet while they are read."""

    def __init__(self, sheet: XlsxSheet, ready: list[tuple[int, list[str]]]) -> None:
        self.sheet, self.ready = sheet, ready
        self.number = 0
        self.column = -1
        self.cells: dict[int, str] = {}
        self.kind = self.style = ""
        self.collected: dict[str, list[str]] = {"v": [], "t": [], "f": []}
        self.inside = ""
        self.phonetic = False
        # Column -> until which row the value of a joined cell goes on, and the value.
        self.joined: dict[int, tuple[int, str]] = {}

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "c":
            found = _REFERENCE.match(attributes.get("r", ""))
            self.column = _column(found[1]) if found else self.column + 1
            self.kind, self.style = attributes.get("t", ""), attributes.get("s", "")
            for parts in self.collected.values():
                parts.clear()
        elif name in self.collected:
            self.inside = name
        elif name == "row":
            written = attributes.get("r", "")
            self.number = int(written) if written.isdigit() else self.number + 1
            self.column, self.cells = -1, {}
        elif name == "rPh":
            self.phonetic = True

    def text(self, data: str) -> None:
        if self.inside and not self.phonetic:
            self.collected[self.inside].append(data)

    def end(self, name: str) -> None:
        if name == "c":
            written = "".join(self.collected["v"]) or "".join(self.collected["t"])
            value = self.sheet.value(self.kind, self.style, written, "".join(self.collected["f"]))
            if value:
                self.cells[min(self.column, FAR_COLUMN)] = value
        elif name == self.inside:
            self.inside = ""
        elif name == "row":
            self._finish()
        elif name == "rPh":
            self.phonetic = False

    def _finish(self) -> None:
        own = bool(self.cells)
        for column, (last, value) in list(self.joined.items()):
            if self.number > last:
                del self.joined[column]
            elif column not in self.cells and own:
                self.cells[column] = value
        for column, last in self.sheet.merged.get(self.number, ()):
            if value := self.cells.get(column, ""):
                self.joined[column] = (last, value)
        row = trim([self.cells.get(column, "") for column in range(max(self.cells) + 1)]) if own else []
        if row:
            self.ready.append((self.number, row))
