"""The waiting list: whoever came first is asked first, nobody jumps the queue, nobody is asked twice at once."""

from collections.abc import Callable, Iterator
from datetime import time, timedelta

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from pytest_django.fixtures import Settings

from ballatoio.base.accounts.models import AccessCode, User
from ballatoio.base.accounts.services import look_up_code
from ballatoio.base.jobs.models import DueWork
from ballatoio.base.jobs.services import AlreadySubmitted, new_once_token
from ballatoio.base.labs.models import Lab, Opening
from ballatoio.base.notices.models import Delivery
from ballatoio.base.people.models import Person
from ballatoio.base.people.services import register_person
from ballatoio.base.vault.services import open_texts
from ballatoio.care.appointments import waiting_services as waiting
from ballatoio.care.appointments.booking import Booker, SlotTaken
from ballatoio.care.appointments.models import Appointment, AppointmentKind, Offer, Rota, Slot, WaitingPlace
from ballatoio.care.appointments.services import cancel_appointment
from ballatoio.care.appointments.tasks import expire_all_offers
from ballatoio.care.appointments.timetable import read_timetable
from ballatoio.care.appointments.turns import LEAST_HOLD, LEAST_TIME_TO_COME, PlaceIsOver, fits
from ballatoio.care.appointments.waiting_services import NobodyCouldTell, OfferIsOver, ThereIsRoom
from tests.factories import make_lab, make_user, number

from .making import NOW, TUESDAY, at, book, join, make_kind, make_rota, make_slot, make_slots

State = WaitingPlace.State


@pytest.fixture(autouse=True)
def monday() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def kind(mazzini: Lab) -> AppointmentKind:
    return make_kind(mazzini, "Casa")


@pytest.fixture
def rota(mazzini: Lab, anna: User, kind: AppointmentKind) -> Rota:
    return make_rota(mazzini, anna, kind, languages=["it"], interpreter_languages=["ar"])


@pytest.fixture
def full(rota: Rota, kind: AppointmentKind, anna: User) -> list[Appointment]:
    """Three appointments next week, and no other time."""
    return [book(slot, kind, by=anna) for slot in make_slots(rota, 3, at(TUESDAY + timedelta(7), 9))]


def free(appointment: Appointment) -> Slot:
    cancel_appointment(appointment, by=None, by_person=True)
    return appointment.slot


def states(*places: WaitingPlace) -> list[str]:
    for place in places:
        place.refresh_from_db()
    return [place.state for place in places]


def held_for(place: WaitingPlace) -> Slot | None:
    offer = Offer.objects.filter(place=place, state=Offer.State.OPEN).select_related("slot").first()
    return offer.slot if offer else None


# --- joining --------------------------------------------------------------------------------------------------


def test_numbers_only_grow_and_each_has_a_code(mazzini: Lab, full: list[Appointment], kind: AppointmentKind) -> None:
    first, second = join(kind), join(kind)
    waiting.leave_waiting(second, by=None)
    third = join(kind)
    assert [place.number for place in (first, second, third)] == [1, 2, 3]
    code = open_texts(third)["code"]
    found = look_up_code(code, purpose=AccessCode.Purpose.APPOINTMENT, lab=mazzini, source="x")
    assert found.object_id == third.pk
    assert waiting.places_before(third) == 1


def test_nobody_waits_for_what_they_can_have_now(rota: Rota, kind: AppointmentKind) -> None:
    make_slot(rota, at(TUESDAY, 9))
    with pytest.raises(ThereIsRoom):
        join(kind)
    with pytest.raises(ThereIsRoom):
        join(kind, language="ar", only_language=True)
    # Nobody there speaks Albanian.
    assert join(kind, language="sq", only_language=True).state == State.WAITING


def test_who_waits_leaves_a_way_to_be_told(full: list[Appointment], kind: AppointmentKind) -> None:
    with pytest.raises(NobodyCouldTell):
        join(kind, booker=Booker(name="Nadia"))
    assert WaitingPlace.objects.count() == 0


