"""Background work of appointments: thin, and safe to run twice."""

from ballatoio.base.jobs.models import DueWork
from ballatoio.base.labs.models import Lab

from .models import Rota, Slot
from .slot_services import refresh_slots
from .waiting_services import expire_offers


def refresh_all_slots(work: DueWork) -> None:
    """Open the times of the weeks ahead, and close those that the hours no longer have."""
    labs = set(Rota.objects.order_by().values_list("lab", flat=True)) | set(
        Slot.objects.order_by().values_list("lab", flat=True).distinct()
    )
    for lab in Lab.objects.filter(pk__in=labs).order_by("pk"):
        refresh_slots(lab, by=None)


def expire_all_offers(work: DueWork) -> None:
    """Let go of the times whose holders did not answer: whatever is due, not what falls into this turn."""
    for lab in Lab.objects.order_by("pk"):
        expire_offers(lab)
