"""How an operator types days and words, and what is made of them."""

import re
from collections.abc import Iterable
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.utils import flatatt
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _

from ballatoio.base.core.text import normalise
from ballatoio.base.core.text import words as words_of
from ballatoio.base.directory.models import Service
from ballatoio.base.labs.models import Lab
from ballatoio.base.labs.services import add_working_days

LONGEST_TEXT = 20_000
LONGEST_LINE = 200
PICKED = {True: mark_safe(" selected"), False: ""}
_SECRET = re.compile(r"\b(password|passwd|pwd|pin|puk)\b\s*(è|e'|[:=])\s*\S+", re.IGNORECASE)
_DAY = re.compile(r"^(\d{1,2})[\s/.\-]+(\d{1,2})(?:[\s/.\-]+(\d{4}|\d{2}))?$")
_ISO = re.compile(r"^(\d{4})-(\d{1,2})-(\d{1,2})$")


def read_day(text: str, today: date) -> date:
    """Give the day that somebody typed: 3/12, 3.12.26, 2026-12-03, oggi, domani. Raise ValueError for any other.

    A day without a year is the next one with that date.
    """
    typed = normalise(text) if text.isalpha() else text.strip()
    if typed in ("oggi", "domani"):
        return today + timedelta(days=("oggi", "domani").index(typed))
    if iso := _ISO.match(typed):
        year, month, day = (int(part) for part in iso.groups())
        return date(year, month, day)
    match = _DAY.match(typed)
    if match is None:
        raise ValueError(text)
    day, month = int(match[1]), int(match[2])
    if match[3]:
        return date(int(match[3]) + (2000 if len(match[3]) == 2 else 0), month, day)
    this_year = date(today.year, month, day)
    return this_year if this_year >= today else date(today.year + 1, month, day)


class QuickSelect(forms.Select):
    """A select drawn in one go: Django draws a template for each option, and a taxonomy has eighty."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        """Give the control with its options, the chosen one marked."""
        chosen = frozenset(str(item) for item in self.format_value(value))
        attributes = flatatt({"name": name, **self.build_attrs(self.attrs, attrs)})
        options = draw_options(tuple((str(key), str(text)) for key, text in self.choices), chosen)
        return format_html("<select{}>{}</select>", attributes, options)


@lru_cache(maxsize=256)
def draw_options(choices: tuple[tuple[str, str], ...], chosen: frozenset[str]) -> SafeString:
    """Give the options of a select, the chosen one marked. A list asks for the same ones at every page."""
    option = '<option value="{}"{}>{}</option>'
    return format_html_join("", option, ((key, PICKED[key in chosen], text) for key, text in choices))


class DayField(forms.CharField):
    """A day, typed as one writes it. «+3» counts the working days of the lab."""

    lab: Lab | None = None

    def __init__(self, *, future: bool = False, **kwargs: Any) -> None:
        self.future = future
        widget = forms.TextInput(attrs={"class": "form-short", "autocomplete": "off", "placeholder": _("gg/mm")})
        super().__init__(**{"widget": widget, "max_length": 40, **kwargs})

    def clean(self, value: Any) -> Any:
        """Give a date, or None when nothing was typed."""
        typed = super().clean(value)
        if not typed:
            return None
        today = timezone.localdate()
        try:
            if typed[0] == "+" and self.lab is not None:
                day = add_working_days(self.lab, today, min(int(typed[1:]), 250))
            else:
                day = read_day(typed, today)
        except ValueError:
            raise ValidationError(
                _("«%(typed)s» non è un giorno del calendario. Scrivi per esempio 3/12 oppure +5 giorni di lavoro.")
                % {"typed": typed}
            ) from None
        if self.future and day < today:
            raise ValidationError(_("Questo giorno è già passato. Scrivi un giorno da oggi in poi."))
        if not -20 * 366 < (day - today).days < 5 * 366:
            raise ValidationError(_("Questo giorno è troppo lontano. Controlla l’anno."))
        return day

    def prepare_value(self, value: Any) -> Any:
        return f"{value:%d/%m/%Y}" if isinstance(value, date) else value


class StoryField(forms.CharField):
    """A text that somebody tells: long, but no book, and never a password."""

    def __init__(self, *, rows: int = 3, **kwargs: Any) -> None:
        widget = forms.Textarea(attrs={"rows": rows, "maxlength": LONGEST_TEXT})
        super().__init__(**{"widget": widget, "required": False, **kwargs})

    def to_python(self, value: Any) -> str:
        """Give the text with line ends of one character, as the browser counted them."""
        return str(super().to_python(value)).replace("\r\n", "\n")

    def clean(self, value: Any) -> str:
        """Give the text; raise ValidationError when it is too long or holds a password."""
        text: str = super().clean(value)
        if len(text) > LONGEST_TEXT:
            raise ValidationError(
                _("Il testo è troppo lungo: %(typed)s caratteri. Ne restano i primi %(most)s: accorcia e salva.")
                % {"typed": len(text), "most": LONGEST_TEXT}
            )
        if _SECRET.search(text):
            raise ValidationError(_("Sembra che ci sia una password o un PIN. Non si scrivono qui: cancella e salva."))
        return text

    def prepare_value(self, value: Any) -> Any:
        return value[:LONGEST_TEXT] if isinstance(value, str) else value


def line_field(label: Any, **kwargs: Any) -> forms.CharField:
    """Give a field of one line for something short, with a sentence when it is too long."""
    kwargs = {"max_length": LONGEST_LINE, "required": False, **kwargs}
    too_long = _("È troppo lungo: al massimo %(limit_value)d caratteri.")
    field = forms.CharField(label=label, error_messages={"max_length": too_long}, **kwargs)
    field.widget.attrs["autocomplete"] = "off"
    return field


def match_services(typed: str, services: Iterable[Service]) -> list[Service]:
    """Give the services that somebody means by what they typed: one when it is the name, else all that fit."""
    wanted = normalise(typed)
    services = list(services)
    exact = [service for service in services if wanted in (normalise(service.name), normalise(service.slug))]
    return exact[:1] or [service for service in services if _begins(wanted.split(), words_of(service.name))]


def _begins(typed: list[str], whole: list[str]) -> bool:
    return all(any(word.startswith(piece) for word in whole) for piece in typed)
