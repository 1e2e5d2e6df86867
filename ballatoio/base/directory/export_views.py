"""The services as a file, with the filters of their page; who took it is recorded."""

from django.http.response import HttpResponseBase
from django.views.decorators.cache import never_cache

from ballatoio.base.accounts.exports import take_away
from ballatoio.base.accounts.http import StaffRequest

from .exports import service_table
from .forms import ManageFilter
from .staff_views import chosen_services


@never_cache
def service_export(request: StaffRequest) -> HttpResponseBase:
    """The list of services as whoever keeps them sees it."""
    form = ManageFilter(request.GET)
    services = chosen_services(request, form)
    filters = [name for name, value in form.cleaned_data.items() if value]
    return take_away(request, service_table(services), verb="service.export", filters=filters)
