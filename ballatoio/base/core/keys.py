"""The installation's master keys, and the keys derived from them for one purpose each."""

import base64
import binascii
import hashlib
import hmac
from functools import lru_cache

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

KEY_BYTES = 32


@lru_cache(maxsize=4)
def _parse(text: str) -> dict[str, bytes]:
    ring: dict[str, bytes] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        key_id, _, encoded = part.partition(":")
        try:
            key = base64.urlsafe_b64decode(encoded)
        except (binascii.Error, ValueError):
            key = b""
        if not key_id or len(key) != KEY_BYTES:
            raise ImproperlyConfigured(
                "BALLATOIO_MASTER_KEY must be `name:key`, where key is 32 random bytes in URL-safe base64;"
                " several are separated by commas, the newest first."
            )
        ring[key_id] = key
    if not ring:
        raise ImproperlyConfigured("No master key: set BALLATOIO_MASTER_KEY (see docs/operations.md).")
    return ring


def master_keys() -> dict[str, bytes]:
    """Give the master keys by id, newest first; raise ImproperlyConfigured when there is none."""
    return _parse(settings.MASTER_KEY)


def newest_key_id() -> str:
    """Give the id of the key that new records are written with."""
    return next(iter(master_keys()))


@lru_cache(maxsize=64)
def _derive(master: bytes, purpose: str) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=KEY_BYTES, salt=None, info=purpose.encode()).derive(master)


def derived_key(purpose: str, key_id: str) -> bytes:
    """Give the 32-byte key for `purpose` under master key `key_id` (HKDF, RFC 5869).

    Raise ImproperlyConfigured when the installation no longer has that master key.
    """
    try:
        return _derive(master_keys()[key_id], purpose)
    except KeyError:
        raise ImproperlyConfigured(f"The master key «{key_id}» is missing from BALLATOIO_MASTER_KEY.") from None


def mac(purpose: str, message: bytes, key_id: str | None = None) -> bytes:
    """Give the HMAC-SHA256 (RFC 2104) of `message` under the key for `purpose`."""
    return hmac.new(derived_key(purpose, key_id or newest_key_id()), message, hashlib.sha256).digest()
