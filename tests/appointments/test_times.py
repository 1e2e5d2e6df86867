"""Which times there are: the clock on the wall, its two turns in a year, days off, days that are lost."""

import uuid
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballatoio.care.appointments.times import Busy, DayOff, Hours, add_opening_hours, plan_times, times_of

from .making import ROME

ANNA, BEA = uuid.UUID(int=1), uuid.UUID(int=2)
# The last Sundays of March and of October: the clock is turned at night (Directive 2000/84/EC).
FORWARD, BACK = date(2026, 3, 29), date(2026, 10, 25)


def hours(
    opens: time, closes: time, *, on: date, minutes: int = 30, operator: uuid.UUID = ANNA, **fields: object
) -> Hours:
    given = {"rota_id": uuid.uuid4(), "operator_id": operator, "weekday": on.weekday(), "valid_from": date(2020, 1, 1)}
    return Hours(opens=opens, closes=closes, minutes=minutes, valid_to=None, **given | fields)  # type: ignore[arg-type]


def local(times: list) -> list[str]:  # type: ignore[type-arg]
    return [f"{planned.starts_at.astimezone(ROME):%H:%M}" for planned in times]


@pytest.mark.parametrize(("on", "offset"), [(FORWARD, 2), (BACK, 1), (date(2026, 7, 5), 2), (date(2026, 11, 29), 1)])
def test_on_the_sundays_when_the_clock_turns_the_morning_is_at_the_hours_on_the_wall(on: date, offset: int) -> None:
    times = times_of(hours(time(9), time(11), on=on), on)
    assert local(times) == ["09:00", "09:30", "10:00", "10:30"]
    assert times[0].starts_at == datetime(on.year, on.month, on.day, 9 - offset, tzinfo=UTC)
    assert {planned.ends_at - planned.starts_at for planned in times} == {timedelta(minutes=30)}


def test_a_night_in_which_the_clock_turns_has_an_hour_less_or_an_hour_more() -> None:
    ordinary = times_of(hours(time(1), time(5), on=date(2026, 7, 5)), date(2026, 7, 5))
    spring = times_of(hours(time(1), time(5), on=FORWARD), FORWARD)
    autumn = times_of(hours(time(1), time(5), on=BACK), BACK)
    assert (len(ordinary), len(spring), len(autumn)) == (8, 6, 10)
    # In spring nobody is given an hour that does not exist, in autumn two that look alike are an hour apart.
    assert local(spring) == ["01:00", "01:30", "03:00", "03:30", "04:00", "04:30"]
    assert local(autumn)[2:6] == ["02:00", "02:30", "02:00", "02:30"]
    assert autumn[4].starts_at - autumn[2].starts_at == timedelta(hours=1)


def test_only_whole_times_fit() -> None:
    on = date(2026, 11, 24)
    assert local(times_of(hours(time(9), time(10, 40), on=on, minutes=45), on)) == ["09:00", "09:45"]
    assert times_of(hours(time(9), time(9, 20), on=on), on) == []


def test_nobody_receives_on_holidays_closing_days_and_days_off() -> None:
    # From Friday 4 December 2026; Monday 7 is the patron's day of Milan, Tuesday 8 a holiday.
    first = date(2026, 12, 4)
    timetable = [hours(time(9), time(10), on=first + timedelta(days=n)) for n in range(7)]
    days_off = [DayOff(ANNA, date(2026, 12, 9), date(2026, 12, 9))]
    closed = frozenset({date(2026, 12, 4)})
    planned = plan_times(timetable, days_off, closed, first, first + timedelta(days=6), "MI")
    days = {p.starts_at.astimezone(ROME).date().day for p in planned}
    assert days == {5, 6, 10}


def test_a_part_of_a_day_off_takes_the_times_that_it_touches_and_nobody_elses() -> None:
    on = date(2026, 11, 24)
    timetable = [hours(time(9), time(12), on=on), hours(time(9), time(10), on=on, operator=BEA)]
    off = [DayOff(ANNA, on, on, time(9, 45), time(10, 30))]
    planned = plan_times(timetable, off, frozenset(), on, on)
    assert local([p for p in planned if p.operator_id == ANNA]) == ["09:00", "10:30", "11:00", "11:30"]
    assert local([p for p in planned if p.operator_id == BEA]) == ["09:00", "09:30"]


