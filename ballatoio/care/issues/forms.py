"""What an operator types about an issue of a building: shape and clean input, nothing is written here."""

import re
from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from ballatoio.base.labs.models import Organisation
from ballatoio.base.territory.models import Building
from ballatoio.care.desk.fields import DayField, line_field
from ballatoio.care.desk.forms import DeskLists, OwnerField, VersionForm
from ballatoio.care.desk.models import Need
from ballatoio.care.desk.need_forms import PlanForm

from .models import BuildingIssue, IssueStep
from .services import StepTaken

Kind = IssueStep.Kind
# A telephone number, an e-mail address: the signs of a person in words that are about a house.
OF_A_PERSON = re.compile(r"(?:\d[\s./-]?){7,}|\S@\S")
MOST_ORGANISATIONS = 300


class PlainWords(forms.CharField):
    """Words that many households read: they name nobody."""

    def clean(self, value: Any) -> str:
        """Give the words; raise ValidationError when a telephone number or an address of a person is in them."""
        text: str = super().clean(value).replace("\r\n", "\n").strip()
        if OF_A_PERSON.search(text):
            raise ValidationError(_("Qui non si scrivono telefoni, e-mail o codici: lo leggono più famiglie."))
        return text


def words_field(label: Any, *, longest: int, rows: int = 3, **kwargs: Any) -> PlainWords:
    """Give the field of words that many households read."""
    widget = forms.Textarea(attrs={"rows": rows, "maxlength": longest})
    return PlainWords(label=label, max_length=longest, widget=widget, required=False, **kwargs)


class WhereForm(forms.Form):
    """Which house, and what about."""

    indirizzo = line_field(_("Casa"), max_length=120, help_text=_("Via e numero."))
    bisogno = forms.ChoiceField(label=_("Che cosa chiedono"), required=False)

    def __init__(self, data: Any, *, lists: DeskLists) -> None:
        super().__init__(data)
        terms = [(term.code, f"{'— ' if term.parent_id else ''}{term.name}") for term in lists.terms]
        self.fields["bisogno"].choices = [("", _("Scegli")), *terms]  # type: ignore[attr-defined]


