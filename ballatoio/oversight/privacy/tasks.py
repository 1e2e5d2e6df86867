"""Background work of privacy."""

from ballatoio.base.jobs.models import DueWork
from ballatoio.base.jobs.services import plan_work
from ballatoio.base.labs.models import Lab
from ballatoio.oversight.privacy import services


def erase_expired(work: DueWork) -> None:
    """Erase one batch of what each lab no longer keeps, and plan the next batch while something is left."""
    erased = sum(services.erase_expired(lab) for lab in Lab.objects.order_by("slug"))
    if erased:
        plan_work("privacy.erase", key=f"privacy.erase:after:{work.pk}")
