"""Which file is this, and what does each of its rows say? Nothing here writes.

Known by their content, never by their name: the open data of a city (open_data.py) and our own tables of buildings,
dwellings and places (docs/operations.md).
"""

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import BinaryIO

from django.utils.translation import gettext as _

from ballatoio.base.core.sheets.sheet import FileRefused
from ballatoio.base.core.text import normalise

from .models import Dwelling, Place
from .open_data import open_document, school
from .rows import (
    BadCell,
    BuildingRow,
    Cells,
    DwellingRow,
    PlaceRow,
    Record,
    RowError,
    Shape,
    Source,
    civic_cell,
    degrees_cell,
    needed_cell,
    square_metres_cell,
    text_cell,
    whole_cell,
    yes_or_no_cell,
)
from .tables import Table, open_table


def open_source(file: BinaryIO) -> Source:
    """Recognise a file by its content. Raise FileRefused, saying what was expected, when it is none of ours."""
    file.seek(0)
    start = file.read(200).lstrip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n")[:1]
    if start in (b"{", b"["):
        return open_document(file)
    table = open_table(file)
    for needed, shape, read in TABLES:
        if needed <= set(table.columns):
            return Source(shape, partial(_table_rows, table, read))
    raise FileRefused(
        _(
            "Non riconosco questo file: le sue colonne sono «%(columns)s». Per i palazzi servono almeno "
            "«street, civic»; per gli alloggi «street, civic, stair, number, floor»; per i luoghi «kind, name»."
        )
        % {"columns": ", ".join(table.headings)[:200]}
    )


def _table_rows(table: Table, read: Callable[[Cells], Record]) -> Iterator[tuple[int, Record | RowError]]:
    for number, cells in table.rows():
        if cells is None:
            text = _("ha più celle delle %(columns)s colonne dell’intestazione.") % {"columns": len(table.columns)}
            yield number, RowError(number, text)
        else:
            yield number, _read(read, cells, number)


def _read(read: Callable[[Cells], Record], cells: Cells, number: int) -> Record | RowError:
    try:
        return read(cells)
    except BadCell as problem:
        return RowError(number, str(problem))


def _building(cells: Cells) -> BuildingRow:
    cap = text_cell(cells, "cap", 5)
    if cap and not re.fullmatch(r"\d{5}", cap):
        raise BadCell(_("il CAP è «%(text)s»: servono cinque cifre.") % {"text": cap})
    return BuildingRow(
        street=needed_cell(cells, "street", 110),
        civic=civic_cell(cells),
        cap=cap,
        district_code=text_cell(cells, "district_code", 20),
        owner=text_cell(cells, "owner", 160),
        manager=text_cell(cells, "manager", 160),
        year=whole_cell(cells, "year", 1000, 2100),
        lat=degrees_cell(cells, "lat", 90),
        lon=degrees_cell(cells, "lon", 180),
        stairs=_stairs(cells.get("stairs", "")),
    )


def _stairs(text: str) -> tuple[str, ...]:
    """Give the names of the stairs: «3» is A, B, C; «A;B;destra» says them one by one."""
    if re.fullmatch(r"\d{1,2}", text):
        count = int(text)
        if count > 26:
            raise BadCell(_("le scale sono %(count)s: più di 26 vanno scritte una per una.") % {"count": count})
        return tuple(chr(ord("A") + place) for place in range(count))
    names = tuple(dict.fromkeys(name.strip() for name in re.split(r"[;,/ ]+", text) if name.strip()))
    if any(len(name) > 20 for name in names):
        raise BadCell(_("il nome di una scala è più lungo di 20 caratteri."))
    return names


STATES = {normalise(word): str(state.value) for state in Dwelling.State for word in (state.value, state.name)} | {
    "assegnato": "let",
    "abitato": "let",
    "vuoto": "empty",
    "sfitto": "empty",
    "da recuperare": "to_recover",
    "in lavori": "in_works",
    "non utilizzabile": "not_usable",
}


def _dwelling(cells: Cells) -> DwellingRow:
    typed = cells.get("state", "")
    state = STATES.get(normalise(typed)) if typed else str(Dwelling.State.LET)
    if state is None:
        raise BadCell(
            _("lo stato è «%(text)s»: scrivi let, empty, to_recover, in_works o not_usable.") % {"text": typed[:40]}
        )
    floor = whole_cell(cells, "floor", -2, 40)
    if floor is None:
        raise BadCell(_("manca «%(column)s».") % {"column": "floor"})
    return DwellingRow(
        street=needed_cell(cells, "street", 110),
        civic=civic_cell(cells),
        stair=needed_cell(cells, "stair", 20),
        number=needed_cell(cells, "number", 12),
        floor=floor,
        rooms=whole_cell(cells, "rooms", 1, 30),
        useful_m2=square_metres_cell(cells),
        lift=yes_or_no_cell(cells, "lift"),
        step_free=yes_or_no_cell(cells, "step_free"),
        state=state,
    )


KINDS = {normalise(word): str(kind.value) for kind in Place.Kind for word in (kind.value, str(kind.value))} | {
    "cortile": "courtyard",
    "giardino": "garden",
    "negozio": "shop",
    "sala comune": "common_room",
    "scuola": "school",
    "biblioteca": "library",
    "ufficio postale": "post_office",
    "polizia locale": "police",
    "fontanella": "fountain",
    "ufficio": "office",
}


def _place(cells: Cells) -> PlaceRow:
    kind = KINDS.get(normalise(cells.get("kind", "")))
    if kind is None:
        raise BadCell(
            _("il tipo è «%(text)s»: scrivi uno di %(kinds)s.")
            % {"text": cells.get("kind", "")[:40], "kinds": ", ".join(str(k.value) for k in Place.Kind)}
        )
    name, address = needed_cell(cells, "name", 160), text_cell(cells, "address", 200) or text_cell(cells, "street", 200)
    return PlaceRow(
        kind=kind,
        key=(cells.get("key", "") or normalise(f"{name} {address}"))[:80],
        name=name,
        address=address,
        phone=text_cell(cells, "phone", 40),
        lat=degrees_cell(cells, "lat", 90),
        lon=degrees_cell(cells, "lon", 180),
        accessibility=text_cell(cells, "accessibility", 200),
    )


TABLES: list[tuple[frozenset[str], Shape, Callable[[Cells], Record]]] = [
    (frozenset({"codice", "denominazione", "coorx", "coory"}), Shape.PLACES, school),
    (frozenset({"street", "civic", "stair", "number", "floor"}), Shape.DWELLINGS, _dwelling),
    (frozenset({"street", "civic"}), Shape.BUILDINGS, _building),
    (frozenset({"kind", "name"}), Shape.PLACES, _place),
]
