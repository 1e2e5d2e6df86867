"""Messages leave at least once, with the same Message-ID at each try, and nothing that stays is silent."""

import logging
import socket
import threading
import time
from datetime import timedelta
from email.utils import parseaddr
from typing import Any

import pytest
import time_machine
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from django.utils.translation import get_language
from pytest_django.fixtures import Settings

from ballatoio.base.audit.models import AuditEntry
from ballatoio.base.audit.services import record_act
from ballatoio.base.jobs.services import do_next_work, plan_work
from ballatoio.base.labs.models import ClosingDay, Lab
from ballatoio.base.notices import sending
from ballatoio.base.notices.models import Delivery
from ballatoio.base.notices.sending import BATCH, MAX_TRIES, send_due_notices
from ballatoio.base.notices.services import Text, cancel_notices
from ballatoio.base.people.households import separate_person
from ballatoio.base.people.models import Person
from ballatoio.base.vault.services import destroy_key
from bench.server import free_port

from .conftest import PostOffice, say, text_of, told, use_smtp, write_to

pytestmark = pytest.mark.django_db
State, Problem = Delivery.State, Delivery.Problem


def states(*notices: Delivery) -> list[tuple[str, int, str]]:
    """Give state, tries and problem of each message as they are now."""
    rows = {row.pk: (row.state, row.attempts, row.last_error) for row in Delivery.objects.all()}
    return [rows[notice.pk] for notice in notices]


SENT = (State.SENT, 1, "")
WAITING = (State.WAITING, 0, "")


# --- A server that takes everything ---------------------------------------------------------------------------


def test_an_email_arrives_whole_in_the_name_of_the_lab(post_office: PostOffice, mazzini: Lab) -> None:
    mazzini.email = "lab@example.org"
    mazzini.save()
    notice = write_to(mazzini, "amina@example.org", compose=say("Il tuo\n appuntamento"))
    assert (send_due_notices(), send_due_notices()) == (1, 0)
    [message] = post_office.taken
    headers = {name: str(message[name]) for name in ("To", "Subject", "Reply-To", "Auto-Submitted", "Content-Language")}
    assert headers == {
        "To": "amina@example.org",
        "Subject": "Il tuo appuntamento",
        "Reply-To": "lab@example.org",
        "Auto-Submitted": "auto-generated",
        "Content-Language": "it",
    }
    assert parseaddr(str(message["From"])) == ("Laboratorio di quartiere Mazzini", "posta@ballatoio.example")
    assert str(message["Message-ID"]) == f"<{notice.pk}@ballatoio.example>"
    assert message.get_content_type() == "text/plain"
    assert text_of(message) == (
        "Il tuo\n appuntamento: giovedì 3 dicembre, ore 10, via di prova 1.\n\n"
        "-- \nLaboratorio di quartiere Mazzini\nvia di prova 1\n02 0000 0000"
    )
    assert states(notice) == [SENT]
    acts = AuditEntry.objects.filter(object_id=str(notice.pk)).order_by("position")
    assert [(act.verb, act.detail) for act in acts] == [
        ("notice.queue", {"kind": "prova", "channel": "email"}),
        ("notice.send", {"kind": "prova", "channel": "email"}),
    ]


def test_another_language_has_the_italian_below(post_office: PostOffice, amina: Person) -> None:
    amina.languages_read = ["ar", "it"]
    amina.save()
    words = {
        "ar": Text("موعدك", "الخميس الساعة 10", "الخميس"),
        "it": Text("Il tuo appuntamento", "Giovedì alle 10", "Gio"),
    }
    told(amina, compose=lambda: words[get_language() or "it"])
    send_due_notices()
    [message] = post_office.taken
    assert (str(message["Subject"]), str(message["Content-Language"])) == ("موعدك", "ar, it")
    assert text_of(message).split("\n\n")[:3] == ["الخميس الساعة 10", "— italiano —", "Giovedì alle 10"]


def test_a_language_without_translation_is_said_in_italian_once(post_office: PostOffice, amina: Person) -> None:
    amina.languages_read = ["ar"]
    amina.save()
    notice = told(amina)
    send_due_notices()
    [message] = post_office.taken
    assert (str(message["Content-Language"]), notice.language) == ("it", "it")
    assert text_of(message).count("giovedì 3 dicembre") == 1


def test_a_shared_mailbox_gets_the_short_text_and_no_subject_matter(
    post_office: PostOffice, mazzini: Lab, amina: Person
) -> None:
    amina.contact_points.update(is_shared=True)
    told(
        amina, compose=lambda: Text("Sportello antiviolenza", "Chiama il centro antiviolenza", "Ti aspettiamo alle 10")
    )
    send_due_notices()
    [message] = post_office.taken
    assert str(message["Subject"]) == "Laboratorio di quartiere Mazzini"
    assert "violenza" not in message.as_string()
    assert text_of(message).startswith("Ti aspettiamo alle 10\n\n-- \n")


