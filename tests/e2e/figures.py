"""What the browser measured, where `make bench` and the documents find it."""

import json

from .conftest import RESULTS


def write_figures(name: str, figures: object) -> None:
    """Put figures under a name in test-results/browser.json, beside those that are there."""
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / "browser.json"
    known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    file.write_text(json.dumps(known | {name: figures}, indent=2, sort_keys=True) + "\n", encoding="utf-8")
