import uuid
from datetime import date

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from ballatoio.base.accounts.models import Role, User
from ballatoio.base.core.ids import new_id
from ballatoio.base.directory.models import NeedTerm, Service
from ballatoio.base.labs.models import Lab
from ballatoio.base.people.models import Person
from ballatoio.base.territory.models import Building
from ballatoio.base.vault.models import SealedRecord

from .search import matches

DESK_ROLES = (Role.DESK, Role.MEDIATOR, Role.CASEWORKER, Role.COORDINATOR)


def _desk_labs(user: User | AbstractBaseUser | AnonymousUser) -> frozenset[uuid.UUID]:
    return user.labs_as(*DESK_ROLES) if isinstance(user, User) else frozenset()


class ContactQuerySet(models.QuerySet["Contact"]):
    def visible_to(self, user: User | AbstractBaseUser | AnonymousUser) -> "ContactQuerySet":
        """The contacts of the labs at whose desk the user works."""
        return self.filter(lab_id__in=_desk_labs(user))

    def matching(self, text: str, user: User, *, many: bool = False) -> "ContactQuerySet":
        """Those in which every word of `text` begins a name, need, service, place or kind of answer.

        `many` says that they are many: the newest are then found sooner by time than by the index of words.
        """
        condition = matches(_desk_labs(user), text, many=many)
        return self if condition is None else self.filter(condition)


