"""The encryption envelope: sealing the texts of a record, opening them, destroying them, changing master key."""

import json
import os
import uuid
from collections.abc import Iterable, Iterator

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db import transaction

from ballatoio.base.audit.services import Actor, record_act
from ballatoio.base.core import keys
from ballatoio.base.core.ids import random_id

from .models import DataKey, SealedRecord

NONCE_BYTES = 12


class TextIsGone(Exception):
    """The key of this record was destroyed: its text cannot be read by anybody any more."""


class TextWasTampered(Exception):
    """The sealed text is not the one that was written here: somebody changed it or moved it from another record."""


class MasterKeyIsWrong(Exception):
    """The master key in the settings does not open the records of this installation."""


def _encrypt(key: bytes, plain: bytes, bound_to: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, bound_to)


def _decrypt(key: bytes, sealed: bytes, bound_to: bytes) -> bytes:
    return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound_to)


def _wrap(data_key: DataKey, secret: bytes) -> None:
    data_key.key_id = keys.newest_key_id()
    data_key.wrapped = _encrypt(keys.derived_key("wrap", data_key.key_id), secret, data_key.pk.bytes)


def _unwrap(data_key: DataKey) -> bytes:
    try:
        return _decrypt(keys.derived_key("wrap", data_key.key_id), bytes(data_key.wrapped), data_key.pk.bytes)
    except InvalidTag:
        raise MasterKeyIsWrong(
            "La chiave in BALLATOIO_MASTER_KEY non apre i dati di questa installazione: rimetti la chiave giusta."
        ) from None


def seal_texts(records: Iterable[tuple[SealedRecord, dict[str, str]]]) -> None:
    """Seal the texts of several new records (AES-256-GCM, NIST SP 800-38D); the caller saves the records afterwards.

    Each record gets a data key of its own; a record without any text gets none.
    Texts are bound to their record: moved to another one, they do not open.
    """
    new_keys = []
    for record, texts in records:
        kept = {name: text for name, text in texts.items() if text}
        if not kept:
            continue
        secret = AESGCM.generate_key(bit_length=256)
        data_key = DataKey(pk=random_id())
        _wrap(data_key, secret)
        new_keys.append(data_key)
        record.data_key = data_key
        record.sealed = _encrypt(secret, json.dumps(kept).encode(), _binding(record))
    DataKey.objects.bulk_create(new_keys)


def reseal_texts(record: SealedRecord, texts: dict[str, str]) -> None:
    """Replace the texts of a record under its own key (a new one when it has none); the caller saves the record."""
    if record.data_key_id is None:
        seal_texts([(record, texts)])
        return
    kept = {name: text for name, text in texts.items() if text}
    record.sealed = _encrypt(_secret_of(record), json.dumps(kept).encode(), _binding(record))


def open_texts(record: SealedRecord) -> dict[str, str]:
    """Give the texts of a record by name. Whoever calls this for a person records the reading in the audit.

    Raise TextIsGone when the record had texts and its key was destroyed, MasterKeyIsWrong on a wrong master key,
    TextWasTampered when the sealed text is not the one that was written in this record.
    """
    if not record.sealed:
        return {}
    secret = _secret_of(record)
    try:
        texts: dict[str, str] = json.loads(_decrypt(secret, bytes(record.sealed), _binding(record)))
    except InvalidTag:
        raise TextWasTampered from None
    return texts


def _secret_of(record: SealedRecord) -> bytes:
    try:
        data_key = record.data_key
    except DataKey.DoesNotExist:
        data_key = None
    if data_key is None:
        raise TextIsGone
    return _unwrap(data_key)


def _binding(record: SealedRecord) -> bytes:
    return f"{record._meta.label_lower}:{record.pk}".encode()


@transaction.atomic
def destroy_key(record: SealedRecord, *, by: Actor | None, lab_id: object) -> None:
    """Make the texts of a record unreadable for good by destroying its key; doing it twice changes nothing."""
    if record.data_key_id is None or not forget_keys([record.data_key_id]):
        return
    record_act("vault.destroy_key", record, by=by, lab_id=lab_id)  # type: ignore[arg-type]


def rotate_master_key(batch: int = 500) -> Iterator[int]:
    """Lock every data key again with the newest master key; give after each batch how many are done.

    The texts themselves are not touched, and it may be stopped and started again at any moment.
    """
    done = 0
    while True:
        with transaction.atomic():
            old = list(DataKey.objects.select_for_update().exclude(key_id=keys.newest_key_id()).order_by("pk")[:batch])
            for data_key in old:
                _wrap(data_key, _unwrap(data_key))
            DataKey.objects.bulk_update(old, ["key_id", "wrapped"])
        if not old:
            return
        done += len(old)
        yield done


def forget_keys(key_ids: Iterable[uuid.UUID]) -> int:
    """Destroy data keys by their ids, for a caller that erases their records and records the act; give how many."""
    destroyed, _ = DataKey.objects.filter(pk__in=list(key_ids)).delete()
    return destroyed


def check_master_key() -> None:
    """Try the master keys on one data key locked with each.

    Raise MasterKeyIsWrong when one does not open its sample, ImproperlyConfigured when one is missing: the
    installation must not start, or it would write records that the next start cannot read.
    """
    keys.master_keys()
    # One look into the index for each master key ever used, however many the records.
    sample = DataKey.objects.order_by("key_id").first()
    while sample:
        _unwrap(sample)
        sample = DataKey.objects.filter(key_id__gt=sample.key_id).order_by("key_id").first()
