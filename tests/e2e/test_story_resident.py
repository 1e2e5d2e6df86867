"""Farid with an old phone, in Arabic."""

import re

import pytest
from playwright.sync_api import expect

from .conftest import Open

BADLY_TYPED = "monpiani n.4"
# Three fingers on an Arabic keyboard type these digits.
PHONE = "٣٣٣ ١٢٣ ٤٥٦٧"


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_farid_finds_his_door_what_is_open_and_asks_to_be_called(script: bool, visit: Open) -> None:
    farid = visit(360, 740, java_script_enabled=script, has_touch=True, is_mobile=True, locale="ar")
    page = farid.page
    farid.go("/ar/mazzini/")
    page.locator("nav.house a[href$='/casa/']").tap()
    page.locator("input[name=q]").fill(BADLY_TYPED)
    page.locator("main form[role=search] button").tap()
    page.locator("main a[href$='/casa/via-mompiani-4/']").tap()
    expect(page.locator("h1")).to_have_text("via Mompiani 4")

    nearest = page.locator("ol.near > li").filter(has=page.locator(".chip-ok")).first
    expect(nearest).to_be_visible()
    expect(nearest).to_contain_text(re.compile("[\u0600-\u06ff]{3}"))
    nearest.locator("a").first.tap()
    expect(page.locator("h1")).to_have_text(re.compile("[\u0600-\u06ff]{3}"))
    expect(page.locator("main .chip-ok").first).to_be_visible()
    expect(page.locator("main a[href^='tel:']").first).to_be_visible()

    page.locator("aside.ringback a.btn").tap()
    expect(page.locator("input[name=language][value=ar]")).to_be_checked()
    page.locator("input[name=phone]").fill(PHONE)
    page.locator("input[name=hours][value=afternoon]").check()
    page.locator("main form[method=post] button[type=submit]").tap()
    page.wait_for_url("**/ar/mazzini/richiamami/fatto/")
    expect(page.locator("h1")).to_have_text(re.compile("[\u0600-\u06ff]{3}"))

    # The lab has his number, his language and his hours.
    elena = visit()
    elena.enter("elena")
    elena.go("/mazzini/banco/contatti/?canale=web&lingua=ar")
    elena.page.locator("#righe tbody a[href*='/contatti/']").first.press("Enter")
    elena.page.wait_for_url(re.compile(r"/contatti/[0-9a-f-]{36}/"))
    for told in (re.compile(r"333[ ]?123[ ]?4567"), "arabo", "pomeriggio", "Essere richiamati"):
        expect(elena.page.locator("main")).to_contain_text(told)


def test_a_number_with_letters_is_said_in_arabic_and_nothing_is_lost(visit: Open) -> None:
    farid = visit(360, 740, locale="ar")
    page = farid.page
    farid.go("/ar/mazzini/richiamami/")
    page.locator("input[name=phone]").fill("non so")
    page.locator("input[name=name]").fill("فريد")
    page.locator("main form[method=post] button[type=submit]").press("Enter")
    expect(page.locator(".has-error")).to_contain_text(re.compile("[\u0600-\u06ff]{3}"))
    expect(page.locator("input[name=phone]")).to_have_value("non so")
    expect(page.locator("input[name=name]")).to_have_value("فريد")
    # A form shown again answers 422: Chromium's console remarks on it, and that is all that it says.
    assert all("422" in trouble for trouble in farid.troubles)
    farid.troubles.clear()
