"""What an operator types to do something with a need: one small form for each thing that can happen to it."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from ballatoio.base.accounts.models import User

from .fields import DayField, StoryField
from .forms import AnswerForm, DeskLists, OwnerField, VersionForm
from .models import Answer, Attempt, Need


class GiveAnswerForm(AnswerForm, VersionForm):
    """An answer to a need that is open, told at once or later."""

    told_how = forms.ChoiceField(
        label=_("La persona lo sa già?"),
        choices=[("", _("Non ancora")), *Need.Told.choices],
        required=False,
        widget=forms.RadioSelect,
        initial="",
    )


class TellForm(VersionForm):
    """How whoever asked got to know the answer."""

    how = forms.ChoiceField(label=_("Come lo ha saputo"), choices=Need.Told.choices, widget=forms.RadioSelect)


class AttemptForm(VersionForm):
    """A try to reach somebody."""

    channel = forms.ChoiceField(label=_("Come"), choices=Need.Told.choices, initial=Need.Told.PHONE)
    outcome = forms.ChoiceField(label=_("Com’è andata"), choices=Attempt.Outcome.choices)


class DueForm(VersionForm):
    """When to look at it again."""

    next_on = DayField(label=_("Da riprendere il"), future=True)

    def __init__(self, *args: Any, lists: DeskLists, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["next_on"].lab = lists.lab  # type: ignore[attr-defined]


class PlanForm(DueForm):
    """Who looks at it, and when."""

    owner = OwnerField(label=_("Se ne occupa"), required=False)

    field_order = ["owner", "next_on"]

    def __init__(self, *args: Any, lists: DeskLists, **kwargs: Any) -> None:
        super().__init__(*args, lists=lists, **kwargs)
        self.fields["owner"].offer(lists)  # type: ignore[attr-defined]


class CloseForm(VersionForm):
    """Why a need ends without its answer reaching whoever asked."""

    STATES = [
        (Need.State.NO_LONGER_WANTED, _("Non serve più")),
        (Need.State.UNREACHABLE, _("Non si riesce a contattare")),
        (Need.State.CANNOT_BE_TOLD, _("Anonimo: non si può avvisare")),
    ]
    state = forms.ChoiceField(label=_("Perché si chiude"), choices=STATES, widget=forms.RadioSelect)


class OutcomeForm(forms.Form):
    """What came of a referral or of a practical help."""

    outcome = forms.ChoiceField(label=_("Com’è finita"), choices=Answer.Outcome.choices[1:])
    text = StoryField(label=_("Che cosa hanno risposto"), rows=2)


class MessageForm(forms.Form):
    """A word for whoever follows a person."""

    text = StoryField(
        label=_("Messaggio"), required=True, rows=5, error_messages={"required": _("Scrivi il messaggio.")}
    )


class HandoverForm(forms.Form):
    """From whom, to whom. Who gives may have left the desk already."""

    giver = forms.ChoiceField(label=_("Da chi"))
    taker = OwnerField(label=_("A chi"))

    def __init__(self, *args: Any, lists: DeskLists, givers: Iterable[User], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.givers = {str(user.pk): user for user in givers}
        self.fields["giver"].choices = [(pk, str(user)) for pk, user in self.givers.items()]  # type: ignore[attr-defined]
        taker: Any = self.fields["taker"]
        taker.offer(lists)
        taker.widget.choices = [("", _("Scegli")), *((str(user.pk), str(user)) for user in lists.staff)]

    def clean_giver(self) -> User:
        """The user whom the choice names."""
        return self.givers[self.cleaned_data["giver"]]

    def clean_taker(self) -> User:
        """Somebody else."""
        taker: User = self.cleaned_data["taker"]
        if taker == self.cleaned_data.get("giver"):
            raise ValidationError(_("Scegli due persone diverse."))
        return taker
