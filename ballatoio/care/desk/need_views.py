"""What is done with a need: lists, the page of one need, and one small form for each thing that can happen to it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache

from ballatoio.base.accounts.http import StaffRequest
from ballatoio.base.accounts.models import User
from ballatoio.base.core.conflicts import ChangedElsewhere
from ballatoio.base.labs.services import add_working_days

from .forms import DeskLists, language_name
from .lists import COUNTED, PAGE_SIZE, CountedPaginator, NeedFilter
from .models import Answer, Need
from .need_forms import (
    AttemptForm,
    CloseForm,
    DueForm,
    GiveAnswerForm,
    HandoverForm,
    OutcomeForm,
    PlanForm,
    TellForm,
)
from .need_services import (
    ATTEMPTS_BEFORE_GIVING_UP,
    NeedIsClosed,
    NeedIsOpen,
    OutcomeIsOfReferral,
    PersonCanBeTold,
    TooFewAttempts,
    answer_need,
    close_need,
    hand_over_needs,
    log_attempt,
    plan_need,
    record_outcome,
    reopen_need,
    tell_need,
    wait_for_others,
)
from .rules import can_close_as_unknown, can_hand_over, can_see_whole_desk
from .services import OwnerCannotWorkHere, read_contact

# What a service refuses, in a sentence that says what to do.
REFUSALS: dict[type[Exception], Any] = {
    ChangedElsewhere: gettext_lazy("Un collega ha appena cambiato questo bisogno. Guarda com’è adesso, poi ripeti."),
    NeedIsClosed: gettext_lazy("Questo bisogno è chiuso. Se il problema non è risolto, riaprilo."),
    NeedIsOpen: gettext_lazy("Questo bisogno è già aperto."),
    TooFewAttempts: gettext_lazy("Prima di dire che non si riesce a contattare servono tre tentativi segnati qui."),
    PersonCanBeTold: gettext_lazy("La persona ha lasciato un recapito: va avvisata, non si può chiudere così."),
    OwnerCannotWorkHere: gettext_lazy("La persona scelta non lavora più allo sportello. Scegline un’altra."),
}


@never_cache
def need_list(request: StaffRequest) -> HttpResponse:
    """The needs of the lab: open ones first of all, and any other by its filters."""
    form = NeedFilter(request.GET, lists=DeskLists(request.lab, request.user))
    page = CountedPaginator(form.needs(), PAGE_SIZE).get_page(request.GET.get("pagina"))
    context = {"form": form, "page": page, "today": timezone.localdate(), "counted": COUNTED}
    return render(request, "desk/_needs.html" if request.htmx else "desk/need_list.html", context)  # type: ignore[attr-defined]


def need_or_404(request: StaffRequest, need: UUID) -> Need:
    """Give the need of this lab that the operator may see; raise Http404 for any other."""
    seen = Need.objects.visible_to(request.user).filter(lab=request.lab)
    related = ("contact__data_key", "contact__building", "person", "term", "owner", "lab")
    return get_object_or_404(seen.select_related(*related), pk=need)


@dataclass(frozen=True)
class Act:
    """One thing that can be done with a need: its form, and the service that does it."""

    form: Callable[..., Form]
    does: Callable[[Need, User, Any], object]
    done: Any
    needs_lists: bool = False


def _answer(need: Need, by: User, form: Any) -> object:
    return answer_need(
        need,
        by=by,
        version=form.cleaned_data["version"],
        answer=form.answer(),
        told_how=form.cleaned_data["told_how"],
    )


ACTS: dict[str, Act] = {
    "answer": Act(GiveAnswerForm, _answer, gettext_lazy("Risposta segnata."), needs_lists=True),
    "tell": Act(
        TellForm, lambda n, by, f: tell_need(n, by=by, **f.cleaned_data), gettext_lazy("Fatto: la persona lo sa.")
    ),
    "attempt": Act(
        AttemptForm, lambda n, by, f: log_attempt(n, by=by, **f.cleaned_data), gettext_lazy("Tentativo segnato.")
    ),
    "wait": Act(
        DueForm,
        lambda n, by, f: wait_for_others(n, by=by, **f.cleaned_data),
        gettext_lazy("In attesa di altri."),
        needs_lists=True,
    ),
    "plan": Act(
        PlanForm, lambda n, by, f: plan_need(n, by=by, **f.cleaned_data), gettext_lazy("Spostato."), needs_lists=True
    ),
    "close": Act(CloseForm, lambda n, by, f: close_need(n, by=by, **f.cleaned_data), gettext_lazy("Bisogno chiuso.")),
    "reopen": Act(
        PlanForm,
        lambda n, by, f: reopen_need(n, by=by, **f.cleaned_data),
        gettext_lazy("Bisogno riaperto."),
        needs_lists=True,
    ),
}


def forms_for(request: StaffRequest, need: Need) -> dict[str, Any]:
    """Give the forms that fit the state of a need, as they are before anything is typed."""
    lists = DeskLists(request.lab, request.user)
    version = {"version": need.version}
    due = add_working_days(request.lab, timezone.localdate(), request.lab.answer_days)
    owner = str(need.owner_id) if need.is_open else str(request.user.pk)
    if not need.is_open:
        return {"reopen": PlanForm(initial={**version, "owner": owner, "next_on": due}, lists=lists)}
    close = CloseForm(initial=version)
    if not can_close_as_unknown(need):
        close.fields["state"].choices = CloseForm.STATES[:2]  # type: ignore[attr-defined]
    return {
        "answer": GiveAnswerForm(initial=version, lists=lists),
        "tell": TellForm(initial=version),
        "attempt": AttemptForm(initial=version),
        "wait": DueForm(initial={**version, "next_on": due}, lists=lists),
        "plan": PlanForm(initial={**version, "owner": owner, "next_on": need.next_on}, lists=lists),
        "close": close,
    }


@never_cache
def need_detail(request: StaffRequest, need: UUID) -> HttpResponse:
    """One need with all that was done for it, and all that can be done next; reading it is recorded."""
    return render_need(request, need_or_404(request, need))


def render_need(request: StaffRequest, need: Need, failed: dict[str, Any] | None = None) -> HttpResponse:
    """Draw the page of a need; `failed` is the form that has to be corrected, by the name of its act."""
    texts = read_contact(need.contact, by=request.user)
    answers = need.answers.select_related("service", "given_by").defer("sealed")
    fitting = forms_for(request, need)
    forms = fitting | (failed or {})
    for name, form in forms.items():
        form.auto_id = f"{name}_%s"
    context = {
        "need": need,
        "contact": need.contact,
        "language_used": language_name(need.contact.language),
        "services": DeskLists(request.lab, request.user).services if need.is_open else [],
        "words": texts.needs.get(need.pk, {}).get("words", ""),
        "texts": texts.contact,
        "answers": [(answer, texts.answers.get(answer.pk, {})) for answer in answers],
        "attempts": need.attempts.select_related("by"),
        "tries_needed": ATTEMPTS_BEFORE_GIVING_UP,
        "points": list(need.person.contact_points.all()) if need.person else [],
        "outcome_form": OutcomeForm(),
        "forms": forms,
        # What was typed for an act that the need, as it is now, has no form for.
        "kept": [form for name, form in forms.items() if name not in fitting],
    }
    return render(request, "desk/need_detail.html", context, status=422 if failed else 200)


def do_act(request: StaffRequest, need_id: UUID, name: str) -> HttpResponse:
    """Check the form of one act, do it, and go back to where it was asked; else show what to correct."""
    need, act = need_or_404(request, need_id), ACTS[name]
    lists = {"lists": DeskLists(request.lab, request.user)} if act.needs_lists else {}
    form: Any = act.form(request.POST, **lists)
    if form.is_valid():
        try:
            act.does(need, request.user, form)
        except tuple(REFUSALS) as refusal:
            need = need_or_404(request, need_id)
            form.add_error(None, REFUSALS[type(refusal)])
            form.data = {**request.POST.dict(), "version": str(need.version)}
        else:
            messages.success(request, act.done)
            return back_from(request, need)
    return render_need(request, need, {name: form})


def back_from(request: StaffRequest, need: Need) -> HttpResponse:
    """Go back to the page of ours that sent the form, or to the need."""
    back = request.POST.get("back", "")
    if back and url_has_allowed_host_and_scheme(back, allowed_hosts=None):
        return redirect(back)
    return redirect("desk:need_detail", request.lab.slug, need.pk)


def need_answer(request: StaffRequest, need: UUID) -> HttpResponse:
    """Answer a need."""
    return do_act(request, need, "answer")


def need_tell(request: StaffRequest, need: UUID) -> HttpResponse:
    """Close a need: whoever asked knows."""
    return do_act(request, need, "tell")


def need_attempt(request: StaffRequest, need: UUID) -> HttpResponse:
    """Note a try to reach whoever asked."""
    return do_act(request, need, "attempt")


def need_wait(request: StaffRequest, need: UUID) -> HttpResponse:
    """Wait for somebody outside."""
    return do_act(request, need, "wait")


def need_plan(request: StaffRequest, need: UUID) -> HttpResponse:
    """Change owner or date."""
    return do_act(request, need, "plan")


def need_close(request: StaffRequest, need: UUID) -> HttpResponse:
    """Close a need whose answer reached nobody, with the reason."""
    return do_act(request, need, "close")


def need_reopen(request: StaffRequest, need: UUID) -> HttpResponse:
    """Open a need again."""
    return do_act(request, need, "reopen")


def answer_outcome(request: StaffRequest, answer: UUID) -> HttpResponse:
    """Note what came of a referral or of a practical help."""
    given = get_object_or_404(
        Answer.objects.filter(need__in=Need.objects.visible_to(request.user).filter(lab=request.lab)), pk=answer
    )
    form = OutcomeForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Scegli com’è finita: il testo non può passare 20.000 caratteri."))
        return redirect("desk:need_detail", request.lab.slug, given.need_id)
    try:
        record_outcome(given, by=request.user, **form.cleaned_data)
    except OutcomeIsOfReferral:
        messages.error(request, _("Questo invio ha una sua pagina: l’esito si segna lì."))
    else:
        messages.success(request, _("Esito segnato."))
    return redirect("desk:need_detail", request.lab.slug, given.need_id)


@never_cache
def handover(request: StaffRequest) -> HttpResponse:
    """Give all the open needs of somebody to somebody else, in one act, having seen how many they are."""
    lists = DeskLists(request.lab, request.user)
    open_needs = Need.objects.visible_to(request.user).still_open().filter(lab=request.lab)
    givers = [request.user]
    if can_see_whole_desk(request.user, request.lab.pk):
        owners = open_needs.order_by().values("owner").distinct()
        givers = list(User.objects.filter(pk__in=owners).order_by("name", "pk"))
    data = request.POST or (request.GET if "giver" in request.GET else None)
    form = HandoverForm(data, lists=lists, givers=givers)
    context: dict[str, Any] = {"form": form, "needs": None}
    if data and form.is_valid():
        giver, taker = form.cleaned_data["giver"], form.cleaned_data["taker"]
        if not can_hand_over(request.user, giver, request.lab.pk):
            raise PermissionDenied
        if request.method == "POST":
            moved = hand_over_needs(request.lab, by=request.user, giver=giver, taker=taker)
            messages.success(request, _("Passati %(moved)s bisogni a %(taker)s.") % {"moved": moved, "taker": taker})
            return redirect("home:today", request.lab.slug)
        given = open_needs.filter(owner=giver).select_related("term", "person").defer("sealed", "person__sealed")
        context |= {"needs": given, "giver": giver, "taker": taker}
    return render(request, "desk/handover.html", context)
