"""Anna sends people on to a school: one school answers by the link in its post, the other on the telephone."""

import re
from pathlib import Path
from urllib.parse import urlparse

import pytest
from playwright.sync_api import Page, expect

from .conftest import Open, Visitor, Work
from .intake import open_need, write_contact
from .letterbox import CODE, emails_to, text_of

pytestmark = pytest.mark.usefixtures("fresh_counts")
SCHOOL = "/mazzini/servizi/gestione/italian-volunteers/"
EMAIL = "scuola@example.org"
PHONE = "345 6667778"
OUTBOX = "/mazzini/posta/"
REFERRAL = re.compile(r"/mazzini/invii/[0-9a-f-]{36}/$")


def give_email(elena: Visitor, sheet: str) -> str:
    """Elena writes the e-mail address of a service into its sheet; give the name of the service."""
    elena.go(sheet)
    name = elena.page.locator("input[name=name]").input_value()
    elena.page.locator("input[name=email]").fill(EMAIL)
    elena.page.locator("main form .actions button[type=submit]").first.press("Enter")
    elena.page.wait_for_load_state()
    elena.go(sheet)
    expect(elena.page.locator("input[name=email]")).to_have_value(EMAIL)
    return name


def send_on(anna: Visitor, service: str, words: str, *, with_name: bool) -> str:
    """Send somebody on from the page of their need, with the consent read to them; give the path of the referral."""
    page = anna.page
    page.locator("main a[href*='/invii/nuovo/']").first.press("Enter")
    page.wait_for_url("**/invii/nuovo/**")
    page.locator("input[name=service]").fill(service)
    if with_name:
        page.locator("input[name=shares][value=name]").check()
    page.locator("textarea[name=words]").fill(words)
    page.locator("button[value=reread]").press("Enter")
    heard = page.locator(".said[lang=it]")
    expect(heard).to_contain_text(service)
    expect(heard).to_contain_text(words)
    # Without a yes nothing leaves.
    page.locator("button[value=send]").press("Enter")
    expect(page.locator(".has-error")).to_have_count(1)
    forgive_422(anna)
    page.locator("input[name=how][value=spoken]").check()
    page.locator("button[value=send]").press("Enter")
    page.wait_for_url(REFERRAL)
    return page.url.removeprefix(anna.server)


def forgive_422(visitor: Visitor) -> None:
    """A form shown again answers 422: Chromium's console remarks on it, and that is all that it says."""
    assert all("422" in trouble for trouble in visitor.troubles)
    visitor.troubles.clear()


def chips(page: Page) -> str:
    """Give the state that stands beside the title."""
    return page.locator("main .head .chip").first.inner_text().strip()


def test_a_school_answers_by_its_link_and_who_asked_is_told(visit: Open, work: Work, data: Path) -> None:
    elena, anna, school = visit(), visit(), visit()
    elena.enter("elena")
    service = give_email(elena, SCHOOL)
    anna.enter("anna")
    write_contact(anna, "italiano", given="Yetunde", family="Adebayo", phone=PHONE)
    need = open_need(anna)
    referral = send_on(anna, service, "Le serve per la patente.", with_name=False)
    assert chips(anna.page) == "Inviato"
    reference = anna.page.locator("main p strong").first.inner_text().strip()

    work()
    (asked,) = emails_to(data, EMAIL)
    text = text_of(asked)
    assert reference in str(asked["Subject"])
    # Neither who, nor what for.
    for secret in ("Yetunde", "Adebayo", "6667778", "patente"):
        assert secret not in f"{asked['Subject']} {text}"
    (link,) = re.findall(r"https?://\S+", text)

    school.go(urlparse(link).path)
    door = school.page.locator("main")
    expect(door).not_to_contain_text("Yetunde")
    expect(door).not_to_contain_text(EMAIL)
    expect(door).to_contain_text("s***@…")
    door.locator("form button").press("Enter")
    school.page.wait_for_url("**/codice/")
    work()
    (code,) = CODE.findall(text_of(emails_to(data, EMAIL)[-1]))
    school.page.locator("input[name=check]").fill(code.lower())
    school.page.locator("main form button[type=submit]").press("Enter")
    school.page.wait_for_url("**/richiesta/")
    told = school.page.locator("section", has=school.page.locator("#richiesta"))
    expect(told).to_contain_text("Le serve per la patente.")
    for secret in ("Yetunde", "Adebayo", "666 7778"):
        expect(door).not_to_contain_text(secret)

    # Whoever the link is forwarded to stands before the same door.
    stranger = visit()
    stranger.page.goto(f"{stranger.server}{urlparse(link).path}richiesta/")
    assert stranger.page.url.endswith(urlparse(link).path)
    expect(stranger.page.locator("main")).not_to_contain_text("patente")

    school.page.locator("input[name=state][value=accepted]").check()
    school.page.locator("textarea[name=words]").fill("La aspettiamo lunedì alle 18.")
    school.page.locator("main form button[type=submit]").press("Enter")
    expect(school.page.locator("main")).to_contain_text("Avete accettato")

    # The need is Anna's again, and its person is told that there is an answer; not which.
    anna.go(referral)
    assert chips(anna.page) == "Accettato"
    expect(anna.page.locator("main")).to_contain_text("La aspettiamo lunedì alle 18.")
    anna.go(need)
    assert chips(anna.page) == "Risposta pronta, da comunicare"
    anna.go(OUTBOX)
    calls = anna.page.locator("main li", has_text="Yetunde Adebayo")
    expect(calls).to_have_count(1)
    for secret in ("lunedì", "patente", service):
        expect(calls).not_to_contain_text(secret)

    school.page.locator("input[name=state][value=done]").check()
    school.page.locator("main form button[type=submit]").press("Enter")
    school.page.wait_for_url("**/invio/grazie/")
    expect(school.page.locator("main")).not_to_contain_text("patente")
    anna.go(referral)
    assert chips(anna.page) == "Fatto"
    # The link is dead; and nobody is told twice of what they know.
    dead = school.page.goto(f"{school.server}{urlparse(link).path}")
    assert dead is not None
    assert dead.status == 404
    expect(school.page.locator("main")).to_contain_text("Questo link non si apre.")
    school.troubles.clear()
    anna.go(OUTBOX)
    expect(calls).to_have_count(1)


def test_a_service_without_email_answers_on_the_telephone_in_one_line(visit: Open) -> None:
    anna = visit()
    anna.enter("anna")
    page = anna.page
    anna.go("/mazzini/servizi/welcome-center/")
    service = page.locator("h1").inner_text().strip()
    write_contact(anna, "italiano", given="Precious", family="Osagie", phone="346 1212121")
    need = open_need(anna)
    referral = send_on(anna, service, "Chiede il primo appuntamento.", with_name=True)
    anna.go(need)
    assert chips(page) == "In attesa di altri"

    anna.go(referral)
    page.locator("input[name=state][value=refused]").check()
    page.locator("select[name=refusal]").select_option("no_place")
    page.locator("textarea[name=words]").fill("Richiamare a gennaio.")
    page.locator("button", has_text="Segna la risposta").press("Enter")
    expect(page.locator("main")).to_contain_text("Risposta segnata.")
    assert chips(page) == "Rifiutato"
    history = page.locator("#storia ~ ol")
    expect(history).to_contain_text("per telefono")
    expect(history).to_contain_text("Richiamare a gennaio.")
    anna.go(need)
    assert chips(page) == "Da fare"
    expect(page.locator("main")).to_contain_text("Adesso non c’è posto. Richiamare a gennaio.")
