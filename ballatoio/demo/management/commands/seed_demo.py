"""`ballatoio seed_demo`: fill an empty installation with the demonstration."""

import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from ballatoio.demo.seed import RealDataIsHere, seed_demo


class Command(BaseCommand):
    """Makes both labs, their people and one year of desk life."""

    help = "Riempie un'installazione vuota con la dimostrazione: due laboratori e un anno di sportello, inventati."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("La dimostrazione si prepara solo con BALLATOIO_DEMO=1.")
        began = time.monotonic()
        try:
            made = seed_demo(tell=lambda step: self.stderr.write(f"  {step}…"))
        except RealDataIsHere:
            raise CommandError(
                "Qui ci sono laboratori veri: la dimostrazione vuole una cartella dati vuota (BALLATOIO_DATA)."
            ) from None
        if made:
            self.stdout.write(f"La dimostrazione è pronta ({time.monotonic() - began:.0f} secondi).")
        else:
            self.stdout.write("La dimostrazione c'è già: non cambia nulla.")
