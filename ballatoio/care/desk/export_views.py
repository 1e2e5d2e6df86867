"""The lists of the desk as files, with the filters of their pages; who took them is recorded."""

from django.http.response import HttpResponseBase
from django.views.decorators.cache import never_cache

from ballatoio.base.accounts.exports import take_away
from ballatoio.base.accounts.http import StaffRequest

from .exports import contact_table, need_table
from .forms import DeskLists
from .lists import ContactFilter, NeedFilter


@never_cache
def contact_export(request: StaffRequest) -> HttpResponseBase:
    """The list of contacts."""
    form = ContactFilter(request.GET, lists=DeskLists(request.lab, request.user))
    return take_away(request, contact_table(form.contacts()), verb="contact.export", filters=form.asked)


@never_cache
def need_export(request: StaffRequest) -> HttpResponseBase:
    """The list of needs; without filters, those that are open."""
    form = NeedFilter(request.GET, lists=DeskLists(request.lab, request.user))
    return take_away(request, need_table(form.needs()), verb="need.export", filters=form.asked)
