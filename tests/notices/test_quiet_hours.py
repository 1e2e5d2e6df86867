"""Nobody's telephone rings at night, also on the two nights on which the clock is changed."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from ballatoio.base.labs.models import Lab
from ballatoio.base.notices.models import Delivery
from ballatoio.base.notices.sending import send_due_notices
from ballatoio.base.notices.services import out_of_quiet_hours

from .conftest import write_to

ROME = ZoneInfo("Europe/Rome")


def rome(text: str, fold: int = 0) -> datetime:
    """Give a moment as the clock on the wall shows it; `fold` 1 is the second of two equal hours."""
    return datetime.fromisoformat(text).replace(tzinfo=ROME, fold=fold)


def lab(start: time = time(20), end: time = time(8)) -> Lab:
    return Lab(quiet_from=start, quiet_until=end)


def is_quiet(lab: Lab, moment: datetime) -> bool:
    at = moment.astimezone(ROME).time()
    if lab.quiet_from > lab.quiet_until:
        return at >= lab.quiet_from or at < lab.quiet_until
    return lab.quiet_from <= at < lab.quiet_until


@pytest.mark.parametrize(
    ("when", "leaves"),
    [
        ("2026-11-23 07:59", "2026-11-23 08:00"),
        ("2026-11-23 08:00", "2026-11-23 08:00"),
        ("2026-11-23 19:59", "2026-11-23 19:59"),
        ("2026-11-23 20:00", "2026-11-24 08:00"),
        ("2026-12-31 23:59", "2027-01-01 08:00"),
        # The nights on which the clock goes forward and back: eight o'clock is eight o'clock.
        ("2026-03-28 22:00", "2026-03-29 08:00"),
        ("2026-03-29 01:59", "2026-03-29 08:00"),
        ("2026-10-24 22:00", "2026-10-25 08:00"),
    ],
)
def test_at_night_a_message_waits_for_the_morning(when: str, leaves: str) -> None:
    assert out_of_quiet_hours(lab(), rome(when)) == rome(leaves)


@pytest.mark.parametrize("fold", [0, 1])
def test_the_hour_that_comes_twice_is_quiet_twice(fold: int) -> None:
    night = rome("2026-10-25 02:30", fold)
    assert out_of_quiet_hours(lab(), night).astimezone(UTC) == datetime(2026, 10, 25, 7, tzinfo=UTC)


def test_quiet_hours_that_end_in_the_hour_that_comes_twice_never_send_into_the_past() -> None:
    second = rome("2026-10-25 02:10", fold=1)
    leaves = out_of_quiet_hours(lab(time(20), time(2, 30)), second)
    assert leaves.astimezone(UTC) == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)).map(lambda moment: moment.replace(tzinfo=UTC))
# Every night of a change of clock, by the minute; and any other moment.
changes = st.sampled_from([datetime(2026, 3, 28, 18, tzinfo=UTC), datetime(2026, 10, 24, 18, tzinfo=UTC)]).flatmap(
    lambda evening: st.integers(0, 16 * 60).map(lambda minutes: evening + timedelta(minutes=minutes))
)
clocks = st.times().map(lambda at: at.replace(minute=at.minute // 15 * 15, second=0, microsecond=0))


@given(when=moments | changes, start=clocks, end=clocks)
def test_a_message_never_leaves_in_quiet_hours_nor_before_its_time_nor_a_day_late(
    when: datetime, start: time, end: time
) -> None:
    where = lab(start, end)
    leaves = out_of_quiet_hours(where, when).astimezone(UTC)
    assert not is_quiet(where, leaves)
    assert timedelta() <= leaves - when <= timedelta(hours=25)
    assert leaves == when or is_quiet(where, when)


@given(when=moments | changes)
def test_between_deciding_and_leaving_all_the_time_is_quiet(when: datetime) -> None:
    where = lab()
    leaves = out_of_quiet_hours(where, when)
    between = (when + timedelta(minutes=minutes) for minutes in range(0, 25 * 60, 7))
    assert [moment for moment in between if moment < leaves and not is_quiet(where, moment)] == []


@pytest.mark.django_db
def test_a_text_message_that_is_due_at_night_costs_no_try_and_leaves_in_the_morning(mazzini: Lab) -> None:
    with time_machine.travel(rome("2026-11-23 19:00"), tick=False) as clock:
        notice = write_to(mazzini, "+39 333 123 4567", channel="sms")
        mail = write_to(mazzini)
        clock.move_to(rome("2026-11-23 23:00"))
        assert send_due_notices() == 1
        notice.refresh_from_db()
        mail.refresh_from_db()
        assert (notice.state, notice.attempts, notice.next_at) == ("waiting", 0, rome("2026-11-24 08:00"))
        assert mail.state == Delivery.State.SENT
        clock.move_to(rome("2026-11-24 08:00"))
        assert send_due_notices() == 1