class IssueForm(forms.Form):
    """A new issue: in plain words, who follows it, and which needs it begins with."""

    title = PlainWords(
        label=_("Come la chiamiamo"),
        max_length=120,
        help_text=_("In parole semplici, senza nomi di persone né numeri di interno: «Ascensore fermo, scala B»."),
    )
    stair = forms.ChoiceField(label=_("Scala"), required=False)
    owner = OwnerField(label=_("Se ne occupa"), required=False)
    next_on = DayField(label=_("Da riprendere il"), future=True)
    needs = forms.MultipleChoiceField(
        label=_("Le richieste da seguire insieme"), required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(
        self, data: Any = None, *, lists: DeskLists, building: Building, needs: Sequence[Need], **kwargs: Any
    ) -> None:
        super().__init__(data, **kwargs)
        fields: Any = self.fields
        self.stairs = {str(stair.pk): stair for stair in building.stairs.all()}
        fields["stair"].choices = [("", _("tutta la casa")), *((key, stair.name) for key, stair in self.stairs.items())]
        if not self.stairs:
            del self.fields["stair"]
        fields["owner"].offer(lists)
        fields["next_on"].lab = lists.lab
        self.by_id = {str(need.pk): need for need in needs}
        fields["needs"].choices = [(key, need_label(need)) for key, need in self.by_id.items()]
        self.initial.setdefault("needs", list(self.by_id))
        if not self.by_id:
            del self.fields["needs"]

    def opened(self) -> dict[str, Any]:
        """Give what services.open_issue takes."""
        cleaned = self.cleaned_data
        return {
            "title": cleaned["title"],
            "stair": self.stairs.get(cleaned.get("stair", "")),
            "owner": cleaned["owner"],
            "next_on": cleaned["next_on"],
            "needs": [self.by_id[key] for key in cleaned.get("needs", [])],
        }


def need_label(need: Need) -> str:
    """Give a need in a line that names nobody: when, how, how it stands."""
    when = date_format(timezone.localtime(need.opened_at), "j M Y").lower()
    return f"{when} · {need.contact.get_channel_display().lower()} · {need.get_state_display().lower()}"


class NeedsForm(forms.Form):
    """Further needs of the same house."""

    needs = forms.MultipleChoiceField(label=_("Altre richieste di questa casa"), widget=forms.CheckboxSelectMultiple)

    def __init__(self, data: Any = None, *, needs: Sequence[Need], **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self.by_id = {str(need.pk): need for need in needs}
        self.fields["needs"].choices = [(key, need_label(need)) for key, need in self.by_id.items()]  # type: ignore[attr-defined]
        self.initial.setdefault("needs", list(self.by_id))

    def clean_needs(self) -> list[Need]:
        """The needs that were chosen."""
        return [self.by_id[key] for key in self.cleaned_data["needs"]]


class StepForm(VersionForm):
    """One thing that happened to an issue."""

    KINDS = [(kind.value, kind.label) for kind in Kind if kind not in (Kind.OPENED, Kind.REOPENED)]

    kind = forms.ChoiceField(label=_("Che cosa è successo"), choices=KINDS, widget=forms.RadioSelect)
    on = DayField(label=_("Quando"))
    organisation = forms.ChoiceField(label=_("Quale ente"), required=False)
    promised_on = DayField(label=_("Il giorno promesso"), required=False, future=True)
    text = words_field(
        _("In parole semplici"),
        longest=600,
        help_text=_("Senza nomi e senza fatti di una famiglia: lo leggono tutte quelle che hanno chiesto."),
    )
    to_all = forms.BooleanField(
        label=_("Dallo come risposta a tutte le richieste ancora aperte, e avvisa le persone"), required=False
    )
    next_on = DayField(label=_("Da riprendere il"), required=False, future=True)

    field_order = ["kind", "on", "organisation", "promised_on", "text", "to_all", "next_on"]

    def __init__(self, data: Any = None, *, lists: DeskLists, issue: BuildingIssue, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        fields: Any = self.fields
        for name in ("on", "promised_on", "next_on"):
            fields[name].lab = lists.lab
        own = {issue.building.owner_id, issue.building.manager_id}
        known = Organisation.objects.filter(Q(lab=lists.lab) | Q(lab__isnull=True)).order_by("name")
        # Whose the house is comes first: it is most often them.
        rows = sorted(known.only("name", "short_name")[:MOST_ORGANISATIONS], key=lambda row: row.pk not in own)
        self.organisations = {str(row.pk): row for row in rows}
        fields["organisation"].choices = [("", "—"), *((key, row.name) for key, row in self.organisations.items())]
        self.initial.setdefault("kind", Kind.DONE)
        self.initial.setdefault("on", timezone.localdate())

    def clean_on(self) -> Any:
        """What happened, happened: today or before."""
        if self.cleaned_data["on"] > timezone.localdate():
            raise ValidationError(_("Questo giorno deve ancora venire. Scrivi quando è successo."))
        return self.cleaned_data["on"]

    def clean(self) -> dict[str, Any]:
        """A promise has a day, a request has whom it was made to, an answer has words."""
        cleaned = super().clean() or self.cleaned_data
        kind, text = cleaned.get("kind"), cleaned.get("text", "")
        if kind == Kind.PROMISED and not cleaned.get("promised_on") and "promised_on" not in self.errors:
            self.add_error("promised_on", _("Scrivi il giorno che l’ente ha promesso."))
        if kind in (Kind.SENT, Kind.PROMISED) and not cleaned.get("organisation") and "organisation" not in self.errors:
            self.add_error("organisation", _("Scegli a quale ente."))
        if not text and "text" not in self.errors:
            if kind == Kind.ANSWERED or cleaned.get("to_all"):
                self.add_error("text", _("Scrivi che cosa diciamo a chi ha chiesto."))
            elif kind == Kind.DONE:
                self.add_error("text", _("Scrivi che cosa avete fatto."))
        return cleaned

    def step(self) -> StepTaken:
        """Give the step as the services take it."""
        cleaned = self.cleaned_data
        kind = cleaned["kind"]
        return StepTaken(
            kind=kind,
            on=cleaned["on"],
            text=cleaned["text"],
            organisation=self.organisations.get(cleaned["organisation"]),
            promised_on=cleaned["promised_on"],
            next_on=cleaned["next_on"] or (cleaned["promised_on"] if kind == Kind.PROMISED else None),
            to_all=cleaned["to_all"],
        )


class ReopenForm(PlanForm):
    """The problem is there again: who follows it, and why."""

    text = words_field(_("Che cosa è successo"), longest=600, rows=2)

    field_order = ["text", "owner", "next_on"]
