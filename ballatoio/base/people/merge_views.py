"""Two files of one person: finding the other one, comparing, merging, and undoing it."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache

from ballatoio.base.accounts.http import StaffRequest
from ballatoio.base.core.conflicts import ChangedElsewhere
from ballatoio.base.jobs.services import AlreadySubmitted, find_submitted, new_once_token

from .doubles import say_different
from .lookup import hints_of, is_too_short, search_people
from .merge_forms import MergeForm
from .merge_preview import compare_files, what_moves, who_will_see_what
from .merge_rows import CannotBeMerged
from .merging import (
    HasAnotherAccount,
    MergeIsNotTheLast,
    find_kept,
    merge_people,
    undo_merge,
    unlink_account,
    what_speaks_against,
    why_not,
    why_not_undo,
)
from .models import Person, PersonMerge, ProbableDuplicate
from .views import doubles_of, person_of

PAGE_SIZE = 25
FOUND_AT_ONCE = 10


@never_cache
def double_list(request: StaffRequest) -> HttpResponse:
    """The people who may have two files, the likeliest first."""
    doubles = ProbableDuplicate.objects.visible_to(request.user).filter(lab=request.lab).undecided()
    page = Paginator(doubles.select_related("one", "other"), PAGE_SIZE).get_page(request.GET.get("pagina"))
    hints = hints_of([person for double in page for person in (double.one, double.other)])
    rows = [(double, hints[double.one_id], hints[double.other_id], reasons(double)) for double in page]
    return render(request, "people/double_list.html", {"page": page, "rows": rows})


def reasons(double: ProbableDuplicate) -> list[str]:
    """Give in words why two files may be of one person."""
    labels = dict(ProbableDuplicate.Why.choices)
    return [str(labels.get(why, why)) for why in double.why]


def double_differ(request: StaffRequest, double: UUID) -> HttpResponse:
    """Remember that two files are not of one person."""
    doubles = ProbableDuplicate.objects.visible_to(request.user).filter(lab=request.lab)
    say_different(get_object_or_404(doubles, pk=double), by=request.user)
    messages.success(request, _("Segnato: sono due persone. Non te lo chiediamo più."))
    return redirect("people:double_list", request.lab.slug)


@never_cache
def merge_choose(request: StaffRequest, person: UUID) -> HttpResponse:
    """Look for the other file of a person."""
    kept = person_of(request, person)
    typed = request.GET.get("q", "")[:100].strip()
    found = search_people(request.user, request.lab, typed, limit=FOUND_AT_ONCE + 1) if typed else []
    hints = hints_of([other for other in found if other.pk != kept.pk])
    context = {
        "person": kept,
        "typed": typed,
        "too_short": bool(typed) and is_too_short(typed),
        "found": list(hints.values()),
        "doubles": doubles_of(request, kept),
    }
    return render(request, "people/merge_choose.html", context)


@never_cache
def merge_preview(request: StaffRequest, person: UUID, other: UUID) -> HttpResponse:
    """Show the two files side by side, what moves and who will see it; then make them one."""
    if sent := find_submitted(request.POST.get("once", "")):
        return redirect_to_kept(request, UUID(sent.result))
    if there := find_kept(person, request.lab.pk) or find_kept(other, request.lab.pk):
        return say_merged(request, person_of(request, there.pk))
    kept, merged = person_of(request, person), person_of(request, other)
    if refusal := why_not(kept, merged, by=request.user):
        return render_refusal(request, kept, merged, refusal)
    lines, against = compare_files(kept, merged, by=request.user), what_speaks_against(kept, merged)
    versions = {"kept_version": kept.version, "merged_version": merged.version}
    form = MergeForm(lines, against, request.POST or None, initial=versions)
    changed = False
    if form.is_valid():
        try:
            return merge_now(request, kept, merged, form)
        except CannotBeMerged as problem:
            return render_refusal(request, kept, merged, str(problem))
        except ChangedElsewhere:
            changed = True
            form = MergeForm(lines, against, {**request.POST.dict(), **versions})
    context = {"form": form, "lines": lines, "against": against, "changed": changed}
    return render_preview(request, kept, merged, context)


def render_preview(request: StaffRequest, kept: Person, merged: Person, context: dict[str, Any]) -> HttpResponse:
    """Show what is about to happen."""
    form = context["form"]
    context |= {
        "person": kept,
        "other": merged,
        "rows": form.rows(),
        "agreed": [line for line in context["lines"] if not line.choices],
        "moving": what_moves(merged, by=request.user),
        "seeing": who_will_see_what(kept, merged, by=request.user),
        "to_safety": (merged if kept.is_protected else kept) if kept.is_protected != merged.is_protected else None,
        "once": request.POST.get("once") or new_once_token(),
    }
    status = 422 if form.errors or context["changed"] else 200
    return render(request, "people/merge_preview.html", context, status=status)


def render_refusal(request: StaffRequest, kept: Person, merged: Person, refusal: str) -> HttpResponse:
    """Say why these two cannot become one."""
    return render(request, "people/merge_refused.html", {"person": kept, "other": merged, "refusal": refusal})


def merge_now(request: StaffRequest, kept: Person, merged: Person, form: MergeForm) -> HttpResponse:
    """Make one file of two, once however often the form was sent."""
    cleaned = form.cleaned_data
    try:
        merge_people(
            kept,
            merged,
            by=request.user,
            versions=(cleaned["kept_version"], cleaned["merged_version"]),
            choices=form.choices(),
            reason=cleaned["reason"],
            confirmed=cleaned.get("confirmed", False),
            once=request.POST.get("once", ""),
        )
    except AlreadySubmitted as already:
        return redirect_to_kept(request, UUID(already.result))
    messages.success(request, _("Fatto: adesso è una scheda sola. Se è stato uno sbaglio, si annulla da qui sotto."))
    return redirect("people:person_detail", request.lab.slug, kept.pk)


def redirect_to_kept(request: StaffRequest, merge: UUID) -> HttpResponse:
    """Lead to the file that came of a merge."""
    found = get_object_or_404(PersonMerge.objects.visible_to(request.user), pk=merge, lab=request.lab)
    return redirect("people:person_detail", request.lab.slug, found.kept_id)


def say_merged(request: StaffRequest, kept: Person) -> HttpResponse:
    """Lead to the one file that is left of two."""
    messages.info(request, _("Quelle due schede sono già una sola: è questa."))
    return redirect("people:person_detail", request.lab.slug, kept.pk)


@never_cache
def merge_undo(request: StaffRequest, merge: UUID) -> HttpResponse:
    """Show what would come back, then make two files again of one."""
    merges = PersonMerge.objects.visible_to(request.user).filter(lab=request.lab)
    found = get_object_or_404(merges.select_related("kept", "merged", "by"), pk=merge)
    refusal = why_not_undo(found, by=request.user)
    if request.method == "POST" and not refusal:
        try:
            undone = undo_merge(found, by=request.user)
        except MergeIsNotTheLast as problem:
            refusal = str(problem)
        else:
            return say_undone(request, found.merged, undone.later)
    context = {"merge": found, "refusal": refusal}
    return render(request, "people/merge_undo.html", context)


def say_undone(request: StaffRequest, merged: Person, later: int) -> HttpResponse:
    """Lead to the file that came back."""
    done = _("Fatto: sono di nuovo due schede. Questa è quella tornata.")
    if later:
        done += " " + ngettext(
            "%(later)d cosa era già cambiata di nuovo: resta com’è adesso.",
            "%(later)d cose erano già cambiate di nuovo: restano come sono adesso.",
            later,
        ) % {"later": later}
    messages.success(request, done)
    return redirect("people:person_detail", request.lab.slug, merged.pk)


def account_close(request: StaffRequest, person: UUID) -> HttpResponse:
    """Close the page that a person opens with a code."""
    owner = person_of(request, person)
    try:
        unlink_account(owner, by=request.user)
    except HasAnotherAccount as problem:
        messages.error(request, str(problem))
    else:
        messages.success(request, _("Accesso tolto. Con un codice nuovo la persona può riaprirlo."))
    return redirect("people:person_detail", request.lab.slug, owner.pk)
