"""The part of services.py that makes messages leave: at least once, each with the same Message-ID, never in silence.

Exactly once does not exist: between a server's «taken» and our note of it either may die. What died there is sent
again; nothing else is. Nobody holds a lock or a transaction while a server is talked to: a message belongs to a
sender as long as its `next_at` is the one that the sender wrote there.
"""

import logging
from collections.abc import Callable
from datetime import timedelta

from django.db import connection, transaction
from django.utils import timezone

from ballatoio.base.audit.services import record_act
from ballatoio.base.vault.services import TextIsGone, TextWasTampered, open_texts

from .carriers import CARRIERS, Carrier, CarrierIsDown, Refused, TryLater
from .models import Delivery
from .routes import way_of
from .services import out_of_quiet_hours

logger = logging.getLogger(__name__)

State = Delivery.State
Problem = Delivery.Problem
# A message belongs for so long to the sender that took it: longer than any server takes over one (EMAIL_TIMEOUT for
# each of its answers). If the sender dies, another takes the message up afterwards.
LEASE = timedelta(minutes=5)
FIRST_PAUSE = timedelta(minutes=1)
# Behind a server that does not work the others wait a minute without losing a try.
PUT_BACK = timedelta(minutes=1)
MAX_TRIES = 8
BATCH = 50
# One run ends here, so that the worker does its other work too; the next turn goes on.
AT_ONCE = 500


def send_due_notices(on_progress: Callable[[int], object] = int, *, at_most: int = AT_ONCE) -> int:
    """Send the messages that are due, over one connection for each channel and batch; give how many left.

    Not inside a transaction. `on_progress` is told after each batch how many left so far.
    """
    _end_what_is_late()
    sent = 0
    for channel in Delivery.BY_PROGRAM:
        goes_on = True
        while goes_on and sent < at_most and (batch := _take(channel)):
            left, goes_on = _send_batch(channel, batch)
            sent += left
            on_progress(sent)
    return sent


def _take(channel: str) -> list[Delivery]:
    """Take the messages that have been due longest: from now on no other sender touches them for a LEASE."""
    due = Delivery.objects.due().filter(channel=channel)
    if not due.exists():
        # Looked at before the transaction begins: on SQLite a transaction holds everybody else's writing up.
        return []
    with transaction.atomic():
        if connection.features.has_select_for_update_skip_locked:
            due = due.select_for_update(skip_locked=True, of=("self",))
        batch = list(due.select_related("lab", "person__lab", "data_key")[:BATCH])
        lease = timezone.now() + LEASE
        Delivery.objects.filter(pk__in=[notice.pk for notice in batch]).update(next_at=lease)
    for notice in batch:
        notice.next_at = lease
    return batch


def _send_batch(channel: str, batch: list[Delivery]) -> tuple[int, bool]:
    """Send a batch; give how many left, and whether the server would take more."""
    sent = 0
    with CARRIERS[channel]() as carrier:
        for number, notice in enumerate(batch):
            try:
                sent += _send(carrier, notice)
            except CarrierIsDown as down:
                # The others first, so that next time they go before the one on which the server stopped.
                _put_back(batch[number + 1 :])
                _try_later(notice, down.problem)
                logger.warning("notices: %s does not take messages: %s", channel, down.problem)
                return sent, False
    return sent, True


def _send(carrier: Carrier, notice: Delivery) -> bool:
    """Send one message, if it is still to be sent; tell whether it left. Raise CarrierIsDown."""
    ready = _make_ready(notice)
    if ready is None:
        return False
    texts, only_short = ready
    try:
        carrier.carry(notice, texts, only_short=only_short)
    except CarrierIsDown:
        raise
    except Refused as refused:
        return _give_up(notice, refused.problem)
    except TryLater as later:
        return _try_later(notice, later.problem)
    except Exception as error:  # noqa: BLE001
        # Only its kind is written: its words, and the trace with them, repeat the address.
        logger.error("notices: %s while sending %s", type(error).__name__, notice.pk)
        return _try_later(notice, Problem.UNKNOWN)
    _mark_sent(notice)
    return True


