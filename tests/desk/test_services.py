"""What happens at the desk: a contact is recorded once, a need is never lost, an answer reaches whoever asked."""

from datetime import date, timedelta
from uuid import UUID

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from ballatoio.base.accounts.models import Membership, Role, User
from ballatoio.base.audit.models import AuditEntry
from ballatoio.base.audit.services import verify_chains
from ballatoio.base.core.conflicts import ChangedElsewhere
from ballatoio.base.directory.models import NeedTerm
from ballatoio.base.jobs.models import Draft, DueWork
from ballatoio.base.jobs.services import AlreadySubmitted, do_next_work, new_once_token, save_draft
from ballatoio.base.labs.models import Lab
from ballatoio.base.labs.services import add_working_days, close_lab_on
from ballatoio.base.people.models import Person
from ballatoio.base.territory.models import Building
from ballatoio.base.vault.models import DataKey
from ballatoio.base.vault.services import destroy_key
from ballatoio.care.desk import need_services, services
from ballatoio.care.desk.models import Answer, Attempt, Contact, MessageDelivery, Need
from ballatoio.care.desk.services import AnswerGiven, NeedHeard
from tests.factories import make_user

INFORMATION = AnswerGiven(kind=Answer.Kind.INFORMATION, text="La domanda si fa fino al 30")


@pytest.fixture
def rent(db: None) -> NeedTerm:
    return NeedTerm.objects.create(code="affitto", name="Affitto e spese")


@pytest.fixture
def samira(mazzini: Lab) -> Person:
    return Person.objects.create(lab=mazzini, given_name="Samira", family_name="Haddad")


def record(lab: Lab, by: User, *needs: NeedHeard, **fields: object) -> Contact:
    defaults: dict[str, object] = {"channel": Contact.Channel.WALK_IN, "started_at": timezone.now()}
    return services.record_contact(lab, by=by, needs=needs, **(defaults | fields))  # type: ignore[arg-type]


def open_need(lab: Lab, by: User, **fields: object) -> Need:
    return record(lab, by, NeedHeard(words="il frigo è rotto"), **fields).needs.get()


def test_an_answer_given_face_to_face_closes_the_need_in_the_same_save(
    mazzini: Lab, anna: User, rent: NeedTerm
) -> None:
    contact = record(mazzini, anna, NeedHeard(term=rent, answers=(INFORMATION,), told=True))
    need = contact.needs.get()
    assert (need.state, need.told_how, need.next_on) == (Need.State.CLOSED, Need.Told.FACE_TO_FACE, None)
    assert need.closed_at == contact.ended_at


def test_an_answer_given_on_the_telephone_says_so(mazzini: Lab, anna: User) -> None:
    contact = record(mazzini, anna, NeedHeard(words="x", answers=(INFORMATION,), told=True), channel="phone")
    assert contact.needs.get().told_how == Need.Told.PHONE


def test_every_channel_says_how_somebody_was_told() -> None:
    assert set(services.TOLD_BY_CHANNEL) == set(Contact.Channel)


def test_told_without_an_answer_leaves_the_need_open(mazzini: Lab, anna: User) -> None:
    need = record(mazzini, anna, NeedHeard(words="cerca casa", told=True)).needs.get()
    assert (need.state, need.owner) == (Need.State.OPEN, anna)


def test_a_need_without_date_is_due_when_the_lab_promises_and_closing_days_stop_the_clock(
    mazzini: Lab, anna: User, elena: User
) -> None:
    due = add_working_days(mazzini, timezone.localdate(), mazzini.answer_days)
    assert open_need(mazzini, anna).next_on == due
    close_lab_on(mazzini, on=due, reason="inventario", by=elena)
    later = open_need(mazzini, anna).next_on
    assert later == add_working_days(mazzini, due, 1)


def test_working_days_skip_weekends_and_the_holidays_of_the_place(mazzini: Lab) -> None:
    # Friday 4 December 2026; Monday 7 is Saint Ambrose, Tuesday 8 the Immaculate Conception.
    assert add_working_days(mazzini, date(2026, 12, 4), 1) == date(2026, 12, 9)


