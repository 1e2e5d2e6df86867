"""One click in, as one of the cast. The route is there in demo mode only."""

from django.conf import settings
from django.contrib.auth import login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import translation

from ballatoio.base.accounts.middleware import DEMO_SECOND_FACTOR
from ballatoio.base.accounts.models import User
from ballatoio.base.people.models import Person
from ballatoio.care.desk.models import DESK_ROLES


def enter(request: HttpRequest, name: str) -> HttpResponse:
    """Sign in as `name` of the cast, second factor included, and go where that person works or lives."""
    if not settings.DEMO:
        raise Http404
    user = get_object_or_404(User, demo_name=name, is_active=True)
    login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
    request.session[DEMO_SECOND_FACTOR] = True
    with translation.override(user.language):
        return redirect(own_place(user))


def own_place(user: User) -> str:
    """Give the address at which somebody begins: the desk, a lab's home, one's own page, the labs of the city."""
    parts = sorted((m for m in user.current_memberships if m.lab), key=lambda m: m.role not in DESK_ROLES)
    for membership in parts:
        assert membership.lab is not None
        page = "home:today" if membership.role in DESK_ROLES else "home:lab_home"
        return reverse(page, kwargs={"lab": membership.lab.slug})
    file = Person.objects.visible_to(user).select_related("lab").filter(user=user).first()
    if file is not None:
        return reverse("privacy:resident_home", kwargs={"lab": file.lab.slug})
    return reverse("home:lab_list")
