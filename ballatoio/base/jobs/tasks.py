"""Background housekeeping."""

from django.contrib.sessions.backends.db import SessionStore

from ballatoio.base.jobs import services


def clear_old_work(work: object) -> None:
    """Forget old drafts, sent forms, work that was done, and sessions that have ended."""
    services.clear_old_work()
    SessionStore.clear_expired()