class Contact(SealedRecord):
    """One encounter with the desk. It is not a person, and may stay anonymous for ever.

    Texts kept sealed: "words" (what was said, in the person's words), "note" (for colleagues),
    "phone", "name", "hours" (of an anonymous caller who asked to be called back).
    """

    class Channel(models.TextChoices):
        WALK_IN = "walk_in", _("Allo sportello")
        PHONE = "phone", _("Telefono")
        HOME_VISIT = "home_visit", _("Visita a casa")
        MESSAGE = "message", _("Messaggio o e-mail")
        EVENT = "event", _("Evento o assemblea")
        THIRD_PARTY = "third_party", _("Un’altra persona o servizio")
        WEB = "web", _("Pagina pubblica")

    class Interpreter(models.TextChoices):
        NONE = "none", _("Nessuno")
        PRESENT = "present", _("Presente")
        PHONE = "phone", _("Al telefono")
        STAFF = "staff", _("L’operatore parla la lingua")
        MISSING = "missing", _("Serviva e non c’era")

    data_class = "personal"
    retention = "contact"
    counted_as = ngettext_lazy("%d contatto", "%d contatti")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    lab = models.ForeignKey(Lab, on_delete=models.CASCADE, related_name="+")
    started_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(default=timezone.now)
    recorded_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    channel = models.CharField(max_length=12, choices=Channel)
    person = models.ForeignKey(Person, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    building = models.ForeignKey(Building, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    language = models.CharField(max_length=8, default="it")
    interpreter = models.CharField(max_length=8, choices=Interpreter, default=Interpreter.NONE)
    # The holder of the receipt reads the answer with its code: the person chose so at the desk, never a protected one.
    answer_by_code = models.BooleanField(default=False)
    # Normalised words of name, needs, services, building and kinds of answer: never of a personal free text.
    search_words = models.TextField(blank=True, editable=False)
    version = models.PositiveIntegerField(default=1)
    synthetic = models.BooleanField(default=False)

    objects = ContactQuerySet.as_manager()

    class Meta:
        ordering = ["-started_at", "-pk"]
        indexes = [
            models.Index(fields=["lab", "-started_at", "-id"], name="contact_by_time"),
            # With the columns of the other filters: several at once are counted without reading a contact.
            models.Index(
                fields=["lab", "channel", "-started_at", "language", "recorded_by", "person"],
                name="contact_by_channel",
            ),
            models.Index(
                fields=["lab", "language", "-started_at", "channel", "recorded_by", "person"],
                name="contact_by_language",
            ),
            models.Index(fields=["recorded_by", "-started_at"], name="contact_by_operator"),
            models.Index(fields=["person", "-started_at"], name="contact_by_person", condition=Q(person__isnull=False)),
            models.Index(
                fields=["building", "-started_at"], name="contact_by_building", condition=Q(building__isnull=False)
            ),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(ended_at__gte=F("started_at")), name="contact_ends_after_start")
        ]

    def __str__(self) -> str:
        return f"{self.get_channel_display()} {timezone.localtime(self.started_at):%d/%m/%Y %H:%M}"

    # A list asks for 25 of these, and Django's own makes its table of choices again at each call.
    def get_channel_display(self) -> str:  # type: ignore[no-redef]
        """Give the label of the channel."""
        return str(Contact.Channel(self.channel).label)

    @property
    def is_anonymous(self) -> bool:
        return self.person_id is None


class NeedQuerySet(models.QuerySet["Need"]):
    def visible_to(self, user: User | AbstractBaseUser | AnonymousUser) -> "NeedQuerySet":
        """The needs of the labs at whose desk the user works."""
        return self.filter(lab_id__in=_desk_labs(user))

    def still_open(self) -> "NeedQuerySet":
        return self.filter(state__in=Need.OPEN_STATES)

    def owned_by(self, user: User) -> "NeedQuerySet":
        return self.filter(owner=user)

    def due_by(self, on: date) -> "NeedQuerySet":
        """Open needs whose date has come: today's and all those that nobody looked at before."""
        return self.still_open().filter(next_on__lte=on)

    def escalated(self) -> "NeedQuerySet":
        return self.still_open().filter(escalated_at__isnull=False)


class Need(SealedRecord):
    """What somebody needs. It has an owner and a next date until its answer has reached whoever asked.

    Text kept sealed: "words" (the need as they said it).
    """

    class State(models.TextChoices):
        OPEN = "open", _("Da fare")
        ANSWERED = "answered", _("Risposta pronta, da comunicare")
        WAITING = "waiting", _("In attesa di altri")
        CLOSED = "closed", _("Chiuso: la persona lo sa")
        UNREACHABLE = "unreachable", _("Chiuso: non si riesce a contattare")
        NO_LONGER_WANTED = "no_longer_wanted", _("Chiuso: non serve più")
        CANNOT_BE_TOLD = "cannot_be_told", _("Chiuso: anonimo, non si può avvisare")

    OPEN_STATES = (State.OPEN, State.ANSWERED, State.WAITING)
    CLOSED_STATES = (State.CLOSED, State.UNREACHABLE, State.NO_LONGER_WANTED, State.CANNOT_BE_TOLD)
    # From each state to those that may follow it. A closed need opens again when the problem is not solved.
    ALLOWED: dict[str, tuple[str, ...]] = {
        State.OPEN: (State.ANSWERED, State.WAITING, *CLOSED_STATES),
        State.WAITING: (State.OPEN, State.ANSWERED, *CLOSED_STATES),
        State.ANSWERED: (State.OPEN, State.WAITING, *CLOSED_STATES),
        State.CLOSED: (State.OPEN,),
        State.UNREACHABLE: (State.OPEN,),
        State.NO_LONGER_WANTED: (State.OPEN,),
        State.CANNOT_BE_TOLD: (State.OPEN,),
    }

    class Told(models.TextChoices):
        FACE_TO_FACE = "face_to_face", _("Di persona")
        PHONE = "phone", _("Per telefono")
        LETTER = "letter", _("Con una lettera")
        MESSAGE = "message", _("Con un messaggio")
        EMAIL = "email", _("Per e-mail")
        THIRD_PARTY = "third_party", _("Tramite chi la persona ha indicato")

    data_class = "personal"
    retention = "contact"
    counted_as = ngettext_lazy("%d bisogno", "%d bisogni")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    lab = models.ForeignKey(Lab, on_delete=models.CASCADE, related_name="+")
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="needs")
    person = models.ForeignKey(Person, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    building = models.ForeignKey(Building, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    term = models.ForeignKey(NeedTerm, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    state = models.CharField(max_length=20, choices=State, default=State.OPEN)
    owner = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    next_on = models.DateField(null=True, blank=True)
    # Since when silence has been passed on to the coordinator.
    escalated_at = models.DateTimeField(null=True, blank=True)
    opened_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True, blank=True)
    told_how = models.CharField(max_length=16, choices=Told, blank=True)
    version = models.PositiveIntegerField(default=1)

    objects = NeedQuerySet.as_manager()

    class Meta:
        ordering = ["next_on", "opened_at", "pk"]
        indexes = [
            models.Index(
                fields=["owner", "next_on"],
                name="need_open_by_owner",
                condition=Q(state__in=["open", "answered", "waiting"]),
            ),
            models.Index(
                fields=["lab", "next_on"],
                name="need_open_by_lab",
                condition=Q(state__in=["open", "answered", "waiting"]),
            ),
            models.Index(fields=["lab", "-opened_at"], name="need_by_time"),
            models.Index(fields=["lab", "term", "-opened_at"], name="need_by_term"),
            models.Index(fields=["lab", "state", "-opened_at"], name="need_by_state"),
            models.Index(fields=["lab", "closed_at"], name="need_by_closing"),
            models.Index(fields=["contact"], name="need_by_contact"),
            models.Index(fields=["person", "-opened_at"], name="need_by_person", condition=Q(person__isnull=False)),
            models.Index(
                fields=["building", "-opened_at"], name="need_by_building", condition=Q(building__isnull=False)
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["closed", "unreachable", "no_longer_wanted", "cannot_be_told"])
                | Q(owner__isnull=False, next_on__isnull=False),
                name="open_need_has_owner_and_date",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["closed", "unreachable", "no_longer_wanted", "cannot_be_told"])
                | Q(closed_at__isnull=False),
                name="closed_need_has_a_date",
            ),
            models.CheckConstraint(
                condition=~Q(state="closed") | ~Q(told_how=""), name="closed_need_says_how_the_person_was_told"
            ),
        ]

    def __str__(self) -> str:
        return self.term.name if self.term else str(_("Con parole sue"))

    def get_state_display(self) -> str:  # type: ignore[no-redef]
        """Give the label of the state (see Contact.get_channel_display)."""
        return str(Need.State(self.state).label)

    @property
    def is_open(self) -> bool:
        return self.state in self.OPEN_STATES


