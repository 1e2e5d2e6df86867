"""The receipt that whoever comes to the desk takes home: its code, what it opens, how it finds its holder's file."""

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, ManyToOneRel, Prefetch, QuerySet
from django.utils import timezone

from ballatoio.base.accounts.models import AccessCode, User
from ballatoio.base.accounts.services import CodeDoesNotWork, issue_code, look_up_code, redeem_code, revoke_codes
from ballatoio.base.audit.services import record_act, record_reading
from ballatoio.base.core import languages
from ballatoio.base.jobs.services import submit_once
from ballatoio.base.labs.models import Lab
from ballatoio.base.people.models import Person
from ballatoio.base.people.services import note_seen, register_person
from ballatoio.base.vault.services import TextIsGone, open_texts

from .models import Answer, Contact, Need
from .services import refresh_search_words

RECEIPT = AccessCode.Purpose.RECEIPT
# Somebody still has to do something before there is an answer.
UNDER_WAY = (Need.State.OPEN, Need.State.WAITING)


class ReadingIsNotSafe(Exception):
    """A protected person's answers are never shown to whoever holds a paper: somebody tells them."""


class ContactHasAPerson(Exception):
    """This contact is in somebody's file already; `contact` is the one."""

    def __init__(self, contact: Contact) -> None:
        super().__init__()
        self.contact = contact


class BringTheReceipt(Exception):
    """The holder did not choose to read with the code: at the desk somebody sees who brings the paper."""


class Holder:
    """Whoever holds a receipt, as the audit knows them: nobody in particular."""

    pk = None

    def acting_as(self, lab_id: uuid.UUID) -> tuple[str, uuid.UUID | None]:
        """Give the role under which the reading is recorded."""
        return "holder", None


@dataclass(frozen=True)
class AnswerRead:
    """One answer as its holder reads it: the text, and the service that was named."""

    given_on: date
    text: str
    service: str


@dataclass(frozen=True)
class ReceiptState:
    """All that a receipt tells: whether the answer is ready, since when or by when; the answers if it was so chosen."""

    is_ready: bool
    on: date | None
    answers: tuple[AnswerRead, ...] = ()

    @property
    def is_late(self) -> bool:
        """The day by which an answer was promised has gone by."""
        return not self.is_ready and self.on is not None and self.on < timezone.localdate()


def may_read_by_code(contact: Contact) -> bool:
    """Tell whether the answers of a contact may be read by whoever has its code.

    A protected person's may not, whatever was chosen before: the paper may be where they fled from.
    """
    return contact.answer_by_code and not (contact.person and contact.person.is_protected)


def slip_language(contact: Contact) -> str:
    """Give the language in which the holder reads: of the pages' own, else that of the contact, else Italian."""
    known = [code for code, _name in settings.LANGUAGES]
    read = contact.person.languages_read if contact.person else []
    return next((code for code in [*read, contact.language] if code in known), settings.LANGUAGE_CODE)


def spelled(code: str) -> str:
    """Give a code as it is printed and read aloud, in two groups.

    >>> spelled("ABCDEFGHJK")
    'ABCDE FGHJK'
    """
    return f"{code[:5]} {code[5:]}"


def promised_on(needs: Iterable[Need]) -> date | None:
    """Give the day by which there is an answer to every need, None when there is nothing to wait for."""
    return max((need.next_on for need in needs if need.state in UNDER_WAY and need.next_on), default=None)


def live_receipt(contact: Contact) -> AccessCode | None:
    """Give the record of the receipt that works for a contact, if there is one."""
    return AccessCode.objects.usable().filter(purpose=RECEIPT, **_names(contact)).first()


def _names(contact: Contact) -> dict[str, Any]:
    return {"object_type": Contact._meta.label_lower, "object_id": contact.pk}


