"""`ballatoio verify-audit`."""

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from ballatoio.base.audit.services import count_entries, verify_chains


class Command(BaseCommand):
    """Walks every chain of the audit."""

    help = (
        "Controlla che nessuno abbia cambiato, tolto o aggiunto righe al registro degli atti."
        " Uscita: 0 intatto, 1 rotto, 2 non si può controllare."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Ask nothing but how much to show."""
        parser.add_argument("--no-progress", action="store_true", help="non mostrare la barra")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write one sentence for each break; raise CommandError when there is one."""
        total, broken = count_entries(), 0
        with tqdm(total=total, unit=" righe", delay=2, disable=options["no_progress"] or None) as bar:
            try:
                for place in verify_chains(bar.update):
                    broken += 1
                    bar.write(f"Catena {place.chain}, riga {place.position}: {place.reason}.")
            except ImproperlyConfigured as error:
                raise CommandError(
                    f"Il registro non si può controllare: {error} Lascia lì anche le chiavi vecchie.",
                    returncode=2,
                ) from None
        if broken:
            raise CommandError(
                f"Il registro è rotto in {broken} punti: lascia la base di dati com’è e confrontala con una copia."
            )
        self.stdout.write(f"Il registro è intatto: {total} righe.")
