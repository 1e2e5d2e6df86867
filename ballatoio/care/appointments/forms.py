"""What is typed about appointments: shape and clean input, nothing is written here."""

from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext_lazy as _

from ballatoio.base.core.languages import CODES, both_names, own_names
from ballatoio.base.people.models import Person
from ballatoio.base.people.phones import NotAPhone, read_phone
from ballatoio.care.desk.fields import DayField, QuickSelect, StoryField, line_field
from ballatoio.care.desk.forms import DeskLists, OwnerField, known_person
from ballatoio.care.desk.models import Need
from ballatoio.care.desk.receipt_forms import code_field

from .booking import Booker
from .models import Appointment, AppointmentKind
from .times import local_moment

# What is told before an appointment is a line, not a story: it is asked again there.
LONGEST_WORDS = 1000
OWN_TIME = "own"


class PhoneField(forms.CharField):
    """A telephone number in the form that is kept, or nothing."""

    def clean(self, value: Any) -> str:
        """Give the number; raise ValidationError with what is wrong with it."""
        typed: str = super().clean(value)
        if not typed:
            return ""
        try:
            return read_phone(typed)
        except NotAPhone as refusal:
            raise ValidationError(str(refusal)) from None


class EmailLine(forms.CharField):
    """An e-mail address, or nothing."""

    def clean(self, value: Any) -> str:
        """Give the address; raise ValidationError with how to write it."""
        typed: str = super().clean(value).strip().lower()
        if not typed:
            return ""
        try:
            validate_email(typed)
        except ValidationError:
            raise ValidationError(_("Scrivi l’indirizzo così: nome@esempio.it.")) from None
        return typed


def phone_field(**kwargs: Any) -> PhoneField:
    """Give the field of a telephone number."""
    attrs = {"type": "tel", "inputmode": "tel", "autocomplete": "tel", "class": "form-short"}
    return PhoneField(label=_("Telefono"), max_length=40, required=False, widget=forms.TextInput(attrs=attrs), **kwargs)


def email_field(**kwargs: Any) -> EmailLine:
    """Give the field of an e-mail address."""
    attrs = {"type": "email", "inputmode": "email", "autocomplete": "email"}
    return EmailLine(label=_("E-mail"), max_length=160, required=False, widget=forms.TextInput(attrs=attrs), **kwargs)


class TimeField(forms.TimeField):
    """A time of the day, typed as one writes it: 9, 9.30, 9:30."""

    def __init__(self, **kwargs: Any) -> None:
        attrs = {"type": "time", "class": "form-short"}
        widget = forms.TimeInput(attrs=attrs, format="%H:%M")
        wrong = _("Scrivi l’ora così: 9:30.")
        super().__init__(
            **{
                "widget": widget,
                "input_formats": ["%H:%M", "%H.%M", "%H", "%H:%M:%S"],
                "error_messages": {"invalid": wrong},
                **kwargs,
            }
        )


class KindField(forms.CharField):
    """One of the lab's kinds of appointment."""

    widget = QuickSelect

    def offer(self, kinds: list[AppointmentKind]) -> None:
        """Say which kinds there are."""
        self.kinds = {str(kind.pk): kind for kind in kinds}
        self.widget.choices = [(pk, str(kind)) for pk, kind in self.kinds.items()]

    def clean(self, value: Any) -> Any:
        """Give the kind; raise ValidationError for one that the lab does not have."""
        kind = self.kinds.get(super().clean(value))
        if kind is None:
            raise ValidationError(_("Scegli per che cosa è l’appuntamento."))
        return kind


