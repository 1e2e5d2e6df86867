"""The demonstration, served for the browser tests on a morning when the desk is open.

    python -m tests.e2e.server PORT

Takes the data folder from BALLATOIO_DATA and fills it when it is empty. The clock of this process stands on
NOW when it starts, and runs on from there: «open now» and «due today» mean the same at any hour of any day.
"""

import os
import sys
import time
from datetime import UTC, datetime
from email.utils import formatdate
from pathlib import Path
from typing import Any

import django
import gunicorn.util
import time_machine
from django.core.management import call_command
from gunicorn.app.base import BaseApplication

# A Tuesday, twenty past ten on the wall of the city.
NOW = datetime(2026, 11, 17, 9, 20, tzinfo=UTC)
# Where in the data folder the moment stands at which the clock was on NOW; worker.py sets its own by it.
STARTED = "e2e-clock"


class Server(BaseApplication):  # type: ignore[misc]
    """Gunicorn as `ballatoio serve` runs it, with one process: two would want both processors of a small machine."""

    def __init__(self, port: int) -> None:
        self.port = port
        super().__init__()

    def load_config(self) -> None:
        settings: dict[str, Any] = {
            "bind": f"127.0.0.1:{self.port}",
            "worker_class": "gthread",
            "threads": 4,
            "preload_app": True,
            "control_socket_disable": True,
            "loglevel": "warning",
        }
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        from ballatoio.config.wsgi import application

        return application


def real_date(timestamp: float | None = None) -> str:
    """The Date header: the browser reckons the age of what it keeps by it, and its own clock has not moved."""
    return formatdate(timestamp or time_machine.escape_hatch.time.time(), usegmt=True)


def main(port: int) -> None:
    """Prepare the data, then serve until stopped."""
    started = time.time()
    with time_machine.travel(NOW, tick=True):
        gunicorn.util.http_date = real_date
        django.setup()
        call_command("migrate", verbosity=0)
        call_command("collectstatic", verbosity=0, interactive=False)
        call_command("seed_demo")
        (Path(os.environ["BALLATOIO_DATA"]) / STARTED).write_text(str(started))
        Server(port).run()


if __name__ == "__main__":
    main(int(sys.argv[1]))
