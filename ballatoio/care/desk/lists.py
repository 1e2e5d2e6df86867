"""The lists of the desk: what a filter in the address means, and the page that is shown of it."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.db.models import Exists, OuterRef, Prefetch, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ballatoio.base.accounts.models import User
from ballatoio.base.directory.models import NeedTerm
from ballatoio.base.labs.models import Lab

from .fields import DayField, line_field
from .forms import DeskLists, language_choices
from .models import Contact, ContactQuerySet, Need, NeedQuerySet

PAGE_SIZE = 25
# Counting every row of a desk's life on each page would cost more than the page: beyond this it is «more than».
COUNTED = 1000
ANY = [("", gettext_lazy("tutti"))]
# Filters that compare one column.
COLUMNS = {"canale": "channel", "lingua": "language", "operatore": "recorded_by", "casa": "building"}
OPEN_OR_CLOSED = [("aperti", gettext_lazy("aperti")), *Need.State.choices]


def day_start(day: date) -> datetime:
    """Give the moment at which a day begins where the lab is."""
    return timezone.make_aware(datetime.combine(day, time.min))


class PeriodForm(forms.Form):
    """The filters that all lists have in common; a filter that makes no sense is said, and does not count."""

    dal = DayField(label=gettext_lazy("Dal"), required=False)
    al = DayField(label=gettext_lazy("Al"), required=False)
    bisogno = forms.ChoiceField(label=gettext_lazy("Bisogno"), required=False)

    def __init__(self, *args: Any, lists: DeskLists, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lists = lists
        terms = [(term.code, f"{'— ' if term.parent_id else ''}{term.name}") for term in lists.terms]
        self.fields["bisogno"].choices = [*ANY, ("senza", _("con parole sue")), *terms]  # type: ignore[attr-defined]

    @property
    def asked(self) -> dict[str, Any]:
        """The filters in use, without those left empty."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value not in ("", None, False)}

    def term_ids(self, code: str) -> list[UUID]:
        """Give the term with this code and those under it."""
        top = next((term for term in self.lists.terms if term.code == code), None)
        if top is None:
            return []
        return [top.pk, *(term.pk for term in self.lists.terms if term.parent_id == top.pk)]

    def by_term(self, code: str) -> Q:
        """Give the condition on a need: of this term or under it, or without any."""
        return Q(term__isnull=True) if code == "senza" else Q(term__in=self.term_ids(code))


class ContactFilter(PeriodForm):
    """Filters of the list of contacts."""

    q = line_field(gettext_lazy("Cerca"))
    canale = forms.ChoiceField(label=gettext_lazy("Canale"), choices=[*ANY, *Contact.Channel.choices], required=False)
    lingua = forms.ChoiceField(label=gettext_lazy("Lingua"), required=False)
    stato = forms.ChoiceField(label=gettext_lazy("Stato"), choices=[*ANY, *OPEN_OR_CLOSED], required=False)
    chi = forms.ChoiceField(
        label=gettext_lazy("Chi"),
        choices=[*ANY, ("anonimo", gettext_lazy("anonimi")), ("conosciuto", gettext_lazy("conosciuti"))],
        required=False,
    )
    operatore = forms.ChoiceField(label=gettext_lazy("Operatore"), required=False)
    casa = forms.UUIDField(required=False, widget=forms.HiddenInput)

    field_order = ["q", "dal", "al", "canale", "lingua", "bisogno", "stato", "chi", "operatore", "casa"]

    def __init__(self, *args: Any, lists: DeskLists, **kwargs: Any) -> None:
        super().__init__(*args, lists=lists, **kwargs)
        self.fields["lingua"].choices = [*ANY, *language_choices()]  # type: ignore[attr-defined]
        staff = [(str(user.pk), str(user)) for user in lists.staff]
        self.fields["operatore"].choices = [*ANY, *staff]  # type: ignore[attr-defined]

    def contacts(self) -> ContactQuerySet:
        """Give the contacts that the operator may see and that pass the filters."""
        asked = self.asked
        found = Contact.objects.visible_to(self.lists.user).filter(lab=self.lists.lab)
        if "dal" in asked:
            found = found.filter(started_at__gte=day_start(asked["dal"]))
        if "al" in asked:
            found = found.filter(started_at__lt=day_start(asked["al"] + timedelta(days=1)))
        for name, column in COLUMNS.items():
            if name in asked:
                found = found.filter(**{column: asked[name]})
        if "chi" in asked:
            found = found.filter(person__isnull=asked["chi"] == "anonimo")
        if "bisogno" in asked or "stato" in asked:
            found = found.filter(Exists(self._needs(asked).filter(contact=OuterRef("pk"))))
        if "q" in asked:
            found = found.matching(asked["q"], self.lists.user)
        return found

    def _needs(self, asked: dict[str, Any]) -> NeedQuerySet:
        needs = Need.objects.order_by()
        if "bisogno" in asked:
            needs = needs.filter(self.by_term(asked["bisogno"]))
        return in_state(needs, asked["stato"]) if "stato" in asked else needs


def in_state(needs: NeedQuerySet, state: str) -> NeedQuerySet:
    """Give the needs in one state, or all those that are open («aperti»)."""
    return needs.still_open() if state == "aperti" else needs.filter(state=state)


