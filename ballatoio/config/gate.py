"""The gate that every request passes: it enforces the table of access.py, and nothing else does.

Views are called without the lab of the path: they read `request.lab` and `request.roles`.
"""

import logging
from collections.abc import Callable
from typing import Any, cast

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseNotAllowed
from django.utils.cache import add_never_cache_headers

from ballatoio.base.accounts.http import LabRequest
from ballatoio.base.accounts.models import User
from ballatoio.base.labs.models import Lab
from ballatoio.config.access import ACCESS, Access, Who

log = logging.getLogger(__name__)


class RouteWithoutAccess(Exception):
    """A route is in the site map but not in the table of access."""


class GateMiddleware:
    """Resolves the lab of the path, then lets in whoever the table names."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        # Templates ask for both on every page, in a lab or not.
        setattr(request, "lab", None)  # noqa: B010
        setattr(request, "roles", frozenset())  # noqa: B010
        response = self.get_response(request)
        access = ACCESS.get(request.resolver_match.view_name) if request.resolver_match else None
        if access is not None and access.who is not Who.EVERYBODY:
            # A desk is shared: "back" after signing out must not show the file that was open.
            add_never_cache_headers(response)
        return response

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        """Give None to let the request in, or the answer that refuses it."""
        assert request.resolver_match is not None
        access = ACCESS.get(request.resolver_match.view_name)
        if access is None:
            return self.refuse_undeclared(request.resolver_match.view_name)
        if request.method not in access.methods:
            return HttpResponseNotAllowed(sorted(access.methods))
        if access.who is not Who.EVERYBODY and not request.user.is_authenticated:
            # Before the lab is looked up: a stranger learns nothing of which labs exist behind sign-in.
            return redirect_to_login(request.get_full_path())
        if access.who is Who.STAFF and not (isinstance(request.user, User) and request.user.is_lab_staff):
            raise PermissionDenied
        if "lab" in kwargs:
            self.enter_lab(cast(LabRequest, request), kwargs.pop("lab"), access)
        return None

    def enter_lab(self, request: LabRequest, slug: str, access: Access) -> None:
        """Set `request.lab` and `request.roles`.

        Raise Http404 for a lab that is not there and, alike, for another lab's staff page; PermissionDenied
        for a member without the role.
        """
        user = request.user
        # A member's labs came with the memberships: only visitors and those of the whole installation ask again.
        lab = user.lab_called(slug) if access.who is Who.MEMBERS and isinstance(user, User) else None
        lab = lab or Lab.objects.filter(slug=slug).first()
        if lab is None:
            raise Http404
        request.lab = lab
        request.roles = request.user.roles_in(lab.pk) if isinstance(request.user, User) else frozenset()
        if access.who is Who.MEMBERS and not request.roles:
            raise Http404
        if access.who is Who.MEMBERS and not request.roles & access.roles:
            raise PermissionDenied

    def refuse_undeclared(self, name: str) -> HttpResponseBase:
        """Refuse a route that nobody declared: loudly while developing, as a missing page otherwise."""
        if settings.DEBUG or settings.DEMO:
            raise RouteWithoutAccess(name)
        log.error("route without access: %s", name)
        raise Http404
