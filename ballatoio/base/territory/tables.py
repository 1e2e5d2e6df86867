"""Our tables of the territory: a heading whose words name the columns, in English or in Italian, then the rows.

Which file, which encoding and which delimiter it is, core/sheets finds out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import BinaryIO

from django.utils.translation import gettext as _

from ballatoio.base.core.sheets.opening import mend, open_sheet
from ballatoio.base.core.sheets.sheet import FileRefused, Sheet
from ballatoio.base.core.text import normalise

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


def column_name(cell: str) -> str:
    """Give a heading in the form that columns are looked up by: «Cod. comune» → cod_comune."""
    name = normalise(mend(cell)).replace(" ", "_")
    return COLUMN_NAMES.get(name, name)


@dataclass(frozen=True)
class Table:
    """A table in a file, its heading read and its rows still to come."""

    sheet: Sheet
    columns: tuple[str, ...]
    headings: tuple[str, ...]

    def rows(self) -> Iterator[tuple[int, dict[str, str] | None]]:
        """Give the rows in order with their number in a spreadsheet (the heading is 1), None for a row that has

        more cells than the heading. Empty rows are passed over. Raise FileRefused where the file breaks.
        """
        rows = self.sheet.rows()
        next(rows)
        for number, cells in rows:
            if len(cells) > len(self.columns):
                yield number, None
            else:
                whole = zip_longest(self.columns, cells, fillvalue="")
                yield number, {name: mend(cell).strip() for name, cell in whole}


def open_table(file: BinaryIO) -> Table:
    """Read the heading of a table, in the first row that is not empty. Raise FileRefused when there is none."""
    sheet = open_sheet(file)
    heading = next(sheet.rows(), None)
    if heading is None:
        raise FileRefused(_("Il file è vuoto o non è una tabella: esportalo come CSV e riprova."))
    headings = tuple(mend(cell).strip() for cell in heading[1])
    return Table(sheet, tuple(column_name(cell) for cell in headings), headings)
