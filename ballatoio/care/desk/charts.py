"""Where the bars of a chart stand; the template draws them as SVG, beside the table with the same numbers."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Bar:
    """One bar, in the units of the chart's view box."""

    label: str
    value: int
    x: float
    y: float
    width: float
    height: float
    marked: bool


@dataclass(frozen=True)
class Chart:
    """Vertical bars on a base line, with the top of the scale."""

    bars: tuple[Bar, ...]
    width: int
    height: int
    base: int
    top: int


def nice_top(most: int) -> int:
    """Give the smallest of 5, 10, 20, 30, 50, 100… that is not under `most`, so that the scale reads well.

    >>> nice_top(3), nice_top(23), nice_top(50), nice_top(51)
    (5, 30, 50, 100)
    """
    step = 1
    while True:
        for leading in (5, 10, 20, 30):
            if most <= leading * step:
                return leading * step
        step *= 10


def bar_chart(
    values: Sequence[tuple[str, int]], *, marked: frozenset[str] = frozenset(), width: int = 720, height: int = 180
) -> Chart:
    """Give the bars for `values` (label, count): the highest fits, zero is on the base line, gaps are a quarter."""
    base, left = height - 22, 34
    top = nice_top(max((value for _label, value in values), default=0))
    slot = (width - left) / max(len(values), 1)
    bars = []
    for place, (label, value) in enumerate(values):
        tall = round((base - 8) * value / top, 1)
        bars.append(
            Bar(
                label=label,
                value=value,
                x=round(left + slot * place + slot / 8, 1),
                y=round(base - tall, 1),
                width=round(slot * 0.75, 1),
                height=tall,
                marked=label in marked,
            )
        )
    return Chart(bars=tuple(bars), width=width, height=height, base=base, top=top)
