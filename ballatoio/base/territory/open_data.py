"""The open data that cities publish, record by record: schools, districts, and the services of a district."""

import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, BinaryIO

from django.utils.translation import gettext as _

from ballatoio.base.core.sheets.opening import detect_encoding, mend
from ballatoio.base.core.sheets.sheet import FileRefused
from ballatoio.base.core.text import normalise

from .models import Place
from .rows import (
    BadCell,
    Cells,
    DistrictRow,
    FootprintRow,
    PlaceRow,
    Record,
    RowError,
    Shape,
    Source,
    civic_cell,
    degrees_cell,
    needed_cell,
    text_cell,
)
from .tables import column_name

MAX_JSON_BYTES = 50 * 1024 * 1024
ROMAN = re.compile(r"^[IVX]{2,}$")
SMALL_WORDS = frozenset(
    ("a al alla alle ai agli da dal dalla dei del della delle dello degli di e in sul sulla").split()  # noqa: SIM905
)
POLICE_COLUMN = "polizia_locale_comandi_decentrati"


def school(cells: Cells) -> PlaceRow:
    town = cells.get("comune", "")
    address = " ".join(filter(None, (text_cell(cells, "street", 150), text_cell(cells, "civic", 12))))
    return PlaceRow(
        kind=Place.Kind.SCHOOL,
        key=needed_cell(cells, "codice", 80),
        name=needed_cell(cells, "denominazione", 160),
        address=", ".join(filter(None, (address, f"{cells.get('cap', '')} {in_title_case(town)}".strip()))),
        phone=_phone(cells.get("phone", "")),
        lat=degrees_cell(cells, "coory", 90) if _swapped(cells) else degrees_cell(cells, "coorx", 90),
        lon=degrees_cell(cells, "coorx", 180) if _swapped(cells) else degrees_cell(cells, "coory", 180),
    )


def _swapped(cells: Cells) -> bool:
    """Tell whether x and y are the other way round: `location` says (latitude, longitude) whatever they are called."""
    return cells.get("location", "").startswith(f"({cells.get('coory', '?')},")


def _phone(text: str) -> str:
    number = re.sub(r"[^\d+/ .-]", "", text).strip(" -/.")[:40]
    # A number kept as a number loses the zero that every Italian landline begins with.
    return f"0{number}" if re.fullmatch(r"[24579]\d{7,9}", number) else number


def _capital(word: str) -> str:
    """Give «DELL'ORO» as «Dell'Oro» and «Q.RE» as «Q.re»."""
    return re.sub(r"(^|['’(\"-])(\w)", lambda found: found.group(1) + found.group(2).upper(), word.lower())


def in_title_case(text: str) -> str:
    """Give «VIALE DEI MILLE» as «Viale dei Mille»; text that is not all capitals stays as it is."""
    if text != text.upper():
        return text
    cased = [word if ROMAN.match(word) else _capital(word) for word in text.split()]
    return " ".join(word.lower() if place and word.lower() in SMALL_WORDS else word for place, word in enumerate(cased))


