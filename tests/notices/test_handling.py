"""What the desk does by hand with messages, and with those that did not arrive: once each, by whoever comes first."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from django.utils.translation import get_language
from pypdf import PdfReader

from ballatoio.base.accounts.models import User
from ballatoio.base.audit.models import AuditEntry
from ballatoio.base.core.conflicts import ChangedElsewhere
from ballatoio.base.labs.models import Lab
from ballatoio.base.labs.services import close_lab_on
from ballatoio.base.notices.handling import (
    CallOutcome,
    CannotBeShown,
    WayIsShut,
    cancel_notice,
    mark_done,
    post_letters,
    read_notice,
    record_call,
    reroute_notice,
    retry_all,
    retry_notice,
    return_notice,
)
from ballatoio.base.notices.letters import print_letters
from ballatoio.base.notices.models import Delivery
from ballatoio.base.notices.sending import send_due_notices
from ballatoio.base.notices.services import Text
from ballatoio.base.people.households import Move, house_household, join_household, separate_person, settle_person
from ballatoio.base.people.models import Person
from ballatoio.base.vault.services import destroy_key, open_texts
from tests.factories import make_person
from tests.people.conftest import make_dwelling

from .conftest import PostOffice, reach, say, told, write_to

pytestmark = pytest.mark.django_db
State, Problem, Channel = Delivery.State, Delivery.Problem, Delivery.Channel
MONDAY = "2026-11-23 10:00:00+01:00"


@pytest.fixture(autouse=True)
def monday() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(MONDAY, tick=False) as clock:
        yield clock


@pytest.fixture
def call(mazzini: Lab) -> Delivery:
    """Samira, who wants to be called."""
    person = make_person(mazzini, "Samira", reach_by="call")
    reach(person, "phone", "+39 333 123 4567")
    return told(person)


def now_is(notice: Delivery) -> tuple[str, int, str]:
    notice.refresh_from_db()
    return notice.state, notice.attempts, notice.last_error


def acts(notice: Delivery) -> list[str]:
    return list(AuditEntry.objects.filter(object_id=str(notice.pk)).order_by("position").values_list("verb", flat=True))


def local(notice: Delivery) -> datetime:
    return timezone.localtime(notice.not_before).replace(tzinfo=None)


# --- Calls ----------------------------------------------------------------------------------------------------


def test_a_call_that_reached_the_person_is_done(call: Delivery, anna: User) -> None:
    done = record_call(call, by=anna, seen=call.seen, outcome=CallOutcome.REACHED)
    assert (now_is(call), done.ended_by, acts(call)) == ((State.DONE, 1, ""), anna, ["notice.queue", "notice.call"])


def test_a_call_nobody_answers_comes_back_on_working_days_and_the_third_time_not(
    call: Delivery, anna: User, elena: User, mazzini: Lab, monday: time_machine.Traveller
) -> None:
    close_lab_on(mazzini, on=date(2026, 11, 24), reason="Formazione", by=elena)
    days = []
    for _ in range(2):
        call = record_call(call, by=anna, seen=call.seen, outcome=CallOutcome.NO_ANSWER)
        days.append(local(call))
        assert Delivery.objects.by_hand().count() == 0
        monday.move_to(call.not_before)
        assert list(Delivery.objects.by_hand()) == [call]
    assert days == [datetime(2026, 11, 25), datetime(2026, 11, 26)]
    record_call(call, by=anna, seen=call.seen, outcome=CallOutcome.NO_ANSWER)
    assert now_is(call) == (State.DEAD, 3, Problem.NO_ANSWER)


def test_a_call_of_friday_comes_back_on_monday(call: Delivery, anna: User, monday: time_machine.Traveller) -> None:
    monday.move_to(datetime(2026, 11, 27, 17))
    again = record_call(call, by=anna, seen=call.seen, outcome=CallOutcome.NO_ANSWER)
    assert local(again) == datetime(2026, 11, 30)


def test_a_call_that_must_be_made_today_comes_back_today(call: Delivery, anna: User) -> None:
    Delivery.objects.filter(pk=call.pk).update(expires_at=timezone.now() + timedelta(hours=5))
    call.refresh_from_db()
    again = record_call(call, by=anna, seen=call.seen, outcome=CallOutcome.NO_ANSWER)
    assert local(again) == datetime(2026, 11, 23, 11)


def test_a_wrong_number_is_not_called_again(call: Delivery, anna: User) -> None:
    record_call(call, by=anna, seen=call.seen, outcome=CallOutcome.WRONG_NUMBER)
    assert now_is(call) == (State.DEAD, 1, Problem.WRONG_NUMBER)


@pytest.mark.parametrize("outcome", CallOutcome.values)
def test_two_colleagues_who_called_count_once(outcome: str, call: Delivery, anna: User, elena: User) -> None:
    seen = call.seen
    record_call(call, by=anna, seen=seen, outcome=CallOutcome.NO_ANSWER)
    after = now_is(call)
    for stale in (call, Delivery.objects.get(pk=call.pk)):
        with pytest.raises(ChangedElsewhere):
            record_call(stale, by=elena, seen=seen, outcome=outcome)
    assert (now_is(call), acts(call)) == (after, ["notice.queue", "notice.call"])


def test_of_two_who_click_in_the_same_instant_the_second_changes_nothing(
    call: Delivery, anna: User, elena: User
) -> None:
    """Both have loaded the message before either writes."""
    theirs = Delivery.objects.get(pk=call.pk)
    record_call(call, by=anna, seen=call.seen, outcome=CallOutcome.NO_ANSWER)
    with pytest.raises(ChangedElsewhere):
        record_call(theirs, by=elena, seen=theirs.seen, outcome=CallOutcome.REACHED)
    assert (now_is(call), acts(call)) == ((State.TO_DO, 1, ""), ["notice.queue", "notice.call"])


# --- Reading --------------------------------------------------------------------------------------------------


def test_reading_a_message_leaves_a_trace(call: Delivery, anna: User) -> None:
    opened = read_notice(call, by=anna)
    assert (opened.to, opened.name, [part.language for part in opened.parts]) == (
        "+39 333 123 4567",
        "Samira Haddad",
        ["it"],
    )
    entry = AuditEntry.objects.get(verb="notice.read")
    assert (entry.actor_id, entry.subject_id, entry.is_reading) == (anna.pk, call.person_id, True)


def test_of_a_person_protected_since_nothing_is_shown_and_nothing_counts_as_read(call: Delivery, anna: User) -> None:
    assert call.person is not None
    separate_person(call.person, by=anna)
    call = Delivery.objects.get(pk=call.pk)
    with pytest.raises(CannotBeShown) as hidden:
        read_notice(call, by=anna)
    assert (hidden.value.problem, AuditEntry.objects.filter(verb="notice.read").count()) == (Problem.PROTECTED, 0)


def test_of_a_message_whose_key_is_destroyed_nothing_is_shown(call: Delivery, anna: User) -> None:
    destroy_key(call, by=None, lab_id=call.lab_id)
    with pytest.raises(CannotBeShown) as hidden:
        read_notice(Delivery.objects.get(pk=call.pk), by=anna)
    assert hidden.value.problem == Problem.ERASED


def test_a_number_that_is_not_safe_any_more_is_not_shown(call: Delivery, anna: User) -> None:
    assert call.person is not None
    call.person.contact_points.update(safe_to_call=False)
    opened = read_notice(call, by=anna)
    assert (opened.to, opened.way.problem) == ("", Problem.UNSAFE)


# --- Letters --------------------------------------------------------------------------------------------------


def letter_to(lab: Lab, name: str, number: str = "1", **facts: Any) -> Delivery:
    """Queue a letter to a new person with a home."""
    person = make_person(lab, name, reach_by="letter", **facts)
    household = join_household(person, by=None, since=date(2020, 1, 1)).household
    house_household(household, make_dwelling(lab, number=number, civic=f"{number}"), by=None)
    words = {"ar": Text("موعدك", "الخميس الساعة 10. الهاتف 02 0000 0000", "x")}
    return told(person, compose=lambda: words.get(get_language() or "", say("Il tuo appuntamento")()))


def pages_of(pdf: bytes | None) -> list[str]:
    assert pdf is not None
    return [page.extract_text() for page in PdfReader(BytesIO(pdf)).pages]


def test_letters_are_one_tagged_pdf_each_on_a_sheet_of_its_own(mazzini: Lab, anna: User) -> None:
    letters = [letter_to(mazzini, "Amina", "1", languages_read=["ar"]), letter_to(mazzini, "Mario", "2")]
    pdf = print_letters(mazzini, by=anna, ids=[letter.pk for letter in letters])
    first, back, second = pages_of(pdf)
    assert pdf is not None
    root: Any = PdfReader(BytesIO(pdf)).trailer["/Root"]
    assert (root["/MarkInfo"]["/Marked"], root["/Lang"]) == (True, "it")
    assert [line for line in second.splitlines() if line][4:8] == [
        "Mario Haddad",
        "viale Omero 2",
        "scala B, interno 2",
        "Milano (MI)",
    ]
    # The back of the first sheet is empty; the Italian stands below the Arabic.
    assert (back.strip(), "Amina Haddad" in second, "Il tuo appuntamento" in first) == ("", False, True)
    readings = AuditEntry.objects.filter(verb="notice.read").order_by("position")
    assert [entry.subject_id for entry in readings] == [letter.person_id for letter in letters]


def test_above_the_fold_stand_the_sender_and_in_the_window_who_and_where_and_nothing_else(
    mazzini: Lab, anna: User
) -> None:
    """An A4 sheet folded in three, in an envelope with its window on the right: however it slips, no matter shows."""
    pdf = print_letters(mazzini, by=anna, ids=[letter_to(mazzini, "Amina").pk])
    assert pdf is not None
    page = PdfReader(BytesIO(pdf)).pages[0]
    height, width, first_fold = float(page.mediabox.height), float(page.mediabox.width), 99 / 25.4 * 72
    left, right, below = [], [], []

    def look(text: str, matrix: Any, text_matrix: Any, *_: Any) -> None:
        x, y = text_matrix[4] + matrix[4], text_matrix[5] * matrix[3] + matrix[5]
        part = below if height - y > first_fold else right if x > width / 2 else left
        part.append("".join(text.split()))

    page.extract_text(visitor_text=look)
    assert "".join(right) == "AminaHaddadvialeOmero1scalaB,interno1Milano(MI)"
    assert "".join(left) == "LaboratoriodiquartiereMazziniviadiprova1MilanoTelefono:0200000000"
    assert "".join(below).startswith("Milano,23novembre2026Iltuoappuntamento")


def test_a_letter_follows_whoever_moved(mazzini: Lab, anna: User) -> None:
    letter = letter_to(mazzini, "Amina")
    assert letter.person is not None
    settle_person(letter.person, make_dwelling(mazzini, "via Mompiani", "4", "7"), by=anna, move=Move.ALONE)
    [page] = pages_of(print_letters(mazzini, by=anna, ids=[letter.pk]))
    assert ("via Mompiani 4" in page, "viale Omero" in page) == (True, False)


def test_what_must_not_be_posted_is_neither_printed_nor_counted_as_posted(mazzini: Lab, milo: Lab, anna: User) -> None:
    good, protected, homeless, other_lab = (
        letter_to(mazzini, "Buona", "1"),
        letter_to(mazzini, "Protetta", "2"),
        letter_to(mazzini, "Senzatetto", "3"),
        letter_to(milo, "Altrove", "4"),
    )
    assert protected.person is not None
    assert homeless.person is not None
    separate_person(protected.person, by=anna)
    homeless.person.households.all().delete()
    ids = [letter.pk for letter in (good, protected, homeless, other_lab)]
    [page] = pages_of(print_letters(mazzini, by=anna, ids=ids))
    assert "Buona Haddad" in page
    assert (post_letters(mazzini, by=anna, ids=ids), post_letters(mazzini, by=anna, ids=ids)) == (1, 0)
    assert [now_is(letter)[0] for letter in (good, protected, homeless, other_lab)] == ["done", *["to_do"] * 3]


def test_a_name_that_no_font_can_write_goes_to_what_did_not_arrive(mazzini: Lab, anna: User) -> None:
    good, bad = letter_to(mazzini, "Mario", "1"), letter_to(mazzini, "সামিরা", "2")
    [page] = pages_of(print_letters(mazzini, by=anna, ids=[good.pk, bad.pk]))
    assert "Mario Haddad" in page
    assert post_letters(mazzini, by=anna, ids=[good.pk, bad.pk]) == 1
    assert [now_is(good), now_is(bad)] == [(State.DONE, 0, ""), (State.DEAD, 0, Problem.NOT_PRINTABLE)]


# --- What did not arrive --------------------------------------------------------------------------------------


def dead_email(person: Person, problem: str = Problem.SERVER_DOWN, **more: Any) -> Delivery:
    """Queue an e-mail and let it fail for good."""
    notice = told(person, **more)
    Delivery.objects.filter(pk=notice.pk).update(state=State.DEAD, attempts=8, last_error=problem)
    notice.refresh_from_db()
    return notice


def test_a_dead_message_tried_again_has_all_its_tries(post_office: PostOffice, amina: Person, anna: User) -> None:
    notice = dead_email(amina)
    retry_notice(notice, by=anna, seen=notice.seen)
    assert now_is(notice) == (State.WAITING, 0, "")
    assert (send_due_notices(), now_is(notice)) == (1, (State.SENT, 1, ""))
    assert post_office.ids == [f"<{notice.pk}@ballatoio.example>"]


def test_a_dead_message_is_not_tried_on_a_way_that_is_shut(amina: Person, anna: User) -> None:
    notice = dead_email(amina)
    amina.contact_points.all().delete()
    with pytest.raises(WayIsShut) as shut:
        retry_notice(notice, by=anna, seen=notice.seen)
    assert (shut.value.problem, now_is(notice)[0]) == (Problem.UNSAFE, State.DEAD)


def test_what_the_server_did_not_take_is_tried_again_in_one_act_and_nothing_else(
    amina: Person, anna: User, mazzini: Lab, milo: Lab
) -> None:
    down, later, refused, expired = (
        dead_email(amina, problem)
        for problem in (Problem.SERVER_DOWN, Problem.NOT_NOW, Problem.REFUSED, Problem.UNKNOWN)
    )
    Delivery.objects.filter(pk=expired.pk).update(expires_at=timezone.now())
    elsewhere = write_to(milo)
    Delivery.objects.filter(pk=elsewhere.pk).update(state=State.DEAD, last_error=Problem.SERVER_DOWN)
    assert (retry_all(mazzini, by=anna), retry_all(mazzini, by=anna)) == (2, 0)
    states = [now_is(notice)[0] for notice in (down, later, refused, expired, elsewhere)]
    assert states == [State.WAITING, State.WAITING, State.DEAD, State.DEAD, State.DEAD]
    assert AuditEntry.objects.get(verb="notice.retry").detail == {"count": 2}


def test_another_way_keeps_the_words_and_changes_where_they_go(amina: Person, anna: User) -> None:
    reach(amina, "phone", "+39 333 123 4567")
    notice = dead_email(amina)
    before = open_texts(notice)
    moved = reroute_notice(notice, by=anna, seen=notice.seen, channel="call")
    assert (moved.channel, now_is(notice)) == (Channel.CALL, (State.TO_DO, 0, ""))
    assert open_texts(moved) == before | {"to": "+39 333 123 4567"}
    again = reroute_notice(moved, by=anna, seen=moved.seen, channel="email")
    assert (again.channel, again.state, open_texts(again)) == (Channel.EMAIL, State.WAITING, before)


@pytest.mark.parametrize("channel", ["sms", "letter", "email", "piccione"])
def test_a_way_that_is_not_there_is_refused(channel: str, amina: Person, anna: User) -> None:
    notice = dead_email(amina)
    with pytest.raises(WayIsShut):
        reroute_notice(notice, by=anna, seen=notice.seen, channel=channel)
    assert now_is(notice) == (State.DEAD, 8, Problem.SERVER_DOWN)


def test_a_message_that_came_back_is_dead_and_may_go_another_way(
    post_office: PostOffice, amina: Person, anna: User
) -> None:
    notice = told(amina)
    send_due_notices()
    notice.refresh_from_db()
    returned = return_notice(notice, by=anna, seen=notice.seen)
    assert now_is(notice) == (State.DEAD, 1, Problem.RETURNED)
    cancelled = cancel_notice(returned, by=anna, seen=returned.seen)
    assert (cancelled.state, cancelled.ended_by) == (State.CANCELLED, anna)


@pytest.mark.parametrize("state", [State.WAITING, State.CANCELLED, State.SENT])
def test_only_what_waits_for_hands_is_done_by_hand(state: str, call: Delivery, anna: User) -> None:
    Delivery.objects.filter(pk=call.pk).update(state=state, channel="copy")
    call.refresh_from_db()
    with pytest.raises(ChangedElsewhere):
        mark_done(call, by=anna, seen=call.seen)
    assert now_is(call)[0] == state


def test_a_call_is_not_done_by_a_click_that_was_meant_for_a_letter(call: Delivery, anna: User) -> None:
    with pytest.raises(ChangedElsewhere):
        mark_done(call, by=anna, seen=call.seen)


def test_every_change_of_state_is_in_the_table() -> None:
    assert set(Delivery.ALLOWED) == set(State)
    assert {after for states in Delivery.ALLOWED.values() for after in states} <= set(State)
