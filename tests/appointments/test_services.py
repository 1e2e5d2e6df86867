"""What happens to an appointment: booked by one, told, kept or missed, cancelled or moved with a reason."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.utils import timezone
from pytest_django.fixtures import Settings

from ballatoio.base.accounts.models import AccessCode, User
from ballatoio.base.accounts.services import look_up_code
from ballatoio.base.audit.models import AuditEntry
from ballatoio.base.audit.services import verify_chains
from ballatoio.base.core.ids import clean_code
from ballatoio.base.jobs.models import Draft
from ballatoio.base.jobs.services import AlreadySubmitted, new_once_token, read_draft
from ballatoio.base.labs.models import Lab
from ballatoio.base.notices.models import Delivery
from ballatoio.base.people.models import Person
from ballatoio.base.people.services import register_person
from ballatoio.base.vault.services import open_texts
from ballatoio.care.appointments import services
from ballatoio.care.appointments.booking import (
    Booker,
    KindNotReceived,
    OperatorIsBusy,
    SlotIsOver,
    SlotTaken,
    book_own_time,
)
from ballatoio.care.appointments.models import Appointment, AppointmentKind, Rota, Slot
from ballatoio.care.appointments.services import AppointmentIsOver, ReasonNeeded, TooEarlyToSay
from ballatoio.care.desk.services import OwnerCannotWorkHere
from tests.factories import make_need, make_term

from .making import NOW, TUESDAY, at, book, booker, make_kind, make_rota, make_slot, make_slots

State = Appointment.State


@pytest.fixture(autouse=True)
def monday() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def kind(mazzini: Lab) -> AppointmentKind:
    return make_kind(mazzini, "Casa", bring="Il contratto", term=make_term("Affitto"))


@pytest.fixture
def rota(mazzini: Lab, anna: User, kind: AppointmentKind) -> Rota:
    return make_rota(mazzini, anna, kind, languages=["it", "fr"], interpreter_languages=["ar"])


@pytest.fixture
def samira(mazzini: Lab, anna: User) -> Person:
    return register_person(mazzini, by=anna, given_name="Samira", phone="333 7654321", languages_read=["ar"])


def message(kind: str) -> tuple[Delivery, dict[str, str]]:
    delivery = Delivery.objects.get(kind=kind)
    return delivery, open_texts(delivery)


# --- booking --------------------------------------------------------------------------------------------------


def test_who_has_no_file_books_with_a_name_a_number_and_gets_a_code(
    mazzini: Lab, rota: Rota, kind: AppointmentKind
) -> None:
    appointment = book(make_slot(rota, at(TUESDAY, 10, 30)), kind, by=None)
    texts = open_texts(appointment)
    assert (appointment.state, appointment.person, appointment.booked_by) == (State.BOOKED, None, None)
    assert {name: texts[name] for name in ("name", "phone")} == {"name": "Nadia", "phone": "+39 333 123 4567"}
    found = look_up_code(texts["code"], purpose=AccessCode.Purpose.APPOINTMENT, lab=mazzini, source="x")
    assert found.object_id == appointment.pk
    assert list(verify_chains()) == []


def test_every_message_carries_day_time_and_place_and_an_sms_names_no_matter(
    settings: Settings, mazzini: Lab, anna: User, rota: Rota, kind: AppointmentKind
) -> None:
    settings.SMS_BACKEND = "some.Backend"
    with_mail = Booker(name="Nadia", phone="+39 333 123 4567", email="nadia@example.org")
    appointment = book(make_slot(rota, at(TUESDAY + timedelta(7), 10, 30)), kind, by=anna, booker=with_mail)
    code = open_texts(appointment)["code"]
    told, texts = message("appointment.booked")
    assert (told.channel, texts["to"]) == (Delivery.Channel.EMAIL, "nadia@example.org")
    for part in (
        "martedì 1 dicembre",
        "10:30",
        "via di prova 1",
        "Casa",
        "Il contratto",
        f"/mazzini/appuntamento/{code}/",
    ):
        assert part in texts["body"]
    assert texts["subject"] == "Appuntamento martedì 1 dicembre alle 10:30"
    assert texts["short"] == (
        f"Appuntamento mar 1/12 ore 10:30, via di prova 1. Per disdire: codice {code[:5]} {code[5:]}, 02 0000 0000"
    )
    assert len(texts["short"]) <= 160


def test_the_reminder_leaves_a_day_before_and_is_over_when_the_appointment_begins(
    mazzini: Lab, anna: User, rota: Rota, kind: AppointmentKind, samira: Person
) -> None:
    slot = make_slot(rota, at(TUESDAY + timedelta(7), 10))
    appointment = book(slot, kind, by=anna, booker=booker(samira), send=False)
    reminder, texts = message("appointment.reminder")
    assert (reminder.person, reminder.about_id, reminder.not_before) == (
        samira,
        appointment.pk,
        slot.starts_at - timedelta(hours=24),
    )
    assert (reminder.expires_at, Delivery.objects.count()) == (slot.starts_at, 1)
    # She reads Arabic: she is written to in Arabic, with figures that everybody reads.
    assert "10:00" in texts["body"]
    assert reminder.language == "ar"


def test_who_books_for_tomorrow_is_not_reminded_a_minute_later(
    mazzini: Lab, anna: User, rota: Rota, kind: AppointmentKind
) -> None:
    book(make_slot(rota, at(TUESDAY, 8, 30)), kind, by=anna)
    assert list(Delivery.objects.values_list("kind", flat=True)) == ["appointment.booked"]


def test_a_double_click_books_once(mazzini: Lab, anna: User, rota: Rota, kind: AppointmentKind) -> None:
    token = new_once_token()
    slots = make_slots(rota, 2)
    first = book(slots[0], kind, by=anna, once=token)
    with pytest.raises(AlreadySubmitted) as caught:
        book(slots[0], kind, by=anna, once=token)
    assert (UUID(caught.value.result), Appointment.objects.count()) == (first.pk, 1)


def test_a_time_is_given_once(mazzini: Lab, anna: User, rota: Rota, kind: AppointmentKind) -> None:
    slot = make_slot(rota, at(TUESDAY, 10))
    book(slot, kind, by=anna)
    with pytest.raises(SlotTaken):
        book(slot, kind, by=None)
    assert Appointment.objects.count() == 1


def test_the_database_itself_gives_a_time_once(mazzini: Lab, anna: User, rota: Rota, kind: AppointmentKind) -> None:
    slot = make_slot(rota, at(TUESDAY, 10))
    first = book(slot, kind, by=anna)
    with pytest.raises(IntegrityError), transaction.atomic():
        Appointment.objects.create(lab=mazzini, slot=slot, kind=kind, channel="desk")
    for state in (State.KEPT, State.NO_SHOW):
        missed = "not_come" if state == State.NO_SHOW else ""
        Appointment.objects.filter(pk=first.pk).update(state=state, ended_at=timezone.now(), missed=missed)
        with pytest.raises(IntegrityError), transaction.atomic():
            Appointment.objects.create(lab=mazzini, slot=slot, kind=kind, channel="desk")
    Appointment.objects.filter(pk=first.pk).update(state=State.CANCELLED_BY_PERSON, missed="")
    Appointment.objects.create(lab=mazzini, slot=slot, kind=kind, channel="desk")


def test_the_public_books_neither_what_begins_soon_nor_what_is_kept_for_the_desk(
    mazzini: Lab, anna: User, rota: Rota, kind: AppointmentKind
) -> None:
    soon = make_slot(rota, NOW + timedelta(hours=1, minutes=59))
    inside = make_slot(make_rota(mazzini, anna, kind, is_public=False), at(TUESDAY, 15))
    other = make_kind(mazzini, "Lavoro", is_public=False)
    for slot, wanted, refusal in (
        (soon, kind, SlotIsOver),
        (inside, kind, KindNotReceived),
        (soon, other, KindNotReceived),
    ):
        with pytest.raises(refusal):
            book(slot, wanted, by=None)
    for slot in (soon, inside):
        assert book(slot, kind, by=anna).is_booked


def test_nobody_books_what_is_over_or_what_is_not_received_there(
    mazzini: Lab, anna: User, rota: Rota, kind: AppointmentKind
) -> None:
    past = make_slot(rota, NOW - timedelta(minutes=10))
    with pytest.raises(SlotIsOver):
        book(past, kind, by=anna)
    with pytest.raises(KindNotReceived):
        book(make_slot(rota, at(TUESDAY, 9)), make_kind(mazzini, "Lavoro"), by=anna)


@pytest.mark.parametrize(("language", "wanted"), [("it", False), ("fr", False), ("ar", True), ("sq", True)])
def test_an_interpreter_is_wanted_when_the_operator_does_not_speak_the_language(
    language: str, wanted: bool, anna: User, rota: Rota, kind: AppointmentKind
) -> None:
    appointment = book(make_slot(rota, at(TUESDAY, 10)), kind, by=anna, language=language)
    assert appointment.wants_interpreter == wanted


def test_outside_the_rota_the_desk_makes_a_time_of_its_own(
    mazzini: Lab, anna: User, rota: Rota, kind: AppointmentKind, samira: Person
) -> None:
    free = make_slots(rota, 4)
    taken = book(free[0], kind, by=anna)
    make = {
        "kind": kind,
        "booker": booker(samira),
        "language": "it",
        "channel": "phone",
        "by": anna,
        "place": "sua",
    }
    visit = book_own_time(mazzini, operator=anna, starts_at=at(TUESDAY, 9, 45), minutes=40, **make)
    states = list(Slot.objects.order_by("starts_at").values_list("state", flat=True))
    # 9:00 is taken, 9:30 and 10:00 are in the way, 10:30 only touches 10:25.
    assert (states, visit.slot.place) == (["open", "withdrawn", "single", "withdrawn", "open"], "sua")
    with pytest.raises(OperatorIsBusy):
        book_own_time(mazzini, operator=anna, starts_at=at(TUESDAY, 9, 15), minutes=30, **make)
    with pytest.raises(SlotIsOver):
        book_own_time(mazzini, operator=anna, starts_at=NOW, minutes=30, **make)
    assert taken.is_booked
    services.cancel_appointment(visit, by=anna, by_person=True)
    visit.slot.refresh_from_db()
    assert visit.slot.state == Slot.State.WITHDRAWN


def test_outside_the_rota_only_for_who_works_here(
    mazzini: Lab, anna: User, bruno: User, kind: AppointmentKind, samira: Person
) -> None:
    with pytest.raises(OwnerCannotWorkHere):
        book_own_time(
            mazzini,
            operator=bruno,
            starts_at=at(TUESDAY, 9),
            minutes=30,
            place="",
            kind=kind,
            booker=booker(samira),
            language="it",
            channel="desk",
            by=anna,
        )


# --- how it went ------------------------------------------------------------------------------------------------


def test_who_came_is_noted_and_their_file_knows_the_day(
    monday: time_machine.Traveller, anna: User, rota: Rota, kind: AppointmentKind, samira: Person
) -> None:
    appointment = book(make_slot(rota, at(TUESDAY, 10)), kind, by=anna, booker=booker(samira))
    with pytest.raises(TooEarlyToSay):
        services.keep_appointment(appointment, by=anna)
    monday.move_to(at(TUESDAY, 9, 50))
    for _ in range(2):
        kept = services.keep_appointment(appointment, by=anna)
    samira.refresh_from_db()
    assert (kept.state, samira.last_seen_on) == (State.KEPT, TUESDAY)
    assert AuditEntry.objects.filter(verb="appointment.keep").count() == 1


@pytest.mark.parametrize("how", Appointment.Missed.values)
def test_there_are_four_ways_of_missing_and_who_comes_late_came(
    how: str, monday: time_machine.Traveller, anna: User, rota: Rota, kind: AppointmentKind
) -> None:
    appointment = book(make_slot(rota, at(TUESDAY, 10)), kind, by=anna)
    with pytest.raises(TooEarlyToSay):
        services.miss_appointment(appointment, how=how, by=anna)
    monday.move_to(at(TUESDAY, 10, 20))
    missed = services.miss_appointment(appointment, how=how, by=anna)
    assert (missed.state, missed.missed) == (State.NO_SHOW, how)
    kept = services.keep_appointment(appointment, by=anna)
    assert (kept.state, kept.missed) == (State.KEPT, "")


def test_every_state_follows_the_table_and_no_other(
    monday: time_machine.Traveller, anna: User, rota: Rota, kind: AppointmentKind
) -> None:
    slots = make_slots(rota, 12)
    # Each act with the state it leads to, asked of an appointment in each state.
    acts = {
        State.KEPT: lambda a: services.keep_appointment(a, by=anna),
        State.NO_SHOW: lambda a: services.miss_appointment(a, how="not_come", by=anna),
        State.CANCELLED_BY_PERSON: lambda a: services.cancel_appointment(a, by=anna, by_person=True),
        State.CANCELLED_BY_LAB: lambda a: services.cancel_appointment(a, by=anna, by_person=False, reason="sciopero"),
        State.MOVED: lambda a: services.move_appointment(a, slots[-1], by=anna),
    }
    appointment = book(slots[0], kind, by=anna)
    for state in State:
        for target, act in acts.items():
            if target == state:
                continue
            begun = target in (State.KEPT, State.NO_SHOW)
            monday.move_to(at(TUESDAY, 9, 10) if begun else NOW)
            missed, ended = ("not_come" if state == State.NO_SHOW else ""), timezone.now()
            Appointment.objects.filter(pk=appointment.pk).update(state=state, missed=missed, ended_at=ended)
            with transaction.atomic():
                if target in Appointment.ALLOWED[state]:
                    act(appointment)
                else:
                    with pytest.raises(AppointmentIsOver):
                        act(appointment)
                appointment.refresh_from_db()
                assert appointment.state == (target if target in Appointment.ALLOWED[state] else state)
                transaction.set_rollback(True)


def test_receiving_somebody_opens_a_contact_with_what_is_known_and_no_name_in_an_address(
    monday: time_machine.Traveller, anna: User, carla: User, rota: Rota, kind: AppointmentKind, samira: Person
) -> None:
    known, stranger = make_slots(rota, 2)
    hers = book(known, kind, by=anna, booker=booker(samira), language="ar")
    theirs = book(stranger, kind, by=None, booker=Booker(name="Nadia", phone="+39 333 123 4567", words="il frigo"))
    monday.move_to(at(TUESDAY, 9))
    fields = read_draft(services.receive(hers, by=anna))
    assert fields == {
        "channel": "walk_in",
        "language": "ar",
        "interpreter": "present",
        "who": "known",
        "person": str(samira.pk),
        "b1-need": "Affitto",
        "b1-told": "on",
    }
    fields = read_draft(services.receive(theirs, by=anna))
    assert {name: fields[name] for name in ("who", "given_name", "phone", "words")} == {
        "who": "new",
        "given_name": "Nadia",
        "phone": "+39 333 123 4567",
        "words": "il frigo",
    }
    services.receive(theirs, by=anna)
    assert Draft.objects.filter(user=anna).count() == 2
    assert Draft.objects.visible_to(carla).count() == 0
    assert AuditEntry.objects.filter(verb="appointment.read", subject_id=samira.pk).count() == 1


# --- cancelling and moving -------------------------------------------------------------------------------------------


def test_cancelled_by_the_person_it_frees_its_time_and_no_reminder_leaves(
    anna: User, rota: Rota, kind: AppointmentKind
) -> None:
    slot = make_slot(rota, at(TUESDAY + timedelta(7), 10))
    appointment = book(slot, kind, by=None)
    cancelled = services.cancel_appointment(appointment, by=None, by_person=True)
    assert (cancelled.state, cancelled.ended_by) == (State.CANCELLED_BY_PERSON, None)
    assert list(Slot.objects.free()) == [slot]
    assert set(Delivery.objects.values_list("kind", "state")) == {
        ("appointment.booked", "cancelled"),
        ("appointment.reminder", "cancelled"),
    }


def test_cancelled_by_the_lab_it_always_says_why(anna: User, rota: Rota, kind: AppointmentKind, samira: Person) -> None:
    appointment = book(make_slot(rota, at(TUESDAY, 10)), kind, by=anna, booker=booker(samira), send=False)
    for reason in ("", "  "):
        with pytest.raises(ReasonNeeded):
            services.cancel_appointment(appointment, by=anna, by_person=False, reason=reason)
    services.cancel_appointment(appointment, by=anna, by_person=False, reason="Anna è malata")
    _delivery, texts = message("appointment.cancelled")
    assert "Anna è malata" in texts["body"]
    assert "Anna è malata" not in texts["short"]
    assert open_texts(Appointment.objects.get())["reason"] == "Anna è malata"


def test_what_has_begun_is_not_cancelled(
    monday: time_machine.Traveller, anna: User, rota: Rota, kind: AppointmentKind
) -> None:
    appointment = book(make_slot(rota, at(TUESDAY, 10)), kind, by=None)
    monday.move_to(at(TUESDAY, 10))
    with pytest.raises(AppointmentIsOver):
        services.cancel_appointment(appointment, by=None, by_person=True)


def test_moved_it_is_one_event_in_the_calendar_and_the_same_code_opens_it(
    mazzini: Lab, anna: User, rota: Rota, kind: AppointmentKind
) -> None:
    before, after = make_slots(rota, 2, at(TUESDAY + timedelta(7), 9))
    first = book(before, kind, by=None)
    second = services.move_appointment(first, after, by=anna, reason="riunione")
    first.refresh_from_db()
    assert (first.state, first.moved_to, second.state) == (State.MOVED, second, State.BOOKED)
    assert (second.calendar_uid, second.sequence) == (first.calendar_uid, 1)
    code = open_texts(first)["code"]
    assert (open_texts(second)["code"], clean_code(code)) == (code, code)
    assert list(Slot.objects.free()) == [before]
    _delivery, texts = message("appointment.moved")
    for part in ("martedì 1 dicembre alle 09:00", "riunione", "09:30", code[:5]):
        assert part in texts["body"]
    waiting = Delivery.objects.filter(kind="appointment.reminder", state__in=["waiting", "to_do"])
    assert [delivery.about_id for delivery in waiting] == [second.pk]


def test_moved_beyond_the_life_of_its_code_it_gets_another(
    mazzini: Lab, anna: User, rota: Rota, kind: AppointmentKind
) -> None:
    near, far = make_slot(rota, at(TUESDAY, 9)), make_slot(rota, at(TUESDAY + timedelta(120), 9))
    first = book(near, kind, by=None)
    second = services.move_appointment(first, far, by=anna)
    code = open_texts(second)["code"]
    assert code != open_texts(first)["code"]
    found = look_up_code(code, purpose=AccessCode.Purpose.APPOINTMENT, lab=mazzini, source="x")
    assert found.object_id == second.pk


def test_nobody_is_moved_onto_somebody(anna: User, rota: Rota, kind: AppointmentKind) -> None:
    slots = make_slots(rota, 2)
    first, _second = book(slots[0], kind, by=anna), book(slots[1], kind, by=anna)
    with pytest.raises(SlotTaken):
        services.move_appointment(first, slots[1], by=anna)
    first.refresh_from_db()
    assert first.is_booked


def test_a_lost_day_is_moved_in_one_act_with_one_message_each(
    mazzini: Lab, anna: User, rota: Rota, kind: AppointmentKind
) -> None:
    lost = make_slots(rota, 3)
    room = make_slots(rota, 2, at(TUESDAY + timedelta(7), 9))
    appointments = [book(slot, kind, by=anna, send=False) for slot in lost]
    Slot.objects.filter(pk__in=[slot.pk for slot in lost]).update(state=Slot.State.STRANDED)
    ids = [appointment.pk for appointment in appointments]
    with pytest.raises(ReasonNeeded):
        services.clear_appointments(mazzini, ids, move=True, reason=" ", by=anna)
    cleared = services.clear_appointments(mazzini, ids, move=True, reason="sciopero", by=anna)
    assert (cleared.moved, cleared.cancelled, cleared.left) == (2, 0, 1)
    assert [a.slot for a in Appointment.objects.to_come().order_by("slot__starts_at")] == [lost[2], *room]
    assert Delivery.objects.filter(kind="appointment.moved").count() == 2
    cleared = services.clear_appointments(mazzini, ids, move=False, reason="sciopero", by=anna)
    assert (cleared.moved, cleared.cancelled, cleared.left) == (0, 1, 0)
    assert Delivery.objects.filter(kind="appointment.cancelled").count() == 1


def test_what_people_say_is_not_in_the_database_in_clear_nor_in_the_audit(
    mazzini: Lab, anna: User, rota: Rota, kind: AppointmentKind
) -> None:
    who = Booker(name="Nadia Segreta", phone="+39 333 123 4567", email="n@example.org", words="mio marito mi picchia")
    appointment = book(make_slot(rota, at(TUESDAY + timedelta(7), 9)), kind, by=None, booker=who)
    services.read_appointment(appointment, by=anna)
    row = bytes(Appointment.objects.get().sealed)
    for secret in ("Segreta", "333 123", "n@example.org", "picchia", open_texts(appointment)["code"]):
        assert secret.encode() not in row
        assert [entry for entry in AuditEntry.objects.all() if secret in str(entry.detail)] == []
    # The messages that wait for their moment never repeat what was said in confidence.
    assert [d for d in Delivery.objects.all() if "picchia" in str(open_texts(d))] == []


def test_an_appointment_follows_a_need_of_the_same_person(
    mazzini: Lab, anna: User, rota: Rota, kind: AppointmentKind, samira: Person
) -> None:
    need = make_need(mazzini, anna, person=samira)
    slots = make_slots(rota, 2)
    appointment = book(slots[0], kind, by=anna, booker=booker(samira), need=need)
    assert services.move_appointment(appointment, slots[1], by=anna).need == need
