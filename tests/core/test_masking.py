"""Small numbers point at nobody: not in a table, not by subtracting tables from each other."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from itertools import product

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ballatoio.base.core.masking import MINIMUM_COUNT, Path, Shown, TablesDisagree, add_up, mask_tables, name_pairs
from tests.core.attacker import Attacker, Sentence

MONTHS = ("ottobre", "novembre")
TOPICS: tuple[Path, ...] = (("casa", "sfratto"), ("casa", "affitto"), ("lavoro",), ("salute",))
LANGUAGES: tuple[Path, ...] = (("it",), ("ar",), ("zh",))
HOUSES: tuple[Path, ...] = (("via uno 1",), ("via due 2",), ("",))
# A record has all four; the attacker looks at all the counts of records that one can think of.
Kind = tuple[str, Path, Path, Path]
KINDS: list[Kind] = list(product(MONTHS, TOPICS, LANGUAGES, HOUSES))
World = Counter[Kind]

# A corner of the world has few kinds, as a month of a small lab: there the numbers of two tables meet.
CORNER = [kind for kind in KINDS if kind[1] in (TOPICS[0], TOPICS[2]) and kind[2] != ("zh",)]


def some(kinds: list[Kind], most: int) -> st.SearchStrategy[World]:
    rows = st.lists(st.tuples(st.sampled_from(kinds), st.sampled_from([1, 2, 3, 5, 7, 8])), min_size=1, max_size=most)
    return rows.map(lambda found: sum((Counter({kind: n}) for kind, n in found), Counter[Kind]()))


worlds = st.one_of(some(KINDS, 14), some(CORNER, 6), some([kind for kind in CORNER if kind[0] == MONTHS[0]], 5))


def count(world: World, attribute: int, months: tuple[str, ...] = MONTHS) -> dict[Path, int]:
    found: Counter[Path] = Counter()
    for kind, n in world.items():
        if kind[0] in months:
            found[kind[attribute]] += n  # type: ignore[index]
    return dict(found)


def publish(world: World) -> tuple[dict[str, dict[str, Shown]], Shown, dict[tuple[Path, Path], int]]:
    """Publish two months by topic and by language, the two together by house, and name what may be named."""
    months, spent, named = {}, Counter[Path](), {}
    for month in MONTHS:
        months[month] = mask_tables({"topic": count(world, 1, (month,)), "language": count(world, 2, (month,))})
        pairs: Counter[tuple[Path, Path]] = Counter()
        for kind, n in world.items():
            if kind[0] == month and kind[3] != ("",):
                pairs[kind[1], kind[3]] += n
        for (topic, house), least in name_pairs(pairs, months[month]["topic"]).items():
            named[(month, *topic), house] = least
            spent[house] += least
    seen = tuple(month for month in MONTHS if months[month]["topic"].total is not None)
    houses = mask_tables({"house": count(world, 3, seen)}, {"house": dict(spent)})["house"]
    return months, houses, named


def sentences(world: World) -> Iterator[Sentence]:
    """Say all that a reader of the published tables reads in them, the sums over the months and the rests included."""
    months, houses, named = publish(world)
    for month, tables in months.items():
        yield from read(tables["topic"], lambda kind, path, month=month: kind[0] == month and starts(kind[1], path))
        yield from read(tables["language"], lambda kind, path, month=month: kind[0] == month and starts(kind[2], path))
    seen = [month for month, tables in months.items() if tables["topic"].total is not None]
    yield from read(houses, lambda kind, path: kind[0] in seen and starts(kind[3], path))
    for ((month, *topic), house), least in named.items():
        cells = [kind for kind in KINDS if (kind[0], *kind[1]) == (month, *topic) and kind[3] == house]
        yield Sentence(frozenset(cells), ">=", least)


def starts(path: Path, beginning: Path) -> bool:
    return path[: len(beginning)] == beginning


def read(shown: Shown, is_in: Callable[[Kind, Path], bool], path: Path = ()) -> Iterator[Sentence]:
    cells = frozenset(kind for kind in KINDS if is_in(kind, path))
    if shown.total is None:
        yield Sentence(cells, "<=", MINIMUM_COUNT - 1)
        return
    yield Sentence(cells, "=", shown.total)
    for name, part in shown.parts.items():
        yield from read(part, is_in, (*path, name))


def some_of(paths: tuple[Path, ...]) -> list[frozenset[Path]]:
    """Give each of the paths, any of them, and all but one: «not in Arabic» is a group of people too."""
    whole = frozenset(paths)
    return list(dict.fromkeys([whole, *(frozenset([path]) for path in paths), *(whole - {path} for path in paths)]))


def questions() -> dict[str, frozenset[Kind]]:
    """Give every set of records that somebody may want to know the size of, by month, topic, language and house."""
    topics = [*some_of(TOPICS), frozenset(TOPICS[:2])]
    chosen = product(some_of(MONTHS), topics, some_of(LANGUAGES), some_of(HOUSES))
    return {
        " ".join("+".join(sorted(map(str, values))) for values in wanted): frozenset(
            kind for kind in KINDS if all(value in values for value, values in zip(kind, wanted, strict=True))
        )
        for wanted in chosen
    }


QUESTIONS = questions()


def deduced(world: World, said: list[Sentence]) -> list[str]:
    """Give what the attacker is sure of and should not be: exactly so many, from one to four."""
    known = [kind for kind in KINDS if any(kind in sentence.cells for sentence in said)]
    attacker = Attacker(known, said)
    small = {
        name: (kinds, true)
        for name, kinds in QUESTIONS.items()
        if 0 < (true := sum(world[kind] for kind in kinds)) < MINIMUM_COUNT and kinds <= set(known)
    }
    opened = []
    while small:
        name, (kinds, true) = small.popitem()
        points = [point for sign in (-1, 1) if (point := attacker.most(kinds, sign))]
        if all(held(point, kinds) == true for point in points) and not any(
            attacker.can_be(kinds, true + by) for by in (-1, 1)
        ):
            opened.append(f"{name}: {true}")
        # What these points say of the other questions need not be asked again.
        small = {
            name: (kinds, true)
            for name, (kinds, true) in small.items()
            if all(held(point, kinds) == true for point in points)
        }
    return opened


def held(point: dict[Hashable, int], kinds: frozenset[Kind]) -> int:
    return sum(point[kind] for kind in kinds)


# Three evictions in October and nine in November: the sum of the two months must not tell of the three.
OCTOBER_ONE = Counter({
    ("ottobre", TOPICS[0], ("ar",), HOUSES[0]): 3, ("ottobre", TOPICS[2], ("it",), HOUSES[2]): 20,
    ("novembre", TOPICS[0], ("ar",), HOUSES[0]): 9, ("novembre", TOPICS[2], ("it",), HOUSES[1]): 12,
})  # fmt: skip
# All of one topic is in one house, and may be named: what the other topic has there must then not be left over.
LEFT_IN_THE_HOUSE = Counter({
    ("ottobre", TOPICS[0], ("it",), HOUSES[0]): 5, ("ottobre", TOPICS[2], ("it",), HOUSES[0]): 3,
    ("ottobre", TOPICS[2], ("it",), HOUSES[1]): 7,
})  # fmt: skip
# Two houses of one topic would be worth naming, and what the topic has elsewhere would be left over.
LEFT_OF_THE_TOPIC = Counter({
    ("ottobre", TOPICS[0], ("it",), HOUSES[0]): 5, ("ottobre", TOPICS[0], ("it",), HOUSES[1]): 5,
    ("ottobre", TOPICS[0], ("it",), HOUSES[2]): 2, ("ottobre", TOPICS[2], ("it",), HOUSES[2]): 8,
})  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(worlds)
@example(OCTOBER_ONE)
@example(LEFT_IN_THE_HOUSE)
@example(LEFT_OF_THE_TOPIC)
def test_nobody_deduces_a_small_count_from_all_that_is_published(world: World) -> None:
    """From the tables of one month, of two attributes, of two months and their sum, and from what is named beside."""
    assert deduced(world, list(sentences(world))) == []


def separately(counts: dict[Path, int]) -> dict[Path, int | None]:
    """Mask one table as if there were no other, which is how it was done before."""
    shown = {path: None if 0 < n < MINIMUM_COUNT else n for path, n in counts.items()}
    while True:
        hidden = [path for path in counts if shown[path] is None]
        apart = [path for path in counts if shown[path]]
        if not hidden or not apart or (len(hidden) > 1 and sum(counts[path] for path in hidden) >= MINIMUM_COUNT):
            return shown
        shown[min(apart, key=lambda path: counts[path])] = None


def masked_separately(world: World, attribute: int, kinds: list[Kind]) -> Iterator[Sentence]:
    only = Counter({kind: world[kind] for kind in kinds})
    for path, n in separately(count(only, attribute)).items():
        if n is not None:
            yield Sentence(frozenset(kind for kind in kinds if kind[attribute] == path), "=", n)
    yield Sentence(frozenset(kinds), "=", only.total())


def test_the_attacker_opens_tables_that_are_masked_one_by_one() -> None:
    """October by topic, and October in Arabic by topic: each is well masked alone, and the two are subtracted."""
    arabic = [kind for kind in KINDS if kind[0] == "ottobre" and kind[2] == ("ar",)]
    october = [kind for kind in KINDS if kind[0] == "ottobre"]
    world = Counter(dict.fromkeys(KINDS, 0))
    for topic, all_of_it, in_arabic in ((TOPICS[0], 12, 9), (TOPICS[2], 20, 8), (TOPICS[3], 15, 15)):
        world["ottobre", topic, ("ar",), ("",)] = in_arabic
        world["ottobre", topic, ("it",), ("",)] = all_of_it - in_arabic
    said = [*masked_separately(world, 1, october), *masked_separately(world, 1, arabic)]
    assert any("sfratto" in name and name.endswith(": 3") for name in deduced(world, said))
    assert deduced(world, list(sentences(world))) == []


def test_the_attacker_opens_a_year_that_is_masked_apart_from_its_months() -> None:
    world = OCTOBER_ONE
    said = [
        sentence
        for months in ((MONTHS[0],), (MONTHS[1],), MONTHS)
        for sentence in masked_separately(world, 1, [kind for kind in KINDS if kind[0] in months])
    ]
    assert any("sfratto" in name and name.endswith(": 3") for name in deduced(world, said))


tables = st.dictionaries(
    st.tuples(st.sampled_from("abcd"), st.sampled_from("xyz")), st.integers(0, 30), min_size=1, max_size=12
)


def walk(shown: Shown) -> Iterator[Shown]:
    yield shown
    for part in shown.parts.values():
        yield from walk(part)


@given(tables)
def test_every_count_that_is_shown_is_true_and_not_small(table: dict[Path, int]) -> None:
    shown = mask_tables({"one": table})["one"]
    for path, n in shown.leaves().items():
        assert n == sum(count for whole, count in table.items() if starts(whole, path))
    for branch in walk(shown):
        assert branch.total == (
            None if 0 < sum(table.values()) < 5 else branch.rest + sum(p.total or 0 for p in branch.parts.values())
        )
        assert branch.total is None or branch.total == 0 or branch.total >= MINIMUM_COUNT
        assert branch.rest == 0 or branch.rest >= MINIMUM_COUNT


def test_tables_that_do_not_count_the_same_records_are_refused() -> None:
    with pytest.raises(TablesDisagree):
        mask_tables({"topic": {("casa",): 12}, "language": {("it",): 11}})


def test_too_few_records_are_not_even_counted() -> None:
    assert mask_tables({"topic": {("casa",): 4}, "language": {("it",): 3, ("ar",): 1}}) == {
        "topic": Shown(None),
        "language": Shown(None),
    }


@given(st.lists(tables, min_size=1, max_size=5))
def test_a_sum_of_periods_holds_what_was_published_and_nothing_else(months: list[dict[Path, int]]) -> None:
    published = [mask_tables({"one": month})["one"] for month in months]
    year = add_up(published)
    assert (year.total or 0) == sum(month.total or 0 for month in published)
    for name, part in year.parts.items():
        told = [month.parts[name].total or 0 for month in published if name in month.parts]
        assert part.total == sum(told)
        if part.is_whole:
            assert part.total == sum(n for month in months for path, n in month.items() if path[0] == name)


def test_what_is_kept_is_given_back() -> None:
    shown = mask_tables({"one": {("a", "x"): 7, ("a", "y"): 9, ("b", "x"): 2, ("c", "x"): 6}})["one"]
    assert Shown.from_data(shown.as_data()) == shown
