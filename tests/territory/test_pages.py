"""The pages on which a coordinator keeps houses and flats: who sees empty ones, what bad input gets, what they cost."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from ballatoio.base.accounts.models import Role, User
from ballatoio.base.audit.models import AuditEntry
from ballatoio.base.core.conflicts import ChangedElsewhere
from ballatoio.base.jobs.services import do_next_work, new_once_token
from ballatoio.base.labs.models import Lab
from ballatoio.base.territory.addresses import find_buildings
from ballatoio.base.territory.building_services import (
    DwellingIsAlreadyThere,
    StairIsAlreadyThere,
    add_dwelling,
    add_stair,
    address_mark,
    correct_address,
    read_dwellings,
)
from ballatoio.base.territory.models import Building, Dwelling, Stair
from ballatoio.base.territory.services import BuildingIsAlreadyThere
from ballatoio.care.desk.models import Contact
from tests.factories import make_building, make_contact, make_organisation, make_user, sign_in

HOUSES = "/mazzini/laboratorio/case/"


@pytest.fixture
def coordinator(client: Client, elena: User) -> Client:
    return sign_in(client, elena)


@pytest.fixture
def house(mazzini: Lab) -> Building:
    return make_building(mazzini, "via Panigarola", "4")


def address(building: Building, **fields: Any) -> dict[str, Any]:
    standing = {"street": building.street, "civic": building.civic, "cap": building.cap, "seen": address_mark(building)}
    return standing | fields


def fill(house: Building, elena: User, number: int) -> Stair:
    stair = house.stairs.first() or add_stair(house, name="A", by=elena)
    Dwelling.objects.bulk_create(
        Dwelling(stair=stair, number=f"{n}-{number}", floor=n % 5, state="empty" if n % 3 else "let")
        for n in range(number)
    )
    return stair


# --- services -----------------------------------------------------------------------------------------------


def test_a_corrected_address_is_found_and_the_contacts_with_it(mazzini: Lab, house: Building, elena: User) -> None:
    make_contact(mazzini, elena, building=house)
    slug = house.slug
    correct_address(house, by=elena, seen=address_mark(house), street="viale Omero", civic="12/A", cap="20139")
    while do_next_work():
        pass
    house.refresh_from_db()
    assert (str(house), house.street_key, house.civic_key, house.slug) == (
        "viale Omero 12/A",
        "viale omero",
        "12a",
        slug,
    )
    assert [match.building for match in find_buildings(mazzini, "v.le omero 12a")] == [house]
    assert [Contact.objects.matching(word, elena).count() for word in ("omero", "panigarola")] == [1, 0]
    entry = AuditEntry.objects.get(verb="building.correct")
    assert entry.detail == {"changed": ["cap", "civic", "street"]}


def test_the_same_address_twice_is_one_correction_and_another_writer_is_told(house: Building, elena: User) -> None:
    seen = address_mark(house)
    correct_address(house, by=elena, seen=seen, civic="6")
    correct_address(house, by=elena, seen=seen, civic="6")
    with pytest.raises(ChangedElsewhere):
        correct_address(house, by=elena, seen=seen, civic="8")
    assert AuditEntry.objects.filter(verb="building.correct").count() == 1


def test_two_houses_never_have_one_address(mazzini: Lab, house: Building, elena: User) -> None:
    make_building(mazzini, "via Panigarola", "6")
    with pytest.raises(BuildingIsAlreadyThere):
        correct_address(house, by=elena, seen=address_mark(house), civic="6")
    house.refresh_from_db()
    assert house.civic == "4"


def test_stairs_and_flats_have_one_name_each(house: Building, elena: User) -> None:
    stair = add_stair(house, name="B", by=elena)
    with pytest.raises(StairIsAlreadyThere):
        add_stair(house, name="b", by=elena)
    add_dwelling(stair, number="7/A", floor=2, state="empty", by=elena)
    with pytest.raises(DwellingIsAlreadyThere):
        add_dwelling(stair, number="7/a", floor=3, by=elena)
    assert [str(flat) for flat in read_dwellings(house, by=elena)] == ["interno 7/A"]


def test_looking_at_the_states_of_flats_is_recorded(house: Building, elena: User) -> None:
    fill(house, elena, 3)
    read_dwellings(house, by=elena)
    entry = AuditEntry.objects.get(verb="building.read_dwellings")
    assert (entry.is_reading, entry.actor_id, entry.object_id) == (True, elena.pk, str(house.pk))


# --- pages --------------------------------------------------------------------------------------------------------


def test_only_the_coordinator_of_the_lab_sees_houses_and_flats_here(
    mazzini: Lab, milo: Lab, house: Building, anna: User, bruno: User, carla: User, dario: User, elena: User
) -> None:
    stair = fill(house, elena, 3)
    flat = stair.dwellings.first()
    manager = make_user(
        "Gino",
        mazzini,
        Role.HOUSING_MANAGER,
    )
    expected = {elena: 200, anna: 403, carla: 403, manager: 403, bruno: 404, dario: 404}
    for page in ("", "nuova/", f"{house.pk}/", f"{house.pk}/indirizzo/"):
        answers = {user: sign_in(Client(), user).get(f"{HOUSES}{page}").status_code for user in expected}
        assert answers == expected
    theirs = make_user("Gina", milo, Role.COORDINATOR)
    browser = sign_in(Client(), theirs)
    assert browser.get(f"/milo/laboratorio/case/{house.pk}/").status_code == 404
    assert browser.post(f"/milo/laboratorio/case/alloggi/{flat.pk}/", {"state": "empty"}).status_code == 404


def test_no_other_page_of_a_house_counts_its_flats(coordinator: Client, house: Building, elena: User) -> None:
    fill(house, elena, 7)
    listed = coordinator.get(HOUSES)
    assert [(each.pk, each.stair_count) for each in listed.context["page"]] == [(house.pk, 1)]
    assert "Vuoto" not in listed.content.decode()


def test_a_house_is_added_with_its_stairs(coordinator: Client, mazzini: Lab) -> None:
    owner = make_organisation(None, "Ente", kind="housing")
    sent = {"street": " via  del Mare ", "civic": "12", "stairs": "A, B,A", "owner": str(owner.pk), "cap": "20139"}
    response = coordinator.post(f"{HOUSES}nuova/", sent)
    house = Building.objects.get()
    assert response.headers["Location"] == f"{HOUSES}{house.pk}/"
    assert (str(house), house.lab, house.owner, [s.name for s in house.stairs.all()]) == (
        "via del Mare 12",
        mazzini,
        owner,
        ["A", "B"],
    )
    again = coordinator.post(f"{HOUSES}nuova/", sent)
    assert (again.status_code, Building.objects.count()) == (422, 1)
    assert "via del Mare 12 c’è già: cercala nell’elenco." in again.content.decode()


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"civic": ""}, "civic"),
        ({"cap": "201"}, "cap"),
        ({"lat": "45,4"}, "lat"),
        ({"lat": "95", "lon": "9"}, "lat"),
        ({"stairs": "una scala dal nome lunghissimo"}, "stairs"),
        ({"owner": "non-esiste"}, "owner"),
    ],
)
def test_a_house_that_makes_no_sense_is_said_and_stays(sent: dict[str, str], field: str, coordinator: Client) -> None:
    response = coordinator.post(f"{HOUSES}nuova/", {"street": "via Prova", "civic": "1"} | sent)
    assert (response.status_code, list(response.context["form"].errors)) == (422, [field])
    assert ('value="via Prova"' in response.content.decode(), Building.objects.count()) == (True, 0)


def test_the_coordinator_corrects_an_address_and_two_windows_lose_nothing(coordinator: Client, house: Building) -> None:
    page = f"{HOUSES}{house.pk}/indirizzo/"
    old = address(house, civic="8")
    assert coordinator.post(page, address(house, civic="6")).status_code == 302
    refused = coordinator.post(page, old)
    assert refused.status_code == 409
    assert "via Panigarola 6" in refused.content.decode()
    assert 'value="8"' in refused.content.decode()
    again = old | {"seen": refused.context["form"]["seen"].value()}
    assert coordinator.post(page, again).status_code == 302
    house.refresh_from_db()
    assert house.civic == "8"


def test_a_flat_is_added_once_and_changes_its_state(coordinator: Client, house: Building, elena: User) -> None:
    stair = add_stair(house, name="A", by=elena)
    sent = {"stair": str(stair.pk), "number": "12", "floor": "3", "rooms": "2", "useful_m2": "48,5", "state": "empty"}
    sent |= {"once": new_once_token()}
    for _click in range(2):
        assert coordinator.post(f"{HOUSES}{house.pk}/alloggi/", sent).status_code == 302
    flat = Dwelling.objects.get()
    assert (str(flat.useful_m2), flat.state) == ("48.50", "empty")
    refused = coordinator.post(f"{HOUSES}{house.pk}/alloggi/", sent | {"once": new_once_token()})
    assert (refused.status_code, Dwelling.objects.count()) == (422, 1)
    assert "In questa scala c’è già un interno con questo numero." in refused.content.decode()
    coordinator.post(f"{HOUSES}alloggi/{flat.pk}/", {"state": "let"})
    coordinator.post(f"{HOUSES}alloggi/{flat.pk}/", {"state": "bruciato"})
    flat.refresh_from_db()
    assert flat.state == "let"
    assert AuditEntry.objects.filter(verb="dwelling.change_state").count() == 1


def test_a_stair_of_another_house_takes_no_flat(
    coordinator: Client, mazzini: Lab, house: Building, elena: User
) -> None:
    other = add_stair(make_building(mazzini), name="Z", by=elena)
    add_stair(house, name="A", by=elena)
    sent = {"stair": str(other.pk), "number": "1", "floor": "0", "state": "let"}
    assert coordinator.post(f"{HOUSES}{house.pk}/alloggi/", sent).status_code == 422
    assert Dwelling.objects.count() == 0


def test_a_stair_is_added_once(coordinator: Client, house: Building) -> None:
    for status in (302, 422):
        response = coordinator.post(f"{HOUSES}{house.pk}/scale/", {"name": " B ", "has_lift": "true"})
        assert response.status_code == status
    assert [(stair.name, stair.has_lift) for stair in house.stairs.all()] == [("B", True)]


@pytest.mark.parametrize(("typed", "found"), [("panigarola", 2), ("Panigarola 4", 1), ("omero", 0), ("", 2)])
def test_houses_are_found_by_street_and_number(
    typed: str, found: int, coordinator: Client, mazzini: Lab, milo: Lab, house: Building
) -> None:
    make_building(mazzini, "via Panigarola", "14")
    make_building(milo, "via Panigarola", "4")
    assert coordinator.get(HOUSES, {"q": typed}).context["page"].paginator.count == found


def test_the_pages_cost_the_same_with_few_rows_and_with_many(
    coordinator: Client, mazzini: Lab, house: Building, elena: User
) -> None:
    pages = (HOUSES, f"{HOUSES}{house.pk}/", f"{HOUSES}{house.pk}/indirizzo/")

    def costs() -> list[int]:
        found = []
        for page in pages:
            with CaptureQueriesContext(connection) as captured:
                assert coordinator.get(page).status_code == 200
            found.append(len([query for query in captured if "SAVEPOINT" not in query["sql"]]))
        return found

    fill(house, elena, 25)
    for number in range(25):
        make_building(mazzini, "via Nuova", str(1000 + number))
    costs()
    few = costs()
    fill(house, elena, 75)
    for number in range(75):
        make_building(mazzini, "via Vecchia", str(2000 + number))
    assert (costs(), max(few) <= 12) == (few, True)
