"""What is typed about a receipt: at the desk that hands it over, by whoever holds it."""

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from ballatoio.base.core.languages import SPOKEN
from ballatoio.base.jobs.services import new_once_token

from .fields import line_field
from .forms import ContactForm, DeskLists
from .models import Contact
from .receipts import live_receipt, slip_language

LONGEST_CODE = 40


def _languages() -> list[tuple[str, Any]]:
    """The languages of the pages, as an operator names them: a slip says where to read on."""
    pages = {code for code, _name in settings.LANGUAGES}
    return [(code, name) for code, _own, name in SPOKEN if code in pages]


class ReceiptForm(forms.Form):
    """In which language a receipt is printed, and whether its holder reads the answer with it."""

    language = forms.ChoiceField(label=_("Lingua del foglio"), choices=_languages)
    answer_by_code = forms.BooleanField(
        label=_("Vuole leggere la risposta da sé, con questo codice"),
        help_text=_(
            "Chiedilo sempre, e senza altri vicino. Chi trova il foglio legge la risposta: "
            "se a casa c’è qualcuno di cui ha paura, lascia vuoto."
        ),
        required=False,
    )

    def __init__(self, data: Any = None, *, contact: Contact) -> None:
        super().__init__(data, initial={"language": slip_language(contact)}, auto_id="ricevuta_%s")
        if contact.person and contact.person.is_protected:
            del self.fields["answer_by_code"]


def receipt_panel(contact: Contact) -> dict[str, Any]:
    """Give what the page of a contact shows of its receipt: the one that works, and the form for another."""
    return {"form": ReceiptForm(contact=contact), "live": live_receipt(contact), "once": new_once_token()}


def code_field(label: Any, **kwargs: Any) -> forms.CharField:
    """Give the field in which a code is typed; the browser must not remember it."""
    attrs = {"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false", "dir": "ltr"}
    attrs["class"] = "form-short code-field"
    help_text = _("Sono 10 lettere e numeri. Maiuscole, minuscole e spazi non contano.")
    return forms.CharField(
        label=label, max_length=LONGEST_CODE, help_text=help_text, widget=forms.TextInput(attrs=attrs), **kwargs
    )


class CodeForm(forms.Form):
    """The code of a receipt."""

    code = code_field(_("Il codice della ricevuta"), error_messages={"required": _("Scrivi il codice del foglio.")})


class ClaimForm(ContactForm):
    """Who brings a receipt: somebody known, or somebody new."""

    WHO = [("known", _("Già conosciuto")), ("new", _("Nuovo"))]
    NOT_ASKED = ("channel", "building", "language", "interpreter", "words", "note", "draft", "started")

    who = forms.ChoiceField(label=_("Chi è"), choices=WHO, widget=forms.RadioSelect, initial="known")
    code = forms.CharField(max_length=LONGEST_CODE, widget=forms.HiddenInput)
    look_for = line_field(_("Cerca per nome o telefono"))

    def __init__(self, data: Any = None, *, lists: DeskLists, **kwargs: Any) -> None:
        super().__init__(data, lists=lists, **kwargs)
        for name in self.NOT_ASKED:
            del self.fields[name]