def test_many_messages_take_one_connection_for_each_batch(post_office: PostOffice, mazzini: Lab) -> None:
    notices = [write_to(mazzini) for _ in range(BATCH + 5)]
    assert send_due_notices() == BATCH + 5
    assert (len(set(post_office.ids)), post_office.sessions) == (BATCH + 5, 2)
    assert set(states(*notices)) == {SENT}


def test_a_run_ends_so_that_the_worker_does_its_other_work(post_office: PostOffice, mazzini: Lab) -> None:
    for _ in range(BATCH + 1):
        write_to(mazzini)
    assert (send_due_notices(at_most=1), send_due_notices(at_most=1)) == (BATCH, 1)


def test_what_is_for_later_waits_and_what_was_forgotten_leaves(post_office: PostOffice, mazzini: Lab) -> None:
    tomorrow = write_to(mazzini, not_before=timezone.now() + timedelta(days=1))
    with time_machine.travel(timezone.now() - timedelta(days=9)):
        forgotten = write_to(mazzini)
    send_due_notices()
    assert states(tomorrow, forgotten) == [WAITING, SENT]


@pytest.mark.django_db(transaction=True)
def test_the_worker_sends_what_is_queued_without_waiting_for_its_turn(post_office: PostOffice, mazzini: Lab) -> None:
    notice = write_to(mazzini)
    work = do_next_work()
    assert work is not None
    assert (work.kind, states(notice)) == ("notices.send", [SENT])


# --- A server that does not -----------------------------------------------------------------------------------


def test_a_server_that_is_down_costs_one_message_one_try(settings: Settings, mazzini: Lab) -> None:
    use_smtp(settings, free_port())
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        notices = [write_to(mazzini) for _ in range(3)]
        assert send_due_notices() == 0
    assert states(*notices) == [(State.WAITING, 1, Problem.SERVER_DOWN), WAITING, WAITING]
    rows = Delivery.objects.order_by("created_at", "pk")
    assert {row.next_at - now for row in rows} == {timedelta(minutes=1)}


def test_pauses_grow_and_the_eighth_try_is_the_last(settings: Settings, mazzini: Lab) -> None:
    use_smtp(settings, free_port())
    pauses = []
    with time_machine.travel("2026-11-23 09:00:00+01:00", tick=False) as clock:
        notice = write_to(mazzini)
        for _ in range(MAX_TRIES - 1):
            send_due_notices()
            notice.refresh_from_db()
            pauses.append((notice.next_at - timezone.now()).total_seconds() / 60)
            clock.move_to(notice.next_at)
        send_due_notices()
    assert (pauses, states(notice)) == ([1, 2, 4, 8, 16, 32, 64], [(State.DEAD, MAX_TRIES, Problem.SERVER_DOWN)])
    assert AuditEntry.objects.get(verb="notice.fail").detail["problem"] == "server_down"


def test_a_server_that_hangs_stops_the_batch(settings: Settings, mazzini: Lab) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        use_smtp(settings, silent.getsockname()[1])
        settings.EMAIL_TIMEOUT = 0.1
        notices = [write_to(mazzini) for _ in range(3)]
        assert send_due_notices() == 0
    assert states(*notices) == [(State.WAITING, 1, Problem.SERVER_DOWN), WAITING, WAITING]


def test_a_server_that_dies_after_taking_a_message_gets_that_one_twice_with_the_same_id(
    post_office: PostOffice, mazzini: Lab
) -> None:
    notices = [write_to(mazzini) for _ in range(4)]
    post_office.dies_after = 2
    with time_machine.travel(timezone.now(), tick=False) as clock:
        assert send_due_notices() == 2
        assert states(*notices) == [SENT, SENT, (State.WAITING, 1, Problem.SERVER_DOWN), WAITING]
        post_office.dies_after = None
        clock.shift(timedelta(minutes=1))
        assert send_due_notices() == 2
    ids = [f"<{notice.pk}@ballatoio.example>" for notice in notices]
    assert sorted(post_office.ids) == sorted([*ids, ids[2]])
    assert states(*notices) == [SENT, SENT, (State.SENT, 2, ""), SENT]


def test_a_message_on_which_the_server_always_stops_keeps_nobody_waiting(post_office: PostOffice, mazzini: Lab) -> None:
    poison, *others = [write_to(mazzini, to) for to in ("poison@example.org", "", "")]
    post_office.answers = {"poison@example.org": "421 closing"}
    with time_machine.travel(timezone.now()) as clock:
        assert send_due_notices() == 0
        clock.shift(timedelta(minutes=2))
        assert send_due_notices() == 2
    assert states(poison, *others) == [(State.WAITING, 2, Problem.SERVER_DOWN), SENT, SENT]


