"""The figures of a month: each is the number of records that it opens, and nothing small leaves the desk."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from ballatoio.base.accounts.models import Role, User
from ballatoio.base.labs.models import Lab
from ballatoio.base.people.services import register_person
from ballatoio.care.desk.charts import bar_chart, nice_top
from ballatoio.care.desk.models import Contact, Need
from ballatoio.care.desk.need_services import close_need
from ballatoio.care.desk.services import AnswerGiven, NeedHeard
from tests.factories import make_contact, make_term, make_user, sign_in

MONTH = "/mazzini/banco/mese/"
LINK = re.compile(r'<a href="(/mazzini/banco/(?:contatti|bisogni)/\?[^"]+)">(\d+)</a>')


@pytest.fixture
def a_month(mazzini: Lab, anna: User) -> None:
    """Twelve contacts of this month in several ways, and one of the month before."""
    home = make_term("Casa")
    evicted, isee = make_term("Sfratto", parent=home), make_term("ISEE")
    samira = register_person(mazzini, by=anna, given_name="Samira", family_name="Haddad")
    told = (AnswerGiven(kind="information"),)
    ways: list[tuple[NeedHeard, dict[str, Any]]] = [
        (NeedHeard(term=evicted), {"person": samira}),
        (NeedHeard(term=home, answers=told, told=True), {"language": "ar"}),
        (NeedHeard(term=isee, answers=told, told=True), {"channel": "phone"}),
        (NeedHeard(words="parole sue", answers=told), {"channel": "phone", "language": "zh-hans"}),
    ]
    for heard, fields in ways * 3:
        make_contact(mazzini, anna, heard, **fields)
    for state, need in zip(("no_longer_wanted", "cannot_be_told"), Need.objects.filter(state="answered"), strict=False):
        close_need(need, by=anna, version=1, state=state)
    old = make_contact(mazzini, anna, NeedHeard(term=isee))
    before = timezone.localtime().replace(day=1) - timedelta(days=2)
    Contact.objects.filter(pk=old.pk).update(started_at=before)
    Need.objects.filter(contact=old).update(opened_at=before)


def counted(client: Client, address: str) -> int:
    context = client.get(unescape(address)).context
    return context["total"] if "/contatti/" in address else context["page"].paginator.count


def test_every_figure_is_the_length_of_the_list_that_it_opens(a_month: None, client: Client, anna: User) -> None:
    sign_in(client, anna)
    figures = LINK.findall(client.get(MONTH).content.decode())
    wrong = [(address, shown) for address, shown in figures if counted(client, address) != int(shown)]
    assert (wrong, len(figures) > 15) == ([], True)


def test_the_figures_themselves(a_month: None, client: Client, anna: User) -> None:
    figures = sign_in(client, anna).get(MONTH).context["figures"]
    assert (figures.contacts.count, figures.anonymous.count, figures.needs.count) == (12, 9, 12)
    assert {row.label: row.count for row in figures.terms.rows} == {"Casa": 6, "ISEE": 3, "con parole sue": 3}
    assert [row.count for row in figures.endings.rows] == [6, 0, 1, 1, 4]
    assert (figures.days_to_answer, sum(day.count for day in figures.by_day)) == (0, 12)


def test_the_month_before_and_months_that_are_none(a_month: None, client: Client, anna: User) -> None:
    sign_in(client, anna)
    this = timezone.localdate().replace(day=1)
    before = this - timedelta(days=1)
    assert client.get(MONTH, {"mese": f"{before:%Y-%m}"}).context["figures"].contacts.count == 1
    for written in ("2026-13", "ottobre", "2999-01", "", "0000-01"):
        assert client.get(MONTH, {"mese": written}).context["figures"].first == this


@pytest.mark.parametrize("role", [Role.INSTITUTION, Role.CITY_COORDINATOR])
def test_outside_the_desk_nobody_reads_figures_that_are_not_masked(
    role: str, a_month: None, client: Client, mazzini: Lab
) -> None:
    reader = make_user("Ivo", None if role == Role.CITY_COORDINATOR else mazzini, role)
    sign_in(client, reader)
    assert [client.get(page).status_code for page in (MONTH, "/mazzini/banco/contatti/")] == [403, 403]


def test_a_month_without_anything_has_a_page(client: Client, mazzini: Lab, anna: User) -> None:
    response = sign_in(client, anna).get(MONTH)
    assert (response.status_code, response.context["figures"].days_to_answer) == (200, None)


def test_the_bars_fit_and_their_scale_reads_well() -> None:
    assert [nice_top(most) for most in (0, 3, 5, 6, 17, 23, 50, 51, 301)] == [5, 5, 5, 10, 20, 30, 50, 100, 500]
    chart = bar_chart([("1", 0), ("2", 17)])
    assert [(bar.height, bar.y + bar.height) for bar in chart.bars] == [(0, chart.base), (127.5, chart.base)]
