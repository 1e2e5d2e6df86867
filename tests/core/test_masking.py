"""Small numbers point at nobody, not even by subtraction."""

from hypothesis import given
from hypothesis import strategies as st

from ballatoio.base.core.masking import MINIMUM_COUNT, mask_small_cells

tables = st.dictionaries(st.tuples(st.integers(0, 4), st.integers(0, 4)), st.integers(0, 30), min_size=1, max_size=25)


@given(tables)
def test_no_small_count_is_shown_and_the_others_are_true(table: dict[tuple[int, int], int]) -> None:
    shown = mask_small_cells(table)
    assert shown.keys() == table.keys()
    for cell, count in shown.items():
        assert count is None or (count == table[cell] and not 0 < count < MINIMUM_COUNT)


@given(tables)
def test_no_total_gives_a_hidden_cell_away(table: dict[tuple[int, int], int]) -> None:
    """In a line with something to show, at least two cells are hidden, and together they are not small."""
    shown = mask_small_cells(table)
    for axis in (0, 1):
        for line in {cell[axis] for cell in table}:
            cells = [cell for cell in table if cell[axis] == line]
            hidden = [cell for cell in cells if shown[cell] is None]
            if hidden and len(hidden) < len(cells):
                assert len(hidden) >= 2
                assert sum(table[cell] for cell in hidden) >= MINIMUM_COUNT


def test_one_small_cell_takes_the_next_smallest_with_it_in_its_row_and_in_its_column() -> None:
    table = {("a", 1): 2, ("a", 2): 9, ("a", 3): 40, ("b", 1): 7, ("b", 2): 8, ("b", 3): 50}
    shown = mask_small_cells(table)
    assert [cell for cell, count in shown.items() if count is None] == [("a", 1), ("a", 2), ("b", 1), ("b", 2)]


def test_a_table_of_large_numbers_and_zeros_is_shown_whole() -> None:
    table = {("a", 1): 0, ("a", 2): 9, ("b", 1): 12, ("b", 2): 0}
    assert mask_small_cells(table) == table
