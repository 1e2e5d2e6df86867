"""What a visitor may tell us: a number to call back, and what is hard to use. Nothing else is asked."""

from django import forms
from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from ballatoio.base.core.languages import own_names
from ballatoio.base.people.phones import NotAPhone, read_phone


class CallbackForm(forms.Form):
    """«Call me back in my language»."""

    HOURS = [
        ("morning", _("La mattina, dalle 9 alle 13")),
        ("afternoon", _("Il pomeriggio, dalle 14 alle 18")),
        ("evening", _("La sera, dalle 18 alle 19:30")),
    ]

    phone = forms.CharField(
        label=_("Il tuo numero di telefono"),
        max_length=40,
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel", "inputmode": "tel", "class": "form-short"}),
    )
    language = forms.ChoiceField(
        label=_("In che lingua vuoi parlare?"), choices=own_names, widget=forms.RadioSelect, initial="it"
    )
    hours = forms.MultipleChoiceField(
        label=_("Quando possiamo chiamare senza crearti problemi?"),
        help_text=_("Se non scegli niente, chiamiamo quando lo sportello è aperto."),
        choices=HOURS,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    no_voicemail = forms.BooleanField(label=_("Non lasciate messaggi in segreteria e non mandate SMS"), required=False)
    name = forms.CharField(
        label=_("Come ti chiami, o chi dobbiamo cercare"),
        max_length=120,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def clean_phone(self) -> str:
        """The number as it is kept, or what is wrong with it."""
        try:
            return read_phone(self.cleaned_data["phone"])
        except NotAPhone as error:
            raise forms.ValidationError(str(error)) from error

    def hours_for_the_desk(self) -> str:
        """When and how to call, in the words of the desk (Italian), whatever language the visitor reads."""
        with translation.override(settings.LANGUAGE_CODE):
            names = dict(self.HOURS)
            lines = [str(names[code]) for code in self.cleaned_data["hours"]]
            if self.cleaned_data["no_voicemail"]:
                lines.append(str(self.fields["no_voicemail"].label))
            return ". ".join(lines)


class AccessibilityFeedbackForm(forms.Form):
    """«Something cannot be read or does not work»."""

    page = forms.CharField(
        label=_("In quale pagina"),
        help_text=_("L’indirizzo della pagina, o come la chiami tu."),
        max_length=300,
        required=False,
    )
    problem = forms.CharField(
        label=_("Che cosa non si legge o non funziona"), max_length=3000, widget=forms.Textarea(attrs={"rows": 5})
    )
    reply_to = forms.CharField(
        label=_("Telefono o e-mail per risponderti"),
        help_text=_("Se non lo scrivi correggiamo lo stesso, ma non possiamo avvisarti."),
        max_length=160,
        required=False,
    )
