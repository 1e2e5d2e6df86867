"""The part of services.py that keeps the words by which people are looked up true to their files."""

from collections.abc import Iterable, Sequence

from .models import ContactPoint, Person, PersonKey
from .names import person_keys


def refresh_keys(person: Person) -> None:
    """Make the keys of a person those of their names and telephone numbers of now."""
    phones = person.contact_points.exclude(kind=ContactPoint.Kind.EMAIL).values_list("value", flat=True)
    wanted = person_keys(person.given_name, person.family_name, person.pronounced, phones)
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
            for key in sorted(person_keys(person.given_name, person.family_name, person.pronounced, phones))
        ),
        batch_size=2000,
    )
