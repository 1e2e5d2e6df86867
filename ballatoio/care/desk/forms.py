"""What an operator types at the desk: shape and clean input, nothing is written here."""

from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from ballatoio.base.accounts.models import Membership, User
from ballatoio.base.core import languages
from ballatoio.base.core.text import normalise
from ballatoio.base.directory.models import NeedTerm, Service
from ballatoio.base.directory.term_index import TermIndex, active_terms, all_terms, index_of
from ballatoio.base.labs.models import Lab
from ballatoio.base.people.lookup import Hint, duplicate_hints
from ballatoio.base.people.models import Person
from ballatoio.base.people.phones import NotAPhone, read_phone
from ballatoio.base.territory.addresses import find_buildings
from ballatoio.base.territory.models import Building

from .fields import LONGEST_LINE, DayField, QuickSelect, StoryField, line_field, match_services
from .models import DESK_ROLES, Answer, Contact
from .services import AnswerGiven, NeedHeard
from .terms import TermChoices, choices_of, term_chosen

NEEDS_ON_SCREEN = 3
# The person is there: an answer given is an answer known.
FACE_TO_FACE = (
    Contact.Channel.WALK_IN,
    Contact.Channel.PHONE,
    Contact.Channel.HOME_VISIT,
    Contact.Channel.EVENT,
)
# These promise an answer, they are not one.
PROMISES = (Answer.Kind.FOLLOW_UP, Answer.Kind.REFERRAL)
# These may carry the number of a request elsewhere, and the day by which something must be done.
WITH_REFERENCE = (Answer.Kind.PRACTICAL_HELP, Answer.Kind.ACCOMPANIMENT, Answer.Kind.REFERRAL)
CHANNELS = [choice for choice in Contact.Channel.choices if choice[0] != Contact.Channel.WEB]
# The fields of a need that are empty until somebody writes in them.
WRITTEN = ("need", "kind", "text", "service", "outside_reference", "deadline_on")
NOT_YET = [("", _("Non ancora"))]


@dataclass
class DeskLists:
    """What the fields of the desk offer to choose from; each list is asked for only when something needs it."""

    lab: Lab
    user: User

    @cached_property
    def terms(self) -> tuple[NeedTerm, ...]:
        return active_terms()

    @cached_property
    def index(self) -> TermIndex:
        return index_of(self.lab)

    @cached_property
    def all_terms(self) -> tuple[NeedTerm, ...]:
        return all_terms()

    @cached_property
    def services(self) -> list[Service]:
        return list(Service.objects.filter(lab=self.lab).published().order_by("name", "pk"))

    @cached_property
    def staff(self) -> list[User]:
        here = Membership.objects.current().filter(lab=self.lab, role__in=DESK_ROLES, user__is_active=True)
        return sorted({m.user for m in here.select_related("user")}, key=lambda user: (user != self.user, str(user)))

    def colleague(self, user_id: str) -> User | None:
        """Give the colleague with this id, None when nobody at this desk has it."""
        if user_id == str(self.user.pk):
            return self.user
        return next((user for user in self.staff if str(user.pk) == user_id), None)


class OwnerField(forms.CharField):
    """A colleague of this desk; empty means whoever is writing."""

    widget = QuickSelect

    def offer(self, lists: DeskLists) -> None:
        """Fill the choices when the page is drawn, not when it is sent."""
        self.lists = lists
        self.widget.choices = self._choices  # type: ignore[assignment]

    def _choices(self) -> list[tuple[str, str]]:
        mine = str(_("io (%(name)s)") % {"name": self.lists.user})
        return [(str(user.pk), mine if user == self.lists.user else str(user)) for user in self.lists.staff]

    def clean(self, value: Any) -> Any:
        """Give the user; raise ValidationError when they do not work here."""
        typed = super().clean(value)
        owner = self.lists.colleague(typed) if typed else self.lists.user
        if owner is None:
            raise ValidationError(_("Questa persona non lavora più allo sportello. Scegline un’altra."))
        return owner


def language_choices() -> list[tuple[str, Any]]:
    """Give the languages that may be used at the desk, any other included."""
    return [*languages.both_names(), ("other", _("un’altra lingua"))]


def language_name(code: str) -> str:
    """Give the name of a language as an operator reads it."""
    return str(dict(language_choices()).get(code, code))


