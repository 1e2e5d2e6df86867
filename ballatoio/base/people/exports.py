"""People as they leave the program in a file: what a list shows of them, and never anybody who is protected."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from django.utils.translation import gettext as _

from ballatoio.base.core.languages import SPOKEN
from ballatoio.base.core.sheets.export import Cell, ExportTable

from .households import addresses_of
from .models import ContactPoint, Person, PersonQuerySet

CHUNK = 500


def found_table(people: Sequence[Person]) -> ExportTable:
    """Give the people that a search found as a table: what the screen shows of each."""
    shown = [person for person in people if not person.is_protected]
    addresses = addresses_of(shown)
    titles = (_("cognome"), _("nome"), _("si pronuncia"), _("anno di nascita"), _("indirizzo"))
    rows = [
        (
            person.family_name,
            person.given_name,
            person.pronounced,
            person.birth_year,
            addresses.get(person.pk, ""),
        )
        for person in shown
    ]
    return ExportTable(_("persone"), titles, rows, len(rows))


def register_table(people: PersonQuerySet) -> ExportTable:
    """Give the whole register as a table, for a lab that takes its people elsewhere.

    Only telephones that are safe to call and are nobody else's.
    """
    shown = people.filter(is_protected=False).defer("sealed").order_by("family_name", "given_name", "pk")
    titles = (
        *(_("cognome"), _("nome"), _("si pronuncia"), _("anno di nascita"), _("telefono"), _("e-mail")),
        *(_("lingue parlate"), _("lingue lette"), _("indirizzo"), _("vista l’ultima volta")),
    )
    return ExportTable(_("rubrica"), titles, _register_rows(shown), shown.count())


def _register_rows(people: PersonQuerySet) -> Iterator[Sequence[Cell]]:
    names = {code: str(name) for code, _own, name in SPOKEN}
    everybody = people.iterator(chunk_size=CHUNK)
    while chunk := list(islice(everybody, CHUNK)):
        addresses = addresses_of(chunk)
        points = _points_of(chunk)
        for person in chunk:
            yield (
                person.family_name,
                person.given_name,
                person.pronounced,
                person.birth_year,
                ", ".join(points.get((person.pk, ContactPoint.Kind.PHONE), ())),
                ", ".join(points.get((person.pk, ContactPoint.Kind.EMAIL), ())),
                _in_words(person.languages_spoken, names),
                _in_words(person.languages_read, names),
                addresses.get(person.pk, ""),
                person.last_seen_on,
            )


def _points_of(people: Iterable[Person]) -> dict[tuple[object, str], list[str]]:
    points: dict[tuple[object, str], list[str]] = {}
    rows = ContactPoint.objects.filter(person__in=people, safe_to_call=True, is_shared=False).order_by("kind", "pk")
    for person_id, kind, value in rows.values_list("person_id", "kind", "value"):
        points.setdefault((person_id, kind), []).append(value)
    return points


def _in_words(codes: Iterable[str], names: dict[str, str]) -> str:
    return ", ".join(names.get(code, code) for code in codes)
