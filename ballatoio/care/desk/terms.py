"""The needs taxonomy as the desk uses it while somebody types: what they may mean, what this desk meant most lately."""

import uuid
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from time import monotonic

from django.conf import settings
from django.db.models import Count
from django.utils import timezone

from ballatoio.base.directory.models import NeedTerm
from ballatoio.base.directory.term_index import WORDS, Suggestion, TermIndex
from ballatoio.base.directory.words import fold
from ballatoio.base.labs.models import Lab

from .models import Need

SUGGESTED = 6
LATELY = timedelta(days=90)
# The choice that leaves a need in the words in which it was said.
OWN_WORDS = "-"

_used: dict[uuid.UUID, tuple[float, dict[uuid.UUID, int]]] = {}


def term_use(lab: Lab, since: date) -> dict[uuid.UUID | None, int]:
    """Give how many needs of a lab were opened under each term since a day; None: in their own words (one query)."""
    start = timezone.make_aware(datetime.combine(since, time.min))
    opened = Need.objects.filter(lab=lab, opened_at__gte=start).order_by()
    return dict(opened.values_list("term").annotate(n=Count("pk")))


def used_lately(lab: Lab) -> dict[uuid.UUID, int]:
    """Give how often each term was used in the last 90 days; kept in the process as the terms are."""
    kept = _used.get(lab.pk)
    if kept is None or monotonic() >= kept[0]:
        counts = {pk: count for pk, count in term_use(lab, timezone.localdate() - LATELY).items() if pk}
        kept = _used[lab.pk] = (monotonic() + settings.NEED_TERMS_KEPT, counts)
    return kept[1]


@dataclass(frozen=True)
class TermChoices:
    """What the page offers under the field of a need: the needs that may be meant, and the one that is chosen."""

    typed: str = ""
    found: list[Suggestion] = field(default_factory=list)
    chosen: str = ""

    @property
    def enter(self) -> bool:
        """Whether Enter goes into the choices: what was typed begins the words of the first, and none is chosen yet."""
        return bool(self.typed and self.found and not self.chosen and self.found[0].fit <= WORDS)


def choices_of(lab: Lab, index: TermIndex, typed: str, *, chosen: str = "") -> TermChoices:
    """Give what the desk offers for what was typed; with nothing typed, what it used most lately.

    Chosen is what the operator chose (a code, or OWN_WORDS), else the need that is certainly meant.
    """
    found = index.suggest(typed, used_lately(lab), SUGGESTED)
    codes = [suggestion.term.code for suggestion in found]
    if chosen not in (*codes, OWN_WORDS):
        meant = index.sure(typed)
        chosen = meant.code if meant and meant.code in codes else ""
    return TermChoices(typed, found, chosen)


def term_chosen(index: TermIndex, typed: str, *, chosen: str = "", asked: str = "") -> NeedTerm | None:
    """Give the term under which a need is kept: the one chosen for these very words, else the one certainly meant.

    None leaves it in the words in which it was said. A choice made for other words (`asked`) does not count.
    """
    if chosen and fold(asked) == fold(typed):
        return next((term for term in index.terms.values() if term.code == chosen), None)
    return index.sure(typed)
