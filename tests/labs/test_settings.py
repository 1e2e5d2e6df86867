"""What a coordinator sets of the lab: details, hours, promises, closing days."""

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from ballatoio.base.accounts.models import User
from ballatoio.base.audit.models import AuditEntry
from ballatoio.base.core.conflicts import ChangedElsewhere
from ballatoio.base.labs.forms import HoursForm, read_spans, write_spans
from ballatoio.base.labs.models import ClosingDay, Lab, Opening
from ballatoio.base.labs.services import add_working_days
from ballatoio.base.labs.settings_services import (
    ClosingTooLong,
    DayIsPast,
    NothingToClose,
    amend_lab,
    close_lab_between,
    days_to_close,
    details_mark,
    mark_of,
    openings_of,
    promises_mark,
    set_openings,
    set_promises,
    take_back_closing,
)
from tests.factories import make_need, sign_in

ROME = ZoneInfo("Europe/Rome")
HOME = "/mazzini/laboratorio/"
PAGES = ("", "dati/", "orari/", "impegni/", "chiusure/", "chiusure/?dal=2090-08-07&al=2090-08-25&motivo=ferie")
# A Sunday.
TODAY = datetime(2026, 11, 22, 9, tzinfo=ROME)


@pytest.fixture
def coordinator(client: Client, elena: User) -> Client:
    return sign_in(client, elena)


def verbs() -> list[str]:
    return list(AuditEntry.objects.order_by("position").values_list("verb", flat=True))


def details(lab: Lab, **fields: str) -> dict[str, str]:
    names = ("name", "blurb", "address", "city", "province", "phone", "email", "funding")
    return {name: getattr(lab, name) for name in names} | {"seen": details_mark(lab)} | fields


# --- services -----------------------------------------------------------------------------------------------


def test_what_changed_is_written_and_recorded_once(mazzini: Lab, elena: User) -> None:
    seen = details_mark(mazzini)
    amend_lab(mazzini, by=elena, seen=seen, phone="02 1111", name=mazzini.name)
    again = amend_lab(mazzini, by=elena, seen=seen, phone="02 1111")
    assert (again.phone, verbs()) == ("02 1111", ["lab.amend"])
    assert AuditEntry.objects.get().detail == {"changed": ["phone"]}


def test_a_second_writer_is_told_and_overwrites_nothing(mazzini: Lab, elena: User) -> None:
    seen = details_mark(mazzini)
    amend_lab(mazzini, by=elena, seen=seen, phone="02 1111")
    with pytest.raises(ChangedElsewhere) as caught:
        amend_lab(mazzini, by=elena, seen=seen, phone="02 2222")
    assert (caught.value.current.phone, Lab.objects.get(pk=mazzini.pk).phone) == ("02 1111", "02 1111")


def test_a_promise_says_what_it_was_and_what_it_is(mazzini: Lab, elena: User) -> None:
    set_promises(mazzini, by=elena, seen=promises_mark(mazzini), answer_days=7, quiet_from=time(21))
    assert AuditEntry.objects.get().detail == {
        "changed": ["answer_days", "quiet_from"],
        "was": {"answer_days": "5", "quiet_from": "20:00:00"},
        "is": {"answer_days": "7", "quiet_from": "21:00:00"},
    }


def test_a_service_writes_only_what_it_is_for(mazzini: Lab, elena: User) -> None:
    with pytest.raises(TypeError):
        amend_lab(mazzini, by=elena, seen=details_mark(mazzini), slug="altro")


def test_the_hours_of_a_week_are_replaced_together(mazzini: Lab, elena: User) -> None:
    week = [(0, time(9), time(12)), (0, time(14), time(17)), (3, time(9), time(13))]
    set_openings(mazzini, by=elena, seen=mark_of([]), spans=week)
    set_openings(mazzini, by=elena, seen=mark_of([]), spans=reversed(week))
    assert (openings_of(mazzini), verbs()) == (week, ["lab.set_hours"])
    with pytest.raises(ChangedElsewhere):
        set_openings(mazzini, by=elena, seen=mark_of([]), spans=week[:1])
    assert openings_of(mazzini) == week


@time_machine.travel(TODAY)
def test_a_closing_takes_the_days_of_work_and_those_with_an_open_door(mazzini: Lab, elena: User) -> None:
    Opening.objects.create(lab=mazzini, weekday=5, opens=time(9), closes=time(12))
    first, last = date(2026, 12, 4), date(2026, 12, 13)
    # Friday to Sunday of the next week, without Monday 7 and Tuesday 8 (both holidays here) and the Sundays.
    expected = [date(2026, 12, day) for day in (4, 5, 9, 10, 11, 12)]
    assert days_to_close(mazzini, first, last) == expected
    assert close_lab_between(mazzini, first=first, last=last, reason="ferie", by=elena) == expected
    with pytest.raises(NothingToClose):
        close_lab_between(mazzini, first=first, last=last, reason="ferie", by=elena)
    assert verbs() == ["lab.close_day"] * len(expected)
    assert add_working_days(mazzini, date(2026, 12, 3), 1) == date(2026, 12, 14)


