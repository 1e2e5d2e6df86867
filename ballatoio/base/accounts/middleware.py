"""Staff cannot work without a second factor: the libraries offer one, this makes it a duty."""

from collections.abc import Callable

from allauth.mfa.utils import is_mfa_enabled
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

# Set by the demo's one-click sign-in, which exists only in demo mode.
DEMO_SECOND_FACTOR = "demo_second_factor"


class SecondFactorMiddleware:
    """Send a member of staff who has no second factor yet to the page where they set one up.

    Whoever has one was already asked for it while signing in.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        if (
            user.is_authenticated
            and user.is_lab_staff
            and not request.session.get(DEMO_SECOND_FACTOR)
            and not self._may_pass(request)
            and not is_mfa_enabled(user)
        ):
            return redirect("mfa_activate_totp")
        return self.get_response(request)

    @staticmethod
    def _may_pass(request: HttpRequest) -> bool:
        """The pages that somebody without a second factor needs in order to get one, or to leave."""
        allowed = ("mfa_activate_totp", "account_logout", "account_reauthenticate")
        return any(request.path == reverse(name) for name in allowed) or request.path.startswith("/static/")
