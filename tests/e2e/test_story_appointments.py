"""A week of appointments: one is booked from an old telephone, one is waited for, and Livia receives."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from .conftest import Open, Visitor, Work
from .letterbox import CODE, sms_to

pytestmark = pytest.mark.usefixtures("fresh_counts")
# Of the demonstration: always free somewhere, and full for weeks.
FREE = "colloquio-allo-sportello"
FULL = "aiuto-con-lisee-e-i-bonus"
OWN = "/mazzini/appuntamento/"
WAITING = "/mazzini/appuntamenti/attesa/"
PHONE = "348 5554443"
APPOINTMENT = re.compile(r"/mazzini/appuntamenti/[0-9a-f-]{36}/$")


def send(page: Page) -> None:
    """Send the form of a public page."""
    page.locator("main form[method=post] button[type=submit]").first.press("Enter")
    page.wait_for_load_state()


def own_code(page: Page) -> str:
    """Give the code that stands on one's own page."""
    return " ".join(page.locator(".slip-code span").all_inner_texts())


def enter_code(visitor: Visitor, code: str) -> None:
    """Open one's own page with a code, as it was spoken."""
    visitor.context.clear_cookies()
    visitor.go(OWN)
    visitor.page.locator("input[name=code]").fill(code.lower())
    send(visitor.page)


def cancel(somebody: Visitor, code: str) -> None:
    """Cancel the appointment of a code, without an account and without scripts."""
    enter_code(somebody, code)
    page = somebody.page
    page.locator("summary", has_text="Non posso venire").press("Enter")
    page.locator("button[value=cancel]").press("Enter")
    expect(page.locator("h1")).to_have_text("Hai disdetto questo appuntamento")


def codes_of_full_kind(anna: Visitor, how_many: int) -> list[str]:
    """Give the codes of appointments of the full kind in the week after the next, as Anna reads them out."""
    anna.go("/mazzini/appuntamenti/?dal=2026-11-30")
    rows = anna.page.locator("a.week-what", has_text="ISEE")
    paths = [row.get_attribute("href") for row in rows.all()][:how_many]
    codes = []
    for path in paths:
        assert path is not None
        anna.go(path)
        codes.append(own_code(anna.page))
    return codes


def offered(anna: Visitor) -> list[tuple[int, bool]]:
    """Give the numbers of the waiting list in their order, each with whether a time is held for it."""
    anna.go(WAITING)
    rows = anna.page.locator("main tbody tr").all()
    return [(int(row.locator("th").inner_text()), "Proposto" in row.inner_text()) for row in rows]


def test_everybody_books_without_scripts_and_the_operator_finds_it(visit: Open) -> None:
    somebody, anna = visit(360, 740, java_script_enabled=False), visit()
    page = somebody.page
    somebody.go("/mazzini/prenota/")
    page.locator(f"main a[href$='/prenota/{FREE}/'][data-element='service-booking-access']").press("Enter")
    page.wait_for_load_state()
    day = page.locator("form[data-element='appointment-available'] fieldset", has_text="mercoledì").first
    said = day.locator("legend").inner_text()
    time = day.locator("label strong").first.inner_text().strip()
    day.locator("input[name=posto]").first.check()
    page.locator("form[data-element='appointment-available'] button").press("Enter")
    page.wait_for_load_state()

    # Nothing is lost when something is missing.
    page.locator("input[name=name]").fill("Zaira")
    send(page)
    expect(page.locator(".has-error")).to_contain_text("oppure segna che tieni il codice.")
    expect(page.locator("input[name=name]")).to_have_value("Zaira")
    page.locator("input[name=only_code]").check()
    page.locator("textarea[name=words]").fill("Vengo con la carrozzina.")
    send(page)
    assert page.url == f"{somebody.server}{OWN}"
    expect(page.locator("main")).to_contain_text("Ti aspettiamo")
    expect(page.locator("main .lead")).to_contain_text(said)
    expect(page.locator("main .lead")).to_contain_text(time)
    code = own_code(page)
    assert CODE.fullmatch(code)
    assert all("422" in trouble for trouble in somebody.troubles)
    somebody.troubles.clear()

    # Anna receives on Wednesdays: her week has it, without a name; the page of the appointment has the rest.
    anna.enter("anna")
    anna.go("/mazzini/appuntamenti/")
    row = anna.page.locator("li.week-row", has_text="dalla pagina pubblica").filter(has_text=time).first
    row.locator("a.week-what").press("Enter")
    anna.page.wait_for_url(APPOINTMENT)
    for told in ("Zaira", "Vengo con la carrozzina.", "Anna Colombo"):
        expect(anna.page.locator("main")).to_contain_text(told)
    assert own_code(anna.page) == code

    # Her calendar has it too, behind a secret address; never who comes.
    anna.go("/mazzini/appuntamenti/calendario/")
    anna.page.locator("button[value=new]").press("Enter")
    link = anna.page.locator("input#link").input_value()
    path = re.sub(r"^https?://[^/]+", "", link)
    feed = visit().context.request.get(f"{anna.server}{path}")
    assert (feed.status, feed.headers["content-type"].partition(";")[0]) == (200, "text/calendar")
    starts = f"DTSTART:202611{said.split()[1]}T{int(time[:2]) - 1:02d}{time[3:]}00Z"
    assert starts in feed.text()
    assert "Zaira" not in feed.text()
    anna.page.locator("button[value=stop]").press("Enter")
    expect(anna.page.locator("main")).to_contain_text("Adesso nessun collegamento funziona.")
    assert visit().context.request.get(f"{anna.server}{path}").status == 404

    cancel(somebody, code)


