"""What a coordinator types about a building and its flats, in shape."""

import re
from typing import Any

from django import forms
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from ballatoio.base.labs.models import Lab, Organisation

from .models import Building, Dwelling, Stair

HOUSING_KINDS = (Organisation.Kind.HOUSING, Organisation.Kind.INSTITUTION, Organisation.Kind.COOPERATIVE)
MOST_STAIRS = 30


def short_field(label: Any, **kwargs: Any) -> forms.CharField:
    """Give a field for a few characters."""
    return forms.CharField(label=label, widget=forms.TextInput(attrs={"class": "form-short"}), **kwargs)


class BuildingFilter(forms.Form):
    """Which buildings the list shows."""

    q = forms.CharField(
        label=_("Via e numero"), max_length=120, required=False, widget=forms.TextInput(attrs={"type": "search"})
    )


class AddressForm(forms.Form):
    """Where a building stands."""

    street = forms.CharField(label=_("Via"), max_length=120, help_text=_("Per esteso: «viale», non «v.le»."))
    civic = short_field(_("Numero civico"), max_length=12)
    cap = forms.RegexField(
        label=_("CAP"),
        regex=r"^\d{5}$",
        required=False,
        error_messages={"invalid": _("Il CAP ha cinque cifre.")},
        widget=forms.TextInput(attrs={"class": "form-short", "inputmode": "numeric", "maxlength": 5}),
    )
    lat = forms.FloatField(label=_("Latitudine"), required=False, min_value=-90, max_value=90, localize=True)
    lon = forms.FloatField(label=_("Longitudine"), required=False, min_value=-180, max_value=180, localize=True)
    seen = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    def clean_street(self) -> str:
        """With one space between its words."""
        return " ".join(self.cleaned_data["street"].split())

    def clean(self) -> dict[str, Any]:
        """A point has two numbers, or is not known."""
        cleaned = super().clean() or self.cleaned_data
        if (cleaned.get("lat") is None) != (cleaned.get("lon") is None):
            self.add_error("lat", _("Servono tutti e due i numeri, oppure nessuno."))
        return cleaned


class BuildingForm(AddressForm):
    """A new building: where it stands, whose it is, its stairs."""

    owner = forms.ModelChoiceField(
        label=_("Proprietario"), queryset=Organisation.objects.none(), required=False, empty_label=_("non si sa")
    )
    manager = forms.ModelChoiceField(
        label=_("Chi la gestisce"), queryset=Organisation.objects.none(), required=False, empty_label=_("non si sa")
    )
    year = forms.IntegerField(label=_("Anno di costruzione"), min_value=1000, max_value=2200, required=False)
    stairs = forms.CharField(
        label=_("Scale"), max_length=300, required=False, help_text=_("Con una virgola tra l’una e l’altra: A, B, C.")
    )

    field_order = ["street", "civic", "cap", "owner", "manager", "stairs", "year", "lat", "lon"]

    def __init__(self, *args: Any, lab: Lab, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered = Organisation.objects.filter(Q(lab=lab) | Q(lab__isnull=True), kind__in=HOUSING_KINDS)
        for name in ("owner", "manager"):
            field = self.fields[name]
            assert isinstance(field, forms.ModelChoiceField)
            field.queryset = offered.order_by("name", "pk")

    def clean_stairs(self) -> list[str]:
        """Give the names of the stairs, each once."""
        names = [" ".join(name.split()) for name in re.split(r"[,;\n]+", self.cleaned_data["stairs"])]
        stairs = list(dict.fromkeys(name for name in names if name))
        if len(stairs) > MOST_STAIRS or any(len(name) > 20 for name in stairs):
            raise forms.ValidationError(_("Scrivi i nomi delle scale separati da virgole, per esempio A, B, C."))
        return stairs


class StairForm(forms.Form):
    """A stair more."""

    name = short_field(_("Nome della scala"), max_length=20, help_text=_("Per esempio: B"))
    has_lift = forms.NullBooleanField(
        label=_("Ascensore"),
        required=False,
        widget=forms.Select(choices=[("unknown", _("non si sa")), ("true", _("sì")), ("false", _("no"))]),
    )

    def clean_name(self) -> str:
        """With one space between its words."""
        return " ".join(self.cleaned_data["name"].split())


class DwellingForm(forms.Form):
    """A flat more."""

    stair = forms.ModelChoiceField(label=_("Scala"), queryset=Stair.objects.none(), empty_label=None)
    number = short_field(_("Interno"), max_length=12)
    floor = forms.IntegerField(
        label=_("Piano"),
        min_value=-2,
        max_value=40,
        widget=forms.NumberInput(attrs={"class": "form-short"}),
        help_text=_("0 è il piano terra o rialzato."),
    )
    rooms = forms.IntegerField(label=_("Locali"), min_value=1, max_value=20, required=False)
    useful_m2 = forms.DecimalField(
        label=_("Metri quadri utili"), min_value=5, max_value=500, decimal_places=2, required=False, localize=True
    )
    state = forms.ChoiceField(label=_("Stato"), choices=Dwelling.State.choices, initial=Dwelling.State.LET)

    def __init__(self, *args: Any, building: Building, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["stair"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = building.stairs.order_by("name")


class StateForm(forms.Form):
    """In which state a flat is now."""

    state = forms.ChoiceField(choices=Dwelling.State.choices)
