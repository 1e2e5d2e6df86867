"""Elena brings the desk's old log in: some rows are wrong, she mends them, and in the end she takes it all back."""

import re
from urllib.parse import quote

from playwright.sync_api import Page, expect

from .conftest import Open, Visitor, Work

# As a desk writes: a title above the headings, dates as they come, letters of an old Windows.
LOG = """\
Diario dello sportello;;;;
Data;Nome e cognome;Telefono;Argomento;Risposta
3/5/2025;Desirée Núñez;340 7071717;affitto;Spiegato come si chiede il contributo.
{first};Desirée Núñez;;affitto;
5 maggio 2025;anonimo;;muffa;
{second};Ferruccio Quaglini;;documenti;
"""
SHEET = re.compile(r"/mazzini/fogli/[0-9a-f-]{36}/$")


def upload(elena: Visitor, first: str, second: str) -> None:
    """Give the program the log with these two dates in the doubtful rows."""
    elena.go("/mazzini/fogli/")
    elena.page.locator("main a", has_text="Porta dentro un foglio").first.press("Enter")
    elena.page.wait_for_url("**/fogli/nuovo/")
    content = LOG.format(first=first, second=second).encode("cp1252")
    file = {"name": "diario.csv", "mimeType": "text/csv", "buffer": content}
    elena.page.locator("input[type=file]").set_input_files(file)  # type: ignore[arg-type]
    elena.page.locator("input[name=title]").fill("Diario vecchio")
    elena.page.locator("main form button[type=submit]").press("Enter")
    elena.page.wait_for_url("**/colonne/")


def check(elena: Visitor, work: Work) -> str:
    """Confirm columns and words, and let the worker check; give the path of the sheet."""
    page = elena.page
    guessed = [page.locator(f"select[name=c{place}]").input_value() for place in range(5)]
    assert guessed == ["date", "full_name", "phone", "topic", "answer"]
    page.locator("main form .actions button[type=submit]").press("Enter")
    page.wait_for_url("**/parole/")
    page.locator("main form .actions button[type=submit]").press("Enter")
    page.wait_for_url(SHEET)
    return let_work(elena, work)


def let_work(elena: Visitor, work: Work) -> str:
    """Look away while the worker works on the sheet on the screen, and back; give its path."""
    expect(elena.page.locator("#avanzamento progress")).to_be_visible()
    path = elena.page.url.removeprefix(elena.server)
    elena.go("/mazzini/fogli/")
    work()
    elena.go(path)
    return path


def found(page: Page, server: str, typed: str) -> list[str]:
    """Give the names that a search among the people brings up."""
    page.goto(f"{server}/mazzini/persone/?q={quote(typed)}")
    return page.locator("#trovate tbody th a").all_inner_texts()


def test_a_log_with_errors_is_mended_repeated_and_taken_back(visit: Open, work: Work) -> None:
    elena = visit()
    elena.enter("elena")
    page, main = elena.page, elena.page.locator("main")
    assert found(page, elena.server, "Núñez") == []

    upload(elena, "31/2/2025", "6/5")
    bad = check(elena, work)
    wrong = page.locator("#sbagliate ~ ul > li")
    expect(wrong).to_have_count(2)
    expect(wrong.nth(0)).to_contain_text("riga 4, colonna Data: «31/2/2025»")
    expect(wrong.nth(1)).to_contain_text("riga 6, colonna Data: «6/5» è senza l’anno: correggi il foglio e ricaricalo.")
    # Nothing is written yet, and the wrong rows can be taken home.
    assert found(page, elena.server, "Núñez") == []
    elena.go(bad)
    href = page.locator("a", has_text="Scarica le 2 righe sbagliate").get_attribute("href")
    rows = page.context.request.get(f"{elena.server}{href}")
    assert rows.status == 200
    lines = rows.body().decode("utf-8-sig").strip().splitlines()
    assert len(lines) == 3
    assert "31/2/2025" in lines[1]
    assert "Ferruccio Quaglini" in lines[2]
    page.locator("button", has_text="Butta via questo foglio").press("Enter")
    page.wait_for_url("**/fogli/")
    expect(main).to_contain_text("Buttato via")

    upload(elena, "4/5/2025", "6/5/2025")
    good = check(elena, work)
    expect(page.locator("#sbagliate")).to_have_count(0)
    page.locator("button", has_text="Importa 4 righe").press("Enter")
    page.wait_for_url(SHEET)
    assert let_work(elena, work) == good
    expect(main).to_contain_text("Sono entrati 4 contatti. 2 schede nuove di persone.")
    assert found(page, elena.server, "Núñez") == ["Desirée Núñez"]
    # Written as if the desk had written it on that day.
    page.locator("#trovate tbody th a").press("Enter")
    page.wait_for_url("**/persone/**")
    elena.go(page.url.removeprefix(elena.server).replace("/mazzini/persone/", "/mazzini/banco/persone/"))
    expect(main).to_contain_text("3 mag 2025")
    expect(main).to_contain_text("4 mag 2025")

    # The very same file a second time is noticed, and the choices of the first time are remembered.
    upload(elena, "4/5/2025", "6/5/2025")
    expect(main).to_contain_text("Questo stesso file è già entrato")
    expect(main).to_contain_text("Queste intestazioni le conosco già")
    elena.go(page.url.removeprefix(elena.server).replace("colonne/", ""))
    page.locator("button", has_text="Butta via questo foglio").press("Enter")
    page.wait_for_url("**/fogli/")

    elena.go(good)
    page.locator("main a", has_text="Annulla l’importazione").press("Enter")
    page.wait_for_url("**/annulla/")
    expect(main).to_contain_text("Saranno tolti 4 contatti e 2 schede di persone.")
    expect(main).to_contain_text("va via tutto")
    page.locator("main form button[type=submit]").press("Enter")
    page.wait_for_url(SHEET)
    assert let_work(elena, work) == good
    expect(main).to_contain_text("i dati sono cancellati per sempre")
    assert found(page, elena.server, "Núñez") == []
    assert found(page, elena.server, "Quaglini") == []
