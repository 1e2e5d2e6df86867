"""The desk seen from a person or from a house, and the word left for whoever follows somebody."""

from contextlib import suppress
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import F
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from ballatoio.base.accounts.http import StaffRequest
from ballatoio.base.jobs.services import AlreadySubmitted, new_once_token
from ballatoio.base.people.models import Person
from ballatoio.base.territory.models import Building

from .lists import PAGE_SIZE, ContactPage
from .models import Contact, MessageDelivery, Need
from .need_forms import MessageForm
from .services import leave_message, read_message, read_timeline


def person_or_404(request: StaffRequest, person: UUID) -> Person:
    """Give the person of this lab whom the operator may see; raise Http404 for any other."""
    return get_object_or_404(Person.objects.visible_to(request.user).of_lab(request.lab), pk=person)


@never_cache
def person_timeline(request: StaffRequest, person: UUID) -> HttpResponse:
    """All the contacts of a person, newest first, and what is still open for them."""
    found = person_or_404(request, person)
    contacts = read_timeline(found, by=request.user)
    needs = Need.objects.visible_to(request.user).still_open().filter(lab=request.lab, person=found)
    context = {
        "person": found,
        "page": ContactPage(contacts, request.GET.get("dopo", "")),
        "open_needs": needs.select_related("term", "owner").defer("sealed"),
    }
    return render(request, "desk/person_timeline.html", context)


@never_cache
def building_timeline(request: StaffRequest, building: UUID) -> HttpResponse:
    """All the contacts about a house, newest first; it names nobody, so that a house does not tell who asked what."""
    found = get_object_or_404(Building.objects.of_lab(request.lab), pk=building)
    contacts = Contact.objects.visible_to(request.user).filter(lab=request.lab, building=found)
    needs = Need.objects.visible_to(request.user).still_open().filter(lab=request.lab, building=found)
    context = {
        "building": found,
        "page": ContactPage(contacts, request.GET.get("dopo", "")),
        "open_needs": needs.select_related("term", "owner").defer("sealed"),
    }
    return render(request, "desk/building_timeline.html", context)


@never_cache
def message_leave(request: StaffRequest, person: UUID) -> HttpResponse:
    """Leave a word for whoever follows a person; the answer is the same whether anybody does or not."""
    found = person_or_404(request, person)
    form = MessageForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        # A double click gets the same answer, once.
        with suppress(AlreadySubmitted):
            leave_message(found, by=request.user, text=form.cleaned_data["text"], once=request.POST.get("once", ""))
        messages.success(request, _("Il messaggio è stato lasciato. Se qualcuno segue questa persona, lo riceve."))
        return redirect("desk:person_timeline", request.lab.slug, found.pk)
    context = {"person": found, "form": form, "once": request.POST.get("once") or new_once_token()}
    return render(request, "desk/message_leave.html", context, status=422 if form.errors else 200)


@never_cache
def message_list(request: StaffRequest) -> HttpResponse:
    """All the messages that reached the operator, those not read yet first; what they say is opened one by one."""
    mine = MessageDelivery.objects.filter(user=request.user, message__lab=request.lab)
    shown = mine.select_related("message__person", "message__left_by")
    shown = shown.defer("message__sealed", "message__person__sealed")
    newest = shown.order_by(F("read_at").desc(nulls_first=True), "-message__left_at", "-pk")
    page = Paginator(newest, PAGE_SIZE).get_page(request.GET.get("pagina"))
    return render(request, "desk/message_list.html", {"page": page})


@never_cache
def message_read(request: StaffRequest, delivery: UUID) -> HttpResponse:
    """A message that reached the operator; from now on it is read."""
    mine = MessageDelivery.objects.filter(user=request.user, message__lab=request.lab)
    related = mine.select_related("message__person", "message__left_by", "message__data_key")
    found = get_object_or_404(related, pk=delivery)
    context = {"message": found.message, "text": read_message(found, by=request.user)}
    return render(request, "desk/message_read.html", context)
