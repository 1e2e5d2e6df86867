"""`ballatoio retry-work`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from ballatoio.base.jobs.models import DueWork
from ballatoio.base.jobs.services import retry_dead_work


class Command(BaseCommand):
    """Shows the work that failed too often, and puts it back when asked."""

    help = "Elenca i lavori che non sono riusciti otto volte; con --apply il worker li riprova subito."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Ask whether it is meant."""
        parser.add_argument("--apply", action="store_true", help="li rimette in attesa; senza, non cambia niente")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write one line for each; put them back with --apply."""
        dead = list(DueWork.objects.dead())
        for work in dead:
            died_at = timezone.localtime(work.dead_at)
            self.stdout.write(f"{died_at:%d/%m/%Y %H:%M} {work.kind} {work.key}: {work.last_error}")
        if not dead:
            self.stdout.write("Nessun lavoro è fermo.")
        elif options["apply"]:
            self.stdout.write(f"Rimessi in attesa: {retry_dead_work()}.")
        else:
            self.stdout.write("Non è cambiato niente: per riprovare, tolta la causa, aggiungi --apply.")
