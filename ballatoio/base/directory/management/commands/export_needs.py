"""`ballatoio export_needs FILE`: write the taxonomy of needs as it stands, for other installations."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ballatoio.base.directory.term_files import standing_taxonomy, write_csv, write_json


class Command(BaseCommand):
    """Write the needs and their shared words to a file that import_needs takes."""

    help = "Scrive i bisogni e le parole con cui si dicono in un file .json o .csv, che import_needs sa leggere."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="il file da scrivere, .json o .csv")

    def handle(self, *args: Any, **options: Any) -> None:
        file: Path = options["file"]
        if file.suffix not in (".json", ".csv"):
            raise CommandError("Il nome del file deve finire in .json o in .csv.")
        taxonomy = standing_taxonomy()
        text = write_json(taxonomy) if file.suffix == ".json" else write_csv(taxonomy)
        try:
            file.write_text(text, encoding="utf-8", newline="")
        except OSError as error:
            raise CommandError(f"Non riesco a scrivere {file}: {error.strerror}.") from error
        self.stdout.write(f"Fatto: {len(taxonomy.terms)} bisogni.")
