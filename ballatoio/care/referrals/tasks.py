"""Background work of referrals: thin, and safe to run twice."""

from ballatoio.base.jobs.models import DueWork
from ballatoio.base.jobs.services import keep_lease
from ballatoio.base.labs.models import Lab

from .due import keep_time


def keep_time_of_all(work: DueWork) -> None:
    """Remind services and end silences in every lab."""

    def note(done: int) -> None:
        keep_lease(work, progress=work.progress + done, total=0)

    for lab in Lab.objects.order_by("pk"):
        keep_time(lab, note)
