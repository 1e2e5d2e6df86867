"""`ballatoio worker`."""

import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db import close_old_connections

from ballatoio.base.jobs.services import do_next_work, plan_periodic_work
from ballatoio.base.vault.services import check_master_key

SECONDS_BETWEEN_LOOKS = 2
LOOKS_BETWEEN_PLANS = 15


class Command(BaseCommand):
    """The process that does what is due."""

    help = "Fa i lavori in attesa e ne cerca altri. Con SIGTERM o Ctrl-C finisce quello che sta facendo, poi si ferma."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Ask whether to stay."""
        parser.add_argument("--once", action="store_true", help="fa i lavori che aspettano adesso, poi si ferma")

    def handle(self, *args: Any, **options: Any) -> None:
        """Work until told to stop; several workers may run side by side."""
        check_master_key()
        stop = threading.Event()
        if threading.current_thread() is threading.main_thread() and not options["once"]:
            for signum in (signal.SIGTERM, signal.SIGINT):
                signal.signal(signum, lambda _signum, _frame: stop.set())
        looks = 0
        while not stop.is_set():
            if looks % LOOKS_BETWEEN_PLANS == 0:
                plan_periodic_work()
            looks += 1
            while not stop.is_set() and do_next_work():
                pass
            if options["once"]:
                return
            close_old_connections()
            stop.wait(SECONDS_BETWEEN_LOOKS)
