"""When a door is open, and how people write it."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from ballatoio.base.directory.schedules import (
    HoursNotUnderstood,
    TypedDay,
    TypedHours,
    closing_time,
    is_open,
    next_opening,
    opening_lines,
    parse_hours,
    parse_special_days,
    write_hours,
    write_special_days,
)

ROME = ZoneInfo("Europe/Rome")
# A Monday without holidays around.
MONDAY = date(2026, 11, 9)


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=ROME)


def test_the_door_opens_at_its_hour_and_is_shut_at_its_closing() -> None:
    hours = parse_hours("lun 9:30-12:30")
    moments = [at(MONDAY, 9, 29), at(MONDAY, 9, 30), at(MONDAY, 12, 29), at(MONDAY, 12, 30), at(MONDAY, 9, 30)]
    assert [is_open(hours, [], moment) for moment in moments] == [False, True, True, False, True]


def test_the_clock_is_the_one_on_the_wall_whatever_zone_the_moment_comes_in() -> None:
    assert is_open(parse_hours("lun 9-10"), [], datetime(2026, 11, 9, 8, 30, tzinfo=UTC))
    # In July the same wall clock is an hour farther from Greenwich.
    assert is_open(parse_hours("lun 9-10"), [], datetime(2026, 7, 6, 7, 30, tzinfo=UTC))


def test_a_door_that_never_shuts_is_open_in_the_last_minute_too() -> None:
    hours = parse_hours("tutti i giorni 0-24")
    assert is_open(hours, [], datetime(2026, 11, 9, 23, 59, 30, tzinfo=ROME))


def test_a_public_holiday_shuts_the_door() -> None:
    immaculate = date(2026, 12, 8)
    assert not is_open(parse_hours("mar 9-12"), [], at(immaculate, 10))


def test_the_day_of_the_patron_shuts_the_doors_of_its_province() -> None:
    patron = at(date(2026, 12, 7), 10)
    assert [is_open(parse_hours("lun 9-12"), [], patron, province) for province in ("", "MI")] == [True, False]


def test_a_special_day_says_open_on_a_holiday() -> None:
    special = parse_special_days("25/12/2026 9-12: pranzo insieme")
    assert is_open(parse_hours("lun 9-12"), special, at(date(2026, 12, 25), 10))


def test_an_emergency_number_answers_on_holidays() -> None:
    assert is_open(parse_hours("tutti i giorni 0-24"), [], at(date(2026, 12, 25), 3))


def test_a_special_day_takes_the_place_of_the_weekly_hours() -> None:
    hours = parse_hours("lun 9-12, 14-18")
    assert not is_open(hours, [TypedDay(MONDAY, None, None)], at(MONDAY, 10))
    shorter = [TypedDay(MONDAY, time(9), time(10))]
    assert [is_open(hours, shorter, at(MONDAY, hour)) for hour in (9, 10, 15)] == [True, False, False]


def test_hours_count_only_between_their_dates() -> None:
    summer = [TypedHours(0, time(9), time(12), date(2026, 6, 1), date(2026, 6, 30))]
    assert is_open(summer, [], at(date(2026, 6, 8), 10))
    assert not is_open(summer, [], at(date(2026, 7, 6), 10))


def test_next_opening_skips_closed_days() -> None:
    hours = parse_hours("lun-ven 9-12")
    friday = date(2026, 11, 13)
    assert next_opening(hours, [], at(friday, 12)) == at(date(2026, 11, 16), 9)
    closed = [TypedDay(date(2026, 11, 16), None, None)]
    assert next_opening(hours, closed, at(friday, 12)) == at(date(2026, 11, 17), 9)


def test_next_opening_is_none_when_it_never_opens() -> None:
    assert next_opening([], [], at(MONDAY, 9)) is None


def test_closing_time_is_the_last_of_hours_that_overlap() -> None:
    hours = [TypedHours(0, time(9), time(12)), TypedHours(0, time(11), time(13))]
    assert closing_time(hours, [], at(MONDAY, 11, 30)) == time(13)


moments = st.datetimes(
    # Away from the two nights when the clock jumps.
    min_value=datetime(2026, 4, 1),
    max_value=datetime(2026, 10, 20),
    timezones=st.just(ROME),
)
times = st.times(max_value=time(23, 58)).map(lambda moment: moment.replace(second=0, microsecond=0))
weekly = st.lists(
    st.builds(
        lambda weekday, opens, minutes: (
            TypedHours(
                weekday, opens, min(time(23, 59), (datetime(2026, 1, 1, opens.hour, opens.minute) + minutes).time())
            )
            if (datetime(2026, 1, 1, opens.hour, opens.minute) + minutes).date() == date(2026, 1, 1)
            else TypedHours(weekday, opens, time(23, 59))
        ),
        st.integers(0, 6),
        times,
        st.integers(1, 600).map(lambda minutes: timedelta(minutes=minutes)),
    ),
    max_size=8,
)


@given(weekly, moments)
def test_between_now_and_the_next_opening_a_shut_door_stays_shut(hours: list[TypedHours], moment: datetime) -> None:
    if is_open(hours, [], moment):
        return
    opening = next_opening(hours, [], moment)
    if opening is None:
        assert not any(is_open(hours, [], moment + timedelta(hours=step)) for step in range(24 * 7))
        return
    assert opening > moment
    assert is_open(hours, [], opening)
    between = (moment + (opening - moment) * step / 50 for step in range(50))
    assert not any(is_open(hours, [], instant) for instant in between)


@given(weekly)
def test_what_is_written_reads_back_the_same(hours: list[TypedHours]) -> None:
    assert set(parse_hours(write_hours(hours))) == set(hours)


@given(weekly, moments)
def test_an_open_door_has_a_closing_time_ahead(hours: list[TypedHours], moment: datetime) -> None:
    closes_at = closing_time(hours, [], moment)
    assert (closes_at is not None) == is_open(hours, [], moment)
    if closes_at is not None and closes_at != time(23, 59):
        assert closes_at > moment.time()


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("lun, mer 9-12", [("lun, mer", "9–12")]),
        ("lun-ven 9:30-12:30", [("lun–ven", "9:30–12:30")]),
        (
            "0-4 09:30-12:30\n1,3 14:30-17:30",
            [("lun, mer, ven", "9:30–12:30"), ("mar, gio", "9:30–12:30, 14:30–17:30")],
        ),
        ("tutti i giorni 0-24", [("tutti i giorni", "tutto il giorno")]),
        ("sab-lun 10-11", [("lun, sab, dom", "10–11")]),
        ("", []),
    ],
)
def test_the_timetable_as_it_hangs_on_the_door(text: str, lines: list[tuple[str, str]]) -> None:
    with translation.override("it"):
        assert [(line.days, line.hours) for line in opening_lines(parse_hours(text), MONDAY)] == lines


def test_hours_that_are_over_do_not_hang_on_the_door() -> None:
    past = [TypedHours(0, time(9), time(12), None, date(2026, 10, 31))]
    assert opening_lines(past, MONDAY) == []


@pytest.mark.parametrize(
    "text", ["lun", "lunedi mattina", "lun 12-9", "lun 25-26", "9-12", "lun 9:75-10", "7 9-10", "lun 9–"]
)
def test_a_line_that_cannot_be_read_is_named(text: str) -> None:
    with pytest.raises(HoursNotUnderstood) as caught, translation.override("it"):
        parse_hours(f"mar 9-12\n{text}")
    assert text in str(caught.value)


def test_special_days_read_back_the_same() -> None:
    text = "24/12/2026 chiuso: vigilia\n07/01/2027 09:00-12:00"
    assert write_special_days(parse_special_days(text)) == text


@pytest.mark.parametrize("text", ["31/2/2026 chiuso", "24 dicembre chiuso", "24/12/2026 forse", "24/12/2026 12-9"])
def test_a_special_day_that_cannot_be_read_is_named(text: str) -> None:
    with pytest.raises(HoursNotUnderstood):
        parse_special_days(text)


def test_a_special_day_stands_once() -> None:
    with pytest.raises(HoursNotUnderstood):
        parse_special_days("24/12/2026 chiuso\n2026-12-24 9-12")
