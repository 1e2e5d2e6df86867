"""What the public home says about each lab, gathered in a fixed number of queries."""

import re
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.core.cache import cache
from django.db.models import Count
from django.utils.translation import get_language

from ballatoio.base.core.masking import Shown
from ballatoio.base.directory.models import Service
from ballatoio.base.directory.texts import SOURCE_LANGUAGE, Text, translated
from ballatoio.base.labs.models import Lab
from ballatoio.oversight.reporting.published import latest_months
from ballatoio.web.home.hours import DeskHours, desk_hours_of

FIGURES_KEPT_SECONDS = 300


@dataclass(frozen=True)
class Figures:
    """Counts of a lab; None where so few people stand behind a count that it could point at one of them.

    `month` is the last one that was published; None before the first.
    """

    month: date | None
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
    """How many were heard and got an answer in the last published month; kept for five minutes."""
    found: dict[Any, Figures] | None = cache.get("home:published")
    if found is None or set(found) != {lab.pk for lab in labs}:
        found = count_figures(labs)
        cache.set("home:published", found, FIGURES_KEPT_SECONDS)
    return found


def count_figures(labs: list[Lab]) -> dict[Any, Figures]:
    """Give what was published of the last month, and count services: two queries.

    Counted live, two looks at the page would tell that somebody came in between.
    """
    services = per_lab(Service.objects.filter(lab__in=labs, status=Service.Status.ACTIVE))
    months = latest_months(labs)
    found = {}
    for lab in labs:
        month = months.get(lab.pk)
        heard = answered = None
        if month is not None:
            heard = Shown.from_data(month.content["channel"]).total
            closed = Shown.from_data(month.content["ending"]).parts.get("closed")
            answered = closed.total if closed else None
        found[lab.pk] = Figures(month.first if month else None, heard, answered, services.get(lab.pk, 0))
    return found


def per_lab(rows: Any) -> dict[Any, int]:
    """Count rows by lab, in one query."""
    return dict(rows.order_by().values_list("lab_id").annotate(Count("pk")))
