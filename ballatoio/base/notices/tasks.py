"""Background work of the outbox: thin, and safe to run twice."""

from ballatoio.base.jobs.models import DueWork

from .sending import send_due_notices


def send_due(work: DueWork) -> None:
    """Send whatever is due, over one connection for each channel."""
    send_due_notices()
