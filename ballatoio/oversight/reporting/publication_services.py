"""What leaves the lab: each month counted once, masked, fixed; each quarter by house, out of the same counts.

Outside the lab nobody sees a number that is not in a publication. The tables are always the same, there is no filter,
and nothing is counted again: so no two of them can be subtracted to find somebody (docs/decisions/0008).
"""

from collections import Counter
from collections.abc import Iterable
from datetime import date, timedelta
from statistics import median
from typing import Any

from django.db import transaction
from django.db.models import BooleanField, Count, ExpressionWrapper, Min, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from ballatoio.base.audit.services import record_act
from ballatoio.base.core.languages import SPOKEN
from ballatoio.base.core.masking import MINIMUM_COUNT, Path, Shown, mask_tables, name_pairs
from ballatoio.base.directory.models import NeedTerm
from ballatoio.base.labs.models import Lab
from ballatoio.base.labs.services import next_working_day
from ballatoio.base.territory.models import Building
from ballatoio.care.desk.lists import day_start, top_terms
from ballatoio.care.desk.models import Contact, Need

from .models import Publication
from .spans import months_between, months_from, next_month

# Written in every publication: two of them compare only when it is the same.
DEFINITION = 1
OWN_WORDS = "senza"
NO_HOUSE = ""
STILL_OPEN = "aperti"
Kind = Publication.Kind


class MonthIsNotOver(Exception):
    """A month is published from the first working day of the next one on: until then its numbers still move."""


def is_due(lab: Lab, month: date) -> bool:
    """Tell whether the first working day after a month has come."""
    return timezone.localdate() >= next_working_day(lab, next_month(month))


@transaction.atomic
def publish_month(lab: Lab, month: date) -> Publication:
    """Fix what leaves the lab about a month; a second time give what was fixed. Raise MonthIsNotOver."""
    Lab.objects.select_for_update(of=("self",), no_key=True).get(pk=lab.pk)
    there = Publication.objects.filter(lab=lab, kind=Kind.MONTH, first=month).first()
    if there is not None:
        return there
    if not is_due(lab, month):
        raise MonthIsNotOver
    with override("it"):
        content, unpublished = _count_month(lab, month)
    found = Publication.objects.create(lab=lab, kind=Kind.MONTH, first=month, content=content, unpublished=unpublished)
    record_act("figures.publish", found, by=None, lab_id=lab.pk, detail={"month": f"{month:%Y-%m}"})
    return found


@transaction.atomic
def publish_quarter(lab: Lab, first: date) -> Publication:
    """Fix what leaves the lab about the houses of a quarter, out of its published months. Raise MonthIsNotOver."""
    Lab.objects.select_for_update(of=("self",), no_key=True).get(pk=lab.pk)
    there = Publication.objects.filter(lab=lab, kind=Kind.QUARTER, first=first).first()
    if there is not None:
        return there
    if not is_due(lab, months_from(first, 3).last):
        raise MonthIsNotOver
    last = months_from(first, 3).last
    months = list(Publication.objects.filter(lab=lab, kind=Kind.MONTH, first__gte=first, first__lte=last))
    houses, spent = Counter[Path](), Counter[Path]()
    for month in months:
        houses.update({(house,): n for house, n in month.unpublished.get("houses", {}).items()})
        spent.update({(house,): MINIMUM_COUNT for _topic, house in month.content["named"]})
    shown = mask_tables({"house": houses}, {"house": spent})["house"]
    with override("it"):
        names = {"house": _house_names(shown.parts) | {NO_HOUSE: _("Nessuna casa indicata")}}
    content = {"definition": DEFINITION, "house": shown.as_data(), "names": names}
    found = Publication.objects.create(lab=lab, kind=Kind.QUARTER, first=first, content=content)
    Publication.objects.filter(pk__in=[month.pk for month in months]).update(unpublished={})
    record_act("figures.publish", found, by=None, lab_id=lab.pk, detail={"quarter": f"{first:%Y-%m}"})
    return found


def publish_due(lab: Lab) -> list[Publication]:
    """Publish the months and quarters of a lab that are over and were not published yet; give them."""
    began = Contact.objects.filter(lab=lab).order_by().aggregate(first=Min("started_at"))["first"]
    if began is None:
        return []
    last = timezone.localdate().replace(day=1) - timedelta(days=1)
    months = [month for month in months_between(timezone.localdate(began), last) if is_due(lab, month)]
    kept = set(Publication.objects.filter(lab=lab).values_list("kind", "first"))
    published = []
    for month in months:
        if (str(Kind.MONTH), month) not in kept:
            published.append(publish_month(lab, month))
        quarter = month.replace(month=month.month - 2) if month.month % 3 == 0 else None
        if quarter and (str(Kind.QUARTER), quarter) not in kept:
            published.append(publish_quarter(lab, quarter))
    return published


