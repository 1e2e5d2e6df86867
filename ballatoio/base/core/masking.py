"""Numbers that leave the lab: the one place where counts are grouped so that none of them points at somebody.

Whoever reads them (an institution, the city, the public; on a page, in a file, on paper) gets the records of one month
parted into groups, once and for all months in which they are spoken of: never a count that somebody could subtract from
another until fewer than five people are left. docs/decisions/0008 says why this holds.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

MINIMUM_COUNT = 5

# From the general to the particular: ("casa", "sfratto"). A table's paths do not contain one another.
Path = tuple[str, ...]
Counts = Mapping[Path, int]


class TablesDisagree(Exception):
    """The tables do not count the same records: nobody may be able to compare two totals."""


@dataclass(frozen=True)
class Shown:
    """A count that may leave, the parts of it that may be told apart, and what is left of it all together.

    `total` is None when even the whole is too small. `rest` counts whatever is not in `parts`, by whichever name: 0, or
    no less than MINIMUM_COUNT. `is_whole` is False for a sum of periods in some of which it stands in the rest.
    """

    total: int | None
    parts: dict[str, "Shown"] = field(default_factory=dict)
    rest: int = 0
    is_whole: bool = True

    def as_data(self) -> dict[str, Any]:
        """Give the same as plain data, to be kept."""
        parts = {name: part.as_data() for name, part in self.parts.items()}
        return {"total": self.total, "parts": parts, "rest": self.rest}

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> "Shown":
        """Give back what `as_data` gave."""
        parts = {name: cls.from_data(part) for name, part in data["parts"].items()}
        return cls(data["total"], parts, data["rest"])

    def leaves(self, above: Path = ()) -> dict[Path, int]:
        """Give the counts of the finest parts that are told apart, by their paths; the rests are not among them."""
        found: dict[Path, int] = {}
        for name, part in self.parts.items():
            here = (*above, name)
            found |= part.leaves(here) or {here: part.total or 0}
        return found


def mask_tables(
    tables: Mapping[str, Counts], spent: Mapping[str, Counts] | None = None, minimum: int = MINIMUM_COUNT
) -> dict[str, Shown]:
    """Take all the tables that are published of the same records, and give them as they may be published.

    Each table counts every record once, by one of its attributes: two attributes at once are never published, unless
    one is a part of the other (a path). `spent` holds what `name_pairs` has already told of a path. Raise
    TablesDisagree when two tables have different totals.

    In each table a part with a count from 1 to `minimum` - 1 goes into the rest; as long as the rest is under
    `minimum`, the smallest part that is left goes there too (complementary suppression by grouping: Hundepool et al.,
    Statistical Disclosure Control, 2012, ch. 4 and 5). Totals are true, and agree.
    """
    totals = {sum(counts.values()) for counts in tables.values()}
    if len(totals) > 1:
        raise TablesDisagree
    if any(0 < total < minimum for total in totals):
        return {name: Shown(None) for name in tables}
    return {name: _mask(counts, (spent or {}).get(name, {}), minimum) for name, counts in tables.items()}


def _mask(counts: Counts, spent: Counts, minimum: int) -> Shown:
    """Part one count into what may be told apart and the rest. A path that is empty cannot be parted any further."""
    inside: dict[str, dict[Path, int]] = defaultdict(dict)
    told: dict[str, dict[Path, int]] = defaultdict(dict)
    for path, count in counts.items():
        if path and count:
            inside[path[0]][path[1:]] = count
            told[path[0]][path[1:]] = spent.get(path, 0)
    # What is still unknown of each part, beyond what was told of it.
    free = {name: sum(inside[name].values()) - sum(told[name].values()) for name in inside}
    together = {name for name, count in free.items() if 0 < count < minimum}
    while together and sum(free[name] for name in together) < minimum:
        apart = [name for name in free if name not in together and free[name]]
        if not apart:
            together |= set(free)
            break
        together.add(min(apart, key=lambda name: (free[name], name)))
    parts = {name: _mask(inside[name], told[name], minimum) for name in sorted(inside) if name not in together}
    total = sum(counts.values())
    return Shown(total, parts, total - sum(part.total or 0 for part in parts.values()))


def name_pairs(
    pairs: Mapping[tuple[Path, Path], int], rows: Shown, minimum: int = MINIMUM_COUNT
) -> dict[tuple[Path, Path], int]:
    """Say for which pairs of two attributes "at least five" may be told, though their tables are published apart.

    `pairs` counts records by a path of the table `rows`, which is published, and one of another table, which is not
    yet: that one is to be masked with what is `spent` here. Give the pairs, each with `minimum`. Of a row, what is
    left beyond all that is told of it stays 0 or no less than `minimum`.
    """
    left = rows.leaves()
    named: dict[tuple[Path, Path], int] = {}
    for (row, column), count in sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0])):
        beyond = left.get(row, 0) - minimum
        if count >= minimum and (beyond == 0 or beyond >= minimum):
            named[row, column] = minimum
            left[row] = beyond
    return named


def add_up(periods: Iterable["Shown | None"]) -> Shown:
    """Give the sum of what was published of several periods, and nothing that was not: a year out of its months.

    None stands for a period in which it was not told apart.
    """
    of_all = list(periods)
    known = [period for period in of_all if period is not None and period.total is not None]
    names = sorted({name for period in known for name in period.parts})
    return Shown(
        total=sum(period.total or 0 for period in known) if known else None,
        parts={name: add_up(_part(period, name) for period in of_all) for name in names},
        rest=sum(period.rest for period in known),
        is_whole=len(known) == len(of_all) and all(period.is_whole for period in known),
    )


def _part(period: Shown | None, name: str) -> Shown | None:
    """Give a part of a period; nothing of it when it is not there, None when it may stand in the rest."""
    if period is None or period.total is None:
        return None
    return period.parts.get(name) or (None if period.rest else Shown(0))
