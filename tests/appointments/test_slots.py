"""The times that hours make: opened ahead, taken away, never over each other, never from under somebody."""

from collections.abc import Iterator
from datetime import date, time, timedelta

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction

from ballatoio.base.accounts.models import Membership, Role, User
from ballatoio.base.accounts.services import end_membership
from ballatoio.base.core.conflicts import ChangedElsewhere
from ballatoio.base.jobs.models import DueWork
from ballatoio.base.labs.models import Lab
from ballatoio.base.notices.models import Delivery
from ballatoio.care.appointments import guard, rota_services
from ballatoio.care.appointments.models import Absence, Appointment, AppointmentKind, Offer, Rota, Slot, WaitingPlace
from ballatoio.care.appointments.rota_services import RotaOverlaps
from ballatoio.care.appointments.services import cancel_appointment, settle_stranded
from ballatoio.care.appointments.slot_services import refresh_slots
from ballatoio.care.appointments.tasks import refresh_all_slots
from ballatoio.care.desk.services import OwnerCannotWorkHere
from tests.factories import make_user

from .making import NOW, ROME, TUESDAY, at, book, join, make_kind, make_rota, make_slot

State = Slot.State
WEEK = timedelta(days=7)


@pytest.fixture(autouse=True)
def monday() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def kind(mazzini: Lab) -> AppointmentKind:
    return make_kind(mazzini, "Casa")


def open_hours(lab: Lab, operator: User, kind: AppointmentKind, by: User, **fields: object) -> Rota:
    """Tuesdays from 9 to 10, three weeks from now on."""
    given = {"weekday": 1, "opens": time(9), "closes": time(10), "languages": ["it"], "valid_from": NOW.date()}
    given |= {"interpreter_languages": [], "place": "", "is_public": True, "valid_to": TUESDAY + 2 * WEEK}
    return rota_services.add_rota(lab, operator=operator, kinds=[kind], by=by, **given | fields)  # type: ignore[arg-type]


def when(slots: object = None) -> list[str]:
    rows = Slot.objects.standing().order_by("starts_at") if slots is None else slots
    return [f"{slot.starts_at.astimezone(ROME):%d/%m %H:%M}" for slot in rows]  # type: ignore[attr-defined]


def test_hours_open_their_times_some_weeks_ahead_and_twice_is_as_good_as_once(
    mazzini: Lab, anna: User, elena: User, kind: AppointmentKind
) -> None:
    open_hours(mazzini, anna, kind, elena)
    expected = [f"{day}/{month} 09:{minute}" for day, month in (("24", "11"), ("01", "12")) for minute in ("00", "30")]
    # Tuesday 8 December is a holiday.
    assert when() == expected
    ids = set(Slot.objects.values_list("pk", flat=True))
    assert (refresh_slots(mazzini, by=None), set(Slot.objects.values_list("pk", flat=True))) == (0, ids)


def test_as_the_weeks_go_by_new_times_open_and_old_ones_that_nobody_had_are_forgotten(
    monday: time_machine.Traveller, mazzini: Lab, anna: User, elena: User, kind: AppointmentKind
) -> None:
    open_hours(mazzini, anna, kind, elena, valid_to=None)
    had = book(Slot.objects.order_by("starts_at")[0], kind, by=anna).slot
    last = Slot.objects.order_by("-starts_at")[0].starts_at
    monday.move_to(NOW + WEEK)
    refresh_all_slots(DueWork())
    assert Slot.objects.order_by("-starts_at")[0].starts_at == last + WEEK
    assert list(Slot.objects.filter(starts_at__lt=NOW + WEEK)) == [had]


