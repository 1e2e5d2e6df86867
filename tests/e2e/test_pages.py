"""Every kind of page, in every language, on a phone and on a desk: what a machine can say of it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser

from .conftest import Visitor, listen
from .pages import KINDS, LANGUAGES, Kind, address, find_records

OVERLAPS = (Path(__file__).parent / "overlaps.js").read_text(encoding="utf-8")
WIDTHS = (1280, 360)
# Without its own download of the style sheets, which only an experimental rule wants.
RUN_AXE = "async () => (await axe.run({resultTypes: ['violations'], preload: false, iframes: false})).violations"


@pytest.fixture(scope="module")
def elena(browser: Browser, server: str) -> Iterator[Visitor]:
    """A coordinator, who may open every page."""
    context = browser.new_context(reduced_motion="reduce")
    visitor = Visitor(context.new_page(), server, [], [])
    visitor.enter("elena")
    listen(visitor)
    yield visitor
    context.close()


@pytest.fixture(scope="module")
def stranger(browser: Browser, server: str) -> Iterator[Visitor]:
    """Somebody who has signed in nowhere."""
    context = browser.new_context(reduced_motion="reduce")
    visitor = Visitor(context.new_page(), server, [], [])
    listen(visitor)
    yield visitor
    context.close()


@pytest.fixture(scope="module")
def records(elena: Visitor) -> dict[str, str]:
    return find_records(elena.context.request, elena.server)


def violations(visitor: Visitor) -> list[str]:
    """Give what axe finds wrong, with the first elements of each kind."""
    found: list[dict[str, Any]] = visitor.page.evaluate(RUN_AXE)
    return [f"{one['id']}: {json.dumps([node['target'] for node in one['nodes'][:4]])}" for one in found]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_page(kind: Kind, language: str, elena: Visitor, stranger: Visitor, records: dict[str, str]) -> None:
    visitor = elena if kind.staff else stranger
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
def test_no_two_pages_have_the_same_title(
    language: str, elena: Visitor, stranger: Visitor, records: dict[str, str]
) -> None:
    pages_of: dict[str, list[str]] = {}
    for kind in KINDS:
        if "?" in kind.path:
            continue  # the same page, asked something
        visitor = elena if kind.staff else stranger
        text = visitor.context.request.get(visitor.server + address(kind, language, records)).text()
        title = text.partition("<title>")[2].partition("</title>")[0].strip()
        assert title, kind.name
        pages_of.setdefault(title, []).append(kind.name)
    assert {title: names for title, names in pages_of.items() if len(names) > 1} == {}
