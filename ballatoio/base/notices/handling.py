"""The part of services.py that people do: calls, letters, texts to copy, and what to do with what did not arrive.

Each takes `seen`, how the message stood on the page (Delivery.seen), and raises ChangedElsewhere when a colleague did
something with it since: nobody is called twice, nothing is sent twice.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from uuid import UUID

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ballatoio.base.accounts.models import User
from ballatoio.base.audit.services import record_act, record_reading
from ballatoio.base.core.conflicts import ChangedElsewhere
from ballatoio.base.labs.models import Lab
from ballatoio.base.labs.services import add_working_days
from ballatoio.base.territory.models import Dwelling
from ballatoio.base.vault.services import TextIsGone, TextWasTampered, open_texts, reseal_texts

from .models import Delivery
from .routes import Way, homes_of, other_routes, postal_address, way_of, ways_of
from .services import wake_sender
from .words import Part, parts_of

State = Delivery.State
Channel = Delivery.Channel
Problem = Delivery.Problem
CALLS_BEFORE_GIVING_UP = 3
# What a server did not take for reasons of its own: once it works again, all of it may leave.
OF_THE_SERVER = (Problem.SERVER_DOWN, Problem.SENDER_REFUSED, Problem.NOT_NOW, Problem.UNKNOWN)


class CannotBeShown(Exception):
    """Nothing of this message is shown or sent any more; `problem` is the Problem that says why."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


class WayIsShut(CannotBeShown):
    """This way leads to nobody, or is not safe: another one has to be found."""


class CallOutcome(models.TextChoices):
    """What came of a telephone call."""

    REACHED = "reached", _("Ci ho parlato")
    NO_ANSWER = "no_answer", _("Non risponde")
    WRONG_NUMBER = "wrong_number", _("Numero sbagliato")


@dataclass(frozen=True)
class Opened:
    """A message as it is read at the desk: to whom, what in each language, and how its way is today."""

    to: str
    name: str
    parts: list[Part]
    way: Way


def open_notice(notice: Delivery, way: Way) -> Opened:
    """Give what a message says. Raise CannotBeShown when its person was protected since, or it was erased."""
    if notice.is_hidden or way.problem == Problem.ERASED:
        raise CannotBeShown(way.problem or Problem.PROTECTED)
    try:
        texts = open_texts(notice)
    except (TextIsGone, TextWasTampered):
        raise CannotBeShown(Problem.ERASED) from None
    to = "" if way.problem == Problem.UNSAFE else texts.get("to", "")
    by_eye = notice.channel in (Channel.EMAIL, Channel.COPY)
    only_short = notice.channel == Channel.SMS or (by_eye and way.is_shared)
    return Opened(to, texts.get("name", ""), parts_of(notice, texts, only_short=only_short), way)


@transaction.atomic
def read_notice(notice: Delivery, *, by: User) -> Opened:
    """Give what a message says, and record that `by` read it. Raise CannotBeShown, and then nothing was read."""
    opened = open_notice(notice, way_of(notice))
    note_reading(notice, by=by)
    return opened


def note_reading(notice: Delivery, *, by: User) -> None:
    """Record that `by` read what a message says."""
    record_reading("notice.read", notice, by=by, lab_id=notice.lab_id, subject_id=notice.person_id)


def move_notice(notice: Delivery, state: str, *, seen: str, by: User, verb: str, **fields: object) -> Delivery:
    """Bring a message from how it was seen into another state, with its act; raise ChangedElsewhere."""
    if notice.seen != seen or state not in Delivery.ALLOWED[notice.state]:
        raise ChangedElsewhere(notice)
    with transaction.atomic():
        # The act first, the message afterwards: see services.cancel_notices.
        detail = {"kind": notice.kind, "channel": fields.get("channel", notice.channel), "state": state}
        record_act(verb, notice, by=by, lab_id=notice.lab_id, subject_id=notice.person_id, detail=detail)
        there = Delivery.objects.filter(pk=notice.pk, state=notice.state, channel=notice.channel)
        if not there.filter(attempts=notice.attempts).update(state=state, **fields):
            raise ChangedElsewhere(Delivery.objects.get(pk=notice.pk))
    return Delivery.objects.get(pk=notice.pk)