def _make_ready(notice: Delivery) -> tuple[dict[str, str], bool] | None:
    """Give the texts of a message, and whether others may read them; None when it is not to be sent now, or ever."""
    if not _hold(notice):
        # Taken back meanwhile, or this sender was so slow that another took it up.
        return None
    way = way_of(notice)
    if way.problem:
        _give_up(notice, way.problem)
        return None
    now = timezone.now()
    if notice.channel == Delivery.Channel.SMS and (morning := out_of_quiet_hours(notice.lab, now)) != now:
        _update_held(notice, next_at=morning)
        return None
    try:
        return open_texts(notice), way.is_shared
    except TextIsGone:
        _give_up(notice, Problem.ERASED)
    except TextWasTampered:
        _give_up(notice, Problem.UNKNOWN)
    return None


def _hold(notice: Delivery) -> bool:
    """Make sure just before sending that the message is still this sender's, and for a whole LEASE."""
    lease = timezone.now() + LEASE
    return _update_held(notice, next_at=lease)


def _update_held(notice: Delivery, **fields: object) -> bool:
    """Change a message if it still waits and belongs to this sender; tell whether it did."""
    held = Delivery.objects.filter(pk=notice.pk, state=State.WAITING, next_at=notice.next_at)
    changed = held.update(**fields)
    if changed:
        for name, value in fields.items():
            setattr(notice, name, value)
    return bool(changed)


def _put_back(batch: list[Delivery]) -> None:
    """Let the rest of a batch wait a minute: they were not tried."""
    taken = Delivery.objects.filter(pk__in=[notice.pk for notice in batch], state=State.WAITING)
    taken.filter(next_at__in={notice.next_at for notice in batch}).update(next_at=timezone.now() + PUT_BACK)


def _try_later(notice: Delivery, problem: str) -> bool:
    """Count a try, and wait twice as long as the last time; after MAX_TRIES give up."""
    attempts = notice.attempts + 1
    if attempts >= MAX_TRIES:
        return _give_up(notice, problem, attempts)
    pause = FIRST_PAUSE * 2 ** (attempts - 1)
    _update_held(notice, attempts=attempts, last_error=problem, next_at=timezone.now() + pause)
    return False


def _give_up(notice: Delivery, problem: str, attempts: int | None = None) -> bool:
    """Leave a message to the desk, which sees it with the reason; what speaks of nothing any more is taken back."""
    state = State.CANCELLED if problem == Problem.ERASED else State.DEAD
    with transaction.atomic():
        _record("notice.fail", notice, problem=str(problem))
        done = {"state": state, "last_error": problem, "ended_at": timezone.now()}
        if not _update_held(notice, attempts=notice.attempts if attempts is None else attempts, **done):
            # Nothing happened, and so there is no act.
            transaction.set_rollback(True)
    return False


def _mark_sent(notice: Delivery) -> None:
    """Note at once that a message left, even if somebody took it back while it was leaving."""
    with transaction.atomic():
        # The act first, the message afterwards: see services.cancel_notices.
        _record("notice.send", notice)
        Delivery.objects.filter(pk=notice.pk, state__in=[State.WAITING, State.CANCELLED]).update(
            state=State.SENT, attempts=notice.attempts + 1, last_error="", ended_at=timezone.now(), ended_by=None
        )


def _record(verb: str, notice: Delivery, **detail: str) -> None:
    detail = {"kind": notice.kind, "channel": notice.channel, **detail}
    record_act(verb, notice, by=None, lab_id=notice.lab_id, subject_id=notice.person_id, detail=detail)


def _end_what_is_late() -> None:
    """Take off the desk's hands what nobody did in time, and show it among what did not arrive."""
    for notice in Delivery.objects.too_late().defer("sealed")[:AT_ONCE]:
        with transaction.atomic():
            _record("notice.fail", notice, problem=str(Problem.EXPIRED))
            late = Delivery.objects.filter(pk=notice.pk, state=State.TO_DO)
            late.update(state=State.DEAD, last_error=Problem.EXPIRED, ended_at=timezone.now())
