"""The receipt: what its code opens for whom, and how it brings a contact into its holder's file."""

import io
import threading
import unicodedata
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection, connections
from django.utils import timezone
from pypdf import PdfReader

from ballatoio.base.accounts.models import AccessCode, Role, User
from ballatoio.base.accounts.services import CodeDoesNotWork, TooManyWrongCodes, issue_code
from ballatoio.base.audit.models import AuditEntry
from ballatoio.base.jobs.services import AlreadySubmitted, new_once_token
from ballatoio.base.labs.models import Lab, Opening
from ballatoio.base.people.households import lift_protection, separate_person
from ballatoio.base.people.models import Person
from ballatoio.base.people.services import register_person
from ballatoio.care.desk.models import Contact, Need
from ballatoio.care.desk.need_services import answer_need, close_need, tell_need, wait_for_others
from ballatoio.care.desk.receipts import (
    AnswerRead,
    BringTheReceipt,
    ContactHasAPerson,
    ReadingIsNotSafe,
    ReceiptState,
    check_receipt,
    claim_contact,
    find_by_receipt,
    issue_receipt,
    keep_receipt,
    live_receipt,
    slip_language,
    stop_receipt,
)
from ballatoio.care.desk.services import AnswerGiven, NeedHeard, amend_contact
from ballatoio.care.desk.slips import Slip
from tests.factories import (
    make_building,
    make_contact,
    make_lab,
    make_referral,
    make_service,
    make_term,
    make_user,
)

CANARY = "il vicino beve e urla di notte"
INFORMATION = AnswerGiven(kind="information", text="Si fa il martedì")


@pytest.fixture
def samira(mazzini: Lab, anna: User) -> Person:
    return register_person(mazzini, by=anna, given_name="Samira", family_name="Haddad", languages_read=["ar"])


def receipt_of(contact: Contact, by: User, **fields: Any) -> str:
    """Give the code of a new receipt."""
    return issue_receipt(contact, by=by, **fields)[1]


def look(code: str, lab: Lab, source: str = "192.0.2.1") -> ReceiptState:
    return check_receipt(code, lab=lab, source=source)


def in_days(days: int) -> Any:
    return timezone.localdate() + timedelta(days=days)


# --- what a code says ------------------------------------------------------------------------------------------


def test_a_receipt_says_by_when_and_then_since_when(mazzini: Lab, anna: User) -> None:
    contact = make_contact(
        mazzini, anna, NeedHeard(words=CANARY, next_on=in_days(3)), NeedHeard(words=CANARY, next_on=in_days(5))
    )
    code = receipt_of(contact, anna)
    assert look(code, mazzini) == ReceiptState(is_ready=False, on=in_days(5))
    first, second = contact.needs.order_by("next_on")
    wait_for_others(second, by=anna, version=1, next_on=in_days(9))
    assert look(code, mazzini) == ReceiptState(is_ready=False, on=in_days(9))
    answer_need(first, by=anna, version=1, answer=INFORMATION)
    assert look(code, mazzini) == ReceiptState(is_ready=True, on=in_days(0))


@pytest.mark.parametrize(
    ("answers", "told", "ready"),
    [
        ((), False, False),
        ((AnswerGiven(kind="follow_up", text="ci pensiamo"),), False, False),
        ((AnswerGiven(kind="referral", text="mandata altrove"),), False, False),
        ((INFORMATION,), False, True),
        ((INFORMATION,), True, True),
    ],
)
def test_ready_is_what_somebody_answered_and_nothing_else(
    answers: tuple[AnswerGiven, ...], told: bool, ready: bool, mazzini: Lab, anna: User
) -> None:
    contact = make_contact(mazzini, anna, NeedHeard(words="casa", answers=answers, told=told))
    assert look(receipt_of(contact, anna), mazzini).is_ready is ready


def test_a_promise_that_went_by_is_said_to_be_late(mazzini: Lab, anna: User) -> None:
    contact = make_contact(mazzini, anna, NeedHeard(words="casa", next_on=in_days(1)))
    code = receipt_of(contact, anna)
    with time_machine.travel(timezone.now() + timedelta(days=2)):
        state = look(code, mazzini)
    assert (state.is_ready, state.on, look(code, mazzini).is_late) == (False, in_days(1), False)
    with time_machine.travel(timezone.now() + timedelta(days=2)):
        assert state.is_late


