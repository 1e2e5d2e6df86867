"""Which way a message takes to a person: what they asked for, if it is safe; else what harms nobody."""

from dataclasses import dataclass
from uuid import UUID

from django.conf import settings

from ballatoio.base.people.households import home_of
from ballatoio.base.people.models import ContactPoint, Person

from .models import Delivery

Channel = Delivery.Channel
LANGUAGES = frozenset(code for code, _name in settings.LANGUAGES)


@dataclass(frozen=True)
class Route:
    """A channel, where it leads (address, number), through which contact point, in which language."""

    channel: str
    to: str
    language: str
    point_id: UUID | None = None


def language_of(person: Person, channel: str) -> str:
    """Give the language in which a person is written or spoken to: of those that we write in, else Italian.

    A call is heard, all the rest is read: whoever speaks a language may not read it.
    """
    known = person.languages_spoken if channel == Channel.CALL else person.languages_read
    return next((code for code in known if code in LANGUAGES), settings.LANGUAGE_CODE)


def route_to(person: Person, *, wanted: str = "") -> Route | None:
    """Give the way by which a message reaches a person without harm, or None when there is none.

    First `wanted` (a Delivery.Channel), then what they asked for, then the quickest of what is left. Never through a
    contact point that is not safe; to a protected person never through a shared one, nor by a letter, which somebody
    else opens. Whoever asked not to be looked for is not.
    """
    if person.reach_by == Person.ReachBy.NOBODY:
        return None
    points = [point for point in person.contact_points.all() if _is_safe(point, person)]
    reads = bool(person.languages_read) or not person.languages_spoken
    quickest = [Channel.EMAIL, Channel.SMS, Channel.COPY] if reads else []
    order = [wanted, person.reach_by, *quickest, Channel.CALL, Channel.COPY, Channel.LETTER]
    return next((route for channel in order if channel and (route := _by(channel, person, points))), None)


def is_still_safe(delivery: Delivery) -> bool:
    """Tell whether the way that was chosen for a message may still be used: people separate, telephones are taken."""
    person = delivery.person
    if person is None:
        return True
    if person.reach_by == Person.ReachBy.NOBODY:
        return False
    if delivery.channel == Channel.LETTER:
        return not person.is_protected
    points = ContactPoint.objects.filter(person=person)
    point = points.filter(pk=delivery.point_id).first() if delivery.point_id else None
    return point is not None and _is_safe(point, person)


def _is_safe(point: ContactPoint, person: Person) -> bool:
    return point.safe_to_call and not (person.is_protected and point.is_shared)


def _by(channel: str, person: Person, points: list[ContactPoint]) -> Route | None:
    if channel == Channel.LETTER:
        home = None if person.is_protected else home_of(person)
        return Route(channel, str(home), language_of(person, channel)) if home else None
    if channel == Channel.SMS and not settings.SMS_BACKEND:
        return None
    kinds = {Channel.EMAIL: ("email",), Channel.COPY: ("messenger", "phone")}.get(Channel(channel), ("phone",))
    found = [point for kind in kinds for point in points if point.kind == kind]
    # One's own before one that others answer.
    point = min(found, key=lambda point: point.is_shared, default=None)
    return Route(channel, point.value, language_of(person, channel), point.pk) if point else None
