"""Issues as they are read: the list with its filters, what belongs together, how many asked in each month."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.db.models import Count, Exists, OuterRef, Q
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from ballatoio.base.accounts.models import User
from ballatoio.base.directory.models import NeedTerm
from ballatoio.base.labs.models import Lab
from ballatoio.base.people.models import HouseholdMember
from ballatoio.base.territory.models import Building
from ballatoio.care.desk.fields import QuickSelect, line_field
from ballatoio.care.desk.forms import DeskLists
from ballatoio.care.desk.lists import ANY, day_start
from ballatoio.care.desk.models import Need, NeedQuerySet

from .models import BuildingIssue, BuildingIssueQuerySet, IssueNeed

# What was asked in so many days may be one thing, when so many contacts asked it.
TOGETHER_DAYS = 60
TOGETHER_FROM = 3
# What is one household's own, and nobody proposes to follow with a neighbour's (families and terms of the taxonomy).
# Whoever finds that several do have it in common opens an issue by hand.
OF_ONE_HOUSEHOLD = (
    *("money", "health", "family", "papers", "work", "language", "digital"),
    *("home-application", "home-change", "home-transfer", "home-eviction", "neighbours-conflict", "neighbours-alone"),
)
# So many needs are offered at once to be joined; so many groups are proposed.
MOST_OFFERED = 100
MOST_PROPOSED = 8


def apart_needs(lab: Lab, *, since: date | None = None) -> NeedQuerySet:
    """Give the needs of a lab that may be followed together with others and are not yet.

    Those of protected people are left out: a house must not tell where they live. They are joined from their own page.
    """
    first = since or timezone.localdate() - timedelta(days=TOGETHER_DAYS)
    return Need.objects.filter(
        ~Exists(IssueNeed.objects.filter(need=OuterRef("pk"))),
        Q(person__isnull=True) | Q(person__is_protected=False),
        lab=lab,
        opened_at__gte=day_start(first),
        building__isnull=False,
        term__isnull=False,
    ).exclude(state=Need.State.NO_LONGER_WANTED)


def offered(lab: Lab, building: Building, term: NeedTerm) -> list[Need]:
    """Give the latest needs of a building about a term that may be joined, with what a line about them shows."""
    found = apart_needs(lab).filter(building=building, term=term).select_related("contact").defer("sealed")
    return list(found.order_by("-opened_at", "-pk")[:MOST_OFFERED])


def joined_needs(issue: BuildingIssue, user: User) -> NeedQuerySet:
    """Give the needs of an issue as its page lists them, without names; those of protected people are only counted."""
    found = Need.objects.visible_to(user).filter(pk__in=issue.joined.values("need"))
    listed = found.exclude(person__is_protected=True).select_related("contact", "owner").defer("sealed")
    return listed.order_by("-opened_at", "-pk")


def common_needs(lab: Lab) -> NeedQuerySet:
    """Give those of them that are of a kind that neighbours have in common."""
    # Looked up by themselves: joined to every need, the terms would cost more than the count.
    own = NeedTerm.objects.filter(Q(code__in=OF_ONE_HOUSEHOLD) | Q(parent__code__in=OF_ONE_HOUSEHOLD))
    return apart_needs(lab).exclude(term__in=list(own.values_list("pk", flat=True)))


@dataclass(frozen=True)
class Together:
    """Needs of one building and term that nobody follows together yet: how many contacts asked."""

    building: Building
    term: NeedTerm
    contacts: int


def proposed(lab: Lab, *, building: Building | None = None) -> list[Together]:
    """Give what at least TOGETHER_FROM contacts of one building asked lately, if somebody still waits; most first."""
    needs = common_needs(lab)
    if building is not None:
        needs = needs.filter(building=building)
    groups = list(
        needs.order_by()
        .values("building", "term")
        .annotate(contacts=Count("contact", distinct=True), waiting=Count("pk", filter=Q(state__in=Need.OPEN_STATES)))
        .filter(contacts__gte=TOGETHER_FROM, waiting__gte=1)
        .order_by("-contacts", "building", "term")[:MOST_PROPOSED]
    )
    buildings = Building.objects.defer("geometry").in_bulk({group["building"] for group in groups})
    terms = NeedTerm.objects.in_bulk({group["term"] for group in groups})
    return [Together(buildings[row["building"]], terms[row["term"]], row["contacts"]) for row in groups]


@dataclass(frozen=True)
class Company:
    """What a need may be followed with: the issue that it is in, those that it could join, how many ask the same."""

    issue: BuildingIssue | None
    open_issues: list[BuildingIssue]
    others: int

    @property
    def is_proposed(self) -> bool:
        """Enough others ask the same, and nobody follows them together."""
        return self.issue is None and not self.open_issues and self.others + 1 >= TOGETHER_FROM


def company_of(need: Need) -> Company:
    """Give what a need may be followed with, in its own building; nothing when it names no building or no term."""
    link = IssueNeed.objects.filter(need=need).select_related("issue").first()
    if link or need.building_id is None or need.term_id is None:
        return Company(link.issue if link else None, [], 0)
    same = BuildingIssue.objects.still_open().filter(lab=need.lab, building=need.building_id, term=need.term_id)
    others = (
        common_needs(need.lab).filter(building=need.building_id, term=need.term_id).exclude(contact=need.contact_id)
    )
    return Company(None, list(same[:5]), others.order_by().values("contact").distinct().count())


@dataclass(frozen=True)
class Month:
    """How many asked in a month, and how many households they are."""

    first: date
    contacts: int
    households: int


@dataclass(frozen=True)
class Voices:
    """Who asked, counted: never who."""

    contacts: int
    households: int
    open_needs: int
    months: list[Month]


def voices_of(issue: BuildingIssue) -> Voices:
    """Count who stands behind an issue: contacts, and households (whoever lives with nobody we know is one; so is
    a protected person, who is never counted with those they lived with; so is an anonymous contact)."""
    rows = list(
        Need.objects.filter(pk__in=issue.joined.values("need"))
        .order_by()
        .values_list("contact_id", "person_id", "opened_at", "state", "person__is_protected")
    )
    homes = _households(person for _contact, person, _at, _state, hidden in rows if person and not hidden)
    contacts: dict[date, set[UUID]] = defaultdict(set)
    households: dict[date, set[UUID]] = defaultdict(set)
    for contact, person, at, _state, _hidden in rows:
        month = timezone.localdate(at).replace(day=1)
        contacts[month].add(contact)
        households[month].add(homes.get(person, person) or contact)
    return Voices(
        contacts=len(set().union(*contacts.values())),
        households=len(set().union(*households.values())),
        open_needs=sum(state in Need.OPEN_STATES for _contact, _person, _at, state, _hidden in rows),
        months=[Month(month, len(contacts[month]), len(households[month])) for month in sorted(contacts)],
    )


def _households(people: Iterable[UUID]) -> dict[UUID, UUID]:
    members = HouseholdMember.objects.filter(person__in=set(people), until__isnull=True)
    return dict(members.order_by().values_list("person_id", "household_id"))


def with_counts(issues: BuildingIssueQuerySet) -> BuildingIssueQuerySet:
    """Give the issues with all that a row shows, and how many contacts are joined (`contacts`)."""
    related = issues.select_related("building", "stair", "term", "owner").defer("building__geometry")
    return related.annotate(contacts=Count("joined__need__contact", distinct=True))


def issues_due(user: User, lab: Lab) -> BuildingIssueQuerySet:
    """Give the open issues that `user` owns in a lab and whose date has come, the oldest first."""
    due = BuildingIssue.objects.visible_to(user).due_by(timezone.localdate()).filter(lab=lab, owner=user)
    return with_counts(due).order_by("next_on", "opened_at", "pk")


class IssueFilter(forms.Form):
    """Filters of the list of issues; without any, those that are open."""

    STATES = [
        ("aperte", _("aperte")),
        *BuildingIssue.State.choices,
        ("tutte", _("tutte")),
    ]
    stato = forms.ChoiceField(label=_("Stato"), choices=STATES, required=False, initial="aperte", widget=QuickSelect)
    di = forms.ChoiceField(label=_("Se ne occupa"), required=False, widget=QuickSelect)
    bisogno = forms.ChoiceField(label=_("Bisogno"), required=False, widget=QuickSelect)
    via = line_field(_("Casa"), max_length=80)
    casa = forms.UUIDField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: Any, *, lists: DeskLists) -> None:
        super().__init__(data)
        self.lists = lists
        terms = [(term.code, f"{'— ' if term.parent_id else ''}{term.name}") for term in lists.terms]
        choice: Any = self.fields["bisogno"]
        choice.choices = [*ANY, *terms]
        choice = self.fields["di"]
        choice.choices = [*ANY, *((str(user.pk), str(user)) for user in lists.staff)]

    @cached_property
    def asked(self) -> dict[str, Any]:
        """The filters in use; one that makes no sense does not count."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}

    def issues(self) -> BuildingIssueQuerySet:
        """Give the issues that the operator may see and that pass the filters: open ones by date, others by age."""
        asked = self.asked
        found = BuildingIssue.objects.visible_to(self.lists.user).filter(lab=self.lists.lab)
        state = asked.get("stato", "aperte")
        if state == "aperte":
            found = found.still_open()
        elif state != "tutte":
            found = found.filter(state=state)
        if "di" in asked:
            found = found.filter(owner=asked["di"])
        if "bisogno" in asked:
            found = found.filter(Q(term__code=asked["bisogno"]) | Q(term__parent__code=asked["bisogno"]))
        if "casa" in asked:
            found = found.filter(building=asked["casa"])
        for word in asked.get("via", "").lower().split():
            found = found.filter(Q(building__street_key__contains=word) | Q(building__civic_key=word))
        rows = with_counts(found)
        return rows.order_by("next_on", "opened_at", "pk") if state == "aperte" else rows.order_by("-opened_at", "-pk")
