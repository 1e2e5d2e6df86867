"""The sheet of a day, a month, a year: counted by date, opening onto its records, the same again for ever."""

import io
import re
from datetime import date, datetime
from html import unescape
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook
from pypdf import PdfReader
from pytest_django import DjangoAssertNumQueries

from ballatoio.base.accounts.models import Role, User
from ballatoio.base.labs.models import Lab
from ballatoio.care.desk.models import Contact
from ballatoio.care.desk.need_services import reopen_need, tell_need
from ballatoio.care.desk.services import AnswerGiven, NeedHeard
from ballatoio.oversight.reporting import sheet_services
from ballatoio.oversight.reporting.desk_figures import desk_figures
from ballatoio.oversight.reporting.models import DeskSheet
from ballatoio.oversight.reporting.periods import Kind, period_of, read_period
from tests import factories

ROME = ZoneInfo("Europe/Rome")
PAGE = "/mazzini/rendiconto/sportello/"
OCTOBER = period_of(Kind.MONTH, date(2026, 10, 1))
TODAY = "2026-11-22 12:00+01:00"


@pytest.fixture
def lab(db: None) -> Lab:
    return factories.make_lab("mazzini")


@pytest.fixture
def elena(lab: Lab) -> User:
    return factories.make_user("Elena", lab, Role.COORDINATOR)


def come(lab: Lab, by: User, when: datetime, *, told: bool = False, **fields: object) -> Contact:
    """Somebody comes at a moment, and asks about the rent."""
    with time_machine.travel(when):
        answers = (AnswerGiven(kind="information", text="ecco"),) if told else ()
        heard = NeedHeard(term=factories.make_term(), answers=answers, told=told)
        return factories.make_contact(lab, by, heard, started_at=when, **fields)


def at(month: int, day: int, hour: int = 10, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=ROME)


@given(st.sampled_from(list(Kind)), st.dates(min_value=date(2001, 1, 1), max_value=date(2100, 1, 1)))
def test_periods_follow_one_another_without_a_gap(kind: Kind, day: date) -> None:
    period = period_of(kind, day)
    assert period.first <= day <= period.last
    assert (period.after.first - period.last).days == 1
    assert period.before.after == period
    assert read_period({str(kind): period.value}, date(2101, 1, 1)) == period


@pytest.mark.parametrize(
    "asked", [{}, {"mese": "2026-13"}, {"giorno": "domani"}, {"anno": "2099"}, {"mese": "1066-01"}]
)
def test_a_period_that_makes_no_sense_is_the_present_month(asked: dict[str, str]) -> None:
    assert read_period(asked, date(2026, 11, 22)) == period_of(Kind.MONTH, date(2026, 11, 22))


@time_machine.travel(TODAY)
def test_things_count_on_the_day_on_which_they_happened(lab: Lab, elena: User) -> None:
    # The last minute of October, on the night after the clocks went back, and the first of November.
    come(lab, elena, at(10, 31, 23, 59), told=True)
    open_contact = come(lab, elena, at(10, 25, 2, 30))
    come(lab, elena, at(11, 1, 0, 0))
    with time_machine.travel(at(11, 5)):
        need = open_contact.needs.get()
        tell_need(need, by=elena, version=need.version, how="phone")
    october, november = desk_figures(lab, OCTOBER), desk_figures(lab, OCTOBER.after)
    assert (october["contacts"], october["needs"], october["closed"], october["open"]) == (2, 2, 1, 1)
    assert (november["contacts"], november["needs"], november["closed"], november["open"]) == (1, 1, 1, 1)
    assert october["answers"] == [("information", "Informazione", 1)]
    assert sum(n for _key, _label, n in october["parts"]) == 2
    year = desk_figures(lab, period_of(Kind.YEAR, date(2026, 1, 1)))
    assert year["contacts"] == october["contacts"] + november["contacts"]


@time_machine.travel(TODAY)
def test_a_fixed_sheet_gives_the_same_figures_whatever_happens_after(lab: Lab, elena: User) -> None:
    contact = come(lab, elena, at(10, 12), told=True)
    sheet = sheet_services.fix_sheet(lab, OCTOBER, by=elena)
    need = contact.needs.get()
    reopen_need(need, by=elena, version=need.version, owner=elena, next_on=date(2026, 11, 23))
    come(lab, elena, at(10, 13))
    kept = sheet_services.sheet_of(lab, OCTOBER)
    assert kept is not None
    assert (kept.content["contacts"], kept.content["closed"]) == (1, 1)
    assert sheet_services.written_since(kept, OCTOBER) == 2
    with pytest.raises(sheet_services.ReasonIsMissing):
        sheet_services.fix_sheet(lab, OCTOBER, by=elena)
    again = sheet_services.fix_sheet(lab, OCTOBER, by=elena, reason="Un contatto era rimasto su carta")
    assert (again.edition, again.content["contacts"]) == (2, 2)
    sheet.refresh_from_db()
    assert sheet.content["contacts"] == 1


