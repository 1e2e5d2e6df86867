"""The committed assets are those that the templates need, small and complete."""

import gzip
import re
from pathlib import Path

import pytest

from tools import build_assets

STATIC = build_assets.STATIC


def test_the_committed_style_sheet_is_the_one_that_would_be_built() -> None:
    assert build_assets.style_sheet() == (STATIC / "ballatoio.css").read_text("utf-8"), (
        "python tools/build_assets.py --css"
    )


@pytest.mark.parametrize(
    ("name", "limit"), [("ballatoio.css", 20_000), ("read_aloud.js", 1_500), ("titillium.woff2", 17_000)]
)
def test_assets_of_the_first_view_stay_small(name: str, limit: int) -> None:
    data = (STATIC / name).read_bytes()
    assert len(data if name.endswith("woff2") else gzip.compress(data, 9)) <= limit


def test_the_style_sheet_asks_nobody_else_for_anything() -> None:
    sheet = (STATIC / "ballatoio.css").read_text("utf-8")
    assert re.findall(r"url\(([^)]*)\)", sheet) == ["titillium.woff2"]
    assert "@import" not in sheet


# An attribute with a style or an event, a style element, a script that is neither a file nor data.
FORBIDDEN = re.compile(r"""\sstyle=|<style|\son[a-z]+=["']|<script(?![^>]*\ssrc=)(?![^>]*type="application/json")""")


def test_no_template_carries_a_style_or_a_script_of_its_own() -> None:
    templates = Path(build_assets.PACKAGE).rglob("*.html")
    assert [path.name for path in templates if FORBIDDEN.search(path.read_text("utf-8"))] == []


def test_every_icon_that_a_template_includes_exists() -> None:
    icons = {path.name for path in (build_assets.PACKAGE / "base/core/templates/core/icons").glob("*.svg")}
    asked = {
        name
        for path in Path(build_assets.PACKAGE).rglob("*.html")
        for name in re.findall(r"core/icons/([\w-]+\.svg)", path.read_text("utf-8"))
    }
    assert asked - icons == set()
