"""How the cells of an old sheet are read: days, hours, telephones, births, names; or refused in a sentence."""

import re
from datetime import date, time, timedelta

import phonenumbers
from django.utils.translation import gettext as _
from phonenumbers import PhoneNumberMatcher

from ballatoio.base.core.text import normalise
from ballatoio.base.people.phones import REGION, NotAPhone, read_phone

MONTHS = {
    beginning: number
    for number, beginnings in enumerate(
        (
            *(("gen", "jan"), ("feb",), ("mar",), ("apr",), ("mag", "may"), ("giu", "jun"), ("lug", "jul")),
            *(("ago", "aug"), ("set", "sep"), ("ott", "oct"), ("nov",), ("dic", "dec")),
        ),
        start=1,
    )
    for beginning in beginnings
}
# The first day of the calendar of spreadsheets, and the days of it that are dates of a desk and not numbers.
SERIAL_START = date(1899, 12, 30)
SERIALS = range(7_000, 80_000)
OLDEST = 1990
NOBODY = frozenset(
    normalise(word)
    for word in (
        *("anonimo", "anonima", "anonimo/a", "anonimi", "sconosciuto", "sconosciuta", "non noto", "non nota", "ignoto"),
        *("n.d.", "nd", "n.a.", "na", "non dichiarato", "non lo dice", "non vuole dirlo", "x", "xx", "xxx", "nessuno"),
    )
)
# What stands before a family name and belongs to it.
PARTICLES = frozenset(
    (
        *("al", "abd", "abu", "af", "bin", "ben", "bint", "d", "da", "dal", "dalla", "dall", "de", "degli", "dei"),
        *("del", "della", "delle", "dello", "di", "dos", "du", "el", "et", "la", "le", "li", "lo", "mac", "mc", "san"),
        *("santa", "st", "van", "von", "zu"),
    )
)
_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T\s]+(.*))?$")
_ITALIAN = re.compile(
    r"(?:[a-zàèéìòù]+\.?,?\s+)?(\d{1,2})\s*[/.\-\s]\s*(\d{1,2})\s*[/.\-\s]\s*(\d{4}|\d{2})(?:[,\s]+(.*))?$", re.I
)
_IN_WORDS = re.compile(
    r"(?:[a-zàèéìòù]+\.?,?\s+)?(\d{1,2})°?[\s\-]+(?:di\s+)?([a-z]{3,10})\.?[\s\-]+(?:del\s+)?(\d{4}|\d{2})(?:[,\s]+(.*))?$",
    re.I,
)
_NO_YEAR = re.compile(r"(\d{1,2})\s*[/.\-]\s*(\d{1,2})$")
_TIME = re.compile(r"(?:alle\s+)?(?:ore\s+|h\s*)?(\d{1,2})(?:[:.,h]\s*(\d{2}))?(?:[:.]\d{2}(?:\.\d+)?)?\s*$", re.I)
_DIGITS = re.compile(r"\d+")


class BadCell(Exception):
    """A cell does not say what its column asks for; the message says which and what to do."""


def _mend(text: str, why: str) -> BadCell:
    return BadCell(_("«%(text)s» %(why)s: correggi il foglio e ricaricalo.") % {"text": text[:60], "why": why})


def read_day(text: str, today: date) -> tuple[date, time | None]:
    """Give the day, and the hour if there is one, that a cell says; days and months as one writes them in Italy.

    Raise BadCell for a day that does not exist, has no year, is in the future or long before any desk.
    """
    typed = " ".join(text.split())
    day, rest = _day_of(typed)
    if day is None:
        if _NO_YEAR.match(typed):
            raise _mend(text, _("è senza l’anno"))
        raise _mend(text, _("non è una data, come 3/5/2025"))
    if day > today:
        raise _mend(text, _("deve ancora venire"))
    if day.year < OLDEST:
        raise _mend(text, _("è troppo lontano"))
    return day, _time_of(rest)


def _day_of(typed: str) -> tuple[date | None, str]:
    """Give the day that a text says, and what stands behind it. Raise BadCell when there is no such day."""
    if found := _ISO.match(typed):
        return _make_day(typed, int(found[1]), int(found[2]), int(found[3])), found[4] or ""
    if found := _ITALIAN.match(typed):
        return _make_day(typed, _whole_year(found[3]), int(found[2]), int(found[1])), found[4] or ""
    if found := _IN_WORDS.match(typed):
        month = MONTHS.get(found[2][:3].lower())
        if month:
            return _make_day(typed, _whole_year(found[3]), month, int(found[1])), found[4] or ""
    whole, _point, part = typed.replace(",", ".").partition(".")
    if _DIGITS.fullmatch(whole) and int(whole[:9]) in SERIALS and (not part or _DIGITS.fullmatch(part)):
        minutes = round(float(f"0.{part or 0}") * 1440)
        rest = f"{minutes // 60 % 24}:{minutes % 60:02d}" if part else ""
        return SERIAL_START + timedelta(days=int(whole)), rest
    return None, ""


