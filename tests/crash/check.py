"""Run in a process of its own: compare what was acknowledged with what the database holds, as JSON.

Usage: check.py LOG…
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
from ballatoio.base.jobs.models import SubmittedOnce
from ballatoio.base.vault.services import open_texts
from ballatoio.care.desk.models import Contact, Need

if __name__ == "__main__":
    acknowledged = [token for name in sys.argv[1:] for token in Path(name).read_text().split()]
    saved = dict(SubmittedOnce.objects.values_list("token", "result"))
    contacts = {str(pk) for pk in Contact.objects.values_list("pk", flat=True)}
    readable = sum(
        open_texts(contact)["words"].startswith("è passata") for contact in Contact.objects.select_related("data_key")
    )
    acts = Counter(AuditEntry.objects.filter(verb="contact.record").values_list("object_id", flat=True))
    found = {
        "acknowledged": len(acknowledged),
        "lost": sum(saved.get(token) not in contacts for token in acknowledged),
        "doubled": len(contacts) - len(set(saved.values())),
        "half": len(contacts) - Need.objects.values("contact").distinct().count(),
        "unreadable": len(contacts) - readable,
        "without act": len(contacts - set(acts)),
        "acts without contact": len(set(acts) - contacts),
        "audit breaks": len(list(verify_chains())),
    }
    json.dump(found, sys.stdout)
