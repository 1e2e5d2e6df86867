"""The part of services.py that keeps the words by which people are looked up true to their files."""

from collections.abc import Callable, Iterable, Sequence
from uuid import UUID

from django.db import transaction

from .models import ContactPoint, Person, PersonKey
from .names import person_keys

BATCH = 500


def merged_files(person_ids: Iterable[UUID]) -> list[Person]:
    """Give the files that became part of these people's: their own, and those that had become part of theirs."""
    found: list[Person] = []
    ids = list(person_ids)
    while ids:
        files = list(Person.objects.filter(merged_into__in=ids).defer("sealed").order_by("pk"))
        found += files
        ids = [file.pk for file in files]
    return found


def refresh_keys(person: Person) -> None:
    """Make the keys of a person those of their names and telephone numbers of now.

    They are found by the names of the files that were merged into theirs, too; a merged file itself by none.
    """
    wanted: set[str] = set()
    if person.merged_into_id is None:
        phones = person.contact_points.exclude(kind=ContactPoint.Kind.EMAIL).values_list("value", flat=True)
        wanted = _keys_of(person, list(phones))
        wanted.update(*(_keys_of(file, ()) for file in merged_files([person.pk])))
    there = set(PersonKey.objects.filter(person=person).values_list("key", flat=True))
    if gone := there - wanted:
        PersonKey.objects.filter(person=person, key__in=gone).delete()
    PersonKey.objects.bulk_create(PersonKey(lab_id=person.lab_id, person=person, key=key) for key in wanted - there)


def index_people(people: Iterable[tuple[Person, Sequence[str]]]) -> None:
    """Write the keys of people who have none yet, each with their telephone numbers."""
    PersonKey.objects.bulk_create(
        (
            PersonKey(lab_id=person.lab_id, person=person, key=key)
            for person, phones in people
            for key in sorted(_keys_of(person, phones))
        ),
        batch_size=2000,
    )


def reindex_people(on_progress: Callable[[int], object] = int) -> int:
    """Write everybody's keys again where they are not those that this version of the program makes; give how many.

    Some hundred people at a time, each time in a transaction: it may be stopped and started again at any moment.
    `on_progress` is told how many were looked at.
    """
    changed, last = 0, UUID(int=0)
    while True:
        with transaction.atomic():
            people = list(Person.objects.filter(pk__gt=last).defer("sealed").order_by("pk")[:BATCH])
            changed += _reindex(people)
        if not people:
            return changed
        last = people[-1].pk
        on_progress(len(people))


def _reindex(people: list[Person]) -> int:
    ids = [person.pk for person in people]
    phones: dict[UUID, list[str]] = {}
    for person_id, value in (
        ContactPoint.objects.filter(person_id__in=ids)
        .exclude(kind=ContactPoint.Kind.EMAIL)
        .values_list("person_id", "value")
    ):
        phones.setdefault(person_id, []).append(value)
    there: dict[UUID, set[str]] = {}
    for person_id, key in PersonKey.objects.filter(person_id__in=ids).values_list("person_id", "key"):
        there.setdefault(person_id, set()).add(key)
    with_others = set(Person.objects.filter(merged_into__in=ids).values_list("merged_into_id", flat=True))
    changed: list[UUID] = []
    new: list[PersonKey] = []
    for person in people:
        keys = there.get(person.pk, set())
        if person.merged_into_id or person.pk in with_others:
            refresh_keys(person)
            continue
        wanted = _keys_of(person, phones.get(person.pk, ()))
        if gone := keys - wanted:
            PersonKey.objects.filter(person=person, key__in=gone).delete()
        new += [PersonKey(lab_id=person.lab_id, person=person, key=key) for key in sorted(wanted - keys)]
        if keys != wanted:
            changed.append(person.pk)
    PersonKey.objects.bulk_create(new, batch_size=2000)
    # Who may have two files is told by the keys, too.
    Person.objects.filter(pk__in=changed).update(compared_version=0)
    return len(changed)


def _keys_of(person: Person, phones: Sequence[str]) -> set[str]:
    return person_keys(person.given_name, person.family_name, person.pronounced, phones, person.birth_year)
