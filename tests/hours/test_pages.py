"""The pages of hours: under two minutes for whoever writes, one look for whoever approves."""

from datetime import date

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from ballatoio.base.accounts.models import Role
from ballatoio.base.labs.models import FundingLine, Lab
from ballatoio.oversight.hours.models import Activity, WeekSheet, WorkedHours
from ballatoio.oversight.hours.services import start_activity
from tests import factories

PAGE = "/mazzini/ore/"
MONDAY = date(2026, 11, 16)
NOON = "2026-11-20 12:00+01:00"


@pytest.fixture
def lab(db: None) -> Lab:
    return factories.make_lab("mazzini")


@pytest.fixture
def desk(lab: Lab) -> Activity:
    return start_activity(lab, by=None, name="Sportello", since=date(2026, 1, 1))


def signed_in(lab: Lab, role: str) -> Client:
    return factories.sign_in(Client(), factories.make_user(role, lab, role))


def cell(activity: Activity, on: date) -> str:
    return f"h-{activity.pk}-{on.isoformat()}"


@time_machine.travel(NOON)
def test_a_week_is_one_form_and_a_wrong_number_loses_nothing(lab: Lab, desk: Activity) -> None:
    client = signed_in(lab, Role.DESK)
    typed = {"version": "0", cell(desk, MONDAY): "3,5", cell(desk, date(2026, 11, 17)): "tre", "do": "confirm"}
    wrong = client.post(PAGE, typed)
    page = wrong.content.decode()
    assert (wrong.status_code, 'value="3,5"' in page, 'value="tre"' in page) == (422, True, True)
    assert WorkedHours.objects.count() == 0
    typed[cell(desk, date(2026, 11, 17))] = "1:30"
    assert client.post(PAGE, typed).status_code == 302
    assert WeekSheet.objects.get().state == "confirmed"
    assert list(WorkedHours.objects.order_by("on").values_list("minutes", flat=True)) == [210, 90]


@time_machine.travel(NOON)
def test_a_double_click_writes_one_week(lab: Lab, desk: Activity) -> None:
    client = signed_in(lab, Role.DESK)
    typed = {"version": "0", cell(desk, MONDAY): "2", "do": "save"}
    client.post(PAGE, typed)
    again = client.post(PAGE, typed)
    assert "un’altra finestra" in again.content.decode()
    assert WorkedHours.objects.get().minutes == 120


@time_machine.travel(NOON)
def test_the_coordinator_approves_and_nobody_else(lab: Lab, desk: Activity) -> None:
    signed_in(lab, Role.DESK).post(PAGE, {"version": "0", cell(desk, MONDAY): "2", "do": "confirm"})
    sheet = WeekSheet.objects.get()
    assert signed_in(lab, Role.DESK).post(f"{PAGE}settimane/{sheet.pk}/approva/").status_code == 403
    elena = signed_in(lab, Role.COORDINATOR)
    assert "settimane/" in elena.get(f"{PAGE}riepilogo/").content.decode()
    assert elena.post(f"{PAGE}settimane/{sheet.pk}/approva/").status_code == 302
    sheet.refresh_from_db()
    assert sheet.state == "approved"


@time_machine.travel(NOON)
def test_sending_back_needs_a_reason(lab: Lab, desk: Activity) -> None:
    signed_in(lab, Role.DESK).post(PAGE, {"version": "0", cell(desk, MONDAY): "2", "do": "confirm"})
    sheet = WeekSheet.objects.get()
    elena = signed_in(lab, Role.COORDINATOR)
    elena.post(f"{PAGE}settimane/{sheet.pk}/rimanda/", {"note": ""})
    sheet.refresh_from_db()
    assert sheet.state == "confirmed"
    elena.post(f"{PAGE}settimane/{sheet.pk}/rimanda/", {"note": "Manca martedì"})
    sheet.refresh_from_db()
    assert (sheet.state, sheet.note) == ("open", "Manca martedì")


@time_machine.travel(NOON)
def test_an_activity_and_its_fund_are_added_on_screen(lab: Lab) -> None:
    elena = signed_in(lab, Role.COORDINATOR)
    elena.post(f"{PAGE}fondi/nuovo/", {"name": "Fondo B", "amount": "950000,00", "action": "9.4.2"})
    line = FundingLine.objects.get()
    assert (line.name, line.amount, line.action) == ("Fondo B", 950000, "9.4.2")
    elena.post(f"{PAGE}attivita/", {"name": "Mediazione", "since": "2026-11-01", "funding_line": str(line.pk)})
    assert Activity.objects.get().funding_line == line
    again = elena.post(f"{PAGE}attivita/", {"name": "mediazione", "since": "2026-11-01"})
    assert (again.status_code, Activity.objects.count()) == (422, 1)


@time_machine.travel(NOON)
@pytest.mark.parametrize("many", [2, 40])
def test_queries_do_not_grow_with_the_activities(
    lab: Lab, many: int, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(many):
        start_activity(lab, by=None, name=f"Attività {number}", since=date(2026, 1, 1))
    client = signed_in(lab, Role.COORDINATOR)
    client.get(PAGE)
    with django_assert_max_num_queries(10):
        client.get(PAGE)
    with django_assert_max_num_queries(10):
        client.get(f"{PAGE}riepilogo/")