@transaction.atomic
def issue_receipt(
    contact: Contact, *, by: User, answer_by_code: bool = False, once: str = ""
) -> tuple[AccessCode, str]:
    """Make the code of a receipt and give it with its record; the receipt handed out before stops working.

    `answer_by_code` says that whoever holds it reads the answers, too. Raise ReadingIsNotSafe when the person is
    protected, AlreadySubmitted when the same form was sent before: codes are kept nowhere, there is none to show.
    """
    current = (
        Contact.objects.select_for_update(of=("self",), no_key=True).select_related("person", "lab").get(pk=contact.pk)
    )
    if answer_by_code and current.person and current.person.is_protected:
        raise ReadingIsNotSafe
    submit_once(once, str(current.pk))
    if current.answer_by_code != answer_by_code:
        current.answer_by_code = answer_by_code
        current.save(update_fields=["answer_by_code"])
    issued = issue_code(
        current,
        purpose=RECEIPT,
        lab=current.lab,
        valid_for=timedelta(days=current.lab.receipt_days),
        by=by,
        subject_id=current.person_id,
    )
    _record("receipt.issue", current, by, answer_by_code=answer_by_code)
    return issued


@transaction.atomic
def stop_receipt(contact: Contact, *, by: User) -> int:
    """Stop the receipt of a contact: it was lost, or is in the wrong hands. Give how many codes were stopped."""
    current = Contact.objects.select_for_update(of=("self",), no_key=True).get(pk=contact.pk)
    stopped = revoke_codes(current, by=by, lab_id=current.lab_id)
    if current.answer_by_code:
        current.answer_by_code = False
        current.save(update_fields=["answer_by_code"])
    if stopped:
        _record("receipt.stop", current, by)
    return stopped


def _record(verb: str, contact: Contact, by: User, **detail: object) -> None:
    record_act(verb, contact, by=by, lab_id=contact.lab_id, subject_id=contact.person_id, detail=detail)


def check_receipt(code: str, *, lab: Lab, source: str) -> ReceiptState:
    """Give what a receipt tells whoever holds it; that the answers were read is recorded, as the holder's reading.

    Raise CodeDoesNotWork for every reason for which it does not open, TooManyWrongCodes.
    """
    contact = _contact_of(look_up_code(code, purpose=RECEIPT, lab=lab, source=source), lab)
    answered = Prefetch("answers", Answer.objects.select_related("service", "data_key"))
    needs = list(contact.needs.prefetch_related(answered).defer("sealed"))
    waiting = [need for need in needs if need.state in UNDER_WAY]
    done = [need for need in needs if need.state not in UNDER_WAY]
    if waiting and not any(need.state == Need.State.ANSWERED for need in done):
        return ReceiptState(is_ready=False, on=promised_on(waiting))
    answers = sorted((answer for need in done for answer in need.answers.all()), key=lambda answer: answer.given_at)
    moments = [answer.given_at for answer in answers] or [need.closed_at for need in done if need.closed_at]
    since = timezone.localdate(max(moments, default=contact.ended_at))
    read = read_by_code(contact, answers) if may_read_by_code(contact) else ()
    return ReceiptState(is_ready=True, on=since, answers=read)


def _contact_of(access_code: AccessCode, lab: Lab) -> Contact:
    contact = Contact.objects.select_related("person").filter(pk=access_code.object_id, lab=lab).first()
    if contact is None:
        raise CodeDoesNotWork
    return contact


@transaction.atomic
def read_by_code(contact: Contact, answers: list[Answer]) -> tuple[AnswerRead, ...]:
    """Open the answers of a contact for whoever holds its receipt, and record the reading."""
    read = tuple(
        AnswerRead(timezone.localdate(answer.given_at), _text(answer), str(answer.service or "")) for answer in answers
    )
    record_reading("receipt.read", contact, by=Holder(), lab_id=contact.lab_id, subject_id=contact.person_id)
    return tuple(answer for answer in read if answer.text or answer.service)


def _text(answer: Answer) -> str:
    try:
        return open_texts(answer).get("text", "")
    except TextIsGone:
        return ""


