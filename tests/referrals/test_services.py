"""Somebody is sent on: what leaves the lab and under which consent, what comes back, and who gets to know it."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from ballatoio.base.accounts.models import AccessCode, User
from ballatoio.base.accounts.services import CodeDoesNotWork
from ballatoio.base.audit.models import AuditEntry
from ballatoio.base.audit.services import verify_chains
from ballatoio.base.core.conflicts import ChangedElsewhere
from ballatoio.base.directory.models import Service, ServiceDoubt
from ballatoio.base.jobs.services import AlreadySubmitted, new_once_token
from ballatoio.base.labs.models import Lab
from ballatoio.base.labs.services import next_working_day
from ballatoio.base.people.models import Consent, Person
from ballatoio.base.people.phones import read_phone
from ballatoio.base.people.services import add_contact_point, amend_person, withdraw_consent
from ballatoio.base.vault.models import DataKey
from ballatoio.base.vault.services import open_texts
from ballatoio.care.desk.models import Answer, Contact, Need
from ballatoio.care.desk.need_services import NeedIsClosed, OutcomeIsOfReferral, record_outcome, tell_need
from ballatoio.care.desk.services import AnswerGiven
from ballatoio.care.referrals.consent import TEXT_VERSION, Agreed, Told
from ballatoio.care.referrals.due import keep_time
from ballatoio.care.referrals.link import find_by_link
from ballatoio.care.referrals.models import Referral, ReferralEvent
from ballatoio.care.referrals.sending import (
    NobodyToReach,
    NothingIsTold,
    PhoneIsNotSafe,
    ServiceIsClosed,
    ServiceIsGone,
    orient_instead,
)
from ballatoio.care.referrals.services import (
    answer_referral,
    read_referral,
    remind_service,
    way_to,
    withdraw_referral,
)
from ballatoio.oversight.privacy.models import RetentionRule
from ballatoio.oversight.privacy.services import erase_expired
from tests.factories import make_need, make_organisation, make_referral, make_service

from .post import link_of, messages_of

State, Channel, Refusal = Referral.State, ReferralEvent.Channel, Referral.Refusal
PHONE = read_phone("333 1234567")


def answer(referral: Referral, by: User | None, state: str, **fields: Any) -> Referral:
    referral.refresh_from_db()
    given = {"channel": Channel.CALL, "version": referral.version} | fields
    return answer_referral(referral, by=by, state=state, **given)


def today(lab: Lab) -> Any:
    return next_working_day(lab, timezone.localdate())


# --- sending --------------------------------------------------------------------------------------------------


def test_sending_records_the_consent_the_answer_the_referral_and_the_message_at_once(
    mazzini: Lab, anna: User, need: Need, samira: Person, clinic: Service
) -> None:
    told = Told(shares=("name", "phone", "language"), name="Samira", phone=PHONE, words="non detto", language="ar")
    referral = make_referral(mazzini, anna, clinic, need=need, told=told, agreed=Agreed("with_interpreter", "ar"))
    consent = Consent.objects.get(person=samira)
    assert (consent.scope, consent.text_version, consent.language, consent.how) == (
        "share_services",
        TEXT_VERSION,
        "ar",
        "with_interpreter",
    )
    assert (consent.ends_on, referral.consent, consent.recorded_by) == (referral.expires_on, consent, anna)
    need.refresh_from_db()
    given = need.answers.get()
    assert (need.state, need.next_on) == (Need.State.WAITING, referral.next_reminder_on)
    assert (given.kind, given.service, given.has_referral, given.outside_reference, given.outcome) == (
        Answer.Kind.REFERRAL,
        clinic,
        True,
        referral.reference,
        "",
    )
    texts = open_texts(referral)
    assert {name: texts[name] for name in texts if name != "consent"} == {"name": "Samira", "phone": PHONE}
    assert (referral.service_name, referral.organisation_name) == (clinic.name, clinic.organisation.name)
    (message,) = messages_of(referral)
    assert (message["kind"], message["channel"], message["to"]) == ("referral.request", "email", clinic.email)


def test_the_words_that_were_agreed_to_are_kept_with_what_was_told(
    mazzini: Lab, anna: User, need: Need, clinic: Service
) -> None:
    told = Told(shares=("words", "phone"), name="Samira", phone=PHONE, words="bolletta del gas", phone_note="mattina")
    words = open_texts(make_referral(mazzini, anna, clinic, need=need, told=told))["consent"]
    assert [text for text in ("bolletta del gas", f"{PHONE} (mattina)", clinic.name) if text not in words] == []
    assert "Samira" not in words


def test_nothing_about_the_person_is_in_the_message_nor_in_clear_in_the_database(referral: Referral) -> None:
    (message,) = messages_of(referral)
    everything = " ".join(str(value) for value in message.values())
    assert [word for word in ("Samira", "Haddad", "bolletta", "333") if word in everything] == []
    referral.refresh_from_db()
    assert b"bolletta" not in bytes(referral.sealed)
    assert [entry for entry in AuditEntry.objects.all() if "bolletta" in str(entry.detail)] == []
    assert list(verify_chains()) == []


def test_an_anonymous_person_agrees_on_the_referral_itself(mazzini: Lab, anna: User, clinic: Service) -> None:
    told = Told(shares=("words",), words="cerca un avvocato")
    referral = make_referral(mazzini, anna, clinic, told=told, agreed=Agreed("spoken", "bn"))
    assert (referral.person, referral.consent, Consent.objects.count()) == (None, None, 0)
    assert (referral.consent_version, referral.consent_how, referral.consent_language) == (TEXT_VERSION, "spoken", "bn")
    assert "cerca un avvocato" in open_texts(referral)["consent"]


def test_a_double_click_sends_once(mazzini: Lab, anna: User, need: Need, clinic: Service) -> None:
    once = new_once_token()
    first = make_referral(mazzini, anna, clinic, need=need, once=once)
    with pytest.raises(AlreadySubmitted) as caught:
        make_referral(mazzini, anna, clinic, need=need, once=once)
    assert caught.value.result == str(first.pk)
    assert (Referral.objects.count(), Answer.objects.count(), Consent.objects.count()) == (1, 1, 1)


def test_a_colleague_who_was_faster_leaves_nothing_half_done(
    mazzini: Lab, anna: User, carla: User, need: Need, clinic: Service
) -> None:
    tell_need(need, by=carla, version=need.version, how="phone")
    with pytest.raises(ChangedElsewhere):
        make_referral(mazzini, anna, clinic, need=need)
    need.refresh_from_db()
    with pytest.raises(NeedIsClosed):
        make_referral(mazzini, anna, clinic, need=need)
    assert (Referral.objects.count(), Consent.objects.count(), messages_of(Referral(pk=need.pk))) == (0, 0, [])


def test_what_was_noted_at_the_desk_becomes_the_answer_so_that_it_counts_once(
    mazzini: Lab, anna: User, samira: Person, clinic: Service
) -> None:
    need = make_need(mazzini, anna, AnswerGiven(kind="referral", service=clinic, text="va da loro"), person=samira)
    referral = make_referral(mazzini, anna, clinic, need=need)
    assert list(need.answers.all()) == [referral.answer]
    assert open_texts(referral.answer) == {"text": "va da loro"}


@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        ({"status": "defunct", "phone": "02 1"}, ServiceIsGone),
        ({"status": "temporarily closed", "phone": "02 1"}, ServiceIsClosed),
        ({"status": "inactive", "phone": "02 1"}, ServiceIsClosed),
        ({}, NobodyToReach),
    ],
)
def test_nobody_is_sent_where_nobody_is(
    fields: dict[str, str], refused: type[Exception], mazzini: Lab, anna: User, need: Need
) -> None:
    with pytest.raises(refused):
        make_referral(mazzini, anna, make_service(mazzini, **fields), need=need)
    need.refresh_from_db()
    assert (Referral.objects.count(), need.state) == (0, Need.State.OPEN)


def test_a_service_that_is_shut_for_now_takes_a_request_from_who_knows_it(mazzini: Lab, anna: User, need: Need) -> None:
    shut = make_service(mazzini, status="temporarily closed", email="a@b.example")
    assert make_referral(mazzini, anna, shut, need=need, closed_is_known=True).service == shut


def test_a_service_is_reached_by_its_own_address_before_that_of_its_organisation(mazzini: Lab) -> None:
    organisation = make_organisation(mazzini, email="ente@example.org", phone="02 9")
    ways = [
        way_to(make_service(mazzini, organisation=organisation, **fields))
        for fields in ({"email": "servizio@example.org"}, {"phone": "02 1"})
    ]
    silent = make_organisation(mazzini)
    ways += [
        way_to(make_service(mazzini, organisation=silent, **fields))
        for fields in ({"phone": "02 1", "address": "via"}, {"address": "via"}, {})
    ]
    assert [way and (way.channel, way.to) for way in [*ways, way_to(None)]] == [
        ("email", "servizio@example.org"),
        ("email", "ente@example.org"),
        ("call", "02 1"),
        ("letter", "via"),
        None,
        None,
    ]


def test_who_has_no_email_is_called_by_a_colleague_and_no_link_is_made(mazzini: Lab, anna: User, need: Need) -> None:
    referral = make_referral(mazzini, anna, make_service(mazzini, phone="02 777"), need=need)
    (message,) = messages_of(referral)
    assert (message["channel"], message["to"], message["state"]) == ("call", "02 777", "to_do")
    assert AccessCode.objects.filter(purpose=AccessCode.Purpose.REFERRAL).count() == 0


@pytest.mark.parametrize("told", [Told(shares=()), Told(shares=("language",)), Told(shares=("name",), words="x")])
def test_a_service_that_is_told_nothing_can_do_nothing(
    told: Told, mazzini: Lab, anna: User, need: Need, clinic: Service
) -> None:
    with pytest.raises(NothingIsTold):
        make_referral(mazzini, anna, clinic, need=need, told=told)


def test_a_number_that_is_not_safe_is_given_to_nobody(
    mazzini: Lab, anna: User, need: Need, samira: Person, clinic: Service
) -> None:
    add_contact_point(samira, by=anna, kind="phone", value="02 8888888", safe_to_call=False)
    told = Told(shares=("phone", "words"), phone=read_phone("02 8888888"), words="x")
    with pytest.raises(PhoneIsNotSafe):
        make_referral(mazzini, anna, clinic, need=need, told=told)
    # Not ticked, it does not leave: nothing to refuse.
    make_referral(
        mazzini, anna, clinic, need=need, told=Told(shares=("words",), phone=read_phone("02 8888888"), words="x")
    )


def test_of_a_protected_person_only_a_safe_number_of_their_own_leaves(
    mazzini: Lab, anna: User, samira: Person, clinic: Service
) -> None:
    Person.objects.filter(pk=samira.pk).update(is_protected=True)
    samira.refresh_from_db()
    add_contact_point(samira, by=anna, kind="phone", value="333 1111111", is_shared=True)
    for phone in (read_phone("333 1111111"), read_phone("333 9999999")):
        with pytest.raises(PhoneIsNotSafe):
            told = Told(shares=("phone",), phone=phone)
            make_referral(mazzini, anna, clinic, need=make_need(mazzini, anna, person=samira), told=told)
    told = Told(shares=("phone",), phone=PHONE)
    own = make_referral(mazzini, anna, clinic, need=make_need(mazzini, anna, person=samira), told=told)
    assert open_texts(own)["phone"] == PHONE


def test_without_consent_the_person_gets_the_way_and_nothing_leaves(
    mazzini: Lab, anna: User, need: Need, clinic: Service
) -> None:
    orient_instead(need, by=anna, version=need.version, service=clinic)
    need.refresh_from_db()
    given = need.answers.get()
    assert (given.kind, given.service, need.state) == (Answer.Kind.ORIENTATION, clinic, Need.State.ANSWERED)
    assert (Referral.objects.count(), Consent.objects.count()) == (0, 0)


# --- what came of it --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "need_state", "outcome"),
    [
        (State.ACCEPTED, Need.State.ANSWERED, Answer.Outcome.ACCEPTED),
        (State.DONE, Need.State.ANSWERED, Answer.Outcome.DONE),
        (State.REFUSED, Need.State.OPEN, Answer.Outcome.REFUSED),
    ],
)
def test_the_answer_is_told_to_the_operator_and_to_the_person(
    state: str, need_state: str, outcome: str, referral: Referral, anna: User, mazzini: Lab
) -> None:
    refusal = Refusal.NO_PLACE if state == State.REFUSED else ""
    answer(referral, anna, state, refusal=refusal, words="ci vediamo martedì")
    need = Need.objects.get(pk=referral.need_id)
    given = Answer.objects.get(pk=referral.answer_id)
    assert (need.state, need.next_on, need.owner) == (need_state, today(mazzini), anna)
    said = "Adesso non c’è posto. ci vediamo martedì" if refusal else "ci vediamo martedì"
    assert (given.outcome, open_texts(given)["outcome"]) == (outcome, said)
    (told,) = messages_of(referral, "referral.outcome")
    text = f"{told['subject']} {told['body']} {told['short']}"
    secret = (referral.service_name, referral.organisation_name, "posto", "martedì", "bolletta", "Affitto")
    assert [word for word in secret if word in text] == []
    # Every message carries a date, the place, and how to reach the lab.
    asked = f"{timezone.localdate(need.opened_at):%Y}"
    assert [word for word in (asked, mazzini.address, mazzini.phone) if word not in told["body"]] == []
    assert [word for word in (mazzini.address, mazzini.phone) if word not in told["short"]] == []


def test_who_has_no_safe_way_is_told_when_they_come(mazzini: Lab, anna: User, samira: Person, clinic: Service) -> None:
    amend_person(samira, by=anna, version=samira.version, reach_by=Person.ReachBy.NOBODY)
    referral = make_referral(mazzini, anna, clinic, person=samira)
    answer(referral, anna, State.ACCEPTED)
    assert messages_of(referral, "referral.outcome") == []
    assert Need.objects.get(pk=referral.need_id).state == Need.State.ANSWERED


def test_a_protected_person_is_told_by_no_letter_and_no_shared_number(
    mazzini: Lab, anna: User, samira: Person, clinic: Service
) -> None:
    samira.contact_points.all().delete()
    add_contact_point(samira, by=anna, kind="phone", value="333 1111111", is_shared=True)
    Person.objects.filter(pk=samira.pk).update(is_protected=True)
    referral = make_referral(mazzini, anna, clinic, person=Person.objects.get(pk=samira.pk))
    answer(referral, anna, State.ACCEPTED)
    assert messages_of(referral, "referral.outcome") == []


def test_that_it_is_done_after_it_was_accepted_is_no_news_for_who_was_received(referral: Referral, anna: User) -> None:
    answer(referral, anna, State.ACCEPTED)
    answer(referral, anna, State.DONE)
    assert len(messages_of(referral, "referral.outcome")) == 1


def test_an_acceptance_that_is_taken_back_is_told_and_the_words_of_before_are_gone(
    referral: Referral, anna: User
) -> None:
    answer(referral, anna, State.REFUSED, refusal=Refusal.NO_PLACE, words="lista piena")
    answer(referral, anna, State.ACCEPTED)
    given = Answer.objects.get(pk=referral.answer_id)
    referral.refresh_from_db()
    assert (given.outcome, open_texts(given).get("outcome", "")) == (Answer.Outcome.ACCEPTED, "")
    assert (referral.refusal, referral.ended_at) == ("", None)
    assert len(messages_of(referral, "referral.outcome")) == 2
    refused = referral.events.get(kind="refused")
    assert read_referral(referral, by=anna)[f"said {refused.pk}"] == "lista piena"


def test_a_need_that_was_closed_meanwhile_stays_closed_and_nobody_is_written_to(referral: Referral, anna: User) -> None:
    need = Need.objects.get(pk=referral.need_id)
    tell_need(need, by=anna, version=need.version, how="phone")
    answer(referral, anna, State.ACCEPTED)
    need.refresh_from_db()
    assert (need.state, messages_of(referral, "referral.outcome")) == (Need.State.CLOSED, [])
    assert Answer.objects.get(pk=referral.answer_id).outcome == Answer.Outcome.ACCEPTED


def test_a_refusal_leaves_the_need_waiting_while_another_service_may_still_answer(
    mazzini: Lab, anna: User, need: Need, clinic: Service
) -> None:
    first = make_referral(mazzini, anna, clinic, need=need)
    need.refresh_from_db()
    make_referral(mazzini, anna, make_service(mazzini, email="altro@example.org"), need=need)
    answer(first, anna, State.REFUSED, refusal=Refusal.NO_PLACE)
    need.refresh_from_db()
    assert (need.state, need.next_on) == (Need.State.WAITING, today(mazzini))
    assert messages_of(first, "referral.outcome") == []


def test_two_answers_at_once_one_counts_and_the_other_is_told(referral: Referral, anna: User, carla: User) -> None:
    answer_referral(referral, state=State.ACCEPTED, channel=Channel.LINK, by=None, version=1)
    with pytest.raises(ChangedElsewhere):
        answer_referral(
            referral, state=State.REFUSED, channel=Channel.CALL, by=carla, version=1, refusal=Refusal.NO_PLACE
        )
    referral.refresh_from_db()
    assert (referral.state, referral.refusal, referral.events.count()) == (State.ACCEPTED, "", 2)


def test_by_hand_nobody_writes_an_outcome_that_a_referral_keeps(referral: Referral, anna: User) -> None:
    with pytest.raises(OutcomeIsOfReferral):
        record_outcome(referral.answer, by=anna, outcome=Answer.Outcome.DONE)
    assert Answer.objects.get(pk=referral.answer_id).outcome == ""


def test_an_answer_stops_the_link_and_the_messages_that_have_not_left(referral: Referral, anna: User) -> None:
    answer(referral, anna, State.DONE)
    assert AccessCode.objects.usable().filter(object_id=referral.pk).count() == 0
    assert [message["state"] for message in messages_of(referral, "referral.request")] == ["cancelled"]


# --- withdrawing ----------------------------------------------------------------------------------------------


def test_who_changes_their_mind_takes_it_back_before_the_service_has_read(referral: Referral, anna: User) -> None:
    withdraw_referral(referral, by=anna, version=referral.version)
    referral.refresh_from_db()
    need, given = Need.objects.get(pk=referral.need_id), Answer.objects.get(pk=referral.answer_id)
    assert (referral.state, need.state, given.outcome) == ("withdrawn", Need.State.OPEN, Answer.Outcome.WITHDRAWN)
    assert AccessCode.objects.usable().filter(object_id=referral.pk).count() == 0
    assert Consent.objects.get().withdrawn_on == timezone.localdate()
    # The service never knew: it is told nothing.
    assert [(m["kind"], m["state"]) for m in messages_of(referral)] == [("referral.request", "cancelled")]


def test_a_service_that_has_read_is_asked_to_forget_without_a_name(referral: Referral, anna: User) -> None:
    answer(referral, anna, State.SEEN)
    referral.refresh_from_db()
    withdraw_referral(referral, by=anna, version=referral.version)
    (message,) = messages_of(referral, "referral.withdrawn")
    assert (message["to"], referral.reference in message["subject"]) == ("posta@consultorio.example", True)
    assert [word for word in ("Samira", "Haddad") if word in str(message)] == []


def test_a_consent_withdrawn_in_the_file_of_the_person_closes_the_link_at_once(referral: Referral, anna: User) -> None:
    code = link_of(referral)
    assert find_by_link(code, lab=referral.lab, source="here") == referral
    withdraw_consent(Consent.objects.get(), by=anna)
    with pytest.raises(CodeDoesNotWork):
        find_by_link(code, lab=referral.lab, source="here")
    assert keep_time(referral.lab)["withdrawn"] == 1
    assert keep_time(referral.lab)["withdrawn"] == 0
    referral.refresh_from_db()
    assert referral.state == State.WITHDRAWN


# --- doubts ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("refusal", "reason"),
    [
        (Refusal.NO_PLACE, "refused"),
        (Refusal.NOT_ENTITLED, "refused"),
        (Refusal.OUT_OF_AREA, "refused"),
        (Refusal.WRONG_SERVICE, "refused"),
        (Refusal.OTHER, "refused"),
        (Refusal.CLOSED, "gone"),
        (Refusal.NOT_REACHED, None),
        (Refusal.DECLINED, None),
    ],
)
def test_what_a_refusal_says_of_the_sheet(
    refusal: str, reason: str | None, referral: Referral, anna: User, clinic: Service
) -> None:
    answer(referral, anna, State.REFUSED, refusal=refusal)
    assert list(ServiceDoubt.objects.values_list("reason", flat=True)) == ([reason] if reason else [])
    clinic.refresh_from_db()
    assert (clinic.doubted_since is not None) == (reason == "gone")


def test_an_answer_after_all_takes_the_doubt_back(referral: Referral, anna: User, clinic: Service) -> None:
    answer(referral, anna, State.REFUSED, refusal=Refusal.CLOSED)
    answer(referral, anna, State.ACCEPTED)
    clinic.refresh_from_db()
    assert (ServiceDoubt.objects.count(), clinic.doubted_since) == (0, None)


# --- reminding by hand, reading ------------------------------------------------------------------------------------


def test_a_reminder_by_hand_makes_a_new_link_and_counts_from_today(referral: Referral, anna: User) -> None:
    first = link_of(referral)
    remind_service(referral, by=anna, version=referral.version)
    second = link_of(referral)
    referral.refresh_from_db()
    codes = AccessCode.objects.filter(purpose=AccessCode.Purpose.REFERRAL)
    assert (first == second, codes.usable().count(), codes.count(), referral.reminders) == (False, 1, 2, 1)
    with pytest.raises(ChangedElsewhere):
        remind_service(referral, by=anna, version=1)


def test_reading_a_referral_leaves_a_trace(referral: Referral, anna: User, samira: Person) -> None:
    read_referral(referral, by=anna)
    entry = AuditEntry.objects.filter(verb="referral.read").get()
    assert (entry.is_reading, entry.subject_id, entry.actor_id) == (True, samira.pk, anna.pk)


def test_erasing_a_contact_erases_its_referrals_with_their_keys(referral: Referral, mazzini: Lab, elena: User) -> None:
    answer(referral, elena, State.DONE)
    need = Need.objects.get(pk=referral.need_id)
    tell_need(need, by=elena, version=need.version, how="phone")
    Contact.objects.filter(pk=need.contact_id).update(
        started_at=timezone.now() - timedelta(days=900), ended_at=timezone.now() - timedelta(days=900)
    )
    RetentionRule.objects.create(lab=mazzini, kind="contact", months=12, source="x")
    key = referral.data_key_id
    erase_expired(mazzini)
    assert (Referral.objects.count(), ReferralEvent.objects.count(), DataKey.objects.filter(pk=key).count()) == (
        0,
        0,
        0,
    )
