"""Which way a message takes to a person: what they asked for, if it is safe; else what harms nobody."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from ballatoio.base.labs.models import Lab
from ballatoio.base.people.households import home_of
from ballatoio.base.people.models import ContactPoint, HouseholdDwelling, Person
from ballatoio.base.people.phones import is_landline
from ballatoio.base.territory.models import Dwelling

from .models import Delivery

Channel = Delivery.Channel
Problem = Delivery.Problem
LANGUAGES = frozenset(code for code, _name in settings.LANGUAGES)
# Which kinds of contact point lead where; a letter goes to the home.
KINDS: dict[str, tuple[str, ...]] = {
    Channel.EMAIL: ("email",),
    Channel.SMS: ("phone",),
    Channel.COPY: ("messenger", "phone"),
    Channel.CALL: ("phone",),
}


@dataclass(frozen=True)
class Route:
    """A channel, where it leads (address, number), through which contact point, in which language."""

    channel: str
    to: str
    language: str
    point_id: UUID | None = None

    @property
    def label(self) -> str:
        return str(Channel(self.channel).label)


@dataclass(frozen=True)
class Way:
    """The way that was chosen for a message, as it is now: why it may not be used ("" when it may), and its point."""

    problem: str = ""
    point: ContactPoint | None = None

    @property
    def is_shared(self) -> bool:
        """Whether others use it too: then it carries only the short text, which names no matter."""
        return self.point is not None and self.point.is_shared


def language_of(person: Person, channel: str) -> str:
    """Give the language in which a person is written or spoken to: of those that we write in, else Italian.

    A call is heard, all the rest is read: whoever speaks a language may not read it.
    """
    known = person.languages_spoken if channel == Channel.CALL else person.languages_read
    return next((code for code in known if code in LANGUAGES), settings.LANGUAGE_CODE)


def route_to(person: Person, *, wanted: str = "") -> Route | None:
    """Give the way by which a message reaches a person without harm, or None when there is none.

    First `wanted` (a Delivery.Channel), then what they asked for, then the quickest of what is left: whoever reads
    none of the languages that we write in is called before they are written to. Never through a contact point that
    is not safe; to a protected person never through a shared one, nor by a letter, which somebody else opens.
    Whoever asked not to be looked for is not.
    """
    order = [wanted, person.reach_by, *(_WRITTEN if _reads_us(person) else ()), *_LAST]
    return next(_routes(person, order), None)


_WRITTEN = (Channel.EMAIL, Channel.SMS, Channel.COPY)
_LAST = (Channel.CALL, Channel.COPY, Channel.EMAIL, Channel.LETTER)


def other_routes(notice: Delivery) -> list[Route]:
    """Give the safe ways to the person of a message on all the other channels."""
    if notice.person is None or notice.is_hidden:
        return []
    return list(_routes(notice.person, [channel for channel in Channel if channel != notice.channel]))


def _routes(person: Person, order: Iterable[str]) -> Iterator[Route]:
    if person.reach_by == Person.ReachBy.NOBODY:
        return iter(())
    points = [point for point in person.contact_points.all() if _is_safe(point, person)]
    return (route for channel in order if channel and (route := _by(channel, person, points)))


def _reads_us(person: Person) -> bool:
    if person.languages_read:
        return bool(LANGUAGES.intersection(person.languages_read))
    # Nobody asked: whoever speaks a language may not read it, whoever said nothing is taken to read.
    return not person.languages_spoken


def _is_safe(point: ContactPoint, person: Person) -> bool:
    return point.safe_to_call and not (person.is_protected and point.is_shared)


def _by(channel: str, person: Person, points: list[ContactPoint]) -> Route | None:
    if channel == Channel.LETTER:
        home = None if person.is_protected else home_of(person)
        return Route(channel, postal_address(home, person.lab), language_of(person, channel)) if home else None
    if channel == Channel.SMS and not settings.SMS_BACKEND:
        return None
    found = [point for kind in KINDS[channel] for point in points if point.kind == kind]
    if channel in (Channel.SMS, Channel.COPY):
        found = [point for point in found if not is_landline(point.value)]
    # One's own before one that others answer.
    point = min(found, key=lambda point: point.is_shared, default=None)
    return Route(channel, point.value, language_of(person, channel), point.pk) if point else None


def postal_address(home: Dwelling, lab: Lab) -> str:
    """Give the lines of an address under the name, as the postman reads them: in Italian, whoever writes to whom."""
    building = home.stair.building
    with override(settings.LANGUAGE_CODE):
        inside = _("scala %(stair)s, interno %(number)s") % {"stair": home.stair.name, "number": home.number}
    town = " ".join(filter(None, [building.cap, lab.city, f"({lab.province})" if lab.province else ""]))
    return "\n".join([f"{building.street} {building.civic}", inside, town])


def ways_of(notices: Iterable[Delivery]) -> dict[UUID, Way]:
    """Tell for each message whether its way may still be used: people separate, telephones are taken, homes change.

    One query for the contact points, one for the homes, one for each kind of record that the messages speak of.
    """
    rows = list(notices)
    ids = [notice.point_id for notice in rows if notice.point_id]
    points = {point.pk: point for point in ContactPoint.objects.filter(pk__in=ids)} if ids else {}
    there = _still_there(rows)
    ways = {}
    for notice in rows:
        point = points.get(notice.point_id) if notice.point_id else None
        way = _way(notice, point)
        ways[notice.pk] = way if way.problem or notice.about_id in there else Way(Problem.ERASED)
    return ways


def way_of(notice: Delivery) -> Way:
    """Tell the same of one message."""
    return ways_of([notice])[notice.pk]


def _way(notice: Delivery, point: ContactPoint | None) -> Way:
    person = notice.person
    if notice.expires_at and notice.expires_at <= timezone.now():
        return Way(Problem.EXPIRED, point)
    if person is None:
        return Way()
    if notice.is_hidden:
        return Way(Problem.PROTECTED)
    if person.reach_by == Person.ReachBy.NOBODY:
        return Way(Problem.UNSAFE, point)
    if notice.channel == Channel.LETTER:
        return Way(Problem.PROTECTED if person.is_protected else "")
    is_theirs = point is not None and point.person_id == person.pk and _is_safe(point, person)
    return Way("" if is_theirs else Problem.UNSAFE, point)


def _still_there(notices: list[Delivery]) -> set[UUID]:
    """Give which of the records that messages speak of are there: who was erased is not written to."""
    by_type: dict[str, set[UUID]] = {}
    for notice in notices:
        by_type.setdefault(notice.about_type, set()).add(notice.about_id)
    there: set[UUID] = set()
    for label, ids in by_type.items():
        model = apps.get_model(label)
        there |= set(model._base_manager.filter(pk__in=ids).order_by().values_list("pk", flat=True))
    return there


def homes_of(notices: Iterable[Delivery]) -> dict[UUID, Dwelling]:
    """Give where the people of these messages live today, by the person's id; of protected people nothing."""
    people = {notice.person_id for notice in notices if notice.person and not notice.person.is_protected}
    rows = HouseholdDwelling.objects.filter(
        until__isnull=True, household__members__person__in=people, household__members__until__isnull=True
    ).select_related("dwelling__stair__building")
    found = rows.annotate(lives=F("household__members__person")).defer("dwelling__stair__building__geometry")
    return {row.lives: row.dwelling for row in found}