@pytest.mark.parametrize(
    ("where", "answer", "problem", "dead", "goes_on"),
    [
        ("one@example.org", "550 no such mailbox one@example.org", Problem.REFUSED, True, True),
        ("one@example.org", "450 greylisted", Problem.NOT_NOW, False, True),
        ("one@example.org", "421 closing", Problem.SERVER_DOWN, False, False),
        ("DATA", "554 spam", Problem.TEXT_REFUSED, True, True),
        ("DATA", "451 later", Problem.NOT_NOW, False, True),
        ("MAIL", "550 we do not know you", Problem.SENDER_REFUSED, False, False),
        ("MAIL", "451 later", Problem.SERVER_DOWN, False, False),
    ],
)
def test_each_answer_of_a_server_has_its_consequence(
    where: str, answer: str, problem: str, dead: bool, goes_on: bool, post_office: PostOffice, mazzini: Lab
) -> None:
    first, second = write_to(mazzini, "one@example.org"), write_to(mazzini, "two@example.org")
    post_office.answers = {where: answer}
    send_due_notices()
    [one, two] = states(first, second)
    assert one == (State.DEAD if dead else State.WAITING, 0 if dead else 1, problem)
    assert (two != WAITING) == goes_on
    if where == "one@example.org":
        assert (two == SENT) == goes_on


def test_no_address_and_no_text_is_ever_logged(
    post_office: PostOffice, mazzini: Lab, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="ballatoio")
    post_office.answers = {"segreta@example.org": "550 segreta@example.org is unknown"}
    write_to(mazzini, "segreta@example.org", compose=say("Segreto"))
    broken = write_to(mazzini, "segreta\n@example.org", compose=say("Segreto"))
    send_due_notices()
    use_smtp(settings, free_port())
    write_to(mazzini, "segreta@example.org", compose=say("Segreto"))
    send_due_notices()
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("ballatoio.base.notices")]
    assert lines == [
        f"notices: ValueError while sending {broken.pk}",
        "notices: email does not take messages: server_down",
    ]
    assert [record.exc_info for record in caplog.records if record.name.startswith("ballatoio.base.notices")] == [
        None
    ] * 2
    assert "segret" not in caplog.text.lower()


# --- Looked at again just before ------------------------------------------------------------------------------


def remove_point(notice: Delivery) -> None:
    assert notice.person is not None
    notice.person.contact_points.all().delete()


def make_unsafe(notice: Delivery) -> None:
    assert notice.person is not None
    notice.person.contact_points.update(safe_to_call=False)


def refuse_to_be_looked_for(notice: Delivery) -> None:
    Person.objects.filter(pk=notice.person_id).update(reach_by=Person.ReachBy.NOBODY)


def protect(notice: Delivery) -> None:
    assert notice.person is not None
    separate_person(notice.person, by=None)  # type: ignore[arg-type]


def let_it_expire(notice: Delivery) -> None:
    Delivery.objects.filter(pk=notice.pk).update(expires_at=timezone.now())


def erase_text(notice: Delivery) -> None:
    destroy_key(notice, by=None, lab_id=notice.lab_id)


@pytest.mark.parametrize(
    ("change", "state", "problem"),
    [
        (remove_point, State.DEAD, Problem.UNSAFE),
        (make_unsafe, State.DEAD, Problem.UNSAFE),
        (refuse_to_be_looked_for, State.DEAD, Problem.UNSAFE),
        (protect, State.DEAD, Problem.PROTECTED),
        (let_it_expire, State.DEAD, Problem.EXPIRED),
        (erase_text, State.CANCELLED, Problem.ERASED),
    ],
)
def test_what_became_unsafe_or_late_never_leaves(
    change: Any, state: str, problem: str, post_office: PostOffice, amina: Person
) -> None:
    notice = told(amina)
    change(notice)
    assert send_due_notices() == 0
    assert (states(notice), post_office.taken) == ([(state, 0, problem)], [])


def test_a_message_about_something_erased_never_leaves(post_office: PostOffice, mazzini: Lab, amina: Person) -> None:
    about = ClosingDay.objects.create(lab=mazzini, on="2026-12-24", reason="vigilia")
    notice = told(amina, about=about)
    about.delete()
    send_due_notices()
    assert (states(notice), post_office.taken) == ([(State.CANCELLED, 0, Problem.ERASED)], [])


def test_a_message_that_was_taken_back_never_leaves(post_office: PostOffice, mazzini: Lab, amina: Person) -> None:
    one, two = told(amina, kind="one"), told(amina, kind="two")
    assert (cancel_notices(amina, by=None, kinds=["one"]), cancel_notices(amina, by=None, kinds=["one"])) == (1, 0)
    assert send_due_notices() == 1
    assert [state for state, *_ in states(one, two)] == [State.CANCELLED, State.SENT]


