"""Background work of the outbox: thin, and safe to run twice."""

from ballatoio.base.jobs.models import DueWork
from ballatoio.base.jobs.services import keep_lease

from .sending import AT_ONCE, send_due_notices


def send_due(work: DueWork) -> None:
    """Send whatever is due, over one connection for each channel and batch."""
    send_due_notices(lambda sent: keep_lease(work, progress=sent, total=AT_ONCE))
