"""What can happen to a building and to a dwelling, and who may see which dwellings."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, transaction

from ballatoio.base.accounts.models import Membership, Role, User
from ballatoio.base.audit.models import AuditEntry
from ballatoio.base.labs.models import Lab, Organisation
from ballatoio.base.territory.models import Building, District, Dwelling, Place, Stair
from ballatoio.base.territory.services import BuildingIsAlreadyThere, add_building, change_dwelling_state
from tests.factories import make_user

from .test_geography import square

pytestmark = pytest.mark.django_db
State = Dwelling.State


def test_a_building_gets_its_address_its_district_and_its_stairs(mazzini: Lab, elena: User) -> None:
    west = District.objects.create(code="1", name="Ovest", geometry=square(9.00, 45), source="prova")
    house = add_building(
        mazzini, street="V.le Omèro", civic="12/A", by=elena, lat=45.005, lon=9.005, stairs=["A", "B", "A"]
    )
    assert (house.slug, house.street_key, house.civic_key, house.district) == (
        "vle-omero-12a",
        "viale omero",
        "12a",
        west,
    )
    assert list(house.stairs.values_list("name", flat=True)) == ["A", "B"]
    assert AuditEntry.objects.get().verb == "building.add"


def test_the_same_address_is_one_building(mazzini: Lab, milo: Lab) -> None:
    add_building(mazzini, street="via Odazio", civic="7", by=None)
    with pytest.raises(BuildingIsAlreadyThere):
        add_building(mazzini, street="VIA ODAZIO", civic="007", by=None)
    assert add_building(milo, street="via Odazio", civic="7", by=None).slug == "via-odazio-7"


def test_slugs_never_collide(mazzini: Lab) -> None:
    slugs = [add_building(mazzini, street=s, civic="7", by=None).slug for s in ("via L'Aquila", "via Laquila")]
    assert slugs == ["via-laquila-7", "via-laquila-7-2"]


def test_the_database_refuses_doubles_and_impossible_floors(mazzini: Lab) -> None:
    house = add_building(mazzini, street="via Odazio", civic="7", by=None, stairs=["A"])
    stair = Stair.objects.get()
    Dwelling.objects.create(stair=stair, number="1", floor=0)
    for model, fields in (
        (Dwelling, {"stair": stair, "number": "1", "floor": 1}),
        (Dwelling, {"stair": stair, "number": "2", "floor": 99}),
        (Stair, {"building": house, "name": "A"}),
        (Building, {"lab": mazzini, "street": "x", "civic": "7", "slug": house.slug}),
        (Place, {"lab": mazzini, "kind": "school", "name": "x", "source_key": "k"}),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            for _ in range(2):
                model._default_manager.create(**fields)


def test_a_dwelling_changes_state_once(mazzini: Lab, elena: User) -> None:
    add_building(mazzini, street="via Odazio", civic="7", by=None, stairs=["A"])
    flat = Dwelling.objects.create(stair=Stair.objects.get(), number="1", floor=0)
    for _ in range(2):
        assert change_dwelling_state(flat, state="empty", by=elena).state == State.EMPTY
    entry = AuditEntry.objects.get(verb="dwelling.change_state")
    assert (entry.chain, entry.detail) == (mazzini.pk, {"from": "let", "to": "empty"})
    with pytest.raises(ValueError):
        change_dwelling_state(flat, state="occupied", by=elena)


@pytest.fixture
def flats(mazzini: Lab) -> dict[str, Dwelling]:
    """One flat in each state, in a house of the fictitious «Ente case»."""
    owner = Organisation.objects.create(name="Ente case", kind="housing")
    add_building(mazzini, street="via Odazio", civic="7", by=None, stairs=["A"], owner=owner)
    stair = Stair.objects.get()
    return {
        state: Dwelling.objects.create(stair=stair, number=str(number), floor=0, state=state)
        for number, state in enumerate(State.values)
    }


def seen_by(user: object) -> set[str]:
    return set(Dwelling.objects.visible_to(user).values_list("state", flat=True))  # type: ignore[arg-type]


LIVED_IN = {"let", "in_works"}
SEES = {
    Role.DESK: LIVED_IN,
    Role.MEDIATOR: LIVED_IN,
    Role.CASEWORKER: LIVED_IN,
    Role.COORDINATOR: set(State.values),
    Role.INTERPRETER: set(),
    Role.HOUSING_MANAGER: set(),
    Role.WORKS_MANAGER: set(),
    Role.INSTITUTION: set(),
    Role.CITY_COORDINATOR: set(),
    Role.SYSTEM_ADMINISTRATOR: set(),
}


@pytest.mark.parametrize("role", list(Role))
def test_which_flats_each_role_sees(flats: dict[str, Dwelling], mazzini: Lab, milo: Lab, role: Role) -> None:
    anywhere = role in (Role.CITY_COORDINATOR, Role.SYSTEM_ADMINISTRATOR)
    assert seen_by(make_user("Qui", None if anywhere else mazzini, role)) == SEES[role]
    assert seen_by(make_user("Altrove", None if anywhere else milo, role)) == set()


def test_the_public_and_residents_see_no_flat(flats: dict[str, Dwelling], farid: User) -> None:
    assert (seen_by(AnonymousUser()), seen_by(farid)) == (set(), set())


def test_the_owner_sees_its_own_flats_only(flats: dict[str, Dwelling], mazzini: Lab) -> None:
    owner, other = Organisation.objects.get(name="Ente case"), Organisation.objects.create(name="Altro", kind="housing")
    for organisation, expected in ((owner, set(State.values)), (other, set())):
        user = make_user(f"Gestore-{organisation.pk}")
        Membership.objects.create(user=user, lab=mazzini, role=Role.HOUSING_MANAGER, organisation=organisation)
        assert seen_by(user) == expected


def test_a_stair_of_empty_flats_counts_like_one_without_flats_for_the_desk(
    flats: dict[str, Dwelling], anna: User, mazzini: Lab
) -> None:
    """A count per stair of what the desk may see never tells how many stand empty."""
    Dwelling.objects.filter(state__in=LIVED_IN).delete()
    assert Dwelling.objects.visible_to(anna).filter(stair__building__lab=mazzini).count() == 0
