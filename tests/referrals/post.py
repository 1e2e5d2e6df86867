"""What the tests read from the outbox: the messages that wait, opened."""

import re
from typing import Any

from ballatoio.base.notices.models import Delivery
from ballatoio.base.vault.services import open_texts
from ballatoio.care.referrals.models import Referral


def messages_of(referral: Referral, kind: str = "") -> list[dict[str, Any]]:
    """Give the messages about a referral, the oldest first, with their texts."""
    found = Delivery.objects.filter(about_id=referral.pk).order_by("created_at", "pk")
    rows = found.filter(kind=kind) if kind else found
    return [{"kind": row.kind, "channel": row.channel, "state": row.state, **open_texts(row)} for row in rows]


def link_of(referral: Referral) -> str:
    """Give the code of the link in the last message to the service."""
    body = messages_of(referral, "referral.request")[-1]["body"]
    found = re.search(r"/invio/([0-9A-Z]+)/", body)
    assert found is not None
    return found[1]


def check_of(referral: Referral) -> str:
    """Give the last code of confirmation that was sent to the service."""
    found = re.search(r"([0-9A-Z]{5} [0-9A-Z]{5})", messages_of(referral, "referral.check")[-1]["subject"])
    assert found is not None
    return found[1]
