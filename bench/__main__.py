"""`make bench`: fill, serve, measure, write docs/performance.md."""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from .measure import Pages, count_saved, measure_mixed, measure_rounds, measure_tails, measure_typing, measure_weight
from .report import P7_BARS, bars_of, tables, write
from .site import Site


def say(sentence: str) -> None:
    """Tell whoever waits how far it is."""
    print(sentence, file=sys.stderr, flush=True)


def measure(site: Site, options: argparse.Namespace, people: int) -> dict[str, Any]:
    """Measure one engine."""
    say(f"{site.engine}: filling {options.contacts:,} contacts and {people:,} people…")
    facts, yard = site.fill(options.contacts, people)
    queries = json.loads(site.run("bench.queries", str(site.folder / "facts.json"), env=site.env))
    product, plain = site.product(), site.plain(yard["row"])
    starts: dict[str, list[float]] = {"product": [], "plain": []}
    for _ in range(3):
        for name, server in (("product", product), ("plain", plain)):
            starts[name].append(server.start())
            server.stop()
    product.start()
    plain.start()
    try:
        pages = Pages(product, plain, facts, yard)
        say(f"{site.engine}: {options.rounds} rounds…")
        rounds, cpu = measure_rounds(pages, options.rounds, options.times)
        p50 = {name: median(values) for name, values in rounds.items()}
        tails = measure_tails(pages, p50, options.seconds / 6)
        weight = measure_weight(pages)
        before = count_saved(site, facts["lab"])
        say(f"{site.engine}: {options.seconds:.0f} s of mixed use…")
        mixed = measure_mixed(pages, options.seconds)
        mixed |= {"seconds": options.seconds, "lost": before + mixed["saved"] - count_saved(site, facts["lab"])}
        memory = {"product": product.memory_mb(), "plain": plain.memory_mb()}
    finally:
        product.stop()
        plain.stop()
    return {
        "engine": site.engine,
        "contacts": facts["contacts"],
        "people": facts["people"],
        "rounds": rounds,
        "p50": p50,
        "cpu": cpu,
        "tails": tails,
        "weight": weight,
        "queries": queries,
        "mixed": mixed,
        "memory": memory,
        "start": {name: median(values) for name, values in starts.items()},
        "migrate_s": facts["migrate_s"],
        "plain_migrate_s": yard["migrate_s"],
    }


def typing(site: Site, options: argparse.Namespace, people: int) -> bool:
    """Measure P7 alone, with as many people on either engine; tell whether it is within its bar."""
    say(f"{site.engine}: filling {people:,} people…")
    # Contacts have no part in it.
    facts, yard = site.fill(min(options.contacts, 2_000), people)
    product, plain = site.product(), site.plain(yard["row"])
    product.start()
    plain.start()
    try:
        found = measure_typing(Pages(product, plain, facts, yard), options.times * 3, options.seconds / 3)
    finally:
        product.stop()
        plain.stop()
    bar = P7_BARS[site.engine]
    figures = ", ".join(f"{name} {value:.1f} ms" for name, value in found.items())
    print(f"P7, {site.engine}, {facts['people']:,} people over HTTP: {figures} (p95 at most {bar:g} ms)")
    return found["p95"] <= bar


def machine() -> str:
    """Say what kind of machine this is."""
    info = Path("/proc/cpuinfo").read_text()
    model = next((line.partition(":")[2].strip() for line in info.splitlines() if line.startswith("model name")), "?")
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return f"{os.cpu_count()} cores ({model}), {pages / 2**30:.0f} GB, Python {sys.version.split()[0]}"


def main() -> int:
    """Measure what was asked; exit code 1 when a bar is missed."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small run, to see that everything works")
    parser.add_argument("--contacts", type=int, default=100_000)
    parser.add_argument("--people", type=int, default=1_000_000, help="on PostgreSQL, or on the only engine")
    parser.add_argument("--sqlite-people", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--times", type=int, default=100, help="requests of each kind in a round")
    parser.add_argument("--seconds", type=float, default=60, help="how long the mixed use lasts")
    parser.add_argument("--engine", choices=["sqlite", "postgresql", "both"], default="both")
    parser.add_argument("--folder", type=Path, help="keep the filled databases here, and use them again")
    parser.add_argument("--typing", action="store_true", help="only P7, with --people on every engine; writes nothing")
    parser.add_argument("--no-write", action="store_true", help="leave docs/performance.md as it is")
    options = parser.parse_args()
    if options.quick:
        options.contacts, options.people, options.sqlite_people = 10_000, 20_000, 20_000
        options.times, options.seconds = 30, 10
    url = os.environ.pop("DATABASE_URL", "")
    results: list[dict[str, Any]] = []
    within: list[bool] = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        if options.engine != "postgresql":
            site = Site("SQLite", folder / "sqlite")
            if options.typing:
                within.append(typing(site, options, options.people))
            else:
                results.append(measure(site, options, options.sqlite_people))
        if options.engine != "sqlite" and url.startswith("postgres"):
            site = Site(
                "PostgreSQL", folder / f"postgresql-{os.getpid()}" if not options.folder else folder / "postgresql", url
            )
            try:
                if options.typing:
                    within.append(typing(site, options, options.people))
                else:
                    results.append(measure(site, options, options.people))
            finally:
                if not options.folder:
                    site.drop()
    if options.typing:
        return 0 if all(within) else 1
    said = " ".join(argument for argument in sys.argv[1:] if not argument.startswith("/"))
    text = tables(results, f'make bench BENCH="{said}"' if said else "make bench", machine())
    print(text)
    if not options.no_write:
        write(text)
    missed = [
        f"{bar} {what}" for found in results for bar, what, value, limit, _unit in bars_of(found) if value > limit
    ]
    say(f"Missed: {', '.join(missed)}." if missed else "Every bar is met.")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
