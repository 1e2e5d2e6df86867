"""`ballatoio import territory FILE --lab SLUG`: open data of the city, and our tables of buildings and dwellings."""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from functools import partial
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from tqdm import tqdm

from ballatoio.base.labs.models import Lab
from ballatoio.base.territory.rows import Shape
from ballatoio.base.territory.services import (
    MAX_ERRORS,
    MAX_ROWS,
    FileHasWrongRows,
    FileRefused,
    ImportReport,
    import_territory,
)

NAMES = {
    Shape.DISTRICTS: "quartieri",
    Shape.PLACES: "luoghi",
    Shape.BUILDINGS: "palazzi",
    Shape.DWELLINGS: "alloggi",
    Shape.FOOTPRINTS: "contorni di palazzi",
}


FORMATS = """Il file si riconosce da quello che contiene.
Dati aperti di una città: quartieri, uffici postali e polizia locale (GeoJSON), biblioteche e fontanelle (JSON),
scuole (CSV). Contorni dei palazzi: GeoJSON di poligoni con «street» e «civic».
Tabelle nostre (CSV, qualsiasi codifica e separatore; le colonne in più non danno fastidio, una cella vuota lascia
le cose come stanno):
  palazzi   street, civic, cap, district_code, owner, manager, year, lat, lon, stairs (3 oppure A;B;destra)
  alloggi   street, civic, stair, number, floor, rooms, useful_m2, lift, step_free,
            state (let, empty, to_recover, in_works, not_usable)
  luoghi    kind (courtyard, garden, shop, common_room, office…), name, address, phone, lat, lon, accessibility, key
Le colonne possono avere anche nomi italiani: via, civico, scala, interno, piano, locali, mq, ascensore, stato…
Prima i quartieri, poi i palazzi, poi gli alloggi: ogni riga nomina cose che ci sono già."""


def _show(bar: "tqdm[Any]", done: int) -> None:
    bar.update(done - bar.n)


class Command(BaseCommand):
    help = "Importa quartieri, palazzi, alloggi e luoghi da un file. Senza --apply prova soltanto e non scrive nulla."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.epilog = FORMATS
        parser.add_argument("file", type=Path)
        parser.add_argument("--lab", required=True, help="il laboratorio, per esempio «sportello-nord»")
        parser.add_argument("--apply", action="store_true", help="scrive davvero")
        parser.add_argument("--districts", nargs="+", default=[], metavar="CODICE", help="i quartieri del laboratorio")
        parser.add_argument("--everywhere", action="store_true", help="anche i luoghi lontani dai suoi quartieri")
        parser.add_argument("--source", default="", help="da dove viene il file (scritto accanto ai luoghi)")
        parser.add_argument("--max-rows", type=int, default=MAX_ROWS)

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        lab = Lab.objects.filter(slug=options["lab"]).first()
        if lab is None:
            known = ", ".join(Lab.objects.order_by("slug").values_list("slug", flat=True))
            raise CommandError(
                _("Il laboratorio «%(slug)s» non c’è. Ci sono: %(known)s.") % {"slug": options["lab"], "known": known}
            )
        try:
            report = self._import(path, lab, options)
        except FileRefused as refusal:
            raise CommandError(str(refusal)) from refusal
        except FileHasWrongRows as wrong:
            more = _("Queste sono le prime %(count)s.") % {"count": MAX_ERRORS}
            raise CommandError(
                "\n".join(
                    [
                        _("Non ho importato nulla: alcune righe sono sbagliate."),
                        *(str(error) for error in wrong.errors),
                        *([more] if len(wrong.errors) >= MAX_ERRORS else []),
                    ]
                )
            ) from wrong
        except OSError as problem:
            raise CommandError(
                _("Non riesco a leggere «%(file)s»: %(why)s.") % {"file": path, "why": problem.strerror}
            ) from problem
        self._tell(report)

    def _import(self, path: Path, lab: Lab, options: dict[str, Any]) -> ImportReport:
        with path.open("rb") as file, tqdm(desc=path.name, unit=" righe", delay=2) as bar:
            return import_territory(
                file,
                lab=lab,
                by=None,
                dry_run=not options["apply"],
                districts=options["districts"],
                everywhere=options["everywhere"],
                source=options["source"] or path.name,
                max_rows=options["max_rows"],
                progress=partial(_show, bar),
            )

    def _tell(self, report: ImportReport) -> None:
        self.stdout.write(
            _("%(what)s: lette %(read)s righe; %(created)s nuovi, %(updated)s cambiati, %(unchanged)s già a posto.")
            % {
                "what": NAMES[report.shape].capitalize(),
                "read": report.read,
                "created": report.created,
                "updated": report.updated,
                "unchanged": report.unchanged,
            }
        )
        if report.outside:
            self.stdout.write(
                _("%(count)s sono fuori dai quartieri del laboratorio e non li prendo (--everywhere li prende).")
                % {"count": report.outside}
            )
        if not report.applied:
            self.stdout.write(_("È una prova: non ho scritto nulla. Ripeti con --apply per importare."))
