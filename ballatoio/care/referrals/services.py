"""Everything that can happen to a referral but sending (sending.py), its clock (due.py) and its link (link.py)."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from ballatoio.base.accounts.models import AccessCode, User
from ballatoio.base.accounts.services import LINK_CODE, issue_code, revoke_codes
from ballatoio.base.audit.services import record_act, record_reading
from ballatoio.base.core.conflicts import ChangedElsewhere
from ballatoio.base.core.links import absolute_url
from ballatoio.base.directory.doubts import doubt_service, take_doubt_back
from ballatoio.base.directory.models import Service, ServiceDoubt
from ballatoio.base.labs.services import next_working_day
from ballatoio.base.notices.models import Delivery
from ballatoio.base.notices.services import cancel_notices, notify_address, notify_person
from ballatoio.base.people.models import Consent, Person
from ballatoio.base.people.services import withdraw_consent
from ballatoio.base.vault.services import TextIsGone, open_texts, reseal_texts
from ballatoio.care.desk.models import Answer, Need
from ballatoio.care.desk.need_services import bring_back_need, record_outcome

from . import messages
from .clock import end_of_day, reminder_day
from .models import Referral, ReferralEvent
from .rules import may_answer_by_link, may_give_phone

State, Channel, Refusal = Referral.State, ReferralEvent.Channel, Referral.Refusal
# What a refusal says of the sheet of the service; the others say something of the person, or of one day.
DOUBTS = {
    Refusal.CLOSED: ServiceDoubt.Reason.GONE,
    Refusal.WRONG_SERVICE: ServiceDoubt.Reason.REFUSED,
    Refusal.NOT_ENTITLED: ServiceDoubt.Reason.REFUSED,
    Refusal.OUT_OF_AREA: ServiceDoubt.Reason.REFUSED,
    Refusal.NO_PLACE: ServiceDoubt.Reason.REFUSED,
    Refusal.OTHER: ServiceDoubt.Reason.REFUSED,
}


class ReferralIsOver(Exception):
    """What was asked cannot follow the state in which the referral is."""


class RefusalSaysNoReason(Exception):
    """A refusal without a reason helps nobody: one of Referral.Refusal is needed."""


@dataclass(frozen=True)
class Way:
    """How a service is reached: a Delivery.Channel, and where it leads."""

    channel: str
    to: str


def way_to(service: Service | None) -> Way | None:
    """Give the way to write to a service, its own before its organisation's; None when there is none."""
    if service is None:
        return None
    organisation = service.organisation
    if email := service.email or organisation.email:
        return Way(Delivery.Channel.EMAIL, email)
    if phone := service.phone or organisation.phone:
        return Way(Delivery.Channel.CALL, phone)
    return Way(Delivery.Channel.LETTER, service.address) if service.address else None


def tell_service(referral: Referral, *, by: User | None, again: bool = False) -> None:
    """Write to the service: by e-mail with a new link (the one before stops), else by what a colleague does by hand."""
    way = way_to(referral.service)
    if way is None:
        return
    until = end_of_day(referral.expires_on)
    if way.channel == Delivery.Channel.EMAIL:
        compose = partial(messages.request_by_email, referral, _new_link(referral, until, by), again=again)
    else:
        compose = partial(messages.request_by_hand, referral, again=again)
    notify_address(
        referral.lab,
        channel=way.channel,
        to=way.to,
        kind="referral.request",
        key=f"referral.request:{referral.pk}:{referral.reminders}",
        compose=compose,
        about=referral,
        by=by,
        name=referral.organisation_name,
        expires_at=until,
    )


def _new_link(referral: Referral, until: datetime, by: User | None) -> str:
    """Give the address of a new link that works until a moment; the one before stops working."""
    _record, code = issue_code(
        referral,
        purpose=AccessCode.Purpose.REFERRAL,
        lab=referral.lab,
        valid_for=until - timezone.now(),
        length=LINK_CODE,
        by=by,
        subject_id=referral.person_id,
    )
    return absolute_url("referrals:link_open", lab=referral.lab.slug, link=code)


