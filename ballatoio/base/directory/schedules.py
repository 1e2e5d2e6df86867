"""When a service is open: pure functions over its weekly hours and the days that are different."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Protocol

from django.utils import timezone
from django.utils.dates import WEEKDAYS, WEEKDAYS_ABBR
from django.utils.formats import date_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from ballatoio.base.labs.services import public_holidays

# Hours that end at 23:59 end with the day: a database keeps no 24:00.
END_OF_DAY = time(23, 59)
# Farther ahead nobody asks when a door opens again.
HORIZON_DAYS = 21


class WeeklyHours(Protocol):
    """Hours of every week on one weekday (0 = Monday), between two dates if there are any."""

    @property
    def weekday(self) -> int: ...
    @property
    def opens_at(self) -> time: ...
    @property
    def closes_at(self) -> time: ...
    @property
    def valid_from(self) -> date | None: ...
    @property
    def valid_to(self) -> date | None: ...


class SpecialDay(Protocol):
    """A day with hours of its own, or none: closed."""

    @property
    def on(self) -> date: ...
    @property
    def opens_at(self) -> time | None: ...
    @property
    def closes_at(self) -> time | None: ...
    @property
    def note(self) -> str: ...


@dataclass(frozen=True, order=True)
class Interval:
    """From one time to another of the same day."""

    opens_at: time
    closes_at: time

    @property
    def is_all_day(self) -> bool:
        return self.opens_at == time(0) and self.closes_at == END_OF_DAY

    def holds(self, moment: time) -> bool:
        """Whether the door is open at `moment`; at the closing time itself it is shut."""
        return self.opens_at <= moment and (moment < self.closes_at or self.closes_at == END_OF_DAY)

    def __str__(self) -> str:
        return _("tutto il giorno") if self.is_all_day else f"{clock(self.opens_at)}–{clock(self.closes_at)}"


def hours_on(
    on: date,
    schedules: Iterable[WeeklyHours],
    exceptions: Iterable[SpecialDay],
    province: str = "",
) -> list[Interval]:
    """Give the hours of one day, in order; none means closed.

    A day of its own wins over everything. On a public holiday doors are shut, unless such a day says otherwise
    or the hours are those of an emergency number, from midnight to midnight. `province` (its two letters) adds the
    day of its patron.
    """
    for special in exceptions:
        if special.on == on:
            if special.opens_at is None or special.closes_at is None:
                return []
            return [Interval(special.opens_at, special.closes_at)]
    intervals = sorted(
        Interval(hours.opens_at, hours.closes_at)
        for hours in schedules
        if hours.weekday == on.weekday()
        and (hours.valid_from is None or hours.valid_from <= on)
        and (hours.valid_to is None or on <= hours.valid_to)
    )
    if on in public_holidays(on.year, province):
        return [interval for interval in intervals if interval.is_all_day]
    return intervals


def is_open(
    schedules: Iterable[WeeklyHours], exceptions: Iterable[SpecialDay], at: datetime, province: str = ""
) -> bool:
    """Tell whether a service is open at the moment `at` (aware), by the clock on the wall of the city."""
    local = timezone.localtime(at)
    return any(interval.holds(local.time()) for interval in hours_on(local.date(), schedules, exceptions, province))


def closing_time(
    schedules: Iterable[WeeklyHours], exceptions: Iterable[SpecialDay], at: datetime, province: str = ""
) -> time | None:
    """Give the time at which a door that is open at `at` closes; None when it is shut."""
    local = timezone.localtime(at)
    open_now = [i for i in hours_on(local.date(), schedules, exceptions, province) if i.holds(local.time())]
    return max(interval.closes_at for interval in open_now) if open_now else None


def next_opening(
    schedules: Sequence[WeeklyHours], exceptions: Sequence[SpecialDay], after: datetime, province: str = ""
) -> datetime | None:
    """Give the first moment after `after` at which the door opens, within three weeks; None if it does not.

    `schedules` and `exceptions` are sequences, because every day ahead walks them again.
    """
    local = timezone.localtime(after)
    for days in range(HORIZON_DAYS + 1):
        on = local.date() + timedelta(days=days)
        for interval in hours_on(on, schedules, exceptions, province):
            opening = datetime.combine(on, interval.opens_at, tzinfo=timezone.get_current_timezone())
            if opening > local:
                return opening
    return None


@dataclass(frozen=True)
class OpeningLine:
    """One line of a timetable as it hangs on a door: days on one side, hours on the other."""

    days: str
    intervals: tuple[str, ...]
    weekdays: tuple[int, ...]

    @property
    def hours(self) -> str:
        return _(", ").join(self.intervals)


def opening_lines(schedules: Iterable[WeeklyHours], on: date | None = None) -> list[OpeningLine]:
    """Give the week as people write it, days with the same hours together: «lun, mer 9–12».

    Only hours that are valid on the day `on` (today by default) or that begin later count.
    """
    day = on or timezone.localdate()
    by_weekday: dict[int, list[Interval]] = {}
    for hours in schedules:
        if hours.valid_to is None or day <= hours.valid_to:
            by_weekday.setdefault(hours.weekday, []).append(Interval(hours.opens_at, hours.closes_at))
    groups: dict[tuple[Interval, ...], list[int]] = {}
    for weekday in sorted(by_weekday):
        groups.setdefault(tuple(sorted(set(by_weekday[weekday]))), []).append(weekday)
    return [
        OpeningLine(days_text(weekdays), tuple(str(interval) for interval in intervals), tuple(weekdays))
        for intervals, weekdays in groups.items()
    ]


def days_text(weekdays: Sequence[int]) -> str:
    """Give weekdays in short, three or more in a row as a range: «lun–ven», «lun, mer», «tutti i giorni»."""
    if len(weekdays) == 7:
        return _("tutti i giorni")
    parts = []
    for first, last in _runs(weekdays):
        if last - first >= 2:
            parts.append(f"{weekday_short(first)}–{weekday_short(last)}")
        else:
            parts.extend(weekday_short(day) for day in range(first, last + 1))
    return _(", ").join(parts)


def _runs(weekdays: Sequence[int]) -> Iterator[tuple[int, int]]:
    start = previous = weekdays[0]
    for day in [*weekdays[1:], -1]:
        if day != previous + 1:
            yield start, previous
            start = day
        previous = day


def weekday_short(weekday: int) -> str:
    """Give the short name of a weekday in the active language, as it is written inside a sentence."""
    language = get_language() or "it"
    # Arabic and other scripts do not shorten the names of days.
    names = WEEKDAYS_ABBR if language[:2] in {"it", "en", "es", "fr", "ro", "sq"} else WEEKDAYS
    name = str(names[weekday])
    return name if language.startswith("en") else name.lower()


def spoken_date(on: date, form: str = "j F Y") -> str:
    """Give a date as it is written inside a sentence: Italian months and weekdays have no capital."""
    text = date_format(on, form)
    return text if (get_language() or "it").startswith("en") else text.lower()


def clock(moment: time) -> str:
    """Give a time as people say it: «9», «9:30»."""
    return f"{moment.hour}:{moment.minute:02}" if moment.minute else str(moment.hour)


# --- Hours as people type them ---------------------------------------------------------------------------


class HoursNotUnderstood(ValueError):
    """A line of a timetable cannot be read; the message says which and how to write it."""


@dataclass(frozen=True)
class TypedHours:
    """Hours on one weekday, read from text."""

    weekday: int
    opens_at: time
    closes_at: time
    valid_from: date | None = None
    valid_to: date | None = None


@dataclass(frozen=True)
class TypedDay:
    """A day with hours of its own, read from text."""

    on: date
    opens_at: time | None
    closes_at: time | None
    note: str = ""


DAY_NAMES = ("lun", "mar", "mer", "gio", "ven", "sab", "dom")
_DASH = r"\s*[-–—]\s*"
_DAY = (
    r"(?:[0-6]|lun(?:ed[iì])?|mar(?:ted[iì])?|mer(?:coled[iì])?|gio(?:ved[iì])?|ven(?:erd[iì])?"
    r"|sab(?:ato)?|dom(?:enica)?)"
)
_DAYS = rf"{_DAY}(?:{_DASH}{_DAY})?(?:\s*,\s*{_DAY}(?:{_DASH}{_DAY})?)*"
_TIME = r"\d{1,2}(?:[:.]\d{2})?"
_LINE = re.compile(
    rf"^(?P<days>{_DAYS}|tutti i giorni)\s+(?P<times>{_TIME}{_DASH}{_TIME}(?:\s*,\s*{_TIME}{_DASH}{_TIME})*)$", re.I
)
_SPECIAL = re.compile(
    rf"^(?P<on>\d{{1,2}}/\d{{1,2}}/\d{{4}}|\d{{4}}-\d{{2}}-\d{{2}})\s+"
    rf"(?P<what>chiuso|{_TIME}{_DASH}{_TIME})\s*(?::\s*(?P<note>.*))?$",
    re.I,
)


def parse_hours(text: str) -> list[TypedHours]:
    """Read a timetable, one line for each group of days: «lun-ven 9:30-12:30, 14-17» or «0-4 09:30-12:30».

    Lines end with a new line or a semicolon. Raise HoursNotUnderstood with the line that cannot be read.
    """
    found: dict[tuple[int, time, time], TypedHours] = {}
    for line in _lines(text):
        match = _LINE.match(line)
        if match is None:
            raise HoursNotUnderstood(
                _("Non capisco «%(line)s». Scrivi i giorni e le ore, per esempio: lun-ven 9:30-12:30") % {"line": line}
            )
        for weekday in _weekdays(match["days"]):
            for opens_at, closes_at in _times(match["times"], line):
                found[weekday, opens_at, closes_at] = TypedHours(weekday, opens_at, closes_at)
    return [found[key] for key in sorted(found)]


def parse_special_days(text: str) -> list[TypedDay]:
    """Read days that are different, one on a line: «24/12/2026 chiuso: vigilia», «7/1/2027 9-12».

    Raise HoursNotUnderstood with the line that cannot be read, or when a day is there twice.
    """
    found: dict[date, TypedDay] = {}
    for line in _lines(text):
        match = _SPECIAL.match(line)
        if match is None:
            raise HoursNotUnderstood(
                _("Non capisco «%(line)s». Scrivi per esempio: 24/12/2026 chiuso, oppure 24/12/2026 9-12: solo mattina")
                % {"line": line}
            )
        on = _date(match["on"], line)
        if on in found:
            raise HoursNotUnderstood(_("Il giorno %(day)s è scritto due volte.") % {"day": on.strftime("%d/%m/%Y")})
        opens_at, closes_at = (None, None) if match["what"].lower() == "chiuso" else _times(match["what"], line)[0]
        found[on] = TypedDay(on, opens_at, closes_at, (match["note"] or "").strip())
    return [found[on] for on in sorted(found)]


def write_hours(schedules: Iterable[WeeklyHours]) -> str:
    """Give a timetable in the words that parse_hours reads, one line for each group of days."""
    by_weekday: dict[int, list[str]] = {}
    for hours in sorted(schedules, key=lambda hours: (hours.weekday, hours.opens_at)):
        span = f"{hours.opens_at:%H:%M}-{hours.closes_at:%H:%M}"
        by_weekday.setdefault(hours.weekday, []).append(span)
    groups: dict[str, list[str]] = {}
    for weekday, spans in by_weekday.items():
        groups.setdefault(", ".join(spans), []).append(DAY_NAMES[weekday])
    return "\n".join(f"{', '.join(days)} {spans}" for spans, days in groups.items())


def write_special_days(exceptions: Iterable[SpecialDay]) -> str:
    """Give the days that are different in the words that parse_special_days reads."""
    lines = []
    for special in sorted(exceptions, key=lambda special: special.on):
        what = "chiuso"
        if special.opens_at is not None and special.closes_at is not None:
            what = f"{special.opens_at:%H:%M}-{special.closes_at:%H:%M}"
        lines.append(f"{special.on:%d/%m/%Y} {what}" + (f": {special.note}" if special.note else ""))
    return "\n".join(lines)


def _lines(text: str) -> list[str]:
    return [line.strip() for line in re.split(r"[\n;]", text) if line.strip()]


def _weekdays(text: str) -> list[int]:
    if text.lower() == "tutti i giorni":
        return list(range(7))
    days: list[int] = []
    for part in text.lower().split(","):
        ends = [_weekday(name) for name in re.split(_DASH, part.strip())]
        first, last = ends[0], ends[-1]
        # «sab-lun» goes round the end of the week.
        days.extend(day % 7 for day in range(first, (last if last >= first else last + 7) + 1))
    return days


def _weekday(name: str) -> int:
    return int(name) if name.isdigit() else DAY_NAMES.index(name[:3])


def _times(text: str, line: str) -> list[tuple[time, time]]:
    spans = []
    for part in text.split(","):
        opens_at, closes_at = (_time(piece, line) for piece in re.split(_DASH, part.strip()))
        if opens_at >= closes_at:
            raise HoursNotUnderstood(_("In «%(line)s» si chiude prima di aprire.") % {"line": line})
        spans.append((opens_at, closes_at))
    return spans


def _time(text: str, line: str) -> time:
    hour, _separator, minute = text.replace(".", ":").partition(":")
    if hour == "24" and int(minute or 0) == 0:
        return END_OF_DAY
    try:
        return time(int(hour), int(minute or 0))
    except ValueError:
        raise HoursNotUnderstood(_("In «%(line)s» c’è un’ora che non esiste.") % {"line": line}) from None


def _date(text: str, line: str) -> date:
    try:
        if "-" in text:
            return date.fromisoformat(text)
        day, month, year = (int(part) for part in text.split("/"))
        return date(year, month, day)
    except ValueError:
        raise HoursNotUnderstood(_("In «%(line)s» c’è una data che non esiste.") % {"line": line}) from None