def _ended(by: User) -> dict[str, object]:
    return {"ended_at": timezone.now(), "ended_by": by}


# --- By hand --------------------------------------------------------------------------------------------------


def record_call(notice: Delivery, *, by: User, seen: str, outcome: str) -> Delivery:
    """Note what came of a call (a CallOutcome). Nobody there: it comes back on the next working day, three times."""
    if notice.channel != Channel.CALL:
        raise ChangedElsewhere(notice)
    verb = "notice.call"
    if outcome == CallOutcome.REACHED:
        return move_notice(notice, State.DONE, seen=seen, by=by, verb=verb, attempts=notice.attempts + 1, **_ended(by))
    if outcome == CallOutcome.WRONG_NUMBER:
        problem = Problem.WRONG_NUMBER
    elif notice.attempts + 1 >= CALLS_BEFORE_GIVING_UP:
        problem = Problem.NO_ANSWER
    else:
        back = _comes_back(notice)
        return move_notice(
            notice, State.TO_DO, seen=seen, by=by, verb=verb, attempts=notice.attempts + 1, not_before=back
        )
    ended = {"attempts": notice.attempts + 1, "last_error": problem, **_ended(by)}
    return move_notice(notice, State.DEAD, seen=seen, by=by, verb=verb, **ended)


def _comes_back(notice: Delivery) -> datetime:
    """Give when a call that nobody answered is tried again: the next working day, or in an hour if that is too late."""
    day = add_working_days(notice.lab, timezone.localdate(), 1)
    morning = timezone.make_aware(datetime.combine(day, time.min))
    too_late = notice.expires_at is not None and notice.expires_at <= morning
    return timezone.now() + timedelta(hours=1) if too_late else morning


def mark_done(notice: Delivery, *, by: User, seen: str) -> Delivery:
    """Note that a text was copied and sent from somebody's telephone, or a letter posted."""
    if notice.channel == Channel.CALL:
        raise ChangedElsewhere(notice)
    return move_notice(notice, State.DONE, seen=seen, by=by, verb="notice.done", **_ended(by))


@dataclass(frozen=True)
class Envelope:
    """A letter with the lines of its address, as they are today."""

    notice: Delivery
    address: list[str]
    parts: list[Part]


def letters_of(lab: Lab, by: User, ids: Iterable[UUID]) -> list[tuple[Delivery, Dwelling | None]]:
    """Give those of the letters named that can be printed, in the order of the list, with the home where there is one.

    They still wait, their text is there, their way is open, and whoever has a file has an address.
    """
    waiting = Delivery.objects.visible_to(by).of_lab(lab).by_hand().filter(channel=Channel.LETTER, pk__in=list(ids))
    letters = list(waiting.select_related("person", "lab", "data_key"))
    ways, homes = ways_of(letters), homes_of(letters)
    fit = [letter for letter in letters if letter.data_key and not ways[letter.pk].problem]
    pairs = [(letter, homes.get(letter.person_id) if letter.person_id else None) for letter in fit]
    return [(letter, home) for letter, home in pairs if home or not letter.person_id]


def envelopes_of(lab: Lab, by: User, ids: Iterable[UUID]) -> list[Envelope]:
    """Give what is to be printed of the letters named; letters.print_letters records that it was read."""
    envelopes = []
    for letter, home in letters_of(lab, by, ids):
        opened = open_notice(letter, Way())
        # A person who moved gets it where they live now.
        address = postal_address(home, lab) if home else opened.to
        envelopes.append(Envelope(letter, [opened.name, *address.splitlines()], opened.parts))
    return envelopes


