"""People who may have two files: found by what they share, forgotten when somebody says that they are two."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ballatoio.base.accounts.models import User
from ballatoio.base.audit.models import AuditEntry
from ballatoio.base.jobs.models import DueWork
from ballatoio.base.jobs.services import do_next_work, plan_work
from ballatoio.base.labs.models import Lab
from ballatoio.base.people.doubles import BATCH, compare_next, compare_people, say_different
from ballatoio.base.people.households import join_household, separate_person
from ballatoio.base.people.indexing import index_people
from ballatoio.base.people.merging import undo_merge
from ballatoio.base.people.models import Household, Person, ProbableDuplicate
from ballatoio.base.people.services import add_contact_point, amend_person, register_person, set_identifier
from tests.factories import make_user

from .conftest import merge

pytestmark = pytest.mark.django_db
Write = Callable[..., Person]


@pytest.fixture
def write(mazzini: Lab, anna: User) -> Write:
    """Write somebody down at the desk of Mazzini."""

    def register(given: str = "", family: str = "", born: date | int | None = None, phone: str = "") -> Person:
        birth = {"birth_date": born} if isinstance(born, date) else {"birth_year": born}
        return register_person(mazzini, by=anna, given_name=given, family_name=family, phone=phone, **birth)  # type: ignore[arg-type]

    return register


def found() -> list[tuple[set[str], list[str]]]:
    """Compare, and give the pairs that nobody decided about: their names, and why."""
    compare_people()
    doubles = ProbableDuplicate.objects.undecided().select_related("one", "other")
    return [({str(double.one), str(double.other)}, double.why) for double in doubles]


ONE = ("Mohamed", "Haddad", 1980, "333 1234567")


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (("Mohamed", "Haddad", 1980, "333 1234567"), ["phone", "birth_year", "same_name"]),
        (("Haddad", "Mohamed", 1980, ""), ["birth_year", "same_name"]),
        (("محمد", "حداد", 1980, ""), ["birth_year", "name"]),
        (("Haddad", "Muhammad", 1980, ""), ["birth_year", "name"]),
        (("Mohamed Ali", "El Haddad", 1980, ""), ["birth_year", "name"]),
        (("Mohamed", "Haddad", None, ""), ["same_name"]),
        (("Mohamed", "", None, "333 1234567"), ["phone", "name"]),
        # One thing speaks against it, or nothing for it.
        (("Mohamed", "Haddad", 1981, "333 1234567"), []),
        (("Amina", "Haddad", 1980, "333 1234567"), []),
        (("Amina", "Haddad", None, "333 1234567"), []),
        (("Mohamed", "Rossi", 1980, ""), []),
        (("Mohamed", "Hadid", 1980, ""), []),
        (("Muhammad", "Haddad", None, ""), []),
        (("Mario", "Rossi", None, "333 1234567"), []),
        (("Mohamed", "", None, ""), []),
    ],
)
def test_who_is_taken_for_the_same(write: Write, other: tuple[Any, ...], why: list[str]) -> None:
    one, two = write(*ONE), write(*other)
    assert found() == ([({str(one), str(two)}, why)] if why else [])


def test_the_same_birthday_counts_more_than_the_same_year(write: Write) -> None:
    write("Mohamed", "Haddad", date(1980, 5, 3))
    write("Muhammad", "Hadad", date(1980, 5, 3))
    write("Mohammed", "Haddad", 1980)
    assert [why for _names, why in found()] == [["birth_date", "name"], ["birth_year", "name"], ["birth_year", "name"]]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Mario Bruno", "Maria Bruno"),
        ("Karim Said", "Karima Said"),
        ("Ion Popa", "Ioana Popa"),
        ("Ada Rossi", "Ada Russo"),
    ],
)
def test_names_with_the_same_consonants_may_be_of_two(write: Write, one: str, other: str) -> None:
    for name in (one, other):
        write(*name.split(), 1980)
    assert found() == []


def test_two_birthdays_in_one_year_are_two_people(write: Write) -> None:
    write("Mohamed", "Haddad", date(1980, 5, 3))
    write("Mohamed", "Haddad", date(1980, 3, 5))
    assert found() == []


def test_the_same_document_is_the_same_person_whatever_else_is_written(write: Write, anna: User) -> None:
    people = [write("Mohamed", "Haddad", 1980), write("Ahmed", "Hadid", 1975)]
    for person in people:
        set_identifier(person, by=anna, kind="document", value="CA 123")
    assert found() == [({"Mohamed Haddad", "Ahmed Hadid"}, ["identifier"])]


def test_a_number_that_many_share_says_nothing(write: Write) -> None:
    for _ in range(9):
        write("Mohamed", "", None, "02 1234567")
    assert found() == []


def test_a_name_that_many_have_says_nothing_without_the_year(write: Write) -> None:
    for _ in range(6):
        write("Mario", "Rossi")
    assert found() == []


def test_people_of_two_labs_are_not_compared(write: Write, milo: Lab, bruno: User) -> None:
    write(*ONE)
    register_person(milo, by=bruno, given_name="Mohamed", family_name="Haddad", birth_year=1980, phone="333 1234567")
    assert found() == []


def test_only_what_changed_is_looked_at_again(write: Write, anna: User) -> None:
    first = write("Mohamed", "Haddad", 1980)
    assert found() == []
    assert compare_people() == 0
    second = write("Amina", "Rossi", 1980)
    assert compare_people() == 1
    amend_person(second, by=anna, version=1, given_name="Muhammad", family_name="Hadad")
    assert found() == [({str(first), "Muhammad Hadad"}, ["birth_year", "name"])]
    amend_person(second, by=anna, version=2, given_name="Amina")
    assert found() == [], "what is not so any more goes from the list"


def test_a_number_added_later_counts(write: Write, anna: User) -> None:
    write("Mohamed", "", None, "333 1234567")
    other = write("Mohamed", "Haddad")
    assert found() == []
    add_contact_point(other, by=anna, kind="phone", value="333 1234567")
    assert [why for _names, why in found()] == [["phone", "name"]]


def test_that_they_are_two_is_remembered_for_ever(write: Write, anna: User) -> None:
    one, other = write(*ONE), write(*ONE)
    compare_people()
    double = ProbableDuplicate.objects.get()
    say_different(double, by=anna)
    say_different(double, by=anna)
    for person in (one, other):
        amend_person(person, by=anna, version=1, given_name="Mohammed")
    assert found() == []
    told = AuditEntry.objects.filter(verb="person.differ").values_list("subject_id", flat=True)
    assert set(told) == {one.pk, other.pk}
    assert len(told) == 2


def test_who_is_not_the_one_is_not_the_one_whose_file_took_theirs_in(write: Write, anna: User) -> None:
    one, other, third = write(*ONE), write(*ONE), write(*ONE)
    compare_people()
    decided = ProbableDuplicate.objects.get(one__in=[one, third], other__in=[one, third])
    say_different(decided, by=anna)
    done = merge(other, one, anna)
    pairs = ProbableDuplicate.objects.undecided()
    assert found() == []
    undo_merge(done, by=anna)
    assert found() != []
    assert not pairs.filter(one__in=[one, third], other__in=[one, third]).exists()


def test_a_merged_file_is_on_no_list(write: Write, anna: User) -> None:
    one, other = write(*ONE), write(*ONE)
    assert len(found()) == 1
    merge(one, other, anna)
    assert found() == []


def test_a_protected_person_is_no_pair_for_whoever_lived_with_them(
    write: Write, haddad: Household, amal: Person, karim: Person, elena: User, mazzini: Lab
) -> None:
    write("Amal", "Haddad", 1987)
    compare_people()
    own = make_user("Karim", mazzini, "desk")
    Person.objects.filter(pk=karim.pk).update(user=own)
    assert ProbableDuplicate.objects.visible_to(own).count() == 1
    separate_person(amal, by=elena)
    assert ProbableDuplicate.objects.visible_to(own).count() == 0
    assert ProbableDuplicate.objects.visible_to(elena).count() == 1


def test_a_pair_is_seen_by_those_who_work_with_people_in_its_lab(
    write: Write, anna: User, bruno: User, farid: User
) -> None:
    write(*ONE)
    write(*ONE)
    compare_people()
    seen = [ProbableDuplicate.objects.visible_to(user).count() for user in (anna, bruno, farid)]
    assert seen == [1, 0, 0]


def test_the_work_of_a_batch_does_not_grow_with_the_number_of_people(mazzini: Lab) -> None:
    def cost(people: int, year: int) -> int:
        """Everybody has two files."""
        names = [f"{letter(number // 2)}mat {letter(number // 2)}ron" for number in range(people)]
        crowd = [Person(lab=mazzini, given_name=name, birth_year=year) for name in names]
        Person.objects.bulk_create(crowd)
        index_people((person, []) for person in crowd)
        with CaptureQueriesContext(connection) as queries:
            assert compare_next() == people
        assert ProbableDuplicate.objects.filter(one__birth_year=year).count() == people // 2
        return len(queries)

    assert cost(20, 1980) == cost(100, 1990)
    assert BATCH >= 100


def letter(number: int) -> str:
    """Give two consonants for a number up to a hundred, which no other has in that order."""
    return "bcdfglmnpr"[number // 10] + "a" + "bcdfglmnpr"[number % 10]


def test_the_worker_compares_and_says_how_far_it_is(write: Write, settings: Any) -> None:
    write(*ONE)
    write(*ONE)
    plan_work("people.compare", key="now")
    do_next_work()
    work = DueWork.objects.get(key="now")
    assert (work.done_at is not None, work.progress, work.total) == (True, 2, 2)
    assert ProbableDuplicate.objects.count() == 1


def test_a_pair_is_there_once_whoever_is_compared_first(write: Write) -> None:
    one, other = write(*ONE), write(*ONE)
    for person in (one, other):
        Person.objects.exclude(pk=person.pk).update(compared_version=1)
        Person.objects.filter(pk=person.pk).update(compared_version=0)
        compare_people()
    assert ProbableDuplicate.objects.count() == 1


def test_two_of_one_household_are_two(write: Write, anna: User) -> None:
    """Father and son with one telephone and one name: the year of birth tells them apart."""
    father, son = write("Mohamed", "Haddad", 1960, "333 1234567"), write("Mohamed", "Haddad", 1990, "333 1234567")
    household = join_household(father, by=anna).household
    join_household(son, household, by=anna)
    assert found() == []
