"""Messages to people: decided once, kept sealed, sent until they have left or somebody has to see why not."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Model
from django.utils import timezone

from ballatoio.base.accounts.models import User
from ballatoio.base.audit.services import record_act
from ballatoio.base.jobs.services import plan_work
from ballatoio.base.labs.models import Lab
from ballatoio.base.people.models import Person
from ballatoio.base.vault.services import seal_texts

from .models import Delivery
from .routes import Route, route_to
from .words import Text, write_texts

State = Delivery.State
# Callers make theirs with what stands here.
__all__ = ["Text", "cancel_notices", "notify_address", "notify_person", "out_of_quiet_hours"]


def notify_person(
    person: Person,
    *,
    kind: str,
    key: str,
    compose: Callable[[], Text],
    about: Model,
    by: User | None,
    wanted: str = "",
    not_before: datetime | None = None,
    expires_at: datetime | None = None,
) -> Delivery | None:
    """Tell a person something once, by the way that reaches them without harm.

    The same `key` changes nothing, also when that message was taken back: a new date wants a new key.
    `compose` is called with the person's language switched on, and once more in Italian. `wanted` is a
    Delivery.Channel to try first. Give the message as it waits, or None when there is no safe way: then somebody has
    to tell them when they come.
    """
    route = route_to(person, wanted=wanted)
    if route is None:
        return None
    return _enqueue(
        person.lab, route, kind, key, compose, about, by, not_before, expires_at, person=person, name=str(person)
    )


def notify_address(
    lab: Lab,
    *,
    channel: str,
    to: str,
    kind: str,
    key: str,
    compose: Callable[[], Text],
    about: Model,
    by: User | None,
    language: str = "it",
    name: str = "",
    not_before: datetime | None = None,
    expires_at: datetime | None = None,
) -> Delivery:
    """Tell something once to an address of no person that the lab knows: an organisation, an anonymous visitor.

    `channel` is a Delivery.Channel and `to` the e-mail address, the number (phones.read_phone) or the postal address.
    """
    route = Route(channel, to, language)
    return _enqueue(lab, route, kind, key, compose, about, by, not_before, expires_at, name=name)


def _enqueue(
    lab: Lab,
    route: Route,
    kind: str,
    key: str,
    compose: Callable[[], Text],
    about: Model,
    by: User | None,
    not_before: datetime | None,
    expires_at: datetime | None,
    person: Person | None = None,
    name: str = "",
) -> Delivery:
    if about.pk is None:
        raise ValueError("a message is about a record that is saved")
    if (there := Delivery.objects.filter(key=key).first()) is not None:
        return there
    when = max(not_before or timezone.now(), timezone.now())
    by_program = route.channel in Delivery.BY_PROGRAM
    language, texts = write_texts(compose, route.language)
    delivery = Delivery(
        lab=lab,
        person=person,
        was_protected=person is not None and person.is_protected,
        point_id=route.point_id,
        key=key,
        kind=kind,
        about_type=about._meta.label_lower,
        about_id=about.pk,
        channel=route.channel,
        language=language,
        state=State.WAITING if by_program else State.TO_DO,
        created_by=by,
        not_before=when,
        next_at=out_of_quiet_hours(lab, when) if route.channel == Delivery.Channel.SMS else when,
        expires_at=expires_at,
    )
    try:
        with transaction.atomic():
            _save_new(delivery, {"to": route.to, "name": name, **texts}, by)
    except IntegrityError:
        # Somebody asked for the same at the same moment, and was first.
        if (there := Delivery.objects.filter(key=key).first()) is None:
            raise
        return there
    return delivery


def _save_new(delivery: Delivery, texts: dict[str, str], by: User | None) -> None:
    # The act first, the message afterwards: in this app always in this order, so that nobody waits in a circle.
    detail = {"kind": delivery.kind, "channel": delivery.channel}
    record_act("notice.queue", delivery, by=by, lab_id=delivery.lab_id, subject_id=delivery.person_id, detail=detail)
    seal_texts([(delivery, texts)])
    delivery.save(force_insert=True)
    if delivery.channel in Delivery.BY_PROGRAM:
        transaction.on_commit(lambda: wake_sender(delivery.next_at))


def wake_sender(at: datetime) -> None:
    """Have the messages of a minute sent in that minute: the periodic turn would come up to a minute later.

    After the caller's transaction: two that queue a message at once must not wait here for each other.
    """
    plan_work("notices.send", key=f"notices.send@{at:%Y%m%d%H%M}", due_at=at)


def out_of_quiet_hours(lab: Lab, when: datetime) -> datetime:
    """Give `when`, or the end of the lab's quiet hours when it falls into them: never a moment before `when`."""
    local = timezone.localtime(when)
    at, start, end = local.time(), lab.quiet_from, lab.quiet_until
    quiet = (at >= start or at < end) if start > end else (start <= at < end)
    if not quiet:
        return when
    day = local.date() + timedelta(days=1) if at >= end else local.date()
    ends = timezone.make_aware(datetime.combine(day, end))
    # The night on which the clock is put back has the same hour twice: the second one when the first is over.
    # Compared in UTC: of two moments in one zone Python compares what the clock shows.
    return ends if ends.astimezone(UTC) >= when.astimezone(UTC) else ends.replace(fold=1)


@transaction.atomic
def cancel_notices(about: Model, *, by: User | None, kinds: Iterable[str] = ()) -> int:
    """Take back the messages about `about` that have not left yet (of these kinds; all when none); give how many.

    Asked before `about` is deleted: afterwards it has no id any more (ValueError), though what it leaves waiting
    is never sent.
    """
    if about.pk is None:
        raise ValueError("messages are taken back before their record is deleted")
    waiting = Delivery.objects.filter(
        about_type=about._meta.label_lower, about_id=about.pk, state__in=[State.WAITING, State.TO_DO, State.DEAD]
    )
    if chosen := list(kinds):
        waiting = waiting.filter(kind__in=chosen)
    count = waiting.count()
    if not count:
        return 0
    # The act first here too: whoever cancels has often written an act of the same lab already, and in the other order
    # would wait for the sender while the sender waits for them.
    record_act("notice.cancel", about, by=by, lab_id=getattr(about, "lab_id", None), detail={"count": count})
    return waiting.update(state=State.CANCELLED, ended_at=timezone.now(), ended_by=by)
