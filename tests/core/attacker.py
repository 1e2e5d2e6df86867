"""Somebody who reads everything that was published and subtracts: exact linear programming over whole numbers.

It knows nothing of how the masking works. It takes sentences about sets of cells ("these together are 12", "these are
at least 5", "at most 4") and says between which numbers a set of cells must lie.
"""

from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

Cell = TypeVar("Cell", bound=Hashable)


@dataclass(frozen=True)
class Sentence:
    """Something that was published: the `cells` together are (=, >=, <=) a number."""

    cells: frozenset[Hashable]
    sign: str
    number: int


class Contradiction(Exception):
    """No counts fit all that was said."""


class Attacker:
    """The counts that are possible after all that was said, as a simplex tableau of integers (Edmonds' pivots)."""

    def __init__(self, cells: Sequence[Hashable], said: Iterable[Sentence]) -> None:
        self.said = sentences = list(said)
        self.cells = list(cells)
        slacks = [sentence for sentence in sentences if sentence.sign != "="]
        wide, rows = len(self.cells) + len(slacks), []
        for sentence in sentences:
            row = [int(cell in sentence.cells) for cell in self.cells]
            row += [0 if sentence is not slack else (1 if slack.sign == "<=" else -1) for slack in slacks]
            rows.append([*row, sentence.number])
        # One artificial variable for each sentence begins in the basis, and must leave it.
        self.rows = [[*row[:-1], *(int(at == own) for at in range(len(rows))), row[-1]] for own, row in enumerate(rows)]
        self.basis = list(range(wide, wide + len(rows)))
        self.denominator = 1
        self._climb([0] * wide + [-1] * len(rows))
        if any(self.rows[at][-1] for at, variable in enumerate(self.basis) if variable >= wide):
            raise Contradiction
        for at, variable in enumerate(self.basis):
            columns = [column for column in range(wide) if self.rows[at][column]]
            if variable >= wide and columns:
                self._pivot(at, columns[0])
        kept = [at for at, variable in enumerate(self.basis) if variable < wide]
        self.rows = [[*self.rows[at][:wide], self.rows[at][-1]] for at in kept]
        self.basis = [self.basis[at] for at in kept]
        self.wide = wide

    def most(self, cells: Collection[Hashable], sign: int = 1) -> dict[Hashable, int] | None:
        """Give possible counts with as many as can be in `cells` (as few, with `sign` -1).

        None when the corner that is found parts a person in two.
        """
        goal = [sign * int(cell in cells) for cell in self.cells] + [0] * (self.wide - len(self.cells))
        self._climb(goal)
        found = dict.fromkeys(self.cells, 0)
        for at, variable in enumerate(self.basis):
            if variable < len(self.cells):
                value, left = divmod(self.rows[at][-1], self.denominator)
                if left:
                    return None
                found[self.cells[variable]] = value
        return found

    def can_be(self, cells: frozenset[Hashable], number: int) -> bool:
        """Tell whether counts were found with exactly `number` in `cells`, nobody parted in two."""
        try:
            other = Attacker(self.cells, [*self.said, Sentence(cells, "=", number)])
        except Contradiction:
            return False
        return any(other.most([cell], sign) for cell in self.cells for sign in (1, -1))

    def _climb(self, goal: list[int]) -> None:
        """Walk to the top, by Bland's rule, which never walks in a circle."""
        while True:
            prices = [goal[variable] for variable in self.basis]
            entering = next((column for column in range(len(goal)) if self._gain(goal, prices, column) > 0), None)
            if entering is None:
                return
            ways = [at for at in range(len(self.rows)) if self.rows[at][entering] > 0]
            # The smallest ratio; of equal ones the smallest variable.
            leaving = ways[0]
            for at in ways[1:]:
                mine = self.rows[at][-1] * self.rows[leaving][entering]
                other = self.rows[leaving][-1] * self.rows[at][entering]
                if mine < other or (mine == other and self.basis[at] < self.basis[leaving]):
                    leaving = at
            self._pivot(leaving, entering)

    def _gain(self, goal: list[int], prices: list[int], column: int) -> int:
        paid = sum(price * row[column] for price, row in zip(prices, self.rows, strict=True) if price)
        return goal[column] * self.denominator - paid

    def _pivot(self, leaving: int, entering: int) -> None:
        if self.rows[leaving][entering] < 0:
            self.rows[leaving] = [-number for number in self.rows[leaving]]
        pivot, by = self.rows[leaving][entering], self.rows[leaving]
        for at, row in enumerate(self.rows):
            if at != leaving:
                share = row[entering]
                self.rows[at] = [
                    (number * pivot - share * other) // self.denominator for number, other in zip(row, by, strict=True)
                ]
        self.denominator, self.basis[leaving] = pivot, entering
