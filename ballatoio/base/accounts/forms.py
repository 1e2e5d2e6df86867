from allauth.mfa.webauthn.forms import AddWebAuthnForm, EditWebAuthnForm
from django import forms
from django.contrib.auth.password_validation import validate_password
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ballatoio.base.labs.models import Lab, Organisation

from .models import LAB_ROLES, Role


class InvitationForm(forms.Form):
    """Whom to invite, as what."""

    name = forms.CharField(label=_("Nome e cognome"), max_length=120)
    email = forms.EmailField(label=_("E-mail di lavoro"), max_length=254)
    role = forms.ChoiceField(
        label=_("Che cosa farà"), choices=[(role.value, role.label) for role in LAB_ROLES], initial=Role.DESK
    )
    organisation = forms.ModelChoiceField(
        label=_("Per quale organizzazione lavora"), queryset=Organisation.objects.none(), required=False
    )
    until = forms.DateField(
        label=_("Fino al giorno"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=_("Lascia vuoto se non c’è una data di fine."),
    )

    def __init__(self, *args: object, lab: Lab, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        field = self.fields["organisation"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = Organisation.objects.filter(parts__lab=lab).distinct()

    def clean_until(self) -> object:
        """A membership starts today."""
        until = self.cleaned_data["until"]
        if until and until < timezone.localdate():
            raise forms.ValidationError(_("Questa data è già passata: scrivi da oggi in poi."))
        return until


class EndMembershipForm(forms.Form):
    """The last day on which somebody works here."""

    on = forms.DateField(widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))


class AcceptInvitationForm(forms.Form):
    """The code of the invitation and the password that its owner chooses."""

    code = forms.CharField(label=_("Codice dell’invito"), max_length=40)
    password = forms.CharField(
        label=_("Scegli una password"),
        max_length=200,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("Almeno 12 caratteri. Quattro parole a caso vanno bene."),
    )

    def clean_password(self) -> str:
        """Refuse what is too short or too well known."""
        password: str = self.cleaned_data["password"]
        validate_password(password)
        return password


class AddPasskeyForm(AddWebAuthnForm):
    """A new passkey: the library's form, in our words."""

    name = forms.CharField(
        label=_("Come la chiami"),
        required=False,
        max_length=60,
        help_text=_("Per riconoscerla quando ne hai più d’una: «il mio telefono»."),
    )


class RenamePasskeyForm(EditWebAuthnForm):
    """Another name for a passkey."""

    name = forms.CharField(label=_("Come la chiami"), max_length=60)
