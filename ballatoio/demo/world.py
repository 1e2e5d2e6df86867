"""What the parts of the demonstration hand to each other while it is built."""

import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ballatoio.base.accounts.models import User
from ballatoio.base.directory.models import NeedTerm, Service
from ballatoio.base.labs.models import Lab, Organisation
from ballatoio.base.labs.services import is_working_day
from ballatoio.base.people.models import Person
from ballatoio.base.territory.models import Building, Dwelling

from .ledger import Ledger
from .phrases import Phrases

SEED = 20061121
YEAR = timedelta(days=365)


@dataclass
class Resident:
    """A person of the demonstration with what only its story needs to know."""

    person: Person
    gender: str
    age: int
    origin: str
    building: Building
    phone: str = ""
    is_adult: bool = True


@dataclass
class LabWorld:
    """One lab with everything that its year is made of."""

    lab: Lab
    facts: dict[str, Any]
    openings: dict[int, list[tuple[time, time]]]
    closed: frozenset[date]
    desk: list[User] = field(default_factory=list)
    helpers: list[User] = field(default_factory=list)
    coordinator: User | None = None
    buildings: list[Building] = field(default_factory=list)
    let: list[tuple[Dwelling, Building]] = field(default_factory=list)
    services: list[Service] = field(default_factory=list)
    services_by_need: dict[str, list[Service]] = field(default_factory=dict)
    residents: list[Resident] = field(default_factory=list)

    def works_on(self, day: date) -> bool:
        """Tell whether the desk is open on `day`."""
        return day.weekday() in self.openings and is_working_day(self.lab, day, self.closed)

    def working_days(self, first: date, last: date) -> Iterator[date]:
        """Give the days between two dates on which the desk is open."""
        for number in range((last - first).days + 1):
            day = first + timedelta(days=number)
            if self.works_on(day):
                yield day

    def add_working_days(self, start: date, days: int) -> date:
        """Give the date `days` working days after `start`, as the lab counts what it promises."""
        day, left = start, days
        while left > 0:
            day += timedelta(days=1)
            if is_working_day(self.lab, day, self.closed):
                left -= 1
        return day


@dataclass
class World:
    """Everything that was made so far, the same dice for all of it, and the moment at which the year ends."""

    now: datetime
    zone: ZoneInfo
    rng: random.Random
    phrases: Phrases
    ledger: Ledger = field(default_factory=Ledger)
    organisations: dict[str, Organisation] = field(default_factory=dict)
    users: dict[str, User] = field(default_factory=dict)
    terms: dict[str, NeedTerm] = field(default_factory=dict)
    labs: dict[str, LabWorld] = field(default_factory=dict)
    stories: dict[str, Resident] = field(default_factory=dict)

    @property
    def today(self) -> date:
        return self.now.astimezone(self.zone).date()

    @property
    def began_at(self) -> datetime:
        """The moment at which everything that is older than the year was already there."""
        return self.now - YEAR - timedelta(days=30)

    def at(self, day: date, clock: time) -> datetime:
        """Give a moment by the clock on the wall of the city."""
        return datetime.combine(day, clock, tzinfo=self.zone)

    def id_at(self, moment: datetime) -> uuid.UUID:
        """Give a UUIDv7 (RFC 9562) for a record that was made at `moment`."""
        milliseconds = int(moment.timestamp() * 1000)
        bits = (milliseconds << 80) | self.rng.getrandbits(80)
        bits = bits & ~(0xF << 76) | (0x7 << 76)
        return uuid.UUID(int=bits & ~(0x3 << 62) | (0x2 << 62))

    def random_id(self) -> uuid.UUID:
        """Give a random identifier, drawn from the same dice as everything else."""
        return uuid.UUID(int=self.rng.getrandbits(128), version=4)