@time_machine.travel(TODAY)
def test_the_past_stays_as_it_was(mazzini: Lab, elena: User) -> None:
    ClosingDay.objects.create(lab=mazzini, on=date(2026, 11, 20), reason="assemblea")
    yesterday = date(2026, 11, 21)
    with pytest.raises(DayIsPast):
        close_lab_between(mazzini, first=yesterday, last=date(2026, 11, 25), reason="ferie", by=elena)
    with pytest.raises(DayIsPast):
        take_back_closing(mazzini, on=date(2026, 11, 20), by=elena)
    assert ClosingDay.objects.count() == 1


@time_machine.travel(TODAY)
@pytest.mark.parametrize("last", [date(2027, 2, 1), date(2026, 11, 22)])
def test_nobody_closes_for_too_long_or_backwards(last: date, mazzini: Lab) -> None:
    with pytest.raises(ClosingTooLong):
        days_to_close(mazzini, date(2026, 11, 23), last)


@time_machine.travel(TODAY)
def test_a_day_to_come_is_taken_back_once(mazzini: Lab, elena: User) -> None:
    day = date(2026, 11, 24)
    close_lab_between(mazzini, first=day, last=day, reason="ferie", by=elena)
    assert [take_back_closing(mazzini, on=day, by=elena) for _time in range(2)] == [True, False]
    assert verbs() == ["lab.close_day", "lab.open_day"]


# --- hours as people write them -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("9:30-12:30, 14-17", "9:30-12:30, 14-17"),
        ("14.30 – 17 ; 9-12", "9-12, 14:30-17"),
        ("9-12 e 14 - 17", "9-12, 14-17"),
        ("9 a 13", "9-13"),
        ("", ""),
    ],
)
def test_hours_as_people_write_them(text: str, written: str) -> None:
    assert write_spans(read_spans(text)) == written


@pytest.mark.parametrize("text", ["mattina", "12-9", "9-12, 11-14", "25-26", "9-12-13", "9:75-12", "9"])
def test_hours_that_make_no_sense_get_a_sentence_beside_their_day(text: str) -> None:
    form = HoursForm({"day2": text, "day3": "9-12"})
    assert (form.is_valid(), list(form.errors), len(form.errors["day2"][0]) > 10) == (False, ["day2"], True)


moments = st.tuples(st.integers(0, 23), st.sampled_from([0, 15, 30, 45])).map(lambda pair: time(*pair))


