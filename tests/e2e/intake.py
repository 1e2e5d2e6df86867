"""What stories begin with: somebody comes to the desk and is written down."""

import re

from playwright.sync_api import expect

from .conftest import Visitor

CONTACT = re.compile(r"/banco/contatti/[0-9a-f-]{36}/")
NEED = re.compile(r"/banco/bisogni/[0-9a-f-]{36}/")


def write_contact(anna: Visitor, need: str, *, given: str = "", family: str = "", phone: str = "") -> str:
    """Write down a contact about a need that stays open, of nobody or of somebody new; give the path of its page."""
    page = anna.page
    anna.go("/mazzini/banco/contatti/nuovo/")
    page.locator("input[name=channel][value=walk_in]").check()
    page.locator(f"input[name=who][value={'new' if given else 'anonymous'}]").check()
    for name, value in (("given_name", given), ("family_name", family), ("phone", phone)):
        if value:
            page.locator(f"input[name={name}]").fill(value)
    page.locator("input[name=b1-need]").press_sequentially(need)
    expect(page.locator("#b1-voci input[type=radio]").first).to_be_attached()
    page.locator("input[name=b1-need]").press("Enter")
    page.locator("button[name=do][value=save]").press("Enter")
    page.wait_for_url(CONTACT)
    return page.url.removeprefix(anna.server).partition("#")[0]


def open_need(anna: Visitor) -> str:
    """Go from the page of a contact to its need; give the path of the need's page."""
    anna.page.locator("main a[href*='/banco/bisogni/']").first.press("Enter")
    anna.page.wait_for_url(NEED)
    return anna.page.url.removeprefix(anna.server).partition("#")[0]