@transaction.atomic
def post_letters(lab: Lab, *, by: User, ids: Iterable[UUID]) -> int:
    """Note that the letters named were printed and posted; give how many still waited."""
    posted = [letter.pk for letter, _home in letters_of(lab, by, ids)]
    if not posted:
        return 0
    record_act("notice.post", lab, by=by, lab_id=lab.pk, detail={"notices": [str(pk) for pk in posted]})
    waiting = Delivery.objects.filter(pk__in=posted, state=State.TO_DO, channel=Channel.LETTER)
    return waiting.update(state=State.DONE, **_ended(by))


# --- What did not arrive --------------------------------------------------------------------------------------


def _check_way(notice: Delivery) -> None:
    if problem := way_of(notice).problem:
        raise WayIsShut(problem)


def retry_notice(notice: Delivery, *, by: User, seen: str) -> Delivery:
    """Try a message again on the same way, with all its tries before it. Raise WayIsShut, ChangedElsewhere."""
    _check_way(notice)
    now = timezone.now()
    by_program = notice.channel in Delivery.BY_PROGRAM
    state = State.WAITING if by_program else State.TO_DO
    again = {"attempts": 0, "last_error": "", "next_at": now, "not_before": now, "ended_at": None, "ended_by": None}
    moved = move_notice(notice, state, seen=seen, by=by, verb="notice.retry", **again)
    if by_program:
        wake_sender(now)
    return moved


def waiting_for_server(lab: Lab) -> models.QuerySet[Delivery]:
    """Give what a server did not take for reasons of its own, and still makes sense."""
    dead = Delivery.objects.of_lab(lab).filter(state=State.DEAD, last_error__in=OF_THE_SERVER)
    dead = dead.filter(channel__in=Delivery.BY_PROGRAM)
    return dead.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=timezone.now()))


@transaction.atomic
def retry_all(lab: Lab, *, by: User) -> int:
    """Try again all that a server did not take for reasons of its own; give how much it was."""
    dead = waiting_for_server(lab)
    count = dead.count()
    if not count:
        return 0
    now = timezone.now()
    record_act("notice.retry", lab, by=by, lab_id=lab.pk, detail={"count": count})
    count = dead.update(state=State.WAITING, attempts=0, last_error="", next_at=now, ended_at=None, ended_by=None)
    transaction.on_commit(lambda: wake_sender(now))
    return count


@transaction.atomic
def reroute_notice(notice: Delivery, *, by: User, seen: str, channel: str) -> Delivery:
    """Send a message another way (a Delivery.Channel). Raise WayIsShut when that way is not there or not safe."""
    route = next((route for route in other_routes(notice) if route.channel == channel), None)
    if route is None:
        raise WayIsShut(Problem.UNSAFE)
    problem = way_of(notice).problem
    if problem in (Problem.EXPIRED, Problem.ERASED, Problem.PROTECTED):
        raise WayIsShut(problem)
    try:
        texts = open_texts(notice)
    except (TextIsGone, TextWasTampered):
        raise WayIsShut(Problem.ERASED) from None
    reseal_texts(notice, {**texts, "to": route.to})
    now = timezone.now()
    by_program = route.channel in Delivery.BY_PROGRAM
    moved = move_notice(
        notice,
        State.WAITING if by_program else State.TO_DO,
        seen=seen,
        by=by,
        verb="notice.reroute",
        channel=route.channel,
        point_id=route.point_id,
        sealed=notice.sealed,
        attempts=0,
        last_error="",
        next_at=now,
        not_before=now,
        ended_at=None,
        ended_by=None,
    )
    if by_program:
        transaction.on_commit(lambda: wake_sender(now))
    return moved


def cancel_notice(notice: Delivery, *, by: User, seen: str) -> Delivery:
    """Take one message back, or off the list of what did not arrive."""
    return move_notice(notice, State.CANCELLED, seen=seen, by=by, verb="notice.cancel", **_ended(by))


def return_notice(notice: Delivery, *, by: User, seen: str) -> Delivery:
    """Note that a message which had left came back: the postman brought it, or a postmaster wrote."""
    returned = {"last_error": Problem.RETURNED, **_ended(by)}
    return move_notice(notice, State.DEAD, seen=seen, by=by, verb="notice.return", **returned)
