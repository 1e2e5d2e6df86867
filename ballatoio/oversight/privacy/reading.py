"""The audit and a person's own records, in words that anybody reads."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import OuterRef, Subquery
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ballatoio.base.accounts.models import Role, User
from ballatoio.base.audit.models import AuditEntry, AuditEntryQuerySet
from ballatoio.base.audit.services import record_reading
from ballatoio.base.labs.models import Lab, Organisation
from ballatoio.care.desk.models import Contact, Need

from .verbs import name_of

PAGE_SIZE = 25
ROLES: dict[str, "str | Promise"] = {
    **{str(role): role.label for role in Role},
    "": _("Il programma o una pagina pubblica"),
    "resident": _("Un abitante, dalla sua pagina"),
    "holder": _("Chi ha in mano la ricevuta"),
}
# What a person reads about their own need: it must say nothing to whoever looks over their shoulder.
STATES: dict[str, "str | Promise"] = {
    Need.State.OPEN: _("Ci stiamo lavorando"),
    Need.State.ANSWERED: _("Risposta pronta: passa o chiama"),
    Need.State.WAITING: _("Aspettiamo la risposta di altri"),
    Need.State.CLOSED: _("Concluso: te lo abbiamo detto"),
    Need.State.UNREACHABLE: _("Ti abbiamo cercato e non ti abbiamo trovato: chiamaci"),
    Need.State.NO_LONGER_WANTED: _("Chiuso: non serviva più"),
    Need.State.CANNOT_BE_TOLD: _("Chiuso"),
}


@dataclass(frozen=True)
class Row:
    """One entry of the audit as it is shown."""

    entry: AuditEntry
    verb: str
    name: str
    role: "str | Promise"
    organisation: str


@dataclass
class AuditPage:
    """One page of a chain, newest first, found by where the last one ended: a chain is too long to be counted."""

    entries: AuditEntryQuerySet
    before: str = ""
    rows: list[AuditEntry] = field(default_factory=list)
    next: int | None = None

    def __post_init__(self) -> None:
        # What is no position says nothing: the page is the newest, and the words go no further.
        self.before = self.before[:18] if self.before.isascii() and self.before.isdigit() else ""
        entries = with_organisations(self.entries).order_by("-position")
        if self.before:
            entries = entries.filter(position__lt=int(self.before))
        rows = list(entries[: PAGE_SIZE + 1])
        self.rows = rows[:PAGE_SIZE]
        self.next = self.rows[-1].position if len(rows) > PAGE_SIZE else None


@dataclass(frozen=True)
class PlainContact:
    """One contact as its own person sees it."""

    started_at: datetime
    channel: str
    states: list["str | Promise"]


@transaction.atomic(savepoint=False)
def read_audit(lab: Lab, *, by: User, chosen: Mapping[str, Any], before: str = "") -> AuditPage:
    """Give the page of the audit of `lab` that fits what was chosen in the filter; looking at it is a reading, too."""
    page = AuditPage(filter_entries(AuditEntry.objects.of_lab(lab.pk), **chosen), before)
    detail = {"before": page.before, "filters": sorted(chosen)}
    record_reading("audit.read", lab, by=by, lab_id=lab.pk, subject_id=chosen.get("persona"), detail=detail)
    return page


def filter_entries(
    entries: AuditEntryQuerySet,
    *,
    chi: str = "",
    verbo: str = "",
    tipo: str = "",
    persona: UUID | None = None,
    dal: date | None = None,
    al: date | None = None,
) -> AuditEntryQuerySet:
    """Give the entries that fit what was chosen in the filter; days are whole, in the lab's own time."""
    if chi:
        entries = entries.filter(actor_id=chi)
    if verbo:
        entries = entries.filter(verb=verbo)
    if tipo:
        entries = entries.filter(is_reading=tipo == "letture")
    if persona:
        entries = entries.about(persona)
    if dal:
        entries = entries.filter(at__gte=_midnight(dal))
    if al:
        entries = entries.filter(at__lt=_midnight(al + timedelta(days=1)))
    return entries


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


def with_organisations(entries: AuditEntryQuerySet) -> AuditEntryQuerySet:
    """Give the entries with the name of each actor's organisation: the audit has no foreign keys to follow."""
    organisation = Organisation.objects.filter(pk=OuterRef("actor_organisation_id"))
    return entries.annotate(organisation=Subquery(organisation.values("name")[:1]))


def describe_entries(entries: Iterable[AuditEntry], *, names: Mapping[UUID, str]) -> list[Row]:
    """Give entries that come from `with_organisations` in words; a name only for the actors in `names`."""
    return [
        Row(
            entry=entry,
            verb=name_of(entry.verb),
            name=names.get(entry.actor_id, "") if entry.actor_id else "",
            role=ROLES.get(entry.actor_role, entry.actor_role),
            organisation=getattr(entry, "organisation", None) or "",
        )
        for entry in entries
    ]


def plain_contact(contact: Contact) -> PlainContact:
    """Give a contact without what was said in it: the day, the way, how each need stands."""
    return PlainContact(
        started_at=contact.started_at,
        channel=contact.get_channel_display(),
        states=[STATES[need.state] for need in contact.needs.all()],
    )