def test_what_ended_without_an_answer_only_asks_to_call(mazzini: Lab, anna: User) -> None:
    contact = make_contact(mazzini, anna)
    code = receipt_of(contact, anna)
    close_need(contact.needs.get(), by=anna, version=1, state=Need.State.NO_LONGER_WANTED)
    assert look(code, mazzini) == ReceiptState(is_ready=True, on=in_days(0))


def test_without_the_choice_nobody_reads_the_answer_and_nothing_is_opened(mazzini: Lab, anna: User) -> None:
    contact = make_contact(mazzini, anna, NeedHeard(words=CANARY, answers=(INFORMATION,)))
    assert look(receipt_of(contact, anna), mazzini).answers == ()
    assert AuditEntry.objects.filter(verb="receipt.read").count() == 0


def test_whoever_chose_so_reads_the_answers_and_the_audit_says_the_holder_did(
    mazzini: Lab, anna: User, samira: Person
) -> None:
    service = make_service(mazzini, "CAF")
    answers = (INFORMATION, AnswerGiven(kind="orientation", service=service))
    contact = make_contact(
        mazzini,
        anna,
        NeedHeard(words=CANARY, answers=answers),
        NeedHeard(words="altro", answers=(AnswerGiven(kind="follow_up", text="non ancora per te"),)),
        person=samira,
        words=CANARY,
    )
    state = look(receipt_of(contact, anna, answer_by_code=True), mazzini)
    assert sorted(state.answers, key=lambda answer: answer.text) == [
        AnswerRead(in_days(0), "", "CAF"),
        AnswerRead(in_days(0), "Si fa il martedì", ""),
    ]
    entry = AuditEntry.objects.get(verb="receipt.read")
    assert (entry.actor_id, entry.actor_role, entry.is_reading) == (None, "holder", True)
    assert (entry.object_id, entry.subject_id, entry.detail) == (str(contact.pk), samira.pk, {})


def test_who_was_protected_after_choosing_so_is_shown_nothing_more(mazzini: Lab, anna: User, samira: Person) -> None:
    contact = make_contact(mazzini, anna, NeedHeard(words=CANARY, answers=(INFORMATION,)), person=samira)
    code = receipt_of(contact, anna, answer_by_code=True)
    assert len(look(code, mazzini).answers) == 1
    separate_person(samira, by=anna)
    assert look(code, mazzini) == ReceiptState(is_ready=True, on=in_days(0))
    assert AuditEntry.objects.filter(verb="receipt.read").count() == 1


def test_a_protected_person_cannot_choose_to_be_read(mazzini: Lab, anna: User, samira: Person) -> None:
    contact = make_contact(mazzini, anna, person=samira)
    separate_person(samira, by=anna)
    with pytest.raises(ReadingIsNotSafe):
        issue_receipt(contact, by=anna, answer_by_code=True)
    assert live_receipt(contact) is None
    code = receipt_of(contact, anna)
    lift_protection(samira, by=anna)
    assert look(code, mazzini).answers == ()


# --- codes that do not open --------------------------------------------------------------------------------------


def test_a_new_receipt_stops_the_one_before_and_a_lost_one_stops_at_once(mazzini: Lab, anna: User) -> None:
    contact = make_contact(mazzini, anna, NeedHeard(words="casa", answers=(INFORMATION,)))
    first = receipt_of(contact, anna, answer_by_code=True)
    second = receipt_of(contact, anna)
    with pytest.raises(CodeDoesNotWork):
        look(first, mazzini)
    assert look(second, mazzini).answers == ()
    assert (stop_receipt(contact, by=anna), stop_receipt(contact, by=anna)) == (1, 0)
    with pytest.raises(CodeDoesNotWork):
        look(second, mazzini)
    assert AuditEntry.objects.filter(verb="receipt.stop").count() == 1


