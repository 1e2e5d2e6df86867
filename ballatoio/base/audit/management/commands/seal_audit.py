"""`ballatoio seal-audit`."""

from typing import Any

from django.core.management.base import BaseCommand

from ballatoio.base.audit.services import seal_chains, seal_path


class Command(BaseCommand):
    """Seals now, without waiting for the worker."""

    help = "Scrive nel file dei sigilli, fuori dalla base di dati, la lunghezza e la fine di ogni catena del registro."

    def handle(self, *args: Any, **options: Any) -> None:
        """Seal, and say how many chains had grown."""
        self.stdout.write(f"{seal_chains()} catene sigillate in {seal_path()}.")
