"""Issues of the buildings: the list, one issue and what can be done with it, and where a need or a house has any."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.cache import never_cache

from ballatoio.base.accounts.http import StaffRequest
from ballatoio.base.accounts.models import User
from ballatoio.base.core.conflicts import ChangedElsewhere
from ballatoio.base.directory.models import NeedTerm
from ballatoio.base.jobs.services import AlreadySubmitted, find_submitted, new_once_token
from ballatoio.base.labs.services import add_working_days
from ballatoio.base.territory.addresses import find_buildings
from ballatoio.base.territory.models import Building
from ballatoio.care.desk.forms import DeskLists
from ballatoio.care.desk.models import Need
from ballatoio.care.desk.need_forms import PlanForm
from ballatoio.care.desk.services import OwnerCannotWorkHere

from . import services
from .forms import IssueForm, NeedsForm, ReopenForm, StepForm, WhereForm
from .lists import IssueFilter, company_of, joined_needs, offered, proposed, voices_of, with_counts
from .models import BuildingIssue, IssueStep

PAGE_SIZE = 25
# What a service refuses, in a sentence that says what to do.
REFUSALS: dict[type[Exception], Any] = {
    ChangedElsewhere: gettext_lazy("Un collega ha appena cambiato questa questione. Guarda com’è adesso, poi ripeti."),
    services.IssueIsClosed: gettext_lazy("Questa questione è chiusa. Se il problema non è risolto, riaprila."),
    services.IssueIsOpen: gettext_lazy("Questa questione è già aperta."),
    services.NeedIsJoined: gettext_lazy("Una di queste richieste è già in una questione. Ricarica la pagina e ripeti."),
    services.NeedIsElsewhere: gettext_lazy("Una di queste richieste adesso riguarda un’altra casa. Ricarica e ripeti."),
    services.StairIsElsewhere: gettext_lazy("Questa scala è di un’altra casa."),
    services.PromiseNeedsADay: gettext_lazy("Scrivi il giorno che l’ente ha promesso."),
    services.AnswerNeedsWords: gettext_lazy("Scrivi che cosa diciamo a chi ha chiesto."),
    OwnerCannotWorkHere: gettext_lazy("La persona scelta non lavora più allo sportello. Scegline un’altra."),
}


@never_cache
def issue_list(request: StaffRequest) -> HttpResponse:
    """The issues of the lab, and what several contacts asked that nobody follows together yet."""
    form = IssueFilter(request.GET, lists=DeskLists(request.lab, request.user))
    page = Paginator(form.issues(), PAGE_SIZE).get_page(request.GET.get("pagina"))
    context = {"form": form, "page": page, "today": timezone.localdate(), "proposed": proposed(request.lab)}
    return render(request, "issues/_issues.html" if request.htmx else "issues/issue_list.html", context)  # type: ignore[attr-defined]


@never_cache
def issue_new(request: StaffRequest) -> HttpResponse:
    """Open an issue of a house; first of all which house, and what about."""
    if sent := find_submitted(request.POST.get("once", "")):
        # A second click finds its needs joined already.
        return redirect("issues:issue_detail", request.lab.slug, sent.result)
    lists = DeskLists(request.lab, request.user)
    building, term = building_asked(request), term_asked(lists, request.GET.get("bisogno", ""))
    if building is None or term is None:
        return render_where(request, lists, building)
    due = add_working_days(request.lab, timezone.localdate(), request.lab.answer_days)
    initial = {"title": term.name, "owner": str(request.user.pk), "next_on": due}
    needs = needs_offered(request, building, term)
    form = IssueForm(request.POST or None, lists=lists, building=building, needs=needs, initial=initial)
    if form.is_valid() and (opened := opened_by(request, form, building, term)):
        return redirect("issues:issue_detail", request.lab.slug, opened)
    there = BuildingIssue.objects.still_open().filter(lab=request.lab, building=building, term=term)[:5]
    once = request.POST.get("once") or new_once_token()
    context = {"form": form, "building": building, "term": term, "there": there, "once": once}
    return render(request, "issues/issue_new.html", context, status=422 if form.errors else 200)


def opened_by(request: StaffRequest, form: IssueForm, building: Building, term: NeedTerm) -> str:
    """Open the issue that was typed and give its id; "" when it is refused, and the form says why."""
    try:
        once = request.POST.get("once", "")
        issue = services.open_issue(building, by=request.user, term=term, once=once, **form.opened())
    except AlreadySubmitted as already:
        return already.result
    except tuple(REFUSALS) as refusal:
        form.add_error(None, REFUSALS[type(refusal)])
        return ""
    messages.success(request, _("Questione aperta."))
    return str(issue.pk)


def id_asked(request: StaffRequest, name: str) -> UUID | None:
    """Give the id that the address names, None when it is none."""
    try:
        return UUID(request.GET.get(name, ""))
    except ValueError:
        return None


def building_asked(request: StaffRequest) -> Building | None:
    """Give the house that the address names, if the lab has it."""
    chosen = id_asked(request, "casa")
    return Building.objects.of_lab(request.lab).filter(pk=chosen).defer("geometry").first() if chosen else None


def term_asked(lists: DeskLists, code: str) -> NeedTerm | None:
    """Give the term with this code, if there is one."""
    return next((term for term in lists.terms if term.code == code), None)


def needs_offered(request: StaffRequest, building: Building, term: NeedTerm) -> list[Need]:
    """Give the needs that may be joined: the one that the operator comes from, and those of the house like it."""
    needs, chosen = offered(request.lab, building, term), id_asked(request, "con")
    if chosen is None or any(need.pk == chosen for need in needs):
        return needs
    own = Need.objects.visible_to(request.user).filter(lab=request.lab, building=building, pk=chosen)
    return [*own.select_related("contact").defer("sealed"), *needs]


def render_where(request: StaffRequest, lists: DeskLists, building: Building | None) -> HttpResponse:
    """Ask which house and what about, with the houses that were perhaps meant."""
    form = WhereForm(request.GET, lists=lists)
    typed = form.data.get("indirizzo", "").strip()[:120]
    found = [match.building for match in find_buildings(request.lab, typed, limit=10)] if typed else []
    context = {
        "form": form,
        "typed": typed,
        "found": [building] if building else found,
        "term": term_asked(lists, request.GET.get("bisogno", "")),
        "proposed": proposed(request.lab),
    }
    return render(request, "issues/issue_where.html", context)


def issue_or_404(request: StaffRequest, issue: UUID) -> BuildingIssue:
    """Give the issue of this lab that the operator may see; raise Http404 for any other."""
    seen = BuildingIssue.objects.visible_to(request.user).filter(lab=request.lab)
    related = seen.select_related("building", "stair", "term", "owner", "institution", "lab")
    return get_object_or_404(related.defer("building__geometry"), pk=issue)


@never_cache
def issue_detail(request: StaffRequest, issue: UUID) -> HttpResponse:
    """One issue: who asked, counted; what was done; what can be done next."""
    return render_issue(request, issue_or_404(request, issue))


def render_issue(request: StaffRequest, issue: BuildingIssue, failed: dict[str, Any] | None = None) -> HttpResponse:
    """Draw the page of an issue; `failed` is the form that has to be corrected, by the name of its act."""
    fitting = forms_for(request, issue)
    forms = fitting | (failed or {})
    for name, form in forms.items():
        form.auto_id = f"{name}_%s"
    context = {
        "issue": issue,
        "voices": voices_of(issue),
        "page": Paginator(joined_needs(issue, request.user), PAGE_SIZE).get_page(request.GET.get("pagina")),
        "steps": issue.steps.select_related("organisation", "recorded_by"),
        "forms": forms,
        # What was typed for an act that the issue, as it is now, has no form for.
        "kept": [form for name, form in forms.items() if name not in fitting],
        "today": timezone.localdate(),
    }
    return render(request, "issues/issue_detail.html", context, status=422 if failed else 200)


def forms_for(request: StaffRequest, issue: BuildingIssue) -> dict[str, Any]:
    """Give the forms that fit the state of an issue, as they are before anything is typed."""
    lists, version = DeskLists(request.lab, request.user), {"version": issue.version}
    due = add_working_days(request.lab, timezone.localdate(), request.lab.answer_days)
    if not issue.is_open:
        start = {**version, "owner": str(request.user.pk), "next_on": due}
        return {"reopen": ReopenForm(initial=start, lists=lists)}
    start = {**version, "owner": str(issue.owner_id), "next_on": issue.next_on}
    return {
        "step": StepForm(initial=version, lists=lists, issue=issue),
        "plan": PlanForm(initial=start, lists=lists),
        "join": NeedsForm(needs=offered(request.lab, issue.building, issue.term)),
    }


@dataclass(frozen=True)
class Act:
    """One thing that can be done with an issue: its form, and the service that does it."""

    form: Callable[[StaffRequest, BuildingIssue], Any]
    does: Callable[[BuildingIssue, User, Any], object]
    # A sentence, or what makes one out of what the service gave.
    done: Any


def _step_done(step: IssueStep) -> str:
    if step.answered is None:
        return _("Segnato.")
    told = ngettext("Risposta data a %(number)s richiesta.", "Risposta data a %(number)s richieste.", step.answered)
    return f"{told % {'number': step.answered}} {_('Chi non ha un recapito sicuro resta «da avvisare».')}"


def _step_form(request: StaffRequest, issue: BuildingIssue) -> StepForm:
    return StepForm(request.POST, lists=DeskLists(request.lab, request.user), issue=issue)


def _plan_form(request: StaffRequest, issue: BuildingIssue) -> PlanForm:
    return PlanForm(request.POST, lists=DeskLists(request.lab, request.user))


def _reopen_form(request: StaffRequest, issue: BuildingIssue) -> ReopenForm:
    return ReopenForm(request.POST, lists=DeskLists(request.lab, request.user))


def _join_form(request: StaffRequest, issue: BuildingIssue) -> NeedsForm:
    return NeedsForm(request.POST, needs=needs_offered(request, issue.building, issue.term))


ACTS: dict[str, Act] = {
    "step": Act(
        _step_form,
        lambda issue, by, f: services.take_step(issue, by=by, version=f.cleaned_data["version"], step=f.step()),
        _step_done,
    ),
    "plan": Act(
        _plan_form,
        lambda issue, by, f: services.plan_issue(issue, by=by, **f.cleaned_data),
        gettext_lazy("Spostata."),
    ),
    "reopen": Act(
        _reopen_form,
        lambda issue, by, f: services.reopen_issue(issue, by=by, **f.cleaned_data),
        gettext_lazy("Questione riaperta."),
    ),
    "join": Act(
        _join_form,
        lambda issue, by, f: services.join_needs(issue, by=by, needs=f.cleaned_data["needs"]),
        gettext_lazy("Unite: le seguiamo insieme."),
    ),
}


def do_act(request: StaffRequest, issue_id: UUID, name: str) -> HttpResponse:
    """Check the form of one act and do it; else show what to correct, with what was typed."""
    issue, act = issue_or_404(request, issue_id), ACTS[name]
    form = act.form(request, issue)
    if form.is_valid():
        try:
            result = act.does(issue, request.user, form)
        except tuple(REFUSALS) as refusal:
            issue = issue_or_404(request, issue_id)
            form.add_error(None, REFUSALS[type(refusal)])
            form.data = form.data.copy()
            form.data["version"] = str(issue.version)
        else:
            messages.success(request, act.done(result) if callable(act.done) else act.done)
            return redirect("issues:issue_detail", request.lab.slug, issue.pk)
    return render_issue(request, issue, {name: form})


def issue_step(request: StaffRequest, issue: UUID) -> HttpResponse:
    """Write down what happened to an issue."""
    return do_act(request, issue, "step")


def issue_plan(request: StaffRequest, issue: UUID) -> HttpResponse:
    """Change owner or date."""
    return do_act(request, issue, "plan")


def issue_reopen(request: StaffRequest, issue: UUID) -> HttpResponse:
    """Open an issue again."""
    return do_act(request, issue, "reopen")


def issue_join(request: StaffRequest, issue: UUID) -> HttpResponse:
    """Follow further needs of the same house with an issue; `con` names one that comes from its own page."""
    return do_act(request, issue, "join")


def issue_leave(request: StaffRequest, issue: UUID, need: UUID) -> HttpResponse:
    """Follow a need by itself again."""
    found = issue_or_404(request, issue)
    seen = Need.objects.visible_to(request.user).filter(lab=request.lab)
    services.leave_issue(found, get_object_or_404(seen, pk=need), by=request.user)
    messages.success(request, _("Tolta: questa richiesta va avanti da sola."))
    return redirect("issues:issue_detail", request.lab.slug, found.pk)


@never_cache
def need_issue(request: StaffRequest, need: UUID) -> HttpResponse:
    """Whether others of the house ask the same as a need, and whether somebody follows them together."""
    seen = Need.objects.visible_to(request.user).filter(lab=request.lab)
    found = get_object_or_404(
        seen.select_related("building", "term", "lab").defer("sealed", "building__geometry"), pk=need
    )
    context = {"need": found, "company": company_of(found)}
    return render(request, "issues/_company.html" if request.htmx else "issues/need_issue.html", context)  # type: ignore[attr-defined]


@never_cache
def building_issues(request: StaffRequest, building: UUID) -> HttpResponse:
    """The issues of a house, and what several contacts asked there that nobody follows together yet."""
    found = get_object_or_404(Building.objects.of_lab(request.lab).defer("geometry"), pk=building)
    issues = BuildingIssue.objects.visible_to(request.user).filter(lab=request.lab, building=found)
    context = {
        "building": found,
        "issues": with_counts(issues).order_by("-opened_at", "-pk")[:PAGE_SIZE],
        "proposed": proposed(request.lab, building=found),
        "today": timezone.localdate(),
    }
    return render(request, "issues/_of_building.html" if request.htmx else "issues/building_issues.html", context)  # type: ignore[attr-defined]
