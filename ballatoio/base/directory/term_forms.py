"""What somebody types about the words of the needs, in shape."""

import re
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from ballatoio.base.core.languages import both_names

from .models import NeedSynonym

MOST_AT_ONCE = 20
LONGEST_WORD = 80
STATES = [NeedSynonym.State.REVIEWED, NeedSynonym.State.DRAFT, NeedSynonym.State.WITHDRAWN]


class WordsField(forms.CharField):
    """Several words or phrases, one a line (commas part them too)."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_length": 2000, "widget": forms.Textarea(attrs={"rows": 3}), **kwargs})

    def clean(self, value: Any) -> Any:
        """Give the list of what was written; raise ValidationError when there is too much of it."""
        typed: str = super().clean(value)
        found = [" ".join(piece.split()) for piece in re.split(r"[\n,;]+", typed)]
        words = list(dict.fromkeys(word for word in found if word))
        if len(words) > MOST_AT_ONCE:
            raise forms.ValidationError(_("Sono troppe: al massimo %(most)s alla volta.") % {"most": MOST_AT_ONCE})
        if long := next((word for word in words if len(word) > LONGEST_WORD), ""):
            raise forms.ValidationError(
                _("«%(word)s…» è troppo lunga: al massimo %(most)s caratteri.")
                % {"word": long[:30], "most": LONGEST_WORD}
            )
        return words


class TermFilter(forms.Form):
    """Which terms the list shows; it lives in the address of the page."""

    q = forms.CharField(
        label=_("Cerca una parola"), max_length=80, required=False, widget=forms.TextInput(attrs={"type": "search"})
    )


class SynonymForm(forms.Form):
    """Words by which people call a need, in one language."""

    language = forms.ChoiceField(label=_("In quale lingua"), choices=both_names, initial="it")
    words = WordsField(label=_("Come lo dicono"), help_text=_("Una parola o una frase breve per riga."))


class JudgeForm(forms.Form):
    """What becomes of the words that were ticked."""

    state = forms.ChoiceField(choices=[(state.value, state.label) for state in STATES])
    word = forms.TypedMultipleChoiceField()

    def __init__(self, *args: Any, words: list[NeedSynonym], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["word"]
        assert isinstance(field, forms.TypedMultipleChoiceField)
        field.choices = [(str(word.pk), word.text) for word in words]


class LocalTermForm(forms.Form):
    """A word of the lab's own."""

    name = forms.CharField(label=_("La parola del laboratorio"), max_length=LONGEST_WORD)
    words = WordsField(
        label=_("Altri modi di dirla"),
        required=False,
        help_text=_("Una per riga, in qualunque lingua."),
        widget=forms.Textarea(attrs={"rows": 2}),
    )