def test_a_double_click_joins_once(full: list[Appointment], kind: AppointmentKind) -> None:
    token = new_once_token()
    place = join(kind, once=token)
    with pytest.raises(AlreadySubmitted) as caught:
        join(kind, once=token)
    assert (caught.value.result, WaitingPlace.objects.count()) == (str(place.pk), 1)


# --- whose turn it is ---------------------------------------------------------------------------------------------


def test_a_time_that_is_freed_is_held_for_the_first_who_fits(
    mazzini: Lab, anna: User, full: list[Appointment], kind: AppointmentKind
) -> None:
    other = make_kind(mazzini, "Lavoro")
    elsewhere, albanian = join(other), join(kind, language="sq", only_language=True)
    first, second = join(kind, language="ar", only_language=True), join(kind)
    slot = free(full[0])
    expected = [State.WAITING, State.WAITING, State.OFFERED, State.WAITING]
    assert states(elsewhere, albanian, first, second) == expected
    assert held_for(first) == slot
    for by in (None, anna):
        with pytest.raises(SlotTaken):
            book(slot, kind, by=by)


def test_the_offer_says_when_where_until_when_and_how_to_answer(
    settings: Settings, mazzini: Lab, full: list[Appointment], kind: AppointmentKind
) -> None:
    settings.SMS_BACKEND = ""
    for weekday in range(5):
        Opening.objects.create(lab=mazzini, weekday=weekday, opens=time(9), closes=time(13))
    place = join(kind)
    free(full[0])
    offer, delivery = Offer.objects.get(), Delivery.objects.get(kind="waiting.offered")
    # Six hours of opening from Monday at nine: four today, two tomorrow.
    assert (offer.expires_at, offer.is_told) == (at(TUESDAY, 11), True)
    assert (delivery.channel, delivery.expires_at) == (Delivery.Channel.CALL, offer.expires_at)
    texts = open_texts(delivery)
    code = open_texts(place)["code"]
    for part in ("martedì 1 dicembre, ore 09:00", "via di prova 1", "martedì 24 novembre alle 11:00", code[:5]):
        assert part in texts["body"]
    assert "Casa" not in texts["short"] + texts["subject"]


def test_two_cancellations_promote_two_different_people(full: list[Appointment], kind: AppointmentKind) -> None:
    first, second, third = join(kind), join(kind), join(kind)
    one, two = free(full[1]), free(full[0])
    assert [held_for(place) for place in (first, second, third)] == [one, two, None]


def test_leaving_the_list_promotes_nobody(full: list[Appointment], kind: AppointmentKind) -> None:
    first, second, third = join(kind), join(kind), join(kind)
    for _ in range(2):
        waiting.leave_waiting(first, by=None)
    waiting.leave_waiting(third, by=None)
    assert states(first, second, third) == [State.LEFT, State.WAITING, State.LEFT]
    assert (Offer.objects.count(), Delivery.objects.filter(kind="waiting.offered").count()) == (0, 0)


def test_who_leaves_while_a_time_is_held_passes_it_to_the_next(full: list[Appointment], kind: AppointmentKind) -> None:
    first, second = join(kind), join(kind)
    slot = free(full[0])
    waiting.leave_waiting(first, by=None)
    assert (states(first, second), held_for(second)) == ([State.LEFT, State.OFFERED], slot)


def test_yes_gives_the_time_and_saying_it_twice_gives_the_same(
    full: list[Appointment], kind: AppointmentKind, anna: User
) -> None:
    place = join(kind, language="sq")
    slot = free(full[0])
    appointment = waiting.accept_offer(place, by=None)
    assert waiting.accept_offer(place, by=anna) == appointment
    assert (appointment.slot, appointment.wants_interpreter, states(place)) == (slot, True, [State.BOOKED])
    assert open_texts(appointment)["phone"] == open_texts(place)["phone"]
    assert list(Offer.objects.values_list("state", flat=True)) == [Offer.State.TAKEN]
    with pytest.raises(PlaceIsOver):
        waiting.leave_waiting(place, by=None)


