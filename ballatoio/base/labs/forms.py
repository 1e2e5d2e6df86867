"""What a coordinator types about the lab, in shape."""

import re
from datetime import date, time
from itertools import pairwise
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext_lazy as _

from .models import Lab
from .settings_services import DETAILS, PROMISES, Span

_SPAN = re.compile(r"^(\d{1,2})(?:[:.](\d{2}))?\s*(?:-|–|a)\s*(\d{1,2})(?:[:.](\d{2}))?$")


class SeenForm(forms.Form):
    """A form that says what its writer had before their eyes."""

    seen = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)


class DetailsForm(SeenForm):
    """What the lab says of itself."""

    name = forms.CharField(label=_("Nome del laboratorio"), max_length=120)
    blurb = forms.CharField(
        label=_("Chi siamo"),
        max_length=1500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("Poche frasi semplici. Se le cambi, le traduzioni vanno riviste."),
    )
    address = forms.CharField(label=_("Indirizzo"), max_length=200)
    city = forms.CharField(label=_("Città"), max_length=80)
    province = forms.RegexField(
        label=_("Provincia"),
        regex=r"^[A-Za-z]{2}$",
        required=False,
        help_text=_("Due lettere: serve per la festa del patrono."),
        error_messages={"invalid": _("Scrivi le due lettere della provincia.")},
        widget=forms.TextInput(attrs={"class": "form-short", "maxlength": 2}),
    )
    phone = forms.CharField(label=_("Telefono"), max_length=40)
    email = forms.EmailField(label=_("E-mail"), required=False, max_length=254)
    funding = forms.CharField(label=_("Chi paga il servizio"), max_length=300, required=False)

    field_order = [*DETAILS, "seen"]

    def clean_province(self) -> str:
        """In capitals, as the calendar of holidays knows it."""
        return str(self.cleaned_data["province"]).upper()


def days_field(label: Any, least: int, most: int, help_text: Any) -> forms.IntegerField:
    """Give a field for a number of days, within what makes sense."""
    return forms.IntegerField(
        label=label,
        min_value=least,
        max_value=most,
        help_text=help_text,
        widget=forms.NumberInput(attrs={"class": "form-short"}),
    )


def clock_field(label: Any, help_text: Any = "") -> forms.TimeField:
    """Give a field for an hour of the day."""
    widget = forms.TimeInput(attrs={"type": "time", "class": "form-short"}, format="%H:%M")
    return forms.TimeField(label=label, help_text=help_text, widget=widget)


class PromisesForm(SeenForm):
    """What the lab promises, in days and hours."""

    answer_days = days_field(
        _("Giorni per rispondere"), 1, 60, _("Giorni di lavoro. È la data che riceve un bisogno nuovo.")
    )
    escalation_days = days_field(
        _("Giorni di silenzio prima di avvisare chi coordina"), 1, 60, _("Giorni di lavoro dopo la data prevista.")
    )
    referral_reminder_days = days_field(
        _("Giorni tra un promemoria e l’altro"), 1, 60, _("Per i servizi che non rispondono a un invio.")
    )
    referral_expiry_days = days_field(
        _("Giorni dopo i quali un invio scade"), 2, 365, _("Senza risposta, il bisogno torna allo sportello.")
    )
    receipt_days = days_field(
        _("Giorni in cui vale il codice della ricevuta"), 1, 730, _("Dopo, chi ha la ricevuta chiede allo sportello.")
    )
    reminder_hours = days_field(
        _("Ore di anticipo del promemoria di un appuntamento"), 1, 168, _("24 vuol dire il giorno prima.")
    )
    quiet_from = clock_field(_("Niente messaggi dalle"))
    quiet_until = clock_field(_("fino alle"), _("In queste ore non parte nessun messaggio verso un telefono."))

    field_order = [*PROMISES, "seen"]

    def clean(self) -> dict[str, Any]:
        """A referral expires after it was recalled at least once."""
        cleaned = super().clean() or self.cleaned_data
        reminder, expiry = cleaned.get("referral_reminder_days"), cleaned.get("referral_expiry_days")
        if reminder and expiry and expiry <= reminder:
            self.add_error("referral_expiry_days", _("L’invio deve scadere dopo il primo promemoria."))
        return cleaned


