"""The calendar of an operator, read back by a program: the same event wherever it moves, and never who comes."""

from collections.abc import Iterator
from datetime import UTC, timedelta

import pytest
import time_machine
from django.test import Client
from icalendar import Calendar, Event

from ballatoio.base.accounts.models import Role, User
from ballatoio.base.accounts.services import end_membership
from ballatoio.base.labs.models import Lab
from ballatoio.base.people.services import register_person
from ballatoio.care.appointments import services
from ballatoio.care.appointments.models import Appointment, AppointmentKind, Rota
from ballatoio.care.appointments.rota_services import (
    NotAtThisDesk,
    calendar_code_of,
    issue_calendar_code,
    revoke_calendar_code,
)
from tests.factories import make_user, sign_in

from .making import NOW, TUESDAY, at, book, booker, make_kind, make_rota, make_slot

CANARY = "Samira"
MONTH = timedelta(days=30)


@pytest.fixture(autouse=True)
def monday() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def kind(mazzini: Lab) -> AppointmentKind:
    return make_kind(mazzini, "Casa")


@pytest.fixture
def rota(mazzini: Lab, anna: User, kind: AppointmentKind) -> Rota:
    return make_rota(mazzini, anna, kind, languages=["it", "fr"], interpreter_languages=["ar"])


@pytest.fixture
def appointment(mazzini: Lab, anna: User, rota: Rota, kind: AppointmentKind) -> Appointment:
    person = register_person(mazzini, by=anna, given_name=CANARY, family_name="Haddad", phone="333 7654321")
    return book(make_slot(rota, at(TUESDAY, 10)), kind, by=anna, booker=booker(person), language="ar")


def feed(code: str, client: Client | None = None, **headers: str) -> object:
    return (client or Client()).get(f"/mazzini/appuntamenti/{code}.ics", headers=headers)


def events(code: str) -> list[Event]:
    response = feed(code)
    assert (response.status_code, response["Content-Type"]) == (200, "text/calendar; charset=utf-8")  # type: ignore[attr-defined]
    return list(Calendar.from_ical(response.content).walk("VEVENT"))  # type: ignore[attr-defined]


def test_an_event_says_when_where_and_in_which_language_and_never_who(
    mazzini: Lab, anna: User, appointment: Appointment
) -> None:
    code = issue_calendar_code(anna, lab=mazzini)
    assert CANARY.encode() not in feed(code).content  # type: ignore[attr-defined]
    (event,) = events(code)
    assert str(event["SUMMARY"]) == "Appuntamento · casa · arabo con interprete"
    assert event.decoded("DTSTART") == appointment.slot.starts_at.astimezone(UTC)
    assert event.decoded("DTEND") - event.decoded("DTSTART") == timedelta(minutes=30)
    assert (str(event["LOCATION"]), str(event["STATUS"])) == (mazzini.address, "CONFIRMED")
    assert str(event["URL"]).endswith(f"/mazzini/appuntamenti/{appointment.pk}/")
    # The link leads to a page that asks who one is.
    assert Client().get(f"/mazzini/appuntamenti/{appointment.pk}/").status_code == 302


@pytest.mark.parametrize(
    ("language", "ending"),
    [("it", ""), ("fr", " · francese"), ("sq", " · albanese, interprete da trovare")],
)
def test_a_summary_says_what_is_needed_to_understand_each_other(
    language: str, ending: str, mazzini: Lab, anna: User, rota: Rota, kind: AppointmentKind
) -> None:
    book(make_slot(rota, at(TUESDAY, 9)), kind, by=anna, language=language)
    (event,) = events(issue_calendar_code(anna, lab=mazzini))
    assert str(event["SUMMARY"]) == f"Appuntamento · casa{ending}"