def test_no_answer_passes_to_the_next_and_the_place_is_kept_once(
    monday: time_machine.Traveller, full: list[Appointment], kind: AppointmentKind
) -> None:
    first, second = join(kind), join(kind)
    slot = free(full[0])
    monday.shift(timedelta(hours=5, minutes=59))
    expire_all_offers(DueWork())
    assert held_for(first) == slot
    monday.shift(timedelta(minutes=1))
    with pytest.raises(OfferIsOver):
        waiting.accept_offer(first, by=None)
    expire_all_offers(DueWork())
    assert (states(first, second), held_for(second)) == ([State.WAITING, State.OFFERED], slot)
    # The first still stands before the second: the next time that is freed is theirs.
    another = free(full[1])
    assert held_for(first) == another
    monday.shift(timedelta(hours=6))
    expire_all_offers(DueWork())
    assert states(first) == [State.EXPIRED]
    # The second did not answer either: now they are asked for the time that the first let go by.
    assert held_for(second) == another
    kinds = list(Delivery.objects.filter(kind__startswith="waiting.").values_list("kind", flat=True))
    assert sorted(kinds) == ["waiting.ended", *["waiting.kept"] * 2, *["waiting.offered"] * 4]


def test_who_refuses_a_time_is_not_asked_for_it_again(full: list[Appointment], kind: AppointmentKind) -> None:
    place = join(kind)
    slot = free(full[0])
    waiting.decline_offer(place, by=None)
    assert (states(place), list(Slot.objects.free())) == ([State.WAITING], [slot])
    # Nobody else waits: now everybody may book it.
    assert book(slot, kind, by=None).is_booked
    with pytest.raises(OfferIsOver):
        waiting.decline_offer(place, by=None)


def test_a_time_that_begins_too_soon_is_held_for_nobody(
    monday: time_machine.Traveller, full: list[Appointment], kind: AppointmentKind, anna: User
) -> None:
    place = join(kind)
    monday.move_to(full[0].slot.starts_at - LEAST_HOLD - LEAST_TIME_TO_COME)
    slot = free(full[0])
    assert states(place) == [State.WAITING]
    assert book(slot, kind, by=anna).is_booked


def test_an_offer_ends_in_time_to_come(
    monday: time_machine.Traveller, full: list[Appointment], kind: AppointmentKind
) -> None:
    join(kind)
    monday.move_to(full[0].slot.starts_at - timedelta(hours=3))
    free(full[0])
    assert Offer.objects.get().expires_at == full[0].slot.starts_at - LEAST_TIME_TO_COME


def test_who_can_be_told_by_nobody_is_shown_to_the_desk(
    mazzini: Lab, anna: User, full: list[Appointment], kind: AppointmentKind
) -> None:
    alone = register_person(mazzini, by=anna, given_name="Samira", reach_by=Person.ReachBy.NOBODY)
    join(kind, by=anna, booker=Booker(alone))
    free(full[0])
    assert (Offer.objects.get().is_told, Delivery.objects.filter(kind="waiting.offered").count()) == (False, 0)


def test_hours_kept_for_the_desk_are_not_offered_to_who_asked_from_the_public_page(
    mazzini: Lab, anna: User, kind: AppointmentKind
) -> None:
    inside = make_rota(mazzini, anna, kind, is_public=False)
    taken = book(make_slot(inside, at(TUESDAY, 15)), kind, by=anna)
    public, on_the_phone = join(kind), join(kind, by=anna)
    free(taken)
    assert states(public, on_the_phone) == [State.WAITING, State.OFFERED]


def test_the_database_itself_holds_a_time_for_one_and_asks_one_at_a_time(
    rota: Rota, full: list[Appointment], kind: AppointmentKind
) -> None:
    first, second = join(kind), join(kind)
    slot = free(full[0])
    other, until = make_slot(rota, at(TUESDAY, 15)), timezone.now()
    for place, held, state in ((second, slot, "open"), (first, other, "open"), (first, slot, "expired")):
        with pytest.raises(IntegrityError), transaction.atomic():
            Offer.objects.create(place=place, slot=held, state=state, expires_at=until)
    with pytest.raises(IntegrityError), transaction.atomic():
        WaitingPlace.objects.filter(pk=second.pk).update(number=first.number)


