"""Everything that can happen to a need until whoever asked got to know the answer."""

from collections.abc import Iterable
from datetime import date
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from ballatoio.base.accounts.models import User
from ballatoio.base.audit.services import record_act
from ballatoio.base.directory.models import Service
from ballatoio.base.labs.models import Lab
from ballatoio.base.labs.services import add_working_days
from ballatoio.base.vault.services import seal_texts

from .models import Answer, Attempt, Contact, MessageDelivery, Need
from .services import (
    AnswerGiven,
    check_owner,
    desk_members,
    lock_version,
    refresh_search_words,
    seal_again,
    texts_left,
)

# How many times one tries to reach somebody before saying that it cannot be done.
ATTEMPTS_BEFORE_GIVING_UP = 3


class NeedIsClosed(Exception):
    """This need is closed: open it again before doing anything with it."""


class NeedIsOpen(Exception):
    """This need is open already."""


class TooFewAttempts(Exception):
    """Nobody may be called unreachable before three attempts."""


class PersonCanBeTold(Exception):
    """Whoever asked is known: their answer must reach them, it cannot be closed as anonymous."""


class OutcomeIsOfReferral(Exception):
    """A referral follows this answer: what came of it is written on the page of the referral."""


def _lock_open(need: Need, version: int) -> Need:
    current = lock_version(need, version)
    if not current.is_open:
        raise NeedIsClosed
    return current


def _change_state(need: Need, state: str) -> None:
    if state != need.state and state not in Need.ALLOWED[need.state]:
        raise NeedIsClosed if not need.is_open else NeedIsOpen
    need.state = state
    if state in Need.CLOSED_STATES:
        need.closed_at = timezone.now()
        need.next_on = None
    else:
        need.closed_at, need.told_how = None, ""
    _end_silence(need)


def _end_silence(need: Need, next_on: date | None = None) -> None:
    """Somebody acted: what the coordinator was told of is over, and the clock starts again today or on `next_on`."""
    need.escalated_at = None
    starts = next_on or timezone.localdate()
    if need.next_on is not None and need.next_on < starts:
        need.next_on = starts


def _save(need: Need, verb: str, by: User | None, **detail: object) -> Need:
    need.save()
    record_act(verb, need, by=by, lab_id=need.lab_id, subject_id=need.person_id, detail={"state": need.state, **detail})
    return need


@transaction.atomic
def answer_need(need: Need, *, by: User, version: int, answer: AnswerGiven, told_how: str = "") -> Need:
    """Give an answer to a need. With `told_how` (a Need.Told) the person already knows, and the need closes.

    Raise ChangedElsewhere, NeedIsClosed.
    """
    # The contact first, as whoever corrects it does: in the other order the two would wait for each other.
    contact = Contact.objects.select_for_update(of=("self",), no_key=True).get(pk=need.contact_id)
    current = _lock_open(need, version)
    given = Answer(
        need=current,
        kind=answer.kind,
        service=answer.service,
        given_by=by,
        outside_reference=answer.outside_reference,
        deadline_on=answer.deadline_on,
    )
    seal_texts([(given, {"text": answer.text})])
    given.save(force_insert=True)
    if told_how:
        _change_state(current, Need.State.CLOSED)
        current.told_how = told_how
    elif answer.kind == Answer.Kind.REFERRAL:
        _change_state(current, Need.State.WAITING)
    elif answer.kind != Answer.Kind.FOLLOW_UP:
        _change_state(current, Need.State.ANSWERED)
    else:
        _end_silence(current)
    refresh_search_words([contact])
    return _save(current, "need.answer", by, kind=answer.kind)


@transaction.atomic
def refer_need(need: Need, *, by: User, version: int, service: Service, reference: str, next_on: date) -> Answer:
    """Answer a need with a referral that has a record of its own, and wait until `next_on`; give the answer.

    «Sent to this service» that was noted at the desk a moment ago becomes that answer, so that one act counts once.
    Raise ChangedElsewhere, NeedIsClosed.
    """
    contact = Contact.objects.select_for_update(of=("self",), no_key=True).get(pk=need.contact_id)
    current = _lock_open(need, version)
    noted = current.answers.filter(kind=Answer.Kind.REFERRAL, service=service, has_referral=False, outcome="")
    answer = noted.first() or Answer(need=current, kind=Answer.Kind.REFERRAL, service=service, given_by=by)
    answer.has_referral, answer.outside_reference = True, answer.outside_reference or reference
    answer.save()
    _change_state(current, Need.State.WAITING)
    current.next_on = next_on
    refresh_search_words([contact])
    _save(current, "need.answer", by, kind=answer.kind)
    return answer