def _count_month(lab: Lab, month: date) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give what is published of a month, and what its quarter needs beside."""
    inside = day_start(month), day_start(next_month(month))
    contacts = Contact.objects.filter(lab=lab, started_at__gte=inside[0], started_at__lt=inside[1]).order_by()
    needs = Need.objects.filter(lab=lab, opened_at__gte=inside[0], opened_at__lt=inside[1]).order_by()
    terms = {term.pk: term for term in NeedTerm.objects.order_by("position", "name")}
    paths = _topic_paths(terms)
    channels, languages, who = Counter[Path](), Counter[Path](), Counter[Path]()
    is_anonymous = ExpressionWrapper(Q(person__isnull=True), output_field=BooleanField())
    for channel, language, anonymous, n in contacts.values_list("channel", "language", is_anonymous).annotate(
        Count("pk")
    ):
        channels[(channel,)] += n
        languages[(language,)] += n
        who[("anonimo" if anonymous else "conosciuto",)] += n
    of_contacts = mask_tables({"channel": channels, "language": languages, "who": who})
    topics, endings, told, houses = Counter[Path](), Counter[Path](), Counter[tuple[Path, Path]](), Counter[str]()
    for term, state, building, is_protected, n in needs.values_list(
        "term", "state", "building", "person__is_protected"
    ).annotate(n=Count("pk")):
        # A house must not tell where a protected person lives.
        house = NO_HOUSE if is_protected or building is None else str(building)
        topics[paths[term]] += n
        endings[(state if state in Need.CLOSED_STATES else STILL_OPEN,)] += n
        houses[house] += n
        if house != NO_HOUSE:
            told[paths[term], (house,)] += n
    of_needs = mask_tables({"topic": topics, "ending": endings})
    named = [[list(path), house[0]] for path, house in name_pairs(told, of_needs["topic"])]
    tables = of_contacts | of_needs
    content = {
        "definition": DEFINITION,
        **{name: shown.as_data() for name, shown in tables.items()},
        "named": named,
        "days": _days_to_answer(needs) if "closed" in tables["ending"].parts else None,
        "names": _names(tables, terms, [str(house) for _path, house in named]),
    }
    # A month whose needs are too few to be shown must not be found again in its quarter.
    return content, {"houses": {} if of_needs["topic"].total is None else dict(houses)}


def _topic_paths(terms: dict[Any, NeedTerm]) -> dict[Any, Path]:
    """Give for each term its path: the topic, then the term itself when it stands under it."""
    tops = top_terms(terms.values())
    paths: dict[Any, Path] = {pk: (tops[pk].code, term.code) for pk, term in terms.items()}
    return paths | {None: (OWN_WORDS, OWN_WORDS)}


def _days_to_answer(needs: Any) -> float:
    """Half of the needs whose answer arrived took no more days than this."""
    closed = needs.filter(state=Need.State.CLOSED).values_list("opened_at", "closed_at")
    return median((timezone.localdate(end) - timezone.localdate(start)).days for start, end in closed)


def _names(tables: dict[str, Shown], terms: dict[Any, NeedTerm], houses: Iterable[str]) -> dict[str, dict[str, str]]:
    """Give the Italian names of all that is shown, as they are today: a publication says the same words for ever."""
    endings = {str(state): str(Need.State(state).label) for state in Need.CLOSED_STATES}
    known = {
        "topic": {term.code: term.name for term in terms.values()} | {OWN_WORDS: _("con parole sue")},
        "ending": endings | {STILL_OPEN: _("Ancora aperti")},
        "channel": {str(code): str(name) for code, name in Contact.Channel.choices},
        "language": {code: str(name) for code, _own, name in SPOKEN} | {"other": _("un’altra lingua")},
        "who": {"anonimo": _("anonimi"), "conosciuto": _("conosciuti")},
    }
    used = {name: {key for path in shown.leaves() for key in path} for name, shown in tables.items()}
    found = {name: {key: known[name].get(key, key) for key in sorted(keys)} for name, keys in used.items()}
    return found | {"house": _house_names(houses)}


def _house_names(ids: Iterable[str]) -> dict[str, str]:
    return {str(house.pk): str(house) for house in Building.objects.filter(pk__in=[pk for pk in ids if pk])}