# --- whatever happens ------------------------------------------------------------------------------------------------

LANGUAGES = ["it", "ar", "sq"]


class Desk(RuleBasedStateMachine):
    """A desk where times are freed, people join, leave, answer or do not, in any order.

    The model is a plain list: who waits, in the order in which they came, with the times that they let go by.
    """

    @initialize()
    def open_desk(self) -> None:
        self.clock = time_machine.travel(NOW, tick=False)
        self.traveller = self.clock.start()
        self.lab = make_lab(f"lab{next(number)}")
        self.operator = make_user("Anna", self.lab, "desk")
        self.kinds = [make_kind(self.lab), make_kind(self.lab)]
        self.rotas = [
            make_rota(self.lab, self.operator, *self.kinds, interpreter_languages=["ar"]),
            make_rota(self.lab, self.operator, self.kinds[0]),
        ]
        self.offered: list[tuple[int, object]] = []
        self.hour = 0

    def teardown(self) -> None:
        if hasattr(self, "clock"):
            self.clock.stop()

    def new_slot(self, rota: Rota) -> Slot:
        self.hour += 1
        return make_slot(rota, at(TUESDAY + timedelta(days=7), 0) + timedelta(minutes=30 * self.hour))

    def pick(self, rows: list, choice: int) -> object:  # type: ignore[type-arg]
        return rows[choice % len(rows)]

    def line(self, *in_states: str) -> list[WaitingPlace]:
        places = WaitingPlace.objects.filter(lab=self.lab, state__in=in_states or WaitingPlace.IN_LINE)
        return list(places.select_related("lab", "kind", "person").order_by("number"))

    def booked(self) -> list[Appointment]:
        rows = Appointment.objects.filter(lab=self.lab).to_come().order_by("slot__starts_at")
        return list(rows.select_related("lab", "slot"))

    @rule(which=st.integers(0, 1), kind=st.integers(0, 1))
    def somebody_has_an_appointment(self, which: int, kind: int) -> None:
        rota = self.rotas[which]
        slot = self.new_slot(rota)
        Appointment.objects.create(lab=self.lab, slot=slot, kind=self.kinds[kind], channel="desk")

    @rule(kind=st.integers(0, 1), language=st.sampled_from(LANGUAGES), only=st.booleans())
    def somebody_joins(self, kind: int, language: str, only: bool) -> None:
        before = {place.pk for place in self.line()}
        try:
            place = join(self.kinds[kind], by=self.operator, language=language, only_language=only)
        except ThereIsRoom:
            assert {place.pk for place in self.line()} == before
        else:
            assert place.number == max((row.number for row in WaitingPlace.objects.filter(lab=self.lab)), default=0)

    @precondition(lambda self: self.booked())
    @rule(choice=st.integers(0, 50))
    def somebody_cancels(self, choice: int) -> None:
        appointment = self.pick(self.booked(), choice)
        waited = self.line(State.WAITING)
        assert isinstance(appointment, Appointment)
        fitting = [place for place, _slot in self.pairs(waited, [appointment.slot])]
        cancel_appointment(appointment, by=None, by_person=True)
        # The time is held for the first who fits, or for nobody when nobody does: the list says who that is.
        offer = Offer.objects.filter(slot=appointment.slot, state=Offer.State.OPEN).first()
        assert (offer.place_id if offer else None) == (fitting[0].pk if fitting else None)

    @precondition(lambda self: self.line())
    @rule(choice=st.integers(0, 50))
    def somebody_leaves(self, choice: int) -> None:
        place = self.pick(self.line(), choice)
        assert isinstance(place, WaitingPlace)
        others = {row.pk: row.state for row in self.line() if row.pk != place.pk}
        was_waiting = place.state == State.WAITING
        waiting.leave_waiting(place, by=None)
        if was_waiting:
            assert {row.pk: row.state for row in self.line()} == others

    @precondition(lambda self: self.line(State.OFFERED))
    @rule(choice=st.integers(0, 50), yes=st.booleans())
    def somebody_answers(self, choice: int, yes: bool) -> None:
        place = self.pick(self.line(State.OFFERED), choice)
        assert isinstance(place, WaitingPlace)
        held = held_for(place)
        if yes:
            assert waiting.accept_offer(place, by=None).slot == held
        else:
            waiting.decline_offer(place, by=None)

    @precondition(lambda self: self.line(State.OFFERED))
    @rule()
    def nobody_answers(self) -> None:
        self.traveller.shift(timedelta(hours=7))
        waiting.expire_offers(self.lab)

    @precondition(lambda self: Slot.objects.filter(lab=self.lab).free().exists())
    @rule(choice=st.integers(0, 50))
    def somebody_books_what_is_free(self, choice: int) -> None:
        slot = self.pick(list(Slot.objects.filter(lab=self.lab).free().order_by("starts_at")), choice)
        assert isinstance(slot, Slot)
        book(slot, self.kinds[0], by=self.operator)

    def pairs(self, places: list[WaitingPlace], slots: list[Slot]) -> list[tuple[WaitingPlace, Slot]]:
        """Who may have which of these times: it fits, and they never let it go by."""
        if not (places and slots):
            return []
        seen = set(Offer.objects.filter(place__in=places).values_list("place", "slot"))
        timetable = read_timetable(self.lab, ended=True)
        return [(p, s) for p in places for s in slots if (p.pk, s.pk) not in seen and fits(p, s, timetable)]

    @invariant()
    def nobody_waits_beside_a_free_time_that_they_never_let_go(self) -> None:
        if not hasattr(self, "lab"):
            return
        free_now = list(Slot.objects.filter(lab=self.lab).free())
        assert self.pairs(self.line(State.WAITING), free_now) == []

    @invariant()
    def every_offer_is_of_one_who_waits_and_nobody_was_asked_twice(self) -> None:
        if not hasattr(self, "lab"):
            return
        offers = list(Offer.objects.filter(place__lab=self.lab).select_related("place"))
        standing = [offer for offer in offers if offer.state == Offer.State.OPEN]
        assert sorted(o.place.number for o in standing) == [place.number for place in self.line(State.OFFERED)]
        assert len({offer.slot_id for offer in standing}) == len(standing)
        assert len({(offer.place_id, offer.slot_id) for offer in offers}) == len(offers)
        assert all(place.passed < WaitingPlace.OFFERS for place in self.line())
        told = Delivery.objects.filter(lab=self.lab, kind="waiting.offered").count()
        assert told == len(offers)


