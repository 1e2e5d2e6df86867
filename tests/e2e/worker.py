"""The worker of the demonstration: does once what is due, by the clock of its server.

    python -m tests.e2e.worker

Takes the data folder from BALLATOIO_DATA, as tests.e2e.server does; that one left there when its clock began.
"""

import os
import time
from datetime import UTC, datetime
from pathlib import Path

import django
import time_machine
from django.core.management import call_command

from .server import NOW, STARTED


def main() -> None:
    """Do what waits."""
    started = float((Path(os.environ["BALLATOIO_DATA"]) / STARTED).read_text())
    now = datetime.fromtimestamp(NOW.timestamp() + time.time() - started, UTC)
    with time_machine.travel(now, tick=True):
        django.setup()
        call_command("worker", "--once")
        from ballatoio.base.notices.sending import send_due_notices

        # A worker that stays sends them within a minute; who has just run does not take the same minute up again.
        send_due_notices()


if __name__ == "__main__":
    main()
