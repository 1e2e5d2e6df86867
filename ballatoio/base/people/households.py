"""The part of services.py about living together: joining, leaving, moving, and getting to safety.

Access is per person, never per household: whoever shows a household to anybody asks `household_view`.
"""

from datetime import date

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import models, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ballatoio.base.accounts.models import User
from ballatoio.base.accounts.services import revoke_codes, shut_account
from ballatoio.base.audit.services import record_act
from ballatoio.base.jobs.services import plan_work
from ballatoio.base.labs.models import Lab
from ballatoio.base.territory.models import Dwelling

from .indexing import refresh_keys
from .models import ContactPoint, Household, HouseholdDwelling, HouseholdMember, Person


class AlreadyInAHousehold(Exception):
    """A person lives in one household at a time: they leave the first before they join the second."""


def household_view(household: Household, viewer: User | AbstractBaseUser | AnonymousUser) -> QuerySet[Person]:
    """Give the members of a household of today that `viewer` may be shown: pages, letters, exports, searches.

    A protected member is never among them, for anybody but themselves: not their name, not that they exist.
    """
    own = Q(user_id=viewer.pk) if isinstance(viewer, User) else Q(pk__in=[])
    return (
        Person.objects.visible_to(viewer)
        .filter(Q(is_protected=False) | own, households__household=household, households__until__isnull=True)
        .order_by("birth_year", "given_name", "pk")
    )


def household_of(person: Person) -> Household | None:
    """Give the household in which a person lives today, or None; none is told of a protected person."""
    if person.is_protected:
        return None
    return Household.objects.filter(members__person=person, members__until__isnull=True).first()


def may_know_home(person: Person, viewer: User) -> bool:
    """Tell whether `viewer`, who opens a person's own file, may see where they live.

    Of a protected person nobody who ever lived with them may, even when they work at the desk.
    """
    if not person.is_protected or person.user_id == viewer.pk:
        return True
    shared = Household.objects.filter(members__person=person)
    return not HouseholdMember.objects.filter(household__in=shared, person__user=viewer).exists()


def home_of(person: Person) -> Dwelling | None:
    """Give the dwelling, with its building, in which a person lives today, protected or not.

    For the person's own file alone, after may_know_home; lists and letters ask addresses_of.
    """
    rows = HouseholdDwelling.objects.filter(
        until__isnull=True, household__members__person=person, household__members__until__isnull=True
    )
    current = rows.select_related("dwelling__stair__building").defer("dwelling__stair__building__geometry").first()
    return current.dwelling if current else None


def addresses_of(people: list[Person]) -> dict[object, str]:
    """Give the address at which each of these people lives today, by id; of protected people none. One query."""
    rows = HouseholdDwelling.objects.filter(
        until__isnull=True,
        household__members__until__isnull=True,
        household__members__person_id__in=[person.pk for person in people if not person.is_protected],
    ).values_list(
        "household__members__person_id",
        "dwelling__stair__building__street",
        "dwelling__stair__building__civic",
        "dwelling__stair__name",
    )
    return {
        person_id: _("%(street)s %(civic)s, scala %(stair)s") % {"street": street, "civic": civic, "stair": stair}
        for person_id, street, civic, stair in rows
    }


@transaction.atomic
def join_household(
    person: Person, household: Household | None = None, *, by: User | None, since: date | None = None
) -> HouseholdMember:
    """Let a person live in a household from a day on; None starts a new one.

    Raise AlreadyInAHousehold when the person lives in another; joining the same again changes nothing.
    """
    Person.objects.select_for_update(of=("self",), no_key=True).get(pk=person.pk)
    current = HouseholdMember.objects.filter(person=person, until__isnull=True).first()
    if current is not None:
        if household is not None and current.household_id == household.pk:
            return current
        raise AlreadyInAHousehold(_("Questa persona vive già in un nucleo: prima deve lasciarlo."))
    if household is None:
        household = Household.objects.create(lab_id=person.lab_id, synthetic=person.synthetic)
    if household.lab_id != person.lab_id:
        raise ValueError("household and person of different labs")
    member = HouseholdMember.objects.create(household=household, person=person, since=since)
    record_act("household.join", household, by=by, lab_id=person.lab_id, subject_id=person.pk)
    return member


@transaction.atomic
def leave_household(person: Person, *, by: User | None, on: date | None = None) -> HouseholdMember | None:
    """End a person's life in their household with a day (today); give how it was, or None when there was none."""
    member = (
        HouseholdMember.objects.select_for_update(of=("self",), no_key=True)
        .filter(person=person, until__isnull=True)
        .first()
    )
    if member is None:
        return None
    _leave(member, on or timezone.localdate())
    record_act("household.leave", member.household, by=by, lab_id=person.lab_id, subject_id=person.pk)
    return member


def _leave(member: HouseholdMember, on: date) -> None:
    """End a person's life in a household; when they were the last, the household lives nowhere any more."""
    household = Household.objects.select_for_update(of=("self",), no_key=True).get(pk=member.household_id)
    _end(member, on)
    if not household.members.filter(until__isnull=True).exists():
        for home in household.dwellings.filter(until__isnull=True):
            _end(home, on)


def _end(row: HouseholdMember | HouseholdDwelling, on: date) -> None:
    # Whoever was entered with a date to come and leaves before it has never been there longer than a day.
    if row.since and row.since > on:
        row.since = on
    row.until = on
    row.save(update_fields=["since", "until"])


