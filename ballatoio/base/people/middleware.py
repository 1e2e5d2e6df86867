"""An address that names a file which became part of another leads to that other."""

from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from ballatoio.base.accounts.models import User
from ballatoio.base.labs.models import Lab

from .merging import find_kept
from .models import STAFF_OF_PEOPLE


class MergedFileMiddleware:
    """Where a page finds no person, look whether their file was merged: in every room whose path names a person.

    For whoever works with people in that lab only: to everybody else the page stays as missing as any other.
    What was about to be saved for the other file is not saved for this one: whoever typed it looks again.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code == 404 and (there := self._address_of_kept(request)) is not None:
            return there
        return response

    def _address_of_kept(self, request: HttpRequest) -> HttpResponse | None:
        match, lab, user = request.resolver_match, getattr(request, "lab", None), getattr(request, "user", None)
        asked = match.kwargs.get("person") if match else None
        if not (isinstance(asked, UUID) and isinstance(lab, Lab) and isinstance(user, User)):
            return None
        kept = find_kept(asked, lab.pk) if lab.pk in user.labs_as(*STAFF_OF_PEOPLE) else None
        if match is None or kept is None:
            return None
        if request.method in ("GET", "HEAD"):
            return redirect(match.view_name, **{**match.kwargs, "lab": lab.slug, "person": kept.pk})
        messages.warning(
            request,
            _("Nel frattempo questa scheda è stata unita a un’altra: non è stato salvato niente. Ricontrolla qui."),
        )
        return redirect("people:person_detail", lab=lab.slug, person=kept.pk)
