"""Anna finds that two files are of one woman, makes them one, and takes it back."""

import re

from playwright.sync_api import Page, expect

from .conftest import Open, Visitor
from .keyboard import Keyboard

NEW = "/mazzini/persone/nuova/"
A_FILE = re.compile(r"/mazzini/persone/[0-9a-f-]{36}/$")


def open_file(anna: Visitor, given: str, family: str, phone: str) -> str:
    """Write somebody down, whoever they look like; give the address of their file."""
    page = anna.page
    anna.go(NEW)
    for name, value in (("given_name", given), ("family_name", family), ("phone", phone)):
        page.locator(f"main input[name={name}]").fill(value)
    page.locator("main form .actions button[type=submit]").press("Enter")
    page.wait_for_load_state()
    if (another := page.locator("button[name=is_another]")).count():
        another.press("Enter")
    page.wait_for_url(A_FILE)
    return page.url.removeprefix(anna.server)


def found(page: Page, server: str, typed: str) -> list[str]:
    """Give the names that a search brings up."""
    page.goto(f"{server}/mazzini/persone/?q={typed}")
    return page.locator("#trovate tbody th a").all_inner_texts()


def test_two_files_of_one_woman_become_one_and_two_again(visit: Open) -> None:
    anna = visit()
    page = anna.page
    anna.enter("anna")
    first = open_file(anna, "Lyudmyla", "Stetsenko", "340 1112223")
    second = open_file(anna, "Людмила", "Стеценко", "340 4445556")
    # Whichever alphabet one types in, both are there.
    assert sorted(found(page, anna.server, "lyudmyla stetsenko")) == ["Lyudmyla Stetsenko", "Людмила Стеценко"]
    assert {"Lyudmyla Stetsenko", "Людмила Стеценко"} <= set(found(page, anna.server, "Людмила"))

    anna.go(first)
    keys = Keyboard(page)
    page.locator("a[href$='/unisci/']").press("Enter")
    page.wait_for_url("**/unisci/")
    page.locator("main input[name=q]").fill("340 444")
    page.locator("main input[name=q]").press("Enter")
    page.locator("main a[href*='/unisci/'][href*='-']").filter(has_text="Confronta").first.press("Enter")
    page.wait_for_url(re.compile(r"/unisci/[0-9a-f-]{36}/$"))
    expect(page.locator("main")).to_contain_text("1 recapito")
    expect(page.locator("input[name=given_name][value=kept]")).to_be_checked()
    keys.choose(page.locator("input[name=family_name][value=merged]"))
    page.locator("main form button[type=submit]").filter(has_text="unisci").press("Enter")
    page.wait_for_url(f"**{first}")
    expect(page.locator("h1")).to_have_text("Lyudmyla Стеценко")
    for told in ("340 111 2223", "340 444 5556", "Dentro c’è anche la scheda di Людмила Стеценко"):
        expect(page.locator("main")).to_contain_text(told)
    assert found(page, anna.server, "340 444") == ["Lyudmyla Стеценко"]
    page.goto(f"{anna.server}{second}")
    assert page.url.endswith(first)

    page.locator("main a[href*='/unioni/']").first.press("Enter")
    page.wait_for_url("**/annulla/")
    page.locator("main form button[type=submit]").press("Enter")
    page.wait_for_url(f"**{second}")
    expect(page.locator("main")).to_contain_text("sono di nuovo due schede")
    assert found(page, anna.server, "340 444") == ["Людмила Стеценко"]
    assert sorted(found(page, anna.server, "lyudmyla stetsenko")) == ["Lyudmyla Stetsenko", "Людмила Стеценко"]
    assert keys.pointer == []
