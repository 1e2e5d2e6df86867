"""The pages on which a coordinator keeps houses, stairs and flats in order. Nobody else sees which flats are empty."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from ballatoio.base.accounts.http import StaffRequest
from ballatoio.base.core.conflicts import ChangedElsewhere
from ballatoio.base.core.text import normalise
from ballatoio.base.jobs.services import AlreadySubmitted, new_once_token

from .building_services import (
    ADDRESS,
    DwellingIsAlreadyThere,
    StairIsAlreadyThere,
    add_dwelling,
    add_stair,
    address_mark,
    correct_address,
    read_dwellings,
)
from .forms import AddressForm, BuildingFilter, BuildingForm, DwellingForm, StairForm, StateForm
from .models import Building, BuildingQuerySet, Dwelling
from .services import BuildingIsAlreadyThere, add_building, change_dwelling_state

PER_PAGE = 30
FLATS_PER_PAGE = 60


@never_cache
def building_list(request: StaffRequest) -> HttpResponse:
    """The houses of the lab, with how many stairs each has: never how many flats, or how many stand empty."""
    form = BuildingFilter(request.GET)
    asked = form.cleaned_data["q"] if form.is_valid() else ""
    page = Paginator(buildings_like(request, asked), PER_PAGE).get_page(request.GET.get("pagina"))
    return render(request, "territory/building_list.html", {"form": form, "asked": asked, "page": page})


def buildings_like(request: StaffRequest, asked: str) -> BuildingQuerySet:
    """Give the houses whose street or number has every word that was typed; all of them when none was."""
    found = Building.objects.of_lab(request.lab).annotate(stair_count=Count("stairs")).select_related("manager")
    for word in normalise(asked).split():
        found = found.filter(civic_key=word) if word[:1].isdigit() else found.filter(street_key__contains=word)
    return found.defer("geometry").order_by("street_key", "civic_key", "pk")


def building_or_404(request: StaffRequest, building: UUID) -> Building:
    """Give the house of this lab with this id; raise Http404 for any other."""
    houses = Building.objects.of_lab(request.lab).select_related("owner", "manager", "district")
    return get_object_or_404(houses, pk=building)


@never_cache
def building_new(request: StaffRequest) -> HttpResponse:
    """Add a house with its stairs."""
    form = BuildingForm(request.POST or None, lab=request.lab)
    if request.method == "POST" and form.is_valid():
        asked = {name: value for name, value in form.cleaned_data.items() if name != "seen"}
        try:
            building = add_building(request.lab, by=request.user, **asked)
        except BuildingIsAlreadyThere as there:
            form.add_error("civic", _("%(address)s c’è già: cercala nell’elenco.") % {"address": there})
        else:
            messages.success(request, _("%(address)s: aggiunta.") % {"address": building})
            return redirect("territory:building_manage", request.lab.slug, building.pk)
    return render(request, "territory/building_new.html", {"form": form}, status=422 if form.errors else 200)


@never_cache
def building_manage(request: StaffRequest, building: UUID) -> HttpResponse:
    """A house with its stairs and flats; that somebody looked at their states is recorded."""
    return render_building(request, building_or_404(request, building))


def render_building(request: StaffRequest, building: Building, **forms: Any) -> HttpResponse:
    """Draw the page of a house; `forms` are those with something to correct."""
    flats = read_dwellings(building, by=request.user)
    context = {
        "building": building,
        "stairs": list(building.stairs.order_by("name")),
        "page": Paginator(flats, FLATS_PER_PAGE).get_page(request.GET.get("pagina")),
        "states": Dwelling.State.choices,
        "stair_form": forms.get("stair_form") or StairForm(auto_id="scala_%s"),
        "dwelling_form": forms.get("dwelling_form") or DwellingForm(building=building),
        "once": new_once_token(),
    }
    return render(request, "territory/building_manage.html", context, status=422 if forms else 200)


@never_cache
def building_correct(request: StaffRequest, building: UUID) -> HttpResponse:
    """Correct the address of a house."""
    found = building_or_404(request, building)
    if request.method != "POST":
        form = AddressForm(initial=address_of(found) | {"seen": address_mark(found)})
        return render_address(request, found, form)
    form = AddressForm(request.POST)
    if not form.is_valid():
        return render_address(request, found, form)
    try:
        correct_address(found, by=request.user, **form.cleaned_data)
    except ChangedElsewhere as refusal:
        form.data = {**request.POST.dict(), "seen": address_mark(refusal.current)}
        return render_address(request, refusal.current, form, elsewhere=True)
    except BuildingIsAlreadyThere as there:
        form.add_error("civic", _("%(address)s c’è già.") % {"address": there})
        return render_address(request, found, form)
    messages.success(request, _("Indirizzo corretto."))
    return redirect("territory:building_manage", request.lab.slug, found.pk)


def address_of(building: Building) -> dict[str, Any]:
    """Give the address of a house as the form shows it."""
    return {name: getattr(building, name) for name in ADDRESS}


def render_address(
    request: StaffRequest, building: Building, form: AddressForm, *, elsewhere: bool = False
) -> HttpResponse:
    """Draw the form of an address; `elsewhere` says that somebody else changed it in the meantime."""
    context = {"building": building, "form": form, "elsewhere": elsewhere}
    status = 409 if elsewhere else 422 if form.errors else 200
    return render(request, "territory/building_correct.html", context, status=status)


def stair_add(request: StaffRequest, building: UUID) -> HttpResponse:
    """Add a stair to a house."""
    found, form = building_or_404(request, building), StairForm(request.POST, auto_id="scala_%s")
    if form.is_valid():
        try:
            stair = add_stair(found, by=request.user, **form.cleaned_data)
        except StairIsAlreadyThere:
            form.add_error("name", _("Questa scala c’è già."))
        else:
            messages.success(request, _("Scala %(name)s: aggiunta.") % {"name": stair.name})
            return redirect("territory:building_manage", request.lab.slug, found.pk)
    return render_building(request, found, stair_form=form)


def dwelling_add(request: StaffRequest, building: UUID) -> HttpResponse:
    """Add a flat to a stair of a house."""
    found = building_or_404(request, building)
    form = DwellingForm(request.POST, building=found)
    if form.is_valid():
        try:
            flat = add_dwelling(by=request.user, once=request.POST.get("once", ""), **form.cleaned_data)
        except DwellingIsAlreadyThere:
            form.add_error("number", _("In questa scala c’è già un interno con questo numero."))
        except AlreadySubmitted:
            return redirect("territory:building_manage", request.lab.slug, found.pk)
        else:
            messages.success(request, _("Alloggio aggiunto: scala %(s)s, %(f)s.") % {"s": flat.stair, "f": flat})
            return redirect("territory:building_manage", request.lab.slug, found.pk)
    return render_building(request, found, dwelling_form=form)


def dwelling_change(request: StaffRequest, dwelling: UUID) -> HttpResponse:
    """Put a flat in another state."""
    flats = Dwelling.objects.visible_to(request.user).filter(stair__building__lab=request.lab)
    flat = get_object_or_404(flats.select_related("stair"), pk=dwelling)
    form = StateForm(request.POST)
    if form.is_valid():
        change_dwelling_state(flat, state=form.cleaned_data["state"], by=request.user)
        messages.success(request, _("Scala %(s)s, %(f)s: salvato.") % {"s": flat.stair, "f": flat})
    else:
        messages.error(request, _("Scegli uno stato dall’elenco."))
    return redirect("territory:building_manage", request.lab.slug, flat.stair.building_id)
