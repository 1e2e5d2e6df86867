"""Work is done at least once and never forgotten; drafts survive; forms count once."""

import threading
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from ballatoio.base.accounts.models import User
from ballatoio.base.jobs.models import Draft, DueWork, SubmittedOnce
from ballatoio.base.jobs.services import (
    MAX_ATTEMPTS,
    AlreadySubmitted,
    DraftChangedElsewhere,
    clear_old_work,
    do_next_work,
    drop_draft,
    find_submitted,
    new_once_token,
    plan_periodic_work,
    plan_work,
    read_draft,
    save_draft,
    submit_once,
)
from ballatoio.base.labs.models import ClosingDay, Lab
from ballatoio.base.vault.models import DataKey

pytestmark = pytest.mark.django_db

done: list[str] = []


def note(work: DueWork) -> None:
    done.append(work.key)


def close_and_fail(work: DueWork) -> None:
    ClosingDay.objects.create(lab=work.lab, on="2026-08-15", reason="prova")
    raise ValueError("somebody's words")


@pytest.fixture(autouse=True)
def kinds(settings: Settings) -> None:
    done.clear()
    settings.DUE_WORK = {"note": f"{__name__}.note", "fail": f"{__name__}.close_and_fail"}
    settings.PERIODIC_WORK = {"note": 60}


def test_work_is_done_once_by_its_key() -> None:
    plan_work("note", key="a")
    plan_work("note", key="a")
    work = do_next_work()
    assert work is not None
    assert (work.key, do_next_work(), done) == ("a", None, ["a"])


def test_work_of_the_future_waits_and_work_of_the_past_is_still_due() -> None:
    plan_work("note", key="tomorrow", due_at=timezone.now() + timedelta(days=1))
    plan_work("note", key="last month", due_at=timezone.now() - timedelta(days=30))
    while do_next_work():
        pass
    assert done == ["last month"]


def test_work_that_fails_leaves_nothing_behind_and_is_tried_again(mazzini: Lab) -> None:
    plan_work("fail", key="f", lab=mazzini)
    before = timezone.now()
    do_next_work()
    work = DueWork.objects.get()
    assert (work.attempts, work.last_error, work.done_at, work.dead_at) == (1, "ValueError", None, None)
    assert ClosingDay.objects.count() == 0
    assert work.due_at - before >= timedelta(minutes=1)
    assert do_next_work() is None


def test_work_that_fails_eight_times_is_dead_and_stays_in_sight(mazzini: Lab) -> None:
    plan_work("fail", key="f", lab=mazzini)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for _ in range(MAX_ATTEMPTS):
            clock.shift(timedelta(days=1))
            assert do_next_work() is not None
        clock.shift(timedelta(days=400))
        assert do_next_work() is None
        clear_old_work()
    work = DueWork.objects.get()
    assert (work.attempts, work.dead_at is not None) == (MAX_ATTEMPTS, True)


def test_dead_work_is_seen_and_tried_again_when_told(client: Client, settings: Settings) -> None:
    def told(*arguments: str) -> list[str]:
        out = StringIO()
        call_command("retry_work", *arguments, stdout=out)
        return out.getvalue().splitlines()

    def figure() -> str:
        lines = client.get("/metrics", headers={"Authorization": "Bearer figures"}).content.decode().splitlines()
        return next(line for line in lines if line.startswith("ballatoio_dead_work"))

    settings.METRICS_TOKEN = "figures"
    assert (figure(), told()) == ("ballatoio_dead_work 0", ["Nessun lavoro è fermo."])
    died_at = datetime(2026, 11, 20, 8, 30, tzinfo=UTC)
    DueWork.objects.create(kind="note", key="n", attempts=MAX_ATTEMPTS, dead_at=died_at, last_error="ValueError")
    # The other work goes on: an alarm, not a reason to stop the program.
    assert (figure(), client.get("/readyz").status_code) == ("ballatoio_dead_work 1", 200)
    line = "20/11/2026 09:30 note n: ValueError"
    assert told() == [line, "Non è cambiato niente: per riprovare, tolta la causa, aggiungi --apply."]
    assert (do_next_work(), told("--apply")) == (None, [line, "Rimessi in attesa: 1."])
    do_next_work()
    assert (done, figure()) == (["n"], "ballatoio_dead_work 0")


