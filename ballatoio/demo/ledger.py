"""The audit rows of a whole demonstration year, written together and chained as if one by one."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any

from django.db import models

from ballatoio.base.accounts.models import User
from ballatoio.base.audit.models import AuditEntry, ChainHead
from ballatoio.base.audit.services import INSTALLATION, entry_mac
from ballatoio.base.core import keys

BATCH = 2000


@dataclass(frozen=True)
class Act:
    """One act or reading that happened at a moment of the past year."""

    at: datetime
    verb: str
    object_type: str
    object_id: str
    by: User | None
    chain: uuid.UUID
    subject_id: uuid.UUID | None
    detail: dict[str, Any]
    is_reading: bool


class Ledger:
    """Gathers acts in any order and writes them in the order of time."""

    def __init__(self) -> None:
        self.acts: list[Act] = []

    def note(
        self,
        at: datetime,
        verb: str,
        obj: models.Model,
        *,
        by: User | None,
        lab_id: uuid.UUID | None,
        subject_id: uuid.UUID | None = None,
        detail: dict[str, Any] | None = None,
        is_reading: bool = False,
    ) -> None:
        """Remember that `by` did (or read) something on `obj` at the moment `at`."""
        chain = lab_id or INSTALLATION
        label = obj._meta.label_lower
        self.acts.append(Act(at, verb, label, str(obj.pk), by, chain, subject_id, detail or {}, is_reading))

    def write(self) -> int:
        """Append everything to the chains, each entry tied to the one before; give how many entries were written."""
        key_id = keys.newest_key_id()
        heads = {head.chain: head for head in ChainHead.objects.select_for_update()}
        entries = []
        for act in sorted(self.acts, key=attrgetter("at")):
            head = heads.setdefault(act.chain, ChainHead(chain=act.chain, count=0, mac=b""))
            role, organisation_id = act.by.acting_as(act.chain) if act.by else ("", None)
            entry = AuditEntry(
                chain=act.chain,
                position=head.count + 1,
                at=act.at,
                actor_id=act.by.pk if act.by else None,
                actor_role=role,
                actor_organisation_id=organisation_id,
                verb=act.verb,
                is_reading=act.is_reading,
                object_type=act.object_type,
                object_id=act.object_id,
                subject_id=act.subject_id,
                detail=act.detail,
                key_id=key_id,
            )
            entry.mac = entry_mac(entry, bytes(head.mac))
            head.count, head.mac = entry.position, entry.mac
            entries.append(entry)
        AuditEntry.objects.bulk_create(entries, batch_size=BATCH)
        ChainHead.objects.bulk_create(
            heads.values(), update_conflicts=True, unique_fields=["chain"], update_fields=["count", "mac"]
        )
        self.acts.clear()
        return len(entries)
