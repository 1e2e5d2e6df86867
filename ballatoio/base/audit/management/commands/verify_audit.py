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
        "Prove that nobody changed, removed or added an entry of the audit."
        " Exit code: 0 intact, 1 broken, 2 it could not be verified."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Ask nothing but how much to show."""
        parser.add_argument("--no-progress", action="store_true", help="show no progress bar")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write one sentence for each break; raise CommandError when there is one."""
        total, broken = count_entries(), 0
        with tqdm(total=total, unit=" entries", delay=2, disable=options["no_progress"] or None) as bar:
            try:
                for place in verify_chains(bar.update):
                    broken += 1
                    bar.write(f"Chain {place.chain}, entry {place.position}: {place.reason}.")
            except ImproperlyConfigured as error:
                raise CommandError(
                    f"The audit cannot be verified: {error} Keep retired keys there, after the newest.", returncode=2
                ) from None
        if broken:
            raise CommandError(
                f"The audit is broken in {broken} places: keep the database as it is and compare it with a backup."
            )
        self.stdout.write(f"The audit is intact: {total} entries.")
