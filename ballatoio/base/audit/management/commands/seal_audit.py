"""`ballatoio seal-audit`."""

from typing import Any

from django.core.management.base import BaseCommand

from ballatoio.base.audit.services import seal_chains, seal_path


class Command(BaseCommand):
    """Seals now, without waiting for the worker."""

    help = "Write the count and the head of each chain of the audit to the seal file, outside the database."

    def handle(self, *args: Any, **options: Any) -> None:
        """Seal, and say how many chains had grown."""
        self.stdout.write(f"{seal_chains()} chains sealed in {seal_path()}.")
