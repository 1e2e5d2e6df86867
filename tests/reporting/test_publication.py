"""What leaves the lab: fixed, masked, the same on screen, in a file and on paper; nobody outside opens a record."""

import csv
import io
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
import time_machine
from django.test import Client
from pypdf import PdfReader
from pytest_django import DjangoAssertNumQueries

from ballatoio.base.accounts.models import Role, User
from ballatoio.base.core.masking import Shown
from ballatoio.base.directory.models import NeedTerm
from ballatoio.base.labs.models import Lab
from ballatoio.care.desk.models import Contact, Need
from ballatoio.care.desk.services import AnswerGiven, NeedHeard
from ballatoio.oversight.reporting.models import Publication
from ballatoio.oversight.reporting.publication_services import (
    MonthIsNotOver,
    publish_due,
    publish_month,
    publish_quarter,
)
from ballatoio.oversight.reporting.published import published
from ballatoio.oversight.reporting.spans import span_around
from tests.factories import make_building, make_contact, make_person, make_term, make_user, sign_in

OCTOBER, NOVEMBER = date(2026, 10, 1), date(2026, 11, 1)
PAGE = "/mazzini/rendiconto/numeri/"


@pytest.fixture(autouse=True)
def on_a_day() -> Iterator[None]:
    with time_machine.travel("2026-11-22 12:00+01:00", tick=False):
        yield


@pytest.fixture
def topics(db: None) -> dict[str, NeedTerm]:
    home = make_term("Casa")
    inside = {name: make_term(name, parent=home) for name in ("Sfratto", "Muffa")}
    return {"Casa": home, **inside, "ISEE": make_term("ISEE"), "Scuola": make_term("Scuola")}


def record(
    lab: Lab, by: User, term: NeedTerm | None, times: int, day: int = 5, month: int = 10, **fields: object
) -> None:
    """Record the same contact several times, on a day of the past."""
    at = datetime(2026, month, day, 10, tzinfo=UTC)
    heard = NeedHeard(term=term) if term else NeedHeard(words="parole sue")
    for _turn in range(times):
        contact = make_contact(lab, by, heard, **fields)
        Contact.objects.filter(pk=contact.pk).update(started_at=at, ended_at=at)
        Need.objects.filter(contact=contact).update(opened_at=at)


def shown(publication: Publication, table: str) -> Shown:
    return Shown.from_data(publication.content[table])


def test_a_month_leaves_the_lab_masked(mazzini: Lab, anna: User, topics: dict[str, NeedTerm]) -> None:
    """Evictions and mould are told apart; what two asked stands together with the next smallest."""
    record(mazzini, anna, topics["Sfratto"], 6)
    record(mazzini, anna, topics["Muffa"], 5, language="ar")
    record(mazzini, anna, topics["ISEE"], 7)
    record(mazzini, anna, topics["Scuola"], 2)
    october = publish_month(mazzini, OCTOBER)
    topic = shown(october, "topic")
    assert (topic.total, topic.rest, topic.leaves()) == (20, 9, {("casa", "sfratto"): 6, ("casa", "muffa"): 5})
    assert shown(october, "language").leaves() == {("it",): 15, ("ar",): 5}
    assert shown(october, "ending").leaves() == {("aperti",): 20}
    assert october.content["days"] is None


def test_what_was_published_never_changes(mazzini: Lab, anna: User, topics: dict[str, NeedTerm]) -> None:
    """Who reads it twice, before and after somebody came, learns nothing of who came."""
    record(mazzini, anna, topics["ISEE"], 6)
    first = publish_month(mazzini, OCTOBER).content
    record(mazzini, anna, topics["ISEE"], 1)
    topics["ISEE"].name = "Modello ISEE"
    topics["ISEE"].save()
    assert publish_month(mazzini, OCTOBER).content == first
    assert Publication.objects.count() == 1


