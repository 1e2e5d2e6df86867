"""The part of services.py that erases records for good: with all that hangs on them, and every key of it."""

import uuid
from collections.abc import Iterable

from django.db import models, router, transaction
from django.db.models.deletion import Collector

from .models import SealedRecord
from .services import forget_keys

BATCH = 500


@transaction.atomic(savepoint=False)
def erase_with_keys(records: "models.QuerySet[models.Model]") -> dict[str, int]:
    """Delete records and what the database deletes with them, destroy the keys of all that was sealed among it.

    The caller records the act. Give how many records of each model went. Raise ProtectedError or RestrictedError,
    with nothing erased, when something else must not lose them.
    """
    collector = Collector(using=router.db_for_write(records.model), origin=records)
    collector.collect(records)
    key_ids = [key_id for rows in _all_rows(collector) for key_id in rows if key_id]
    _total, by_model = collector.delete()
    forget_keys(key_ids)
    return by_model


def _all_rows(collector: Collector) -> "Iterable[list[uuid.UUID | None]]":
    """Give the key ids of the sealed records that a collector holds, read before they go."""
    for model, instances in collector.data.items():
        if issubclass(model, SealedRecord):
            # A collector loads no more of what hangs on a record than its id: asking each for its key is a query each.
            yield from _key_ids(model, [instance.pk for instance in instances])
    for rows in collector.fast_deletes:
        if issubclass(rows.model, SealedRecord):
            yield list(rows.order_by().values_list("data_key_id", flat=True))


def _key_ids(model: type[SealedRecord], ids: list[uuid.UUID]) -> "Iterable[list[uuid.UUID | None]]":
    for start in range(0, len(ids), BATCH):
        rows = model._base_manager.filter(pk__in=ids[start : start + BATCH])
        yield list(rows.values_list("data_key_id", flat=True))
