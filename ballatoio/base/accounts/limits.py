"""How often one source may send a public form: a machine must not fill the desk's day."""

import time

from django.core.cache import cache
from django.http import HttpRequest

from ballatoio.base.core import keys

from .http import source_of

# A whole stair behind one address may ask in an hour; a script asks more.
SENDINGS = 12
SECONDS = 60 * 60


def is_too_often(request: HttpRequest, form: str) -> bool:
    """Count one more sending of `form` from where the request comes; tell whether there were too many in an hour.

    The hour begins with the first. Set anew, not incremented: the file cache forgets the timeout of a counter that it
    increments, and may have thrown it away in between.

    The address itself is not kept, only its HMAC, and only for the hour.
    """
    counter = f"sent:{form}:{keys.mac('rate', source_of(request).encode()).hex()[:32]}"
    now = time.time()
    sent, ends_at = cache.get(counter, (0, now + SECONDS))
    cache.set(counter, (sent + 1, ends_at), ends_at - now)
    return bool(sent >= SENDINGS)
