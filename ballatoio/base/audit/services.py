"""Writing the record of acts and readings, and proving that nobody changed it."""

import hmac
import json
import logging
import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from ballatoio.base.core import keys

from .models import AuditEntry, ChainHead

logger = logging.getLogger(__name__)

# Acts that belong to no lab (a new lab, a system setting) have a chain of their own.
INSTALLATION = uuid.UUID(int=0)


class Actor(Protocol):
    """Who acts: a user, who knows the role and the organisation that they act for in a lab."""

    pk: Any

    def acting_as(self, lab_id: uuid.UUID) -> tuple[str, uuid.UUID | None]: ...


@dataclass(frozen=True)
class Break:
    """A place where a chain does not hold, in words for whoever runs the installation."""

    chain: uuid.UUID
    position: int
    reason: str


@dataclass(frozen=True)
class Seal:
    """How long a chain was, and how it ended, when it was sealed outside the database."""

    chain: uuid.UUID
    count: int
    mac: bytes


def record_act(
    verb: str,
    obj: models.Model,
    *,
    by: Actor | None,
    lab_id: uuid.UUID | None,
    subject_id: uuid.UUID | None = None,
    detail: dict[str, Any] | None = None,
) -> AuditEntry:
    """Append the act `verb` ("contact.record") on `obj` to the chain of its lab, in the caller's transaction.

    `by` is None for the public and for the program itself; `subject_id` is the person whom it is about;
    `detail` holds codes and numbers, never personal text.
    """
    return _append(verb, obj, by=by, lab_id=lab_id, subject_id=subject_id, detail=detail, is_reading=False)


def record_reading(
    verb: str,
    obj: models.Model,
    *,
    by: Actor,
    lab_id: uuid.UUID,
    subject_id: uuid.UUID | None = None,
    detail: dict[str, Any] | None = None,
) -> AuditEntry:
    """Append a reading of the confidential `obj`, in the same transaction as the reading itself."""
    return _append(verb, obj, by=by, lab_id=lab_id, subject_id=subject_id, detail=detail, is_reading=True)


@transaction.atomic(savepoint=False)
def _append(
    verb: str,
    obj: models.Model,
    *,
    by: Actor | None,
    lab_id: uuid.UUID | None,
    subject_id: uuid.UUID | None,
    detail: dict[str, Any] | None,
    is_reading: bool,
) -> AuditEntry:
    chain = lab_id or INSTALLATION
    role, organisation_id = by.acting_as(chain) if by else ("", None)
    head = ChainHead.objects.select_for_update().filter(chain=chain).first()
    if head is None:
        ChainHead.objects.get_or_create(chain=chain)
        head = ChainHead.objects.select_for_update().get(chain=chain)
    entry = AuditEntry(
        chain=chain,
        position=head.count + 1,
        at=timezone.now(),
        actor_id=by.pk if by else None,
        actor_role=role,
        actor_organisation_id=organisation_id,
        verb=verb,
        is_reading=is_reading,
        object_type=obj._meta.label_lower,
        object_id=str(obj.pk),
        subject_id=subject_id,
        detail=detail or {},
        key_id=keys.newest_key_id(),
    )
    entry.mac = entry_mac(entry, bytes(head.mac))
    entry.save(force_insert=True)
    ChainHead.objects.filter(chain=chain).update(count=entry.position, mac=entry.mac)
    return entry


def entry_mac(entry: AuditEntry, previous: bytes) -> bytes:
    """Give the HMAC that ties `entry` to the one before it, whose mac is `previous` (b"" for the first)."""
    text = json.dumps(
        [
            str(entry.chain),
            entry.position,
            entry.at.astimezone(UTC).isoformat(),
            str(entry.actor_id),
            entry.actor_role,
            str(entry.actor_organisation_id),
            entry.verb,
            entry.is_reading,
            entry.object_type,
            entry.object_id,
            str(entry.subject_id),
            entry.detail,
        ],
        sort_keys=True,
        ensure_ascii=False,
    )
    return keys.mac("audit", previous + text.encode(), entry.key_id)


def seal_path() -> Path:
    """Give the file, outside the database, to which the count and the head of each chain are appended."""
    return Path(settings.DATA_DIR) / "audit-seals.jsonl"


