"""Finding a person, opening their file, correcting it."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from ballatoio.base.accounts.http import StaffRequest
from ballatoio.base.core.conflicts import ChangedElsewhere
from ballatoio.base.core.languages import both_names
from ballatoio.base.jobs.services import AlreadySubmitted, find_submitted, new_once_token

from .forms import AmendPersonForm, ConsentForm, NewPersonForm, person_initial
from .households import addresses_of, home_of, household_of, household_view, may_know_home
from .lookup import Hint, duplicate_hints, hints_of, is_too_short, search_people
from .models import Consent, Person, PersonMerge, PersonMergeQuerySet, ProbableDuplicate
from .rules import can_lift_protection
from .services import amend_person, read_person, register_person

FOUND_AT_ONCE = 25
MANY = 100


@dataclass(frozen=True)
class Row:
    """A person as a list shows them: where they live is not told of the protected."""

    person: Person
    address: str


def person_of(request: StaffRequest, person: UUID) -> Person:
    """Give a person of the lab whom the operator may see. Raise Http404 for any other id, as for none."""
    people = Person.objects.visible_to(request.user).of_lab(request.lab).select_related("data_key")
    return get_object_or_404(people, pk=person)


def person_list(request: StaffRequest) -> HttpResponse:
    """Search while one types; nobody is listed who was not asked for."""
    typed = request.GET.get("q", "")[:100].strip()
    people = search_people(request.user, request.lab, typed, limit=FOUND_AT_ONCE + 1) if typed else []
    addresses = addresses_of(people) if people else {}
    is_fragment = bool(getattr(request, "htmx", False))
    context = {
        "typed": typed,
        "too_short": bool(typed) and is_too_short(typed),
        "rows": [Row(person, addresses.get(person.pk, "")) for person in people[:FOUND_AT_ONCE]],
        "more": len(people) > FOUND_AT_ONCE,
        "doubles": 0 if is_fragment else count_doubles(request),
    }
    return render(request, "people/_person_rows.html" if is_fragment else "people/person_list.html", context)


def count_doubles(request: StaffRequest) -> int:
    """Give how many pairs of files wait for somebody to look at them; beyond a hundred nobody counts."""
    doubles = ProbableDuplicate.objects.visible_to(request.user).filter(lab=request.lab).undecided()
    return doubles.order_by()[:MANY].count()


def person_new(request: StaffRequest) -> HttpResponse:
    """Open a file; if somebody looks like the new person, ask first."""
    hints: list[Hint] = []
    if request.method == "POST":
        form = NewPersonForm(request.POST)
        if form.is_valid():
            hints = [] if "is_another" in request.POST else _like(request, form)
            # After a double click the one who looks alike is the one just written.
            if not hints or find_submitted(request.POST.get("once", "")):
                return _register(request, form)
    else:
        form = NewPersonForm(initial={"languages_spoken": [], "family_name": request.GET.get("cognome", "")})
    context = {"form": form, "hints": hints, "once": request.POST.get("once") or new_once_token()}
    return render(request, "people/person_form.html", context)


def _like(request: StaffRequest, form: NewPersonForm) -> list[Hint]:
    cleaned = form.cleaned_data
    born, year = cleaned["birth"]
    names = cleaned["given_name"], cleaned["family_name"]
    return duplicate_hints(request.user, request.lab, *names, born or year, cleaned["phone"])


def _register(request: StaffRequest, form: NewPersonForm) -> HttpResponse:
    once = request.POST.get("once", "")
    try:
        person = register_person(
            request.lab,
            by=request.user,
            once=once,
            phone=form.cleaned_data["phone"],
            **{**form.facts(), **form.texts()},
        )
    except AlreadySubmitted as already:
        return redirect("people:person_detail", request.lab.slug, already.result)
    messages.success(request, _("Scheda aperta."))
    return redirect("people:person_detail", request.lab.slug, person.pk)


def person_detail(request: StaffRequest, person: UUID) -> HttpResponse:
    """A person's file; opening it is recorded."""
    opened = person_of(request, person)
    return render(request, "people/person_detail.html", detail_context(request, opened))


def detail_context(request: StaffRequest, person: Person, **more: Any) -> dict[str, Any]:
    """Give what the page of a person shows."""
    household = household_of(person)
    told = may_know_home(person, request.user)
    names = dict(both_names())
    return {
        "person": person,
        "texts": read_person(person, by=request.user),
        "spoken": [names.get(code, code) for code in person.languages_spoken],
        "read": [names.get(code, code) for code in person.languages_read],
        "points": list(person.contact_points.all()),
        "identifiers": list(person.identifiers.all()),
        "consents": [(consent, scope_name(consent)) for consent in person.consents.all()],
        "members": list(household_view(household, request.user).exclude(pk=person.pk)) if household else [],
        "may_know_home": told,
        "dwelling": home_of(person) if told else None,
        "may_lift": person.is_protected and can_lift_protection(request.roles),
        "doubles": doubles_of(request, person),
        "merges": list(merges_into(request, person)),
        "shown_id": None,
        "shown_value": "",
        **more,
    }


def doubles_of(request: StaffRequest, person: Person) -> list[Hint]:
    """Give the other files that may be of this person: three at most."""
    doubles = ProbableDuplicate.objects.visible_to(request.user).undecided().of_person(person)
    others = [double.other if double.one_id == person.pk else double.one for double in doubles[:3]]
    return list(hints_of(others).values())


def merges_into(request: StaffRequest, person: Person) -> PersonMergeQuerySet:
    """Give the merges that this file came of and that can be undone, the latest first."""
    merges = PersonMerge.objects.visible_to(request.user).filter(kept=person, undone_at__isnull=True)
    return merges.select_related("merged")


def scope_name(consent: Consent) -> str:
    """Give in words what a consent is for."""
    return str(dict(ConsentForm.SCOPES).get(consent.scope, consent.scope))


def person_edit(request: StaffRequest, person: UUID) -> HttpResponse:
    """Correct a file; what somebody else saved meanwhile is shown beside what was typed, never overwritten."""
    current = person_of(request, person)
    conflict: Person | None = None
    form = AmendPersonForm(request.POST) if request.method == "POST" else _opened_form(request, current)
    if form.is_bound and form.is_valid():
        version = form.cleaned_data["version"]
        try:
            amend_person(current, by=request.user, version=version, texts=form.texts(), **form.facts())
        except ChangedElsewhere as changed:
            # Saving once more, having seen both, is a decision.
            conflict = changed.current
            form = _once_more(request, conflict.version)
        else:
            messages.success(request, _("Scheda salvata."))
            return redirect("people:person_detail", request.lab.slug, current.pk)
    context = {"form": form, "person": current, "conflict": conflict, "hints": [], "once": ""}
    return render(request, "people/person_form.html", context)


def _once_more(request: StaffRequest, version: int) -> AmendPersonForm:
    typed = request.POST.copy()
    typed["version"] = str(version)
    return AmendPersonForm(typed)


def _opened_form(request: StaffRequest, person: Person) -> AmendPersonForm:
    return AmendPersonForm(initial=person_initial(person, read_person(person, by=request.user)))
