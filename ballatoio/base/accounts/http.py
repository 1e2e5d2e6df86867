"""The request as the gate hands it to a view."""

from allauth.account.adapter import get_adapter
from django.http import HttpRequest

from ballatoio.base.accounts.models import User
from ballatoio.base.labs.models import Lab


class LabRequest(HttpRequest):
    """A request inside a lab: which one, and what the user is there (nothing, for a visitor)."""

    lab: Lab
    roles: frozenset[str]


class StaffRequest(LabRequest):
    """A request inside a lab from somebody who works there."""

    user: User


def source_of(request: HttpRequest) -> str:
    """Give the network address that asks, for counting tries: the one that the outermost trusted proxy saw."""
    return str(get_adapter(request).get_client_ip(request))