def seal_chains() -> int:
    """Append the count and head of every chain that grew since its last seal; give how many were sealed.

    Somebody who cuts the end of a chain in the database cannot cut it from here with the same hand. Each line is
    also logged, so that whoever collects the logs elsewhere holds a third copy.
    """
    sealed = {line.chain: line.count for _, line in _read_seals() if line is not None}
    heads = [head for head in ChainHead.objects.order_by("chain") if head.count > sealed.get(head.chain, 0)]
    if not heads:
        return 0
    seal_path().parent.mkdir(parents=True, exist_ok=True)
    with seal_path().open("a", encoding="utf-8") as file:
        for head in heads:
            line = {
                "chain": str(head.chain),
                "count": head.count,
                "mac": bytes(head.mac).hex(),
                "at": datetime.now(UTC).isoformat(timespec="seconds"),
                "key_id": keys.newest_key_id(),
            }
            line["seal"] = _seal_mac(line)
            file.write(json.dumps(line) + "\n")
            logger.info("audit seal %s", json.dumps(line))
        file.flush()
        os.fsync(file.fileno())
    return len(heads)


def _seal_mac(line: dict[str, Any]) -> str:
    text = f"{line['chain']}|{line['count']}|{line['mac']}|{line['at']}"
    return keys.mac("audit-seal", text.encode(), str(line["key_id"])).hex()


def _read_seals() -> Iterator[tuple[int, "Seal | None"]]:
    """Give each line of the seal file with its number; None for a line that is not as it was written."""
    if not seal_path().exists():
        return
    with seal_path().open(encoding="utf-8", errors="replace") as file:
        for number, text in enumerate(file, start=1):
            try:
                line = json.loads(text)
                if not hmac.compare_digest(_seal_mac(line), line["seal"]):
                    raise ValueError
                yield number, Seal(uuid.UUID(line["chain"]), int(line["count"]), bytes.fromhex(line["mac"]))
            except (ValueError, KeyError, TypeError):
                yield number, None


def count_entries() -> int:
    """Give how many entries there are to verify, as the heads of the chains have it."""
    return int(ChainHead.objects.aggregate(models.Sum("count"))["count__sum"] or 0)


def verify_chains(on_progress: Callable[[int], object] = int) -> Iterator[Break]:
    """Walk every chain from its first entry and give each place that does not hold: nothing means intact.

    `on_progress` is told of every thousand entries walked. Entries that arrive meanwhile are left for the next time.
    """
    seals: dict[uuid.UUID, dict[int, bytes]] = {}
    for number, seal in _read_seals():
        if seal is None:
            yield Break(INSTALLATION, 0, f"la riga {number} del file dei sigilli è stata cambiata")
        else:
            seals.setdefault(seal.chain, {})[seal.count] = seal.mac
    known = set()
    for head in ChainHead.objects.order_by("chain"):
        known.add(head.chain)
        yield from _verify_chain(head, seals.pop(head.chain, {}), on_progress)
    entries = AuditEntry.objects.exclude(chain__in=known).order_by("chain")
    for chain in entries.values_list("chain", flat=True).distinct():
        yield Break(chain, 0, "ci sono righe senza la testa della catena")
    for chain, missing in seals.items():
        yield Break(chain, max(missing), "l’intera catena non c’è più")


def _verify_chain(head: ChainHead, seals: dict[int, bytes], on_progress: Callable[[int], object]) -> Iterator[Break]:
    previous, position = b"", 0
    entries = AuditEntry.objects.filter(chain=head.chain, position__lte=head.count).order_by("position")
    for entry in entries.iterator(chunk_size=2000):
        position += 1
        if entry.position != position:
            yield Break(head.chain, position, "manca una riga")
            return
        if not hmac.compare_digest(entry_mac(entry, previous), bytes(entry.mac)):
            yield Break(head.chain, position, "una riga è stata cambiata")
            return
        previous = bytes(entry.mac)
        if seals.pop(position, previous) != previous:
            yield Break(head.chain, position, "la riga non è quella del sigillo")
        if position % 1000 == 0:
            on_progress(1000)
    on_progress(position % 1000)
    if position != head.count or previous != bytes(head.mac):
        yield Break(head.chain, position, "la fine della catena è stata tagliata")
    elif seals:
        yield Break(head.chain, max(seals), "una riga già sigillata non c’è più")
    present_count = ChainHead.objects.filter(chain=models.OuterRef("chain")).values("count")
    if AuditEntry.objects.filter(chain=head.chain, position__gt=models.Subquery(present_count)).exists():
        yield Break(head.chain, head.count + 1, "ci sono righe dopo la fine della catena")
