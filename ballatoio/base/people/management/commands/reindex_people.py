"""`ballatoio reindex_people`: write again the words that people are found by."""

from typing import Any

from django.core.management.base import BaseCommand
from tqdm import tqdm

from ballatoio.base.people.indexing import reindex_people
from ballatoio.base.people.models import Person


class Command(BaseCommand):
    """Bring everybody's search keys to the form that this version of the program makes; repeatable."""

    help = (
        "Riscrive le parole con cui si cercano le persone. Dopo un aggiornamento lo fa il worker da solo: serve quando "
        "il worker non gira, o per controllare. Si può fermare e ripetere."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        with tqdm(total=Person.objects.count(), unit=" persone", delay=2, disable=None) as bar:
            changed = reindex_people(bar.update)
        self.stdout.write(f"Fatto: {changed} persone avevano parole vecchie." if changed else "Era già tutto a posto.")
