"""The team as a file; who took it is recorded."""

from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from ballatoio.base.core.sheets.export import ExportTable

from .exports import take_away
from .http import StaffRequest
from .models import Membership


@never_cache
def member_export(request: StaffRequest) -> HttpResponseBase:
    """Who works in the lab, and who did."""
    members = Membership.objects.visible_to(request.user).of_lab(request.lab)
    rows = [
        (
            member.user,
            member.user.email or "",
            member.get_role_display(),
            member.organisation or "",
            member.since,
            member.until,
        )
        for member in members.select_related("user", "organisation").order_by("user__name", "since", "pk")
    ]
    titles = (_("nome"), _("e-mail"), _("che cosa fa"), _("organizzazione"), _("dal"), _("ultimo giorno"))
    return take_away(request, ExportTable(_("squadra"), titles, rows, len(rows)), verb="member.export", filters=[])