@given(st.lists(moments, max_size=6, unique=True))
def test_hours_that_are_written_are_read_back_the_same(found: list[time]) -> None:
    ordered = sorted(found)[: len(found) // 2 * 2]
    spans = list(zip(ordered[::2], ordered[1::2], strict=True))
    assert read_spans(write_spans(spans)) == spans


# --- pages --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES)
def test_only_the_coordinator_of_the_lab_opens_the_settings(
    page: str, mazzini: Lab, anna: User, bruno: User, carla: User, elena: User, dario: User
) -> None:
    expected = {elena: 200, anna: 403, carla: 403, bruno: 404, dario: 404}
    answers = {user: sign_in(Client(), user).get(f"{HOME}{page}").status_code for user in expected}
    assert answers == expected


def test_the_footer_and_the_team_lead_the_coordinator_there(mazzini: Lab, anna: User, elena: User) -> None:
    for user, expected in ((elena, True), (anna, False)):
        page = sign_in(Client(), user).get("/mazzini/persone/").content.decode()
        assert (f'href="{HOME}"' in page) is expected
    assert f'href="{HOME}"' in sign_in(Client(), elena).get("/mazzini/squadra/").content.decode()


def test_the_coordinator_changes_the_telephone(coordinator: Client, mazzini: Lab) -> None:
    response = coordinator.post(f"{HOME}dati/", details(mazzini, phone="02 9999", province="mi"))
    mazzini.refresh_from_db()
    assert (response.status_code, response.headers["Location"]) == (302, HOME)
    assert (mazzini.phone, mazzini.province) == ("02 9999", "MI")


def test_two_windows_on_the_same_details_lose_nothing(coordinator: Client, mazzini: Lab) -> None:
    old = details(mazzini, phone="02 2222", name="Nuovo nome")
    coordinator.post(f"{HOME}dati/", details(mazzini, phone="02 1111"))
    response = coordinator.post(f"{HOME}dati/", old)
    page = response.content.decode()
    assert response.status_code == 409
    assert [field.value() for field in response.context["theirs"]] == [mazzini.name, "02 1111"]
    assert 'value="02 2222"' in page
    again = old | {"seen": response.context["form"]["seen"].value()}
    assert coordinator.post(f"{HOME}dati/", again).status_code == 302
    mazzini.refresh_from_db()
    assert (mazzini.phone, mazzini.name) == ("02 2222", "Nuovo nome")


@pytest.mark.parametrize(
    ("page", "sent", "field"),
    [
        ("dati/", {"phone": ""}, "phone"),
        ("dati/", {"province": "Milano"}, "province"),
        ("dati/", {"email": "non è una mail"}, "email"),
        ("impegni/", {"answer_days": "0"}, "answer_days"),
        ("impegni/", {"referral_reminder_days": "30", "referral_expiry_days": "30"}, "referral_expiry_days"),
        ("impegni/", {"quiet_from": "di notte"}, "quiet_from"),
        ("orari/", {"day0": "mattina"}, "day0"),
    ],
)
def test_bad_input_is_said_and_stays(
    page: str, sent: dict[str, str], field: str, coordinator: Client, mazzini: Lab
) -> None:
    promises = {
        "answer_days": "5",
        "escalation_days": "3",
        "referral_reminder_days": "10",
        "referral_expiry_days": "30",
    }
    promises |= {"receipt_days": "180", "reminder_hours": "24", "quiet_from": "20:00", "quiet_until": "08:00"}
    base = {"dati/": details(mazzini), "impegni/": promises, "orari/": {}}[page]
    response = coordinator.post(f"{HOME}{page}", base | sent)
    assert (response.status_code, list(response.context["form"].errors)) == (422, [field])
    assert all(not value or value in response.content.decode() for value in sent.values())
    assert verbs() == []


@time_machine.travel(TODAY)
def test_closing_shows_first_what_falls_there_and_then_closes(
    coordinator: Client, mazzini: Lab, milo: Lab, anna: User, bruno: User
) -> None:
    for lab, user in ((mazzini, anna), (mazzini, anna), (milo, bruno)):
        need = make_need(lab, user)
        need.next_on = date(2026, 11, 26)
        need.save()
    asked = {"dal": "2026-11-25", "al": "2026-11-29", "motivo": "ferie"}
    preview = coordinator.get(f"{HOME}chiusure/", asked)
    assert preview.context["preview"]["days"] == [date(2026, 11, day) for day in (25, 26, 27)]
    assert [(falling.label, falling.count) for falling in preview.context["preview"]["falling"]] == [
        ("bisogni da riprendere", 2)
    ]
    assert ClosingDay.objects.count() == 0
    for _click in range(2):
        assert coordinator.post(f"{HOME}chiusure/nuova/", asked).status_code == 302
    closed = [(day.lab, day.on.day, day.reason) for day in ClosingDay.objects.all()]
    assert closed == [(mazzini, day, "ferie") for day in (25, 26, 27)]
    coordinator.post(f"{HOME}chiusure/togli/", {"giorno": "2026-11-26"})
    assert [day.on.day for day in ClosingDay.objects.all()] == [25, 27]


@time_machine.travel(TODAY)
@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"dal": "2026-11-20", "motivo": "ferie"}, "dal"),
        ({"dal": "2026-11-25", "al": "2026-11-24", "motivo": "ferie"}, "al"),
        ({"dal": "2026-11-25", "al": "2027-11-24", "motivo": "ferie"}, "al"),
        ({"dal": "2026-11-28", "al": "2026-11-29", "motivo": "ferie"}, "dal"),
        ({"dal": "domani", "motivo": "ferie"}, "dal"),
        ({"dal": "2026-11-25", "motivo": ""}, "motivo"),
    ],
)
def test_a_closing_that_makes_no_sense_is_said_and_stays(
    asked: dict[str, str], field: str, coordinator: Client
) -> None:
    response = coordinator.get(f"{HOME}chiusure/", asked)
    assert (response.status_code, list(response.context["form"].errors)) == (422, [field])
    assert 'value="ferie"' in response.content.decode() or asked["motivo"] == ""
    assert ClosingDay.objects.count() == 0


@pytest.mark.parametrize("day", ["", "mai", "2026-13-45", "2020-01-01", "2090-01-03"])
def test_taking_back_a_day_that_is_not_there_changes_nothing(day: str, coordinator: Client, mazzini: Lab) -> None:
    ClosingDay.objects.create(lab=mazzini, on=date(2020, 1, 1), reason="ferie")
    assert coordinator.post(f"{HOME}chiusure/togli/", {"giorno": day}).status_code == 302
    assert ClosingDay.objects.count() == 1


def test_the_pages_cost_the_same_with_few_closing_days_and_with_many(coordinator: Client, mazzini: Lab) -> None:
    def costs() -> list[int]:
        found = []
        for page in PAGES:
            with CaptureQueriesContext(connection) as captured:
                assert coordinator.get(f"{HOME}{page}").status_code == 200
            found.append(len(captured))
        return found

    def close(first: date, days: int) -> None:
        closed: Any = (ClosingDay(lab=mazzini, on=first + timedelta(days=n), reason="ferie") for n in range(days))
        ClosingDay.objects.bulk_create(closed)

    close(date(2088, 1, 1), 25)
    few = costs()
    close(date(2089, 1, 1), 75)
    close(date(2019, 1, 1), 75)
    assert (costs(), max(few) <= 10) == (few, True)