@transaction.atomic
def bring_back_need(need: Need, *, by: User | None, state: str, next_on: date) -> Need:
    """Give a need back to its owner, in `state` on `next_on`: what was awaited outside came, or did not.

    `by` is None when no colleague did it. A need that was closed meanwhile stays closed: somebody decided so.
    """
    current = Need.objects.select_for_update(of=("self",), no_key=True).get(pk=need.pk)
    if not current.is_open:
        return current
    _change_state(current, state)
    current.next_on, current.version = next_on, current.version + 1
    return _save(current, "need.bring_back", by, next_on=next_on.isoformat())


@transaction.atomic
def tell_need(need: Need, *, by: User, version: int, how: str) -> Need:
    """Close a need because whoever asked got to know the answer, `how` (a Need.Told).

    Raise ChangedElsewhere, NeedIsClosed.
    """
    current = _lock_open(need, version)
    _change_state(current, Need.State.CLOSED)
    current.told_how = how
    return _save(current, "need.tell", by, how=how)


@transaction.atomic
def wait_for_others(need: Need, *, by: User, version: int, next_on: date) -> Need:
    """Note that somebody outside has to act first; it comes back on `next_on`. Raise ChangedElsewhere, NeedIsClosed."""
    current = _lock_open(need, version)
    _change_state(current, Need.State.WAITING)
    current.next_on = next_on
    return _save(current, "need.wait", by, next_on=next_on.isoformat())


@transaction.atomic
def plan_need(need: Need, *, by: User, version: int, owner: User, next_on: date) -> Need:
    """Give a need an owner and a next date. Raise ChangedElsewhere, NeedIsClosed, OwnerCannotWorkHere."""
    current = _lock_open(need, version)
    check_owner(current.lab, owner)
    _pass_messages_on(current.lab, {current.person_id}, giver=current.owner, taker=owner)
    current.owner, current.next_on, current.escalated_at = owner, next_on, None
    return _save(current, "need.plan", by, owner=str(owner.pk), next_on=next_on.isoformat())


@transaction.atomic
def log_attempt(need: Need, *, by: User, version: int, channel: str, outcome: str) -> Attempt:
    """Note a try to reach whoever asked, with how it ended; the need comes back on the next working day.

    Raise ChangedElsewhere (a double click too: it is one attempt), NeedIsClosed.
    """
    current = _lock_open(need, version)
    attempt = Attempt.objects.create(need=current, by=by, channel=channel, outcome=outcome)
    _end_silence(current, add_working_days(current.lab, timezone.localdate(), 1))
    _save(current, "need.attempt", by, channel=channel, outcome=outcome)
    return attempt


@transaction.atomic
def close_need(need: Need, *, by: User, version: int, state: str) -> Need:
    """Close a need without its owner having been told: such needs are counted apart, never as answered.

    `state` is UNREACHABLE (raise TooFewAttempts before three without reply), NO_LONGER_WANTED, or CANNOT_BE_TOLD
    (raise PersonCanBeTold when the contact is not anonymous or left a number). Raise ChangedElsewhere, NeedIsClosed.
    """
    current = _lock_open(need, version)
    if state == Need.State.UNREACHABLE:
        tries = current.attempts.exclude(outcome=Attempt.Outcome.REACHED).count()
        if tries < ATTEMPTS_BEFORE_GIVING_UP:
            raise TooFewAttempts
    elif state == Need.State.CANNOT_BE_TOLD and _can_be_told(current):
        raise PersonCanBeTold
    _change_state(current, state)
    return _save(current, "need.close", by)


def _can_be_told(need: Need) -> bool:
    return need.person_id is not None or bool({"phone", "reply_to"} & texts_left(need.contact).keys())