class AboutContactForm(forms.Form):
    """How somebody came, in which language, from which house, and what they told."""

    channel = forms.ChoiceField(label=_("Come è arrivato"), choices=CHANNELS, widget=forms.RadioSelect)
    building = line_field(_("Casa"), help_text=_("Via e numero, se c’entra la casa."))
    language = forms.ChoiceField(label=_("Lingua usata"), choices=language_choices, initial="it", widget=QuickSelect)
    interpreter = forms.ChoiceField(
        label=_("Interprete"),
        choices=Contact.Interpreter.choices,
        required=False,
        initial=Contact.Interpreter.NONE,
    )
    words = StoryField(label=_("Che cosa ha raccontato"), rows=3)
    note = StoryField(label=_("Nota per i colleghi"), rows=2)

    def __init__(self, *args: Any, lists: DeskLists, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lists = lists

    def clean_interpreter(self) -> str:
        """Without an interpreter when nothing was chosen."""
        return self.cleaned_data["interpreter"] or Contact.Interpreter.NONE

    def clean_building(self) -> Building | None:
        """Find the house that was meant; say which ones it could be when there are several."""
        typed = self.cleaned_data["building"]
        if not typed:
            return None
        found = find_buildings(self.lists.lab, typed, limit=6)
        sure = [match.building for match in found if match.exact]
        typed_words = normalise(typed).split()
        # A street that was guessed is taken only with the very number that was typed.
        guessed = [match.building for match in found if match.building.civic_key in typed_words]
        if len(sure) == 1 or (not sure and len(found) == 1 and guessed):
            return (sure or guessed)[0]
        if found:
            houses = "; ".join(str(match.building) for match in found)
            raise ValidationError(_("Quale casa? Può essere: %(houses)s.") % {"houses": houses})
        raise ValidationError(
            _("«%(typed)s» non è tra le case del laboratorio. Correggi, oppure lascia vuoto.") % {"typed": typed}
        )


class ContactForm(AboutContactForm):
    """A new contact: what it is about, and who it is."""

    WHO = [("anonymous", _("Anonimo")), ("known", _("Già conosciuto")), ("new", _("Nuovo"))]

    who = forms.ChoiceField(label=_("Chi è"), choices=WHO, widget=forms.RadioSelect, initial="anonymous")
    look_for = line_field(_("Cerca per nome o telefono"))
    person = forms.CharField(label=_("Persona"), required=False, widget=forms.HiddenInput)
    given_name = line_field(_("Nome"), max_length=80)
    family_name = line_field(_("Cognome"), max_length=80)
    phone = line_field(_("Telefono"), max_length=40)
    # When somebody known looks like the new person: one of them, or really another.
    same_as = forms.CharField(required=False, max_length=40, widget=forms.HiddenInput)
    is_another = forms.BooleanField(label=_("È un’altra persona: scrivila come nuova"), required=False)
    draft = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)
    started = forms.CharField(required=False, max_length=200, widget=forms.HiddenInput)
    once = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    field_order = ["channel", "who", "look_for", "person", "given_name", "family_name", "phone", "language"]

    def __init__(self, *args: Any, lists: DeskLists, **kwargs: Any) -> None:
        super().__init__(*args, lists=lists, **kwargs)
        self.hints: list[Hint] = []
        self.initial.setdefault("channel", Contact.Channel.WALK_IN)

    def clean_phone(self) -> str:
        """A number that can be called, or nothing."""
        typed: str = self.cleaned_data["phone"]
        if typed and self.cleaned_data.get("who") == "new":
            try:
                return read_phone(typed)
            except NotAPhone as refusal:
                raise ValidationError(str(refusal)) from None
        return typed

    def clean(self) -> dict[str, Any]:
        """Make `person` a Person or None; anonymous stays anonymous, whatever else was typed."""
        cleaned = super().clean() or self.cleaned_data
        who, chosen = cleaned.get("who"), cleaned.get("person", "")
        cleaned["person"] = None
        if who == "known":
            cleaned["person"] = known_person(self.lists, chosen)
            if cleaned["person"] is None:
                self.add_error("look_for", _("Scegli la persona dall’elenco, oppure segna «Nuovo» o «Anonimo»."))
        elif who == "new":
            cleaned["person"] = self._not_a_double(cleaned)
        if cleaned.get("language") == "it":
            cleaned["interpreter"] = Contact.Interpreter.NONE
        return cleaned

    def _not_a_double(self, cleaned: dict[str, Any]) -> Person | None:
        """Give the known person who was recognised in the new one; ask when somebody looks like them."""
        given, family = cleaned.get("given_name", ""), cleaned.get("family_name", "")
        if same := known_person(self.lists, cleaned.get("same_as", "")):
            return same
        if not (given or family):
            self.add_error("given_name", _("Scrivi almeno un nome, oppure segna «Anonimo»."))
        elif not cleaned.get("is_another"):
            phone = cleaned.get("phone", "")
            self.hints = duplicate_hints(self.lists.user, self.lists.lab, given, family, phone=phone)
            if self.hints:
                self.add_error("given_name", _("Forse c’è già: guarda qui sotto se è una di queste persone."))
        return None


