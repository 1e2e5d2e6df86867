"""The calendar of a lab: which days count when it has promised an answer."""

from datetime import date

import pytest
from django.db import IntegrityError, transaction

from ballatoio.base.accounts.models import User
from ballatoio.base.audit.models import AuditEntry
from ballatoio.base.labs.models import Lab, Opening, Organisation
from ballatoio.base.labs.services import add_working_days, close_lab_on, is_working_day, next_working_day

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("on", "works"),
    [
        (date(2026, 11, 20), True),
        (date(2026, 11, 21), False),
        (date(2026, 11, 22), False),
        (date(2026, 12, 8), False),
        (date(2026, 4, 6), False),
    ],
)
def test_weekends_and_public_holidays_do_not_count(mazzini: Lab, on: date, works: bool) -> None:
    assert is_working_day(mazzini, on) is works


def test_the_patron_s_day_comes_from_the_settings(mazzini: Lab) -> None:
    assert is_working_day(mazzini, date(2026, 12, 7)) is False


def test_a_promise_of_five_days_skips_what_does_not_count(mazzini: Lab, elena: User) -> None:
    assert add_working_days(mazzini, date(2026, 11, 20), 5) == date(2026, 11, 27)
    close_lab_on(mazzini, on=date(2026, 11, 24), reason="assemblea", by=elena)
    assert add_working_days(mazzini, date(2026, 11, 20), 5) == date(2026, 11, 30)


def test_one_lab_s_closing_day_does_not_stop_another_s_clock(mazzini: Lab, milo: Lab, elena: User) -> None:
    close_lab_on(mazzini, on=date(2026, 11, 24), reason="assemblea", by=elena)
    assert next_working_day(mazzini, date(2026, 11, 24)) == date(2026, 11, 25)
    assert next_working_day(milo, date(2026, 11, 24)) == date(2026, 11, 24)


def test_a_closing_day_is_declared_once(mazzini: Lab, elena: User) -> None:
    first = close_lab_on(mazzini, on=date(2026, 8, 14), reason="ferie", by=elena)
    again = close_lab_on(mazzini, on=date(2026, 8, 14), reason="ferie", by=elena)
    assert (first.pk, AuditEntry.objects.count()) == (again.pk, 1)


def test_a_summer_closed_for_weeks_still_ends(mazzini: Lab, elena: User) -> None:
    for day in range(1, 32):
        close_lab_on(mazzini, on=date(2026, 8, day), reason="ferie", by=elena)
    assert add_working_days(mazzini, date(2026, 7, 31), 1) == date(2026, 9, 1)


def test_an_opening_ends_after_it_starts_on_a_day_that_exists(mazzini: Lab) -> None:
    for weekday, opens, closes in ((7, "09:00", "12:00"), (0, "12:00", "09:00")):
        with pytest.raises(IntegrityError), transaction.atomic():
            Opening.objects.create(lab=mazzini, weekday=weekday, opens=opens, closes=closes)


def test_an_informal_group_that_wants_no_sheet_is_seen_by_its_lab_alone(
    mazzini: Lab, anna: User, bruno: User, farid: User
) -> None:
    group = Organisation.objects.create(lab=mazzini, name="Le mamme del cortile", kind="group", is_public=False)
    seen = [Organisation.objects.visible_to(user).filter(pk=group.pk).exists() for user in (anna, bruno, farid)]
    assert seen == [True, False, False]
