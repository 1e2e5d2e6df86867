"""What people type into the directory, in shape."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from ballatoio.base.core.languages import both_names


@dataclass(frozen=True)
class Asked:
    """What a visitor looks for; what they typed wrong is left out, and said beside its field."""

    text: str = ""
    need: str = ""
    open_now: bool = False
    building: str = ""
    address: str = ""
    spoken: str = ""

    @property
    def is_narrow(self) -> bool:
        """Whether something was asked for: the page then shows what was found first."""
        return bool(self.text or self.need or self.open_now or self.spoken)


class ServiceSearch(forms.Form):
    """The search of the public list; it lives in the address of the page."""

    q = forms.CharField(
        label=_("Che cosa cerchi?"),
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off"}),
    )
    indirizzo = forms.CharField(
        label=_("Vicino a quale indirizzo?"),
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "street-address"}),
    )
    parla = forms.ChoiceField(label=_("Parlano la mia lingua"), required=False)
    aperti = forms.BooleanField(label=_("Solo aperti adesso"), required=False)
    bisogno = forms.CharField(max_length=60, required=False, widget=forms.HiddenInput)
    casa = forms.CharField(max_length=80, required=False, widget=forms.HiddenInput)

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data)
        choices = [("", _("tutte le lingue")), *both_names()]
        parla = self.fields["parla"]
        assert isinstance(parla, forms.ChoiceField)
        parla.choices = choices

    def asked(self) -> Asked:
        """Give what can be looked for."""
        self.is_valid()
        clean: dict[str, Any] = self.cleaned_data
        return Asked(
            text=clean.get("q", ""),
            need=clean.get("bisogno", ""),
            open_now=clean.get("aperti", False),
            building=clean.get("casa", ""),
            address=clean.get("indirizzo", ""),
            spoken=clean.get("parla", ""),
        )