def known_person(lists: DeskLists, person_id: str) -> Person | None:
    """Give the person of this lab with this id, None when the operator may not see anybody with it."""
    if not person_id:
        return None
    try:
        return Person.objects.visible_to(lists.user).of_lab(lists.lab).filter(pk=person_id).first()
    except ValidationError:
        return None


class AnswerForm(forms.Form):
    """What the lab gives for a need."""

    kind = forms.ChoiceField(label=_("Risposta"), choices=Answer.Kind.choices, widget=forms.RadioSelect)
    service = line_field(_("Servizio"), widget=forms.TextInput(attrs={"list": "servizi"}))
    text = StoryField(label=_("Che cosa avete detto o fatto"), rows=2)
    outside_reference = line_field(
        _("Riferimento esterno"), max_length=80, help_text=_("Numero di pratica o protocollo. Mai password.")
    )
    deadline_on = DayField(label=_("Scadenza"), required=False)

    def __init__(self, *args: Any, lists: DeskLists, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lists = lists
        for day in self.fields.values():
            if isinstance(day, DayField):
                day.lab = lists.lab
            elif isinstance(day, OwnerField):
                day.offer(lists)

    def clean_service(self) -> Service | None:
        """Find the service that was meant; say which ones it could be when there are several."""
        typed = self.cleaned_data["service"]
        if not typed:
            return None
        found = match_services(typed, self.lists.services)
        if len(found) == 1:
            return found[0]
        if found:
            names = "; ".join(service.name for service in found[:5])
            raise ValidationError(_("Quale servizio? Può essere: %(names)s.") % {"names": names})
        raise ValidationError(
            _("«%(typed)s» non è tra i servizi. Scegli dall’elenco, oppure scrivilo nel testo.") % {"typed": typed}
        )

    def clean(self) -> dict[str, Any]:
        """Sending somebody elsewhere says where."""
        cleaned = super().clean() or self.cleaned_data
        where = cleaned.get("service") or cleaned.get("text") or self.errors
        if cleaned.get("kind") in (Answer.Kind.ORIENTATION, Answer.Kind.REFERRAL, Answer.Kind.NOT_FOR_US) and not where:
            self.add_error("service", _("Scrivi a quale servizio, oppure spiega nel testo dove può andare."))
        return cleaned

    def answer(self) -> AnswerGiven:
        """Give the answer as the services take it; a reference and a deadline count only where they are asked for."""
        cleaned = dict(self.cleaned_data)
        if cleaned["kind"] not in WITH_REFERENCE:
            cleaned |= {"outside_reference": "", "deadline_on": None}
        return AnswerGiven(
            kind=cleaned["kind"],
            text=cleaned["text"],
            service=cleaned["service"],
            outside_reference=cleaned["outside_reference"],
            deadline_on=cleaned["deadline_on"],
        )


class NeedForm(AnswerForm):
    """One need of a new contact, with its answer when there is one already."""

    need = line_field(_("Bisogno, o parole sue"))
    # Which of the needs that the page offered, and for which words it offered them.
    pick = forms.CharField(required=False, max_length=60)
    asked = forms.CharField(required=False, max_length=LONGEST_LINE)
    kind = forms.ChoiceField(
        label=_("Risposta"), choices=[*NOT_YET, *Answer.Kind.choices], widget=forms.RadioSelect, required=False
    )
    told = forms.BooleanField(label=_("La persona ha già avuto la risposta: chiudi"), required=False, initial=True)
    # For who writes or speaks for another: nobody is told unless the operator says so.
    told_through = forms.BooleanField(
        label=_("Chi scrive o parla per la persona le porta subito la risposta: chiudi"), required=False
    )
    owner = OwnerField(label=_("Se ne occupa"), required=False)
    next_on = DayField(label=_("Da riprendere il"), required=False, future=True)

    field_order = ["need", "kind", "service", "text"]

    def __init__(self, *args: Any, first: bool = False, due_on: date | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.first = first
        self.initial.setdefault("next_on", due_on)
        self.initial.setdefault("owner", str(self.lists.user.pk))
        self.initial.setdefault("kind", "")

    @property
    def offered(self) -> TermChoices:
        """The needs that the page offers for what was typed; none before something was."""
        typed, asked, pick = (self[name].value() or "" for name in ("need", "asked", "pick"))
        if not typed:
            return TermChoices()
        chosen = pick if asked == typed else ""
        return choices_of(self.lists.lab, self.lists.index, typed[:LONGEST_LINE], chosen=chosen)

    @property
    def is_used(self) -> bool:
        """Whether anything was typed: the second and third need are most often left alone."""
        typed = self.data or self.initial
        prefix = f"{self.prefix}-" if self.data else ""
        return any(typed.get(prefix + name) for name in ("need", "kind", "text", "service"))

    def clean(self) -> dict[str, Any]:
        """A need has words; the other fields count only with them."""
        cleaned = super().clean()
        if (self.first or self.is_used) and not cleaned.get("need"):
            self.add_error("need", _("Scrivi che cosa chiede, anche con parole sue."))
        return cleaned

    def heard(self, channel: str) -> NeedHeard:
        """Give the need as the services take it."""
        cleaned = self.cleaned_data
        index = self.lists.index
        term = term_chosen(index, cleaned["need"], chosen=cleaned.get("pick", ""), asked=cleaned.get("asked", ""))
        told = cleaned["told"] if channel in FACE_TO_FACE else cleaned["told_through"]
        told = bool(told and cleaned["kind"] and cleaned["kind"] not in PROMISES)
        return NeedHeard(
            term=term,
            # Words that were more than the name of the need stay with it, sealed.
            words="" if term and term == index.sure(cleaned["need"]) else cleaned["need"],
            answers=(self.answer(),) if cleaned["kind"] else (),
            owner=cleaned["owner"],
            next_on=None if told else cleaned["next_on"],
            told=told,
        )


@dataclass
class NewContact:
    """The whole screen of a new contact: one form for who and how, one for each need."""

    lists: DeskLists
    data: Any = None
    initial: dict[str, Any] = field(default_factory=dict)
    due_on: date | None = None
    resumed: bool = False
    checked: bool = False

    def __post_init__(self) -> None:
        self.about = ContactForm(self.data, initial=dict(self.initial), lists=self.lists)
        self._made: dict[int, NeedForm] = {}

    @property
    def needs(self) -> list[NeedForm]:
        """All the forms of needs, as the screen shows them."""
        return [self._need(number) for number in range(1, NEEDS_ON_SCREEN + 1)]

    def _need(self, number: int) -> NeedForm:
        if number not in self._made:
            self._made[number] = self._make_need(number)
        return self._made[number]

    def _make_need(self, number: int) -> NeedForm:
        prefix = f"b{number}"
        start = f"{prefix}-"
        initial = {name[len(start) :]: value for name, value in self.initial.items() if name.startswith(start)}
        if self.resumed:
            # A draft holds only the boxes that were ticked.
            initial.setdefault("told", "")
        return NeedForm(
            self.data, prefix=prefix, initial=initial, first=number == 1, due_on=self.due_on, lists=self.lists
        )

    @property
    def forms(self) -> list[forms.Form]:
        """The forms to check: of the needs the first, and those in which something was written."""
        needs = range(1, NEEDS_ON_SCREEN + 1)
        return [self.about, *(self._need(number) for number in needs if number == 1 or self._is_written(number))]

    def _is_written(self, number: int) -> bool:
        # The other fields come filled in, or are ticked.
        return any((self.data or {}).get(f"b{number}-{name}") for name in WRITTEN)

    @cached_property
    def is_valid(self) -> bool:
        """Check every form, so that all that has to be corrected is said at once."""
        self.checked = True
        valid = [form.is_valid() for form in self.forms]
        return all(valid)

    @property
    def has_errors(self) -> bool:
        return self.checked and any(form.errors for form in self.forms)

    def heard(self) -> list[NeedHeard]:
        """Give the needs that were typed."""
        channel = self.about.cleaned_data["channel"]
        needs = [form for form in self.forms if isinstance(form, NeedForm)]
        return [form.heard(channel) for form in needs if form.cleaned_data["need"]]


class VersionForm(forms.Form):
    """Every change says which version of the record its writer saw."""

    version = forms.IntegerField(min_value=1, widget=forms.HiddenInput)


class AmendForm(AboutContactForm, VersionForm):
    """Correcting a contact. The person is changed by their address in the page of people, or taken away."""

    channel = forms.ChoiceField(label=_("Come è arrivato"), choices=Contact.Channel.choices, widget=forms.RadioSelect)
    look_for = line_field(_("Cerca per nome o telefono"))
    person = forms.CharField(label=_("Persona"), required=False, widget=forms.HiddenInput)

    field_order = ["channel", "look_for", "person", "language", "interpreter", "building"]

    def clean_person(self) -> Person | None:
        """Nobody, or somebody whom the operator may see."""
        chosen = self.cleaned_data["person"]
        person = known_person(self.lists, chosen) if chosen else None
        if chosen and person is None:
            raise ValidationError(_("Scegli la persona dall’elenco."))
        return person
