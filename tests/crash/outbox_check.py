"""Run in a process of its own: compare what the post office took with what the database says that left, as JSON.

Usage: outbox_check.py TAKEN
"""

import json
import os
import sys
from collections import Counter
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ballatoio.config.settings")

import django

django.setup()

from ballatoio.base.audit.models import AuditEntry
from ballatoio.base.audit.services import verify_chains
from ballatoio.base.notices.carriers import message_id
from ballatoio.base.notices.models import Delivery

if __name__ == "__main__":
    taken = set(Path(sys.argv[1]).read_text().split())
    notices = list(Delivery.objects.all())
    acts = Counter(AuditEntry.objects.filter(verb="notice.send").values_list("object_id", flat=True))
    ids = {message_id(notice) for notice in notices}
    found = {
        "messages": len(notices),
        "lost": len(ids - taken),
        "not sent": sum(notice.state != Delivery.State.SENT for notice in notices),
        "under another id": len(taken - ids),
        "without exactly one act": sum(acts[str(notice.pk)] != 1 for notice in notices),
        "audit breaks": len(list(verify_chains())),
    }
    json.dump(found, sys.stdout)
