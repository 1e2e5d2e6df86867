from datetime import date
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.translation import gettext_lazy as _

from ballatoio.base.accounts.models import Membership
from ballatoio.base.labs.models import Lab

from .models import RetentionRule
from .verbs import VERBS

# Beyond them a day has no midnight in every time zone.
FAR = _("Questo giorno è troppo lontano. Controlla l’anno.")
WITHIN_REACH = [MinValueValidator(date(1900, 1, 1), FAR), MaxValueValidator(date(2999, 12, 31), FAR)]


def _day(label: Any) -> forms.DateField:
    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    return forms.DateField(label=label, required=False, widget=widget, validators=WITHIN_REACH)


class AuditFilterForm(forms.Form):
    """What to look for in the audit. The members are looked up once: their names are shown in the list, too."""

    chi = forms.ChoiceField(label=_("Chi"), required=False)
    verbo = forms.ChoiceField(
        label=_("Che cosa"),
        required=False,
        choices=lambda: [("", _("Tutto")), *sorted(VERBS.items(), key=lambda pair: str(pair[1]))],
    )
    tipo = forms.ChoiceField(
        label=_("Atti o letture"),
        required=False,
        choices=[("", _("Tutti e due")), ("atti", _("Atti")), ("letture", _("Letture"))],
    )
    persona = forms.UUIDField(label=_("Codice della persona"), required=False)
    dal = _day(_("Dal giorno"))
    al = _day(_("Al giorno"))

    def __init__(self, *args: object, lab: Lab, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        members = Membership.objects.of_lab(lab).order_by("user__name").values_list("user_id", "user__name")
        self.names = dict(members)
        field = self.fields["chi"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", _("Tutti")), *((str(key), name) for key, name in self.names.items())]


class RetentionRuleForm(forms.Form):
    """How long records of a kind are kept. Confirming is for what was on the page: `confirmation` names it."""

    kind = forms.ChoiceField(label=_("Che cosa"), choices=RetentionRule.Kind)
    months = forms.IntegerField(label=_("Per quanti mesi"), min_value=1, max_value=1200)
    source = forms.CharField(
        label=_("Chi lo ha deciso, o quale legge"),
        max_length=200,
        help_text=_("Per esempio: registro dei trattamenti."),
    )
    confirmed = forms.CharField(required=False)

    def confirmation(self) -> str:
        """Give what the button that confirms must carry."""
        return f"{self.cleaned_data.get('kind')}:{self.cleaned_data.get('months')}"

    def clean_confirmed(self) -> bool:
        """Tell whether this very rule was confirmed, not one that was changed afterwards."""
        return bool(self.cleaned_data["confirmed"] == self.confirmation())


class SignInForm(forms.Form):
    """The one-time code that the desk gave."""

    code = forms.CharField(
        label=_("Codice"),
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "autocapitalize": "characters", "dir": "ltr"}),
        help_text=_("Sono 10 lettere e numeri. Maiuscole, minuscole e spazi non contano."),
    )
