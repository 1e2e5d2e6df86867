"""Anna at the desk, who never touches the mouse."""

import io
import re

from playwright.sync_api import Page, expect
from pypdf import PdfReader

from .conftest import Open, Visitor
from .figures import write_figures
from .keyboard import Keyboard
from .pages import find_records

ARABIC_LETTER = re.compile("[\u0600-\u06ff\ufb50-\ufdff\ufe70-\ufeff]")
# A practised operator types about three keys a second: a minute is 180 keys.
KEYS_IN_A_MINUTE = 180


def sit_down(visit: Open, name: str = "anna") -> tuple[Visitor, Keyboard]:
    """An operator who has just signed in, with «Oggi» in front of them."""
    operator = visit()
    keys = Keyboard(operator.page)
    operator.enter(name)
    operator.go("/mazzini/banco/")
    keys.strokes = 0
    return operator, keys


def new_contact(keys: Keyboard, page: Page) -> None:
    """Open a new contact with its access key; the cursor is already on the first question."""
    keys.press("Alt+n")
    page.wait_for_url("**/contatti/nuovo/")
    expect(page.locator("input[name=channel]:checked")).to_be_focused()


def pick(keys: Keyboard, page: Page, name: str, value: str) -> None:
    """Press the digit that stands beside a choice; the cursor is on its group."""
    choice = page.locator(f"input[type=radio][name='{name}'][value='{value}']")
    expect(page.locator(f"input[name='{name}']:focus")).to_have_count(1)
    keys.press(page.locator(f"label[for='{choice.get_attribute('id')}'] kbd").inner_text())
    expect(choice).to_be_checked()


def test_an_anonymous_contact_in_arabic_and_the_sheet_of_a_service(visit: Open) -> None:
    anna, keys = sit_down(visit)
    page = anna.page
    new_contact(keys, page)
    pick(keys, page, "channel", "walk_in")
    pick(keys, page, "who", "anonymous")
    expect(page.locator("select[name=language]")).to_be_focused()
    keys.write("ar")
    expect(page.locator("select[name=language]")).to_have_value("ar")
    keys.tab_to(page.locator("input[name=b1-need]"))
    keys.write("muffa")
    keys.press("Enter")
    pick(keys, page, "b1-kind", "orientation")
    expect(page.locator("input[name=b1-service]")).to_be_focused()
    keys.write("sportello del lab")
    keys.press("Alt+t")
    page.wait_for_url(re.compile(r"/contatti/[0-9a-f-]{36}/"))
    expect(page.locator("main")).to_contain_text("anonimo")
    expect(page.locator("main")).to_contain_text("arabo")
    sheet = page.locator("a[href*='scheda.pdf']").first
    keys.tab_to(sheet)

    href = sheet.get_attribute("href")
    assert href is not None
    answer = page.context.request.get(anna.server + href)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/pdf")
    paper = PdfReader(io.BytesIO(answer.body()))
    catalogue = paper.trailer["/Root"]
    assert catalogue["/MarkInfo"]["/Marked"] is True or catalogue["/MarkInfo"]["/Marked"] == True  # noqa: E712
    assert str(catalogue["/Lang"]).startswith("ar")
    assert len(ARABIC_LETTER.findall(paper.pages[0].extract_text())) > 40
    width, height = (round(float(side) / 72 * 25.4) for side in paper.pages[0].mediabox[2:])
    assert (width, height) == (148, 210)

    assert keys.pointer == []
    assert keys.strokes < KEYS_IN_A_MINUTE
    write_figures("keys_anonymous_contact_in_arabic_with_sheet", keys.strokes)


def test_the_need_of_a_known_person_is_taken_turns_up_today_and_is_told(visit: Open) -> None:
    anna, keys = sit_down(visit)
    page = anna.page
    records = find_records(page.context.request, anna.server)
    anna.go(f"/mazzini/banco/persone/{records['person']}/")
    person = page.locator("h1").inner_text().strip()
    anna.go("/mazzini/banco/")
    keys.strokes = 0
    new_contact(keys, page)
    pick(keys, page, "channel", "walk_in")
    pick(keys, page, "who", "known")
    expect(page.locator("input[name=look_for]")).to_be_focused()
    keys.write(person[:14])
    expect(page.locator("#persone label").filter(has_text=person).first).to_be_visible()
    keys.press("ArrowDown")
    keys.tab_to(page.locator("input[name=b1-need]"))
    keys.write("ascensore")
    keys.press("Enter")
    keys.press("1")
    expect(page.locator("select[name=b1-owner]")).to_be_focused()
    keys.tab_to(page.locator("input[name=b1-next_on]"))
    keys.press("Control+a")
    keys.write("oggi")
    keys.press("Control+Enter")
    expect(page.locator("input[name=channel]:checked")).to_be_focused()
    expect(page.locator("main")).to_contain_text("salvato")
    saved = keys.strokes

    keys.press("Alt+o")
    page.wait_for_url("**/banco/")
    row = page.locator("a[href*='/banco/bisogni/']").filter(has_text=re.compile("ascensore", re.IGNORECASE))
    mine = page.locator("main").locator("li.need-row").filter(has_text=person).filter(has=row).first
    expect(mine).to_be_visible()
    link = mine.locator("a[href*='/banco/bisogni/']").first
    need = link.get_attribute("href")
    keys.tab_to(page.locator("a.tile[href='#oggi']"))
    keys.press("Enter")
    keys.tab_to(link)
    keys.press("Enter")
    page.wait_for_url(re.compile(r"/bisogni/[0-9a-f-]{36}/"))

    keys.choose(page.locator("form[action$='/risposta/'] input[name=kind][value=information]"))
    keys.tab_to(page.locator("form[action$='/risposta/'] textarea[name=text]"))
    keys.write("L'ascensore riparte domani alle 9.")
    keys.choose(page.locator("form[action$='/risposta/'] input[name=told_how][value=phone]"))
    keys.tab_to(page.locator("form[action$='/risposta/'] button[type=submit]").first)
    keys.press("Enter")
    expect(page.locator("main")).to_contain_text("Risposta segnata")
    expect(page.locator("main")).to_contain_text("telefono")

    keys.press("Alt+o")
    page.wait_for_url("**/banco/")
    expect(page.locator(f"main a[href='{need}']")).to_have_count(0)
    assert keys.pointer == []
    write_figures("keys_known_person_with_owner_and_date", saved)
