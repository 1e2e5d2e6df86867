"""`ballatoio import_needs FILE`: bring the taxonomy of needs into the installation."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ballatoio.base.directory.services import import_needs


class Command(BaseCommand):
    """Import the needs, in two levels, from a JSON file; repeatable without doubles."""

    help = (
        "Importa i bisogni da un file JSON: un elenco di oggetti con code, parent (il code di quello sopra, prima "
        "nel file), it (il nome), icon, synonyms (elenco di parole) e il nome nelle altre lingue (en, ar, …)."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="il file JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            records = json.loads(options["file"].read_text(encoding="utf-8"))
            added = import_needs(records, by=None)
        except OSError as error:
            raise CommandError(f"Non riesco a leggere {options['file']}: {error.strerror}.") from error
        except (ValueError, TypeError) as error:
            raise CommandError("Il file non è un elenco JSON di bisogni scritto in UTF-8.") from error
        except KeyError as error:
            raise CommandError(
                f"Manca {error}: ogni bisogno ha code e it, e il bisogno di cui è parte viene prima nel file."
            ) from error
        self.stdout.write(f"Fatto: {added} bisogni nuovi.")