def test_hours_hold_between_their_days() -> None:
    on = date(2026, 11, 24)
    row = hours(time(9), time(10), on=on, valid_from=on)
    later = Hours(**{**vars(row), "valid_to": on + timedelta(days=7)})
    planned = plan_times([later], [], frozenset(), on - timedelta(days=14), on + timedelta(days=21))
    assert sorted({p.starts_at.date() for p in planned}) == [on, on + timedelta(days=7)]


clocks = st.times(min_value=time(0), max_value=time(23)).map(lambda t: t.replace(second=0, microsecond=0))
spans = st.tuples(clocks, clocks).filter(lambda pair: pair[0] < pair[1])
turns = st.sampled_from([FORWARD, BACK, date(2026, 11, 24), date(2026, 12, 24)])


@settings(max_examples=150, deadline=None)
@given(on=turns, rows=st.lists(st.tuples(spans, st.integers(5, 240), st.sampled_from([ANNA, BEA])), max_size=6))
def test_whatever_the_hours_two_times_of_one_operator_never_overlap(on: date, rows: list) -> None:  # type: ignore[type-arg]
    timetable = [hours(*span, on=on, minutes=minutes, operator=who) for span, minutes, who in rows]
    planned = plan_times(timetable, [], frozenset(), on, on)
    for operator in (ANNA, BEA):
        mine = [p for p in planned if p.operator_id == operator]
        assert all(before.ends_at <= after.starts_at for before, after in pairwise(mine))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 200), st.integers(1, 20)), max_size=30))
def test_busy_says_what_comparing_each_with_each_says(pieces: list[tuple[int, int]]) -> None:
    start, busy, kept = datetime(2026, 1, 1, tzinfo=UTC), Busy(), []
    for minute, length in pieces:
        begins, ends = start + timedelta(minutes=minute), start + timedelta(minutes=minute + length)
        clash = any(begins < other_end and other_start < ends for other_start, other_end in kept)
        assert busy.overlaps(begins, ends) == clash
        if not clash:
            busy.add(begins, ends)
            kept.append((begins, ends))


# --- hours of opening ----------------------------------------------------------------------------------------

WEEK = {day: [(time(9), time(13))] for day in range(5)} | {1: [(time(9), time(13)), (time(14), time(18))]}


def wall(day: int, hour: int, minute: int = 0, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=ROME)


@pytest.mark.parametrize(
    ("start", "hours_open", "end"),
    [
        (wall(23, 9), 4, wall(23, 13)),  # the whole of Monday
        (wall(23, 12), 6, wall(24, 15)),  # an hour on Monday, four on Tuesday morning, one in the afternoon
        (wall(27, 12), 2, wall(30, 10)),  # Saturday and Sunday do not count
        (wall(28, 3), 1, wall(30, 10)),  # asked in the night of a Saturday
        (wall(23, 8), 5, wall(24, 10)),
    ],
)
def test_an_offer_is_held_for_hours_of_opening(start: datetime, hours_open: int, end: datetime) -> None:
    assert add_opening_hours(WEEK, frozenset(), start, hours_open) == end


def test_closing_days_and_holidays_stop_the_clock_of_an_offer() -> None:
    closed = frozenset({date(2026, 12, 9)})
    # Friday 4 at noon: one hour; Monday 7 is the patron's day, Tuesday 8 a holiday, Wednesday 9 closed.
    assert add_opening_hours(WEEK, closed, wall(4, 12, month=12), 2, "MI") == wall(10, 10, month=12)


def test_the_hours_of_an_offer_are_real_hours_when_the_clock_turns() -> None:
    sundays = {6: [(time(1), time(5))]}
    start = datetime(2026, 10, 25, 1, 0, tzinfo=ROME)
    assert add_opening_hours(sundays, frozenset(), start, 5) - start.astimezone(UTC) == timedelta(hours=5)


def test_a_lab_that_wrote_no_hours_is_taken_to_be_open() -> None:
    assert add_opening_hours({}, frozenset(), wall(28, 3), 6) == wall(28, 9)
