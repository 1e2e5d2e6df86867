"""Somebody without a name goes home with a slip, looks whether the answer is there, and comes back to get it."""

import io
import re

import pytest
from playwright.sync_api import Page, expect
from pypdf import PdfReader

from .conftest import Open, Visitor
from .intake import CONTACT, open_need, write_contact
from .pages import find_records

pytestmark = pytest.mark.usefixtures("fresh_counts")
RECEIPT = "/mazzini/ricevuta/"
DOES_NOT_WORK = "Questo codice non funziona: controlla le lettere, oppure chiama lo sportello."
ANSWER = "Il contributo si chiede entro il 5 dicembre."


def hand_over(anna: Visitor) -> str:
    """Print the receipt of the contact that is on the screen; give the code on it, as it is written."""
    page = anna.page
    page.locator("#ricevuta button", has_text="Stampa la ricevuta").press("Enter")
    page.wait_for_url("**/ricevuta/")
    form = page.locator("form[action$='/ricevuta/stampa/']")
    sent = {
        name: form.locator(f"input[name={name}]").input_value() for name in ("csrfmiddlewaretoken", "code", "language")
    }
    action = f"{anna.server}{form.get_attribute('action')}"
    paper = page.context.request.post(action, form=sent, headers={"Referer": page.url})
    assert (paper.status, paper.headers["content-type"]) == (200, "application/pdf")
    slip = PdfReader(io.BytesIO(paper.body()))
    assert slip.trailer["/Root"]["/MarkInfo"]["/Marked"] == True  # noqa: E712
    code = " ".join(page.locator(".slip-code span").all_inner_texts())
    written = "".join(slip.pages[0].extract_text().split())
    assert code.replace(" ", "") in written
    return code


def look(page: Page, server: str, code: str) -> str:
    """Type a code into the public page; give what it says."""
    page.goto(f"{server}{RECEIPT}")
    page.locator("input[name=code]").fill(code)
    page.locator("main form button[type=submit]").press("Enter")
    expect(page.locator("main [role=status], main .has-error")).to_have_count(1)
    return page.locator("main").inner_text()


def refusal(page: Page, server: str, code: str) -> str:
    """Type a code that opens nothing; give the sentence beside it."""
    look(page, server, code)
    return page.locator("main .has-error").inner_text()


def bring(anna: Visitor, code: str) -> None:
    """Whoever has the slip shows it at the desk."""
    anna.go("/mazzini/banco/contatti/nuovo/")
    anna.page.locator("a", has_text="Ha una ricevuta?").press("Enter")
    anna.page.wait_for_url("**/banco/ricevute/")
    anna.page.locator("input[name=code]").fill(code)
    anna.page.locator("main form button[type=submit]").press("Enter")
    expect(anna.page.locator("h1")).to_contain_text("Contatto del")


def forgive_422(visitor: Visitor) -> None:
    """A form shown again answers 422: Chromium's console remarks on it, and that is all that it says."""
    assert all("422" in trouble for trouble in visitor.troubles)
    visitor.troubles.clear()


def test_the_slip_tells_that_the_answer_is_ready_and_its_holder_claims_it(visit: Open) -> None:
    anna = visit()
    anna.enter("anna")
    contact = write_contact(anna, "affitto")
    expect(anna.page.locator("main")).to_contain_text("anonimo")
    code = hand_over(anna)

    # On a telephone, without scripts.
    holder = visit(360, 740, java_script_enabled=False)
    said = look(holder.page, holder.server, code.lower().replace(" ", ""))
    assert "Ci stiamo lavorando." in said
    assert re.search(r"Ti rispondiamo entro \w+ \d+ \w+\.", said)
    phone = holder.page.locator("main a.phone").inner_text().strip()

    anna.go(contact)
    open_need(anna)
    answer = anna.page.locator("form[action$='/risposta/']")
    answer.locator("input[name=kind][value=information]").check()
    answer.locator("textarea[name=text]").fill(ANSWER)
    answer.locator("button[type=submit]").press("Enter")
    expect(anna.page.locator("main")).to_contain_text("Risposta segnata")

    said = look(holder.page, holder.server, code)
    assert "La risposta è pronta." in said
    assert "Dal 17 novembre 2026." in said
    assert holder.page.locator("main a.phone").inner_text().strip() == phone
    assert ANSWER not in said
    assert "affitto" not in said.lower()
    # The code is in no address.
    assert holder.page.url == f"{holder.server}{RECEIPT}"

    bring(anna, code)
    expect(anna.page.locator("main")).to_contain_text("È anonimo.")
    anna.page.locator("input[name=who][value=new]").check()
    for name, value in (("given_name", "Oksana"), ("family_name", "Hrytsenko"), ("phone", "347 9090901")):
        anna.page.locator(f"input[name={name}]").fill(value)
    anna.page.locator("button[value=claim]").press("Enter")
    anna.page.wait_for_url(CONTACT)
    expect(anna.page.locator("main")).to_contain_text("Il contatto adesso è nella scheda di Oksana Hrytsenko.")
    assert anna.page.url.removeprefix(anna.server) == contact
    anna.page.locator("main a", has_text="Oksana Hrytsenko").first.press("Enter")
    anna.page.wait_for_url("**/banco/persone/**")
    expect(anna.page.locator("h1")).to_contain_text("Oksana Hrytsenko")
    expect(anna.page.locator("main")).to_contain_text(re.compile("affitto", re.IGNORECASE))

    # What was used and what never was sound the same.
    used = refusal(holder.page, holder.server, code)
    assert DOES_NOT_WORK in used
    assert refusal(holder.page, holder.server, "ABCDE 23456") == used
    forgive_422(holder)


def test_a_lost_slip_is_stopped_and_the_new_one_joins_somebody_known(visit: Open) -> None:
    anna, finder = visit(), visit()
    anna.enter("anna")
    person = find_records(anna.context.request, anna.server)["person"]
    anna.go(f"/mazzini/banco/persone/{person}/")
    name = anna.page.locator("h1").inner_text().strip()
    contact = write_contact(anna, "ascensore")
    lost = hand_over(anna)
    anna.go(contact)
    anna.page.locator("#ricevuta button", has_text="Ricevuta persa").press("Enter")
    expect(anna.page.locator("main")).to_contain_text("Fatto: il codice di quel foglio non apre più niente.")
    code = hand_over(anna)
    assert code != lost
    stopped = refusal(finder.page, finder.server, lost)
    assert DOES_NOT_WORK in stopped
    assert refusal(finder.page, finder.server, "ABCDE 23456") == stopped
    forgive_422(finder)

    bring(anna, code)
    # What comes first is a search among those who are known already.
    expect(anna.page.locator("input[name=who][value=known]")).to_be_checked()
    anna.page.locator("input[name=look_for]").press_sequentially(name)
    known = anna.page.locator(f"#persone input[name=person][value='{person}']")
    expect(known).to_be_attached()
    known.check()
    anna.page.locator("button[value=claim]").press("Enter")
    anna.page.wait_for_url(CONTACT)
    expect(anna.page.locator("main")).to_contain_text(f"Il contatto adesso è nella scheda di {name}.")
    anna.go(f"/mazzini/banco/persone/{person}/")
    expect(anna.page.locator(f"main a[href='{contact}']").first).to_be_visible()
