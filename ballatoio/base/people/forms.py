"""What an operator types about a person: shape and clean input, one clear sentence for what cannot be."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.functional import lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ballatoio.base.core.languages import both_names
from ballatoio.base.territory.models import Dwelling

from .households import Move
from .models import Consent, ContactPoint, EntrySnapshot, Person, PersonIdentifier, SensitiveSnapshot
from .phones import NotAPhone, read_phone
from .services import NotAnEmail, check_birth, read_contact_value

LONGEST_NOTE = 5000
languages = lazy(both_names, list)
BIRTH = re.compile(r"(?P<day>\d{1,2})[\s./-]+(?P<month>\d{1,2})[\s./-]+(?P<year>\d{4})")
BIRTH_ISO = re.compile(r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})")


class BirthField(forms.CharField):
    """A date of birth or only its year, as people say it: «3/5/1980», «1980». Cleans to (date or None, year)."""

    def clean(self, value: Any) -> tuple[date | None, int | None]:
        text = super().clean(value)
        if not text:
            return None, None
        if re.fullmatch(r"\d{4}", text):
            return None, int(text)
        found = BIRTH.fullmatch(text) or BIRTH_ISO.fullmatch(text)
        if not found:
            raise ValidationError(_("Scrivi la data così: 3/5/1980. Basta anche solo l’anno: 1980."))
        try:
            born = date(int(found["year"]), int(found["month"]), int(found["day"]))
        except ValueError:
            raise ValidationError(_("Il giorno %(date)s non esiste: ricontrolla la data.") % {"date": text}) from None
        return born, born.year

    def prepare_value(self, value: Any) -> Any:
        """Show a pair as it was typed."""
        if isinstance(value, tuple):
            born, year = value
            return f"{born.day}/{born.month}/{born.year}" if born else (year or "")
        return value


class PersonForm(forms.Form):
    """A person's file. Nothing is mandatory but one name."""

    given_name = forms.CharField(label=gettext_lazy("Nome"), required=False, max_length=80)
    family_name = forms.CharField(label=gettext_lazy("Cognome"), required=False, max_length=80)
    pronounced = forms.CharField(
        label=gettext_lazy("Come si pronuncia"),
        required=False,
        max_length=160,
        help_text=gettext_lazy("Come lo senti dire: la persona si trova anche così."),
    )
    birth = BirthField(
        label=gettext_lazy("Data o anno di nascita"),
        required=False,
        max_length=20,
        help_text=gettext_lazy("Per esempio 3/5/1980, o solo 1980."),
    )
    languages_spoken = forms.MultipleChoiceField(
        label=gettext_lazy("Lingue che parla"),
        required=False,
        choices=languages,
        widget=forms.CheckboxSelectMultiple,
    )
    languages_read = forms.MultipleChoiceField(
        label=gettext_lazy("Lingue che legge"),
        required=False,
        choices=languages,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("Chiedilo: chi parla una lingua non sempre la legge."),
    )
    interpreter = forms.ChoiceField(
        label=gettext_lazy("Interprete"), required=False, choices=Person.Interpreter.choices
    )
    reach_by = forms.ChoiceField(
        label=gettext_lazy("Come vuole essere avvisata"),
        required=False,
        choices=Person.ReachBy.choices,
        help_text=gettext_lazy("Chiediglielo: un messaggio sbagliato può mettere in pericolo chi lo riceve."),
    )
    accessibility = forms.CharField(
        label=gettext_lazy("Che cosa le serve per venire qui"),
        required=False,
        max_length=LONGEST_NOTE,
        widget=forms.Textarea({"rows": 2}),
        help_text=gettext_lazy("Per esempio: non fa scale, sente poco, viene con il passeggino."),
    )
    notes = forms.CharField(
        label=gettext_lazy("Come accoglierla bene"),
        required=False,
        max_length=LONGEST_NOTE,
        widget=forms.Textarea({"rows": 3}),
        help_text=gettext_lazy("Si salva cifrato. Niente password e niente giudizi."),
    )

    def clean(self) -> dict[str, Any]:
        """Ask for one name, and for a birth that can be."""
        cleaned: dict[str, Any] = super().clean() or {}
        if not self.errors and not (cleaned["given_name"] or cleaned["family_name"]):
            self.add_error("given_name", _("Scrivi almeno un nome. Chi non vuole dirlo resta un contatto anonimo."))
        if "birth" in cleaned and (problem := check_birth(*cleaned["birth"])):
            self.add_error("birth", problem)
        return cleaned

    def facts(self) -> dict[str, Any]:
        """Give the facts in the form that services take, the sealed texts left out."""
        cleaned = self.cleaned_data
        names = (
            *("given_name", "family_name", "pronounced"),
            *("languages_spoken", "languages_read", "interpreter", "reach_by"),
        )
        born, year = cleaned["birth"]
        return {name: cleaned[name] for name in names} | {"birth_date": born, "birth_year": year}

    def texts(self) -> dict[str, str]:
        """Give the texts that are kept sealed."""
        return {"notes": self.cleaned_data["notes"], "accessibility": self.cleaned_data["accessibility"]}


