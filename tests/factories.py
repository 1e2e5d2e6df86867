"""Plain functions that build what tests are about: the least that the database accepts, the rest by name."""

from typing import Any

from django.test import Client

from ballatoio.base.accounts.middleware import DEMO_SECOND_FACTOR
from ballatoio.base.accounts.models import Membership, User
from ballatoio.base.labs.models import Lab


def make_lab(slug: str, **fields: Any) -> Lab:
    """Give the lab with this slug, made now if it is not there."""
    defaults = {"name": slug.title(), "city": "Milano", "address": "via di prova 1", "phone": "02 0000 0000"}
    lab, _ = Lab.objects.get_or_create(slug=slug, defaults=defaults | fields)
    return lab


def make_user(name: str, lab: Lab | None = None, role: str | None = None, **fields: Any) -> User:
    """Give a new user; with a role, a member of `lab` (of the whole installation when there is none)."""
    user = User.objects.create_user(f"{name.lower()}@example.org", name=name, **fields)
    if role:
        Membership.objects.create(user=user, lab=lab, role=role)
    return user


def sign_in(client: Client, user: User) -> Client:
    """Sign `user` in, second factor included."""
    client.force_login(user)
    session = client.session
    session[DEMO_SECOND_FACTOR] = True
    session.save()
    return client
