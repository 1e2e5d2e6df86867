"""Copies of an installation: one archive with the data, another with the keys of its confidential texts.

The keys are never beside the texts, and each copy of the keys takes the place of the one before: a key that was
destroyed is soon in no copy at all, and with it the text that it opened in every copy of the data.
"""

import io
import json
import os
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, time
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core import serializers
from django.core.management.color import no_style
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, models, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Exists, OuterRef
from django.utils import timezone

from ballatoio import __version__
from ballatoio.base.vault.models import DataKey, SealedRecord

KEYS_NAME = "chiavi.zip"
# Sessions are not carried over: everybody signs in again. The rest is written by `migrate`.
LEFT_OUT = {"sessions.session", "contenttypes.contenttype", "auth.permission", "reporting.touchedday"}
SEALS = "audit-seals.jsonl"
BATCH = 500

Progress = Callable[[int], object]


class ExactTimes(DjangoJSONEncoder):
    """Writes times to the microsecond: Django's own stops at the millisecond, and the audit's seals would break."""

    def default(self, o: Any) -> Any:
        """Give what JSON can hold in the place of `o`."""
        return o.isoformat() if isinstance(o, datetime | time) else super().default(o)


class ArchiveRefused(Exception):
    """The archive cannot be restored here; the text says why and what to do."""


def models_with_data() -> list[type[models.Model]]:
    """Give the models that the data archive holds: all but the keys and what makes itself again."""
    return [
        model
        for model in apps.get_models()
        if model._meta.managed
        and not model._meta.proxy
        and model is not DataKey
        and model._meta.label_lower not in LEFT_OUT
    ]


def write_archives(folder: Path, progress: Progress) -> tuple[Path, Path]:
    """Write the data into a new archive in `folder` and the keys over those of the last time; give both paths.

    Both are taken from one moment, while others go on writing. Raise OSError when the folder cannot hold them: the
    archives that were there before are still whole then.
    """
    folder.mkdir(parents=True, exist_ok=True)
    data = folder / f"dati-{timezone.localtime():%Y%m%d-%H%M%S}.zip"
    keys = folder / KEYS_NAME
    with snapshot():
        with new_archive(data) as archive:
            for model in models_with_data():
                write_rows(archive, model, progress)
            seals = Path(settings.DATA_DIR) / SEALS
            if seals.exists():
                archive.write(seals, SEALS)
        with new_archive(keys) as archive:
            write_rows(archive, DataKey, progress)
    return data, keys


@contextmanager
def snapshot() -> Iterator[None]:
    """Let all that is read inside come from one moment, without stopping whoever writes."""
    if connection.vendor == "sqlite":
        # transaction.atomic() would take SQLite's only write lock (transaction_mode IMMEDIATE).
        connection.ensure_connection()
        connection.connection.execute("BEGIN DEFERRED")
        try:
            yield
        finally:
            connection.connection.execute("ROLLBACK")
    else:
        with transaction.atomic(durable=True):
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield


@contextmanager
def new_archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """Give an archive that takes its name only when it is whole and on the disk, readable by its owner alone."""
    partial = path.with_suffix(".partial")
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
                manifest = {"version": __version__, "migrations": applied_migrations()}
                archive.writestr("manifest.json", json.dumps(manifest))
                yield archive
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def applied_migrations() -> list[str]:
    """Give the name of every migration that the database has been through."""
    return sorted(".".join(key) for key in MigrationRecorder(connection).applied_migrations())


def write_rows(archive: zipfile.ZipFile, model: type[models.Model], progress: Progress) -> None:
    """Write every row of `model` as one line of JSON."""
    rows = model._base_manager.order_by("pk").iterator(chunk_size=BATCH)
    with archive.open(f"{model._meta.label_lower}.jsonl", "w", force_zip64=True) as file:
        text = io.TextIOWrapper(file, "utf-8")
        serializers.serialize("jsonl", counted(rows, progress), stream=text, cls=ExactTimes)
        text.flush()
        text.detach()


def counted(rows: Iterable[models.Model], progress: Progress) -> Iterator[models.Model]:
    """Give the rows on, telling `progress` of each."""
    for row in rows:
        progress(1)
        yield row


def restore_archives(data: Path, keys: Path, progress: Progress) -> int:
    """Put both archives into the empty database, all or nothing; give how many texts have lost their key since.

    Raise ArchiveRefused when a file is no archive of ours, is of another version, or the database is not empty.
    """
    try:
        with zipfile.ZipFile(data) as data_archive, zipfile.ZipFile(keys) as key_archive, transaction.atomic():
            check_version(data_archive)
            empty_tables()
            read_rows(key_archive, DataKey, progress)
            for model in models_with_data():
                read_rows(data_archive, model, progress)
            lost = forget_lost_keys()
            connection.check_constraints()
            reset_sequences()
            restore_seals(data_archive)
    except (zipfile.BadZipFile, KeyError, serializers.base.DeserializationError) as error:
        raise ArchiveRefused(f"Il file non è una copia intera ({error}): prova con una copia precedente.") from error
    return lost


def check_version(archive: zipfile.ZipFile) -> None:
    """Raise ArchiveRefused unless the archive has the shape of this database."""
    manifest = json.loads(archive.read("manifest.json"))
    if manifest["migrations"] != applied_migrations():
        raise ArchiveRefused(
            f"La copia è della versione {manifest['version']} e ha un’altra forma: rimettila con quella versione, "
            "poi aggiorna con `ballatoio migrate`."
        )


def empty_tables() -> None:
    """Take away what migrations wrote; raise ArchiveRefused when somebody has already worked here."""
    used = [m for m in ("labs.Lab", "accounts.User") if apps.get_model(m)._base_manager.exists()]
    if used:
        raise ArchiveRefused("La base di dati non è vuota: fanne una nuova, `ballatoio migrate`, e riprova.")
    for model in [*models_with_data(), DataKey]:
        model._base_manager.all()._raw_delete(using="default")  # type: ignore[attr-defined]


def read_rows(archive: zipfile.ZipFile, model: type[models.Model], progress: Progress) -> None:
    """Insert every row of `model` as it was; foreign keys are checked at the end."""
    batch: list[models.Model] = []
    links: list[Any] = []
    with archive.open(f"{model._meta.label_lower}.jsonl") as file:
        for row in serializers.deserialize("jsonl", io.TextIOWrapper(file, "utf-8")):
            batch.append(row.object)
            if row.m2m_data:
                links.append(row)
            if len(batch) == BATCH:
                model._base_manager.bulk_create(batch)
                progress(len(batch))
                batch = []
    model._base_manager.bulk_create(batch)
    progress(len(batch))
    for row in links:
        for accessor, others in row.m2m_data.items():
            getattr(row.object, accessor).set(others)


def forget_lost_keys() -> int:
    """Unlink every text whose key was destroyed after the data was copied; give how many."""
    lost = 0
    for model in models_with_data():
        if issubclass(model, SealedRecord):
            has_key = Exists(DataKey.objects.filter(pk=OuterRef("data_key_id")))
            lost += model._base_manager.filter(~has_key, data_key_id__isnull=False).update(data_key=None)
    return lost


def reset_sequences() -> None:
    """Let automatic ids go on after the highest one restored."""
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), models_with_data()):
            cursor.execute(statement)


def restore_seals(archive: zipfile.ZipFile) -> None:
    """Put back the seals of the audit, unless this installation has some already."""
    seals = Path(settings.DATA_DIR) / SEALS
    if SEALS in archive.namelist() and not seals.exists():
        seals.parent.mkdir(parents=True, exist_ok=True)
        seals.write_bytes(archive.read(SEALS))
