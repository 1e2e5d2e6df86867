"""The lists of the desk: what a filter in the address means, and the page that is shown of it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.core.paginator import Paginator
from django.db.models import Count, Exists, OuterRef, Prefetch, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ballatoio.base.accounts.models import User
from ballatoio.base.directory.models import NeedTerm
from ballatoio.base.labs.models import Lab
from ballatoio.base.people.models import HouseholdMember

from .fields import DayField, QuickSelect, line_field
from .forms import DeskLists, language_choices
from .models import Answer, Attempt, Contact, ContactQuerySet, Need, NeedQuerySet
from .search import count_matches

PAGE_SIZE = 25
# Counting every row of a desk's life on each page would cost more than the page: beyond this it is «more than».
COUNTED = 1000
ANY = [("", gettext_lazy("tutti"))]
# What a row of contacts shows, and what the name of whoever is in it is made of.
IN_ROW = (
    *("started_at", "channel", "language"),
    *("person__given_name", "person__family_name", "person__is_protected"),
    *("building__street", "building__civic", "recorded_by__name", "recorded_by__email"),
)
# Filters that compare one column.
COLUMNS = {"canale": "channel", "lingua": "language", "operatore": "recorded_by", "casa": "building"}
# The needs whose silence was passed on to the coordinator.
PASSED_ON = "passati"
# What stands for «no house» and «no stair» in a filter.
NOWHERE = "nessuna"
OPEN_OR_CLOSED = [("aperti", gettext_lazy("aperti")), *Need.State.choices]


def day_start(day: date) -> datetime:
    """Give the moment at which a day begins where the lab is."""
    return timezone.make_aware(datetime.combine(day, time.min))


def term_label(term: NeedTerm) -> str:
    """Give the name of a term as a filter shows it: also retired ones, which the figures of the past still count."""
    name = f"— {term.name}" if term.parent_id else term.name
    return _("%(name)s (non si usa più)") % {"name": name} if term.is_retired else name


class ListChoice(forms.ChoiceField):
    """A filter with the values that the list knows."""

    widget = QuickSelect


class PlaceField(forms.CharField):
    """The id of a house or a stair, or NOWHERE; it comes from a link, nobody types it."""

    widget = forms.HiddenInput

    def __init__(self) -> None:
        super().__init__(required=False)

    def clean(self, value: Any) -> Any:
        """Give a UUID, NOWHERE, or nothing."""
        typed = super().clean(value)
        try:
            return typed if typed in ("", NOWHERE) else UUID(typed)
        except ValueError:
            raise forms.ValidationError(_("Questo posto non c’è più. Riparti dalla mappa.")) from None


class PeriodForm(forms.Form):
    """The filters that all lists have in common; a filter that makes no sense is said, and does not count."""

    dal = DayField(label=gettext_lazy("Dal"), required=False)
    al = DayField(label=gettext_lazy("Al"), required=False)
    bisogno = ListChoice(label=gettext_lazy("Bisogno"), required=False)

    def __init__(self, *args: Any, lists: DeskLists, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lists = lists
        terms = [(term.code, term_label(term)) for term in lists.all_terms]
        self.fields["bisogno"].choices = [*ANY, ("senza", _("con parole sue")), *terms]  # type: ignore[attr-defined]

    @cached_property
    def asked(self) -> dict[str, Any]:
        """The filters in use, without those left empty."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value not in ("", None, False)}

    def term_ids(self, code: str) -> list[UUID]:
        """Give the term with this code and those under it."""
        top = next((term for term in self.lists.all_terms if term.code == code), None)
        if top is None:
            return []
        return [top.pk, *(term.pk for term in self.lists.all_terms if term.parent_id == top.pk)]

    def by_term(self, code: str) -> Q:
        """Give the condition on a need: of this term or under it, or without any."""
        return Q(term__isnull=True) if code == "senza" else Q(term__in=self.term_ids(code))