@transaction.atomic
def reopen_need(need: Need, *, by: User, version: int, owner: User, next_on: date) -> Need:
    """Open a closed need again, because the problem is not solved.

    Raise ChangedElsewhere, NeedIsOpen, OwnerCannotWorkHere.
    """
    current = lock_version(need, version)
    if current.is_open:
        raise NeedIsOpen
    check_owner(current.lab, owner)
    _change_state(current, Need.State.OPEN)
    current.owner, current.next_on = owner, next_on
    return _save(current, "need.reopen", by, next_on=next_on.isoformat())


@transaction.atomic
def record_outcome(
    answer: Answer, *, by: User | None, outcome: str, text: str = "", of_referral: bool = False
) -> Answer:
    """Note what came of a referral or of a practical help (an Answer.Outcome), by hand.

    Raise OutcomeIsOfReferral when a referral follows the answer, which alone writes it (`of_referral`).
    """
    current = Answer.objects.select_for_update(of=("self",), no_key=True).get(pk=answer.pk)
    if current.has_referral and not of_referral:
        raise OutcomeIsOfReferral
    current.outcome, current.outcome_on = outcome, timezone.localdate()
    # An outcome that a referral writes takes the place of the one before, words included.
    if text or of_referral:
        seal_again(current, {**texts_left(current), "outcome": text})
    current.save()
    need = current.need
    record_act(
        "answer.outcome", current, by=by, lab_id=need.lab_id, subject_id=need.person_id, detail={"outcome": outcome}
    )
    return current


@transaction.atomic
def hand_over_needs(lab: Lab, *, by: User, giver: User, taker: User, needs: Iterable[UUID] | None = None) -> int:
    """Give the open needs of `giver` in a lab (all, or those named) to `taker`, in one act; give how many.

    Raise OwnerCannotWorkHere.
    """
    check_owner(lab, taker)
    handed = Need.objects.still_open().filter(lab=lab, owner=giver)
    if needs is not None:
        handed = handed.filter(pk__in=list(needs))
    rows = list(handed.select_for_update().order_by("pk").values_list("pk", "person_id"))
    ids, today = [pk for pk, _ in rows], timezone.localdate()
    moved = Need.objects.filter(pk__in=ids)
    moved.update(owner=taker, escalated_at=None, version=F("version") + 1)
    # Whoever takes over gets the time to do it.
    moved.filter(next_on__lt=today).update(next_on=today)
    _pass_messages_on(lab, {person for _, person in rows}, giver=giver, taker=taker)
    if ids:
        record_act(
            "need.hand_over",
            lab,
            by=by,
            lab_id=lab.pk,
            detail={"from": str(giver.pk), "to": str(taker.pk), "needs": [str(pk) for pk in ids]},
        )
    return len(ids)


def _pass_messages_on(lab: Lab, people: set[UUID | None], *, giver: User | None, taker: User) -> None:
    """What was left for the giver about these people, and is still unread, is for the taker too."""
    if giver is None or giver == taker:
        return
    unread = MessageDelivery.objects.filter(
        user=giver, read_at__isnull=True, message__lab=lab, message__person__in=people - {None}
    )
    passed = [MessageDelivery(message_id=pk, user=taker) for pk in unread.values_list("message", flat=True)]
    MessageDelivery.objects.bulk_create(passed, ignore_conflicts=True)


def escalate_silent_needs(lab: Lab) -> int:
    """Pass on to the coordinator the needs whose date went by in silence, and those whose owner is gone; give how many.

    Silence lasts as many of the lab's working days as the lab says (`escalation_days`).
    """
    today = timezone.localdate()
    works_here = desk_members(lab).filter(user=OuterRef("owner"))
    candidates = (
        Need.objects.still_open()
        .filter(lab=lab, escalated_at__isnull=True)
        .annotate(owner_works_here=Exists(works_here))
        .filter(Q(next_on__lt=today) | Q(owner_works_here=False))
    )
    silent = [
        need.pk
        for need in candidates
        if not need.owner_works_here
        or (need.next_on and add_working_days(lab, need.next_on, lab.escalation_days) <= today)
    ]
    Need.objects.filter(pk__in=silent).update(escalated_at=timezone.now())
    if silent:
        record_act("need.escalate", lab, by=None, lab_id=lab.pk, detail={"needs": [str(pk) for pk in silent]})
    return len(silent)
