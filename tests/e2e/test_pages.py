"""Every kind of page, in every language, on a phone and on a desk: what a machine can say of it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser

from .conftest import Visitor, listen
from .pages import ELENA, KINDS, LANGUAGES, Kind, address, find_records

OVERLAPS = (Path(__file__).parent / "overlaps.js").read_text(encoding="utf-8")
WIDTHS = (1280, 360)
# Without its own download of the style sheets, which only an experimental rule wants.
RUN_AXE = "async () => (await axe.run({resultTypes: ['violations'], preload: false, iframes: false})).violations"


Visitors = Callable[[str], Visitor]


@pytest.fixture(scope="module")
def visitor_for(browser: Browser, server: str) -> Iterator[Visitors]:
    """One browser for each of the cast, signed in once, and one for who is nobody («»)."""
    known: dict[str, Visitor] = {}

    def give(who: str) -> Visitor:
        if who not in known:
            context = browser.new_context(reduced_motion="reduce")
            known[who] = Visitor(context.new_page(), server, [])
            if who:
                known[who].enter(who)
            listen(known[who])
        return known[who]

    yield give
    for visitor in known.values():
        visitor.context.close()


@pytest.fixture(scope="module")
def records(visitor_for: Visitors) -> dict[str, str]:
    elena = visitor_for(ELENA)
    return find_records(elena.context.request, elena.server)


def violations(visitor: Visitor) -> list[str]:
    """Give what axe finds wrong, with the first elements of each kind."""
    found: list[dict[str, Any]] = visitor.page.evaluate(RUN_AXE)
    return [f"{one['id']}: {json.dumps([node['target'] for node in one['nodes'][:4]])}" for one in found]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_page(kind: Kind, language: str, visitor_for: Visitors, records: dict[str, str]) -> None:
    visitor = visitor_for(kind.who)
    visitor.troubles.clear()
    visitor.page.set_viewport_size({"width": WIDTHS[0], "height": 900})
    visitor.go(address(kind, language, records))
    page = visitor.page
    assert page.locator("html").get_attribute("lang") == language
    assert page.locator("html").get_attribute("dir") == ("rtl" if language == "ar" else "ltr")
    page.evaluate(AXE_SCRIPT)
    wrong: list[str] = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900 if width > 500 else 740})
        wrong += [f"{width} px, axe: {one}" for one in violations(visitor)]
        wrong += [f"{width} px, overlap: {one}" for one in page.evaluate(OVERLAPS)]
        wide = page.evaluate("document.scrollingElement.scrollWidth")
        if wide > width:
            wrong.append(f"{width} px: the page is {wide} px wide")
    assert wrong + visitor.troubles == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_pages_have_the_same_title(language: str, visitor_for: Visitors, records: dict[str, str]) -> None:
    pages_of: dict[str, list[str]] = {}
    for kind in KINDS:
        if "?" in kind.path:
            continue  # the same page, asked something
        visitor = visitor_for(kind.who)
        text = visitor.context.request.get(visitor.server + address(kind, language, records)).text()
        title = text.partition("<title>")[2].partition("</title>")[0].strip()
        assert title, kind.name
        pages_of.setdefault(title, []).append(kind.name)
    assert {title: names for title, names in pages_of.items() if len(names) > 1} == {}


def test_the_check_of_overlaps_sees_one(browser: Browser) -> None:
    page = browser.new_page()
    page.set_content(
        "<p>one</p><p>two</p><label style='position: relative; top: 1em'>three</label><br><input name=four>"
    )
    assert page.evaluate(OVERLAPS) == ["«three» and «[four]»"]
    page.close()