def test_two_times_of_one_operator_that_overlap_are_refused_by_the_database_itself(
    mazzini: Lab, anna: User, carla: User, kind: AppointmentKind
) -> None:
    rota, hers = make_rota(mazzini, anna, kind), make_rota(mazzini, carla, kind)
    first = make_slot(rota, at(TUESDAY, 9, 15))
    for begins, minutes in (
        (at(TUESDAY, 9), 30),
        (at(TUESDAY, 9, 20), 5),
        (at(TUESDAY, 9, 30), 60),
        (at(TUESDAY, 9), 60),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            make_slot(rota, begins, minutes)
    # Touching is not overlapping, and a colleague is somebody else.
    after = make_slot(rota, at(TUESDAY, 9, 45))
    make_slot(hers, at(TUESDAY, 9, 15))
    with pytest.raises(IntegrityError), transaction.atomic():
        Slot.objects.filter(pk=after.pk).update(starts_at=at(TUESDAY, 9, 30))
    Slot.objects.filter(pk=first.pk).update(state=State.WITHDRAWN)
    make_slot(rota, at(TUESDAY, 9, 15))
    with pytest.raises(IntegrityError), transaction.atomic():
        Slot.objects.filter(pk=first.pk).update(state=State.OPEN)


def test_the_triggers_stand_again_after_every_migrate(mazzini: Lab) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL has a constraint of its own")
    names = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'appointments_slot' ORDER BY name"
    with connection.cursor() as cursor:
        cursor.execute(names)
        assert [name for (name,) in cursor.fetchall()] == sorted(guard.TRIGGERS)
        for name in guard.TRIGGERS:
            cursor.execute(f"DROP TRIGGER {name}")
        guard.stand_guard("default")
        cursor.execute(names)
        assert [name for (name,) in cursor.fetchall()] == sorted(guard.TRIGGERS)


def test_who_works_in_two_labs_is_in_one_place_at_a_time(
    mazzini: Lab, milo: Lab, anna: User, elena: User, kind: AppointmentKind
) -> None:
    Membership.objects.create(user=anna, lab=milo, role=Role.DESK)
    boss = make_user("Mara", milo, Role.COORDINATOR)
    open_hours(mazzini, anna, kind, elena)
    open_hours(milo, anna, make_kind(milo, "Casa"), boss, opens=time(9, 30), closes=time(11))
    there = [slot for slot in Slot.objects.filter(lab=milo).order_by("starts_at") if slot.starts_at.day == 24]
    assert when(there) == ["24/11 10:00", "24/11 10:30"]


def test_a_closing_day_takes_the_free_times_away_and_strands_what_somebody_has(
    mazzini: Lab, anna: User, elena: User, kind: AppointmentKind
) -> None:
    open_hours(mazzini, anna, kind, elena)
    first, second, *_rest = Slot.objects.order_by("starts_at")
    appointment = book(first, kind, by=anna)
    rota_services.close_desk_on(mazzini, on=TUESDAY, reason="inventario", by=elena)
    assert when() == ["24/11 09:00", "01/12 09:00", "01/12 09:30"]
    appointment.slot.refresh_from_db()
    assert (appointment.slot.state, Slot.objects.filter(pk=second.pk).exists()) == (State.STRANDED, False)
    # Nobody was told yet: that takes one act with a reason.
    assert Delivery.objects.exclude(kind__in=["appointment.booked", "appointment.reminder"]).count() == 0
    rota_services.open_desk_on(mazzini, on=TUESDAY, by=elena)
    appointment.slot.refresh_from_db()
    assert (appointment.slot.state, len(when())) == (State.OPEN, 4)


def test_a_time_that_is_held_and_lost_is_taken_back_and_the_place_is_kept(
    mazzini: Lab, anna: User, elena: User, kind: AppointmentKind
) -> None:
    place = join(kind)
    open_hours(mazzini, anna, kind, elena, valid_to=TUESDAY)
    place.refresh_from_db()
    assert place.state == WaitingPlace.State.OFFERED
    rota_services.close_desk_on(mazzini, on=TUESDAY, reason="inventario", by=elena)
    place.refresh_from_db()
    assert (place.state, place.passed) == (WaitingPlace.State.WAITING, 0)
    assert list(Offer.objects.values_list("state", flat=True)) == [Offer.State.WITHDRAWN]
    kinds = dict(Delivery.objects.values_list("kind", "state"))
    assert kinds == {"waiting.offered": "cancelled", "waiting.withdrawn": "waiting"}


def test_days_off_take_the_times_of_one_operator_and_give_them_back(
    mazzini: Lab, anna: User, carla: User, elena: User, kind: AppointmentKind
) -> None:
    open_hours(mazzini, anna, kind, elena, valid_to=TUESDAY)
    open_hours(mazzini, carla, kind, elena, valid_to=TUESDAY)
    off = {"first_on": TUESDAY, "last_on": TUESDAY, "from_time": time(9, 15), "until_time": time(12)}
    absence = rota_services.add_absence(mazzini, operator=anna, by=anna, **off)  # type: ignore[arg-type]
    assert Slot.objects.filter(operator=anna).count() == 0
    assert Slot.objects.filter(operator=carla).count() == 2
    rota_services.remove_absence(absence, by=anna)
    assert (Slot.objects.filter(operator=anna).count(), Absence.objects.count()) == (2, 0)


def test_changed_hours_leave_what_still_fits_and_strand_what_does_not(
    mazzini: Lab, anna: User, elena: User, kind: AppointmentKind
) -> None:
    rota = open_hours(mazzini, anna, kind, elena, closes=time(11), valid_to=TUESDAY)
    nine, half_past, ten, _last = Slot.objects.order_by("starts_at")
    book(nine, kind, by=anna), book(ten, kind, by=anna)
    same = {"weekday": 1, "languages": ["it"], "interpreter_languages": [], "place": "", "is_public": True}
    dates = {"valid_from": NOW.date(), "valid_to": TUESDAY}
    change = {"kinds": [kind], "by": anna, "opens": time(9, 45), "closes": time(11, 15)} | same | dates
    rota = rota_services.amend_rota(rota, version=1, **change)  # type: ignore[arg-type]
    nine.refresh_from_db(), ten.refresh_from_db()
    # 10:00 is inside the new hours, which are cut at a quarter to: it stands as long as its appointment.
    assert (nine.state, ten.state, Slot.objects.filter(pk=half_past.pk).exists()) == (
        State.STRANDED,
        State.SINGLE,
        False,
    )
    assert when() == ["24/11 09:00", "24/11 10:00", "24/11 10:45"]
    with pytest.raises(ChangedElsewhere):
        rota_services.amend_rota(rota, version=1, **change)  # type: ignore[arg-type]
    cancel_appointment(Appointment.objects.get(slot=ten), by=anna, by_person=True)
    refresh_slots(mazzini, by=None)
    assert when() == ["24/11 09:00", "24/11 09:45", "24/11 10:15", "24/11 10:45"]


def test_a_stranded_appointment_may_be_left_where_it_is(
    mazzini: Lab, anna: User, elena: User, kind: AppointmentKind
) -> None:
    rota = open_hours(mazzini, anna, kind, elena, valid_to=TUESDAY)
    appointment = book(Slot.objects.order_by("starts_at")[0], kind, by=anna)
    rota_services.end_rota(rota, on=NOW.date(), by=anna)
    appointment.slot.refresh_from_db()
    assert appointment.slot.state == State.STRANDED
    settled = settle_stranded(appointment, by=anna)
    refresh_slots(mazzini, by=None)
    settled.slot.refresh_from_db()
    assert settled.slot.state == State.SINGLE


def test_hours_that_end_before_they_begin_are_forgotten(
    mazzini: Lab, anna: User, elena: User, kind: AppointmentKind
) -> None:
    rota = open_hours(mazzini, anna, kind, elena, valid_from=TUESDAY)
    rota_services.end_rota(rota, on=NOW.date(), by=elena)
    assert (Rota.objects.count(), Slot.objects.count()) == (0, 0)


def test_who_no_longer_works_here_is_not_booked(
    monday: time_machine.Traveller, mazzini: Lab, anna: User, elena: User, kind: AppointmentKind
) -> None:
    open_hours(mazzini, anna, kind, elena)
    end_membership(anna.memberships.get(), on=TUESDAY, by=elena)
    refresh_slots(mazzini, by=None)
    assert when() == ["24/11 09:00", "24/11 09:30"]
    monday.move_to(at(TUESDAY + timedelta(days=1), 8))
    with pytest.raises(OwnerCannotWorkHere):
        open_hours(mazzini, anna, kind, elena)


@pytest.mark.parametrize(
    ("opens", "closes", "valid_from", "overlaps"),
    [
        (time(9, 30), time(11), NOW.date(), True),
        (time(8), time(9, 1), NOW.date(), True),
        (time(10), time(11), NOW.date(), False),
        (time(9), time(10), TUESDAY + 3 * WEEK, False),
    ],
)
def test_an_operator_receives_once_at_a_time(
    opens: time,
    closes: time,
    valid_from: date,
    overlaps: bool,
    mazzini: Lab,
    anna: User,
    elena: User,
    kind: AppointmentKind,
) -> None:
    open_hours(mazzini, anna, kind, elena)
    more = {"opens": opens, "closes": closes, "valid_from": valid_from, "valid_to": None}
    if overlaps:
        with pytest.raises(RotaOverlaps, match="Riceve già dalle 09:00 alle 10:00"):
            open_hours(mazzini, anna, kind, elena, **more)
    else:
        open_hours(mazzini, anna, kind, elena, **more)


def test_longer_appointments_cut_the_free_times_anew_and_leave_those_that_somebody_has(
    mazzini: Lab, anna: User, elena: User, kind: AppointmentKind
) -> None:
    open_hours(mazzini, anna, kind, elena, closes=time(11), valid_to=TUESDAY)
    had = book(Slot.objects.order_by("starts_at")[1], kind, by=anna).slot
    fields = {"name": "Casa", "minutes": 60, "bring": "", "term": None, "is_public": True, "is_active": True}
    rota_services.amend_kind(kind, version=1, by=elena, **fields)
    had.refresh_from_db()
    assert (had.state, when()) == (State.SINGLE, ["24/11 09:30", "24/11 10:00"])


def test_on_the_sundays_when_the_clock_turns_times_open_at_the_hours_on_the_wall(
    monday: time_machine.Traveller, mazzini: Lab, anna: User, elena: User, kind: AppointmentKind
) -> None:
    for on in (date(2027, 10, 31), date(2028, 3, 26)):
        monday.move_to(at(on - timedelta(days=3), 9))
        open_hours(mazzini, anna, kind, elena, weekday=6, valid_from=on, valid_to=on)
        slots = [slot for slot in Slot.objects.order_by("starts_at") if slot.starts_at.astimezone(ROME).date() == on]
        assert [f"{slot.starts_at.astimezone(ROME):%H:%M}" for slot in slots] == ["09:00", "09:30"]
        appointment = book(slots[0], kind, by=None)
        reminder = Delivery.objects.get(kind="appointment.reminder", about_id=appointment.pk)
        # A day before by the clock that runs, whatever the one on the wall says.
        assert slots[0].starts_at - reminder.not_before == timedelta(hours=24)
