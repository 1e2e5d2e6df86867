"""`ballatoio restore`."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError
from tqdm import tqdm

from ballatoio.base.vault.archive import ArchiveRefused, restore_archives
from ballatoio.base.vault.services import MasterKeyIsWrong, check_master_key


class Command(BaseCommand):
    """Puts a copy back into an empty database."""

    help = "Rimette una copia dei dati e delle chiavi in una base di dati vuota (dopo `ballatoio migrate`)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Ask for both archives."""
        parser.add_argument("data", type=Path, help="la copia dei dati: dati-….zip")
        parser.add_argument("--keys", type=Path, required=True, help="la copia delle chiavi: chiavi.zip")

    def handle(self, *args: Any, data: Path, keys: Path, **options: Any) -> None:
        """Restore all or nothing, and say what can no longer be read."""
        try:
            with tqdm(unit=" righe", delay=2, disable=None) as bar:
                lost = restore_archives(data, keys, bar.update)
            check_master_key()
        except (ArchiveRefused, MasterKeyIsWrong) as error:
            raise CommandError(str(error)) from error
        except IntegrityError as error:
            raise CommandError("La copia non è coerente: prova con una copia precedente.") from error
        self.stdout.write("Fatto.")
        if lost:
            self.stdout.write(f"{lost} testi erano stati cancellati dopo la copia: restano cancellati.")
