"""Finding a service: by words in any language, by need, by place, by the clock."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import add, attrgetter

from django.db.models import (
    Case,
    Count,
    Exists,
    ExpressionWrapper,
    F,
    FloatField,
    IntegerField,
    OuterRef,
    Q,
    Subquery,
    TextField,
    Value,
    When,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Coalesce
from django.utils import timezone

from ballatoio.base.labs.models import Lab
from ballatoio.base.labs.services import public_holidays

from .models import NeedTerm, Schedule, ScheduleException, Service, ServiceQuerySet
from .schedules import END_OF_DAY
from .words import asked_words, search_words

Point = tuple[float, float]

# More results than these nobody reads; the page asks for another word instead.
MAX_RESULTS = 100
EARTH_RADIUS_M = 6_371_000
KM_PER_DEGREE = 111.2
_words_found = attrgetter("matched")


@dataclass(frozen=True)
class FoundService:
    """A service that was found, and how far it is (in metres, as the crow flies) when a place was given."""

    service: Service
    metres: int | None = None


@dataclass(frozen=True)
class NeedCount:
    """A need and how many services answer it."""

    term: NeedTerm
    count: int


@dataclass(frozen=True)
class NeedFamily:
    """A need that was chosen, the one of the first level that it belongs to, and those under that one."""

    chosen: NeedTerm
    top: NeedTerm
    below: list[NeedCount]


def search_key(texts: Iterable[str]) -> str:
    """Give what a service is found by: the words of all its texts, each after a space."""
    found = dict.fromkeys(word for text in texts for word in search_words(text))
    return "".join(f" {word}" for word in found)


def find_services(
    lab: Lab,
    *,
    text: str = "",
    need: str = "",
    open_at: datetime | None = None,
    near: Point | None = None,
    language: str = "",
) -> list[FoundService]:
    """Give the published services of `lab` that match, nearest first when `near` = (lon, lat) is given, else by name.

    `text`: every word must begin a word of the service; when none has them all, those with the most of them.
    `need`: the code of a need; services of the needs under it count, after them those of the one above.
    `open_at`: only doors that are open at that moment. `language`: spoken there, or with an interpreter.
    One query, at most MAX_RESULTS services.
    """
    services = Service.objects.of_lab(lab).published().select_related("organisation").defer("search_key")
    asked = asked_words(text)
    if asked:
        services = services.annotate(matched=_matched(asked)).filter(matched__gt=0)
    elif text.strip():
        return []
    if need:
        services = _for_need(services, need)
    if open_at is not None:
        services = _open(services, open_at, lab.province)
    if language:
        services = services.annotate(spoken=Cast("languages", TextField())).filter(
            Q(spoken__contains=f'"{language}"') | Q(interpretation_services=True)
        )
    order = ["-matched"] if asked else []
    order += ["-exact"] if need else []
    if near is not None:
        services = services.annotate(far=_far(near))
        order.append("far")
    rows = list(services.order_by(*order, "name", "pk")[:MAX_RESULTS])
    if asked and rows:
        best = max(map(_words_found, rows))
        rows = [row for row in rows if _words_found(row) == best]
    return [FoundService(row, distance_to(row, near)) for row in rows]


def matching(services: ServiceQuerySet, text: str) -> ServiceQuerySet:
    """Keep the services that have all the words of `text`; all of them when it says nothing."""
    for word in asked_words(text):
        services = services.filter(search_key__contains=f" {word}")
    return services


def _matched(asked: Sequence[str]) -> Combinable:
    """How many of the asked words a service has."""
    has: list[Combinable] = [
        Case(When(search_key__contains=f" {word}", then=1), default=0, output_field=IntegerField()) for word in asked
    ]
    return reduce(add, has)


def _for_need(services: ServiceQuerySet, code: str) -> ServiceQuerySet:
    links = Service.needs.through.objects.filter(service=OuterRef("pk"), needterm__is_active=True)
    exact = Exists(links.filter(Q(needterm__code=code) | Q(needterm__parent__code=code)))
    above = Exists(links.filter(needterm__children__code=code))
    return services.annotate(exact=Case(When(exact, then=1), default=0, output_field=IntegerField())).filter(
        Q(exact=1) | above
    )


def _open(services: ServiceQuerySet, at: datetime, province: str) -> ServiceQuerySet:
    """The same rule as schedules.is_open, asked of the database (a test holds the two together)."""
    local = timezone.localtime(at)
    on, moment = local.date(), local.time()
    not_over = Q(closes_at__gt=moment) | Q(closes_at=END_OF_DAY)
    weekly = Schedule.objects.filter(not_over, service=OuterRef("pk"), weekday=on.weekday(), opens_at__lte=moment)
    weekly = weekly.filter(
        Q(valid_from__isnull=True) | Q(valid_from__lte=on), Q(valid_to__isnull=True) | Q(valid_to__gte=on)
    )
    if on in public_holidays(on.year, province):
        weekly = weekly.filter(opens_at="00:00", closes_at=END_OF_DAY)
    special = ScheduleException.objects.filter(service=OuterRef("pk"), on=on)
    by_special = Exists(special.filter(not_over, opens_at__lte=moment))
    return services.filter(by_special | (Exists(weekly) & ~Exists(special)), status=Service.Status.ACTIVE)


def _far(near: Point) -> ExpressionWrapper:
    """The square of the distance in kilometres on a flat map: exact enough to put a city's services in order."""
    lon, lat = near
    east = (F("lon") - Value(lon)) * Value(KM_PER_DEGREE * math.cos(math.radians(lat)))
    north = (F("lat") - Value(lat)) * Value(KM_PER_DEGREE)
    # Nobody knows where it is: after all the others.
    return ExpressionWrapper(
        Case(
            When(Q(lon__isnull=True) | Q(lat__isnull=True), then=Value(1e9)),
            default=east * east + north * north,
            output_field=FloatField(),
        ),
        output_field=FloatField(),
    )