def test_a_double_click_records_one_contact_and_names_it(mazzini: Lab, anna: User) -> None:
    token = new_once_token()
    first = record(mazzini, anna, once=token)
    with pytest.raises(AlreadySubmitted) as caught:
        record(mazzini, anna, once=token)
    assert UUID(caught.value.result) == first.pk
    assert Contact.objects.count() == 1


def test_a_save_that_fails_leaves_nothing_and_can_be_sent_again(mazzini: Lab, anna: User, bruno: User) -> None:
    token = new_once_token()
    with pytest.raises(services.OwnerCannotWorkHere):
        record(mazzini, anna, NeedHeard(owner=bruno), once=token)
    assert (Contact.objects.count(), DataKey.objects.count()) == (0, 0)
    record(mazzini, anna, NeedHeard(owner=anna), once=token)
    assert Contact.objects.count() == 1


def test_saving_drops_the_draft_and_its_key(mazzini: Lab, anna: User) -> None:
    save_draft(by=anna, lab=mazzini, kind=services.DRAFT_KIND, key="k", fields={"words": "mi hanno"})
    record(mazzini, anna, draft_key="k")
    assert (Draft.objects.count(), DataKey.objects.count()) == (0, 0)


def test_what_was_said_is_not_in_the_database_in_clear(mazzini: Lab, anna: User) -> None:
    words = "mio marito è in ospedale"
    need = NeedHeard(words=words, answers=(AnswerGiven(kind=Answer.Kind.INFORMATION, text=words),))
    contact = record(mazzini, anna, need, words=words, note=words)
    for row in [contact, contact.needs.get(), contact.needs.get().answers.get()]:
        row.refresh_from_db()
        assert words.encode() not in bytes(row.sealed)
    assert "ospedale" not in contact.search_words
    assert not any("ospedale" in str(entry.detail) for entry in AuditEntry.objects.all())


def test_reading_a_contact_opens_its_texts_and_leaves_a_trace(mazzini: Lab, anna: User, samira: Person) -> None:
    contact = record(mazzini, anna, NeedHeard(words="la caldaia"), words="buongiorno", person=samira)
    texts = services.read_contact(contact, by=anna)
    assert texts.contact == {"words": "buongiorno"}
    assert list(texts.needs.values()) == [{"words": "la caldaia"}]
    entry = AuditEntry.objects.get(is_reading=True)
    assert (entry.verb, entry.actor_id, entry.subject_id) == ("contact.read", anna.pk, samira.pk)
    assert list(verify_chains()) == []


def test_once_its_key_is_destroyed_a_contact_says_nothing_to_anybody(mazzini: Lab, anna: User) -> None:
    contact = record(mazzini, anna, words="in segreto")
    destroy_key(contact, by=anna, lab_id=mazzini.pk)
    assert services.read_contact(Contact.objects.get(), by=anna).contact["words"] == services.GONE


def test_a_contact_whose_text_is_gone_can_still_be_worked_on(mazzini: Lab, anna: User) -> None:
    contact = record(mazzini, anna, NeedHeard(words="x"), words="in segreto")
    destroy_key(contact, by=anna, lab_id=mazzini.pk)
    need = need_services.close_need(contact.needs.get(), by=anna, version=1, state=Need.State.CANNOT_BE_TOLD)
    assert need.state == Need.State.CANNOT_BE_TOLD
    change = {"channel": "phone", "person": None, "building": None, "language": "it", "interpreter": "none"}
    services.amend_contact(contact, by=anna, version=1, words=services.GONE, note="nuova", **change)  # type: ignore[arg-type]
    assert services.read_contact(Contact.objects.get(), by=anna).contact == {"note": "nuova"}


def test_two_operators_on_one_contact_never_overwrite_each_other(mazzini: Lab, anna: User, carla: User) -> None:
    contact = record(mazzini, anna, words="prima")
    change = {"channel": "phone", "person": None, "building": None, "language": "it", "interpreter": "none"}
    services.amend_contact(contact, by=carla, version=1, words="di Carla", note="", **change)  # type: ignore[arg-type]
    with pytest.raises(ChangedElsewhere) as caught:
        services.amend_contact(contact, by=anna, version=1, words="di Anna", note="", **change)  # type: ignore[arg-type]
    assert isinstance(caught.value.current, Contact)
    assert services.read_contact(caught.value.current, by=anna).contact["words"] == "di Carla"