def test_a_month_is_published_on_the_first_working_day_after(mazzini: Lab, anna: User) -> None:
    """The first of November is a Sunday, and All Saints."""
    with time_machine.travel("2026-11-01 12:00+01:00"), pytest.raises(MonthIsNotOver):
        publish_month(mazzini, OCTOBER)
    with time_machine.travel("2026-11-02 08:00+01:00"):
        assert publish_month(mazzini, OCTOBER).first == OCTOBER
    with pytest.raises(MonthIsNotOver):
        publish_month(mazzini, NOVEMBER)


def test_what_is_over_is_published_once_houses_by_quarter(
    mazzini: Lab, anna: User, topics: dict[str, NeedTerm]
) -> None:
    one, two = make_building(mazzini), make_building(mazzini)
    hidden = make_person(mazzini, is_protected=True)
    for month in (7, 8, 9):
        record(mazzini, anna, topics["ISEE"], 3, month=month, building=one)
        record(mazzini, anna, topics["Muffa"], 1, month=month, building=two)
        record(mazzini, anna, topics["Muffa"], 2, month=month, building=two, person=hidden)
    made = [(publication.kind, publication.first.month) for publication in publish_due(mazzini)]
    assert made == [("month", 7), ("month", 8), ("month", 9), ("quarter", 7), ("month", 10)]
    assert publish_due(mazzini) == []
    quarter = publish_quarter(mazzini, date(2026, 7, 1))
    # The protected person's needs are of no house, and the three others of that house are too few.
    assert (shown(quarter, "house").total, shown(quarter, "house").leaves()) == (18, {(str(one.pk),): 9})
    assert [publication.unpublished for publication in Publication.objects.filter(first__month__lt=10)] == [{}] * 4


def test_a_house_is_named_where_nobody_can_be_found_by_it(
    mazzini: Lab, anna: User, topics: dict[str, NeedTerm]
) -> None:
    one, two = make_building(mazzini), make_building(mazzini)
    record(mazzini, anna, topics["Muffa"], 12, building=one)
    record(mazzini, anna, topics["ISEE"], 5, building=two)
    record(mazzini, anna, topics["ISEE"], 2, building=one)
    named = publish_month(mazzini, OCTOBER).content["named"]
    # Of seven with ISEE two would be left over.
    assert named == [[["casa", "muffa"], str(one.pk)]]


def test_a_year_is_the_sum_of_what_its_months_told(mazzini: Lab, anna: User, topics: dict[str, NeedTerm]) -> None:
    """March told of six, April of two only among the others: the year says at least six."""
    record(mazzini, anna, topics["ISEE"], 6, month=3)
    record(mazzini, anna, topics["ISEE"], 2, month=4)
    record(mazzini, anna, topics["Scuola"], 9, month=4)
    record(mazzini, anna, topics["Muffa"], 5, month=5)
    publish_due(mazzini)
    year = published(mazzini, span_around(OCTOBER, 12))
    lines = {line.label: (line.text, line.depth) for line in year.table("topic").lines}
    assert lines == {"ISEE": ("almeno 6", 0), "Casa": ("almeno 5", 0), "Muffa": ("almeno 5", 1)}
    assert (year.table("topic").rest, year.table("topic").total, year.missing) == (11, "22", 4)


def test_a_month_with_too_few_is_in_no_sum(mazzini: Lab, anna: User, topics: dict[str, NeedTerm]) -> None:
    house = make_building(mazzini)
    record(mazzini, anna, topics["ISEE"], 3, month=7, building=house)
    record(mazzini, anna, topics["ISEE"], 8, month=8, building=house)
    publish_due(mazzini)
    quarter = published(mazzini, span_around(date(2026, 7, 1), 3))
    assert [month.text for month in quarter.months] == ["meno di 5", "8", "0"]
    assert quarter.houses is not None
    assert (quarter.table("topic").total, quarter.houses.total) == ("almeno 8", "8")