@transaction.atomic
def house_household(
    household: Household, dwelling: Dwelling, *, by: User | None, since: date | None = None
) -> HouseholdDwelling:
    """Let a household live in a dwelling from a day on, leaving the one before; by which title is not asked."""
    lab: Lab = household.lab
    if dwelling.stair.building.lab_id != lab.pk:
        raise ValueError("household and dwelling of different labs")
    rows = HouseholdDwelling.objects.select_for_update(of=("self",), no_key=True).filter(
        household=household, until__isnull=True
    )
    current = rows.first()
    if current is not None:
        if current.dwelling_id == dwelling.pk:
            return current
        _end(current, since or timezone.localdate())
    housed = HouseholdDwelling.objects.create(household=household, dwelling=dwelling, since=since)
    record_act("household.house", household, by=by, lab_id=lab.pk)
    return housed


class Move(models.TextChoices):
    """Who goes to live in a dwelling."""

    WITH_OTHERS = "with_others", gettext_lazy("Va a vivere con chi abita già lì")
    ALONE = "alone", gettext_lazy("Ci vive senza quelli di prima")
    ALL = "all", gettext_lazy("Si trasferisce tutto il suo nucleo")


def _household_in(dwelling: Dwelling) -> Household | None:
    """Give the household that lives in a dwelling, the one that has been there longest when there are several.

    Without anybody in it a household lives nowhere, whatever its dwelling says.
    """
    somebody = HouseholdMember.objects.filter(household=OuterRef("household"), until__isnull=True)
    homes = HouseholdDwelling.objects.filter(Exists(somebody), dwelling=dwelling, until__isnull=True)
    home = homes.select_related("household__lab").order_by(F("since").asc(nulls_first=True), "pk").first()
    return home.household if home else None


@transaction.atomic
def settle_person(person: Person, dwelling: Dwelling, *, by: User, move: str, since: date | None = None) -> Household:
    """Write down where a person lives from a day on (today), and with whom: `move` is a Move.

    Who lived with them stays where they were, unless all move. Give the household in which the person now lives.
    """
    day = since or timezone.localdate()
    here = _household_in(dwelling)
    current = Household.objects.filter(members__person=person, members__until__isnull=True).first()
    if move == Move.ALL and current is not None:
        house_household(current, dwelling, by=by, since=day)
        return current
    if move == Move.WITH_OTHERS and here is not None and here == current:
        return here
    leave_household(person, by=by, on=day)
    household = join_household(person, here if move == Move.WITH_OTHERS else None, by=by, since=day).household
    house_household(household, dwelling, by=by, since=day)
    return household


@transaction.atomic
def separate_person(person: Person, *, by: User) -> Person:
    """Bring a person to safety from their household, all in one act; doing it again changes nothing more.

    They leave the household today and become protected: address, contacts and history are shown to nobody of it.
    Codes of the person and of the household stop working, and so does all that opens the person's own page: those
    who lived with them may have it on a telephone. (Who works in a lab enters as staff, with a second factor.)
    Ways to reach them that the household shares are forgotten, on their file and on those of the others, so that
    nobody calls one about the other.
    """
    current = Person.objects.select_for_update(of=("self",), no_key=True).get(pk=person.pk)
    households = list(Household.objects.filter(members__person=current).order_by("pk").distinct())
    others = list(
        Person.objects.filter(households__household__in=households).exclude(pk=current.pk).order_by("pk").distinct()
    )
    forgotten = _forget_shared_points(current, others)
    member = (
        HouseholdMember.objects.select_for_update(of=("self",), no_key=True)
        .filter(person=current, until__isnull=True)
        .first()
    )
    if member is not None:
        _leave(member, timezone.localdate())
    codes = revoke_codes(current, by=by, lab_id=current.lab_id)
    codes += sum(revoke_codes(household, by=by, lab_id=current.lab_id) for household in households)
    if current.user and not current.user.is_lab_staff:
        shut_account(current.user, by=by, lab_id=current.lab_id)
    if not current.is_protected:
        current.is_protected = True
        current.protected_since = timezone.localdate()
        current.version += 1
        current.save(update_fields=["is_protected", "protected_since", "version"])
    _search_again(current)
    detail = {"codes": codes, "contact_points": forgotten}
    record_act("person.separate", current, by=by, lab_id=current.lab_id, subject_id=current.pk, detail=detail)
    return current


def _search_again(person: Person) -> None:
    """Let the contacts of a person lose, or get back, the house among the words by which they are found."""
    key = f"people.person_changed:{person.pk}:{person.version}"
    plan_work("people.person_changed", key=key, payload={"person": str(person.pk)})


def _forget_shared_points(person: Person, others: list[Person]) -> int:
    """Forget the numbers that join the person to the others: those marked as shared, and those that both have."""
    own = ContactPoint.objects.filter(person=person)
    theirs = ContactPoint.objects.filter(person__in=others)
    values = set(own.values_list("value", flat=True))
    common = values & set(theirs.values_list("value", flat=True))
    on_theirs = theirs.filter(value__in=values, is_shared=True)
    touched = {point.person_id for point in on_theirs}
    # Counted by hand: the total of delete() has what hangs on the rows too.
    on_own = own.filter(Q(is_shared=True) | Q(value__in=common))
    count = len(on_own) + len(touched)
    on_theirs.delete()
    on_own.delete()
    refresh_keys(person)
    for other in others:
        if other.pk in touched:
            refresh_keys(other)
    return count


@transaction.atomic
def lift_protection(person: Person, *, by: User) -> Person:
    """End the protection of a person who asked for it; nothing that was revoked or forgotten comes back."""
    current = Person.objects.select_for_update(of=("self",), no_key=True).get(pk=person.pk)
    if current.is_protected:
        current.is_protected = False
        current.protected_since = None
        current.version += 1
        current.save(update_fields=["is_protected", "protected_since", "version"])
        _search_again(current)
        record_act("person.lift_protection", current, by=by, lab_id=current.lab_id, subject_id=current.pk)
    return current
