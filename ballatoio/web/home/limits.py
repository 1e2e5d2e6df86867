"""How often one source may send a public form: a machine must not fill the desk's day."""

from django.core.cache import cache
from django.http import HttpRequest

from ballatoio.base.accounts.http import source_of
from ballatoio.base.core import keys

# A whole stair behind one address may ask in an hour; a script asks more.
SENDINGS = 12
SECONDS = 60 * 60


def is_too_often(request: HttpRequest, form: str) -> bool:
    """Count one more sending of `form` from where the request comes; tell whether there were too many in an hour.

    The address itself is not kept, only its HMAC, and only for the hour.
    """
    counter = f"sent:{form}:{keys.mac('rate', source_of(request).encode()).hex()[:32]}"
    cache.add(counter, 0, SECONDS)
    return cache.incr(counter) > SENDINGS