def test_who_waits_for_a_full_kind_is_called_in_order_when_others_cancel(visit: Open, work: Work, data: Path) -> None:
    waiter, anna = visit(360, 740, java_script_enabled=False), visit()
    somebody = visit(360, 740, java_script_enabled=False)
    page = waiter.page
    anna.enter("anna")
    before = offered(anna)
    assert before == [(number, False) for number, _held in sorted(before)]
    waiter.go(f"/mazzini/prenota/{FULL}/")
    expect(page.locator("main")).to_contain_text("In questo momento non c’è nessun orario libero.")
    page.locator("main a", has_text="Mettimi in lista d’attesa").press("Enter")
    page.wait_for_load_state()
    page.locator("input[name=name]").fill("Ramona")
    page.locator("input[name=phone]").fill(PHONE)
    send(page)
    expect(page.locator("h1")).to_have_text("Sei in lista d’attesa")
    expect(page.locator("main .lead")).to_have_text(f"Prima di te ci sono {len(before)} persone.")
    mine = own_code(page)
    numbers = [number for number, _held in offered(anna)]
    assert numbers[:-1] == [number for number, _held in before]

    codes = codes_of_full_kind(anna, len(numbers))
    assert len(codes) == len(numbers)
    for place, code in enumerate(codes, start=1):
        # Nobody jumps the queue: with each time that is freed, the next one in line is asked.
        cancel(somebody, code)
        assert offered(anna) == [(number, order < place) for order, number in enumerate(numbers)]
    # Who did not come in time has nothing more to cancel.
    enter_code(somebody, codes[0])
    expect(somebody.page.locator("button[value=cancel]")).to_have_count(0)

    work()
    (asked,) = sms_to(data, PHONE)
    assert "C’è un posto per te" in asked
    assert mine in asked or mine.replace(" ", "") in asked
    assert "ISEE" not in asked
    # The first says yes on the telephone, the last with the code of the message.
    anna.go(WAITING)
    anna.page.locator("main tbody tr th a").first.press("Enter")
    anna.page.wait_for_url("**/attesa/*/")
    anna.page.locator("button", has_text="Dice di sì").press("Enter")
    anna.page.wait_for_load_state()
    assert [number for number, _held in offered(anna)] == numbers[1:]
    enter_code(waiter, mine)
    expect(page.locator("h1")).to_have_text("C’è un posto per te")
    page.locator("button[value=accept]").press("Enter")
    expect(page.locator("h1")).to_have_text("Ti aspettiamo")
    assert [number for number, _held in offered(anna)] == numbers[1:-1]


def test_livia_books_receives_and_marks_who_did_not_come(visit: Open) -> None:
    livia = visit()
    page = livia.page
    livia.enter("livia")
    livia.go("/mazzini/appuntamenti/")
    page.locator("select[name=di]").select_option(label="Livia Fontana")
    page.locator("main form.filters button").press("Enter")
    page.wait_for_url("**di=**")
    page.locator(".week-day.is-today .is-free a").first.press("Enter")
    page.wait_for_url("**/appuntamenti/nuovo/**")
    page.locator("input[name=look_for]").press_sequentially("mar")
    known = page.locator("input[name=person]").first
    expect(known).to_be_attached()
    known.check()
    name = page.locator("label", has=known).locator("bdi").first.inner_text().strip()
    # The time that was free in the week is the one that is chosen.
    chosen = page.locator("#orari fieldset", has_text="martedì 17 novembre").locator("input[name=slot]:checked")
    expect(chosen).to_have_count(1)
    page.locator("button[value=book]").press("Enter")
    page.wait_for_url(APPOINTMENT)
    appointment = page.url.removeprefix(livia.server)
    expect(page.locator("main .head")).to_contain_text("Martedì 17 novembre")

    # Her day has it among the rest; when they arrive, the contact is half written.
    livia.go("/mazzini/banco/")
    page.locator(f"main a[href='{appointment}']").first.press("Enter")
    page.wait_for_url(APPOINTMENT)
    page.locator("button", has_text="È arrivata: scrivi il contatto").press("Enter")
    page.wait_for_url(re.compile(r"/contatti/nuovo/"))
    expect(page.locator("#persone")).to_contain_text(name)
    livia.go(appointment)
    expect(page.locator("main .head .chip-ok")).to_have_count(1)

    # Of last week's, one was marked wrong.
    livia.go("/mazzini/appuntamenti/?dal=2026-11-10")
    kept = page.locator("li.week-row", has=page.locator(".chip-ok")).first
    kept.locator("a.week-what").press("Enter")
    page.wait_for_url(APPOINTMENT)
    page.locator("summary", has_text="Ho sbagliato a segnare").press("Enter")
    page.locator("button[name=how][value=not_come]").press("Enter")
    expect(page.locator("main .head .chip-warn")).to_have_text("Non è venuta")
