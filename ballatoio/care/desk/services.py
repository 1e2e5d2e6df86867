"""Everything that can happen to a contact at the desk: it is recorded, corrected, read, found again."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, TypeVar
from uuid import UUID

from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import override

from ballatoio.base.accounts.models import Membership, MembershipQuerySet, Role, User
from ballatoio.base.accounts.services import revoke_codes
from ballatoio.base.audit.services import record_act, record_reading
from ballatoio.base.core.conflicts import ChangedElsewhere
from ballatoio.base.core.ids import new_id
from ballatoio.base.directory.models import NeedTerm, Service
from ballatoio.base.jobs.services import drop_draft, plan_work, submit_once
from ballatoio.base.labs.models import Lab
from ballatoio.base.labs.services import add_working_days
from ballatoio.base.people.models import Person
from ballatoio.base.people.services import note_seen, register_person
from ballatoio.base.territory.models import Building
from ballatoio.base.vault.models import SealedRecord
from ballatoio.base.vault.services import TextIsGone, open_texts, reseal_texts, seal_texts

from .models import DESK_ROLES, Answer, Contact, ContactQuerySet, Message, MessageDelivery, Need
from .search import search_words

DRAFT_KIND = "contact"
CALLBACK = "richiamata"
SITE_ACCESSIBILITY = "accessibilita-sito"
# A public body answers a feedback on accessibility within 30 days (AgID, Linee guida sull'accessibilità, ch. 4).
FEEDBACK_DAYS = 30
# How somebody got to know an answer that was given during the contact itself.
TOLD_BY_CHANNEL = {
    Contact.Channel.WALK_IN: Need.Told.FACE_TO_FACE,
    Contact.Channel.HOME_VISIT: Need.Told.FACE_TO_FACE,
    Contact.Channel.EVENT: Need.Told.FACE_TO_FACE,
    Contact.Channel.PHONE: Need.Told.PHONE,
    Contact.Channel.MESSAGE: Need.Told.MESSAGE,
    Contact.Channel.WEB: Need.Told.MESSAGE,
    Contact.Channel.THIRD_PARTY: Need.Told.THIRD_PARTY,
}
# What a reader sees instead of a text whose key was destroyed.
GONE = "—"

Versioned = TypeVar("Versioned", Contact, Need)


class OwnerCannotWorkHere(Exception):
    """The owner that was chosen for a need does not work at the desk of this lab."""


class LabCannotAnswer(Exception):
    """Nobody works at the desk of this lab yet, so that a request would wait for ever."""


@dataclass(frozen=True)
class AnswerGiven:
    """An answer as an operator gives it; `kind` is an Answer.Kind."""

    kind: str
    text: str = ""
    service: Service | None = None
    outside_reference: str = ""
    deadline_on: date | None = None


@dataclass(frozen=True)
class NeedHeard:
    """A need as an operator hears it. `told` says that its answer was given there and then, which closes it at once.

    Without an owner it is the operator's; without a date it is due in the days that the lab promises.
    """

    term: NeedTerm | None = None
    words: str = ""
    answers: tuple[AnswerGiven, ...] = ()
    owner: User | None = None
    next_on: date | None = None
    told: bool = False


@dataclass(frozen=True)
class ContactTexts:
    """The sealed texts of a contact, opened: its own, and those of its needs and of their answers by id."""

    contact: dict[str, str]
    needs: dict[UUID, dict[str, str]] = field(default_factory=dict)
    answers: dict[UUID, dict[str, str]] = field(default_factory=dict)


@transaction.atomic
def record_contact(
    lab: Lab,
    *,
    by: User | None,
    channel: str,
    started_at: datetime,
    person: Person | None = None,
    newcomer: dict[str, Any] | None = None,
    building: Building | None = None,
    language: str = "it",
    interpreter: str = Contact.Interpreter.NONE,
    words: str = "",
    note: str = "",
    needs: Sequence[NeedHeard] = (),
    extra_texts: dict[str, str] | None = None,
    once: str = "",
    draft_key: str = "",
) -> Contact:
    """Record one encounter with all its needs and their answers, and give it.

    `newcomer` is what `people.services.register_person` takes of somebody who comes for the first time: their file and
    the contact are written together or not at all. `by` is None when the public wrote; `started_at` is when the form
    was opened: the program keeps the time.
    `extra_texts` are further texts to keep sealed (the number of whoever asked to be called back).
    Raise AlreadySubmitted (its result is the id of the first contact) when the form `once` was sent before,
    OwnerCannotWorkHere when a need is given to somebody who is not at this desk.
    """
    now = timezone.now()
    contact_id = new_id()
    submit_once(once, str(contact_id))
    if newcomer:
        person = register_person(lab, by=by, **newcomer)
    contact = Contact(
        pk=contact_id,
        lab=lab,
        recorded_by=by,
        channel=channel,
        started_at=min(started_at, now),
        ended_at=now,
        person=person,
        building=building,
        language=language,
        interpreter=interpreter,
    )
    sealed: list[tuple[Any, dict[str, str]]] = [(contact, {"words": words, "note": note, **(extra_texts or {})})]
    new_needs, new_answers = [], []
    promised = None
    for heard in needs:
        need = Need(lab=lab, contact=contact, person=person, building=building, term=heard.term, opened_at=now)
        need.owner = heard.owner or by
        if heard.owner and heard.owner != by:
            check_owner(lab, heard.owner)
        if heard.told and heard.answers:
            need.state, need.closed_at, need.told_how = (
                Need.State.CLOSED,
                now,
                TOLD_BY_CHANNEL[Contact.Channel(channel)],
            )
        else:
            need.state = Need.State.ANSWERED if _is_answered(heard.answers) else Need.State.OPEN
            if heard.next_on is None:
                promised = promised or add_working_days(lab, timezone.localdate(), lab.answer_days)
            need.next_on = heard.next_on or promised
        new_needs.append(need)
        sealed.append((need, {"words": heard.words}))
        for given in heard.answers:
            answer = _new_answer(need, given, by, now)
            new_answers.append(answer)
            sealed.append((answer, {"text": given.text}))
    contact.search_words = words_of_contact(contact, new_needs, new_answers)
    seal_texts(sealed)
    contact.save(force_insert=True)
    Need.objects.bulk_create(new_needs)
    Answer.objects.bulk_create(new_answers)
    record_act(
        "contact.record",
        contact,
        by=by,
        lab_id=lab.pk,
        subject_id=person.pk if person else None,
        detail={"channel": channel, "needs": len(new_needs), "answers": len(new_answers)},
    )
    if person:
        _note_seen(person, timezone.localdate(contact.started_at))
    if draft_key and by:
        drop_draft(by=by, lab=lab, kind=DRAFT_KIND, key=draft_key)
    return contact


def _note_seen(person: Person, on: date) -> None:
    if person.last_seen_on < on:
        note_seen(person, on)


def _is_answered(answers: Iterable[AnswerGiven]) -> bool:
    """Tell whether something was answered: «the lab sees to it» and a referral only promise an answer."""
    return any(given.kind not in (Answer.Kind.FOLLOW_UP, Answer.Kind.REFERRAL) for given in answers)


def _new_answer(need: Need, given: AnswerGiven, by: User | None, at: datetime) -> Answer:
    return Answer(
        need=need,
        kind=given.kind,
        service=given.service,
        given_at=at,
        given_by=by,
        outside_reference=given.outside_reference,
        deadline_on=given.deadline_on,
    )


def check_owner(lab: Lab, owner: User) -> None:
    """Raise OwnerCannotWorkHere unless `owner` works at the desk of `lab` today."""
    if not desk_members(lab).filter(user=owner).exists():
        raise OwnerCannotWorkHere


def desk_members(lab: Lab) -> MembershipQuerySet:
    """Give the memberships of those who work at the desk of `lab` today and can sign in."""
    return Membership.objects.current().filter(lab=lab, role__in=DESK_ROLES, user__is_active=True)


def texts_left(record: SealedRecord) -> dict[str, str]:
    """Give the texts of a record as far as they can still be read: none once its key was destroyed."""
    try:
        return open_texts(record)
    except TextIsGone:
        return {}


def seal_again(record: SealedRecord, texts: dict[str, str]) -> None:
    """Seal the texts of a record in the place of the old ones, under a new key when the old was destroyed."""
    try:
        reseal_texts(record, texts)
    except TextIsGone:
        record.data_key = None
        reseal_texts(record, texts)


def words_of_contact(contact: Contact, needs: Iterable[Need], answers: Iterable[Answer]) -> str:
    """Give the words by which a contact is searched, always in Italian, whatever language the operator reads."""
    texts = [str(contact.person or "")]
    # Whoever knows where a protected person lived must not find them by it.
    if contact.building and not (contact.person and contact.person.is_protected):
        texts.append(str(contact.building))
    with override("it"):
        texts += [need.term.name for need in needs if need.term]
        for answer in answers:
            texts += [str(answer.get_kind_display()), str(answer.service or "")]
    return search_words(contact.lab_id, texts)


def refresh_search_words(contacts: Iterable[Contact]) -> None:
    """Write the search words of contacts again, after a name or an answer changed."""
    for contact in contacts:
        needs = list(contact.needs.select_related("term"))
        answers = Answer.objects.filter(need__contact=contact).select_related("service")
        contact.search_words = words_of_contact(contact, needs, answers)
        contact.save(update_fields=["search_words"])


def had_contact_before(person: Person, day: date) -> bool:
    """Tell whether the desk heard a person before a day (settings.MET_BEFORE); what was said is not looked at."""
    start = timezone.make_aware(datetime.combine(day, time.min))
    return Contact.objects.filter(person=person, started_at__lt=start).exists()


def lock_version(obj: Versioned, version: int) -> Versioned:
    """Give `obj` locked, as it stands now; raise ChangedElsewhere when it is no longer the `version` that was read."""
    current = type(obj)._default_manager.select_for_update(of=("self",), no_key=True).get(pk=obj.pk)
    if current.version != version:
        raise ChangedElsewhere(current)
    current.version += 1
    return current


@transaction.atomic
def amend_contact(
    contact: Contact,
    *,
    by: User,
    version: int,
    channel: str,
    person: Person | None,
    building: Building | None,
    language: str,
    interpreter: str,
    words: str,
    note: str,
) -> Contact:
    """Correct a contact and give it as it is now; its needs follow its person and its building.

    Raise ChangedElsewhere when a colleague changed it since `version`: nothing of either is lost.
    """
    current = lock_version(contact, version)
    moved = current.person_id != (person.pk if person else None)
    left_somebody = moved and current.person_id is not None
    current.answer_by_code = current.answer_by_code and not left_somebody
    current.channel, current.person, current.building = channel, person, building
    current.language, current.interpreter = language, interpreter
    typed = {name: text for name, text in (("words", words), ("note", note)) if text != GONE}
    seal_again(current, {**texts_left(current), **typed})
    current.save()
    current.needs.update(person=person, building=building, version=models.F("version") + 1)
    refresh_search_words([current])
    if person:
        _note_seen(person, timezone.localdate(current.started_at))
    if left_somebody:
        # Their receipt would now tell of another.
        revoke_codes(current, by=by, lab_id=current.lab_id)
    record_act(
        "contact.amend",
        current,
        by=by,
        lab_id=current.lab_id,
        subject_id=person.pk if person else None,
        detail={"person_changed": moved},
    )
    return current


@transaction.atomic
def read_contact(contact: Contact, *, by: User) -> ContactTexts:
    """Open all the texts of a contact for `by`, and record the reading in the same transaction."""
    needs = list(contact.needs.select_related("data_key"))
    answers = list(Answer.objects.filter(need__contact=contact).select_related("data_key"))
    texts = ContactTexts(
        contact=_open(contact),
        needs={need.pk: _open(need) for need in needs},
        answers={answer.pk: _open(answer) for answer in answers},
    )
    record_reading("contact.read", contact, by=by, lab_id=contact.lab_id, subject_id=contact.person_id)
    return texts


@transaction.atomic
def read_timeline(person: Person, *, by: User) -> ContactQuerySet:
    """Give the contacts of a person, newest first, for `by`; that they looked is recorded."""
    record_reading("person.timeline", person, by=by, lab_id=person.lab_id, subject_id=person.pk)
    return Contact.objects.visible_to(by).filter(person=person)


def _open(record: Contact | Need | Answer) -> dict[str, str]:
    try:
        return open_texts(record)
    except TextIsGone:
        return {"words": GONE, "text": GONE}


@transaction.atomic
def leave_message(person: Person, *, by: User, text: str, once: str = "") -> Message:
    """Leave a word for whoever follows `person`.

    Whether anybody does is found out by a job, later: the screen and the time that it takes are the same either way.
    """
    message = Message(pk=new_id(), lab_id=person.lab_id, person=person, left_by=by)
    submit_once(once, str(message.pk))
    seal_texts([(message, {"text": text})])
    message.save(force_insert=True)
    record_act("message.leave", message, by=by, lab_id=person.lab_id, subject_id=person.pk)
    plan_work("desk.deliver_message", key=f"message:{message.pk}", payload={"message": str(message.pk)})
    return message


def deliver_message(message: Message) -> int:
    """Hand a message to the owners of the person's open needs; give to how many. Twice is as good as once.

    What was for somebody who no longer works here goes to whoever answers in their place.
    """
    followed = Need.objects.still_open().filter(lab_id=message.lab_id, person_id=message.person_id)
    owners = set(followed.order_by().values_list("owner_id", flat=True)) - {message.left_by_id}
    here = set(desk_members(message.lab).filter(user__in=owners).values_list("user_id", flat=True))
    if owners - here:
        here.add(receiver_of_requests(message.lab).pk)
    deliveries = [MessageDelivery(message=message, user_id=owner) for owner in here]
    MessageDelivery.objects.bulk_create(deliveries, ignore_conflicts=True)
    record_act("message.deliver", message, by=None, lab_id=message.lab_id, detail={"to": len(deliveries)})
    return len(deliveries)


@transaction.atomic
def read_message(delivery: MessageDelivery, *, by: User) -> str:
    """Open a message for whom it was delivered to; it is then read."""
    message = delivery.message
    MessageDelivery.objects.filter(pk=delivery.pk, read_at__isnull=True).update(read_at=timezone.now())
    record_reading("message.read", message, by=by, lab_id=message.lab_id, subject_id=message.person_id)
    try:
        return open_texts(message).get("text", "")
    except TextIsGone:
        return GONE


def request_callback(
    lab: Lab, *, phone: str, language: str, hours: str = "", name: str = "", once: str = ""
) -> Contact:
    """Take a «call me back in my language» from the public page: a need, due on the lab's next working day.

    Raise AlreadySubmitted when the form was sent before, LabCannotAnswer when nobody works at the desk.
    """
    heard = NeedHeard(
        term=NeedTerm.objects.filter(code=CALLBACK).first(),
        owner=receiver_of_requests(lab),
        next_on=add_working_days(lab, timezone.localdate(), 1),
    )
    return record_contact(
        lab,
        by=None,
        channel=Contact.Channel.WEB,
        started_at=timezone.now(),
        language=language,
        needs=[heard],
        extra_texts={"phone": phone, "hours": hours, "name": name},
        once=once,
    )


def receive_accessibility_feedback(
    lab: Lab, *, words: str, reply_to: str = "", language: str = "it", once: str = ""
) -> Contact:
    """Take a feedback on the accessibility of the pages: a need whose answer is due within 30 days.

    Raise AlreadySubmitted when the form was sent before, LabCannotAnswer when nobody works at the desk.
    """
    heard = NeedHeard(
        term=NeedTerm.objects.filter(code=SITE_ACCESSIBILITY).first(),
        words=words,
        owner=receiver_of_requests(lab),
        next_on=timezone.localdate() + timedelta(days=FEEDBACK_DAYS),
    )
    return record_contact(
        lab,
        by=None,
        channel=Contact.Channel.WEB,
        started_at=timezone.now(),
        language=language,
        needs=[heard],
        extra_texts={"reply_to": reply_to},
        once=once,
    )


def receiver_of_requests(lab: Lab) -> User:
    """Give who answers what arrives without an owner: whoever is named for it, else a coordinator, else the desk."""
    named = models.Case(
        models.When(receives_requests=True, then=0),
        models.When(role=Role.COORDINATOR, then=1),
        default=2,
    )
    first = desk_members(lab).select_related("user").order_by(named, "since", "pk").first()
    if first is None:
        raise LabCannotAnswer
    return first.user
