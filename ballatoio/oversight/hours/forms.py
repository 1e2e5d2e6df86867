from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ballatoio.base.labs.models import FundingLine, Lab

from .clock import NotATime, read_minutes, write_minutes
from .models import Activity, Cell


class WeekGrid:
    """The week as a table of small fields: what was typed stays typed, whatever is wrong with it."""

    def __init__(
        self,
        activities: Sequence[Activity],
        days: Sequence[date],
        *,
        minutes: Mapping[Cell, int] | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> None:
        self.activities, self.days, self.data = activities, days, data
        self.errors: dict[str, str] = {}
        self.minutes: dict[Cell, int] = dict(minutes or {})
        if data is not None:
            self._read(data)

    @staticmethod
    def name(activity: Activity, on: date) -> str:
        return f"h-{activity.pk}-{on.isoformat()}"

    def _read(self, data: Mapping[str, Any]) -> None:
        self.minutes = {}
        for activity in self.activities:
            for on in self.days:
                name = self.name(activity, on)
                try:
                    self.minutes[activity.pk, on] = read_minutes(str(data.get(name, "")))
                except NotATime as error:
                    self.errors[name] = str(error)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Give the rows of the table: an activity, its cells, its sum."""
        return [
            {
                "activity": activity,
                "cells": [self._cell(activity, on) for on in self.days],
                "total": write_minutes(sum(self.minutes.get((activity.pk, on), 0) for on in self.days)) or "0",
            }
            for activity in self.activities
        ]

    def _cell(self, activity: Activity, on: date) -> dict[str, Any]:
        name = self.name(activity, on)
        kept = write_minutes(self.minutes.get((activity.pk, on), 0))
        return {
            "name": name,
            "on": on,
            "value": str(self.data.get(name, ""))[:20] if self.data is not None else kept,
            "error": self.errors.get(name, ""),
            "closed": on > timezone.localdate() or on < activity.since or bool(activity.until and on > activity.until),
        }

    @property
    def totals(self) -> list[str]:
        """Give the sum of each day."""
        return [write_minutes(sum(self.minutes.get((a.pk, on), 0) for a in self.activities)) or "0" for on in self.days]

    @property
    def total(self) -> str:
        return write_minutes(sum(self.minutes.values())) or "0"


class WeekForm(forms.Form):
    """What the week carries besides its hours."""

    version = forms.IntegerField(min_value=0, widget=forms.HiddenInput)


class ReturnForm(forms.Form):
    """Why a week goes back to its writer."""

    note = forms.CharField(label=gettext_lazy("Che cosa manca"), max_length=200)


class ActivityForm(forms.Form):
    """A new activity."""

    name = forms.CharField(label=gettext_lazy("Che cosa si fa"), max_length=120)
    since = forms.DateField(
        label=gettext_lazy("Dal giorno"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    funding_line = forms.ModelChoiceField(
        label=gettext_lazy("Chi la paga"), queryset=FundingLine.objects.none(), required=False
    )

    def __init__(self, *args: Any, lab: Lab, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["funding_line"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = FundingLine.objects.filter(lab=lab)
        field.empty_label = _("Nessun fondo in particolare")


class EndForm(forms.Form):
    """The last day of an activity."""

    on = forms.DateField()


class FundingLineForm(forms.Form):
    """Money that a lab works with, as the decision that grants it says."""

    name = forms.CharField(label=gettext_lazy("Come lo chiamate"), max_length=120)
    fund = forms.CharField(label=gettext_lazy("Fondo"), max_length=80, required=False)
    programme = forms.CharField(label=gettext_lazy("Programma"), max_length=120, required=False)
    action = forms.CharField(label=gettext_lazy("Azione"), max_length=40, required=False)
    amount = forms.DecimalField(
        label=gettext_lazy("Importo in euro"),
        min_value=0,
        max_digits=14,
        decimal_places=2,
        required=False,
        localize=True,
    )
    since = forms.DateField(
        label=gettext_lazy("Dal giorno"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    until = forms.DateField(
        label=gettext_lazy("Fino al giorno"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    source = forms.CharField(
        label=gettext_lazy("Con quale atto"),
        max_length=200,
        required=False,
        help_text=gettext_lazy("Per esempio: il numero e la data della delibera."),
    )

    def clean(self) -> dict[str, Any]:
        """Money cannot end before it begins."""
        cleaned = super().clean() or {}
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and until < since:
            self.add_error("until", _("La fine viene prima dell’inizio: ricontrolla le due date."))
        return cleaned
