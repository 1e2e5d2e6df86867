"""Hours as people write them, and as they are shown."""

import re

from django.utils.translation import gettext as _

# 2 · 1,5 · 1.5 · 1:30 · 1h30 · 1h · 90m
_HOURS = re.compile(r"(?P<hours>\d{1,2})(?:[.,](?P<part>\d{1,2}))?\s*h?")
_CLOCK = re.compile(r"(?P<hours>\d{1,2})\s*[:h]\s*(?P<minutes>[0-5]?\d)\s*m?")
_MINUTES = re.compile(r"(?P<minutes>\d{1,3})\s*m(?:in)?")


class NotATime(Exception):
    """What was typed is no time; the message says how to write it."""


def read_minutes(text: str) -> int:
    """Give the minutes of a time as somebody types it; 0 for nothing. Raise NotATime.

    >>> [read_minutes(text) for text in ("", "2", "1,5", "1:30", "1h30", "90m", "0.25")]
    [0, 120, 90, 90, 90, 90, 15]
    """
    typed = text.strip().lower().replace(" ", "")
    if not typed:
        return 0
    if found := _CLOCK.fullmatch(typed):
        minutes = int(found["hours"]) * 60 + int(found["minutes"])
    elif found := _MINUTES.fullmatch(typed):
        minutes = int(found["minutes"])
    elif found := _HOURS.fullmatch(typed):
        minutes = round(float(f"{found['hours']}.{found['part'] or 0}") * 60)
    else:
        raise NotATime(
            _("«%(typed)s» non è un numero di ore: scrivi 2, oppure 1,5, oppure 1:30.") % {"typed": text[:20]}
        )
    if minutes > 24 * 60:
        raise NotATime(_("Un giorno ha 24 ore: «%(typed)s» è troppo.") % {"typed": text[:20]})
    return minutes


def write_minutes(minutes: int) -> str:
    """Give minutes as hours and minutes; "" for none.

    >>> write_minutes(90), write_minutes(120), write_minutes(0)
    ('1:30', '2', '')
    """
    hours, rest = divmod(minutes, 60)
    return "" if not minutes else f"{hours}:{rest:02}" if rest else str(hours)
