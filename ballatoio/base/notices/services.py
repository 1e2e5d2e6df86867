"""Messages to people: decided once, kept sealed, sent until they have left or somebody has to see why not."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Model
from django.utils import timezone
from django.utils.translation import override

from ballatoio.base.accounts.models import User
from ballatoio.base.audit.services import record_act
from ballatoio.base.jobs.services import plan_work
from ballatoio.base.labs.models import Lab
from ballatoio.base.people.models import Person
from ballatoio.base.vault.services import seal_texts

from .models import Delivery
from .routes import Route, route_to

State = Delivery.State


@dataclass(frozen=True)
class Text:
    """What a message says, in one language, with its date, time and place inside.

    `subject` and `body` are for e-mail, letter and text to copy, and what to say in a call. `short` is for an SMS:
    it names no matter (no service, no need), because anybody may pick the telephone up.
    """

    subject: str
    body: str
    short: str


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
    """Tell a person something once (the same `key` changes nothing), by the way that reaches them without harm.

    `compose` is called with the person's language switched on. `wanted` is a Delivery.Channel to try first. Give the
    message as it waits, or None when there is no safe way: then somebody has to tell them when they come.
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
    there = Delivery.objects.filter(key=key).first()
    if there is not None:
        return there
    when = max(not_before or timezone.now(), timezone.now())
    with override(route.language):
        text = compose()
    by_program = route.channel in Delivery.BY_PROGRAM
    delivery = Delivery(
        lab=lab,
        person=person,
        point_id=route.point_id,
        key=key,
        kind=kind,
        about_type=about._meta.label_lower,
        about_id=about.pk,
        channel=route.channel,
        language=route.language,
        state=State.WAITING if by_program else State.TO_DO,
        created_by=by,
        not_before=when,
        next_at=out_of_quiet_hours(lab, when) if route.channel == Delivery.Channel.SMS else when,
        expires_at=expires_at,
    )
    texts = {"to": route.to, "name": name, "subject": text.subject, "body": text.body, "short": text.short}
    with transaction.atomic():
        seal_texts([(delivery, texts)])
        delivery.save(force_insert=True)
        subject = person.pk if person else None
        detail = {"kind": kind, "channel": route.channel}
        record_act("notice.queue", delivery, by=by, lab_id=lab.pk, subject_id=subject, detail=detail)
        if by_program:
            # Besides the turn of every minute: one wake-up for all that is queued within it.
            plan_work("notices.send", key=f"notices.send@{delivery.next_at:%Y%m%d%H%M}", due_at=delivery.next_at)
    return delivery


def out_of_quiet_hours(lab: Lab, when: datetime) -> datetime:
    """Give `when`, or the end of the lab's quiet hours when it falls into them."""
    local = timezone.localtime(when)
    at, start, end = local.time(), lab.quiet_from, lab.quiet_until
    quiet = (at >= start or at < end) if start > end else (start <= at < end)
    if not quiet:
        return when
    day = local.date() + timedelta(days=1) if at >= end else local.date()
    return timezone.make_aware(datetime.combine(day, end))


@transaction.atomic
def cancel_notices(about: Model, *, by: User | None, kinds: Iterable[str] = ()) -> int:
    """Take back the messages about `about` that have not left yet (of these kinds; all when none); give how many."""
    waiting = Delivery.objects.filter(
        about_type=about._meta.label_lower, about_id=about.pk, state__in=[State.WAITING, State.TO_DO, State.DEAD]
    )
    if chosen := list(kinds):
        waiting = waiting.filter(kind__in=chosen)
    taken_back = waiting.update(state=State.CANCELLED, ended_at=timezone.now(), ended_by=by)
    if taken_back:
        record_act("notice.cancel", about, by=by, lab_id=getattr(about, "lab_id", None), detail={"count": taken_back})
    return taken_back