def test_messages_are_taken_back_before_their_record_is_deleted(mazzini: Lab) -> None:
    about = ClosingDay.objects.create(lab=mazzini, on="2026-12-24", reason="vigilia")
    about.delete()
    with pytest.raises(ValueError, match="before"):
        cancel_notices(about, by=None)


def test_taken_back_while_it_was_leaving_it_is_said_to_have_left(mazzini: Lab, amina: Person) -> None:
    notice = told(amina)
    [held] = sending._take("email")
    cancel_notices(amina, by=None)
    sending._mark_sent(held)
    assert states(notice) == [SENT]


def test_what_nobody_did_in_time_is_shown_among_what_did_not_arrive(mazzini: Lab) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        soon = timezone.now() + timedelta(hours=1)
        late = write_to(mazzini, "+39 333 123 4567", channel="call", expires_at=soon)
        there = write_to(mazzini, "+39 333 123 4567", channel="call")
        clock.shift(timedelta(hours=1))
        send_due_notices()
    assert states(late, there) == [(State.DEAD, 0, Problem.EXPIRED), (State.TO_DO, 0, "")]


# --- Several senders ------------------------------------------------------------------------------------------


def test_what_a_sender_has_taken_is_nobody_elses_until_the_lease_ends(post_office: PostOffice, mazzini: Lab) -> None:
    notice = write_to(mazzini)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        [taken] = sending._take("email")
        assert send_due_notices() == 0
        clock.shift(sending.LEASE)
        # The first sender died: the message leaves all the same, and the dead one could not send it any more.
        assert send_due_notices() == 1
        assert sending._hold(taken) is False
    assert (states(notice), len(post_office.taken)) == ([SENT], 1)


@pytest.mark.django_db(transaction=True)
def test_four_senders_at_once_send_each_message_once(post_office: PostOffice, mazzini: Lab) -> None:
    if connection.vendor == "sqlite" and connection.is_in_memory_db():  # type: ignore[attr-defined]
        pytest.skip("a database in memory has one connection")
    notices = [write_to(mazzini) for _ in range(120)]
    sent = []

    def send() -> None:
        try:
            sent.append(send_due_notices())
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (sum(sent), len(post_office.ids), len(set(post_office.ids))) == (120, 120, 120)
    assert set(states(*notices)) == {SENT}


def wait_until_somebody_waits_for_a_lock() -> None:
    with connection.cursor() as cursor:
        for _ in range(2000):
            cursor.execute(
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid IN (SELECT pid FROM pg_locks"
                " WHERE database = (SELECT oid FROM pg_database WHERE datname = current_database()))"
            )
            if cursor.fetchone()[0]:
                return
            time.sleep(0.005)
    raise AssertionError("nobody waits")


@pytest.mark.django_db(transaction=True)
def test_who_takes_back_a_message_and_who_has_just_sent_it_never_wait_for_each_other(amina: Person) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    notice = told(amina)
    [held] = sending._take("email")
    failures: list[BaseException] = []

    def note() -> None:
        try:
            sending._mark_sent(held)
        except DatabaseError as error:
            failures.append(error)
        finally:
            connection.close()

    sender = threading.Thread(target=note)
    with transaction.atomic():
        # As a service above does: an act of its own first, which holds the chain of the lab, and then the messages.
        record_act("person.amend", amina, by=None, lab_id=amina.lab_id)
        sender.start()
        wait_until_somebody_waits_for_a_lock()
        cancel_notices(amina, by=None)
    sender.join()
    assert (failures, states(notice)) == ([], [SENT])


@pytest.mark.django_db(transaction=True)
def test_two_who_say_the_same_at_once_say_it_once(mazzini: Lab) -> None:
    if connection.vendor == "sqlite" and connection.is_in_memory_db():  # type: ignore[attr-defined]
        pytest.skip("a database in memory has one connection")
    ready, given = threading.Barrier(4), []

    def compose() -> Text:
        # All four have looked, and found nothing, before any of them writes.
        if not ready.broken:
            ready.wait(timeout=5)
        return say()()

    def queue() -> None:
        try:
            given.append(write_to(mazzini, "uno@example.org", key="una", compose=compose).pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=queue) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert given == [Delivery.objects.get().pk] * 4


def test_the_turn_of_the_outbox_runs_outside_a_transaction(settings: Settings) -> None:
    plan_work("notices.send", key="turn")
    work = do_next_work()
    assert work is not None
    work.refresh_from_db()
    assert (work.kind in settings.WORK_OUTSIDE_TRANSACTION, work.done_at is not None) == (True, True)