def test_amending_gives_an_anonymous_contact_its_person_with_the_needs(
    mazzini: Lab, anna: User, samira: Person
) -> None:
    contact = record(mazzini, anna, NeedHeard(words="x"), words="ciao")
    current = services.amend_contact(
        contact,
        by=anna,
        version=1,
        channel="walk_in",
        person=samira,
        building=None,
        language="ar",
        interpreter="none",
        words="ciao",
        note="",
    )
    assert (current.person, current.needs.get().person) == (samira, samira)
    assert list(Contact.objects.visible_to(anna).matching("hadd", anna)) == [contact]


# -- no need is lost ---------------------------------------------------------------------------------------------


def reach(state: str, need: Need, by: User) -> Need:
    """Take an open need of an anonymous contact to `state` the way an operator would."""
    if state == Need.State.ANSWERED:
        return need_services.answer_need(need, by=by, version=need.version, answer=INFORMATION)
    if state == Need.State.WAITING:
        return need_services.wait_for_others(need, by=by, version=need.version, next_on=timezone.localdate())
    if state == Need.State.CLOSED:
        return need_services.tell_need(need, by=by, version=need.version, how=Need.Told.PHONE)
    if state == Need.State.UNREACHABLE:
        for version in (1, 2, 3):
            need_services.log_attempt(need, by=by, version=version, channel="phone", outcome=Attempt.Outcome.NO_REPLY)
        need.refresh_from_db()
    if state != Need.State.OPEN:
        return need_services.close_need(need, by=by, version=need.version, state=state)
    return need


@pytest.mark.parametrize("state", Need.State.values)
def test_every_open_state_is_on_the_screen_of_its_owner_and_no_closed_one_is(
    mazzini: Lab, anna: User, state: str
) -> None:
    need = reach(state, open_need(mazzini, anna), anna)
    need.refresh_from_db()
    on_screen = Need.objects.visible_to(anna).owned_by(anna).due_by(timezone.localdate() + timedelta(days=60))
    assert (need in on_screen) == (state in Need.OPEN_STATES)
    assert need.state == state


@pytest.mark.parametrize("state", Need.CLOSED_STATES)
def test_every_closed_need_can_be_opened_again(mazzini: Lab, anna: User, state: str) -> None:
    need = reach(state, open_need(mazzini, anna), anna)
    today = timezone.localdate()
    again = need_services.reopen_need(need, by=anna, version=need.version, owner=anna, next_on=today)
    assert (again.state, again.closed_at, again.told_how, again.next_on) == (Need.State.OPEN, None, "", today)


@pytest.mark.parametrize("state", Need.CLOSED_STATES)
def test_nothing_happens_to_a_closed_need_but_opening_it_again(mazzini: Lab, anna: User, state: str) -> None:
    need = reach(state, open_need(mazzini, anna), anna)
    version, today = need.version, timezone.localdate()
    with pytest.raises(need_services.NeedIsClosed):
        need_services.answer_need(need, by=anna, version=version, answer=INFORMATION)
    with pytest.raises(need_services.NeedIsClosed):
        need_services.tell_need(need, by=anna, version=version, how="phone")
    with pytest.raises(need_services.NeedIsClosed):
        need_services.plan_need(need, by=anna, version=version, owner=anna, next_on=today)
    with pytest.raises(need_services.NeedIsClosed):
        need_services.log_attempt(need, by=anna, version=version, channel="phone", outcome="no_reply")


