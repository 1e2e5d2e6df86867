from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from ballatoio.base.accounts.models import Role, User
from ballatoio.base.core.ids import new_id
from ballatoio.base.labs.models import Lab
from ballatoio.base.people.models import Person
from ballatoio.base.vault.models import SealedRecord

OUTBOX_ROLES = (Role.DESK, Role.MEDIATOR, Role.CASEWORKER, Role.COORDINATOR)


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def visible_to(self, user: User | AbstractBaseUser | AnonymousUser) -> "DeliveryQuerySet":
        """The messages of the labs at whose desk the user works."""
        return self.filter(lab_id__in=user.labs_as(*OUTBOX_ROLES) if isinstance(user, User) else ())

    def of_lab(self, lab: Lab) -> "DeliveryQuerySet":
        return self.filter(lab=lab)

    def about(self, records: "models.QuerySet[Any]") -> "DeliveryQuerySet":
        """The messages about any of these records, whatever became of them."""
        return self.filter(about_type=records.model._meta.label_lower, about_id__in=records.order_by().values("pk"))

    def due(self) -> "DeliveryQuerySet":
        """Due and not sent: a message whose moment passed while nobody looked is still due."""
        return self.filter(state=Delivery.State.WAITING, next_at__lte=timezone.now()).order_by("next_at", "pk")

    def by_hand(self) -> "DeliveryQuerySet":
        """What somebody at the desk has to do now: a letter to print, a call to make, a text to copy."""
        now = timezone.now()
        waiting = self.filter(state=Delivery.State.TO_DO, not_before__lte=now)
        return waiting.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now)).order_by("not_before", "pk")

    def too_late(self) -> "DeliveryQuerySet":
        """What nobody at the desk did before it made no sense any more."""
        return self.filter(state=Delivery.State.TO_DO, expires_at__lte=timezone.now()).order_by("expires_at", "pk")


class Delivery(SealedRecord):
    """One message to one recipient on one channel, from the moment it is decided until it has left.

    Texts kept sealed: "to" (address, number, or postal address), "name", "subject", "body", "short", and for whoever
    reads another language the Italian "subject_it", "body_it", "short_it".
    """

    class Channel(models.TextChoices):
        EMAIL = "email", _("E-mail")
        SMS = "sms", _("SMS")
        LETTER = "letter", _("Lettera")
        CALL = "call", _("Telefonata")
        COPY = "copy", _("Testo da copiare")

    class State(models.TextChoices):
        WAITING = "waiting", _("Da spedire")
        SENT = "sent", _("Spedito")
        TO_DO = "to_do", _("Da fare a mano")
        DONE = "done", _("Fatto")
        DEAD = "dead", _("Non è arrivato")
        CANCELLED = "cancelled", _("Annullato")

    class Problem(models.TextChoices):
        """Why a message did not leave or arrive: a kind, never the words of a server, which repeat the address."""

        SERVER_DOWN = "server_down", _("Il server che spedisce non risponde")
        SENDER_REFUSED = "sender_refused", _("Il server non accetta messaggi da questo laboratorio")
        NOT_NOW = "not_now", _("Chi riceve non accetta messaggi in questo momento")
        REFUSED = "refused", _("L’indirizzo o il numero non esiste, o non accetta messaggi")
        TEXT_REFUSED = "text_refused", _("Il server rifiuta il testo del messaggio")
        UNKNOWN = "unknown", _("Errore del programma durante la spedizione")
        EXPIRED = "expired", _("Il momento è passato: adesso confonderebbe")
        UNSAFE = "unsafe", _("Il recapito non c’è più o non è sicuro")
        PROTECTED = "protected", _("La persona è stata protetta dopo che il messaggio era stato scritto")
        NO_ADDRESS = "no_address", _("Non sappiamo dove abita")
        NOT_PRINTABLE = "not_printable", _("Non abbiamo i caratteri per stamparlo")
        NO_ANSWER = "no_answer", _("Non ha risposto a tre telefonate")
        WRONG_NUMBER = "wrong_number", _("Il numero è sbagliato")
        RETURNED = "returned", _("È tornato indietro")
        ERASED = "erased", _("Quello di cui parlava è stato cancellato")

    BY_PROGRAM = (Channel.EMAIL, Channel.SMS)
    # From each state to those that may follow it.
    ALLOWED: dict[str, tuple[str, ...]] = {
        State.WAITING: (State.SENT, State.DEAD, State.CANCELLED),
        State.TO_DO: (State.TO_DO, State.WAITING, State.DONE, State.DEAD, State.CANCELLED),
        State.DEAD: (State.WAITING, State.TO_DO, State.CANCELLED),
        # It came back: a letter with a stamp on it, an answer of the postmaster.
        State.SENT: (State.DEAD,),
        State.DONE: (State.DEAD,),
        # Taken back while it was already on its way.
        State.CANCELLED: (State.SENT,),
    }

    data_class = "personal"
    retention = "contact"
    counted_as = ngettext_lazy("%d messaggio", "%d messaggi")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    lab = models.ForeignKey(Lab, on_delete=models.CASCADE, related_name="+")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    # The person was protected already when this was decided: who is protected later is told nothing written before.
    was_protected = models.BooleanField(default=False)
    # The way to reach the person that was chosen: looked at again before sending, it may have become unsafe.
    point_id = models.UUIDField(null=True, blank=True)
    # The same thing is said to the same recipient once, whoever asks for it how many times.
    key = models.CharField(max_length=160, unique=True)
    kind = models.CharField(max_length=40)
    about_type = models.CharField(max_length=60)
    about_id = models.UUIDField()
    channel = models.CharField(max_length=8, choices=Channel)
    language = models.CharField(max_length=8, default="it")
    state = models.CharField(max_length=10, choices=State)
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    not_before = models.DateTimeField(default=timezone.now)
    # After this moment it would only confuse: a reminder of what is over.
    expires_at = models.DateTimeField(null=True, blank=True)
    next_at = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveSmallIntegerField(default=0)
    last_error = models.CharField(max_length=16, choices=Problem, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes = [
            models.Index(fields=["next_at"], name="delivery_due", condition=Q(state="waiting")),
            models.Index(fields=["lab", "not_before"], name="delivery_by_hand", condition=Q(state="to_do")),
            models.Index(fields=["lab", "state", "-created_at"], name="delivery_by_state"),
            models.Index(fields=["about_type", "about_id"], name="delivery_by_thing"),
            models.Index(
                fields=["person", "-created_at"], name="delivery_by_person", condition=Q(person__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_channel_display()} {timezone.localtime(self.created_at):%d/%m/%Y}"

    @property
    def seen(self) -> str:
        """How a message stands, in a word that a page carries: what is done from an older page is not done."""
        return f"{self.state}.{self.channel}.{self.attempts}"

    @property
    def is_hidden(self) -> bool:
        """Whether its person was protected since: nothing of it is shown or sent any more."""
        return self.person is not None and self.person.is_protected and not self.was_protected