def read_spans(text: str) -> list[tuple[time, time]]:
    """Give the hours that somebody typed, «9:30-12:30, 14-17»; raise ValidationError with what to write instead."""
    spans: list[tuple[time, time]] = []
    for piece in filter(None, (piece.strip() for piece in re.split(r"[,;]| e ", text))):
        match = _SPAN.match(piece)
        try:
            if match is None:
                raise ValueError
            opens, closes = time(int(match[1]), int(match[2] or 0)), time(int(match[3]), int(match[4] or 0))
        except ValueError:
            raise forms.ValidationError(
                _("«%(piece)s» non è un orario. Scrivi per esempio 9:30-12:30, 14-17.") % {"piece": piece[:30]}
            ) from None
        if opens >= closes:
            raise forms.ValidationError(_("«%(piece)s»: si chiude prima di aprire.") % {"piece": piece[:30]})
        spans.append((opens, closes))
    spans.sort()
    if any(before[1] > after[0] for before, after in pairwise(spans)):
        raise forms.ValidationError(_("Due orari dello stesso giorno si sovrappongono."))
    return spans


def write_spans(spans: list[tuple[time, time]]) -> str:
    """Give hours as read_spans takes them."""

    def short(clock: time) -> str:
        return f"{clock.hour}:{clock.minute:02}" if clock.minute else str(clock.hour)

    return ", ".join(f"{short(opens)}-{short(closes)}" for opens, closes in spans)


class HoursForm(SeenForm):
    """When the desk is open, a line for each day of the week."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for weekday, name in WEEKDAYS.items():
            self.fields[f"day{weekday}"] = forms.CharField(
                label=str(name).capitalize(),
                max_length=80,
                required=False,
                widget=forms.TextInput(attrs={"autocomplete": "off"}),
            )

    @staticmethod
    def written(spans: list[Span]) -> dict[str, str]:
        """Give the spans of a week as the form shows them."""
        return {
            f"day{weekday}": write_spans([(opens, closes) for day, opens, closes in spans if day == weekday])
            for weekday in WEEKDAYS
        }

    def clean(self) -> dict[str, Any]:
        """Read each day; what is wrong is said beside it."""
        cleaned = super().clean() or self.cleaned_data
        cleaned["spans"] = []
        for weekday in WEEKDAYS:
            name = f"day{weekday}"
            try:
                cleaned["spans"] += [(weekday, *span) for span in read_spans(cleaned.get(name, ""))]
            except forms.ValidationError as error:
                self.add_error(name, error)
        return cleaned


class ClosingForm(forms.Form):
    """From when to when the lab is closed, and why."""

    dal = forms.DateField(
        label=_("Chiuso dal"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), localize=False
    )
    al = forms.DateField(
        label=_("fino al"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=_("Lascia vuoto se è un giorno solo."),
    )
    motivo = forms.CharField(
        label=_("Perché"), max_length=120, help_text=_("Lo legge anche chi guarda la pagina del laboratorio.")
    )

    def clean(self) -> dict[str, Any]:
        """A day alone is its own end; the past is past."""
        cleaned = super().clean() or self.cleaned_data
        first: date | None = cleaned.get("dal")
        if first is None:
            return cleaned
        cleaned["al"] = cleaned.get("al") or first
        if first < timezone.localdate():
            self.add_error("dal", _("Questo giorno è già passato: scrivi da oggi in poi."))
        elif cleaned["al"] < first:
            self.add_error("al", _("L’ultimo giorno viene prima del primo."))
        return cleaned


def details_of(lab: Lab) -> dict[str, Any]:
    """Give what a lab says of itself, as its form shows it."""
    return {name: getattr(lab, name) for name in DETAILS}


def promises_of(lab: Lab) -> dict[str, Any]:
    """Give what a lab promises, as its form shows it."""
    return {name: getattr(lab, name) for name in PROMISES}