def test_an_open_need_without_owner_or_date_cannot_exist(mazzini: Lab, anna: User) -> None:
    need = open_need(mazzini, anna)
    for hole in ({"owner": None}, {"next_on": None}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Need.objects.filter(pk=need.pk).update(**hole)


def test_a_need_cannot_be_closed_as_told_without_saying_how(mazzini: Lab, anna: User) -> None:
    need = open_need(mazzini, anna)
    with pytest.raises(IntegrityError), transaction.atomic():
        Need.objects.filter(pk=need.pk).update(state="closed", closed_at=timezone.now())


def test_nobody_is_unreachable_before_three_attempts_without_reply(mazzini: Lab, anna: User) -> None:
    need = open_need(mazzini, anna)
    for version, outcome in enumerate(("no_reply", "reached", "left_word"), start=1):
        need_services.log_attempt(need, by=anna, version=version, channel="phone", outcome=outcome)
    with pytest.raises(need_services.TooFewAttempts):
        need_services.close_need(need, by=anna, version=4, state=Need.State.UNREACHABLE)


def test_only_an_anonymous_contact_without_a_number_cannot_be_told(
    mazzini: Lab, anna: User, elena: User, samira: Person
) -> None:
    known = open_need(mazzini, anna, person=samira)
    called = services.request_callback(mazzini, phone="+393331234567", language="ar").needs.get()
    for need in (known, called):
        with pytest.raises(need_services.PersonCanBeTold):
            need_services.close_need(need, by=anna, version=1, state=Need.State.CANNOT_BE_TOLD)


def test_two_tabs_on_one_need_the_second_is_told(mazzini: Lab, anna: User) -> None:
    need = open_need(mazzini, anna)
    need_services.tell_need(need, by=anna, version=1, how="phone")
    with pytest.raises(ChangedElsewhere):
        need_services.tell_need(need, by=anna, version=1, how="letter")


def test_a_referral_waits_and_its_outcome_is_written_by_hand(mazzini: Lab, anna: User) -> None:
    need = open_need(mazzini, anna)
    current = need_services.answer_need(need, by=anna, version=1, answer=AnswerGiven(kind=Answer.Kind.REFERRAL))
    assert current.state == Need.State.WAITING
    answer = need_services.record_outcome(
        current.answers.get(), by=anna, outcome=Answer.Outcome.REFUSED, text="non ci sono posti"
    )
    assert (answer.outcome, answer.outcome_on) == (Answer.Outcome.REFUSED, timezone.localdate())
    assert services.read_contact(need.contact, by=anna).answers[answer.pk]["outcome"] == "non ci sono posti"


# -- silence ------------------------------------------------------------------------------------------------------


def test_silence_goes_to_the_owner_first_and_then_to_the_coordinator(mazzini: Lab, anna: User) -> None:
    need = open_need(mazzini, anna)
    yesterday = timezone.localdate() - timedelta(days=1)
    Need.objects.filter(pk=need.pk).update(next_on=yesterday)
    assert need_services.escalate_silent_needs(mazzini) == 0
    Need.objects.filter(pk=need.pk).update(next_on=yesterday - timedelta(days=21))
    assert need_services.escalate_silent_needs(mazzini) == 1
    assert need_services.escalate_silent_needs(mazzini) == 0
    assert list(Need.objects.escalated()) == [need]


def test_the_need_of_somebody_who_left_goes_to_the_coordinator_at_once(mazzini: Lab, anna: User) -> None:
    open_need(mazzini, anna)
    Membership.objects.filter(user=anna).update(
        since=timezone.localdate() - timedelta(days=9), until=timezone.localdate() - timedelta(days=1)
    )
    assert need_services.escalate_silent_needs(mazzini) == 1


def test_acting_on_an_escalated_need_ends_the_silence(mazzini: Lab, anna: User) -> None:
    need = open_need(mazzini, anna)
    Need.objects.filter(pk=need.pk).update(escalated_at=timezone.now())
    need_services.log_attempt(need, by=anna, version=1, channel="phone", outcome="no_reply")
    assert Need.objects.escalated().count() == 0


def test_a_double_click_is_one_attempt(mazzini: Lab, anna: User) -> None:
    need = open_need(mazzini, anna)
    need_services.log_attempt(need, by=anna, version=1, channel="phone", outcome="no_reply")
    with pytest.raises(services.ChangedElsewhere):
        need_services.log_attempt(need, by=anna, version=1, channel="phone", outcome="no_reply")
    assert need.attempts.count() == 1


@pytest.mark.parametrize("act", ["attempt", "follow_up", "answer", "handover"])
def test_whoever_acts_on_a_silent_need_gets_the_time_to_go_on(
    mazzini: Lab, anna: User, carla: User, elena: User, act: str
) -> None:
    need = open_need(mazzini, anna)
    Need.objects.filter(pk=need.pk).update(next_on=timezone.localdate() - timedelta(days=40))
    assert need_services.escalate_silent_needs(mazzini) == 1
    if act == "attempt":
        need_services.log_attempt(need, by=anna, version=1, channel="phone", outcome="no_reply")
    elif act == "handover":
        need_services.hand_over_needs(mazzini, by=elena, giver=anna, taker=carla)
    else:
        kind = Answer.Kind.FOLLOW_UP if act == "follow_up" else Answer.Kind.INFORMATION
        need_services.answer_need(need, by=anna, version=1, answer=AnswerGiven(kind=kind))
    assert need_services.escalate_silent_needs(mazzini) == 0


def test_a_page_opened_before_a_handover_does_not_undo_it(mazzini: Lab, anna: User, carla: User, elena: User) -> None:
    need = open_need(mazzini, anna)
    need_services.hand_over_needs(mazzini, by=elena, giver=anna, taker=carla)
    with pytest.raises(services.ChangedElsewhere):
        need_services.plan_need(need, by=anna, version=1, owner=anna, next_on=timezone.localdate())


def test_a_colleague_who_can_no_longer_sign_in_is_gone(mazzini: Lab, anna: User) -> None:
    open_need(mazzini, anna)
    User.objects.filter(pk=anna.pk).update(is_active=False)
    assert need_services.escalate_silent_needs(mazzini) == 1
    with pytest.raises(services.OwnerCannotWorkHere):
        services.check_owner(mazzini, anna)


def test_handover_moves_the_open_needs_and_only_those(mazzini: Lab, anna: User, carla: User, elena: User) -> None:
    moved, closed = open_need(mazzini, anna), open_need(mazzini, anna)
    need_services.tell_need(closed, by=anna, version=1, how="phone")
    assert need_services.hand_over_needs(mazzini, by=elena, giver=anna, taker=carla) == 1
    assert need_services.hand_over_needs(mazzini, by=elena, giver=anna, taker=carla) == 0
    assert list(Need.objects.owned_by(carla)) == [moved]
    assert Need.objects.get(pk=closed.pk).owner == anna


def test_nothing_is_handed_to_somebody_of_another_lab(mazzini: Lab, anna: User, bruno: User, elena: User) -> None:
    open_need(mazzini, anna)
    with pytest.raises(services.OwnerCannotWorkHere):
        need_services.hand_over_needs(mazzini, by=elena, giver=anna, taker=bruno)


# -- requests of the public, messages -----------------------------------------------------------------------------


def test_a_callback_is_a_need_of_whoever_receives_requests(mazzini: Lab, elena: User) -> None:
    desk = make_user("Ida", mazzini, Role.DESK)
    Membership.objects.filter(user=desk).update(receives_requests=True)
    need = services.request_callback(mazzini, phone="+393331234567", language="ar", hours="dopo le 18").needs.get()
    assert (need.owner, need.contact.language) == (desk, "ar")
    assert need.next_on == add_working_days(mazzini, timezone.localdate(), 1)
    assert services.read_contact(need.contact, by=desk).contact["phone"] == "+393331234567"


def test_a_lab_without_staff_says_that_it_cannot_answer(mazzini: Lab) -> None:
    with pytest.raises(services.LabCannotAnswer):
        services.request_callback(mazzini, phone="+393331234567", language="it")
    assert Contact.objects.count() == 0


def test_feedback_on_accessibility_is_owed_an_answer_in_thirty_days(mazzini: Lab, elena: User) -> None:
    need = services.receive_accessibility_feedback(mazzini, words="non leggo i colori").needs.get()
    assert need.next_on == timezone.localdate() + timedelta(days=30)
    assert need.owner == elena


def test_a_message_reaches_whoever_follows_the_person_and_its_writer_does_the_same_either_way(
    mazzini: Lab, anna: User, carla: User, samira: Person
) -> None:
    stranger = Person.objects.create(lab=mazzini, given_name="Ignota")
    open_need(mazzini, carla, person=samira)
    for person in (samira, stranger):
        services.leave_message(person, by=anna, text="ha richiamato")
    acts = AuditEntry.objects.filter(verb="message.leave").count()
    assert (acts, MessageDelivery.objects.count(), DueWork.objects.count()) == (2, 0, 2)
    while do_next_work():
        pass
    delivery = MessageDelivery.objects.get()
    assert (delivery.user, delivery.message.person) == (carla, samira)
    assert services.read_message(delivery, by=carla) == "ha richiamato"


def test_a_message_for_somebody_who_left_goes_to_whoever_answers_in_their_place(
    mazzini: Lab, anna: User, carla: User, elena: User, samira: Person
) -> None:
    open_need(mazzini, carla, person=samira)
    User.objects.filter(pk=carla.pk).update(is_active=False)
    services.deliver_message(services.leave_message(samira, by=anna, text="ha richiamato"))
    assert MessageDelivery.objects.get().user == elena


def test_unread_messages_go_over_with_the_needs(
    mazzini: Lab, anna: User, carla: User, elena: User, samira: Person
) -> None:
    open_need(mazzini, carla, person=samira)
    services.deliver_message(services.leave_message(samira, by=anna, text="ha richiamato"))
    need_services.hand_over_needs(mazzini, by=elena, giver=carla, taker=anna)
    assert set(MessageDelivery.objects.values_list("user__name", flat=True)) == {"Carla", "Anna"}


def test_looking_at_the_timeline_of_a_person_leaves_a_trace(mazzini: Lab, anna: User, samira: Person) -> None:
    contact = record(mazzini, anna, person=samira)
    assert list(services.read_timeline(samira, by=anna)) == [contact]
    entry = AuditEntry.objects.get(is_reading=True)
    assert (entry.verb, entry.subject_id) == ("person.timeline", samira.pk)


# -- who sees what, and search ------------------------------------------------------------------------------------


def test_a_lab_sees_its_own_contacts_and_needs_in_list_and_search(
    mazzini: Lab, milo: Lab, anna: User, bruno: User, rent: NeedTerm, farid: User
) -> None:
    ours = record(mazzini, anna, NeedHeard(term=rent))
    theirs = record(milo, bruno, NeedHeard(term=rent))
    for user, seen in ((anna, [ours]), (bruno, [theirs]), (farid, [])):
        assert list(Contact.objects.visible_to(user)) == seen
        assert list(Contact.objects.visible_to(user).matching("affitto", user)) == seen
        assert list(Need.objects.visible_to(user)) == [contact.needs.get() for contact in seen]


def test_search_finds_the_beginning_of_every_word_and_nothing_of_the_free_text(
    mazzini: Lab, anna: User, rent: NeedTerm, samira: Person
) -> None:
    contact = record(mazzini, anna, NeedHeard(term=rent, words="sfratto"), person=samira, words="urgente")
    visible = Contact.objects.visible_to(anna)
    assert list(visible.matching("Samìra AFFI", anna)) == [contact]
    for text in ("sfratto", "urgente", "samira rossi", "mira"):
        assert list(visible.matching(text, anna)) == []
    assert list(visible.matching("'; drop \"*", anna)) == []


def test_search_finds_old_contacts_among_many_and_counts_them_all(mazzini: Lab, anna: User, rent: NeedTerm) -> None:
    for _ in range(30):
        record(mazzini, anna, NeedHeard(term=rent))
    old = Contact.objects.order_by("pk").first()
    found = Contact.objects.visible_to(anna).matching("affitto", anna)
    assert (found.count(), found.last()) == (30, old)


def test_a_protected_person_is_not_found_by_where_they_lived(mazzini: Lab, anna: User, samira: Person) -> None:
    house = Building.objects.create(
        lab=mazzini, slug="via-segreta-1", street="via Segreta", civic="1", street_key="segreta", civic_key="1"
    )
    Person.objects.filter(pk=samira.pk).update(is_protected=True)
    record(mazzini, anna, person=Person.objects.get(pk=samira.pk), building=house)
    assert list(Contact.objects.visible_to(anna).matching("segreta", anna)) == []


def test_a_new_name_is_found_by_search(mazzini: Lab, anna: User, samira: Person) -> None:
    contact = record(mazzini, anna, person=samira)
    Person.objects.filter(pk=samira.pk).update(family_name="Mansour")
    services.refresh_search_words(Contact.objects.select_related("person", "building"))
    visible = Contact.objects.visible_to(anna)
    assert (list(visible.matching("mansour", anna)), list(visible.matching("haddad", anna))) == ([contact], [])