class Answer(SealedRecord):
    """What the lab gave for a need. Texts kept sealed: "text" (what was said or done), "outcome" (what came of it)."""

    class Kind(models.TextChoices):
        INFORMATION = "information", _("Informazione")
        ORIENTATION = "orientation", _("Orientamento a un servizio")
        PRACTICAL_HELP = "practical_help", _("Aiuto pratico")
        ACCOMPANIMENT = "accompaniment", _("Accompagnamento")
        FOLLOW_UP = "follow_up", _("Ci pensa il laboratorio")
        REFERRAL = "referral", _("Invio a un servizio")
        NOT_FOR_US = "not_for_us", _("Non di nostra competenza")

    class Outcome(models.TextChoices):
        UNKNOWN = "", _("Non si sa ancora")
        ACCEPTED = "accepted", _("Accettato")
        REFUSED = "refused", _("Rifiutato")
        DONE = "done", _("Fatto")
        NO_REPLY = "no_reply", _("Nessuna risposta")
        WITHDRAWN = "withdrawn", _("La persona ha cambiato idea")

    data_class = "personal"
    retention = "contact"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    need = models.ForeignKey(Need, on_delete=models.CASCADE, related_name="answers")
    kind = models.CharField(max_length=16, choices=Kind)
    service = models.ForeignKey(Service, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    given_at = models.DateTimeField(default=timezone.now)
    given_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    outside_reference = models.CharField(max_length=80, blank=True)
    deadline_on = models.DateField(null=True, blank=True)
    outcome = models.CharField(max_length=10, choices=Outcome, blank=True)
    outcome_on = models.DateField(null=True, blank=True)
    # A referral follows it, with a record of its own: what came of it is written there, and only copied here.
    has_referral = models.BooleanField(default=False)

    class Meta:
        ordering = ["given_at", "pk"]
        indexes = [
            models.Index(fields=["need", "given_at"], name="answer_by_need"),
            models.Index(fields=["service", "-given_at"], name="answer_by_service", condition=Q(service__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.get_kind_display()


class Attempt(models.Model):
    """A try to reach somebody, with how it ended. After three without reply a need may be closed as unreachable."""

    class Outcome(models.TextChoices):
        NO_REPLY = "no_reply", _("Non risponde")
        WRONG_NUMBER = "wrong_number", _("Numero sbagliato")
        LEFT_WORD = "left_word", _("Lasciato detto di richiamare")
        REACHED = "reached", _("Ci siamo parlati")

    data_class = "personal"
    retention = "contact"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    need = models.ForeignKey(Need, on_delete=models.CASCADE, related_name="attempts")
    at = models.DateTimeField(default=timezone.now)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    channel = models.CharField(max_length=16, choices=Need.Told)
    outcome = models.CharField(max_length=16, choices=Outcome)

    class Meta:
        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return self.get_outcome_display()


class MessageQuerySet(models.QuerySet["Message"]):
    def delivered_to(self, user: User) -> "MessageQuerySet":
        return self.filter(deliveries__user=user)


class Message(SealedRecord):
    """A word left for whoever follows a person, without learning whether anybody does. Sealed: "text"."""

    data_class = "personal"
    retention = "contact"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    lab = models.ForeignKey(Lab, on_delete=models.CASCADE, related_name="+")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")
    left_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    left_at = models.DateTimeField(default=timezone.now)

    objects = MessageQuerySet.as_manager()

    class Meta:
        ordering = ["-left_at", "-pk"]

    def __str__(self) -> str:
        return f"{timezone.localtime(self.left_at):%d/%m/%Y %H:%M}"


class MessageDelivery(models.Model):
    """A message reached somebody who follows the person; written by a job, so that leaving one takes the same time."""

    data_class = "personal"
    retention = "contact"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="deliveries")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["message", "user"], name="message_delivered_once")]
        indexes = [
            models.Index(fields=["user"], name="message_unread", condition=Q(read_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return str(self.user_id)
