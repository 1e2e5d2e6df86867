from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ballatoio.base.labs.models import Organisation
from ballatoio.care.desk.fields import DayField, StoryField, line_field
from ballatoio.care.desk.forms import DeskLists, language_choices
from ballatoio.care.desk.lists import ANY, ListChoice, PeriodForm, PlaceField
from ballatoio.care.desk.models import Contact

from .models import QuestionLine
from .periods import EARLIEST
from .spans import NAMED, Span, default_span, span_around


class SheetAgainForm(forms.Form):
    """Why figures that were fixed are made again."""

    reason = forms.CharField(
        label=_("Perché li rifai"), max_length=200, help_text=_("Resta scritto sul foglio, accanto ai numeri di prima.")
    )


class NeedsMapForm(PeriodForm):
    """The filters of the map of needs: those of the list that its numbers open."""

    lingua = ListChoice(label=_("Lingua"), required=False)
    canale = ListChoice(label=_("Canale"), choices=[*ANY, *Contact.Channel.choices], required=False)
    casa = PlaceField()

    field_order = ["dal", "al", "bisogno", "lingua", "canale", "casa"]

    def __init__(self, *args: Any, lists: DeskLists, **kwargs: Any) -> None:
        super().__init__(*args, lists=lists, **kwargs)
        self.fields["lingua"].choices = [*ANY, *language_choices()]  # type: ignore[attr-defined]

    def span(self) -> Span:
        """Give the period that was asked for; what makes no sense is not counted."""
        usual = default_span()
        first, last = self.asked.get("dal", usual.first), self.asked.get("al", usual.last)
        if "dal" in self.asked and "al" not in self.asked:
            last = max(first, timezone.localdate())
        if "al" in self.asked and "dal" not in self.asked:
            first = last.replace(month=1, day=1)
        return Span(min(first, last), max(first, last))


class PublishedForm(forms.Form):
    """Which month, quarter or year of the published numbers; what makes no sense is the last month."""

    dal = forms.DateField(required=False, input_formats=["%Y-%m"])
    mesi = forms.TypedChoiceField(required=False, choices=[(n, n) for n in NAMED], coerce=int)

    def span(self, last: date) -> Span:
        """Give the period, around the month `last` when none was asked for."""
        self.is_valid()
        first, months = self.cleaned_data.get("dal") or last, self.cleaned_data.get("mesi") or 1
        return span_around(first if EARLIEST <= first <= timezone.localdate() else last, months)


class SheetForm(forms.Form):
    """All the questions of a draft, or all the answers to a sheet, in one form: nothing typed beside is lost."""

    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, lines: Sequence[QuestionLine], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lines = {f"testo_{line.pk.hex}": line for line in lines}
        for name, line in self.lines.items():
            self.fields[name] = self.field_of(line)

    def field_of(self, line: QuestionLine) -> StoryField:
        """Give the field of a line."""
        raise NotImplementedError

    def box(self, line: QuestionLine) -> forms.BoundField | None:
        """Give the field of a line as it is drawn, None when it has none."""
        name = f"testo_{line.pk.hex}"
        return self[name] if name in self.fields else None

    def texts(self) -> dict[UUID, str]:
        """Give what was typed for each line."""
        return {line.pk: self.cleaned_data[name].strip() for name, line in self.lines.items()}


class QuestionsForm(SheetForm):
    """The questions of a draft, in the words of the staff."""

    def field_of(self, line: QuestionLine) -> StoryField:
        """Give the field of a question."""
        return StoryField(label=_("La domanda, in parole semplici"), rows=2, initial=line.question)


class AnswersForm(SheetForm):
    """What an institution answers, and who said so on which day."""

    answered_by = line_field(_("Chi risponde"), max_length=160, required=True)
    answered_on = DayField(label=_("Quando ha risposto"))

    def field_of(self, line: QuestionLine) -> StoryField:
        """Give the field of an answer."""
        return StoryField(label=_("Che cosa risponde"), rows=3, initial=line.answer)

    def clean_answered_on(self) -> date:
        """Nobody has answered tomorrow."""
        day: date = self.cleaned_data["answered_on"]
        if day > timezone.localdate():
            raise forms.ValidationError(_("Questo giorno deve ancora venire. Scrivi quando hanno risposto."))
        return day


class NewQuestionForm(forms.Form):
    """A question on a topic that so few asked about that no number is told."""

    argomento = ListChoice(label=_("Argomento"))
    question = StoryField(label=_("La domanda, in parole semplici"), rows=3)

    def __init__(self, *args: Any, lists: DeskLists, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.terms = {term.code: term for term in lists.terms}
        choices = [(term.code, f"{'— ' if term.parent_id else ''}{term.name}") for term in lists.terms]
        self.fields["argomento"].choices = [("", _("scegli")), *choices]  # type: ignore[attr-defined]

    def clean_question(self) -> str:
        """Words are what a question without a number is made of."""
        typed = str(self.cleaned_data["question"]).strip()
        if not typed:
            raise forms.ValidationError(_("Scrivi la domanda."))
        return typed


class ReturnForm(forms.Form):
    """Whether also people whose need is closed get to know that there is an answer."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    tells_closed = forms.BooleanField(label=_("Avvisa anche chi ha il bisogno già chiuso"), required=False)


class RecipientForm(forms.Form):
    """Which institution answers for a topic."""

    argomento = ListChoice(label=_("Argomento"))
    ente = ListChoice(label=_("Chi risponde"))
    accordo = line_field(
        _("Chi lo ha deciso, e quando"), help_text=_("Per esempio: riunione del 3 ottobre con l’ufficio casa.")
    )

    def __init__(self, *args: Any, lists: DeskLists, organisations: list[Organisation], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.terms = {term.code: term for term in lists.terms}
        self.organisations = {str(organisation.pk): organisation for organisation in organisations}
        topics = [(term.code, f"{'— ' if term.parent_id else ''}{term.name}") for term in lists.terms]
        self.fields["argomento"].choices = [("", _("scegli")), *topics]  # type: ignore[attr-defined]
        names = [(pk, organisation.name) for pk, organisation in self.organisations.items()]
        self.fields["ente"].choices = [("", _("scegli")), *names]  # type: ignore[attr-defined]
