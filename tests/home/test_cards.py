"""The figures of the public home: true, and silent where few people stand behind them."""

import pytest
from django.core.cache import cache

from ballatoio.base.accounts.models import User
from ballatoio.base.labs.models import Lab
from ballatoio.care.desk.models import Need
from ballatoio.web.home.cards import Figures, lab_figures
from tests.factories import make_contact, make_service


@pytest.mark.parametrize(("contacts", "shown"), [(0, 0), (1, None), (4, None), (5, 5), (14, 14)])
def test_small_counts_of_people_are_not_shown(milo: Lab, bruno: User, contacts: int, shown: int | None) -> None:
    for _turn in range(contacts):
        make_contact(milo, bruno)
    assert lab_figures([milo])[milo.pk].heard == shown


def test_each_lab_has_its_own_figures(milo: Lab, mazzini: Lab, bruno: User, anna: User) -> None:
    for _turn in range(6):
        make_contact(milo, bruno)
    for _turn in range(7):
        make_contact(mazzini, anna)
    make_service(milo)
    assert lab_figures([mazzini, milo]) == {
        mazzini.pk: Figures(heard=7, answered=0, services=0),
        milo.pk: Figures(heard=6, answered=0, services=1),
    }


def test_figures_are_kept_for_a_while(milo: Lab, bruno: User) -> None:
    assert lab_figures([milo])[milo.pk].heard == 0
    for _turn in range(6):
        make_contact(milo, bruno)
    assert lab_figures([milo])[milo.pk].heard == 0
    cache.clear()
    assert lab_figures([milo])[milo.pk].heard == 6


def test_only_needs_that_had_their_answer_count_as_answered(milo: Lab, bruno: User) -> None:
    for _turn in range(6):
        make_contact(milo, bruno)
    assert lab_figures([milo])[milo.pk].answered == 0
    assert Need.objects.still_open().count() == 6
