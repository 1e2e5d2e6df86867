"""The operator's day: every open need that they own is in it, what is late first."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from django.db.models import Count, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from ballatoio.base.accounts.models import User
from ballatoio.base.jobs.models import Draft
from ballatoio.base.labs.models import Lab

from .lists import open_needs_of, with_tries
from .models import MessageDelivery, Need, NeedQuerySet
from .services import DRAFT_KIND

# Each part of the day shows so many rows; below stands how many more there are, with their list.
ROWS = 20


@dataclass
class Part:
    """A part of the day: its first rows, and how many there are in all."""

    needs: list[Need] = field(default_factory=list)
    total: int = 0

    def add(self, need: Need, on: date) -> None:
        """Count a need, and keep it when there is room, with how many days late it is."""
        self.total += 1
        need.days_late = (on - need.next_on).days if need.next_on else 0  # type: ignore[attr-defined]
        if len(self.needs) < ROWS:
            self.needs.append(need)

    @property
    def more(self) -> int:
        return self.total - len(self.needs)


@dataclass(frozen=True)
class Load:
    """How much one colleague carries."""

    owner: User
    needs: int
    late: int


@dataclass
class Day:
    """What waits for one operator in one lab."""

    on: date
    escalated: Part = field(default_factory=Part)
    late: Part = field(default_factory=Part)
    due: Part = field(default_factory=Part)
    to_tell: Part = field(default_factory=Part)
    later: Part = field(default_factory=Part)
    messages: list[MessageDelivery] = field(default_factory=list)
    loads: list[Load] = field(default_factory=list)
    whole_desk: bool = False

    @property
    def is_calm(self) -> bool:
        """Nothing is late, nothing is due, nobody is waiting to be told."""
        return not (self.escalated.total or self.late.total or self.due.total or self.to_tell.total)


def day_of(user: User, lab: Lab, *, whole_desk: bool) -> Day:
    """Give the day of `user`; with `whole_desk` also what is escalated to the coordinator, and who carries how much."""
    day = Day(on=timezone.localdate(), whole_desk=whole_desk)
    for need in open_needs_of(user, lab):
        part_of(day, need).add(need, day.on)
    if whole_desk:
        others = open_escalated(lab).exclude(owner=user)
        for silent in others[:ROWS]:
            day.escalated.add(silent, day.on)
        day.escalated.total = Need.objects.escalated().filter(lab=lab).count()
        day.loads = loads(lab, day.on)
    deliveries = MessageDelivery.objects.filter(user=user, message__lab=lab, read_at__isnull=True)
    related = deliveries.select_related("message__person", "message__left_by")
    day.messages = list(
        related.defer("message__sealed", "message__person__sealed").order_by("message__left_at")[: ROWS * 5]
    )
    return day


def drafts_of(user: User, lab: Lab) -> list[Draft]:
    """Give the contacts that `user` left half way in this lab, the latest first."""
    drafts = Draft.objects.visible_to(user).filter(lab=lab, kind=DRAFT_KIND)
    return list(drafts.defer("sealed").order_by("-updated_at")[:5])


def part_of(day: Day, need: Need) -> Part:
    """Give the part of the day to which a need belongs."""
    assert need.next_on is not None  # a database constraint for every open need
    if need.escalated_at:
        return day.escalated
    if need.next_on < day.on:
        return day.late
    if need.state == Need.State.ANSWERED:
        return day.to_tell
    return day.due if need.next_on == day.on else day.later


def open_escalated(lab: Lab) -> NeedQuerySet:
    """Give the needs of a lab whose silence was passed on to the coordinator, the oldest first."""
    return with_tries(Need.objects.escalated().filter(lab=lab)).order_by("next_on", "pk")


def loads(lab: Lab, on: date) -> list[Load]:
    """Give how many open needs each colleague has, and how many of them are late; the heaviest first."""
    rows = (
        Need.objects.still_open()
        .filter(lab=lab)
        .order_by()
        .values("owner", "owner__name", "owner__email")
        .annotate(needs=Count("pk"), late=Count("pk", filter=Q(next_on__lt=on)))
    )
    found = [
        Load(User(pk=row["owner"], name=row["owner__name"], email=row["owner__email"]), row["needs"], row["late"])
        for row in rows
    ]
    return sorted(found, key=lambda load: (-load.late, -load.needs, str(load.owner)))


def needs_falling(lab: Lab, days: Sequence[date]) -> tuple[str, int]:
    """Give how many open needs are to be looked at again on some days (settings.DATES_FALLING): one query."""
    return _("bisogni da riprendere"), Need.objects.still_open().filter(lab=lab, next_on__in=days).count()
