"""What the public home says about each lab, gathered in a fixed number of queries."""

import re
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.core.cache import cache
from django.db.models import Count
from django.utils import timezone
from django.utils.translation import get_language

from ballatoio.base.core.masking import mask_small_cells
from ballatoio.base.directory.models import Service
from ballatoio.base.directory.texts import SOURCE_LANGUAGE, Text, translated
from ballatoio.base.labs.models import Lab
from ballatoio.care.desk.models import Contact, Need
from ballatoio.web.home.hours import DeskHours, desk_hours_of

FIGURES_KEPT_SECONDS = 300
HEARD_DAYS = 7
ANSWERED_DAYS = 30


@dataclass(frozen=True)
class Figures:
    """Counts of a lab; None where so few people stand behind a count that it could point at one of them."""

    heard: int | None
    answered: int | None
    services: int


@dataclass(frozen=True)
class LabCard:
    """A lab on the public home."""

    lab: Lab
    hours: DeskHours
    blurb: Text
    figures: Figures

    @property
    def opening_words(self) -> str:
        """The first sentence of what the lab says of itself."""
        return first_sentence(self.blurb.value)[0]


def lab_cards() -> list[LabCard]:
    """Every lab of the installation with its state now."""
    labs = list(Lab.objects.order_by("name"))
    hours = desk_hours_of(labs)
    figures = lab_figures(labs)
    words = blurbs(labs)
    return [LabCard(lab, hours[lab.pk], words[lab.pk], figures[lab.pk]) for lab in labs]


def blurbs(labs: list[Lab]) -> dict[Any, Text]:
    """Each lab's own words in the language of the page, or in Italian when no translation may be shown."""
    found = translated(labs, get_language() or SOURCE_LANGUAGE, ["blurb"])
    return {pk: texts["blurb"] for pk, texts in found.items()}


def first_sentence(text: str) -> tuple[str, str]:
    """A text parted after its first sentence, in any of the writings of the pages: a phone shows the house sooner."""
    found = re.match(r"(.+?[.!?؟。])\s+(.+)", text, re.S)
    return (found[1], found[2]) if found else (text, "")


def lab_figures(labs: list[Lab]) -> dict[Any, Figures]:
    """How many were heard and got an answer lately, small counts masked; kept for five minutes."""
    found: dict[Any, Figures] | None = cache.get("home:figures")
    if found is None or set(found) != {lab.pk for lab in labs}:
        found = count_figures(labs)
        cache.set("home:figures", found, FIGURES_KEPT_SECONDS)
    return found


def count_figures(labs: list[Lab]) -> dict[Any, Figures]:
    """Count contacts of the last week, needs of the last month that have had their answer, and services: three queries.

    The two counts of people pass through the one function that hides small cells, as everywhere else.
    """
    now = timezone.now()
    heard = per_lab(Contact.objects.filter(lab__in=labs, started_at__gte=now - timedelta(days=HEARD_DAYS)))
    answered = per_lab(
        Need.objects.filter(lab__in=labs, state=Need.State.CLOSED, opened_at__gte=now - timedelta(days=ANSWERED_DAYS))
    )
    services = per_lab(Service.objects.filter(lab__in=labs, status=Service.Status.ACTIVE))
    table: dict[tuple[Hashable, Hashable], int] = {(lab.pk, "heard"): heard.get(lab.pk, 0) for lab in labs}
    table |= {(lab.pk, "answered"): answered.get(lab.pk, 0) for lab in labs}
    shown = mask_small_cells(table)
    return {lab.pk: Figures(shown[lab.pk, "heard"], shown[lab.pk, "answered"], services.get(lab.pk, 0)) for lab in labs}


def per_lab(rows: Any) -> dict[Any, int]:
    """Count rows by lab, in one query."""
    return dict(rows.order_by().values_list("lab_id").annotate(Count("pk")))
