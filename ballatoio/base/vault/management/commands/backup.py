"""`ballatoio backup`."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from tqdm import tqdm

from ballatoio.base.vault.archive import write_archives


class Command(BaseCommand):
    """Copies the data into a new archive, and the keys over those of the last time."""

    help = (
        "Scrive in FOLDER una nuova copia dei dati e, a parte, quella delle chiavi, che prende il posto della "
        "precedente. Tieni le chiavi in un altro luogo: senza di loro i testi riservati non si leggono."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Ask where to."""
        parser.add_argument("folder", type=Path, help="cartella in cui scrivere")

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        """Write both archives and name them."""
        with tqdm(unit=" righe", delay=2, disable=None) as bar:
            data, keys = write_archives(folder, bar.update)
        self.stdout.write(f"Dati: {data}\nChiavi: {keys}")