def test_a_receipt_opens_in_its_own_lab_only_and_as_long_as_the_lab_says(mazzini: Lab, milo: Lab, anna: User) -> None:
    mazzini.receipt_days = 30
    mazzini.save()
    contact = make_contact(mazzini, anna)
    code = receipt_of(contact, anna)
    with pytest.raises(CodeDoesNotWork):
        look(code, milo)
    with time_machine.travel(timezone.now() + timedelta(days=29, hours=23)):
        assert look(code, mazzini).is_ready is False
    with time_machine.travel(timezone.now() + timedelta(days=30, hours=1)), pytest.raises(CodeDoesNotWork):
        look(code, mazzini)


def test_a_code_for_another_purpose_is_no_receipt(mazzini: Lab, anna: User) -> None:
    contact = make_contact(mazzini, anna)
    purpose = AccessCode.Purpose.SIGN_IN
    _, code = issue_code(contact, purpose=purpose, lab=mazzini, valid_for=timedelta(days=1), by=anna)
    with pytest.raises(CodeDoesNotWork):
        look(code, mazzini)


def test_guessing_is_stopped_and_the_right_code_with_it_but_not_elsewhere(mazzini: Lab, anna: User) -> None:
    code = receipt_of(make_contact(mazzini, anna), anna)
    for _ in range(10):
        with pytest.raises(CodeDoesNotWork):
            look("ABCDEFGHJK", mazzini, source="192.0.2.7")
    with pytest.raises(TooManyWrongCodes):
        look(code, mazzini, source="192.0.2.7")
    assert look(code, mazzini, source="192.0.2.8").is_ready is False


def test_the_code_is_kept_nowhere(mazzini: Lab, anna: User) -> None:
    contact = make_contact(mazzini, anna)
    code = receipt_of(contact, anna)
    rows = [
        *AccessCode.objects.values_list("digest", "object_type", "key_id"),
        *AuditEntry.objects.values_list("detail", "object_id"),
    ]
    assert [row for row in rows if code in str(row)] == []


def test_a_double_click_makes_one_receipt(mazzini: Lab, anna: User) -> None:
    contact, once = make_contact(mazzini, anna), new_once_token()
    code = receipt_of(contact, anna, once=once)
    with pytest.raises(AlreadySubmitted):
        issue_receipt(contact, by=anna, once=once)
    assert look(code, mazzini).is_ready is False


def test_a_contact_that_was_of_somebody_else_takes_its_receipt_along(mazzini: Lab, anna: User, samira: Person) -> None:
    contact = make_contact(mazzini, anna, person=samira)
    amended: dict[str, Any] = {
        "channel": "walk_in", "building": None, "language": "it", "interpreter": "none", "words": "", "note": ""
    }  # fmt: skip
    code = receipt_of(contact, anna, answer_by_code=True)
    kept = amend_contact(contact, by=anna, version=1, person=samira, **amended)
    assert (look(code, mazzini).is_ready, kept.answer_by_code) == (False, True)
    moved = amend_contact(contact, by=anna, version=2, person=None, **amended)
    assert (live_receipt(contact), moved.answer_by_code) == (None, False)


# --- claims ------------------------------------------------------------------------------------------------------


def test_an_anonymous_contact_comes_into_its_holders_file_with_everything_under_it(
    mazzini: Lab, anna: User, samira: Person
) -> None:
    contact = make_contact(mazzini, anna, NeedHeard(words=CANARY), NeedHeard(term=make_term("ISEE")), words=CANARY)
    code = receipt_of(contact, anna, answer_by_code=True)
    assert find_by_receipt(code, lab=mazzini, source="desk") == contact
    claimed = claim_contact(code, lab=mazzini, by=anna, source="desk", person=samira)
    assert (claimed.person, claimed.version, claimed.answer_by_code) == (samira, 2, False)
    assert list(contact.needs.values_list("person", "version")) == [(samira.pk, 2)] * 2
    assert list(Contact.objects.matching("haddad", anna)) == [contact]
    entry = AuditEntry.objects.get(verb="contact.claim")
    assert (entry.subject_id, entry.actor_id, entry.detail) == (samira.pk, anna.pk, {"needs": 2, "at": "desk"})
    for use in (look, find):
        with pytest.raises(CodeDoesNotWork):
            use(code, mazzini)


def find(code: str, lab: Lab) -> Contact:
    return find_by_receipt(code, lab=lab, source="desk")


