"""People as files: what a search found, and for the coordinator the whole register; who took them is recorded."""

from django.http.response import HttpResponseBase
from django.views.decorators.cache import never_cache

from ballatoio.base.accounts.exports import take_away
from ballatoio.base.accounts.http import StaffRequest

from .exports import found_table, register_table
from .lookup import search_people
from .models import Person
from .views import FOUND_AT_ONCE


@never_cache
def person_export(request: StaffRequest) -> HttpResponseBase:
    """The people whom the page of the search shows for the same words; without words, nobody."""
    typed = request.GET.get("q", "")[:100].strip()
    people = search_people(request.user, request.lab, typed, limit=FOUND_AT_ONCE) if typed else []
    return take_away(request, found_table(people), verb="person.export", filters=["q"] if typed else [])


@never_cache
def register_export(request: StaffRequest) -> HttpResponseBase:
    """The whole register of the lab."""
    people = Person.objects.visible_to(request.user).of_lab(request.lab)
    return take_away(request, register_table(people), verb="person.export", filters=["all"])
