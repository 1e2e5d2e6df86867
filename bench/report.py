"""Writes the figures into docs/performance.md, between the markers; what people wrote around them stays."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .site import ROOT

PAGE = ROOT / "docs" / "performance.md"
START, END = "<!-- figures: start -->", "<!-- figures: end -->"
INTRODUCTION = """# What it costs

Every bar is a ratio to a yardstick that is served beside the product in the same run: a plain Django project
(`bench/plain`) on the same database engine, behind the same gunicorn. **Y1** one page, one query; **Y2** a list of 25
rows, four queries, session and user; **Y3** a POST that inserts one row behind session and CSRF.

`make bench` fills both, asks every page in turn for some rounds (p50 at one connection), lets requests arrive at a
fixed rate for p95 (the time counts from when a request was due), and writes the tables below. "CPU" is what the
server's processes used for one request: unlike the time, it hardly depends on what else the machine was doing.

"""


# P7 in milliseconds, p95, by engine.
P7_BARS = {"SQLite": 20.0, "PostgreSQL": 25.0}


def ratio(values: list[float], yard: list[float]) -> float:
    """Give the median over the rounds of the ratio to the yardstick of the same round."""
    ratios = sorted(value / unit for value, unit in zip(values, yard, strict=True))
    return ratios[len(ratios) // 2]


def row(*cells: object) -> str:
    """Give a line of a table."""
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def verdict(value: float, bar: float) -> str:
    """Say whether a figure is within its bar."""
    return "yes" if value <= bar else "**no**"


def bars_of(found: dict[str, Any]) -> list[tuple[str, str, float, float, str]]:
    """Give (bar, what, value, limit, unit) of one engine."""
    rounds, tails = found["rounds"], found["tails"]
    bars = [
        ("P1", name[3:], ratio(rounds[name], rounds["Y1"]), 6.0, "× Y1") for name in rounds if name.startswith("P1 ")
    ]
    bars.append(("P4", "desk save", ratio(rounds["P4 save"], rounds["Y3"]), 2.5, "× Y3"))
    bars += [
        ("P5", name[3:], ratio(rounds[name], rounds["Y2"]), 4.0, "× Y2") for name in rounds if name.startswith("P5")
    ]
    bars += [
        ("P16", name[4:], ratio(rounds[name], rounds["Y2"]), 4.0, "× Y2") for name in rounds if name.startswith("P16")
    ]
    yard = found["p50"]["Y2"]
    bars += [
        ("P6", "search, p50", ratio(rounds["P6 search"], rounds["Y2"]), 4.0, "× Y2"),
        ("P6", "search, p95", tails["P6 search"]["p95"] / yard, 10.0, "× Y2"),
        ("P7", "typing, p95", tails["P7 typing"]["p95"], P7_BARS[found["engine"]], "ms"),
        ("P7", "typing, worst", tails["P7 typing"]["worst"], 150.0, "ms"),
        ("P12", "memory", found["memory"]["product"] / found["memory"]["plain"], 1.6, "× plain"),
        ("P13", "migrate an empty database", found["migrate_s"], 9.0, "s"),
        ("P13", "start to first answer", found["start"]["product"] / found["start"]["plain"], 3.0, "× plain"),
    ]
    for kind, limit in (("public", 6), ("list", 10), ("save", 12)):
        most = max((count for name, count in found["queries"].items() if name.startswith(kind)), default=0)
        bars.append(("P3", f"queries, {kind}", float(most), float(limit), ""))
    for name, weight in found["weight"].items():
        bars.append(("P2", f"first view, {name}", weight["first"], 60.0, "kB"))
        bars.append(("P2", f"HTML, {name}", weight["html"], 8.0, "kB"))
        bars.append(("P2", f"second view, {name}", weight["second"], 10.0, "kB"))
    return sorted(bars, key=lambda bar: int(bar[0][1:]))


def tables(results: list[dict[str, Any]], command: str, machine: str) -> str:
    """Give the text between the markers."""
    lines = [f"`{command}` · {machine} · {datetime.now(UTC):%Y-%m-%d %H:%M} UTC", ""]
    for found in results:
        lines += [f"## {found['engine']}: {found['contacts']:,} contacts, {found['people']:,} people of one lab", ""]
        lines += [row("bar", "what", "measured", "limit", "within"), row("---", "---", "---:", "---:", "---")]
        for bar, what, value, limit, unit in bars_of(found):
            lines.append(
                row(bar, what, f"{value:.2f} {unit}".strip(), f"{limit:g} {unit}".strip(), verdict(value, limit))
            )
        mixed = found["mixed"]
        whole = "yes" if not mixed["failed"] and not mixed["lost"] else "**no**"
        what = f"{mixed['seconds']:.0f} s of 16 mixed connections, {mixed['requests']} requests, {mixed['saved']} saved"
        lines.append(row("P11", what, f"{mixed['failed']} failed, {mixed['lost']} lost", "0, 0", whole))
        lines += ["", row("request", "p50 of each round, ms", "p50, ms", "CPU, ms"), row("---", "---", "---:", "---:")]
        for name, values in found["rounds"].items():
            each = " · ".join(f"{value:.1f}" for value in values)
            lines.append(row(name, each, f"{found['p50'][name]:.1f}", f"{found['cpu'][name]:.1f}"))
        lines += ["", row("at a fixed rate", "per second", "p95, ms", "worst, ms"), row("---", "---:", "---:", "---:")]
        for name, tail in found["tails"].items():
            lines.append(row(name, f"{tail['rate']:.0f}", f"{tail['p95']:.1f}", f"{tail['worst']:.1f}"))
        memory, start = found["memory"], found["start"]
        queries = ", ".join(f"{name} {count}" for name, count in found["queries"].items())
        lines += [
            "",
            f"Memory after the run (PSS): product {memory['product']:.0f} MB, plain {memory['plain']:.0f} MB.",
            f"Start to first answer: {start['product']:.1f} s, plain {start['plain']:.1f} s.",
            f"Migrate an empty database: {found['migrate_s']:.1f} s, plain {found['plain_migrate_s']:.1f} s.",
            "",
            f"Queries: {queries}.",
            "",
        ]
    if len(results) == 2:
        lines += compare(*results)
    return "\n".join(lines)


def compare(sqlite: dict[str, Any], postgresql: dict[str, Any]) -> list[str]:
    """P11: the embedded database against our own PostgreSQL."""
    lines = [
        "## P11: SQLite against PostgreSQL",
        "",
        row("request", "ratio", "limit", "within"),
        row("---", "---:", "---:", "---"),
    ]
    for name, limit in (
        ("P1 address", 1.0),
        ("P1 service", 1.0),
        ("P5 list", 1.0),
        ("P5 filters", 1.0),
        ("P4 save", 0.8),
    ):
        value = sqlite["p50"][name] / postgresql["p50"][name]
        lines.append(row(name, f"{value:.2f}", limit, verdict(value, limit)))
    return [*lines, ""]


def write(text: str, page: Path = PAGE) -> None:
    """Put the tables between the markers of the page."""
    page.parent.mkdir(exist_ok=True)
    old = page.read_text(encoding="utf-8") if page.exists() else f"{INTRODUCTION}{START}\n{END}\n"
    if START not in old:
        old = f"{old.rstrip()}\n\n{START}\n{END}\n"
    new = re.sub(f"{START}.*?{END}", lambda _: f"{START}\n{text}\n{END}", old, flags=re.S)
    page.write_text(new, encoding="utf-8")
