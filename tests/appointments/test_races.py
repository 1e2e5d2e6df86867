"""Many at once: one time is given once, two times that are freed go to two people. In threads, on PostgreSQL."""

import threading
from collections.abc import Callable

import pytest
from django.db import connection, transaction
from django.utils import timezone

from ballatoio.base.accounts.models import Role, User
from ballatoio.base.labs.models import Lab
from ballatoio.care.appointments import waiting_services as waiting
from ballatoio.care.appointments.booking import SlotTaken
from ballatoio.care.appointments.models import Appointment, AppointmentKind, Offer, Rota, Slot, WaitingPlace
from ballatoio.care.appointments.services import AppointmentIsOver, cancel_appointment, move_appointment
from ballatoio.care.appointments.slot_services import refresh_slots
from tests.factories import make_lab, make_user

from .making import book, join, make_kind, make_rota, make_slot, make_slots

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def several_connections() -> None:
    if connection.vendor == "sqlite":
        pytest.skip("one writer at a time: the locks are proved on PostgreSQL")


@pytest.fixture
def lab() -> Lab:
    return make_lab("mazzini")


@pytest.fixture
def operator(lab: Lab) -> User:
    return make_user("Anna", lab, Role.DESK)


@pytest.fixture
def kind(lab: Lab) -> AppointmentKind:
    return make_kind(lab, "Casa")


@pytest.fixture
def rota(lab: Lab, operator: User, kind: AppointmentKind) -> Rota:
    return make_rota(lab, operator, kind, valid_from=timezone.localdate())


def next_week() -> timezone.datetime:
    return (timezone.now() + timezone.timedelta(days=7)).replace(minute=0, second=0, microsecond=0)


def together(*acts: Callable[[], object]) -> list[str]:
    """Do all these at the same moment, each on a connection of its own; give how each ended."""
    gate, ends = threading.Barrier(len(acts)), []

    def run(act: Callable[[], object]) -> None:
        gate.wait()
        try:
            act()
            ends.append("done")
        except Exception as error:  # noqa: BLE001 (whatever it is, the test says which were expected)
            ends.append(type(error).__name__)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(ends)


def test_of_twenty_who_book_the_same_time_one_has_it(rota: Rota, kind: AppointmentKind, operator: User) -> None:
    slot = make_slot(rota, next_week())
    ends = together(*[lambda: book(slot, kind, by=operator)] * 10, *[lambda: book(slot, kind, by=None)] * 10)
    assert ends == [SlotTaken.__name__] * 19 + ["done"]
    assert Appointment.objects.holding().count() == 1


def test_two_cancellations_at_once_promote_two_different_people(
    rota: Rota, kind: AppointmentKind, operator: User
) -> None:
    taken = [book(slot, kind, by=operator) for slot in make_slots(rota, 4, next_week())]
    places = [join(kind) for _ in range(6)]
    acts = [lambda a=a: cancel_appointment(a, by=None, by_person=True) for a in taken]
    assert together(*acts) == ["done"] * 4
    offered = Offer.objects.filter(state=Offer.State.OPEN)
    assert set(offered.values_list("place__number", flat=True)) == {place.number for place in places[:4]}
    assert len(set(offered.values_list("slot", flat=True))) == 4


def test_everything_at_once_ends_in_order(lab: Lab, rota: Rota, kind: AppointmentKind, operator: User) -> None:
    taken = [book(slot, kind, by=operator) for slot in make_slots(rota, 4, next_week())]
    places = [join(kind) for _ in range(4)]
    ends = together(
        *[lambda a=a: cancel_appointment(a, by=None, by_person=True) for a in taken[:2]],
        *[lambda p=p: waiting.leave_waiting(p, by=None) for p in places[:2]],
        *[lambda: join(kind, by=operator) for _ in range(3)],
        lambda: waiting.expire_offers(lab),
        lambda: refresh_slots(lab, by=None),
    )
    # Whoever comes to join when a time is free for a moment is told so; nothing else may fail.
    assert set(ends) <= {"done", "ThereIsRoom"}
    numbers = list(WaitingPlace.objects.order_by("number").values_list("number", flat=True))
    assert numbers == list(range(1, len(numbers) + 1))
    waits = WaitingPlace.objects.filter(state=WaitingPlace.State.WAITING).exists()
    assert not (waits and Slot.objects.free().exists())


def test_cancelled_and_moved_at_once_only_one_happens(rota: Rota, kind: AppointmentKind, operator: User) -> None:
    slots = make_slots(rota, 2, next_week())
    appointment = book(slots[0], kind, by=operator)
    ends = together(
        lambda: cancel_appointment(appointment, by=None, by_person=True),
        lambda: move_appointment(appointment, slots[1], by=operator),
    )
    assert ends == sorted(["done", AppointmentIsOver.__name__])
    assert Appointment.objects.holding().count() <= 1


def test_two_who_make_overlapping_times_at_once_make_one(rota: Rota) -> None:
    start = next_week()

    def make(minutes: int) -> Callable[[], object]:
        def act() -> None:
            with transaction.atomic():
                make_slot(rota, start + timezone.timedelta(minutes=minutes))

        return act

    ends = together(*[make(minutes) for minutes in (0, 5, 10, 15, 20, 25)])
    assert ends == ["IntegrityError"] * 5 + ["done"]
    assert Slot.objects.count() == 1