class ContactFilter(PeriodForm):
    """Filters of the list of contacts."""

    q = line_field(gettext_lazy("Cerca"))
    canale = ListChoice(label=gettext_lazy("Canale"), choices=[*ANY, *Contact.Channel.choices], required=False)
    lingua = ListChoice(label=gettext_lazy("Lingua"), required=False)
    stato = ListChoice(label=gettext_lazy("Stato"), choices=[*ANY, *OPEN_OR_CLOSED], required=False)
    chi = ListChoice(
        label=gettext_lazy("Chi"),
        choices=[*ANY, ("anonimo", gettext_lazy("anonimi")), ("conosciuto", gettext_lazy("conosciuti"))],
        required=False,
    )
    operatore = ListChoice(label=gettext_lazy("Operatore"), required=False)
    casa = forms.UUIDField(required=False, widget=forms.HiddenInput)

    field_order = ["q", "dal", "al", "canale", "lingua", "bisogno", "stato", "chi", "operatore", "casa"]

    def __init__(self, *args: Any, lists: DeskLists, **kwargs: Any) -> None:
        super().__init__(*args, lists=lists, **kwargs)
        self.fields["lingua"].choices = [*ANY, *language_choices()]  # type: ignore[attr-defined]
        staff = [(str(user.pk), str(user)) for user in lists.staff]
        self.fields["operatore"].choices = [*ANY, *staff]  # type: ignore[attr-defined]

    def contacts(self) -> ContactQuerySet:
        """Give the contacts that the operator may see and that pass the filters.

        What many contacts have (a closed need, a frequent word) is looked up contact by contact, the newest first;
        what few have is found first.
        """
        found = self._by_columns()
        if self._needs is not None and self._needs_are_many:
            found = found.filter(Exists(self._needs.filter(contact=OuterRef("pk"))))
        elif self._needs is not None:
            found = found.filter(pk__in=self._needs.values("contact"))
        if "q" in self.asked:
            many = (self._with_words or 0) > COUNTED
            found = found.matching(self.asked["q"], self.lists.user, many=many)
        return found

    def total(self) -> int:
        """Count these contacts, no further than COUNTED + 1, from where it is short: the words, the needs."""
        if self.asked.keys() == {"q"} and self._with_words is not None:
            return self._with_words
        if self._needs is None or not self._needs_are_many or "q" in self.asked:
            return count_up_to(self.contacts())
        contacts = self._by_columns().order_by().filter(pk=OuterRef("contact"))
        found = self._needs.filter(Exists(contacts)).values("contact").distinct()
        return found[: COUNTED + 1].count()

    def _by_columns(self) -> ContactQuerySet:
        """Give the contacts that pass the filters on the contact itself."""
        asked = self.asked
        found = Contact.objects.visible_to(self.lists.user).filter(lab=self.lists.lab)
        if "dal" in asked:
            found = found.filter(started_at__gte=day_start(asked["dal"]))
        if "al" in asked:
            found = found.filter(started_at__lt=day_start(asked["al"] + timedelta(days=1)))
        for name, column in COLUMNS.items():
            if name in asked:
                found = found.filter(**{column: asked[name]})
        if "casa" in asked:
            # A house must not tell where a protected person lived.
            found = found.exclude(person__is_protected=True)
        if "chi" in asked:
            found = found.filter(person__isnull=asked["chi"] == "anonimo")
        return found

    @cached_property
    def _needs(self) -> NeedQuerySet | None:
        """The needs of which a contact must have one, None when the filters do not speak of needs."""
        if not self.asked.keys() & {"bisogno", "stato"}:
            return None
        needs = Need.objects.filter(lab=self.lists.lab).order_by()
        if "bisogno" in self.asked:
            needs = needs.filter(self.by_term(self.asked["bisogno"]))
        return in_state(needs, self.asked["stato"]) if "stato" in self.asked else needs

    @cached_property
    def _needs_are_many(self) -> bool:
        return self._needs is not None and count_up_to(self._needs) > COUNTED

    @cached_property
    def _with_words(self) -> int | None:
        """How many contacts of the lab have the words, where the index of words alone tells it."""
        return count_matches(self.lists.lab.pk, self.asked["q"], COUNTED + 1)