def write_down(
    referral: Referral, kind: str, *, by: User | None, channel: str, words: str = "", **detail: object
) -> ReferralEvent:
    """Save a referral, with a line of its history and the words that were said, and record the act."""
    event = ReferralEvent(referral=referral, kind=kind, by=by, channel=channel)
    if words:
        _add_texts(referral, {f"said {event.pk}": words})
    referral.save()
    event.save(force_insert=True)
    record_act(
        f"referral.{kind}",
        referral,
        by=by,
        lab_id=referral.lab_id,
        subject_id=referral.person_id,
        detail={"channel": channel, **detail},
    )
    return event


def _add_texts(referral: Referral, more: dict[str, str]) -> None:
    """Add texts to those of a referral; under a new key when the old one was destroyed."""
    try:
        reseal_texts(referral, {**open_texts(referral), **more})
    except TextIsGone:
        referral.data_key = None
        reseal_texts(referral, more)


# --- What came of it ------------------------------------------------------------------------------------------


def lock_referral(referral_id: UUID, version: int | None = None) -> Referral:
    """Give a referral as it stands, locked with all that its services touch, in the order in which all lock them.

    The audit of the lab is locked by whoever writes into it first: nothing else may be locked after it, or two would
    wait for each other. Raise ChangedElsewhere when it is no longer the `version` that was read.
    """
    current = (
        Referral.objects.select_for_update(of=("self",), no_key=True)
        .select_related("lab", "data_key")
        .get(pk=referral_id)
    )
    if version is not None and current.version != version:
        raise ChangedElsewhere(current)
    current.answer = Answer.objects.select_for_update(of=("self",), no_key=True).get(pk=current.answer_id)
    current.need = Need.objects.select_for_update(of=("self",), no_key=True).get(pk=current.need_id)
    services = Service.objects.select_related("organisation")
    current.service = (
        services.select_for_update(of=("self",), no_key=True).filter(pk=current.service_id).first()
        if current.service_id
        else None
    )
    return current


@transaction.atomic
def answer_referral(
    referral: Referral,
    *,
    state: str,
    channel: str,
    by: User | None,
    version: int,
    refusal: str = "",
    words: str = "",
) -> Referral:
    """Write down what a service answered: `state` is SEEN (it has it, and will answer), ACCEPTED, REFUSED or DONE.

    `channel` is a ReferralEvent.Channel; LINK when the service wrote it itself (`by` None), else how the desk heard it.
    The need goes back to its owner with the answer, and who asked is told that there is one.
    Raise ChangedElsewhere, ReferralIsOver, RefusalSaysNoReason.
    """
    current = lock_referral(referral.pk, version)
    if channel == Channel.LINK and not may_answer_by_link(current, state):
        raise ReferralIsOver
    if state == State.REFUSED and refusal not in Refusal:
        raise RefusalSaysNoReason
    before = current.state
    become(current, state)
    current.refusal = refusal if state == State.REFUSED else ""
    event = write_down(current, state, by=by, channel=channel, words=words)
    if state != State.SEEN:
        if state in Referral.ENDED:
            revoke_codes(current, by=by, lab_id=current.lab_id)
        _note_outcome(current, by=by, words=words)
        _weigh_service(current, by=by)
        _give_back(current, by=by, before=before, event=event)
    return current


