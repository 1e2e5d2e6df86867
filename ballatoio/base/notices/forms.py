"""What the buttons of the outbox send."""

from uuid import UUID

from django import forms

from .handling import CallOutcome
from .lists import LETTERS_AT_ONCE
from .models import Delivery


class SeenForm(forms.Form):
    """How the message stood on the page (Delivery.seen)."""

    seen = forms.CharField(max_length=40)


class CallForm(SeenForm):
    """What came of a call."""

    outcome = forms.ChoiceField(choices=CallOutcome.choices)


class RerouteForm(SeenForm):
    """Which way instead."""

    channel = forms.ChoiceField(choices=Delivery.Channel.choices)


class LettersForm(forms.Form):
    """The letters that stood on the page: those that came since are in the next heap."""

    letter = forms.MultipleChoiceField(choices=[], required=False)

    @property
    def ids(self) -> list[UUID]:
        """Give the ids that the page sent; what is no id is nobody's letter."""
        found = []
        for text in self.data.getlist("letter")[:LETTERS_AT_ONCE]:  # type: ignore[attr-defined]
            try:
                found.append(UUID(text))
            except ValueError:
                continue
        return found