class LookForm(forms.Form):
    """For what, in which language, with whom, from which day: what the list of free times is made of."""

    kind = KindField(label=_("Per che cosa"))
    language = forms.ChoiceField(label=_("Lingua"), choices=both_names, initial="it", widget=QuickSelect)
    only_language = forms.BooleanField(label=_("solo con chi la parla, o con l’interprete"), required=False)
    operator = forms.ChoiceField(label=_("Con chi"), required=False, widget=QuickSelect)
    first_on = DayField(label=_("Dal giorno"), required=False, future=True)

    def __init__(self, *args: Any, lists: DeskLists, kinds: list[AppointmentKind], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lists = lists
        self.fields["kind"].offer(kinds)  # type: ignore[attr-defined]
        self.fields["first_on"].lab = lists.lab  # type: ignore[attr-defined]
        staff = [(str(user.pk), str(user)) for user in lists.staff]
        self.fields["operator"].choices = [("", _("chiunque")), *staff]  # type: ignore[attr-defined]
        if kinds and not self.initial.get("kind"):
            self.initial["kind"] = str(kinds[0].pk)

    def asked(self, name: str) -> Any:
        """Give what one field asks for, cleaned; None when it was left empty or makes no sense."""
        try:
            return self.fields[name].clean(self[name].value()) or None
        except ValidationError:
            return None


class BookForm(LookForm):
    """An appointment made at the desk or on the telephone: which time, for whom."""

    WHO = [("known", _("Ha una scheda")), ("new", _("Senza scheda: un nome e un recapito"))]
    CHANNELS = [
        (Appointment.Channel.DESK, _("È qui")),
        (Appointment.Channel.PHONE, _("È al telefono")),
    ]

    slot = forms.CharField(label=_("Quando"), required=False, max_length=40)
    own_on = DayField(label=_("Giorno"), required=False, future=True)
    own_at = TimeField(label=_("Ora"), required=False)
    own_minutes = forms.IntegerField(
        label=_("Minuti"),
        required=False,
        min_value=5,
        max_value=480,
        widget=forms.NumberInput(attrs={"class": "form-short"}),
    )
    own_operator = OwnerField(label=_("Con chi"), required=False)
    own_place = line_field(_("Dove"), max_length=200, help_text=_("Vuoto: qui, al laboratorio."))
    who = forms.ChoiceField(label=_("Per chi"), choices=WHO, widget=forms.RadioSelect, initial="known")
    look_for = line_field(_("Cerca per nome o telefono"))
    person = forms.CharField(required=False, max_length=40, widget=forms.HiddenInput)
    name = line_field(_("Nome, o come vuole essere chiamata"), max_length=80)
    phone = phone_field()
    email = email_field()
    words = StoryField(label=_("Che cosa serve sapere prima"), rows=2)
    channel = forms.ChoiceField(label=_("Come"), choices=CHANNELS, widget=forms.RadioSelect, initial="desk")
    send = forms.BooleanField(label=_("Mandale subito un messaggio con giorno, ora e codice"), required=False)
    need = forms.CharField(required=False, max_length=40, widget=forms.HiddenInput)
    once = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["own_operator"].offer(self.lists)  # type: ignore[attr-defined]
        self.fields["own_on"].lab = self.lists.lab  # type: ignore[attr-defined]

    def clean_need(self) -> Need | None:
        """The need that the appointment is about, if the operator may see it."""
        return need_of(self.lists, self.cleaned_data["need"])

    def clean(self) -> dict[str, Any]:
        """Make of it a booker and a time; say what is missing."""
        cleaned = super().clean() or self.cleaned_data
        cleaned["booker"] = self._booker(cleaned)
        need, person = cleaned.get("need"), cleaned.get("person")
        if need is not None and need.person_id != (person.pk if isinstance(person, Person) else None):
            # Of somebody else: the appointment stands by itself.
            cleaned["need"] = None
        self._check_time(cleaned)
        return cleaned

    def _booker(self, cleaned: dict[str, Any]) -> Booker | None:
        words = cleaned.get("words", "")[:LONGEST_WORDS]
        if cleaned.get("who") == "known":
            person = known_person(self.lists, cleaned.get("person", ""))
            cleaned["person"] = person
            if person is None:
                self.add_error("look_for", _("Scegli la persona dall’elenco, oppure segna «Senza scheda»."))
                return None
            return Booker(person=person, words=words)
        cleaned["person"] = None
        if not cleaned.get("name"):
            self.add_error("name", _("Scrivi un nome, anche inventato: serve per chiamarla quando arriva."))
            return None
        return Booker(None, cleaned["name"], cleaned.get("phone", ""), cleaned.get("email", ""), words)

    def _check_time(self, cleaned: dict[str, Any]) -> None:
        chosen = cleaned.get("slot", "")
        cleaned["slot_id"], cleaned["own_starts_at"] = None, None
        if chosen == OWN_TIME:
            on, at = cleaned.get("own_on"), cleaned.get("own_at")
            if on and at:
                cleaned["own_starts_at"] = local_moment(on, at)
            elif not self.errors.keys() & {"own_on", "own_at"}:
                self.add_error("own_on", _("Scrivi il giorno e l’ora."))
        else:
            cleaned["slot_id"] = read_id(chosen)
            if cleaned["slot_id"] is None:
                self.add_error("slot", _("Scegli un orario."))


def read_id(text: str) -> UUID | None:
    """Give the identifier that a text is, None when it is none."""
    try:
        return UUID(text)
    except ValueError:
        return None


def need_of(lists: DeskLists, need_id: str) -> Need | None:
    """Give the need of this lab with this id, None when the operator may not see any with it."""
    pk = read_id(need_id)
    if pk is None:
        return None
    return Need.objects.visible_to(lists.user).filter(lab=lists.lab, pk=pk).select_related("person", "term").first()


class ReasonForm(forms.Form):
    """Why somebody loses their time: they are told in these words."""

    reason = line_field(
        _("Perché (lo legge la persona)"),
        required=True,
        max_length=200,
        help_text=_("Per esempio: l’operatore è malato."),
    )


class CancelForm(ReasonForm):
    """Who cancels, and why."""

    WHO = [("person", _("La persona non viene")), ("lab", _("Lo annulla il laboratorio"))]

    who = forms.ChoiceField(label=_("Chi lo annulla"), choices=WHO, widget=forms.RadioSelect, initial="person")

    field_order = ["who", "reason"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].required = False

    def clean(self) -> dict[str, Any]:
        """The lab says why."""
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("who") == "lab" and not cleaned.get("reason"):
            self.add_error("reason", _("Scrivi perché: la persona ha diritto di saperlo."))
        return cleaned


class MoveForm(forms.Form):
    """To which time, and why."""

    slot = forms.CharField(label=_("Nuovo orario"), max_length=40, required=False)
    reason = line_field(_("Perché (lo legge la persona)"), max_length=200)

    def clean_slot(self) -> UUID:
        """The time that was chosen."""
        chosen = read_id(self.cleaned_data["slot"])
        if chosen is None:
            raise ValidationError(_("Scegli un orario."))
        return chosen


class ClearForm(ReasonForm):
    """What becomes of the appointments of a day that was lost, all at once."""

    DO = [
        ("move", _("Spostali al primo orario libero che va bene")),
        ("cancel", _("Annullali")),
    ]

    do = forms.ChoiceField(label=_("Che cosa ne facciamo"), choices=DO, widget=forms.RadioSelect, initial="move")

    field_order = ["do", "reason"]


class WaitForm(forms.Form):
    """Somebody who waits for a time, put on the list at the desk."""

    WHO = BookForm.WHO
    CHANNELS = BookForm.CHANNELS

    kind = KindField(label=_("Per che cosa"))
    language = forms.ChoiceField(label=_("Lingua"), choices=both_names, initial="it", widget=QuickSelect)
    only_language = forms.BooleanField(label=_("solo con chi la parla, o con l’interprete"), required=False)
    who = forms.ChoiceField(label=_("Per chi"), choices=WHO, widget=forms.RadioSelect, initial="known")
    look_for = line_field(_("Cerca per nome o telefono"))
    person = forms.CharField(required=False, max_length=40, widget=forms.HiddenInput)
    name = line_field(_("Nome, o come vuole essere chiamata"), max_length=80)
    phone = phone_field()
    email = email_field()
    channel = forms.ChoiceField(label=_("Come"), choices=CHANNELS, widget=forms.RadioSelect, initial="desk")
    once = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    def __init__(self, *args: Any, lists: DeskLists, kinds: list[AppointmentKind], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lists = lists
        self.fields["kind"].offer(kinds)  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Make of it whoever waits; say what is missing."""
        cleaned = super().clean() or self.cleaned_data
        cleaned["booker"] = None
        if cleaned.get("who") == "known":
            person = known_person(self.lists, cleaned.get("person", ""))
            if person is None:
                self.add_error("look_for", _("Scegli la persona dall’elenco, oppure segna «Senza scheda»."))
            else:
                cleaned["booker"] = Booker(person=person)
        elif not cleaned.get("name"):
            self.add_error("name", _("Scrivi un nome, anche inventato: serve per chiamarla quando arriva."))
        else:
            cleaned["booker"] = Booker(None, cleaned["name"], cleaned.get("phone", ""), cleaned.get("email", ""))
        return cleaned


class CodeForm(forms.Form):
    """The code of an appointment, or of a place in the waiting list."""

    code = code_field(_("Il tuo codice"))


# --- The public page -----------------------------------------------------------------------------------------


class PublicLookForm(forms.Form):
    """In which language one wants to be received, and whether only then. Without JavaScript: it is a GET."""

    lingua = forms.ChoiceField(label=_("In che lingua vuoi parlare?"), choices=own_names, required=False)
    solo = forms.BooleanField(label=_("Mostra solo quando c’è chi la parla"), required=False)

    @property
    def chosen(self) -> tuple[str, bool]:
        """The language and whether only that, as far as what was sent makes sense."""
        language = str(self.data.get("lingua", self.initial.get("lingua", "it")))
        language = language if language in CODES else "it"
        return language, language != "it" and ("solo" in self.data or "lingua" not in self.data)


class PublicBookForm(forms.Form):
    """Who books: a name, real or not, and a way to be told; or nothing but the code."""

    name = forms.CharField(
        label=_("Come ti chiamiamo quando arrivi?"),
        help_text=_("Va bene anche un nome inventato."),
        max_length=80,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": _("Scrivi un nome, anche inventato.")},
    )
    phone = phone_field(help_text=_("Ti ricordiamo l’appuntamento il giorno prima."))
    email = email_field()
    only_code = forms.BooleanField(
        label=_("Non lascio recapiti: tengo il codice"),
        help_text=_("Se cambia qualcosa non possiamo avvisarti: guarda qui con il codice prima di venire."),
        required=False,
    )
    words = forms.CharField(
        label=_("Vuoi dirci qualcosa prima?"),
        help_text=_("Lo legge solo chi ti riceve."),
        max_length=LONGEST_WORDS,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, *args: Any, waiting: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if waiting:
            # Without a way to be told, the time that is freed would go by.
            del self.fields["only_code"], self.fields["words"]
            self.fields["phone"].help_text = _("Quando si libera un posto ti avvisiamo qui.")

    def clean(self) -> dict[str, Any]:
        """One way at least, or the code alone."""
        cleaned = super().clean() or self.cleaned_data
        left = cleaned.get("phone") or cleaned.get("email") or self.errors.keys() & {"phone", "email"}
        if not left and not cleaned.get("only_code"):
            self.add_error(
                "phone",
                _("Scrivi il telefono o l’e-mail, oppure segna che tieni il codice.")
                if "only_code" in self.fields
                else _("Scrivi il telefono o l’e-mail: senza, non possiamo avvisarti."),
            )
        return cleaned

    def booker(self) -> Booker:
        """Give who books."""
        cleaned = self.cleaned_data
        return Booker(None, cleaned["name"], cleaned["phone"], cleaned["email"], cleaned.get("words", ""))
