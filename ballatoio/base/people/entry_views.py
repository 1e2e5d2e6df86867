"""The sheet that a fund asks for on entry: never at a first contact, every answer free."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from ballatoio.base.accounts.http import StaffRequest

from .forms import EntryForm
from .models import Person, SensitiveSnapshot
from .services import TooEarlyToAsk, read_sensitive_answers, record_entry_snapshot, was_met_before
from .views import person_of


@never_cache
def entry_edit(request: StaffRequest, person: UUID) -> HttpResponse:
    """Ask for what a fund needs, and show the sheets that are there; they are never changed."""
    owner = person_of(request, person)
    met_before = was_met_before(owner)
    form = EntryForm(request.POST or None)
    if form.is_valid():
        answers = form.answers()
        known = owner.entry_snapshots.filter(operation__iexact=answers["operation"]).exists()
        try:
            record_entry_snapshot(owner, by=request.user, has_earlier_contact=met_before, **answers)
        except TooEarlyToAsk as early:
            form.add_error(None, str(early))
        else:
            kept = _("Per questo progetto c’era già una scheda: restano le risposte del primo giorno.")
            messages.success(request, kept if known else _("Risposte salvate."))
            return redirect("people:entry_edit", request.lab.slug, owner.pk)
    return render(request, "people/entry_edit.html", entry_context(owner, form, met_before))


def entry_context(person: Person, form: EntryForm, met_before: bool, **more: Any) -> dict[str, Any]:
    """Give what the page of the entry sheets shows; sensitive answers only when they come in `more`."""
    return {
        "person": person,
        "form": form,
        "met_before": met_before,
        "snapshots": list(person.entry_snapshots.order_by("-entered_on", "pk")),
        "shown_id": None,
        "shown": [],
        **more,
    }


@never_cache
def entry_show(request: StaffRequest, person: UUID, snapshot: UUID) -> HttpResponse:
    """Show the sensitive answers of one sheet: a POST, because looking leaves a trace."""
    owner = person_of(request, person)
    found = get_object_or_404(owner.entry_snapshots.select_related("person"), pk=snapshot)
    answers = read_sensitive_answers(found, by=request.user)
    words = dict(SensitiveSnapshot.VALUES)
    shown = [(label, words[answers.get(name, "not_asked")]) for name, label in SensitiveSnapshot.QUESTIONS.items()]
    context = entry_context(owner, EntryForm(), was_met_before(owner), shown_id=found.pk, shown=shown)
    return render(request, "people/entry_edit.html", context)
