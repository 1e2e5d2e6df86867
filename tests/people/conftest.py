"""Households and houses for stories about people."""

from datetime import date
from typing import Any

import pytest

from ballatoio.base.accounts.models import User
from ballatoio.base.labs.models import Lab
from ballatoio.base.people.households import house_household, join_household
from ballatoio.base.people.merging import merge_people
from ballatoio.base.people.models import Household, Person, PersonMerge
from ballatoio.base.people.services import register_person
from ballatoio.base.territory.models import Dwelling, Stair
from ballatoio.base.territory.services import add_building


def make_dwelling(lab: Lab, street: str = "viale Omero", civic: str = "12", number: str = "1") -> Dwelling:
    building = add_building(lab, street=street, civic=civic, by=None, stairs=["A", "B"])
    return Dwelling.objects.create(stair=Stair.objects.get(building=building, name="B"), number=number, floor=2)


def fresh(person: Person) -> Person:
    return Person.objects.select_related("data_key").get(pk=person.pk)


def merge(kept: Person, merged: Person, by: User, **more: Any) -> PersonMerge:
    """Merge the two as they are now."""
    kept, merged = fresh(kept), fresh(merged)
    return merge_people(kept, merged, by=by, **{"versions": (kept.version, merged.version)} | more)


@pytest.fixture
def amal(mazzini: Lab, anna: User) -> Person:
    """Lives in viale Omero with Karim."""
    return register_person(
        mazzini,
        by=anna,
        given_name="Amal",
        family_name="Haddad",
        birth_date=date(1987, 3, 5),
        languages_spoken=["ar", "it"],
        languages_read=["ar"],
        interpreter="wanted",
        notes="Parla piano.",
        phone="333 1234567",
    )


@pytest.fixture
def karim(mazzini: Lab, anna: User) -> Person:
    """Lives in viale Omero with Amal."""
    return register_person(mazzini, by=anna, given_name="Karim", family_name="Haddad", birth_year=1980)


@pytest.fixture
def haddad(amal: Person, karim: Person) -> Household:
    """Amal and Karim, in viale Omero 12."""
    household = join_household(amal, by=None, since=date(2020, 1, 1)).household
    join_household(karim, household, by=None)
    house_household(household, make_dwelling(household.lab), by=None, since=date(2020, 1, 1))
    return household
