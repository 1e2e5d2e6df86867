"""Every pair of states: what may follow what, by the desk and by the link, and the dates that go with it."""

from itertools import product

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from ballatoio.base.accounts.models import User
from ballatoio.care.referrals.models import Referral, ReferralEvent
from ballatoio.care.referrals.services import (
    ReferralIsOver,
    RefusalSaysNoReason,
    answer_referral,
    expire_referral,
    withdraw_referral,
)

State, Channel, Refusal = Referral.State, ReferralEvent.Channel, Referral.Refusal
PAIRS = {
    State.SENT: {State.SEEN, State.ACCEPTED, State.REFUSED, State.DONE, State.EXPIRED, State.WITHDRAWN},
    State.SEEN: {State.ACCEPTED, State.REFUSED, State.DONE, State.EXPIRED, State.WITHDRAWN},
    State.ACCEPTED: {State.DONE, State.REFUSED, State.WITHDRAWN},
    State.REFUSED: {State.ACCEPTED, State.DONE},
    State.EXPIRED: {State.ACCEPTED, State.DONE, State.REFUSED, State.WITHDRAWN},
    State.DONE: set(),
    State.WITHDRAWN: set(),
}
BY_LINK = {
    State.SENT: {State.ACCEPTED, State.REFUSED, State.DONE},
    State.SEEN: {State.ACCEPTED, State.REFUSED, State.DONE},
    State.ACCEPTED: {State.DONE, State.REFUSED},
}


def put(referral: Referral, state: str) -> Referral:
    """Put a referral into a state, whatever led there."""
    now = timezone.now()
    referral.state = state
    referral.ended_at = now if state in Referral.ENDED else None
    referral.refusal = Refusal.NO_PLACE if state == State.REFUSED else ""
    if state not in Referral.AWAITING:
        referral.next_reminder_on = None
    if state not in (State.SENT, State.EXPIRED):
        referral.seen_at = now
    referral.save()
    return referral


def go(referral: Referral, state: str, by: User, channel: str = Channel.CALL) -> Referral:
    """Ask for a state as whoever may ask for it does."""
    if state == State.EXPIRED:
        return expire_referral(referral)
    if state == State.WITHDRAWN:
        return withdraw_referral(referral, by=by, version=referral.version)
    refusal = Refusal.NO_PLACE if state == State.REFUSED else ""
    who = None if channel == Channel.LINK else by
    return answer_referral(
        referral, state=state, channel=channel, by=who, version=referral.version, refusal=refusal, words="parole"
    )


@pytest.mark.parametrize(("before", "after"), list(product(State, [s for s in State if s != State.SENT])))
def test_what_may_follow_what(before: State, after: State, referral: Referral, anna: User) -> None:
    put(referral, before)
    if after not in PAIRS[before]:
        with pytest.raises(ReferralIsOver):
            go(referral, after, anna)
        referral.refresh_from_db()
        assert (referral.state, referral.events.count()) == (before, 1)
        return
    go(referral, after, anna)
    referral.refresh_from_db()
    referral.answer.refresh_from_db()
    is_answer = after in (State.ACCEPTED, State.REFUSED, State.DONE)
    assert (referral.state, referral.refusal) == (after, Refusal.NO_PLACE if after == State.REFUSED else "")
    assert (referral.ended_at is not None) == (after in Referral.ENDED)
    assert (referral.answered_at is not None) == is_answer
    assert [event.kind for event in referral.events.all()] == ["sent", after]
    assert (referral.next_reminder_on is not None) == (after == State.SEEN)
    # The desk's own record of the answer is in step, so that its figures agree.
    assert referral.answer.outcome == Referral.OUTCOMES.get(after, "")


@pytest.mark.parametrize(("before", "after"), list(product(State, [State.SEEN, State.ACCEPTED, State.REFUSED, "done"])))
def test_what_a_service_may_answer_by_its_link(before: State, after: str, referral: Referral, anna: User) -> None:
    put(referral, before)
    if after in BY_LINK.get(before, set()):
        assert go(referral, after, anna, Channel.LINK).state == after
    else:
        with pytest.raises(ReferralIsOver):
            go(referral, after, anna, Channel.LINK)


def test_the_tables_say_what_the_tests_say() -> None:
    assert {state: set(after) for state, after in Referral.ALLOWED.items()} == PAIRS
    assert {state: set(after) for state, after in Referral.OPEN_BY_LINK.items()} == BY_LINK


@pytest.mark.parametrize("refusal", ["", "boh"])
def test_a_refusal_says_why(refusal: str, referral: Referral, anna: User) -> None:
    with pytest.raises(RefusalSaysNoReason):
        answer_referral(
            referral, state=State.REFUSED, channel=Channel.CALL, by=anna, version=1, refusal=refusal, words="no"
        )
    referral.refresh_from_db()
    assert referral.state == State.SENT


BROKEN = {
    "referral_ended_has_a_date": {"state": State.DONE, "next_reminder_on": None},
    "refused_referral_says_why": {"state": State.REFUSED, "ended_at": timezone.now(), "next_reminder_on": None},
    "referral_is_reminded_before_it_expires": {"state": State.ACCEPTED},
}


@pytest.mark.parametrize("constraint", BROKEN)
def test_the_database_refuses_what_makes_no_sense(constraint: str, referral: Referral) -> None:
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Referral.objects.filter(pk=referral.pk).update(**BROKEN[constraint])
