"""Small cells: the one place where a count that could point at somebody is hidden."""

from collections.abc import Hashable, Mapping
from typing import TypeVar

MINIMUM_COUNT = 5

Row = TypeVar("Row", bound=Hashable)
Column = TypeVar("Column", bound=Hashable)


def mask_small_cells(
    table: Mapping[tuple[Row, Column], int], minimum: int = MINIMUM_COUNT
) -> dict[tuple[Row, Column], int | None]:
    """Take counts by (row, column) and give them with the risky ones as None.

    A count from 1 to `minimum` - 1 is hidden; then, as long as a row or a column hides exactly one
    cell (its total would give it away) or hidden cells that together stay under `minimum`, its next smallest
    cell is hidden too (complementary suppression; Hundepool et al., Statistical Disclosure Control, 2012, ch. 4).
    Zero tells of nobody and is shown, unless it is needed as the complement.
    """
    shown: dict[tuple[Row, Column], int | None] = {
        cell: (None if 0 < count < minimum else count) for cell, count in table.items()
    }
    lines: dict[tuple[int, Hashable], list[tuple[Row, Column]]] = {}
    for cell in table:
        for axis in (0, 1):
            lines.setdefault((axis, cell[axis]), []).append(cell)
    changed = True
    while changed:
        changed = False
        for cells in lines.values():
            hidden = [cell for cell in cells if shown[cell] is None]
            open_cells = [cell for cell in cells if shown[cell] is not None]
            at_risk = hidden and (len(hidden) == 1 or sum(table[cell] for cell in hidden) < minimum)
            if at_risk and open_cells:
                positive = [cell for cell in open_cells if table[cell]] or open_cells
                shown[min(positive, key=lambda cell: (table[cell], str(cell)))] = None
                changed = True
    return shown
