"""Living together, and getting to safety."""

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from ballatoio.base.accounts.models import AccessCode, User
from ballatoio.base.accounts.services import issue_code
from ballatoio.base.audit.models import AuditEntry
from ballatoio.base.labs.models import Lab
from ballatoio.base.people.households import (
    AlreadyInAHousehold,
    addresses_of,
    home_of,
    house_household,
    household_of,
    household_view,
    join_household,
    leave_household,
    lift_protection,
    separate_person,
    settle_person,
)
from ballatoio.base.people.lookup import duplicate_hints, search_people
from ballatoio.base.people.models import ContactPoint, Household, HouseholdDwelling, HouseholdMember, Person
from ballatoio.base.people.services import add_contact_point, register_person

from .conftest import make_dwelling

pytestmark = pytest.mark.django_db


def fresh(person: Person) -> Person:
    return Person.objects.get(pk=person.pk)


def test_who_lives_with_whom_and_where(haddad: Household, amal: Person, karim: Person, anna: User) -> None:
    assert list(household_view(haddad, anna)) == [karim, amal]
    assert household_of(amal) == haddad
    assert str(home_of(amal).stair.building) == "viale Omero 12"  # type: ignore[union-attr]
    assert addresses_of([amal]) == {amal.pk: "viale Omero 12, scala B"}


def test_one_household_at_a_time(haddad: Household, amal: Person) -> None:
    assert join_household(amal, haddad, by=None).household == haddad
    with pytest.raises(AlreadyInAHousehold):
        join_household(amal, by=None)
    leave_household(amal, by=None)
    assert leave_household(amal, by=None) is None
    assert join_household(amal, by=None).household != haddad


def test_moving_ends_the_dwelling_before(haddad: Household, amal: Person) -> None:
    new = make_dwelling(haddad.lab, "via Odazio", "7")
    house_household(haddad, new, by=None, since=date(2025, 5, 1))
    assert house_household(haddad, new, by=None).since == date(2025, 5, 1)
    assert list(HouseholdDwelling.objects.order_by("since").values_list("until", flat=True)) == [date(2025, 5, 1), None]
    assert home_of(amal) == new


def test_a_household_never_moves_into_another_lab(haddad: Household, milo: Lab) -> None:
    with pytest.raises(ValueError, match="different labs"):
        house_household(haddad, make_dwelling(milo), by=None)
    stranger = register_person(milo, by=None, given_name="Li")
    with pytest.raises(ValueError, match="different labs"):
        join_household(stranger, haddad, by=None)


def test_the_database_refuses_two_homes_and_a_stay_that_ends_before_it_starts(haddad: Household, amal: Person) -> None:
    other = Household.objects.create(lab=haddad.lab)
    with pytest.raises(IntegrityError), transaction.atomic():
        HouseholdMember.objects.create(household=other, person=amal)
    with pytest.raises(IntegrityError), transaction.atomic():
        HouseholdDwelling.objects.create(household=haddad, dwelling=make_dwelling(haddad.lab, "via Odazio", "7"))
    with pytest.raises(IntegrityError), transaction.atomic():
        HouseholdMember.objects.create(household=other, person=amal, since=date(2025, 1, 2), until=date(2025, 1, 1))


@pytest.fixture
def codes(haddad: Household, amal: Person, karim: Person, anna: User) -> dict[str, AccessCode]:
    made = {}
    for name, obj in (("amal", amal), ("karim", karim), ("household", haddad)):
        made[name], _code = issue_code(
            obj, purpose="sign_in", lab=haddad.lab, valid_for=timedelta(days=1), by=anna, subject_id=None
        )
    return made


def test_separation_is_one_act(
    haddad: Household, amal: Person, karim: Person, anna: User, codes: dict[str, AccessCode]
) -> None:
    add_contact_point(amal, by=anna, kind="phone", value="02 4771 4011", is_shared=True)
    add_contact_point(karim, by=anna, kind="phone", value="333 1234567", is_shared=True)
    add_contact_point(karim, by=anna, kind="phone", value="338 7654321")
    safe = add_contact_point(amal, by=anna, kind="phone", value="347 0000001")
    separate_person(amal, by=anna)
    after = fresh(amal)
    assert (after.is_protected, after.protected_since) == (True, timezone.localdate())
    assert HouseholdMember.objects.get(person=amal).until == timezone.localdate()
    assert list(ContactPoint.objects.filter(person=amal)) == [safe]
    assert list(ContactPoint.objects.filter(person=karim).values_list("value", flat=True)) == ["+39 338 765 4321"]
    revoked = {name: AccessCode.objects.get(pk=code.pk).revoked_at is not None for name, code in codes.items()}
    assert revoked == {"amal": True, "karim": False, "household": True}
    entry = AuditEntry.objects.get(verb="person.separate")
    assert (entry.subject_id, entry.detail) == (amal.pk, {"codes": 2, "contact_points": 3})


