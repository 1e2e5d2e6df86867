"""`ballatoio bench`."""

import subprocess
import sys
from argparse import REMAINDER, ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    """Hands over to the measures, which live beside the package and not in it: they need a whole checkout."""

    help = "Misura le prestazioni e scrive docs/performance.md; le opzioni sono quelle di `make bench BENCH=…`."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take whatever the measures take."""
        parser.add_argument("options", nargs=REMAINDER, help="per esempio --quick")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run them; raise CommandError when this is an installed package."""
        checkout = Path(__file__).resolve().parents[5]
        if not (checkout / "bench" / "__main__.py").exists():
            raise CommandError("Le misure si fanno dalla copia del codice sorgente: lì scrivi `make bench`.")
        command = [sys.executable, "-m", "bench", *options["options"]]
        if code := subprocess.run(command, cwd=checkout, check=False).returncode:  # noqa: S603
            raise CommandError("Qualche limite non è rispettato: la tabella dice quale.", returncode=code)
