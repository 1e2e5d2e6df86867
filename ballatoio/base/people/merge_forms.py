"""What an operator chooses before two files become one."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .merge_preview import Line
from .merging import TOGETHER

WAYS = {
    "kept": gettext_lazy("quello della scheda che resta"),
    "merged": gettext_lazy("quello dell’altra"),
    "both": gettext_lazy("insieme"),
}


class MergeForm(forms.Form):
    """Whose value stays for each fact, and the versions of the two files that were on the screen."""

    kept_version = forms.IntegerField(widget=forms.HiddenInput)
    merged_version = forms.IntegerField(widget=forms.HiddenInput)
    reason = forms.CharField(
        label=gettext_lazy("Come sai che è la stessa persona"),
        required=False,
        max_length=300,
        help_text=gettext_lazy("Si salva cifrato. Per esempio: me l’ha detto lei, ha lo stesso documento."),
    )

    def __init__(self, lines: list[Line], against: list[str], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lines = [line for line in lines if line.choices]
        for line in self.lines:
            self.fields[line.name] = forms.ChoiceField(
                label=line.label,
                choices=[(way, WAYS[way]) for way in line.choices],
                widget=forms.RadioSelect,
                initial="both" if line.name in TOGETHER else "kept",
                required=False,
            )
        if against:
            self.fields["confirmed"] = forms.BooleanField(
                label=_("Ho controllato: è comunque la stessa persona"),
                error_messages={"required": _("Se è la stessa persona, conferma qui. Altrimenti lascia com’era.")},
            )

    def choices(self) -> dict[str, str]:
        """Give whose value stays, by fact."""
        return {line.name: self.cleaned_data[line.name] or "kept" for line in self.lines}

    def rows(self) -> list[tuple[Line, dict[str, Any]]]:
        """Give each fact to choose with its radio buttons, by whose value they mean."""
        return [(line, dict(zip(line.choices, self[line.name], strict=True))) for line in self.lines]