def _whole_year(text: str) -> int:
    if len(text) == 4:
        return int(text)
    year = 2000 + int(text)
    # «99» is no year to come.
    return year if year <= date.today().year + 1 else year - 100  # noqa: DTZ011 (a century is all that is asked)


def _make_day(text: str, year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        if month > 12 and day <= 12:
            raise _mend(text, _("ha il mese prima del giorno")) from None
        raise _mend(text, _("non esiste")) from None


def _time_of(text: str) -> time | None:
    found = _TIME.match(text.strip()) if text.strip() else None
    if not found or int(found[1]) > 23 or int(found[2] or 0) > 59:
        return None
    return time(int(found[1]), int(found[2] or 0))


def read_time(text: str) -> time:
    """Give the hour that a cell says: 14:30, 14.30, ore 9. Raise BadCell."""
    found = _time_of(text)
    if found is None:
        raise _mend(text, _("non è un’ora, come 14:30"))
    return found


def read_birth(text: str, today: date) -> tuple[date | None, int | None]:
    """Give the day of birth, or the year alone. Raise BadCell when neither can be true."""
    typed = " ".join(text.split())
    if re.fullmatch(r"\d{4}", typed):
        if not 1900 <= int(typed) <= today.year:
            raise _mend(text, _("non è un anno di nascita possibile"))
        return None, int(typed)
    day, _rest = _day_of(typed)
    if day is None:
        raise _mend(text, _("non è una data né un anno di nascita"))
    # A serial number of a spreadsheet or two digits of a year may both be of this century by mistake.
    if day > today and re.search(r"\D\d{2}$", typed):
        day = _make_day(text, day.year - 100, day.month, day.day)
    if day > today or day.year < 1900:
        raise _mend(text, _("non è una nascita possibile"))
    return day, day.year


def find_phones(text: str) -> tuple[tuple[str, ...], str]:
    """Give the telephone numbers in a cell, in the form that is kept, and what else is written there.

    A spreadsheet that took a number for a number dropped its zero in front: it is put back. Raise BadCell when there
    is something and no telephone number.
    """
    typed = " ".join(text.split())[:200]
    if not typed or normalise(typed) in NOBODY or not normalise(typed):
        return (), ""
    # What a spreadsheet makes of a number that it took for one.
    typed = re.sub(r"^(\d+)\.0+$", r"\1", typed)
    digits = typed.replace(" ", "")
    if _DIGITS.fullmatch(digits) and not _is_valid(digits) and _is_valid(f"0{digits}"):
        return (read_phone(f"0{digits}"),), ""
    found, rest, last = [], [], 0
    for match in PhoneNumberMatcher(typed, REGION, leniency=phonenumbers.Leniency.POSSIBLE):
        try:
            found.append(read_phone(match.raw_string))
        except NotAPhone:
            continue
        rest.append(typed[last : match.start])
        last = match.end
    if not found:
        try:
            return (read_phone(typed),), ""
        except NotAPhone as refusal:
            raise BadCell(str(refusal)) from None
    rest.append(typed[last:])
    beside = " ".join(" ".join(rest).strip(" /;,-–()e").split())
    return tuple(dict.fromkeys(found)), beside if normalise(beside) else ""


def _is_valid(digits: str) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(digits, REGION))
    except phonenumbers.NumberParseException:
        return False


def is_nobody(text: str) -> bool:
    """Tell whether a name says that there is none: «anonimo», «-», «n.d.»."""
    return not normalise(text) or normalise(text) in NOBODY


def split_name(text: str, *, family_first: bool) -> tuple[str, str]:
    """Give the name and the family name of somebody who was written in one cell.

    A comma says which is which («Rossi, Mario»). One word is a name. «De Luca» stays together.
    """
    typed = proper_case(" ".join(text.split()))
    if "," in typed:
        family, _comma, given = typed.partition(",")
        return given.strip(), family.strip()
    words = typed.split()
    if len(words) < 2:
        return typed, ""
    if family_first:
        end = 1
        while end < len(words) - 1 and normalise(words[end - 1]) in PARTICLES:
            end += 1
        return " ".join(words[end:]), " ".join(words[:end])
    start = len(words) - 1
    while start > 1 and normalise(words[start - 1]) in PARTICLES:
        start -= 1
    return " ".join(words[:start]), " ".join(words[start:])


def proper_case(name: str) -> str:
    """Give a name that was written all in capitals, or without any, as names are written."""
    if name.isascii() and (name.isupper() or name.islower()):
        return name.title()
    return name
