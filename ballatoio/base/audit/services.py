"""Writing the record of acts and readings, and proving that nobody changed it."""

import hmac
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from ballatoio.base.core import keys

from .models import AuditEntry, ChainHead

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
    """Append the count and head of every chain to the seal file; give how many chains were sealed.

    Somebody who cuts the end of a chain in the database cannot cut it from here with the same hand.
    """
    heads = list(ChainHead.objects.order_by("chain"))
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
    return len(heads)


def _seal_mac(line: dict[str, Any]) -> str:
    text = f"{line['chain']}|{line['count']}|{line['mac']}|{line['at']}"
    return keys.mac("audit-seal", text.encode(), str(line["key_id"])).hex()


def verify_chains() -> Iterator[Break]:
    """Walk every chain from its first entry and give each place that does not hold: nothing means intact."""
    for head in ChainHead.objects.order_by("chain"):
        yield from _verify_chain(head)
    known = set(ChainHead.objects.values_list("chain", flat=True))
    chains = AuditEntry.objects.order_by("chain").values_list("chain", flat=True).distinct()
    for chain in set(chains) - known:
        yield Break(chain, 0, "entries without a head")
    yield from _verify_seals()


def _verify_chain(head: ChainHead) -> Iterator[Break]:
    previous, position = b"", 0
    for entry in AuditEntry.objects.filter(chain=head.chain).order_by("position").iterator(chunk_size=2000):
        position += 1
        if entry.position != position:
            yield Break(head.chain, position, "an entry is missing")
            return
        if not hmac.compare_digest(entry_mac(entry, previous), bytes(entry.mac)):
            yield Break(head.chain, position, "an entry was changed")
            return
        previous = bytes(entry.mac)
    if position != head.count or previous != bytes(head.mac):
        yield Break(head.chain, position, "the end of the chain was cut")


def _verify_seals() -> Iterator[Break]:
    if not seal_path().exists():
        return
    for number, text in enumerate(seal_path().read_text(encoding="utf-8").splitlines(), start=1):
        line = json.loads(text)
        chain, count = uuid.UUID(line["chain"]), int(line["count"])
        if not hmac.compare_digest(_seal_mac(line), line["seal"]):
            yield Break(chain, count, f"line {number} of the seal file was changed")
        elif count and not _stands(chain, count, bytes.fromhex(line["mac"])):
            yield Break(chain, count, "an entry that was sealed is no longer there")


def _stands(chain: uuid.UUID, position: int, entry_hmac: bytes) -> bool:
    return AuditEntry.objects.filter(chain=chain, position=position, mac=entry_hmac).exists()