def test_what_the_rooms_above_hold_of_an_anonymous_contact_comes_with_it(
    mazzini: Lab, anna: User, samira: Person
) -> None:
    contact, other = make_contact(mazzini, anna), make_contact(mazzini, anna)
    referrals = [make_referral(mazzini, anna, need=each.needs.get()) for each in (contact, other)]
    claim_contact(receipt_of(contact, anna), lab=mazzini, by=anna, source="desk", person=samira)
    for referral in referrals:
        referral.refresh_from_db()
    assert [referral.person for referral in referrals] == [samira, None]


def test_somebody_new_gets_a_file_by_their_receipt(mazzini: Lab, anna: User) -> None:
    contact = make_contact(mazzini, anna, language="ar")
    new = {"given_name": "Farid", "family_name": "", "phone": "333 1234567"}
    person = claim_contact(receipt_of(contact, anna), lab=mazzini, by=anna, source="desk", newcomer=new).person
    assert person is not None
    assert (str(person), person.languages_spoken, person.contact_points.get().value) == (
        "Farid",
        ["ar"],
        "+39 333 123 4567",
    )


def test_nobody_claims_what_is_anothers_and_their_receipt_goes_on_working(
    mazzini: Lab, anna: User, samira: Person
) -> None:
    contact = make_contact(mazzini, anna, person=samira)
    code = receipt_of(contact, anna)
    other = register_person(mazzini, by=anna, given_name="Omar")
    with pytest.raises(ContactHasAPerson) as refused:
        claim_contact(code, lab=mazzini, by=anna, source="desk", person=other)
    contact.refresh_from_db()
    assert (refused.value.contact, contact.person, look(code, mazzini).is_ready) == (contact, samira, False)


def test_a_code_of_another_lab_claims_nothing(mazzini: Lab, milo: Lab, anna: User, bruno: User) -> None:
    code = receipt_of(make_contact(mazzini, anna), anna)
    theirs = register_person(milo, by=bruno, given_name="Omar")
    with pytest.raises(CodeDoesNotWork):
        claim_contact(code, lab=milo, by=bruno, source="desk", person=theirs)
    assert Contact.objects.get().person is None


def test_a_resident_adds_only_a_receipt_that_was_chosen_to_be_read(mazzini: Lab, anna: User, samira: Person) -> None:
    own = make_user("Samira")
    plain, chosen = make_contact(mazzini, anna), make_contact(mazzini, anna)
    code = receipt_of(plain, anna)
    with pytest.raises(BringTheReceipt):
        keep_receipt(code, person=samira, by=own, source="192.0.2.1")
    assert look(code, mazzini).is_ready is False
    keep_receipt(receipt_of(chosen, anna, answer_by_code=True), person=samira, by=own, source="192.0.2.1")
    assert [contact.person for contact in Contact.objects.order_by("pk")] == [None, samira]
    assert AuditEntry.objects.get(verb="contact.claim").actor_role == "resident"


@pytest.mark.django_db(transaction=True)
def test_of_two_claims_at_once_one_wins_and_the_other_is_told() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("a database in memory has one connection")
    lab = make_lab("mazzini")
    anna = make_user("Anna", lab, Role.DESK)
    contact = make_contact(lab, anna)
    code = receipt_of(contact, anna)
    people = [register_person(lab, by=anna, given_name=name) for name in ("Samira", "Omar")]
    gate, outcomes = threading.Barrier(2), []

    def claim(person: Person) -> None:
        gate.wait()
        try:
            claim_contact(code, lab=lab, by=anna, source="desk", person=person)
            outcomes.append("claimed")
        except (ContactHasAPerson, CodeDoesNotWork):
            outcomes.append("told")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=claim, args=(person,)) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    contact.refresh_from_db()
    assert (sorted(outcomes), contact.version, contact.needs.get().person) == (["claimed", "told"], 2, contact.person)


# --- on paper ----------------------------------------------------------------------------------------------------

A6 = (298, 420)


def slip_of(contact: Contact, by: User, language: str, **fields: Any) -> tuple[str, PdfReader]:
    access_code, code = issue_receipt(contact, by=by, **fields)
    contact.refresh_from_db()
    slip = Slip(contact, code, timezone.localdate(access_code.expires_at), language, by)
    return code, PdfReader(io.BytesIO(slip.pdf()))