@time_machine.travel(TODAY)
def test_a_period_that_goes_on_is_not_fixed(lab: Lab, elena: User) -> None:
    with pytest.raises(sheet_services.PeriodIsNotOver):
        sheet_services.fix_sheet(lab, period_of(Kind.MONTH, date(2026, 11, 1)), by=elena)
    with pytest.raises(sheet_services.PeriodIsNotOver):
        sheet_services.fix_sheet(lab, period_of(Kind.DAY, date(2026, 11, 22)), by=elena)


@time_machine.travel(TODAY)
def test_the_night_fixes_what_is_over_once(lab: Lab, elena: User) -> None:
    come(lab, elena, datetime(2025, 12, 3, 10, tzinfo=ROME))
    assert sheet_services.fix_due_sheets(lab) == 1 + 11 + 31
    assert sheet_services.fix_due_sheets(lab) == 0
    kinds = sorted(DeskSheet.objects.values_list("kind", flat=True))
    assert (kinds.count("anno"), kinds.count("mese"), kinds.count("giorno")) == (1, 11, 31)


@time_machine.travel(TODAY)
def test_every_figure_opens_onto_as_many_records(lab: Lab, elena: User) -> None:
    for day in (5, 6, 7):
        come(lab, elena, at(10, day), told=day != 6, language="ar" if day == 5 else "it")
    client = factories.sign_in(Client(), elena)
    page = client.get(PAGE, {"mese": "2026-10"}).content.decode()
    links = re.findall(r'<a href="(/mazzini/banco/[^"]+)">(\d+)</a>', page)
    assert len(links) == 6
    for address, count in links:
        rows = client.get(unescape(address)).content.decode()
        assert len(set(re.findall(r"/banco/(?:contatti|bisogni)/([0-9a-f-]{36})/\"", rows))) == int(count), address


@time_machine.travel(TODAY)
def test_the_files_say_what_the_page_says(lab: Lab, elena: User) -> None:
    come(lab, elena, at(10, 5), told=True)
    sheet_services.fix_sheet(lab, OCTOBER, by=elena)
    client = factories.sign_in(Client(), elena)
    pdf = PdfReader(io.BytesIO(client.get(f"{PAGE}foglio.pdf?mese=2026-10").content))
    text = "\n".join(page.extract_text() for page in pdf.pages)
    assert ("ottobre 2026" in text, "Affitto" in text, "edizione 1" in text) == (True, True, True)
    assert pdf.trailer["/Root"]["/MarkInfo"]["/Marked"] == True  # noqa: E712 (a PDF boolean)
    book = load_workbook(io.BytesIO(client.get(f"{PAGE}foglio.xlsx?mese=2026-10").content))
    summary = {row[0]: row[1] if len(row) > 1 else None for row in book["Riepilogo"].iter_rows(values_only=True)}
    assert (summary["contatti"], summary["bisogni nuovi"], summary["bisogni chiusi"]) == (1, 1, 1)
    assert list(book["Che cosa hanno chiesto"].iter_rows(values_only=True))[1:] == [("Affitto", 1)]


@time_machine.travel(TODAY)
def test_a_topic_named_like_a_formula_stays_text(lab: Lab, elena: User) -> None:
    with time_machine.travel(at(10, 5)):
        heard = NeedHeard(term=factories.make_term("=1+1"))
        factories.make_contact(lab, elena, heard, started_at=at(10, 5))
    client = factories.sign_in(Client(), elena)
    book = load_workbook(io.BytesIO(client.get(f"{PAGE}foglio.xlsx?mese=2026-10").content))
    cell = book["Che cosa hanno chiesto"]["A2"]
    assert (cell.value, cell.data_type) == ("=1+1", "s")


@time_machine.travel(TODAY)
def test_only_the_coordinator_fixes_figures(lab: Lab) -> None:
    anna = factories.sign_in(Client(), factories.make_user("Anna", lab, Role.DESK))
    assert anna.get(PAGE).status_code == 200
    assert anna.post(f"{PAGE}fissa/?mese=2026-10").status_code == 403
    assert DeskSheet.objects.count() == 0


@time_machine.travel(TODAY)
@pytest.mark.parametrize("many", [1, 30])
def test_queries_do_not_grow_with_the_contacts(
    lab: Lab, elena: User, many: int, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for day in range(1, many + 1):
        come(lab, elena, at(10, day))
    client = factories.sign_in(Client(), elena)
    client.get(PAGE)
    with django_assert_max_num_queries(10):
        client.get(PAGE, {"mese": "2026-10"})