def test_moved_and_cancelled_it_is_the_same_event_with_a_growing_sequence(
    mazzini: Lab, anna: User, carla: User, rota: Rota, kind: AppointmentKind, appointment: Appointment
) -> None:
    code, hers = issue_calendar_code(anna, lab=mazzini), issue_calendar_code(carla, lab=mazzini)
    (before,) = events(code)
    moved = services.move_appointment(appointment, make_slot(rota, at(TUESDAY + MONTH, 11)), by=anna)
    (after,) = events(code)
    assert (str(after["UID"]), after["SEQUENCE"]) == (str(before["UID"]), before["SEQUENCE"] + 1)
    assert after.decoded("DTSTART") == moved.slot.starts_at
    carlas = make_slot(make_rota(mazzini, carla, kind), at(TUESDAY + MONTH, 15))
    services.move_appointment(moved, carlas, by=anna)
    (left,), (came,) = events(code), events(hers)
    assert (str(left["STATUS"]), str(came["STATUS"])) == ("CANCELLED", "CONFIRMED")
    assert str(left["UID"]) == str(came["UID"])
    services.cancel_appointment(Appointment.objects.get(slot=carlas), by=None, by_person=True)
    (over,) = events(hers)
    assert (str(over["STATUS"]), over["SEQUENCE"]) == ("CANCELLED", came["SEQUENCE"] + 1)


def test_a_program_that_asks_again_is_told_that_nothing_changed(
    mazzini: Lab, anna: User, rota: Rota, kind: AppointmentKind, appointment: Appointment
) -> None:
    code = issue_calendar_code(anna, lab=mazzini)
    tag = feed(code)["ETag"]  # type: ignore[index]
    again = feed(code, **{"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")  # type: ignore[attr-defined]
    services.cancel_appointment(appointment, by=None, by_person=True)
    changed = feed(code, **{"If-None-Match": tag})
    assert (changed.status_code, changed["ETag"] != tag) == (200, True)  # type: ignore[attr-defined, index]


def test_the_link_is_renewed_stopped_and_ends_with_the_work(
    monday: time_machine.Traveller, mazzini: Lab, milo: Lab, anna: User, elena: User
) -> None:
    old = issue_calendar_code(anna, lab=mazzini)
    new = issue_calendar_code(anna, lab=mazzini)
    assert [feed(code).status_code for code in (old, new, "sbagliato")] == [404, 200, 404]  # type: ignore[attr-defined]
    # It opens nothing in another lab.
    assert Client().get(f"/milo/appuntamenti/{new}.ics").status_code == 404
    end_membership(anna.memberships.get(), on=NOW.date(), by=elena)
    assert feed(new).status_code == 200  # type: ignore[attr-defined]
    monday.move_to(NOW + timedelta(days=1))
    assert feed(new).status_code == 404  # type: ignore[attr-defined]
    hers = issue_calendar_code(elena, lab=mazzini)
    revoke_calendar_code(elena, lab=mazzini)
    assert (feed(hers).status_code, calendar_code_of(elena, mazzini)) == (404, None)  # type: ignore[attr-defined]


def test_only_who_works_at_the_desk_has_a_calendar(mazzini: Lab, bruno: User) -> None:
    interpreter = make_user("Ines", mazzini, Role.INTERPRETER)
    for user in (bruno, interpreter):
        with pytest.raises(NotAtThisDesk):
            issue_calendar_code(user, lab=mazzini)


def test_the_page_shows_the_link_once(mazzini: Lab, anna: User, client: Client) -> None:
    page = "/mazzini/appuntamenti/calendario/"
    sign_in(client, anna)
    made = client.post(page, {"do": "new"}).content.decode()
    link = made.split('value="http', 1)[1].split('"', 1)[0]
    code = link.rsplit("/", 1)[1].removesuffix(".ics")
    assert (len(code), feed(code).status_code) == (24, 200)  # type: ignore[attr-defined]
    assert code not in client.get(page).content.decode()
    assert client.post(page, {"do": "stop"}).status_code == 302
    assert feed(code).status_code == 404  # type: ignore[attr-defined]


def test_a_calendar_costs_the_same_with_few_and_with_many(
    mazzini: Lab, anna: User, rota: Rota, kind: AppointmentKind, django_assert_num_queries: object
) -> None:
    code = issue_calendar_code(anna, lab=mazzini)
    for count in (5, 20):
        for row in range(count):
            book(make_slot(rota, at(TUESDAY + timedelta(days=count), 8) + timedelta(minutes=30 * row)), kind, by=anna)
        with django_assert_num_queries(4):  # type: ignore[operator]
            assert feed(code).status_code == 200  # type: ignore[attr-defined]
