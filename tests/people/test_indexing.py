"""The words by which people are found: true to their files, and made again when the program makes them otherwise."""

from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command

from ballatoio.base.accounts.models import User
from ballatoio.base.jobs.models import DueWork
from ballatoio.base.jobs.services import do_next_work, plan_work
from ballatoio.base.labs.models import Lab
from ballatoio.base.people.households import lift_protection, separate_person
from ballatoio.base.people.indexing import reindex_people
from ballatoio.base.people.lookup import search_people
from ballatoio.base.people.models import Person, PersonKey
from ballatoio.base.people.services import amend_person
from tests.factories import make_building, make_contact

from .conftest import fresh, merge

pytestmark = pytest.mark.django_db


def keys() -> set[tuple[Any, str]]:
    return set(PersonKey.objects.values_list("person_id", "key"))


def test_old_words_are_written_again_and_nothing_else(
    amal: Person, karim: Person, mazzini: Lab, anna: User, capsys: pytest.CaptureFixture[str]
) -> None:
    right = keys()
    PersonKey.objects.filter(person=amal, key__startswith="~").delete()
    PersonKey.objects.create(lab=mazzini, person=amal, key="~hml")
    Person.objects.update(compared_version=1)
    call_command("reindex_people")
    assert capsys.readouterr().out == "Fatto: 1 persone avevano parole vecchie.\n"
    assert keys() == right
    assert search_people(anna, mazzini, "أمل") == [amal]
    # Second files are looked for by the new words.
    assert list(Person.objects.not_compared()) == [amal]
    call_command("reindex_people")
    assert capsys.readouterr().out == "Era già tutto a posto.\n"


def test_a_file_keeps_the_names_of_those_that_became_part_of_it(amal: Person, karim: Person, anna: User) -> None:
    merge(amal, karim, anna)
    right = keys()
    PersonKey.objects.all().delete()
    reindex_people()
    assert keys() == right
    assert {person for person, _key in right} == {amal.pk}
    assert (amal.pk, "karim") in right


def test_the_worker_says_how_far_it_is(amal: Person, karim: Person) -> None:
    plan_work("people.reindex", key="now")
    while do_next_work():
        pass
    work = DueWork.objects.get(key="now")
    assert (work.done_at is not None, work.progress, work.total) == (True, 2, 2)


def test_an_installation_with_people_in_it_plans_the_work_once(amal: Person) -> None:
    migration = import_module("ballatoio.base.people.migrations.0004_plan_reindex")
    for _ in range(2):
        migration.plan_reindex(apps, None)
    assert DueWork.objects.filter(kind="people.reindex").count() == 1


def test_an_empty_installation_has_nothing_to_do(mazzini: Lab) -> None:
    import_module("ballatoio.base.people.migrations.0004_plan_reindex").plan_reindex(apps, None)
    assert not DueWork.objects.filter(kind="people.reindex").exists()


def test_contacts_are_found_by_a_new_name(amal: Person, anna: User, mazzini: Lab) -> None:
    contact = make_contact(mazzini, anna, person=amal)
    amend_person(amal, by=anna, version=1, family_name="Mansour")
    while do_next_work():
        pass
    contact.refresh_from_db()
    assert "mansour" in contact.search_words
    assert "haddad" not in contact.search_words


def test_contacts_of_a_protected_person_are_not_found_by_the_house(amal: Person, anna: User, mazzini: Lab) -> None:
    contact = make_contact(mazzini, anna, person=amal, building=make_building(mazzini, "via Panigarola"))
    separate_person(amal, by=anna)
    while do_next_work():
        pass
    contact.refresh_from_db()
    assert "panigarola" not in contact.search_words
    lift_protection(fresh(amal), by=anna)
    while do_next_work():
        pass
    contact.refresh_from_db()
    assert "panigarola" in contact.search_words
