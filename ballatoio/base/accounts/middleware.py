"""Staff cannot work without a second factor: the libraries offer one, this makes it a duty."""

from collections.abc import Callable

from allauth.account.authentication import get_authentication_records
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

# Set by the demo's one-click sign-in, which exists only in demo mode.
DEMO_SECOND_FACTOR = "demo_second_factor"
# Set in the session in which the second factor was made: its first code was given a moment ago.
NEW_SECOND_FACTOR = "new_second_factor"


class SecondFactorMiddleware:
    """Let a member of staff work only in a session that was opened with a second factor.

    Which one, a passkey or the codes of a telephone, is theirs to say. Whoever has none yet is sent to the page where
    they choose and set one up. A session that somebody with a second factor
    opened without giving it (by the one-time code of a resident, say) is closed.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        if not user.is_authenticated or not user.is_lab_staff or gave_second_factor(request):
            return self.get_response(request)
        if is_mfa_enabled(user):
            logout(request)
            return redirect("account_login")
        if not self._may_pass(request):
            return redirect("mfa_index")
        response = self.get_response(request)
        if request.user.is_authenticated and is_mfa_enabled(user):
            request.session[NEW_SECOND_FACTOR] = True
        return response

    @staticmethod
    def _may_pass(request: HttpRequest) -> bool:
        """The pages that somebody without a second factor needs in order to get one, or to leave."""
        allowed = ("mfa_index", "mfa_activate_totp", "mfa_add_webauthn", "account_logout", "account_reauthenticate")
        return any(request.path == reverse(name) for name in allowed) or request.path.startswith("/static/")


def gave_second_factor(request: HttpRequest) -> bool:
    """Tell whether a second factor was given in this session: no query, the session says so."""
    return bool(
        (settings.DEMO and request.session.get(DEMO_SECOND_FACTOR))
        or request.session.get(NEW_SECOND_FACTOR)
        or any(record.get("method") == "mfa" for record in get_authentication_records(request, request.user))
    )
