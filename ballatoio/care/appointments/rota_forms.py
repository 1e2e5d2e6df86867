"""What is typed about who receives when: shape and clean input, nothing is written here."""

from datetime import date
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext_lazy as _

from ballatoio.base.core.languages import SPOKEN
from ballatoio.base.directory.models import NeedTerm, Translation
from ballatoio.care.desk.fields import DayField, QuickSelect, line_field
from ballatoio.care.desk.forms import DeskLists, OwnerField, VersionForm

from .forms import TimeField
from .models import AppointmentKind

# The languages of the public pages besides Italian: a kind is named in each.
OTHER_LANGUAGES = [(code, name) for code, name in settings.LANGUAGES if code != settings.LANGUAGE_CODE]


def language_names() -> list[tuple[str, Any]]:
    """Give the languages that somebody may speak, as an operator reads them."""
    return [(code, name) for code, _own, name in SPOKEN]


class RotaForm(forms.Form):
    """Who receives on which weekday, from when to when, for what, in which languages."""

    operator = OwnerField(label=_("Chi riceve"), required=False)
    weekday = forms.TypedChoiceField(
        label=_("Ogni"), choices=list(WEEKDAYS.items()), coerce=int, widget=QuickSelect, initial=0
    )
    opens = TimeField(label=_("Dalle"))
    closes = TimeField(label=_("Alle"))
    kinds = forms.MultipleChoiceField(
        label=_("Per che cosa"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Scegli almeno una cosa per cui si riceve.")},
    )
    languages = forms.MultipleChoiceField(
        label=_("Lingue che chi riceve parla"),
        choices=language_names,
        widget=forms.CheckboxSelectMultiple,
        initial=["it"],
        error_messages={"required": _("Scegli almeno una lingua.")},
    )
    interpreter_languages = forms.MultipleChoiceField(
        label=_("Con un interprete presente"),
        help_text=_("Le lingue dell’interprete che è lì in queste ore."),
        choices=language_names,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    place = line_field(_("Dove"), max_length=200, help_text=_("Vuoto: all’indirizzo del laboratorio."))
    is_public = forms.BooleanField(
        label=_("Si può prenotare anche dalla pagina pubblica"), required=False, initial=True
    )
    valid_from = DayField(label=_("Dal giorno"))
    valid_to = DayField(label=_("Fino al giorno"), required=False, help_text=_("Vuoto: senza fine."))

    def __init__(self, *args: Any, lists: DeskLists, kinds: list[AppointmentKind], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offered = {str(kind.pk): kind for kind in kinds}
        self.fields["kinds"].choices = [(pk, str(kind)) for pk, kind in self.offered.items()]  # type: ignore[attr-defined]
        self.fields["operator"].offer(lists)  # type: ignore[attr-defined]
        for name in ("valid_from", "valid_to"):
            self.fields[name].lab = lists.lab  # type: ignore[attr-defined]

    def clean_kinds(self) -> list[AppointmentKind]:
        """The kinds that were ticked."""
        return [self.offered[pk] for pk in self.cleaned_data["kinds"]]

    def clean(self) -> dict[str, Any]:
        """It ends after it begins, and there is room for one appointment."""
        cleaned = super().clean() or self.cleaned_data
        opens, closes = cleaned.get("opens"), cleaned.get("closes")
        if opens and closes:
            minutes = (closes.hour - opens.hour) * 60 + closes.minute - opens.minute
            longest = max((kind.minutes for kind in cleaned.get("kinds", [])), default=0)
            if minutes <= 0:
                self.add_error("closes", _("Deve finire dopo che è cominciato."))
            elif minutes < longest:
                too_short = _("Non ci sta nemmeno un appuntamento: il più lungo dura %(minutes)s minuti.")
                self.add_error("closes", too_short % {"minutes": longest})
        first, last = cleaned.get("valid_from"), cleaned.get("valid_to")
        if isinstance(first, date) and isinstance(last, date) and last < first:
            self.add_error("valid_to", _("L’ultimo giorno viene dopo il primo."))
        return cleaned


class AmendRotaForm(RotaForm, VersionForm):
    """The same hours, corrected: the operator stays."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["operator"]


class EndForm(forms.Form):
    """The last day of some hours."""

    on = DayField(label=_("Ultimo giorno"), future=True)


class AbsenceForm(forms.Form):
    """Days on which somebody does not receive. Why is not asked."""

    operator = OwnerField(label=_("Chi non riceve"), required=False)
    first_on = DayField(label=_("Dal giorno"), future=True)
    last_on = DayField(label=_("Al giorno"), required=False, future=True, help_text=_("Vuoto: un giorno solo."))
    from_time = TimeField(label=_("Dalle"), required=False)
    until_time = TimeField(label=_("Alle"), required=False, help_text=_("Vuoto: tutto il giorno."))

    def __init__(self, *args: Any, lists: DeskLists, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["operator"].offer(lists)  # type: ignore[attr-defined]
        for name in ("first_on", "last_on"):
            self.fields[name].lab = lists.lab  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """One day when the last is empty; both times or none."""
        cleaned = super().clean() or self.cleaned_data
        first = cleaned.get("first_on")
        cleaned["last_on"] = cleaned.get("last_on") or first
        if first and cleaned["last_on"] < first:
            self.add_error("last_on", _("L’ultimo giorno viene dopo il primo."))
        begins, ends = cleaned.get("from_time"), cleaned.get("until_time")
        if bool(begins) != bool(ends):
            self.add_error("until_time", _("Scrivi tutte e due le ore, oppure nessuna."))
        elif begins and ends and ends <= begins:
            self.add_error("until_time", _("Deve finire dopo che è cominciato."))
        return cleaned


class ClosingForm(forms.Form):
    """A day on which the lab is closed, and why: everybody reads it."""

    on = DayField(label=_("Giorno"), future=True)
    reason = line_field(_("Perché"), required=True, max_length=120, help_text=_("Si legge sulla pagina pubblica."))

    def __init__(self, *args: Any, lists: DeskLists, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["on"].lab = lists.lab  # type: ignore[attr-defined]


class KindForm(forms.Form):
    """A kind of appointment, in Italian and in the languages of the public pages."""

    name = line_field(_("Come si chiama"), required=True, max_length=80, help_text=_("Per esempio: casa, documenti."))
    minutes = forms.IntegerField(
        label=_("Quanti minuti"),
        min_value=5,
        max_value=480,
        initial=30,
        widget=forms.NumberInput(attrs={"class": "form-short"}),
    )
    bring = line_field(_("Che cosa portare"), max_length=300)
    term = forms.CharField(label=_("Bisogno della tassonomia"), required=False, widget=QuickSelect)
    is_public = forms.BooleanField(label=_("Si prenota anche dalla pagina pubblica"), required=False, initial=True)
    is_active = forms.BooleanField(label=_("Si usa"), required=False, initial=True)

    def __init__(self, *args: Any, lists: DeskLists, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.terms = {str(term.pk): term for term in lists.terms}
        names = [(pk, f"{'— ' if term.parent_id else ''}{term.name}") for pk, term in self.terms.items()]
        self.fields["term"].widget.choices = [("", _("nessuno")), *names]
        for code, language in OTHER_LANGUAGES:
            attrs = {"lang": code, "dir": "rtl" if code in {"ar", "ur"} else "ltr", "autocomplete": "off"}
            for part, label, most in (("name", _("Nome"), 80), ("bring", _("Che cosa portare"), 300)):
                self.fields[f"{part}_{code}"] = forms.CharField(
                    label=f"{label} ({language})",
                    max_length=most,
                    required=False,
                    widget=forms.TextInput(attrs=attrs),
                )
            self.fields[f"reviewed_{code}"] = forms.BooleanField(
                label=_("Chi parla %(language)s lo ha riletto") % {"language": str(language).lower()}, required=False
            )

    def clean_term(self) -> NeedTerm | None:
        """The term that was chosen, None when it is none."""
        chosen = self.cleaned_data["term"]
        if chosen and chosen not in self.terms:
            raise ValidationError(_("Scegli un bisogno dall’elenco."))
        return self.terms.get(chosen)

    def values(self) -> dict[str, Any]:
        """Give what was typed as the services take it: the fields of the kind, and the texts by language."""
        cleaned = self.cleaned_data
        names = ("name", "minutes", "bring", "term", "is_public", "is_active")
        texts = {}
        for code, _language in OTHER_LANGUAGES:
            reviewed = cleaned[f"reviewed_{code}"]
            texts[code] = {
                "name": cleaned[f"name_{code}"],
                "bring": cleaned[f"bring_{code}"],
                "state": str(Translation.State.REVIEWED if reviewed else Translation.State.DRAFT),
            }
        return {name: cleaned[name] for name in names} | {"texts": texts}


class AmendKindForm(KindForm, VersionForm):
    """A kind, corrected."""


class AgendaForm(VersionForm):
    """How far ahead, until when alone, how long a place is held."""

    weeks_ahead = forms.IntegerField(label=_("Settimane aperte in avanti"), min_value=1, max_value=26)
    lead_hours = forms.IntegerField(
        label=_("Ore di anticipo per chi prenota da sé"),
        help_text=_("Lo sportello può fino all’ultimo minuto."),
        min_value=0,
        max_value=168,
    )
    hold_hours = forms.IntegerField(
        label=_("Ore di apertura per rispondere a chi è in lista d’attesa"),
        help_text=_("Per tante ore l’orario liberato è tenuto per la prima persona; poi passa alla seguente."),
        min_value=1,
        max_value=40,
    )

    field_order = ["weeks_ahead", "lead_hours", "hold_hours"]
