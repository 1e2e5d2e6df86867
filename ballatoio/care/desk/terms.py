"""The needs taxonomy as the desk uses it at every request: kept in the process for a while."""

from threading import Lock
from time import monotonic

from django.conf import settings

from ballatoio.base.directory.models import NeedTerm

_lock = Lock()
_kept: tuple[float, tuple[NeedTerm, ...]] | None = None


def active_terms() -> tuple[NeedTerm, ...]:
    """Give the terms in use, in their order, as they stood at most `settings.NEED_TERMS_KEPT` seconds ago.

    They change a few times a year, and every list and every save needs them all. A term that was withdrawn meanwhile
    is still a valid one: terms are switched off, not deleted, once a need has them.
    """
    global _kept
    kept = _kept
    if kept is None or monotonic() >= kept[0]:
        with _lock:
            terms = tuple(NeedTerm.objects.filter(is_active=True).order_by("position", "name"))
            kept = _kept = (monotonic() + settings.NEED_TERMS_KEPT, terms)
    return kept[1]
