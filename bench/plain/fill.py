"""Makes the yardstick's tables and rows; prints the cookie of a signed-in user as JSON."""

import json
import os
import sys
import time

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.plain.settings")

import django

django.setup()

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.core.management import call_command

from .models import Row, Topic


def main() -> None:
    """Migrate, measure that, fill."""
    began = time.perf_counter()
    call_command("migrate", verbosity=0)
    migrated = time.perf_counter() - began
    topics = Topic.objects.bulk_create(Topic(name=f"Topic {number}") for number in range(20))
    user = User.objects.create_user("anna", password="x")
    Row.objects.bulk_create(
        (Row(title=f"Title {n}", text="words " * 40, topic=topics[n % 20], author=user) for n in range(10_000)),
        batch_size=500,
    )
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    first = Row.objects.order_by("pk").first()
    assert first is not None
    json.dump({"cookie": session.session_key, "migrate_s": migrated, "row": first.pk}, sys.stdout)


main()