def distance_to(service: Service, near: Point | None) -> int | None:
    """Give the metres from `near` (lon, lat) to a service as the crow flies; None when either is unknown."""
    if near is None or service.lon is None or service.lat is None:
        return None
    return round(metres_between(near, (service.lon, service.lat)))


def metres_between(first: Point, second: Point) -> float:
    """Give the great-circle distance between two points (lon, lat) in metres (haversine formula)."""
    lon1, lat1, lon2, lat2 = map(math.radians, (*first, *second))
    half = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH_RADIUS_M * math.asin(math.sqrt(half))


def need_tops(lab: Lab) -> list[NeedCount]:
    """Give the needs of the first level that some published service of `lab` answers, with how many: one query.

    A service counts once for a need, however many of the needs under it it answers.
    """
    # Filtered before it is counted: Count keeps to the services of the filter.
    counted = (
        NeedTerm.objects.filter(is_active=True, services__in=_published(lab))
        .order_by()
        .annotate(top=Coalesce("parent_id", "pk"))
        .values("top")
        .annotate(number=Count("services", distinct=True))
    )
    terms = (
        NeedTerm.objects.filter(is_active=True, parent__isnull=True)
        .annotate(number=Subquery(counted.filter(top=OuterRef("pk")).values("number")))
        .filter(number__gt=0)
        .order_by("position", "name", "pk")
    )
    return [NeedCount(term, term.number) for term in terms]


def need_family(lab: Lab, code: str) -> NeedFamily | None:
    """Give the need with this code, the one above it and those beside or below it, with how many published services
    of `lab` answer each: one query. None when there is no such need.

    A service that answers the need above answers those under it too, as find_services has it; a need that no service
    names itself is left out.
    """
    here = Q(code=code) | Q(children__code=code) | Q(parent__code=code) | Q(parent__children__code=code)
    answering = (
        _published(lab)
        .filter(Q(needs=OuterRef("pk")) | Q(needs=OuterRef("parent_id")))
        .values("lab")
        .annotate(number=Count("pk", distinct=True))
        .values("number")
    )
    family = list(
        NeedTerm.objects.filter(here, is_active=True)
        .annotate(own=Count("services", filter=Q(services__in=_published(lab)), distinct=True))
        .annotate(number=Subquery(answering))
        .order_by("position", "name", "pk")
    )
    chosen = next((term for term in family if term.code == code), None)
    if chosen is None:
        return None
    top = next((term for term in family if term.pk == (chosen.parent_id or chosen.pk)), chosen)
    below = [NeedCount(term, term.number) for term in family if term.parent_id == top.pk and term.own]
    return NeedFamily(chosen, top, below)


def _published(lab: Lab) -> ServiceQuerySet:
    return Service.objects.of_lab(lab).published().order_by().only("pk")