def find_by_receipt(code: str, *, lab: Lab, source: str) -> Contact:
    """Give the contact of a receipt that somebody shows or reads aloud. Raise CodeDoesNotWork, TooManyWrongCodes."""
    return _contact_of(look_up_code(code, purpose=RECEIPT, lab=lab, source=source), lab)


@transaction.atomic
def claim_contact(
    code: str,
    *,
    lab: Lab,
    by: User,
    source: str,
    person: Person | None = None,
    newcomer: dict[str, Any] | None = None,
    once: str = "",
) -> Contact:
    """Put an anonymous contact, with its needs, into the file of whoever brings its receipt; give it.

    `newcomer` is what people.services.register_person takes, for somebody without a file. The code is used up: from
    now on the person is told. Raise CodeDoesNotWork, TooManyWrongCodes, ContactHasAPerson, AlreadySubmitted.
    """
    contact = _claim(code, lab, source, person)
    submit_once(once, str(contact.pk))
    if newcomer:
        spoken = [contact.language] if contact.language in languages.CODES else []
        person = register_person(lab, by=by, **{"languages_spoken": spoken} | newcomer)
    assert person is not None
    return _join(contact, person, by, at="desk")


@transaction.atomic
def keep_receipt(code: str, *, person: Person, by: User, source: str) -> Contact:
    """Put an anonymous contact into the file of a resident who has its receipt, from their own page; give it.

    Only what its holder chose to read with the code: who finds a paper at home learns nothing more by it, and gets no
    answer that is another's. Raise BringTheReceipt for the others, and what claim_contact raises.
    """
    contact = _claim(code, person.lab, source, person)
    if not contact.answer_by_code:
        raise BringTheReceipt
    return _join(contact, person, by, at="own page")


def _claim(code: str, lab: Lab, source: str, person: Person | None) -> Contact:
    """Give the contact of a receipt, locked with all that will be its person's, and use the receipt up.

    The person first, then the records of the rooms above, the contact, its needs; and only then anything is recorded:
    the order in which the others do, so that nobody waits in a circle. Of two that claim at once the second finds the
    person there.
    """
    found = look_up_code(code, purpose=RECEIPT, lab=lab, source=source)
    if person is not None:
        _lock(Person.objects.filter(pk=person.pk))
    for rows in _rows_under(found.object_id):
        _lock(rows)
    contacts = Contact.objects.select_for_update(of=("self",), no_key=True)
    contact = contacts.filter(pk=found.object_id, lab=lab).first()
    if contact is None:
        raise CodeDoesNotWork
    if contact.person_id is not None:
        raise ContactHasAPerson(contact)
    _lock(contact.needs.all())
    redeem_code(code, purpose=RECEIPT, lab=lab, source=source)
    return contact


def _rows_under(contact_id: uuid.UUID) -> Iterator[QuerySet[Any]]:
    """Give what hangs on the needs of a contact in the rooms above and names a person of its own, and nobody yet."""
    for relation in Need._meta.get_fields(include_hidden=True):
        if not isinstance(relation, ManyToOneRel):
            continue
        model = relation.related_model
        if any(field.name == "person" and field.related_model is Person for field in model._meta.fields):
            of_contact = {f"{relation.field.name}__contact": contact_id, "person__isnull": True}
            yield model._base_manager.filter(**of_contact)


def _lock(rows: QuerySet[Any]) -> None:
    list(rows.select_for_update(of=("self",), no_key=True).order_by("pk").values_list("pk"))


def _join(contact: Contact, person: Person, by: User, *, at: str) -> Contact:
    contact.person, contact.answer_by_code = person, False
    contact.version += 1
    contact.save(update_fields=["person", "answer_by_code", "version"])
    joined = contact.needs.update(person=person, version=F("version") + 1)
    for rows in _rows_under(contact.pk):
        rows.update(person=person)
    refresh_search_words([contact])
    note_seen(person, timezone.localdate())
    _record("contact.claim", contact, by, needs=joined, at=at)
    return contact