def open_document(file: BinaryIO) -> Source:
    file.seek(0)
    raw = file.read(MAX_JSON_BYTES + 1)
    if len(raw) > MAX_JSON_BYTES:
        raise FileRefused(
            _("Il file JSON è più grande di %(size)s MB: dividilo.") % {"size": MAX_JSON_BYTES // 1024 // 1024}
        )
    try:
        data = json.loads(raw.decode(detect_encoding(file)))
    except (ValueError, RecursionError):
        raise FileRefused(_("Il file non è JSON ben fatto: scaricalo di nuovo dal sito.")) from None
    items = _items(data)
    cells = {column_name(name) for name in items[0]} if items else set()
    for needed, shape, read in DOCUMENTS:
        if needed <= cells:
            return Source(shape, partial(_json_rows, items, read))
    raise FileRefused(
        _(
            "Non riconosco questo file JSON. Servono i confini dei quartieri, gli edifici, gli uffici postali, la "
            "polizia locale, le biblioteche o le fontanelle."
        )
    )


def _items(data: Any) -> list[dict[str, Any]]:
    """Give the records of a document whatever its frame; the geometry of a feature is under "geometry"."""
    if isinstance(data, dict) and isinstance(data.get("features"), list):
        items = [
            {**(f.get("properties") or {}), "geometry": f.get("geometry")}
            for f in data["features"]
            if isinstance(f, dict)
        ]
    elif isinstance(data, dict) and isinstance(data.get("archivi"), dict):
        # The yearly figures under "biblioteche" have no coordinates; the sheets of the same libraries have.
        items = data["archivi"].get("data", [])
    elif isinstance(data, dict):
        items = data.get("data", [])
    else:
        items = data
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _json_rows(
    items: list[dict[str, Any]], read: Callable[[Cells, dict[str, Any]], Record | None]
) -> Iterator[tuple[int, Record | RowError]]:
    for number, item in enumerate(items, start=1):
        cells = {
            column_name(name): mend(str(value)).strip()
            for name, value in item.items()
            if value is not None and not isinstance(value, dict | list)
        }
        try:
            record = read(cells, item)
        except BadCell as problem:
            yield number, RowError(number, str(problem))
        else:
            if record is not None:
                yield number, record


def _geometry(item: dict[str, Any]) -> dict[str, Any]:
    geometry = item.get("geometry")
    if not isinstance(geometry, dict) or geometry.get("type") not in ("Polygon", "MultiPolygon"):
        raise BadCell(_("manca il confine (un poligono)."))
    if not geometry.get("coordinates"):
        raise BadCell(_("il confine è vuoto."))
    return geometry


def _district(cells: Cells, item: dict[str, Any]) -> DistrictRow:
    return DistrictRow(
        code=needed_cell(cells, "id_nil", 20),
        name=in_title_case(needed_cell(cells, "nil", 120)),
        geometry=_geometry(item),
        source=text_cell(cells, "fonte", 200),
    )


def _footprint(cells: Cells, item: dict[str, Any]) -> FootprintRow:
    return FootprintRow(needed_cell(cells, "street", 110), civic_cell(cells), _geometry(item))


def _lat(cells: Cells) -> float | None:
    return degrees_cell(cells, "lat_y_4326", 90)


def _lon(cells: Cells) -> float | None:
    return degrees_cell(cells, "long_x_4326", 180)


def _post_office(cells: Cells, item: dict[str, Any]) -> PlaceRow:
    address = needed_cell(cells, "street", 180)
    if "pt" not in normalise(cells.get("ente", "")).split():
        raise BadCell(_("«%(text)s» non è un ufficio postale.") % {"text": cells.get("ente", "")[:40]})
    return PlaceRow(
        kind=Place.Kind.POST_OFFICE,
        key=normalise(address)[:80],
        name="Ufficio postale",
        address=in_title_case(address),
        phone=_phone(cells.get("phone", "")),
        lat=_lat(cells),
        lon=_lon(cells),
    )


def _police(cells: Cells, item: dict[str, Any]) -> PlaceRow:
    name = needed_cell(cells, POLICE_COLUMN, 140)
    return PlaceRow(
        kind=Place.Kind.POLICE,
        key=normalise(name)[:80],
        name=f"Polizia locale, {name[:1].lower()}{name[1:].lower()}",
        address=text_cell(cells, "street", 200),
        phone=_phone(cells.get("phone", "")),
        lat=_lat(cells),
        lon=_lon(cells),
    )


def _library(cells: Cells, item: dict[str, Any]) -> PlaceRow | None:
    if cells.get("tipologia", "").upper() != "BIBLIOTECHE":
        return None
    name = in_title_case(needed_cell(cells, "denominaz", 150))
    disabled = cells.get("disabili", "").upper()
    return PlaceRow(
        kind=Place.Kind.LIBRARY,
        key=f"{cells.get('id', '')} {normalise(name)}"[:80],
        name=name if name.lower().startswith("bibliotec") else f"Biblioteca {name}",
        address=in_title_case(text_cell(cells, "street", 200)),
        phone=_phone(cells.get("phone", "")),
        accessibility={"SI": "Accessibile a chi ha una disabilità", "NO": "Non accessibile"}.get(disabled, ""),
        lat=_lat(cells),
        lon=_lon(cells),
    )


def _fountain(cells: Cells, item: dict[str, Any]) -> PlaceRow:
    return PlaceRow(
        kind=Place.Kind.FOUNTAIN,
        key=needed_cell(cells, "objectid", 80),
        name="Fontanella",
        lat=_lat(cells),
        lon=_lon(cells),
    )


# Columns that a document must have, the most particular first.
DOCUMENTS: list[tuple[frozenset[str], Shape, Callable[[Cells, dict[str, Any]], Record | None]]] = [
    (frozenset({"denominaz", "tipologia", "lat_y_4326"}), Shape.PLACES, _library),
    (frozenset({POLICE_COLUMN, "lat_y_4326"}), Shape.PLACES, _police),
    (frozenset({"ente", "street", "fax", "lat_y_4326"}), Shape.PLACES, _post_office),
    (frozenset({"street", "civic", "geometry"}), Shape.FOOTPRINTS, _footprint),
    (frozenset({"id_nil", "nil", "fonte", "geometry"}), Shape.DISTRICTS, _district),
    (frozenset({"objectid", "id_nil", "lat_y_4326"}), Shape.PLACES, _fountain),
]