def test_a_turn_of_periodic_work_is_planned_once_by_any_number_of_workers() -> None:
    with time_machine.travel("2026-11-22 10:30:00+01:00", tick=False) as clock:
        plan_periodic_work()
        plan_periodic_work()
        assert DueWork.objects.count() == 1
        clock.shift(timedelta(hours=1))
        plan_periodic_work()
    assert DueWork.objects.count() == 2


def test_the_worker_does_what_is_due_and_stops() -> None:
    plan_work("note", key="a")
    call_command("worker", "--once")
    assert sorted(done) == sorted(DueWork.objects.filter(done_at__isnull=False).values_list("key", flat=True))
    assert len(done) == 2


def test_every_kind_of_periodic_work_has_a_task() -> None:
    from django.utils.module_loading import import_string

    from ballatoio.config import settings as product

    assert set(product.PERIODIC_WORK) <= set(product.DUE_WORK)
    assert all(callable(import_string(path)) for path in product.DUE_WORK.values())


def test_a_form_counts_once() -> None:
    token = new_once_token()
    submit_once(token, "first")
    with pytest.raises(AlreadySubmitted) as again:
        submit_once(token, "second")
    assert (again.value.result, find_submitted(token)) == ("first", SubmittedOnce.objects.get())


@pytest.mark.parametrize("token", ["", "a\0b", "è", "x" * 65, "a b"])
def test_a_form_without_a_token_of_ours_is_not_protected(token: str) -> None:
    submit_once(token)
    submit_once(token)
    assert find_submitted(token) is None
    assert SubmittedOnce.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_of_eight_that_send_the_same_form_together_one_wins() -> None:
    if connection.vendor == "sqlite" and connection.is_in_memory_db():  # type: ignore[attr-defined]
        pytest.skip("a database in memory has one connection")
    results: list[str] = []

    def send(name: str) -> None:
        try:
            submit_once("token", name)
            results.append("counted")
        except AlreadySubmitted:
            results.append("already")
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=(str(number),)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["already"] * 7 + ["counted"]


def test_a_draft_is_opened_by_its_writer_alone(anna: User, elena: User, mazzini: Lab) -> None:
    save_draft(by=anna, lab=mazzini, kind="contact", key="1", fields={"words": "a metà"})
    assert [read_draft(draft) for draft in Draft.objects.visible_to(anna)] == [{"words": "a metà"}]
    assert Draft.objects.visible_to(elena).count() == 0


def test_a_draft_saved_from_two_windows_is_not_overwritten_in_silence(anna: User, mazzini: Lab) -> None:
    first = save_draft(by=anna, lab=mazzini, kind="contact", key="1", fields={"words": "uno"})
    assert first.version == 1
    save_draft(by=anna, lab=mazzini, kind="contact", key="1", fields={"words": "due"}, version=1)
    with pytest.raises(DraftChangedElsewhere):
        save_draft(by=anna, lab=mazzini, kind="contact", key="1", fields={"words": "tre"}, version=1)
    assert read_draft(Draft.objects.get()) == {"words": "due"}


def test_a_dropped_draft_takes_its_key_along(anna: User, mazzini: Lab) -> None:
    save_draft(by=anna, lab=mazzini, kind="contact", key="1", fields={"words": "x"})
    drop_draft(by=anna, lab=mazzini, kind="contact", key="1")
    assert (Draft.objects.count(), DataKey.objects.count()) == (0, 0)


def test_old_drafts_forms_and_work_are_cleared(anna: User, mazzini: Lab) -> None:
    save_draft(by=anna, lab=mazzini, kind="contact", key="old", fields={"words": "x"})
    submit_once("token")
    plan_work("note", key="a")
    do_next_work()
    with time_machine.travel(timezone.now() + timedelta(days=6)):
        assert clear_old_work() == {"drafts": 0, "forms": 0, "work": 0}
    with time_machine.travel(timezone.now() + timedelta(days=8)):
        assert clear_old_work() == {"drafts": 1, "forms": 0, "work": 0}
    assert DataKey.objects.count() == 0
    with time_machine.travel(timezone.now() + timedelta(days=31)):
        assert clear_old_work() == {"drafts": 0, "forms": 1, "work": 1}
