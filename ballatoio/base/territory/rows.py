"""The rows of an import: what each kind of record carries, and how a cell is read, or refused in a sentence."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any

from django.utils.translation import gettext as _

from ballatoio.base.core.text import normalise

YES = frozenset({"si", "s", "1", "true", "yes", "y", "vero", "x"})
NO = frozenset({"no", "n", "0", "false", "falso"})


class Shape(Enum):
    """What a file holds."""

    DISTRICTS = "districts"
    PLACES = "places"
    BUILDINGS = "buildings"
    DWELLINGS = "dwellings"
    FOOTPRINTS = "footprints"


@dataclass(frozen=True)
class DistrictRow:
    code: str
    name: str
    geometry: dict[str, Any]
    source: str


@dataclass(frozen=True)
class PlaceRow:
    kind: str
    key: str
    name: str
    address: str = ""
    phone: str = ""
    lat: float | None = None
    lon: float | None = None
    accessibility: str = ""


@dataclass(frozen=True)
class BuildingRow:
    street: str
    civic: str
    cap: str
    district_code: str
    owner: str
    manager: str
    year: int | None
    lat: float | None
    lon: float | None
    stairs: tuple[str, ...]


@dataclass(frozen=True)
class DwellingRow:
    street: str
    civic: str
    stair: str
    number: str
    floor: int
    rooms: int | None
    useful_m2: Decimal | None
    lift: bool | None
    step_free: bool | None
    state: str


@dataclass(frozen=True)
class FootprintRow:
    street: str
    civic: str
    geometry: dict[str, Any]


Record = DistrictRow | PlaceRow | BuildingRow | DwellingRow | FootprintRow


@dataclass(frozen=True)
class RowError:
    """What is wrong with one row, in a sentence for whoever made the file."""

    row: int
    sentence: str

    def __str__(self) -> str:
        return _("Riga %(row)s: %(sentence)s") % {"row": self.row, "sentence": self.sentence}


class BadCell(Exception):
    """A cell does not say what its column asks for; the message says which and what to write."""


@dataclass(frozen=True)
class Source:
    """A recognised file: its shape, and its rows as often as one asks for them."""

    shape: Shape
    rows: Callable[[], Iterator[tuple[int, Record | RowError]]] = field(repr=False)


Cells = dict[str, str]


def text_cell(cells: Cells, column: str, longest: int) -> str:
    text = " ".join(cells.get(column, "").split())
    if len(text) > longest:
        raise BadCell(_("«%(column)s» è più lungo di %(longest)s caratteri.") % {"column": column, "longest": longest})
    return "" if text in ("-", "–") else text


def needed_cell(cells: Cells, column: str, longest: int) -> str:
    text = text_cell(cells, column, longest)
    if not text:
        raise BadCell(_("manca «%(column)s».") % {"column": column})
    return text


def whole_cell(cells: Cells, column: str, lowest: int, highest: int) -> int | None:
    text = cells.get(column, "")
    if not text:
        return None
    if not re.fullmatch(r"-?\d{1,6}(\.0+)?", text) or not lowest <= int(float(text)) <= highest:
        raise BadCell(
            _("«%(column)s» è «%(text)s»: serve un numero intero fra %(lowest)s e %(highest)s.")
            % {"column": column, "text": text[:40], "lowest": lowest, "highest": highest}
        )
    return int(float(text))


def degrees_cell(cells: Cells, column: str, limit: int) -> float | None:
    text = cells.get(column, "").replace(",", ".")
    if not text:
        return None
    if not re.fullmatch(r"-?\d{1,3}(\.\d+)?", text) or abs(float(text)) > limit:
        raise BadCell(
            _("«%(column)s» è «%(text)s»: serve una coordinata in gradi, come 45.4501.")
            % {"column": column, "text": text[:40]}
        )
    return float(text)


def square_metres_cell(cells: Cells) -> Decimal | None:
    text = cells.get("useful_m2", "").replace(",", ".")
    if not text:
        return None
    try:
        metres = Decimal(text)
    except InvalidOperation:
        metres = Decimal(0)
    if not 0 < metres < 1000:
        raise BadCell(_("i metri quadri sono «%(text)s»: serve un numero come 48.5.") % {"text": text[:40]})
    return metres.quantize(Decimal("0.01"))


def yes_or_no_cell(cells: Cells, column: str) -> bool | None:
    word = normalise(cells.get(column, ""))
    if word and word not in YES | NO:
        raise BadCell(_("«%(column)s» è «%(text)s»: scrivi sì o no.") % {"column": column, "text": word[:40]})
    return word in YES if word else None


def civic_cell(cells: Cells) -> str:
    civic = needed_cell(cells, "civic", 12)
    if not re.match(r"\d", civic):
        raise BadCell(
            _("il numero civico è «%(text)s»: deve cominciare con una cifra, come 7 o 12/A.") % {"text": civic[:40]}
        )
    return civic
