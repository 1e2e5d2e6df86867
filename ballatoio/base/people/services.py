"""What can happen to a person's file: it is opened, corrected, read; ways to reach them, identifiers, consents."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from codicefiscale import codicefiscale
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from stdnum.it import iva

from ballatoio.base.accounts.models import User
from ballatoio.base.audit.services import record_act, record_reading
from ballatoio.base.core import keys
from ballatoio.base.core.conflicts import ChangedElsewhere
from ballatoio.base.jobs.services import plan_work, submit_once
from ballatoio.base.labs.models import Lab
from ballatoio.base.vault.models import DataKey
from ballatoio.base.vault.services import TextIsGone, open_texts, reseal_texts, seal_texts

from .indexing import index_people, refresh_keys
from .lookup import blind_index
from .models import Consent, ContactPoint, EntrySnapshot, Person, PersonIdentifier, SensitiveSnapshot
from .phones import read_phone

SEALED_TEXTS = ("notes", "accessibility")
FIRST_YEAR = 1900
# Facts of a person that an operator may correct; the sealed texts come beside them.
FIELDS = (
    "given_name",
    "family_name",
    "pronounced",
    "birth_date",
    "birth_year",
    "languages_spoken",
    "languages_read",
    "interpreter",
    "reach_by",
)


class PersonNeedsAName(Exception):
    """A person is known by at least one name; who gives none stays an anonymous contact."""


class BirthIsImpossible(Exception):
    """The date or year of birth is in the future, or before anybody alive; the message says so."""


class NotAnEmail(Exception):
    """What was typed is no e-mail address; the message says what to write."""


class FiscalCodeIsWrong(Exception):
    """The codice fiscale is not well formed; the message says what to check."""


class FiscalCodeDoesNotMatch(Exception):
    """The codice fiscale and the file say different dates of birth; the message names both."""


class TooEarlyToAsk(Exception):
    """What a fund asks of its participants is never asked at a first contact; the message says when."""


@transaction.atomic
def register_person(
    lab: Lab,
    *,
    by: User | None,
    given_name: str = "",
    family_name: str = "",
    pronounced: str = "",
    birth_date: date | None = None,
    birth_year: int | None = None,
    languages_spoken: Sequence[str] = (),
    languages_read: Sequence[str] = (),
    interpreter: str = "",
    reach_by: str = "",
    notes: str = "",
    accessibility: str = "",
    phone: str = "",
    once: str = "",
) -> Person:
    """Open the file of a person with whatever they wished to say: nothing is mandatory but one name.

    Raise PersonNeedsAName, BirthIsImpossible, NotAPhone, AlreadySubmitted (its result is the person's id).
    """
    person = Person(
        lab=lab,
        given_name=given_name.strip(),
        family_name=family_name.strip(),
        pronounced=pronounced.strip(),
        birth_date=birth_date,
        birth_year=birth_date.year if birth_date else birth_year,
        languages_spoken=list(languages_spoken),
        languages_read=list(languages_read),
        interpreter=interpreter,
        reach_by=reach_by,
    )
    _check(person)
    submit_once(once, str(person.pk))
    seal_texts([(person, {"notes": notes, "accessibility": accessibility})])
    person.save(force_insert=True)
    phones = [read_phone(phone)] if phone.strip() else []
    ContactPoint.objects.bulk_create(
        ContactPoint(person=person, kind=ContactPoint.Kind.PHONE, value=value) for value in phones
    )
    index_people([(person, phones)])
    record_act("person.register", person, by=by, lab_id=lab.pk, subject_id=person.pk)
    return person


def _check(person: Person) -> None:
    if not (person.given_name or person.family_name):
        raise PersonNeedsAName(_("Scrivi almeno un nome. Chi non vuole dirlo resta un contatto anonimo."))
    if problem := check_birth(person.birth_date, person.birth_year):
        raise BirthIsImpossible(problem)


def check_birth(birth_date: date | None, birth_year: int | None) -> str:
    """Give what is wrong with a date or year of birth, in a sentence; "" when nothing is."""
    today = timezone.localdate()
    if birth_date and birth_date > today:
        return _("La data di nascita %(date)s deve ancora venire: ricontrollala.") % {
            "date": date_format(birth_date, "d/m/Y")
        }
    year = birth_date.year if birth_date else birth_year
    if year is not None and not FIRST_YEAR <= year <= today.year:
        return _("L’anno di nascita %(year)s non è possibile: ricontrollalo.") % {"year": year}
    return ""


@transaction.atomic
def amend_person(
    person: Person, *, by: User, version: int, texts: Mapping[str, str] | None = None, **fields: Any
) -> Person:
    """Correct the facts of a person (those of FIELDS) and the sealed texts "notes" and "accessibility".

    `version` is the one that the operator saw: raise ChangedElsewhere when somebody saved since. Raise also
    PersonNeedsAName and BirthIsImpossible.
    """
    current = _lock(person)
    if current.version != version or current.merged_into_id:
        raise ChangedElsewhere(current)
    called = str(current)
    for name, value in fields.items():
        if name not in FIELDS:
            raise TypeError(name)
        setattr(current, name, value)
    if current.birth_date:
        current.birth_year = current.birth_date.year
    _check(current)
    if texts is not None:
        reseal_texts(current, {**_texts(current), **{name: texts[name] for name in SEALED_TEXTS if name in texts}})
    current.version += 1
    current.last_seen_on = max(current.last_seen_on, timezone.localdate())
    current.save()
    refresh_keys(current)
    if str(current) != called:
        # Their contacts are found by the new name as well.
        key = f"people.person_changed:{current.pk}:{current.version}"
        plan_work("people.person_changed", key=key, payload={"person": str(current.pk)})
    changed = sorted([*fields, *(texts or ())])
    record_act("person.amend", current, by=by, lab_id=current.lab_id, subject_id=current.pk, detail={"fields": changed})
    return current


def note_seen(person: Person, on: date) -> None:
    """Keep the last day on which the lab met or heard a person, inside the caller's transaction.

    How long a file is kept counts from it, because it outlives the contacts. An earlier day changes nothing.
    """
    Person.objects.filter(pk=person.pk, last_seen_on__lt=on).update(last_seen_on=on)


def compare_again(person: Person) -> None:
    """Let the file be compared with the others once more (doubles.py), after something changed beside its facts."""
    Person.objects.filter(pk=person.pk).update(compared_version=0)


def _lock(person: Person) -> Person:
    return Person.objects.select_for_update(of=("self",), no_key=True).select_related("data_key").get(pk=person.pk)


def _texts(person: Person) -> dict[str, str]:
    try:
        return open_texts(person)
    except TextIsGone:
        return {}


@transaction.atomic
def read_person(person: Person, *, by: User) -> dict[str, str]:
    """Give the sealed texts of a person ("notes", "accessibility"), and record that `by` opened the file."""
    record_reading("person.read", person, by=by, lab_id=person.lab_id, subject_id=person.pk)
    return {name: _texts(person).get(name, "") for name in SEALED_TEXTS}


# --- How to reach them ----------------------------------------------------------------------------------


@transaction.atomic
def add_contact_point(
    person: Person,
    *,
    by: User,
    kind: str,
    value: str,
    is_shared: bool = False,
    safe_to_call: bool = True,
    no_voicemail: bool = False,
    hours: str = "",
) -> ContactPoint:
    """Add a way to reach a person, and how to use it without harm; adding the same again renews how.

    Raise NotAPhone or NotAnEmail, with one sentence that says what to write.
    """
    point, _created = ContactPoint.objects.update_or_create(
        person=person,
        kind=kind,
        value=read_contact_value(kind, value),
        defaults={
            "is_shared": is_shared,
            "safe_to_call": safe_to_call,
            "no_voicemail": no_voicemail,
            "hours": hours.strip(),
        },
    )
    refresh_keys(person)
    compare_again(person)
    note_seen(person, timezone.localdate())
    record_act("contact_point.add", point, by=by, lab_id=person.lab_id, subject_id=person.pk, detail={"kind": kind})
    return point


def read_contact_value(kind: str, value: str) -> str:
    """Give a telephone number or an e-mail address in the form that is kept. Raise NotAPhone, NotAnEmail."""
    if kind != ContactPoint.Kind.EMAIL:
        return read_phone(value)
    address = value.strip().lower()
    try:
        validate_email(address)
    except ValidationError:
        raise NotAnEmail(
            _("«%(typed)s» non è un indirizzo e-mail: scrivilo così, nome@esempio.it.") % {"typed": address[:60]}
        ) from None
    return address


@transaction.atomic
def remove_contact_point(point: ContactPoint, *, by: User) -> None:
    """Forget a way to reach a person."""
    person = point.person
    record_act(
        "contact_point.remove", point, by=by, lab_id=person.lab_id, subject_id=person.pk, detail={"kind": point.kind}
    )
    point.delete()
    refresh_keys(person)
    compare_again(person)


# --- Codice fiscale and documents -----------------------------------------------------------------------


@transaction.atomic
def set_identifier(person: Person, *, by: User, kind: str, value: str) -> PersonIdentifier:
    """Keep a codice fiscale (one: a new one takes the place of the old) or the number of a document, sealed.

    Raise FiscalCodeIsWrong, or FiscalCodeDoesNotMatch when its date of birth is not that of the file.
    """
    clean = "".join(value.split()).upper()
    if kind == PersonIdentifier.Kind.FISCAL_CODE:
        check_fiscal_code(clean, person)
        forgotten = list(PersonIdentifier.objects.filter(person=person, kind=kind).order_by("pk"))
    else:
        forgotten = []
    if not clean:
        raise FiscalCodeIsWrong(_("Scrivi il numero del documento."))
    for identifier in forgotten:
        _forget(identifier)
    key_id = keys.newest_key_id()
    index = blind_index(kind, clean, key_id)
    there = PersonIdentifier.objects.filter(person=person, kind=kind, blind_index=index).first()
    if there is not None:
        return there
    identifier = PersonIdentifier(person=person, kind=kind, key_id=key_id, blind_index=index)
    seal_texts([(identifier, {"value": clean})])
    identifier.save(force_insert=True)
    compare_again(person)
    record_act("identifier.set", identifier, by=by, lab_id=person.lab_id, subject_id=person.pk, detail={"kind": kind})
    return identifier


def _forget(identifier: PersonIdentifier) -> None:
    data_key_id = identifier.data_key_id
    identifier.delete()
    if data_key_id:
        DataKey.objects.filter(pk=data_key_id).delete()


def check_fiscal_code(code: str, person: Person) -> None:
    """Check a codice fiscale (D.M. 23 December 1976) by its own check character and by the file's date of birth.

    Whoever is waiting for the real one has a provisional code of eleven digits, which says no date. Raise
    FiscalCodeIsWrong or FiscalCodeDoesNotMatch.
    """
    if code.isdigit() and len(code) == 11 and iva.is_valid(code):
        return
    if not codicefiscale.is_valid(code):
        raise FiscalCodeIsWrong(
            _("Il codice fiscale «%(code)s» non è giusto: sono 16 lettere e cifre, ricontrollale una per una.")
            % {"code": code[:20]}
        )
    born: date = codicefiscale.decode(code)["birthdate"].date()
    # The code carries two digits of the year only.
    if person.birth_date:
        matches = (born.year % 100, born.month, born.day) == (
            person.birth_date.year % 100,
            person.birth_date.month,
            person.birth_date.day,
        )
        of_file = date_format(person.birth_date, "d/m/Y")
    else:
        matches = person.birth_year is None or born.year % 100 == person.birth_year % 100
        of_file = str(person.birth_year)
    if not matches:
        raise FiscalCodeDoesNotMatch(
            _("Il codice fiscale dice nato il %(code)s, la scheda dice %(file)s: correggi quello sbagliato.")
            % {"code": date_format(born, "d/m/Y"), "file": of_file}
        )


@transaction.atomic
def read_identifier(identifier: PersonIdentifier, *, by: User) -> str:
    """Give a codice fiscale or the number of a document, and record that `by` looked at it."""
    person = identifier.person
    record_reading(
        "identifier.read",
        identifier,
        by=by,
        lab_id=person.lab_id,
        subject_id=person.pk,
        detail={"kind": identifier.kind},
    )
    try:
        return open_texts(identifier).get("value", "")
    except TextIsGone:
        return ""


# --- Consents and what funds ask ------------------------------------------------------------------------


@transaction.atomic
def record_consent(
    person: Person,
    *,
    by: User,
    scope: str,
    text_version: str,
    how: str,
    language: str = "it",
    ends_on: date | None = None,
    once: str = "",
) -> Consent:
    """Record what a person agreed to: to which version of which words, in which language, until when.

    Raise AlreadySubmitted (its result is the consent's id).
    """
    consent = Consent(
        person=person,
        scope=scope,
        text_version=text_version,
        language=language,
        how=how,
        ends_on=ends_on,
        recorded_by=by,
    )
    submit_once(once, str(consent.pk))
    consent.save(force_insert=True)
    note_seen(person, timezone.localdate())
    record_act("consent.record", consent, by=by, lab_id=person.lab_id, subject_id=person.pk, detail={"how": how})
    return consent


@transaction.atomic
def withdraw_consent(consent: Consent, *, by: User, on: date | None = None) -> Consent:
    """Record that a person changed their mind, from today or from `on`; doing it twice changes nothing."""
    current = Consent.objects.select_for_update(of=("self",), no_key=True).select_related("person").get(pk=consent.pk)
    if current.withdrawn_on is None:
        current.withdrawn_on = on or timezone.localdate()
        current.save(update_fields=["withdrawn_on"])
        person = current.person
        note_seen(person, timezone.localdate())
        record_act("consent.withdraw", current, by=by, lab_id=person.lab_id, subject_id=person.pk)
    return current


def was_met_before(person: Person) -> bool:
    """Tell whether the lab met this person on a day before today, so that today is no first contact.

    Only the desk knows, which stands above this app: the settings name the function that answers.
    """
    return bool(import_string(settings.MET_BEFORE)(person, timezone.localdate()))


@transaction.atomic
def record_entry_snapshot(
    person: Person,
    *,
    by: User,
    operation: str,
    has_earlier_contact: bool,
    values: Mapping[str, str],
    sensitive: Mapping[str, str] | None = None,
    asked_on: date | None = None,
) -> EntrySnapshot:
    """Record what a fund asks of a participant on entry, each value or why there is none.

    The sensitive ones are sealed apart, with the day on which they were asked. A person who comes back into the same
    operation is the same participant: the first snapshot is given back. Raise TooEarlyToAsk unless there was an
    earlier contact (was_met_before), ValueError for a value that is not in its list.
    """
    if not has_earlier_contact:
        raise TooEarlyToAsk(_("Alla prima visita si ascolta: queste domande si fanno dalla seconda volta."))
    # Two clicks wait for each other here: the second finds the sheet of the first.
    _lock(person)
    earlier = EntrySnapshot.objects.filter(person=person, operation__iexact=operation).first()
    if earlier is not None:
        return earlier
    snapshot = EntrySnapshot(person=person, operation=operation, recorded_by=by, **values)
    _check_choices(snapshot, sensitive or {})
    snapshot.save(force_insert=True)
    if sensitive is not None:
        apart = SensitiveSnapshot(snapshot=snapshot, asked_on=asked_on or timezone.localdate())
        seal_texts([(apart, dict(sensitive))])
        apart.save(force_insert=True)
    record_act("entry.record", snapshot, by=by, lab_id=person.lab_id, subject_id=person.pk)
    return snapshot


@transaction.atomic
def read_sensitive_answers(snapshot: EntrySnapshot, *, by: User) -> dict[str, str]:
    """Give the sensitive answers of an entry sheet, {} when none were asked or kept; record that `by` read them."""
    person = snapshot.person
    record_reading("entry.read", snapshot, by=by, lab_id=person.lab_id, subject_id=person.pk)
    apart = SensitiveSnapshot.objects.select_related("data_key").filter(snapshot=snapshot).first()
    try:
        return open_texts(apart) if apart else {}
    except TextIsGone:
        return {}


def _check_choices(snapshot: EntrySnapshot, sensitive: Mapping[str, str]) -> None:
    try:
        snapshot.clean_fields(exclude=["person", "recorded_by"])
    except ValidationError as error:
        raise ValueError(sorted(error.message_dict)) from None
    allowed = {value for value, _label in SensitiveSnapshot.VALUES}
    if wrong := (set(sensitive.values()) - allowed) | (sensitive.keys() - SensitiveSnapshot.QUESTIONS.keys()):
        raise ValueError(sorted(wrong))