class NewPersonForm(PersonForm):
    """A new file: one telephone number may come with it."""

    phone = forms.CharField(label=gettext_lazy("Telefono"), required=False, max_length=40)
    field_order = ["given_name", "family_name", "pronounced", "phone", "birth"]

    def clean_phone(self) -> str:
        phone: str = self.cleaned_data["phone"]
        try:
            return read_phone(phone) if phone else ""
        except NotAPhone as problem:
            raise ValidationError(str(problem)) from None


class AmendPersonForm(PersonForm):
    """Correcting a file, knowing which version of it was on the screen."""

    version = forms.IntegerField(widget=forms.HiddenInput)


def person_initial(person: Person, texts: Mapping[str, str]) -> dict[str, Any]:
    """Give what the form of a person shows at first."""
    return {
        "given_name": person.given_name,
        "family_name": person.family_name,
        "pronounced": person.pronounced,
        "birth": (person.birth_date, person.birth_year),
        "languages_spoken": person.languages_spoken,
        "languages_read": person.languages_read,
        "interpreter": person.interpreter,
        "reach_by": person.reach_by,
        "version": person.version,
        **texts,
    }


class ContactPointForm(forms.Form):
    """A way to reach a person, and how to use it without harm."""

    kind = forms.ChoiceField(label=gettext_lazy("Che cos’è"), choices=ContactPoint.Kind.choices)
    value = forms.CharField(label=gettext_lazy("Numero o indirizzo"), max_length=160)
    is_shared = forms.BooleanField(
        label=gettext_lazy("Lo usano anche altri"),
        required=False,
        help_text=gettext_lazy("Chi risponde potrebbe non essere questa persona: non dire niente a chi risponde."),
    )
    safe_to_call = forms.BooleanField(label=gettext_lazy("Si può chiamare senza rischi"), required=False, initial=True)
    no_voicemail = forms.BooleanField(label=gettext_lazy("Non lasciare messaggi in segreteria"), required=False)
    hours = forms.CharField(
        label=gettext_lazy("Quando si può chiamare"),
        required=False,
        max_length=80,
        help_text=gettext_lazy("Per esempio: la mattina, quando i figli sono a scuola."),
    )

    def clean(self) -> dict[str, Any]:
        """Bring the number or the address into the form that is kept."""
        cleaned: dict[str, Any] = super().clean() or {}
        if "kind" in cleaned and "value" in cleaned:
            try:
                cleaned["value"] = read_contact_value(cleaned["kind"], cleaned["value"])
            except (NotAPhone, NotAnEmail) as problem:
                self.add_error("value", str(problem))
        return cleaned


class FlatField(forms.ModelChoiceField):
    """One of the flats of a house, as people call it."""

    def label_from_instance(self, flat: Any) -> str:
        return _("scala %(stair)s, interno %(number)s, piano %(floor)s") % {
            "stair": flat.stair.name,
            "number": flat.number,
            "floor": flat.floor,
        }


