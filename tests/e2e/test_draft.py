"""What was typed at the desk is not lost, and is nobody else's."""

import re

from playwright.sync_api import Page, expect

from .conftest import Open, Visitor

STORY = "Da tre settimane piove in cucina e nessuno risponde al telefono"


def type_story(operator: Visitor, story: str = STORY) -> None:
    """Begin a contact and leave it half way, with its draft kept."""
    operator.go("/mazzini/banco/contatti/nuovo/")
    page = operator.page
    page.locator("input[name=b1-need]").fill("infiltrazione")
    story_box(page).fill(story)
    expect(page.locator("#bozza-stato")).to_contain_text("al sicuro")


def story_box(page: Page):  # type: ignore[no-untyped-def]
    """The box of the story, opened if it is folded."""
    box = page.locator("textarea[name=words]")
    if not box.is_visible():
        page.locator("details", has=box).locator("summary").press("Enter")
    return box


def test_a_draft_survives_a_lost_session_and_is_offered_to_its_writer(visit: Open) -> None:
    anna = visit()
    anna.enter("anna")
    type_story(anna)
    anna.context.clear_cookies()
    anna.page.locator("input[name=b1-need]").press("End")
    anna.page.keyboard.type(" in cucina")
    expect(anna.page.locator("#sessione-finita")).to_be_visible()
    expect(story_box(anna.page)).to_have_value(STORY)

    anna.enter("anna")
    anna.go("/mazzini/banco/")
    anna.page.locator(".draft a[href*='bozza=']").first.press("Enter")
    anna.page.wait_for_url("**?bozza=*")
    expect(story_box(anna.page)).to_have_value(STORY)
    expect(anna.page.locator("input[name=b1-need]")).to_have_value(re.compile("infiltrazione"))
    anna.troubles.clear()  # the refused draft is an error for the console


def test_the_next_person_at_the_same_desk_never_sees_a_draft(visit: Open) -> None:
    anna = visit()
    anna.enter("anna")
    type_story(anna)
    anna.go("/mazzini/banco/")
    link = anna.page.locator(".draft a[href*='bozza=']").first.get_attribute("href")
    anna.page.locator("form[action$='/accesso/logout/'] button, form[action*='logout'] button").first.press("Enter")
    anna.page.wait_for_load_state()

    anna.page.go_back()
    anna.page.go_back()
    assert STORY not in anna.page.content()
    kept = anna.page.evaluate("JSON.stringify([localStorage, sessionStorage])")
    assert STORY not in kept
    assert "history-cache" not in kept

    anna.enter("elena")
    for path in ("/mazzini/banco/", "/mazzini/banco/contatti/nuovo/", str(link)):
        anna.go(path)
        assert STORY not in anna.page.content(), path
        assert anna.page.locator(".draft").count() == 0, path


def test_without_network_nothing_is_lost_and_a_sentence_says_so(visit: Open) -> None:
    anna = visit()
    anna.enter("anna")
    type_story(anna)
    anna.context.set_offline(True)
    anna.page.locator("input[name=b1-need]").press("Control+Enter")
    expect(
        anna.page.get_by_role("alert").filter(has_text=re.compile("rete|connessione", re.IGNORECASE))
    ).to_be_visible()
    expect(story_box(anna.page)).to_have_value(STORY)

    anna.context.set_offline(False)
    anna.page.locator("input[name=b1-need]").press("Control+Enter")
    expect(anna.page.locator("main")).to_contain_text("salvato")
    anna.troubles.clear()  # what could not be sent is an error for the console