@pytest.fixture
def a_month(mazzini: Lab, anna: User, topics: dict[str, NeedTerm]) -> None:
    told = (AnswerGiven(kind="information"),)
    record(mazzini, anna, topics["Sfratto"], 6, language="ar")
    record(mazzini, anna, topics["ISEE"], 8, channel="phone")
    record(mazzini, anna, topics["Scuola"], 3)
    for contact in range(6):
        at = datetime(2026, 10, 6, 9, contact, tzinfo=UTC)
        made = make_contact(mazzini, anna, NeedHeard(term=topics["ISEE"], answers=told, told=True))
        Contact.objects.filter(pk=made.pk).update(started_at=at, ended_at=at)
        Need.objects.filter(contact=made).update(opened_at=at, closed_at=at)
    publish_due(mazzini)


CELL = re.compile(r'<tr[^>]*><th scope="row"[^>]*>([^<]+)</th>.*?<td class="num">([^<]+)</td></tr>')


def numbers_on_screen(client: Client, query: str = "") -> list[tuple[str, str]]:
    text = client.get(f"{PAGE}{query}").content.decode()
    return [(label.strip(), number) for label, number in CELL.findall(text)]


@pytest.mark.parametrize("role", [Role.INSTITUTION, Role.CITY_COORDINATOR, Role.DESK])
def test_screen_file_and_paper_say_the_same(role: str, a_month: None, client: Client, mazzini: Lab) -> None:
    reader = make_user("Ivo", None if role == Role.CITY_COORDINATOR else mazzini, role)
    sign_in(client, reader)
    on_screen = numbers_on_screen(client)
    response = client.get(f"{PAGE}numeri.csv")
    rows = list(csv.reader(io.StringIO(b"".join(response).decode("utf-8-sig")), delimiter=";"))[1:]  # type: ignore[arg-type]
    in_file = [(label.removeprefix("– "), number) for _lab, _period, _table, label, number in rows]
    assert in_file == on_screen
    paper = "\n".join(
        page.extract_text() for page in PdfReader(io.BytesIO(client.get(f"{PAGE}numeri.pdf").content)).pages
    )
    assert [(label, number) for label, number in on_screen if label not in paper or number not in paper] == []
    assert [number for _label, number in on_screen if number.isdigit() and 0 < int(number) < 5] == []


@pytest.mark.parametrize("role", [Role.INSTITUTION, Role.CITY_COORDINATOR])
def test_outside_the_desk_the_map_of_needs_is_what_was_published(
    role: str, a_month: None, client: Client, mazzini: Lab
) -> None:
    reader = make_user("Ivo", None if role == Role.CITY_COORDINATOR else mazzini, role)
    sign_in(client, reader)
    inside = client.get("/mazzini/rendiconto/bisogni/", {"bisogno": "casa", "lingua": "ar", "dal": "5/10/2026"})
    whole = client.get(PAGE)
    assert [response.context["found"] for response in (inside, whole)] == [whole.context["found"]] * 2
    inside_the_page = whole.content.decode().partition("<main")[2]
    assert re.findall(r"/banco/[^\"]*", inside_the_page) == []
    assert client.get("/mazzini/rendiconto/andamento/").status_code == 403


def test_months_quarters_and_years_that_are_none(a_month: None, client: Client, anna: User) -> None:
    sign_in(client, anna)
    assert client.get(PAGE, {"dal": "2026-10", "mesi": "3"}).context["found"].span.name == "ottobre–dicembre 2026"
    for wrong in ({"dal": "ottobre"}, {"dal": "2999-01"}, {"mesi": "7"}, {"dal": "1000-01", "mesi": "x"}):
        assert client.get(PAGE, wrong).context["found"].span.first == OCTOBER


def test_a_lab_without_anything_published_has_a_page(client: Client, mazzini: Lab, anna: User) -> None:
    response = sign_in(client, anna).get(PAGE)
    assert (response.status_code, response.context["found"].tables) == (200, [])


def test_the_page_asks_little(
    a_month: None, client: Client, anna: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    sign_in(client, anna)
    with django_assert_max_num_queries(8):
        client.get(PAGE, {"dal": "2026-10", "mesi": "12"})
