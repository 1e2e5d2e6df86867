"""`ballatoio import_needs [FILE]`: bring the taxonomy of needs into the installation."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ballatoio.base.directory.term_files import PACKAGED, TaxonomyNotReadable, read_taxonomy
from ballatoio.base.directory.term_services import import_taxonomy


class Command(BaseCommand):
    """Import the needs, in two levels, with their words; repeatable without doubles."""

    help = (
        "Importa i bisogni e le parole con cui si dicono da un file JSON o CSV (UTF-8), come li scrive export_needs; "
        "senza FILE, quelli che arrivano con il programma. Rifarlo non crea doppioni, e non disfa le riletture."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, nargs="?", default=PACKAGED, help="il file JSON o CSV")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            report = import_taxonomy(read_taxonomy(options["file"].read_text(encoding="utf-8")), by=None)
        except OSError as error:
            raise CommandError(f"Non riesco a leggere {options['file']}: {error.strerror}.") from error
        except UnicodeDecodeError as error:
            raise CommandError("Il file non è scritto in UTF-8: salvalo di nuovo così e riprova.") from error
        except TaxonomyNotReadable as error:
            for sentence in error.sentences[:-1]:
                self.stderr.write(sentence)
            raise CommandError(f"{error.sentences[-1]} Non ho scritto niente.") from error
        self.stdout.write(
            f"Fatto: {report.added} bisogni nuovi, {report.renamed} con un altro nome, {report.retired} ritirati, "
            f"{report.words} parole nuove."
        )