def in_state(needs: NeedQuerySet, state: str) -> NeedQuerySet:
    """Give the needs in one state, all those that are open, or those passed on to the coordinator."""
    if state == "aperti":
        return needs.still_open()
    return needs.escalated() if state == PASSED_ON else needs.filter(state=state)


class NeedFilter(PeriodForm):
    """Filters of the list of needs; without any, those that are open."""

    stato = ListChoice(
        label=gettext_lazy("Stato"),
        choices=[
            *OPEN_OR_CLOSED,
            (PASSED_ON, gettext_lazy("passati al coordinatore")),
            ("tutti", gettext_lazy("tutti")),
        ],
        required=False,
        initial="aperti",
    )
    di = ListChoice(label=gettext_lazy("Se ne occupa"), required=False)
    tardi = forms.BooleanField(label=gettext_lazy("solo in ritardo"), required=False)
    chiuso_dal = DayField(label=gettext_lazy("Chiuso dal"), required=False)
    chiuso_al = DayField(label=gettext_lazy("Chiuso fino al"), required=False)
    risposta = ListChoice(label=gettext_lazy("Risposta"), choices=[*ANY, *Answer.Kind.choices], required=False)
    risposta_dal = DayField(label=gettext_lazy("Risposta dal"), required=False)
    risposta_al = DayField(label=gettext_lazy("Risposta fino al"), required=False)
    lingua = ListChoice(label=gettext_lazy("Lingua"), required=False)
    canale = ListChoice(label=gettext_lazy("Canale"), choices=[*ANY, *Contact.Channel.choices], required=False)
    casa = PlaceField()
    scala = PlaceField()
    solo = forms.BooleanField(label=gettext_lazy("solo la voce generale"), required=False)

    field_order = ["stato", "di", "bisogno", "dal", "al", "tardi"]
    # The figures of a sheet or of a map open onto their needs by these; in the way of everybody else, so shown only
    # when in use.
    RARE = (
        *("chiuso_dal", "chiuso_al", "risposta", "risposta_dal", "risposta_al"),
        *("lingua", "canale", "casa", "scala", "solo"),
    )

    def __init__(self, *args: Any, lists: DeskLists, **kwargs: Any) -> None:
        super().__init__(*args, lists=lists, **kwargs)
        for name in self.RARE:
            if not self.data.get(name):
                del self.fields[name]
        if "lingua" in self.fields:
            self.fields["lingua"].choices = [*ANY, *language_choices()]  # type: ignore[attr-defined]
        # Also whoever left and still owns open needs: those are the ones that must be found.
        owners = Need.objects.still_open().filter(lab=lists.lab).order_by().values("owner")
        people = dict.fromkeys([*lists.staff, *User.objects.filter(pk__in=owners)])
        self.fields["di"].choices = [*ANY, *((str(user.pk), str(user)) for user in people)]  # type: ignore[attr-defined]

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
        found = found.filter(self._closed()).filter(self._answered()).filter(self._heard())
        rows = with_names(found)
        return rows if state == "aperti" else rows.order_by("-opened_at", "-pk")

    def _closed(self) -> Q:
        asked, condition = self.asked, Q()
        if "chiuso_dal" in asked:
            condition &= Q(closed_at__gte=day_start(asked["chiuso_dal"]))
        if "chiuso_al" in asked:
            condition &= Q(closed_at__lt=day_start(asked["chiuso_al"] + timedelta(days=1)))
        return condition

    def _answered(self) -> Q:
        """Give the condition that a need had an answer of a kind, or in a period, or both."""
        asked = self.asked
        answers = Answer.objects.filter(need=OuterRef("pk"))
        if "risposta" in asked:
            answers = answers.filter(kind=asked["risposta"])
        if "risposta_dal" in asked:
            answers = answers.filter(given_at__gte=day_start(asked["risposta_dal"]))
        if "risposta_al" in asked:
            answers = answers.filter(given_at__lt=day_start(asked["risposta_al"] + timedelta(days=1)))
        return Q(Exists(answers)) if asked.keys() & {"risposta", "risposta_dal", "risposta_al"} else Q()

    def _heard(self) -> Q:
        """Give the condition on how somebody asked, and about which house."""
        asked = self.asked
        condition = Q(contact__language=asked["lingua"]) if "lingua" in asked else Q()
        if "canale" in asked:
            condition &= Q(contact__channel=asked["canale"])
        if "casa" in asked:
            condition &= of_house(asked["casa"])
        if "scala" in asked:
            condition &= of_stair(asked["scala"], asked.get("casa", NOWHERE))
        if "solo" in asked:
            condition &= Q(term__parent__isnull=True)
        return condition


