"""The request as the gate hands it to a view."""

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