def become(referral: Referral, state: str) -> None:
    """Change the state and the dates that go with it, for a caller who holds the referral locked and writes it down.

    Raise ReferralIsOver when ALLOWED does not lead there.
    """
    if state not in Referral.ALLOWED[referral.state]:
        raise ReferralIsOver
    now = timezone.now()
    referral.state, referral.version = state, referral.version + 1
    referral.ended_at = now if state in Referral.ENDED else None
    if state in (State.SEEN, State.ACCEPTED, State.REFUSED, State.DONE):
        # Whoever answers on the telephone was told on the telephone.
        referral.seen_at = referral.seen_at or now
    if state in (State.ACCEPTED, State.REFUSED, State.DONE):
        referral.answered_at = referral.answered_at or now
    if state not in Referral.AWAITING:
        referral.next_reminder_on = None
        # Before the first act: whoever sends messages holds them a moment, and may wait for the audit.
        cancel_notices(referral, by=None, kinds=["referral.request", "referral.check"])


def _note_outcome(referral: Referral, *, by: User | None, words: str = "") -> None:
    """Keep the desk's own record of the answer in step, so that its figures agree."""
    reason = str(referral.get_refusal_display()) if referral.refusal else ""
    text = ". ".join(part for part in (reason, words) if part)
    outcome = Referral.OUTCOMES[referral.state]
    record_outcome(referral.answer, by=by, outcome=outcome, text=text, of_referral=True)


def _weigh_service(referral: Referral, *, by: User | None) -> None:
    """Silences and refusals make a sheet doubtful; an answer that comes after all takes the doubt back."""
    service = referral.service
    if service is None:
        return
    doubt = DOUBTS.get(Refusal(referral.refusal)) if referral.refusal else None
    if referral.state == State.EXPIRED:
        doubt = ServiceDoubt.Reason.NO_REPLY
    if doubt:
        doubt_service(service, reason=doubt, source=referral.pk, by=by)
    else:
        take_doubt_back(service, source=referral.pk, by=by)


def _give_back(referral: Referral, *, by: User | None, before: str, event: ReferralEvent) -> None:
    """Give the need back to its owner with the answer, and tell whoever asked that there is one."""
    need = referral.need
    if not need.is_open:
        return
    # After a refusal the lab goes on looking; all the rest has only to be told.
    state = _state_without(referral, before) if referral.state == State.REFUSED else Need.State.ANSWERED
    bring_back_need(need, by=by, state=state, next_on=next_working_day(referral.lab, timezone.localdate()))
    # Who was received knows that it is done. And one «no» of several is no answer yet.
    is_news = state != Need.State.WAITING and (before, referral.state) != (State.ACCEPTED, State.DONE)
    if is_news and need.person is not None:
        notify_person(
            need.person,
            kind="referral.outcome",
            key=f"referral.outcome:{event.pk}",
            compose=lambda: messages.answer_is_here(referral),
            about=referral,
            by=by,
        )


@transaction.atomic
def withdraw_referral(referral: Referral, *, by: User | None, version: int | None) -> Referral:
    """Take a referral back because the person changed their mind: the link stops, and who read it is asked to forget.

    `by` is None, and `version` too, when the person's own file says so (its consent was withdrawn there).
    Raise ChangedElsewhere, ReferralIsOver.
    """
    # The person before all, as whoever merges two files does.
    if referral.consent is not None:
        Person.objects.select_for_update(of=("self",), no_key=True).get(pk=referral.consent.person_id)
    current = lock_referral(referral.pk, version)
    consent = None
    if current.consent_id is not None:
        consent = Consent.objects.select_for_update(of=("self",), no_key=True).get(pk=current.consent_id)
    before = current.state
    become(current, State.WITHDRAWN)
    write_down(current, State.WITHDRAWN, by=by, channel=Channel.DESK if by else Channel.PROGRAM)
    revoke_codes(current, by=by, lab_id=current.lab_id)
    if consent is not None and by is not None:
        withdraw_consent(consent, by=by)
    _note_outcome(current, by=by)
    _weigh_service(current, by=by)
    state = _state_without(current, before)
    bring_back_need(current.need, by=by, state=state, next_on=next_working_day(current.lab, timezone.localdate()))
    if current.was_read:
        _ask_to_forget(current, by=by)
    return current


