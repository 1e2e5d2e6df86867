"""What a coordinator says about a sheet, on screen."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from ballatoio.base.core.text import normalise
from ballatoio.care.desk.fields import QuickSelect
from ballatoio.care.desk.models import Contact

from .columns import Column, heading_of
from .models import Lookalike, SheetImport
from .reading import Choices
from .services import MAX_BYTES
from .targets import NAMES, TARGETS
from .values import SEPARATORS, ValueLists, Word

NOT_TAKEN = ""
ENCODINGS = [
    ("", _("riconoscila da solo")),
    ("utf-8-sig", "UTF-8"),
    ("cp1252", _("Windows (Europa occidentale)")),
    ("mac_roman", _("Macintosh")),
    ("utf-16", "UTF-16"),
]


DELIMITERS = [
    ("", _("trovalo da solo")),
    (";", _("punto e virgola")),
    (",", _("virgola")),
    ("\t", _("tabulazione")),
    ("|", _("barra verticale")),
]


class UploadForm(forms.Form):
    """A file, and what it holds."""

    kind = forms.ChoiceField(
        label=_("Che cosa c’è nel foglio"),
        choices=SheetImport.Kind.choices,
        widget=forms.RadioSelect,
        initial=SheetImport.Kind.DESK_LOG,
    )
    file = forms.FileField(
        label=_("Il foglio"),
        help_text=_("CSV, Excel (.xlsx) o LibreOffice (.ods), al massimo 25 MB e 100 000 righe."),
        allow_empty_file=True,
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.txt,.tsv,.xlsx,.ods"}),
    )
    title = forms.CharField(
        label=_("Come lo chiamate"),
        required=False,
        max_length=80,
        help_text=_("Per ritrovarlo nell’elenco, per esempio «Diario 2019–2024». Senza nomi di persone."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    encoding = forms.ChoiceField(label=_("Codifica delle lettere"), choices=ENCODINGS, required=False)
    delimiter = forms.ChoiceField(label=_("Segno fra una cella e l’altra"), choices=DELIMITERS, required=False)
    wanted = forms.CharField(
        label=_("Nome del foglio, se il file ne ha più di uno"),
        required=False,
        max_length=60,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    once = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    def clean_file(self) -> UploadedFile:
        """Refuse a file that is too large before it is read."""
        file: UploadedFile = self.cleaned_data["file"]
        if (file.size or 0) > MAX_BYTES:
            raise ValidationError(_("Il file supera i 25 MB: dividilo, per esempio un anno per foglio."))
        return file


class ColumnsForm(forms.Form):
    """What each column is. The fields of the columns are called c0, c1, …"""

    header_row = forms.IntegerField(
        label=_("Le intestazioni sono nella riga"),
        min_value=0,
        max_value=1000,
        help_text=_("Il numero che vedi a sinistra nel foglio. 0 se il foglio non ha intestazioni."),
        widget=forms.NumberInput(attrs={"class": "form-short"}),
    )
    family_first = forms.BooleanField(label=_("Nei nomi scritti insieme viene prima il cognome"), required=False)
    same_day = forms.BooleanField(
        label=_("Dove la data è vuota vale quella della riga sopra"),
        required=False,
        help_text=_("Succede quando la data è scritta una volta sola per tutta la giornata."),
    )
    separator = forms.ChoiceField(
        label=_("Più argomenti nella stessa cella sono divisi da"),
        required=False,
        choices=[
            ("", _("niente: la cella è un argomento solo")),
            ("comma", _("virgola")),
            ("semicolon", _("punto e virgola")),
            ("slash", _("barra /")),
            ("plus", _("più +")),
            ("line", _("a capo")),
        ],
    )
    channel = forms.ChoiceField(
        label=_("Dove non c’è scritto come è arrivata la persona"),
        choices=Contact.Channel.choices,
        initial=Contact.Channel.WALK_IN,
        required=False,
    )
    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, kind: str, columns: list[Column], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind, self.columns = kind, columns
        targets = [(target.name, target.label) for target in TARGETS[kind]]
        for place in range(len(columns)):
            self.fields[f"c{place}"] = forms.ChoiceField(
                label=heading_of(columns, place),
                choices=[(NOT_TAKEN, _("— non prendere")), *targets],
                required=False,
                widget=QuickSelect,
            )
        if kind == SheetImport.Kind.REGISTER:
            for name in ("same_day", "separator", "channel"):
                del self.fields[name]

    def clean(self) -> dict[str, Any]:
        """Each field once, and those without which nothing can be written."""
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("header_row") != self.initial.get("header_row"):
            # The columns are about to be read again: what was said about them is not yet worth checking.
            return cleaned
        taken: dict[str, int] = {}
        many = {target.name: target.many for target in TARGETS[self.kind]}
        for place in range(len(self.columns)):
            name = cleaned.get(f"c{place}", NOT_TAKEN)
            if name and name in taken and not many[name]:
                self.add_error(
                    f"c{place}",
                    _("C’è già la colonna «%(other)s»: scegline una sola.")
                    % {"other": heading_of(self.columns, taken[name])},
                )
            taken.setdefault(name, place)
        taken.pop(NOT_TAKEN, None)
        if not self.errors:
            self._need(taken)
        return cleaned

    def _need(self, taken: dict[str, int]) -> None:
        if self.kind == SheetImport.Kind.DESK_LOG and "date" not in taken:
            raise ValidationError(_("Di’ quale colonna è la data: senza, un contatto non si può scrivere."))
        if self.kind == SheetImport.Kind.REGISTER and not taken.keys() & set(NAMES):
            raise ValidationError(_("Di’ in quale colonna sono i nomi: senza, una scheda non si può aprire."))

    def choices(self) -> Choices:
        """Give what was said, as it is kept."""
        cleaned = self.cleaned_data
        columns = {str(n): cleaned[f"c{n}"] for n in range(len(self.columns)) if cleaned.get(f"c{n}")}
        return Choices(
            columns=columns,
            family_first=cleaned["family_first"],
            same_day=cleaned.get("same_day", False),
            separator=cleaned.get("separator", "") if cleaned.get("separator") in SEPARATORS else "",
            channel=cleaned.get("channel") or Contact.Channel.WALK_IN,
        )


def columns_initial(choices: Choices, sheet: SheetImport) -> dict[str, Any]:
    """Give what the form of the columns shows at first."""
    shown = {f"c{place}": name for place, name in choices.columns.items()}
    return shown | {
        "header_row": sheet.header_row,
        "family_first": choices.family_first,
        "same_day": choices.same_day,
        "separator": choices.separator,
        "channel": choices.channel,
        "version": sheet.version,
    }


class ValuesForm(forms.Form):
    """What the words of the lists mean. The fields are called by their list and their number: topic-0, topic-1, …"""

    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, lists: ValueLists, asked: dict[str, tuple[list[Word], int]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.asked = asked
        for name, (words, _others) in asked.items():
            offered = lists.choices(name)
            for number, word in enumerate(words):
                self.fields[f"{name}-{number}"] = forms.ChoiceField(
                    label=word.written, choices=offered, required=False, initial=word.guess, widget=QuickSelect
                )

    def values(self) -> dict[str, dict[str, str]]:
        """Give the meaning of each word, by its list."""
        return {
            name: {normalise(word.written): self.cleaned_data[f"{name}-{number}"] for number, word in enumerate(words)}
            for name, (words, _others) in self.asked.items()
        }


class LookalikesForm(forms.Form):
    """Of each person of the sheet whether they are the one whom the lab knows. The fields are called by their ids."""

    def __init__(self, *args: Any, lookalikes: list[Lookalike], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lookalikes = lookalikes
        for lookalike in lookalikes:
            self.fields[str(lookalike.pk)] = forms.ChoiceField(
                label=str(lookalike.person), choices=Lookalike.Choice.choices, initial=lookalike.choice
            )


class AllLookalikesForm(forms.Form):
    """The same for all those whom only their name makes alike."""

    everybody = forms.ChoiceField(
        label=_("Per tutte quelle che hanno solo lo stesso nome"),
        choices=Lookalike.Choice.choices,
        initial=Lookalike.Choice.NEW,
    )


class StartForm(forms.Form):
    """That the rows may be written."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    leave_out = forms.BooleanField(required=False)
    again = forms.BooleanField(required=False)


class UndoForm(forms.Form):
    """That an import is taken back, and what of it goes although somebody has used it since."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    remove = forms.MultipleChoiceField(required=False)
    remove_all = forms.BooleanField(required=False)

    def __init__(self, *args: Any, ids: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["remove"].choices = [(pk, pk) for pk in ids]  # type: ignore[attr-defined]


class VersionForm(forms.Form):
    """Which version of the sheet its reader saw."""

    version = forms.IntegerField(widget=forms.HiddenInput)
