"""The whole demonstration: what is made, in which order, and all of it or nothing."""

import gc
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.utils import timezone, translation

from ballatoio.base.audit.services import seal_chains
from ballatoio.base.labs.models import Lab

from .base import build_base
from .care import build_care
from .content import load
from .desk_day import build_desk_day
from .people import build_people
from .phrases import Phrases
from .territory import build_territory
from .world import SEED, World


def write_ledger(world: World) -> None:
    """Put everything that happened in the audit, in the order of time."""
    world.ledger.write()


STEPS: tuple[tuple[str, Callable[[World], None]], ...] = (
    ("laboratori e servizi", build_base),
    ("case e luoghi", build_territory),
    ("persone", build_people),
    ("un anno di sportello", build_care),
    ("registro degli accessi", write_ledger),
    ("la giornata di oggi", build_desk_day),
)


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Nothing of what is made can be thrown away before it is written: looking for it costs a fifth of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class RealDataIsHere(Exception):
    """This installation has labs of its own: invented people are never mixed with real ones."""


def seed_demo(now: datetime | None = None, tell: Callable[[str], object] = str) -> bool:
    """Make the demonstration, a year of life that ends at `now` (this moment by default); give whether it was made.

    `tell` is called with the name of each step as it begins. A second time nothing is done. Raise RealDataIsHere
    in an installation with labs that are not the demonstration's.
    """
    if Lab.objects.exclude(synthetic=True).exists():
        raise RealDataIsHere
    if Lab.objects.filter(slug__in=[facts["slug"] for facts in load("labs")["labs"]]).exists():
        return False
    rng = random.Random(SEED)
    moment = (now or timezone.now()).replace(microsecond=0)
    world = World(now=moment, zone=ZoneInfo(settings.TIME_ZONE), rng=rng, phrases=Phrases(rng))
    with translation.override("it"), transaction.atomic(), without_garbage_collection():
        for name, step in STEPS:
            tell(name)
            step(world)
    seal_chains()
    return True