def _state_without(referral: Referral, before: str) -> str:
    """Give the state of the need when this referral brings nothing: another may still be awaited.

    What was answered meanwhile by somebody else stands; only an acceptance of this very referral is taken back.
    """
    state = referral.need.state
    if state != Need.State.WAITING and before != State.ACCEPTED:
        return str(state)
    others = Referral.objects.awaiting().filter(need=referral.need_id).exclude(pk=referral.pk)
    return Need.State.WAITING if others.exists() else Need.State.OPEN


def _ask_to_forget(referral: Referral, *, by: User | None) -> None:
    """Ask a service that has read the request to forget it."""
    way = way_to(referral.service)
    if way is None:
        return
    notify_address(
        referral.lab,
        channel=way.channel,
        to=way.to,
        kind="referral.withdrawn",
        key=f"referral.withdrawn:{referral.pk}",
        compose=lambda: messages.request_withdrawn(referral),
        about=referral,
        by=by,
        name=referral.organisation_name,
    )


@transaction.atomic
def remind_service(referral: Referral, *, by: User | None, version: int) -> Referral:
    """Write to the service once more, with a new link; the next reminder is counted from today.

    Raise ChangedElsewhere, ReferralIsOver when there is nothing to wait for any more.
    """
    current = lock_referral(referral.pk, version)
    today = timezone.localdate()
    if not current.is_awaiting or current.expires_on < today:
        raise ReferralIsOver
    current.reminders, current.version = current.reminders + 1, current.version + 1
    current.next_reminder_on = reminder_day(current.lab, today, current.expires_on)
    write_down(current, ReferralEvent.Kind.REMINDED, by=by, channel=Channel.DESK if by else Channel.PROGRAM)
    wait_until = current.next_reminder_on or current.expires_on
    way = way_to(current.service)
    if by is None and (way is None or way.channel != Delivery.Channel.EMAIL):
        # Nobody but a colleague can do it: the need comes up in their day.
        wait_until = today
    planned = current.need.next_on
    if current.need.state == Need.State.WAITING and (planned is None or planned <= today or planned > wait_until):
        # A day that its owner chose, and that comes sooner, stands.
        bring_back_need(current.need, by=by, state=Need.State.WAITING, next_on=wait_until)
    tell_service(current, by=by, again=True)
    return current


@transaction.atomic
def expire_referral(referral: Referral) -> Referral:
    """Take the silence of a service for its answer: the need goes back to its owner today.

    Raise ReferralIsOver when it was answered meanwhile.
    """
    current = lock_referral(referral.pk)
    before = current.state
    become(current, State.EXPIRED)
    write_down(current, State.EXPIRED, by=None, channel=Channel.PROGRAM)
    revoke_codes(current, by=None, lab_id=current.lab_id)
    _note_outcome(current, by=None)
    _weigh_service(current, by=None)
    state = _state_without(current, before)
    bring_back_need(current.need, by=None, state=state, next_on=timezone.localdate())
    return current


# --- Reading --------------------------------------------------------------------------------------------------


@transaction.atomic
def read_referral(referral: Referral, *, by: User) -> dict[str, str]:
    """Give the texts of a referral for `by`, {} when their key was destroyed; the reading is recorded."""
    record_reading("referral.read", referral, by=by, lab_id=referral.lab_id, subject_id=referral.person_id)
    return texts_of(referral)


def phone_became_unsafe(referral: Referral, texts: dict[str, str]) -> bool:
    """Tell whether the number that the service was given would harm today: people separate, telephones are taken."""
    person, phone = referral.person, texts.get("phone", "")
    if person is None or not phone:
        return False
    return not may_give_phone(person, person.contact_points.all(), phone)


def texts_of(referral: Referral) -> dict[str, str]:
    """Give the texts of a referral as far as they can still be read; the caller records the reading."""
    try:
        return open_texts(referral)
    except TextIsGone:
        return {}