def test_the_household_sees_nothing_of_a_protected_member(
    haddad: Household, amal: Person, karim: Person, anna: User, farid: User
) -> None:
    Person.objects.filter(pk=karim.pk).update(user=farid)
    separate_person(amal, by=anna)
    for viewer in (anna, farid):
        assert list(household_view(haddad, viewer)) == [fresh(karim)]
    # She comes back under protection: still nobody but herself sees it.
    join_household(fresh(amal), haddad, by=None)
    assert list(household_view(haddad, anna)) == [fresh(karim)]
    assert household_of(fresh(amal)) is None
    assert addresses_of([fresh(amal), fresh(karim)]) == {karim.pk: "viale Omero 12, scala B"}
    assert search_people(anna, haddad.lab, "omero 12") == [fresh(karim)]
    hints = duplicate_hints(anna, haddad.lab, "Amal", "Haddad")
    assert [(hint.name, hint.birth_year, hint.phone_end) for hint in hints] == [("Amal Haddad", None, "")]
    # The number alone, which whoever looks for her may know, says nothing.
    assert duplicate_hints(anna, haddad.lab, "Tizio", "Caio", None, "333 1234567") == []


def test_a_protected_person_still_sees_herself(haddad: Household, amal: Person, anna: User, farid: User) -> None:
    Person.objects.filter(pk=amal.pk).update(user=farid, is_protected=True, protected_since=timezone.localdate())
    assert list(household_view(haddad, farid)) == [fresh(amal)]


def test_separating_again_changes_nothing_more(haddad: Household, amal: Person, anna: User) -> None:
    separate_person(amal, by=anna)
    version = fresh(amal).version
    assert separate_person(amal, by=anna).version == version


def test_whoever_lives_alone_can_be_protected_too(karim: Person, anna: User) -> None:
    assert separate_person(karim, by=anna).is_protected
    assert lift_protection(karim, by=anna).is_protected is False
    lift_protection(karim, by=anna)
    assert AuditEntry.objects.filter(verb="person.lift_protection").count() == 1


def test_somebody_entered_with_a_date_to_come_may_leave_before(karim: Person, anna: User) -> None:
    join_household(karim, by=anna, since=timezone.localdate() + timedelta(days=30))
    separate_person(karim, by=anna)
    member = HouseholdMember.objects.get(person=karim)
    assert (member.since, member.until) == (timezone.localdate(), timezone.localdate())


def test_another_lab_sees_no_household(haddad: Household, bruno: User) -> None:
    assert list(household_view(haddad, bruno)) == []


def test_going_to_live_with_somebody(haddad: Household, amal: Person, mazzini: Lab, anna: User) -> None:
    sister = register_person(mazzini, by=anna, given_name="Rania")
    home = home_of(amal)
    assert home is not None
    assert settle_person(sister, home, by=anna, move="with_others") == haddad
    assert settle_person(sister, home, by=anna, move="with_others") == haddad
    assert sister in household_view(haddad, anna)


def test_moving_out_alone_and_moving_all_together(
    haddad: Household, amal: Person, karim: Person, mazzini: Lab, anna: User
) -> None:
    new = make_dwelling(mazzini, "via Odazio", "7")
    alone = settle_person(karim, new, by=anna, move="alone")
    assert (alone != haddad, home_of(karim), list(household_view(haddad, anna))) == (True, new, [amal])
    other = make_dwelling(mazzini, "via Odazio", "9")
    assert settle_person(amal, other, by=anna, move="all") == haddad
    assert home_of(amal) == other
    # Nobody lives there yet: «with the others» starts a household.
    empty = make_dwelling(mazzini, "via Odazio", "11")
    assert settle_person(karim, empty, by=anna, move="with_others") not in (haddad, alone)


def test_a_household_that_everybody_left_lives_nowhere_and_is_joined_by_nobody(
    haddad: Household, amal: Person, karim: Person, mazzini: Lab, anna: User
) -> None:
    home = home_of(amal)
    assert home is not None
    leave_household(karim, by=anna, on=date(2025, 1, 1))
    assert HouseholdDwelling.objects.get(household=haddad).until is None
    leave_household(amal, by=anna, on=date(2025, 2, 1))
    assert HouseholdDwelling.objects.get(household=haddad).until == date(2025, 2, 1)
    # Nor is one of before, whose dwelling nobody ended.
    HouseholdDwelling.objects.filter(household=haddad).update(until=None)
    lives_there = settle_person(karim, home, by=anna, move="with_others")
    assert lives_there != haddad
    sisters = [register_person(mazzini, by=anna, given_name=name) for name in ("Rania", "Samira")]
    assert [settle_person(sister, home, by=anna, move="with_others") for sister in sisters] == [lives_there] * 2


def test_the_last_one_brought_to_safety_leaves_an_empty_flat(karim: Person, mazzini: Lab, anna: User) -> None:
    household = settle_person(karim, make_dwelling(mazzini), by=anna, move="alone")
    separate_person(karim, by=anna)
    assert HouseholdDwelling.objects.get(household=household).until == timezone.localdate()
