"""The figures of the public home: what was published of the last month, and nothing that moves while one looks."""

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
import time_machine
from django.core.cache import cache

from ballatoio.base.accounts.models import User
from ballatoio.base.labs.models import Lab
from ballatoio.care.desk.models import Contact, Need
from ballatoio.care.desk.services import AnswerGiven, NeedHeard
from ballatoio.oversight.reporting.publication_services import publish_due
from ballatoio.web.home.cards import Figures, lab_figures
from tests.factories import make_contact, make_service, make_term

OCTOBER = date(2026, 10, 1)


@pytest.fixture(autouse=True)
def on_a_day() -> Iterator[None]:
    with time_machine.travel("2026-11-22 12:00+01:00", tick=False):
        yield


def record(lab: Lab, by: User, times: int, month: int = 10, told: bool = False) -> None:
    answers = (AnswerGiven(kind="information"),) if told else ()
    at = datetime(2026, month, 5, 10, tzinfo=UTC)
    for _turn in range(times):
        contact = make_contact(lab, by, NeedHeard(term=make_term(), answers=answers, told=told))
        Contact.objects.filter(pk=contact.pk).update(started_at=at, ended_at=at)
        Need.objects.filter(contact=contact).update(opened_at=at)


@pytest.mark.parametrize(("contacts", "shown"), [(0, None), (1, None), (4, None), (5, 5), (14, 14)])
def test_small_counts_of_people_are_not_shown(milo: Lab, bruno: User, contacts: int, shown: int | None) -> None:
    record(milo, bruno, contacts)
    publish_due(milo)
    assert lab_figures([milo])[milo.pk].heard == shown


def test_each_lab_has_its_own_figures(milo: Lab, mazzini: Lab, bruno: User, anna: User) -> None:
    record(milo, bruno, 6)
    record(mazzini, anna, 7, told=True)
    make_service(milo)
    for lab in (milo, mazzini):
        publish_due(lab)
    assert lab_figures([mazzini, milo]) == {
        mazzini.pk: Figures(month=OCTOBER, heard=7, answered=7, services=0),
        milo.pk: Figures(month=OCTOBER, heard=6, answered=None, services=1),
    }


def test_who_comes_in_while_somebody_looks_changes_nothing(milo: Lab, bruno: User) -> None:
    record(milo, bruno, 6)
    publish_due(milo)
    before = lab_figures([milo])
    make_contact(milo, bruno)
    record(milo, bruno, 1)
    cache.clear()
    publish_due(milo)
    assert lab_figures([milo]) == before


def test_before_the_first_month_there_are_no_figures(milo: Lab, bruno: User) -> None:
    record(milo, bruno, 6, month=11)
    publish_due(milo)
    assert lab_figures([milo])[milo.pk] == Figures(month=None, heard=None, answered=None, services=0)
