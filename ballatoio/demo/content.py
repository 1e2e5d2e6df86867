"""The written content of the demonstration: files that a person can read and correct, beside the code."""

import csv
import json
import random
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

DATA = Path(__file__).resolve().parent / "data"
OPEN_DATA = DATA / "open"

T = TypeVar("T")


@cache
def load(name: str) -> Any:
    """Give the content of a JSON file of the demonstration ("labs", "needs", "services", …)."""
    return json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))


def rows(name: str) -> list[dict[str, str]]:
    """Give the rows of a CSV file of the demonstration."""
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def footprints(name: str) -> dict[tuple[str, str], dict[str, Any]]:
    """Give the outline of each building by its street and civic number."""
    features = json.loads((DATA / name).read_text(encoding="utf-8"))["features"]
    return {(f["properties"]["street"], f["properties"]["civic"]): f["geometry"] for f in features}


def pick(rng: random.Random, weights: Mapping[T, float]) -> T:
    """Give one of the keys of `weights`, the heavier the oftener."""
    return rng.choices(list(weights), weights=list(weights.values()))[0]


def one_of(rng: random.Random, values: Sequence[T]) -> T:
    """Give one of `values`, all equally often."""
    return values[int(rng.random() * len(values))]
