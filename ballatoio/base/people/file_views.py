"""The parts of a person's file: how to reach them, codes, consents, getting to safety."""

from contextlib import suppress
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from ballatoio.base.accounts.http import StaffRequest
from ballatoio.base.jobs.services import AlreadySubmitted, new_once_token
from ballatoio.base.territory.addresses import find_buildings
from ballatoio.base.territory.models import Dwelling

from .forms import ConsentForm, ContactPointForm, HomeForm, IdentifierForm
from .households import household_of, lift_protection, separate_person, settle_person
from .models import Person
from .rules import can_lift_protection
from .services import (
    FiscalCodeDoesNotMatch,
    FiscalCodeIsWrong,
    add_contact_point,
    read_identifier,
    record_consent,
    remove_contact_point,
    set_identifier,
    withdraw_consent,
)
from .views import detail_context, person_of


def back_to(request: StaffRequest, person: Person, done: str) -> HttpResponse:
    """Go back to the file and say what was done."""
    messages.success(request, done)
    return redirect("people:person_detail", request.lab.slug, person.pk)


def contact_point_add(request: StaffRequest, person: UUID) -> HttpResponse:
    """Add a way to reach a person."""
    owner = person_of(request, person)
    form = ContactPointForm(request.POST or None)
    if form.is_valid():
        add_contact_point(owner, by=request.user, **form.cleaned_data)
        return back_to(request, owner, _("Recapito salvato."))
    return render(request, "people/contact_point_add.html", {"person": owner, "form": form})


def contact_point_remove(request: StaffRequest, person: UUID, point: UUID) -> HttpResponse:
    """Take away a way to reach a person."""
    owner = person_of(request, person)
    remove_contact_point(get_object_or_404(owner.contact_points.select_related("person"), pk=point), by=request.user)
    return back_to(request, owner, _("Recapito tolto."))


def home_set(request: StaffRequest, person: UUID) -> HttpResponse:
    """Write down where a person lives: first the address, then the flat."""
    owner = person_of(request, person)
    typed = request.GET.get("indirizzo", "")[:120].strip()
    matches = find_buildings(request.lab, typed, limit=8) if typed else []
    chosen = matches[0].building if matches and (matches[0].exact or len(matches) == 1) else None
    flats = Dwelling.objects.of_building(chosen) if chosen else Dwelling.objects.none()
    form = HomeForm(flats, request.POST or None)
    if form.is_valid():
        cleaned = form.cleaned_data
        settle_person(owner, cleaned["dwelling"], by=request.user, move=cleaned["move"])
        return back_to(request, owner, _("Casa salvata."))
    others = [str(match.building) for match in matches if match.building != chosen]
    context = {"person": owner, "form": form, "typed": typed, "building": chosen, "others": others}
    return render(request, "people/home_set.html", context)


def identifier_set(request: StaffRequest, person: UUID) -> HttpResponse:
    """Keep a codice fiscale or the number of a document."""
    owner = person_of(request, person)
    form = IdentifierForm(request.POST or None)
    if form.is_valid():
        try:
            set_identifier(owner, by=request.user, **form.cleaned_data)
        except (FiscalCodeIsWrong, FiscalCodeDoesNotMatch) as problem:
            form.add_error("value", str(problem))
        else:
            return back_to(request, owner, _("Codice salvato, cifrato."))
    return render(request, "people/identifier_set.html", {"person": owner, "form": form})


def identifier_show(request: StaffRequest, person: UUID, identifier: UUID) -> HttpResponse:
    """Show one code: a POST, because looking leaves a trace."""
    owner = person_of(request, person)
    found = get_object_or_404(owner.identifiers.select_related("person", "data_key"), pk=identifier)
    value = read_identifier(found, by=request.user)
    if getattr(request, "htmx", False):
        context = {"person": owner, "identifier": found, "shown_id": found.pk, "shown_value": value}
        return render(request, "people/_identifier.html", context)
    context = detail_context(request, owner, shown_id=found.pk, shown_value=value)
    return render(request, "people/person_detail.html", context)


def consent_record(request: StaffRequest, person: UUID) -> HttpResponse:
    """Record what a person agreed to."""
    owner = person_of(request, person)
    form = ConsentForm(request.POST or None)
    once = request.POST.get("once", "")
    if form.is_valid():
        # A second click finds it written, and is told so.
        with suppress(AlreadySubmitted):
            record_consent(owner, by=request.user, once=once, **form.cleaned_data)
        return back_to(request, owner, _("Consenso segnato."))
    context = {"person": owner, "form": form, "once": once or new_once_token()}
    return render(request, "people/consent_record.html", context)


def consent_withdraw(request: StaffRequest, person: UUID, consent: UUID) -> HttpResponse:
    """Record that a person changed their mind."""
    owner = person_of(request, person)
    withdraw_consent(get_object_or_404(owner.consents, pk=consent), by=request.user)
    return back_to(request, owner, _("Consenso ritirato da oggi."))


def person_separate(request: StaffRequest, person: UUID) -> HttpResponse:
    """Bring a person to safety from their household, after a page that says in plain words what happens."""
    owner = person_of(request, person)
    if request.method == "POST":
        separate_person(owner, by=request.user)
        done = _("Fatto. Da adesso chi viveva con questa persona non vede più niente di lei.")
        return back_to(request, owner, done)
    shared = owner.contact_points.filter(is_shared=True)
    context = {"person": owner, "lives_with_others": household_of(owner) is not None, "shared": list(shared)}
    return render(request, "people/person_separate.html", context)


def protection_lift(request: StaffRequest, person: UUID) -> HttpResponse:
    """End the protection of a person who asked for it, alone, to the coordinator."""
    owner = person_of(request, person)
    if not can_lift_protection(request.roles):
        raise PermissionDenied
    if not owner.is_protected:
        return redirect("people:person_detail", request.lab.slug, owner.pk)
    if request.method == "POST":
        lift_protection(owner, by=request.user)
        return back_to(request, owner, _("Protezione tolta."))
    return render(request, "people/protection_lift.html", {"person": owner})
