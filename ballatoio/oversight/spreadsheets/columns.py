"""What a sheet looks like before anybody says so: where its headings are, what each column holds, what it may be."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any

from django.utils.translation import gettext as _

from ballatoio.base.core.text import normalise

from .models import SheetImport
from .targets import NAMES, TARGETS, Target

Row = tuple[int, list[str]]

# Titles and notes above the headings are never longer.
LOOKED_AT = 15
EXAMPLES = 4
LONGEST_EXAMPLE = 80
# A column with more different words than these tells something, it does not choose from a list.
MOST_VALUES = 200
MOST_COUNTED = 5_000
SAMPLED = 200

_DATE = re.compile(r"\d{1,4}[/.\-]\d{1,2}[/.\-]\d{2,4}|\d{1,2} [a-z]{3,9}\.? \d{2,4}", re.IGNORECASE)
_PHONE = re.compile(r"[+(]?\d[\d\s()./\-]{6,16}\d$")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.\w+$")
_NUMBER = re.compile(r"[\d.,\s]+$")


@dataclass
class Column:
    """One column: its heading ("" when it has none), what is in it, and which field it probably is."""

    heading: str
    filled: int = 0
    examples: list[str] = field(default_factory=list)
    # Each different value with how often it is there, the most frequent first.
    values: dict[str, int] = field(default_factory=dict)
    is_long: bool = False
    guess: str = ""

    def as_json(self) -> dict[str, Any]:
        """Give what is kept of it."""
        return asdict(self)


def letter(place: int) -> str:
    """Give the letters over a column in a spreadsheet: 0 is A, 26 is AA."""
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def heading_of(columns: list[Column], place: int) -> str:
    """Give what a column is called on screen: its heading, which one it is of several alike, or its letter."""
    heading = columns[place].heading if place < len(columns) else ""
    if not heading:
        return _("Colonna %(letter)s") % {"letter": letter(place)}
    same = [number for number, column in enumerate(columns) if column.heading == heading]
    return heading if len(same) == 1 else f"{heading} ({same.index(place) + 1})"


def find_header_row(rows: Iterable[Row], kind: str) -> int:
    """Give the number of the row of the headings: the one with most words that are headings; 0 when there is none."""
    first = list(islice(rows, LOOKED_AT))
    width = max((len(cells) for _number, cells in first), default=0)
    best, best_score = 0, 0.0
    for number, cells in first:
        score = _header_score(cells, width, kind)
        if score > best_score:
            best, best_score = number, score
    return best


def _header_score(cells: list[str], width: int, kind: str) -> float:
    filled = [cell for cell in cells if cell]
    known = sum(bool(_by_heading(cell, TARGETS[kind])) for cell in filled)
    data = sum(bool(_DATE.match(cell) or _NUMBER.match(cell) or _EMAIL.match(cell)) for cell in filled)
    if not filled or (len(filled) < 2 and width > 1) or data > known:
        return 0.0
    # Headings that nobody knows are still headings when they are short and fill the width.
    short = all(len(cell) <= 60 for cell in filled)
    return 3.0 * known + (len(filled) / width if short and not data else 0.0)


def describe_columns(rows: Iterable[Row], header_row: int, kind: str) -> list[Column]:
    """Give the columns of a sheet with what is in them, and guess which fields they are."""
    columns: list[Column] = []
    counts: list[Counter[str]] = []
    for number, cells in rows:
        while len(columns) < len(cells):
            columns.append(Column(""))
            counts.append(Counter())
        if number == header_row:
            for column, cell in zip(columns, cells, strict=False):
                column.heading = " ".join(cell.split())[:LONGEST_EXAMPLE]
        elif number > header_row:
            for place, cell in enumerate(cells):
                if cell:
                    _note(columns[place], counts[place], cell)
    for column, count in zip(columns, counts, strict=True):
        column.values = dict(count.most_common(MOST_VALUES))
        column.is_long = len(count) > MOST_VALUES or any(len(value) > LONGEST_EXAMPLE for value in column.values)
    guess_targets(columns, kind)
    return columns


def _note(column: Column, count: "Counter[str]", cell: str) -> None:
    column.filled += 1
    example = " ".join(cell.split())[:LONGEST_EXAMPLE]
    if len(column.examples) < EXAMPLES and example not in column.examples:
        column.examples.append(example)
    if len(cell) <= LONGEST_EXAMPLE and (len(count) < MOST_COUNTED or cell in count):
        count[cell] += 1


def guess_targets(columns: list[Column], kind: str) -> None:
    """Write into each column which field it probably is: by its heading, and where that says nothing by its values."""
    targets, taken = TARGETS[kind], set[str]()
    scored = sorted(
        (-score, place, target.name)
        for place, column in enumerate(columns)
        if column.filled
        for target, score in _by_heading(column.heading, targets).items()
    )
    for _score, place, name in scored:
        if not columns[place].guess and _is_free(name, taken, targets):
            columns[place].guess = name
            taken.add(name)
    for column in columns:
        name = "" if column.guess or not column.filled else _by_values(column, kind)
        if name and _is_free(name, taken, targets):
            column.guess = name
            taken.add(name)


def _is_free(name: str, taken: set[str], targets: Iterable[Target]) -> bool:
    if name == "full_name" and taken & set(NAMES):
        return False
    many = next(target.many for target in targets if target.name == name)
    return many or name not in taken


def _by_heading(heading: str, targets: Iterable[Target]) -> dict[Target, int]:
    """Give the fields that a heading may mean, with how surely: all of it, its beginning, or a word of it."""
    said = normalise(heading)
    found: dict[Target, int] = {}
    for target in targets:
        for phrase in target.words:
            score = 0
            if said == phrase:
                score = 100
            elif said.startswith(f"{phrase} ") or said.endswith(f" {phrase}"):
                score = 10 + len(phrase)
            elif f" {phrase} " in f" {said} ":
                score = 5 + len(phrase)
            if score > found.get(target, 0):
                found[target] = score
    return found


def _by_values(column: Column, kind: str) -> str:
    sample = list(islice(column.values, SAMPLED))
    if not sample:
        return ""
    for name, shape in (("date", _DATE), ("known_since", _DATE), ("email", _EMAIL), ("phone", _PHONE)):
        of_this = any(target.name == name for target in TARGETS[kind])
        if of_this and sum(bool(shape.match(value)) for value in sample) >= 0.7 * len(sample):
            return name
    return ""


def columns_from(stored: list[dict[str, Any]]) -> list[Column]:
    """Give the columns that `as_json` stored."""
    return [Column(**one) for one in stored]


def headings_text(columns: list[Column], kind: str) -> str:
    """Give what makes two sheets the same kind of sheet: the same headings in the same order."""
    return "\n".join([str(SheetImport.Kind(kind)), *(normalise(column.heading) for column in columns)])
