"""Run in a process of its own: an empty installation with one lab, four operators and their open sessions, as JSON."""

import json
import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ballatoio.config.settings")

import django

django.setup()

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.core.management import call_command

from ballatoio.base.accounts.middleware import NEW_SECOND_FACTOR
from ballatoio.base.accounts.models import Role, User
from tests.factories import make_lab, make_user


def open_session(user: User) -> str:
    """Give the cookie of a session that `user` opened with a second factor."""
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "allauth.account.auth_backends.AuthenticationBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session[NEW_SECOND_FACTOR] = True
    session.save()
    return session.session_key or ""


if __name__ == "__main__":
    call_command("migrate", verbosity=0)
    call_command("collectstatic", verbosity=0, interactive=False)
    lab = make_lab("mazzini")
    json.dump([open_session(make_user(f"Operator{number}", lab, Role.DESK)) for number in range(4)], sys.stdout)