def test_whatever_happens_nobody_jumps_the_queue(db: None, monday: time_machine.Traveller) -> None:
    monday.move_to(NOW)
    health = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much]
    quick = settings(
        max_examples=10,
        stateful_step_count=16,
        deadline=None,
        suppress_health_check=health,
        # A failing story is short enough to read as it is; shortening it takes minutes.
        phases=(Phase.reuse, Phase.generate),
    )
    run_state_machine_as_test(Desk, settings=quick)


def test_every_state_of_a_place_follows_the_table(
    full: list[Appointment], kind: AppointmentKind, monday: time_machine.Traveller
) -> None:
    acts: dict[str, Callable[[WaitingPlace], object]] = {
        State.LEFT: lambda place: waiting.leave_waiting(place, by=None),
        State.BOOKED: lambda place: waiting.accept_offer(place, by=None),
        State.WAITING: lambda place: waiting.decline_offer(place, by=None),
    }
    for state in State:
        for target, act in acts.items():
            if state == target:
                continue
            with transaction.atomic():
                place = join(kind)
                if state == State.OFFERED:
                    free(full[0])
                else:
                    WaitingPlace.objects.filter(pk=place.pk).update(state=state)
                allowed = target in WaitingPlace.ALLOWED[state]
                if allowed:
                    act(place)
                else:
                    with pytest.raises((PlaceIsOver, OfferIsOver)):
                        act(place)
                assert states(place) == [target if allowed else state]
                transaction.set_rollback(True)