def of_house(building: UUID | str) -> Q:
    """Give the condition on a need: about this house, or (NOWHERE) about none that may be told.

    A house must not tell where a protected person lives.
    """
    if building == NOWHERE:
        return Q(building__isnull=True) | Q(person__is_protected=True)
    return Q(building=building) & ~Q(person__is_protected=True)


def of_stair(stair: UUID | str, building: UUID | str) -> Q:
    """Give the condition on a need: of somebody who lives on this stair, or (NOWHERE) on none of the house's."""
    living = HouseholdMember.objects.filter(until__isnull=True, household__dwellings__until__isnull=True)
    if isinstance(stair, UUID):
        return Q(person__in=living.filter(household__dwellings__dwelling__stair=stair).values("person"))
    if not isinstance(building, UUID):
        return Q()
    here = living.filter(household__dwellings__dwelling__stair__building=building).values("person")
    return Q(person__isnull=True) | ~Q(person__in=here)


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
    needs = Need.objects.select_related("term").only("contact", "state", "term__name").order_by("opened_at", "pk")
    return (
        contacts.select_related("person", "building", "recorded_by")
        .only(*IN_ROW)
        .prefetch_related(Prefetch("needs", needs))
    )


def with_names(needs: NeedQuerySet) -> NeedQuerySet:
    """Give the needs with all that a row shows of them, and nothing else: one query, however many rows."""
    return needs.select_related("term", "person", "owner", "contact").only(
        "state",
        "next_on",
        "opened_at",
        "escalated_at",
        "version",
        "term__name",
        "person__given_name",
        "person__family_name",
        "owner__name",
        "owner__email",
        "contact__channel",
        "contact__language",
        "contact__started_at",
    )


class CountedPaginator(Paginator):
    """Pages of a list that may be very long: rows beyond COUNTED are found by filters, not by turning pages."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return count_up_to(rows)


def count_up_to(rows: ContactQuerySet | NeedQuerySet) -> int:
    """Count rows, but no further than COUNTED + 1. No row is read for its lab, which stands in the indexes."""
    return rows.order_by().values("lab")[: COUNTED + 1].count()


def open_needs_of(user: User, lab: Lab) -> NeedQuerySet:
    """Give the open needs that somebody owns in a lab, the latest first."""
    return with_tries(Need.objects.still_open().filter(lab=lab, owner=user)).order_by("next_on", "opened_at", "pk")


def with_tries(needs: NeedQuerySet) -> NeedQuerySet:
    """Give the needs with their names and how many times somebody tried to reach whoever asked (`tries`)."""
    tries = Attempt.objects.filter(need=OuterRef("pk")).order_by().values("need").annotate(n=Count("pk")).values("n")
    return with_names(needs).annotate(tries=Coalesce(Subquery(tries), 0))


def top_terms(terms: Iterable[NeedTerm]) -> dict[UUID, NeedTerm]:
    """Give for each term the one that it stands under, itself when it stands under none."""
    by_id = {term.pk: term for term in terms}
    return {term.pk: by_id.get(term.parent_id or term.pk, term) for term in by_id.values()}
