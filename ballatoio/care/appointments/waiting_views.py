"""The waiting list at the desk: who waits, whom a time is offered, what they say on the telephone."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache

from ballatoio.base.accounts.http import StaffRequest
from ballatoio.base.jobs.services import AlreadySubmitted, new_once_token
from ballatoio.care.desk.forms import DeskLists
from ballatoio.care.desk.views import people_like

from .booking import KindNotReceived
from .forms import WaitForm
from .models import AppointmentKind, Offer, WaitingPlace
from .turns import PlaceIsOver
from .waiting_services import (
    NobodyCouldTell,
    OfferIsOver,
    ThereIsRoom,
    accept_offer,
    decline_offer,
    join_waiting,
    leave_waiting,
    read_place,
)

PAGE_SIZE = 25
REFUSALS: dict[type[Exception], Any] = {
    ThereIsRoom: gettext_lazy("C’è già un orario libero che va bene: fissa l’appuntamento, non serve aspettare."),
    NobodyCouldTell: gettext_lazy(
        "Scrivi un telefono o un’e-mail: senza, quando si libera un posto non si può avvisare."
    ),
    KindNotReceived: gettext_lazy("Per questo non si prendono appuntamenti adesso."),
    OfferIsOver: gettext_lazy("L’orario non è più tenuto per questa persona: è passato il tempo, o non c’è più."),
    PlaceIsOver: gettext_lazy("Questa persona non è più in lista: guarda com’è adesso."),
}


@never_cache
def waiting_list(request: StaffRequest) -> HttpResponse:
    """Who waits, in the order in which they will be asked; whoever has an offer that nobody could send comes first."""
    places = WaitingPlace.objects.visible_to(request.user).in_line().filter(lab=request.lab)
    page = Paginator(places.select_related("person", "kind").defer("sealed", "person__sealed"), PAGE_SIZE)
    shown = page.get_page(request.GET.get("pagina"))
    offers = Offer.objects.filter(place__in=shown.object_list, state=Offer.State.OPEN).select_related("slot__operator")
    by_place = {offer.place_id: offer for offer in offers}
    context = {"page": shown, "rows": [(place, by_place.get(place.pk)) for place in shown.object_list]}
    return render(request, "appointments/waiting_list.html", context)


@never_cache
def waiting_join(request: StaffRequest) -> HttpResponse:
    """Put somebody at the end of the list, from the desk or on the telephone."""
    lists = DeskLists(request.lab, request.user)
    kinds = list(AppointmentKind.objects.filter(lab=request.lab).in_use())
    initial = {"kind": request.GET.get("tipo", ""), "language": request.GET.get("lingua", "it")}
    initial |= {"person": request.GET.get("persona", ""), "once": new_once_token()}
    form = WaitForm(request.POST or None, initial=initial, lists=lists, kinds=kinds)
    if request.method == "POST" and request.POST.get("do") == "join":
        try:
            if form.is_valid():
                place = join(request, form)
                messages.success(request, _("È in lista, al numero %(number)s.") % {"number": place.number})
                return redirect("appointments:waiting_detail", request.lab.slug, place.pk)
        except AlreadySubmitted as already:
            return redirect("appointments:waiting_detail", request.lab.slug, already.result)
        except (ThereIsRoom, NobodyCouldTell, KindNotReceived) as refusal:
            form.add_error(None, REFUSALS[type(refusal)])
        return render_join(request, form, failed=True)
    return render_join(request, form)


def join(request: StaffRequest, form: WaitForm) -> WaitingPlace:
    """Do what the form says."""
    names = ("kind", "booker", "language", "only_language", "channel", "once")
    return join_waiting(request.lab, by=request.user, **{name: form.cleaned_data[name] for name in names})


def render_join(request: StaffRequest, form: WaitForm, *, failed: bool = False) -> HttpResponse:
    """Draw the form."""
    chosen, typed = str(form["person"].value() or ""), form["look_for"].value() or ""
    context = {
        "form": form,
        "people": people_like(form.lists, typed, chosen),
        "chosen": chosen,
        "looked_for": typed,
    }
    return render(request, "appointments/waiting_join.html", context, status=422 if failed else 200)


def place_or_404(request: StaffRequest, place: UUID) -> WaitingPlace:
    """Give the place of this lab that the operator may see; raise Http404 for any other."""
    seen = WaitingPlace.objects.visible_to(request.user).filter(lab=request.lab)
    return get_object_or_404(seen.select_related("person", "kind", "lab", "data_key", "appointment__slot"), pk=place)


@never_cache
def waiting_detail(request: StaffRequest, place: UUID) -> HttpResponse:
    """One place with its code, the offers that were made, and what the person says; reading it is recorded."""
    found = place_or_404(request, place)
    offers = list(found.offers.select_related("slot__operator").order_by("-offered_at"))
    context = {
        "place": found,
        "texts": read_place(found, by=request.user),
        "offers": offers,
        "offer": next((offer for offer in offers if offer.state == Offer.State.OPEN), None),
        "points": list(found.person.contact_points.all()) if found.person else [],
    }
    return render(request, "appointments/waiting_detail.html", context)


def answer(
    request: StaffRequest, place: UUID, does: Callable[..., object], done: str, to_appointment: bool = False
) -> HttpResponse:
    """Do what whoever waits said, and go on."""
    found = place_or_404(request, place)
    try:
        result = does(found, by=request.user)
    except (OfferIsOver, PlaceIsOver) as refusal:
        messages.error(request, REFUSALS[type(refusal)])
    else:
        messages.success(request, done)
        if to_appointment:
            return redirect("appointments:appointment_detail", request.lab.slug, result.pk)  # type: ignore[attr-defined]
    return redirect("appointments:waiting_detail", request.lab.slug, found.pk)


def waiting_accept(request: StaffRequest, place: UUID) -> HttpResponse:
    """They take the time that is held for them."""
    return answer(request, place, accept_offer, _("Appuntamento fissato."), to_appointment=True)


def waiting_decline(request: StaffRequest, place: UUID) -> HttpResponse:
    """They do not want this time: it goes to the next."""
    return answer(request, place, decline_offer, _("Segnato: l’orario passa a chi viene dopo."))


def waiting_leave(request: StaffRequest, place: UUID) -> HttpResponse:
    """They no longer wait."""
    return answer(request, place, leave_waiting, _("Tolta dalla lista. Gli altri restano al loro posto."))