class HomeForm(forms.Form):
    """Where a person lives, among the flats of a house that was found."""

    dwelling = FlatField(
        label=gettext_lazy("Quale alloggio"), queryset=Dwelling.objects.none(), empty_label=gettext_lazy("Scegli…")
    )
    move = forms.ChoiceField(label=gettext_lazy("Con chi"), choices=Move.choices)

    def __init__(self, flats: QuerySet[Dwelling], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["dwelling"]
        assert isinstance(field, FlatField)
        field.queryset = flats
        field.error_messages["required"] = field.error_messages["invalid_choice"] = _("Scegli l’alloggio.")


class IdentifierForm(forms.Form):
    """A codice fiscale or the number of a document."""

    kind = forms.ChoiceField(label=gettext_lazy("Che cos’è"), choices=PersonIdentifier.Kind.choices)
    value = forms.CharField(label=gettext_lazy("Codice o numero"), max_length=40)


class ConsentForm(forms.Form):
    """What a person agrees to, and how they said so."""

    SCOPES = [
        ("recall", gettext_lazy("Essere richiamata dal laboratorio")),
        ("share_services", gettext_lazy("Passare i suoi dati a un servizio, quando lo chiede")),
        ("share_owner", gettext_lazy("Dire al proprietario di casa che cosa serve, senza il perché")),
        ("interpreter", gettext_lazy("Avere un interprete che sente quello che dice")),
        ("images", gettext_lazy("Foto e video delle attività")),
    ]

    scope = forms.ChoiceField(label=gettext_lazy("Per che cosa"), choices=SCOPES)
    how = forms.ChoiceField(label=gettext_lazy("Come l’ha detto"), choices=Consent.How.choices)
    language = forms.ChoiceField(label=gettext_lazy("In quale lingua"), choices=languages, initial="it")
    text_version = forms.CharField(
        label=gettext_lazy("Quale testo ha letto o sentito"),
        max_length=40,
        help_text=gettext_lazy("Il nome o la data scritta in fondo al foglio."),
    )
    ends_on = forms.DateField(
        label=gettext_lazy("Fino a quando"),
        required=False,
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": gettext_lazy("Questa data non esiste: scrivila così, 31/12/2027.")},
    )


class EntryForm(forms.Form):
    """What a fund asks of a participant on entry: every answer may be missing, and says why it is.

    The sensitive ones are fields of their own kind: `delicate` gives them to the page, which keeps them apart.
    """

    operation = forms.CharField(
        label=gettext_lazy("Codice del progetto"),
        max_length=60,
        help_text=gettext_lazy("Come lo scrive il fondo, per esempio 9.4.2."),
        widget=forms.TextInput({"autocomplete": "off"}),
        error_messages={"required": gettext_lazy("Scrivi il codice del progetto che chiede questi dati.")},
    )
    gender = forms.ChoiceField(label=gettext_lazy("Genere"), choices=EntrySnapshot.GENDER, initial="not_asked")
    employment = forms.ChoiceField(label=gettext_lazy("Lavoro"), choices=EntrySnapshot.EMPLOYMENT, initial="not_asked")
    education = forms.ChoiceField(
        label=gettext_lazy("Ultima scuola finita"), choices=EntrySnapshot.EDUCATION, initial="not_asked"
    )
    household_situation = forms.ChoiceField(
        label=gettext_lazy("In casa"), choices=EntrySnapshot.HOUSEHOLD, initial="not_asked"
    )
    ASKED = ("gender", "employment", "education", "household_situation")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, label in SensitiveSnapshot.QUESTIONS.items():
            self.fields[name] = forms.ChoiceField(label=label, choices=SensitiveSnapshot.VALUES, initial="not_asked")

    def plain(self) -> list[forms.BoundField]:
        """Give the fields of the questions that are not sensitive."""
        return [self[name] for name in self.ASKED]

    def delicate(self) -> list[forms.BoundField]:
        """Give the fields of the sensitive questions."""
        return [self[name] for name in SensitiveSnapshot.QUESTIONS]

    def answers(self) -> dict[str, Any]:
        """Give what was typed in the form that services take; no sensitive answers when none was asked."""
        cleaned = self.cleaned_data
        sensitive = {name: cleaned[name] for name in SensitiveSnapshot.QUESTIONS}
        return {
            "operation": cleaned["operation"],
            "values": {name: cleaned[name] for name in self.ASKED},
            "sensitive": sensitive if set(sensitive.values()) != {"not_asked"} else None,
        }
