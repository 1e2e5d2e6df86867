"""What people type into the directory, in shape."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.db.models import Q
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from ballatoio.base.core.languages import both_names
from ballatoio.base.labs.models import Lab, Organisation

from .models import NeedTerm, Service, Translation
from .schedules import HoursNotUnderstood, TypedDay, TypedHours, parse_hours, parse_special_days
from .texts import SERVICE_FIELDS


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


class ManageFilter(forms.Form):
    """What the staff list shows."""

    q = forms.CharField(
        label=_("Cerca"), max_length=200, required=False, widget=forms.TextInput(attrs={"type": "search"})
    )
    stato = forms.ChoiceField(label=_("Stato"), required=False, choices=[("", _("tutti")), *Service.Status.choices])
    da_verificare = forms.BooleanField(label=_("Solo da verificare"), required=False)


class ServiceForm(forms.Form):
    """The sheet of a service as the coordinator writes it."""

    name = forms.CharField(label=_("Nome"), max_length=160)
    organisation = forms.ModelChoiceField(
        label=_("Chi lo offre"), queryset=Organisation.objects.none(), required=False, empty_label=_("scegli")
    )
    new_organisation = forms.CharField(label=_("Se non è nell’elenco, scrivi il nome"), max_length=160, required=False)
    description = forms.CharField(label=_("Che cosa fa"), max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))
    eligibility_description = forms.CharField(
        label=_("Per chi è"), max_length=2000, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    application_process = forms.CharField(
        label=_("Come si fa"), max_length=2000, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    fees_description = forms.CharField(label=_("Quanto costa"), max_length=200, required=False)
    needs = forms.ModelMultipleChoiceField(
        label=_("Bisogni a cui risponde"),
        queryset=NeedTerm.objects.none(),
        required=False,
        widget=forms.SelectMultiple(attrs={"size": 10}),
        help_text=_("Puoi sceglierne più di uno tenendo premuto Ctrl."),
    )
    hours = forms.CharField(
        label=_("Orari"),
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Una riga per gruppo di giorni: lun-ven 9:30-12:30, 14-17"),
    )
    special_days = forms.CharField(
        label=_("Giorni diversi"),
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Una riga per giorno: 24/12/2026 chiuso: vigilia, oppure 24/12/2026 9-12"),
    )
    phone = forms.CharField(label=_("Telefono"), max_length=40, required=False)
    email = forms.EmailField(label=_("E-mail"), required=False)
    url = forms.URLField(label=_("Sito"), required=False, assume_scheme="https")
    address = forms.CharField(label=_("Indirizzo"), max_length=200, required=False)
    lat = forms.FloatField(label=_("Latitudine"), required=False, min_value=-90, max_value=90, localize=True)
    lon = forms.FloatField(label=_("Longitudine"), required=False, min_value=-180, max_value=180, localize=True)
    service_area = forms.CharField(label=_("Zona servita"), max_length=200, required=False)
    languages = forms.MultipleChoiceField(
        label=_("Lingue parlate"), required=False, choices=both_names, widget=forms.CheckboxSelectMultiple
    )
    interpretation_services = forms.BooleanField(label=_("C’è l’interprete su richiesta"), required=False)
    accessibility = forms.CharField(label=_("Ingresso e accessibilità"), max_length=300, required=False)
    alert = forms.CharField(label=_("Avviso"), max_length=300, required=False)
    status = forms.ChoiceField(label=_("Stato"), choices=Service.Status.choices, initial=Service.Status.ACTIVE)
    verified = forms.BooleanField(label=_("Ho controllato tutto oggi"), required=False)
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: QueryDict | None, lab: Lab, initial: dict[str, Any] | None = None) -> None:
        super().__init__(data, initial=initial)
        organisation, needs = self.fields["organisation"], self.fields["needs"]
        assert isinstance(organisation, forms.ModelChoiceField)
        assert isinstance(needs, forms.ModelMultipleChoiceField)
        organisation.queryset = Organisation.objects.filter(Q(lab=lab) | Q(lab__isnull=True))
        needs.queryset = NeedTerm.objects.filter(is_active=True).select_related("parent")
        needs.label_from_instance = _need_label  # type: ignore[method-assign,assignment]

    def clean_hours(self) -> list[TypedHours]:
        try:
            return parse_hours(self.cleaned_data["hours"])
        except HoursNotUnderstood as error:
            raise forms.ValidationError(str(error)) from error

    def clean_special_days(self) -> list[TypedDay]:
        try:
            return parse_special_days(self.cleaned_data["special_days"])
        except HoursNotUnderstood as error:
            raise forms.ValidationError(str(error)) from error

    def clean(self) -> dict[str, Any]:
        clean = super().clean() or self.cleaned_data
        if not clean.get("organisation") and not clean.get("new_organisation", "").strip():
            self.add_error("organisation", _("Scegli chi offre il servizio, o scrivi il suo nome."))
        if (clean.get("lat") is None) != (clean.get("lon") is None):
            self.add_error("lat", _("Servono tutti e due i numeri, oppure nessuno."))
        return clean


def _need_label(term: NeedTerm) -> str:
    return f"{term.parent.name} › {term.name}" if term.parent else term.name


# What somebody may say of a translation; the last one is the coordinator's.
TRANSLATION_STATES = [
    (Translation.State.DRAFT.value, _("È una bozza: chi parla la lingua non l’ha ancora riletta")),
    (Translation.State.REVIEWED.value, _("L’ha riletta chi parla la lingua")),
    (Translation.State.APPROVED.value, _("L’istituzione l’approva")),
]


class TranslationForm(forms.Form):
    """The texts of a service in one language, beside the Italian ones."""

    state = forms.ChoiceField(
        label=_("Chi garantisce questi testi"),
        widget=forms.RadioSelect,
        initial=Translation.State.DRAFT,
    )
    seen = forms.CharField(widget=forms.HiddenInput, max_length=64)

    def __init__(
        self, data: QueryDict | None, service: Service, language: str, initial: dict[str, Any], may_approve: bool
    ) -> None:
        super().__init__(data, initial=initial)
        state = self.fields["state"]
        assert isinstance(state, forms.ChoiceField)
        state.choices = TRANSLATION_STATES if may_approve else TRANSLATION_STATES[:-1]
        attrs = {"lang": language, "dir": "rtl" if language in {"ar", "ur"} else "ltr"}
        for name in SERVICE_FIELDS:
            if getattr(service, name):
                limit = getattr(Service._meta.get_field(name), "max_length", None) or 2000
                self.fields[name] = forms.CharField(
                    label=ServiceForm.base_fields[name].label,
                    required=False,
                    max_length=max(limit, 500),
                    widget=forms.Textarea(attrs={"rows": 3 if limit > 200 else 1, **attrs}),
                )

    def texts(self) -> dict[str, str]:
        """Give what was typed, by field of the service."""
        return {name: self.cleaned_data[name] for name in SERVICE_FIELDS if name in self.cleaned_data}