def text_of(reader: PdfReader) -> str:
    """The words of the page, letters of Arabic brought back from their joined shapes."""
    return unicodedata.normalize("NFKC", reader.pages[0].extract_text())


@pytest.mark.parametrize("language", ["it", "en", "ar"])
@pytest.mark.parametrize("chosen", [True, False])
def test_the_slip_is_a_tagged_a6_page_without_a_word_of_what_was_asked(
    language: str, chosen: bool, mazzini: Lab, anna: User, samira: Person
) -> None:
    for weekday in range(6):
        Opening.objects.create(lab=mazzini, weekday=weekday, opens=f"{9 + weekday % 2}:30", closes="12:30")
        Opening.objects.create(lab=mazzini, weekday=weekday, opens="14:00", closes=f"{18 - weekday % 2}:00")
    term, building = make_term("Sfratto"), make_building(mazzini, "via Segreta")
    heard = NeedHeard(term=term, words=CANARY, answers=(AnswerGiven(kind="referral", text=CANARY),))
    contact = make_contact(mazzini, anna, heard, person=samira, building=building, words=CANARY, note=CANARY)
    code, reader = slip_of(contact, anna, language, answer_by_code=chosen)
    root = reader.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"] == True  # noqa: E712 (a PDF boolean)
    assert ("/StructTreeRoot" in root, root["/Lang"], len(reader.pages)) == (True, language, 1)
    assert tuple(round(float(side)) for side in reader.pages[0].mediabox[2:]) == A6
    text = text_of(reader).replace("\n", " ")
    shown = (code[:5], code[5:], mazzini.phone, "/mazzini/ricevuta/", "operatore di sportello", mazzini.name)
    assert [words for words in shown if words not in text] == []
    hidden = ("Samira", "Haddad", "Anna", "Sfratto", "Segreta", "vicino")
    assert [words for words in hidden if words in text] == []
    assert "Ricevuta dello sportello" in text


def test_the_qr_code_holds_the_address_and_not_the_code(mazzini: Lab, anna: User) -> None:
    access_code, code = issue_receipt(make_contact(mazzini, anna), by=anna)
    contact = Contact.objects.get()
    plain, arabic = (
        Slip(contact, with_code, timezone.localdate(access_code.expires_at), language, anna).data()
        for with_code, language in ((code, "it"), ("ABCDEFGHJK", "ar"))
    )
    other = Slip(contact, "ABCDEFGHJK", timezone.localdate(access_code.expires_at), "it", anna).data()
    assert (plain["qr"], plain["web"]) == (other["qr"], other["web"])
    assert (plain["qr"] == arabic["qr"], arabic["web"].endswith("/ar/mazzini/ricevuta/")) == (False, True)


def test_the_slip_promises_the_last_day_and_no_day_that_went_by(mazzini: Lab, anna: User) -> None:
    contact = make_contact(
        mazzini, anna, NeedHeard(words="uno", next_on=in_days(2)), NeedHeard(words="due", next_on=in_days(4))
    )
    access_code, code = issue_receipt(contact, by=anna)
    slip = Slip(contact, code, timezone.localdate(access_code.expires_at), "it", anna)
    day = in_days(4)
    assert f"{day.day}" in slip.data()["blocks"][0]["promise"]
    with time_machine.travel(timezone.now() + timedelta(days=5)):
        assert slip.data()["blocks"][0]["promise"] == "Ci stiamo lavorando: chiamaci"
    for need in contact.needs.all():
        tell_need(need, by=anna, version=1, how="phone")
    assert slip.data()["blocks"][0]["promise"] == "La risposta è pronta"


@pytest.mark.parametrize(
    ("read", "spoken_at_desk", "language"),
    [
        (["bn", "en"], "ar", "en"),
        ([], "ar", "ar"),
        (["bn"], "bn", "it"),
        (["ar", "en"], "it", "ar"),
        ([], "other", "it"),
    ],
)
def test_the_slip_is_in_the_language_that_its_holder_reads(
    read: list[str], spoken_at_desk: str, language: str, mazzini: Lab, anna: User
) -> None:
    person = register_person(mazzini, by=anna, given_name="Rahim", languages_read=read)
    assert slip_language(make_contact(mazzini, anna, person=person, language=spoken_at_desk)) == language
