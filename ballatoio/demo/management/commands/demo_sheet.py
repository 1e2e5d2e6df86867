"""`ballatoio demo_sheet FILE`: an invented spreadsheet, as messy as the real ones, to try the import with."""

import csv
import random
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from ballatoio.base.core.sheets.export import write_xlsx
from ballatoio.demo.sheets import desk_log, register
from ballatoio.demo.world import SEED


class Command(BaseCommand):
    """Write an invented desk log or register."""

    help = "Scrive un foglio inventato (.csv o .xlsx) per provare l’importazione: «ballatoio demo_sheet diario.csv»."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="dove scriverlo; .xlsx per un foglio Excel")
        parser.add_argument("--rows", type=int, default=300, help="quante righe (300)")
        parser.add_argument("--register", action="store_true", help="una rubrica di persone invece di un diario")

    def handle(self, *args: Any, **options: Any) -> None:
        make = register if options["register"] else desk_log
        rows = make(random.Random(SEED), options["rows"], today=timezone.localdate())
        path: Path = options["file"]
        try:
            if path.suffix == ".xlsx":
                with path.open("wb") as book:
                    write_xlsx(book, rows[0], rows[1:])
            else:
                # As an old Windows program would.
                with path.open("w", encoding="cp1252", errors="replace", newline="") as plain:
                    csv.writer(plain, delimiter=";").writerows(rows)
        except OSError as problem:
            raise CommandError(f"Non riesco a scrivere {path}: {problem.strerror}.") from problem
        self.stdout.write(f"{path}: {options['rows']} righe inventate.")
