"""`ballatoio import_services FILE --lab SLUG`: bring a file of services into a lab."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ballatoio.base.accounts.models import User
from ballatoio.base.directory.imports import FileNotReadable
from ballatoio.base.directory.services import import_services
from ballatoio.base.labs.models import Lab

MAX_SHOWN = 50


class Command(BaseCommand):
    """Import services from a CSV or JSON file: all or nothing, repeatable without doubles."""

    help = (
        "Importa i servizi di un laboratorio da un file CSV (UTF-8) o JSON: tutti o nessuno. "
        "Le colonne sono descritte in ballatoio/base/directory/imports.py e in docs/operations.md. "
        "Codici di uscita: 0 fatto, 1 niente è stato scritto."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="il file CSV o JSON")
        parser.add_argument("--lab", required=True, help="il nome breve del laboratorio, per esempio: centro")
        parser.add_argument("--by", default="", help="l’e-mail di chi importa, per il registro")
        parser.add_argument("--dry-run", action="store_true", help="prova e racconta, senza scrivere niente")

    def handle(self, *args: Any, **options: Any) -> None:
        lab = Lab.objects.filter(slug=options["lab"]).first()
        if lab is None:
            labs = ", ".join(Lab.objects.values_list("slug", flat=True)) or "nessuno"
            raise CommandError(f"Il laboratorio «{options['lab']}» non c’è. I laboratori sono: {labs}.")
        by = User.objects.filter(email=options["by"].lower()).first() if options["by"] else None
        if options["by"] and by is None:
            raise CommandError(f"Nessuno qui ha l’indirizzo {options['by']}.")
        try:
            with options["file"].open("rb") as file:
                report = import_services(file, lab, by=by, dry_run=options["dry_run"])
        except OSError as error:
            raise CommandError(f"Non riesco a leggere {options['file']}: {error.strerror}.") from error
        except FileNotReadable as error:
            raise CommandError(str(error)) from error
        for wrong in report.errors[:MAX_SHOWN]:
            self.stderr.write(str(wrong))
        if report.errors:
            raise CommandError(f"{len(report.errors)} cose da correggere: non ho scritto niente.")
        done = "Prova" if report.is_dry_run else "Fatto"
        self.stdout.write(f"{done}: {report.added} nuovi, {report.amended} cambiati, {report.unchanged} già così.")
