"""`ballatoio retention`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from ballatoio.base.labs.models import Lab
from ballatoio.oversight.privacy.services import erase_expired, find_expired


class Command(BaseCommand):
    """Shows what the retention rules let go, and erases it when asked."""

    help = "Mostra che cosa ogni laboratorio non conserva più; con --erase lo conta per mese e lo cancella per sempre."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Ask for which lab, and whether it is meant."""
        parser.add_argument("--lab", help="un solo laboratorio, con il nome che ha nell’indirizzo (di solito: tutti)")
        parser.add_argument("--erase", action="store_true", help="cancella; senza, non cambia niente")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write one line for each rule; erase with --erase."""
        labs = Lab.objects.order_by("slug")
        if options["lab"] and not (labs := labs.filter(slug=options["lab"])):
            raise CommandError(f"Il laboratorio «{options['lab']}» non c’è: scrivi il nome che ha nell’indirizzo.")
        for lab in labs:
            found = find_expired(lab)
            if not found:
                self.stdout.write(f"{lab.slug}: nessuna regola di conservazione, niente viene cancellato.")
            for expired in found:
                waits = f", dal {expired.rule.effective_on:%d/%m/%Y}" if expired.waits else ""
                self.stdout.write(
                    f"{lab.slug}: {expired.rule.kind}, {expired.rule.months} mesi: "
                    f"{expired.count} da cancellare, di prima di {expired.before:%m/%Y}{waits}"
                )
            if options["erase"]:
                self._erase(lab, sum(expired.count for expired in found if not expired.waits))
        if not options["erase"]:
            self.stdout.write("Non è cambiato niente: per cancellare aggiungi --erase.")

    def _erase(self, lab: Lab, total: int) -> None:
        with tqdm(total=total, unit=" record", delay=2, disable=None) as bar:
            while erased := erase_expired(lab):
                bar.update(erased)
        self.stdout.write(f"{lab.slug}: fatto.")
