"""What an operator, or a service behind its link, types about a referral: shape and clean input."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from ballatoio.base.core.languages import both_names
from ballatoio.base.directory.models import Service
from ballatoio.base.people.models import Consent
from ballatoio.base.people.phones import NotAPhone, read_phone
from ballatoio.care.desk.fields import QuickSelect, StoryField, line_field, match_services
from ballatoio.care.desk.forms import VersionForm

from .consent import Agreed, Told
from .models import Referral, ReferralEvent

State, Share = Referral.State, Referral.Share
# What is missing when something is ticked and not written.
EMPTY = {
    Share.NAME: _("Scrivi il nome da dire, oppure togli la spunta."),
    Share.PHONE: _("Scrivi il telefono da dare, oppure togli la spunta."),
    Share.WORDS: _("Scrivi che cosa serve, oppure togli la spunta."),
}
CHOOSE = [("", _("scegli"))]


class ReferralForm(VersionForm):
    """To whom, and what the service is told: the first of two steps, before it is read back to the person."""

    service = line_field(
        _("Servizio"),
        required=True,
        widget=forms.TextInput(attrs={"list": "servizi"}),
    )
    closed_is_known = forms.BooleanField(label=_("Lo so che è chiuso: invio lo stesso"), required=False)
    shares = forms.MultipleChoiceField(
        label=_("Che cosa diciamo al servizio"),
        choices=Share.choices,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Scegli che cosa dire al servizio: se non sa niente non può fare niente.")},
    )
    name = line_field(_("Nome da dire"), max_length=160)
    phone = line_field(_("Telefono da dare"), max_length=40)
    language = forms.ChoiceField(label=_("Lingua"), choices=both_names, widget=QuickSelect)
    words = StoryField(label=_("Che cosa serve, in parole che la persona ha sentito"), rows=3)
    once = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    def __init__(self, *args: Any, services: Iterable[Service], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.services = list(services)
        self.fields["service"].error_messages["required"] = _("Scrivi a quale servizio.")

    def clean_service(self) -> Service:
        """Find the service that was meant; say which ones it could be when there are several."""
        typed = self.cleaned_data["service"]
        found = match_services(typed, self.services)
        if len(found) > 1:
            names = "; ".join(service.name for service in found[:5])
            raise ValidationError(_("Quale servizio? Può essere: %(names)s.") % {"names": names})
        if not found:
            raise ValidationError(_("«%(typed)s» non è tra i servizi. Scegli dall’elenco.") % {"typed": typed})
        return found[0]

    def clean(self) -> dict[str, Any]:
        """What is ticked is there, and a telephone can be called."""
        cleaned = super().clean() or self.cleaned_data
        for share in cleaned.get("shares", ()):
            if share in EMPTY and not cleaned.get(share) and share not in self.errors:
                self.add_error(share, EMPTY[Share(share)])
        if Share.PHONE in cleaned.get("shares", ()) and cleaned.get("phone"):
            try:
                cleaned["phone"] = read_phone(cleaned["phone"])
            except NotAPhone as refusal:
                self.add_error("phone", str(refusal))
        return cleaned

    def told(self, phone_note: str = "") -> Told:
        """Give what the service would be told."""
        clean = self.cleaned_data
        return Told(
            shares=tuple(clean["shares"]),
            name=clean["name"],
            phone=clean["phone"],
            phone_note=phone_note,
            language=clean["language"],
            words=clean["words"],
        )


class AgreedForm(forms.Form):
    """How the person said yes: the second step, after the words were read to them."""

    how = forms.ChoiceField(
        label=_("Come ha detto di sì"),
        choices=[choice for choice in Consent.How.choices if choice[0] != Consent.How.ONLINE],
        widget=forms.RadioSelect,
        error_messages={"required": _("Segna come la persona ha detto di sì.")},
    )
    asked_in = forms.ChoiceField(label=_("In quale lingua"), choices=both_names, widget=QuickSelect)

    def agreed(self) -> Agreed:
        """Give the yes as the services take it."""
        return Agreed(how=self.cleaned_data["how"], language=self.cleaned_data["asked_in"])


class ServiceAnswerForm(VersionForm):
    """What a service answers by its link."""

    REASON = _("Scegli il motivo: serve per trovare un’altra strada alla persona.")

    state = forms.ChoiceField(
        label=_("La vostra risposta"), widget=forms.RadioSelect, error_messages={"required": _("Scegli una risposta.")}
    )
    refusal = forms.ChoiceField(
        label=_("Se non potete: perché"), choices=[*CHOOSE, *Referral.Refusal.choices], required=False
    )
    words = StoryField(label=_("Volete aggiungere qualcosa?"), rows=3)

    ANSWERS = {
        State.ACCEPTED: _("Accettiamo: ci pensiamo noi"),
        State.REFUSED: _("Non possiamo"),
        State.DONE: _("È già fatto"),
    }

    def __init__(self, *args: Any, states: Iterable[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["state"].choices = [(state, self.ANSWERS[State(state)]) for state in states]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """A refusal says why; «another reason» says which. Any other answer has none."""
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("state") != State.REFUSED:
            cleaned["refusal"] = ""
        elif not cleaned.get("refusal") and "refusal" not in self.errors:
            self.add_error("refusal", self.REASON)
        elif cleaned.get("refusal") == Referral.Refusal.OTHER and not cleaned.get("words"):
            self.add_error("words", _("Scrivi in due parole qual è il motivo."))
        return cleaned


class DeskAnswerForm(ServiceAnswerForm):
    """What a service answered to a colleague, and how."""

    CHANNELS = [
        ReferralEvent.Channel.CALL,
        ReferralEvent.Channel.MEETING,
        ReferralEvent.Channel.EMAIL,
        ReferralEvent.Channel.LETTER,
    ]
    ANSWERS = {
        State.SEEN: _("L’ha ricevuto, risponderà"),
        State.ACCEPTED: _("Accetta"),
        State.REFUSED: _("Rifiuta"),
        State.DONE: _("È fatto"),
    }

    channel = forms.ChoiceField(
        label=_("Come l’hai saputo"),
        choices=[(channel, channel.label) for channel in CHANNELS],
        initial=ReferralEvent.Channel.CALL,
    )
    state = forms.ChoiceField(
        label=_("Il servizio"), widget=forms.RadioSelect, error_messages={"required": _("Scegli che cosa ha risposto.")}
    )
    refusal = forms.ChoiceField(
        label=_("Se rifiuta: perché"), choices=[*CHOOSE, *Referral.Refusal.choices], required=False
    )
    words = StoryField(label=_("Che cosa ha detto"), rows=2)

    field_order = ["channel", "state", "refusal", "words"]


class CheckForm(forms.Form):
    """The code that came to the service by e-mail."""

    check = forms.CharField(
        label=_("Codice"),
        max_length=40,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "class": "form-code", "autocapitalize": "characters", "size": 14}
        ),
        error_messages={"required": _("Scrivete il codice che è arrivato nella vostra posta.")},
    )
