"""Writing the directory: services, their hours and needs, their texts in other languages."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date
from typing import Any, BinaryIO

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _

from ballatoio.base.accounts.models import User
from ballatoio.base.audit.services import Actor, record_act
from ballatoio.base.jobs.services import submit_once
from ballatoio.base.labs.models import Lab, Organisation

from .doubts import settle_doubts
from .imports import RowError, ServiceRow, read_services
from .indexing import index_services, index_term
from .models import NeedTerm, Schedule, ScheduleException, Service, Translation
from .schedules import TypedDay, TypedHours
from .texts import LANGUAGE_NAMES, SOURCE_LANGUAGE, object_type, source_hash

# Addresses under /servizi/ that are pages of ours.
RESERVED_SLUGS = frozenset({"gestione", "nuovo", "parole"})
# The better the state, the more people stand behind the words.
_WORTH: dict[str, int] = {
    Translation.State.STALE: 0,
    Translation.State.MACHINE: 1,
    Translation.State.DRAFT: 2,
    Translation.State.REVIEWED: 3,
    Translation.State.APPROVED: 4,
}


class ServiceChangedElsewhere(Exception):
    """Somebody else has saved the same sheet in the meantime."""


class TranslationCannotBecome(Exception):
    """A translation does not go from its state to the one that was asked."""


class TranslationChangedElsewhere(Exception):
    """Somebody else has saved translations of the same record into the same language in the meantime."""


class LanguageUnknown(Exception):
    """Nothing is translated into this language here."""


@dataclass(frozen=True)
class ServiceSheet:
    """All that is written on the sheet of a service, in Italian."""

    organisation: Organisation | None
    name: str
    description: str
    eligibility_description: str = ""
    application_process: str = ""
    fees_description: str = ""
    url: str = ""
    email: str = ""
    phone: str = ""
    languages: Sequence[str] = ()
    interpretation_services: bool = False
    accessibility: str = ""
    address: str = ""
    lat: float | None = None
    lon: float | None = None
    service_area: str = ""
    alert: str = ""
    status: str = Service.Status.ACTIVE
    last_verified_on: date | None = None
    needs: Sequence[NeedTerm] = ()
    hours: Sequence[TypedHours] = ()
    special_days: Sequence[TypedDay] = ()
    # When the organisation is not known yet: it is made, unless somebody has made it meanwhile.
    new_organisation: str = ""

    def columns(self) -> dict[str, Any]:
        """What goes into the row of the service itself."""
        rows = {item.name: getattr(self, item.name) for item in fields(self)}
        for related in ("needs", "hours", "special_days", "new_organisation"):
            del rows[related]
        return rows | {"languages": list(self.languages)}


# --- Services --------------------------------------------------------------------------------------------


@transaction.atomic
def add_service(lab: Lab, sheet: ServiceSheet, *, by: Actor | None, slug: str = "", once: str = "") -> Service:
    """Write a new service of `lab`; its address is `slug`, or comes from the name.

    Raise AlreadySubmitted, with the slug of the first, when the form with token `once` was sent before.
    """
    service = _add(lab, _with_organisation(lab, sheet, by), by=by, slug=slug)
    submit_once(once, result=service.slug)
    index_services([service])
    return service


@transaction.atomic
def amend_service(service: Service, sheet: ServiceSheet, *, by: Actor | None, version: int) -> Service:
    """Write `sheet` over a service whose `version` the writer had before their eyes.

    Raise ServiceChangedElsewhere when somebody saved since. Translations of a text that changed become stale.
    Nothing is written when nothing changed.
    """
    locked = Service.objects.select_for_update(of=("self",), no_key=True).get(pk=service.pk)
    if locked.version != version:
        raise ServiceChangedElsewhere
    if _amend(locked, _with_organisation(locked.lab, sheet, by), by=by):
        index_services([locked])
    return locked


@transaction.atomic
def verify_service(service: Service, *, by: Actor | None, on: date | None = None) -> Service:
    """Note that somebody has checked the sheet today (or `on`): it is all still true."""
    locked = Service.objects.select_for_update(of=("self",), no_key=True).get(pk=service.pk)
    locked.last_verified_on = on or timezone.localdate()
    locked.version += 1
    settle_doubts(locked)
    locked.save(update_fields=["last_verified_on", "doubted_since", "version"])
    record_act("service.verify", locked, by=by, lab_id=locked.lab_id)
    return locked


@transaction.atomic
def name_organisation(lab: Lab, name: str, *, by: Actor | None) -> Organisation:
    """Give the organisation that the lab, or the whole installation, knows by this name; made now if nobody does."""
    known = Organisation.objects.filter(Q(lab=lab) | Q(lab__isnull=True), name=name).first()
    if known is not None:
        return known
    organisation = Organisation.objects.create(lab=lab, name=name, kind=Organisation.Kind.INSTITUTION)
    record_act("organisation.add", organisation, by=by, lab_id=lab.pk)
    return organisation


def _with_organisation(lab: Lab, sheet: ServiceSheet, by: Actor | None) -> ServiceSheet:
    if sheet.organisation is not None:
        return sheet
    return replace(sheet, organisation=name_organisation(lab, sheet.new_organisation, by=by))


def _add(lab: Lab, sheet: ServiceSheet, *, by: Actor | None, slug: str) -> Service:
    service = Service(lab=lab, slug=slug or _free_slug(lab, sheet.name), **sheet.columns())
    service.save(force_insert=True)
    _write_hours(service, sheet)
    service.needs.set(sheet.needs)
    record_act("service.add", service, by=by, lab_id=lab.pk)
    return service


def _amend(service: Service, sheet: ServiceSheet, *, by: Actor | None) -> list[str]:
    """Write what is different and give the names of what was."""
    changed = [name for name, value in sheet.columns().items() if getattr(service, name) != value]
    for name in changed:
        setattr(service, name, getattr(sheet, name) if name != "languages" else list(sheet.languages))
    if _hours_of(service) != (set(sheet.hours), set(sheet.special_days)):
        changed.append("hours")
        service.schedules.all().delete()
        service.schedule_exceptions.all().delete()
        _write_hours(service, sheet)
    if set(service.needs.all()) != set(sheet.needs):
        changed.append("needs")
        service.needs.set(sheet.needs)
    if changed:
        if "last_verified_on" in changed:
            settle_doubts(service)
        service.version += 1
        service.save()
        mark_stale(service)
        record_act("service.amend", service, by=by, lab_id=service.lab_id, detail={"changed": sorted(changed)})
    return changed


def _hours_of(service: Service) -> tuple[set[TypedHours], set[TypedDay]]:
    weekly = {
        TypedHours(row.weekday, row.opens_at, row.closes_at, row.valid_from, row.valid_to)
        for row in service.schedules.all()
    }
    special = {TypedDay(row.on, row.opens_at, row.closes_at, row.note) for row in service.schedule_exceptions.all()}
    return weekly, special


def _write_hours(service: Service, sheet: ServiceSheet) -> None:
    Schedule.objects.bulk_create(
        Schedule(
            service=service,
            weekday=row.weekday,
            opens_at=row.opens_at,
            closes_at=row.closes_at,
            valid_from=row.valid_from,
            valid_to=row.valid_to,
        )
        for row in sheet.hours
    )
    ScheduleException.objects.bulk_create(
        ScheduleException(service=service, on=day.on, opens_at=day.opens_at, closes_at=day.closes_at, note=day.note)
        for day in sheet.special_days
    )


def _free_slug(lab: Lab, name: str) -> str:
    base = slugify(name)[:70].strip("-") or "servizio"
    taken = set(Service.objects.of_lab(lab).filter(slug__startswith=base).values_list("slug", flat=True))
    taken |= RESERVED_SLUGS
    slug, number = base, 1
    while slug in taken:
        number += 1
        slug = f"{base}-{number}"
    return slug


# --- Translations ----------------------------------------------------------------------------------------


def mark_stale(record: models.Model) -> int:
    """Mark the translations of texts of `record` that are no longer the ones translated; give how many."""
    stale = [
        translation.pk
        for translation in Translation.objects.of([record]).exclude(state=Translation.State.STALE)
        if translation.source_hash != source_hash(str(getattr(record, translation.field)))
    ]
    return Translation.objects.filter(pk__in=stale).update(state=Translation.State.STALE, changed_at=timezone.now())


@transaction.atomic
def set_translation(
    record: models.Model, *, field: str, language: str, text: str, state: str, by: User | None, lab: Lab | None
) -> Translation | None:
    """Write the `text` of a `field` of `record` in `language`, and who stands behind it (`state`).

    An empty text takes the translation away. Raise LanguageUnknown, or TranslationCannotBecome when the states of
    Translation.ALLOWED do not lead there (what is approved was reviewed before, word for word).
    """
    done = set_translations(record, {field: text}, language=language, state=state, by=by, lab=lab)
    return done[0] if done else None


@transaction.atomic
def set_translations(
    record: models.Model,
    texts: Mapping[str, str],
    *,
    language: str,
    state: str,
    by: User | None,
    lab: Lab | None,
    seen: str | None = None,
) -> list[Translation]:
    """Write several fields of `record` in one language at once; like set_translation, with one audit row.

    Give the translations that were written anew; a text that stands word for word keeps its state when that is
    already better. `seen` is the translation_mark that the writer had before their eyes: raise
    TranslationChangedElsewhere when it is no longer so.
    """
    if seen is not None and seen != translation_mark(record, language):
        raise TranslationChangedElsewhere
    written = _write_translations(record, texts, language=language, state=state, by=by, lab=lab)
    if isinstance(record, Service):
        index_services([record])
    elif isinstance(record, NeedTerm):
        index_term(record)
    return written


def _write_translations(
    record: models.Model, texts: Mapping[str, str], *, language: str, state: str, by: User | None, lab: Lab | None
) -> list[Translation]:
    if language not in LANGUAGE_NAMES or language == SOURCE_LANGUAGE:
        raise LanguageUnknown(language)
    known = {row.field: row for row in Translation.objects.of([record]).filter(language=language).select_for_update()}
    written, gone = [], []
    for name, text in texts.items():
        row = known.get(name)
        if not text.strip():
            gone += [row.pk] if row else []
        elif row := _reworded(record, row, name, language, text.strip(), state, by):
            written.append(row)
    Translation.objects.filter(pk__in=gone).delete()
    Translation.objects.bulk_create([row for row in written if row._state.adding])
    Translation.objects.bulk_update(
        [row for row in written if row.field in known], ["text", "state", "source_hash", "changed_by", "changed_at"]
    )
    if written or gone:
        detail = {"language": language, "state": state, "fields": sorted(row.field for row in written)}
        verb = f"{record._meta.model_name}.translate"
        record_act(verb, record, by=by, lab_id=lab.pk if lab else None, detail=detail)
    return written


def _reworded(
    record: models.Model,
    row: Translation | None,
    name: str,
    language: str,
    text: str,
    state: str,
    by: User | None,
) -> Translation | None:
    """Give the translation with its new text and state, not saved; None when it already stands so."""
    hashed = source_hash(str(getattr(record, name)))
    if row is not None and (row.text, row.source_hash) == (text, hashed) and _WORTH[row.state] >= _WORTH[state]:
        return None
    before = row.state if row else ""
    is_reworded = row is not None and (row.text != text or row.source_hash != hashed)
    if state not in Translation.ALLOWED[before] or (state == Translation.State.APPROVED and is_reworded):
        raise TranslationCannotBecome(before, state)
    if row is None:
        row = Translation(object_type=object_type(record), object_id=record.pk, field=name, language=language)
    row.text, row.state, row.source_hash = text, state, hashed
    row.changed_by, row.changed_at = by, timezone.now()
    return row


def translation_mark(record: models.Model, language: str) -> str:
    """Give a mark of how the translations of `record` into a language stand: it differs after every change."""
    rows = Translation.objects.of([record]).filter(language=language).order_by("field")
    return source_hash(repr(list(rows.values_list("field", "text", "state"))))


def translation_states(services: Iterable[Service]) -> dict[Any, dict[str, Counter[str]]]:
    """Give, by service and language, how many of its texts are in each state: one query."""
    found: dict[Any, dict[str, Counter[str]]] = {}
    for pk, language, state in Translation.objects.of(services).values_list("object_id", "language", "state"):
        found.setdefault(pk, {}).setdefault(language, Counter())[state] += 1
    return found


# --- Files of services -----------------------------------------------------------------------------------


@dataclass
class ImportReport:
    """What an import did, or would do: nothing at all when there is one error."""

    added: int = 0
    amended: int = 0
    unchanged: int = 0
    errors: list[RowError] = field(default_factory=list)
    is_dry_run: bool = False


def import_services(file: BinaryIO, lab: Lab, *, by: User | None, dry_run: bool = False) -> ImportReport:
    """Bring the services of a CSV or JSON file (see imports.py) into `lab`: all of them, or none.

    A service is known by its code: importing a file again makes no doubles and leaves alone what is already so.
    With `dry_run` everything is tried and nothing is kept. Raise FileNotReadable when the file cannot be read at
    all; what is wrong in single rows is in the report.
    """
    rows, errors = read_services(file, lab)
    report = ImportReport(errors=errors, is_dry_run=dry_run)
    terms = {term.code: term for term in NeedTerm.objects.filter(is_active=True)}
    for row in rows:
        for code in row.needs:
            if code not in terms:
                errors.append(RowError(row.row, "needs", _("il bisogno «%(code)s» non c’è") % {"code": code}))
        if row.code in RESERVED_SLUGS:
            errors.append(RowError(row.row, "code", _("questo nome è già di una pagina: scegline un altro")))
    if errors:
        errors.sort(key=lambda error: error.row)
        return report
    with transaction.atomic():
        _import_rows(rows, lab, terms, report, by)
        if dry_run:
            transaction.set_rollback(True)
    return report


def _import_rows(
    rows: Iterable[ServiceRow], lab: Lab, terms: Mapping[str, NeedTerm], report: ImportReport, by: User | None
) -> None:
    known = {
        service.slug: service
        for service in Service.objects.of_lab(lab)
        .select_for_update(of=("self",), no_key=True)
        .prefetch_related("schedules", "schedule_exceptions", "needs")
    }
    organisations = {
        organisation.name: organisation
        for organisation in Organisation.objects.filter(Q(lab=lab) | Q(lab__isnull=True))
    }
    touched = []
    for row in rows:
        sheet = ServiceSheet(
            organisation=_organisation(row.organisation, lab, organisations, by),
            needs=[terms[code] for code in row.needs],
            hours=row.hours,
            special_days=row.special_days,
            **row.columns,
        )
        service = known.get(row.code)
        if service is None:
            service, changed = _add(lab, sheet, by=by, slug=row.code), True
            report.added += 1
        else:
            changed = bool(_amend(service, sheet, by=by))
        for language, texts in row.translations.items():
            changed |= _import_texts(service, language, texts, by)
        if row.code in known:
            report.amended += changed
            report.unchanged += not changed
        touched += [service] if changed else []
    index_services(touched)


def _organisation(name: str, lab: Lab, known: dict[str, Organisation], by: User | None) -> Organisation:
    """Give the organisation of this name, made now if neither the lab nor the installation has it."""
    full_name = lab.name if name == "lab" else name
    if full_name not in known:
        known[full_name] = name_organisation(lab, full_name, by=by)
    return known[full_name]


def _import_texts(service: Service, language: str, texts: Mapping[str, str], by: User | None) -> bool:
    """Write the texts of a file that are not there yet, word for word, as drafts; tell whether there were any.

    A text that stands already keeps its state: a review is not undone, nor is a stale text made fresh.
    """
    standing = {row.field: row.text for row in Translation.objects.of([service]).filter(language=language)}
    new = {name: text for name, text in texts.items() if text and standing.get(name) != text}
    if not new:
        return False
    state = Translation.State.DRAFT
    return bool(_write_translations(service, new, language=language, state=state, by=by, lab=service.lab))