class NeedFilter(PeriodForm):
    """Filters of the list of needs; without any, those that are open."""

    stato = forms.ChoiceField(
        label=gettext_lazy("Stato"),
        choices=[*OPEN_OR_CLOSED, ("tutti", gettext_lazy("tutti"))],
        required=False,
        initial="aperti",
    )
    di = forms.ChoiceField(label=gettext_lazy("Se ne occupa"), required=False)
    tardi = forms.BooleanField(label=gettext_lazy("solo in ritardo"), required=False)

    field_order = ["stato", "di", "bisogno", "dal", "al", "tardi"]

    def __init__(self, *args: Any, lists: DeskLists, **kwargs: Any) -> None:
        super().__init__(*args, lists=lists, **kwargs)
        staff = [(str(user.pk), str(user)) for user in lists.staff]
        self.fields["di"].choices = [*ANY, *staff]  # type: ignore[attr-defined]

    def needs(self) -> NeedQuerySet:
        """Give the needs that the operator may see and that pass the filters."""
        asked = self.asked
        found = Need.objects.visible_to(self.lists.user).filter(lab=self.lists.lab)
        state = asked.get("stato", "aperti")
        if state != "tutti":
            found = in_state(found, state)
        if "dal" in asked:
            found = found.filter(opened_at__gte=day_start(asked["dal"]))
        if "al" in asked:
            found = found.filter(opened_at__lt=day_start(asked["al"] + timedelta(days=1)))
        if "bisogno" in asked:
            found = found.filter(self.by_term(asked["bisogno"]))
        if "di" in asked:
            found = found.filter(owner=asked["di"])
        if "tardi" in asked:
            found = found.still_open().filter(next_on__lt=timezone.localdate())
        return found.select_related("term", "person", "owner", "contact").defer(
            "sealed", "contact__sealed", "person__sealed"
        )


@dataclass
class ContactPage:
    """One page of contacts, newest first, found by where the last one ended and not by its number."""

    contacts: ContactQuerySet
    after: str = ""
    rows: list[Contact] = field(default_factory=list)
    next: str = ""

    def __post_init__(self) -> None:
        rows = list(with_needs(self._from_here())[: PAGE_SIZE + 1])
        self.rows = rows[:PAGE_SIZE]
        if len(rows) > PAGE_SIZE:
            last = self.rows[-1]
            self.next = f"{last.started_at.timestamp():.6f}_{last.pk.hex}"

    def _from_here(self) -> ContactQuerySet:
        moment, _sep, contact = self.after.partition("_")
        try:
            at, pk = datetime.fromtimestamp(float(moment), tz=timezone.get_current_timezone()), UUID(contact)
        except (ValueError, OverflowError, OSError):
            return self.contacts
        return self.contacts.filter(Q(started_at__lte=at) & (Q(started_at__lt=at) | Q(pk__lt=pk)))


def with_needs(contacts: ContactQuerySet) -> ContactQuerySet:
    """Give the contacts with all that a row shows: two queries, however many rows."""
    needs = Need.objects.select_related("term").defer("sealed").order_by("opened_at", "pk")
    return (
        contacts.select_related("person", "building", "recorded_by")
        .defer("sealed", "search_words", "person__sealed", "building__geometry")
        .prefetch_related(Prefetch("needs", needs))
    )


def count_up_to(rows: ContactQuerySet | NeedQuerySet) -> int:
    """Count rows, but no further than COUNTED + 1."""
    return rows.order_by()[: COUNTED + 1].count()


def safe_cell(text: object) -> str:
    """Give a cell that a spreadsheet takes as text: one that starts like a formula gets an apostrophe (OWASP)."""
    cell = str(text)
    return f"'{cell}" if cell.lstrip()[:1] in ("=", "+", "-", "@") or cell[:1] in ("\t", "\r", "\n") else cell


class _Echo:
    """A file that gives back what is written to it, so that rows leave one by one."""

    def write(self, value: str) -> str:
        return value


def contact_rows(contacts: ContactQuerySet) -> Iterator[str]:
    """Give the lines of the table of contacts, for spreadsheets (semicolons, byte order mark)."""
    writer = csv.writer(_Echo(), delimiter=";")
    titles: Iterable[str] = (
        _("giorno"),
        _("ora"),
        _("canale"),
        _("persona"),
        _("lingua"),
        _("casa"),
        _("bisogni"),
        _("stato"),
        _("operatore"),
    )
    yield "\ufeff" + writer.writerow(titles)
    for contact in with_needs(contacts).iterator(chunk_size=500):
        started, needs = timezone.localtime(contact.started_at), list(contact.needs.all())
        cells = (
            f"{started:%d/%m/%Y}",
            f"{started:%H:%M}",
            contact.get_channel_display(),
            contact.person or _("anonimo"),
            contact.language,
            contact.building or "",
            ", ".join(str(need) for need in needs),
            ", ".join(dict.fromkeys(str(need.get_state_display()) for need in needs)),
            contact.recorded_by or "",
        )
        yield writer.writerow(safe_cell(cell) for cell in cells)


def open_needs_of(user: User, lab: Lab) -> NeedQuerySet:
    """Give the open needs that somebody owns in a lab, the latest first."""
    return (
        Need.objects.still_open()
        .filter(lab=lab, owner=user)
        .select_related("term", "person", "contact", "owner")
        .defer("sealed", "contact__sealed", "person__sealed")
        .order_by("next_on", "opened_at", "pk")
    )


def top_terms(terms: Iterable[NeedTerm]) -> dict[UUID, NeedTerm]:
    """Give for each term the one that it stands under, itself when it stands under none."""
    by_id = {term.pk: term for term in terms}
    return {term.pk: by_id.get(term.parent_id or term.pk, term) for term in by_id.values()}
