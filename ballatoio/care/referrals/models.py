from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from ballatoio.base.accounts.models import User
from ballatoio.base.core.ids import new_id
from ballatoio.base.directory.models import Service
from ballatoio.base.labs.models import Lab
from ballatoio.base.people.models import Consent, Person
from ballatoio.base.vault.models import SealedRecord
from ballatoio.care.desk.models import DESK_ROLES, Answer, Need


class ReferralQuerySet(models.QuerySet["Referral"]):
    def visible_to(self, user: User | AbstractBaseUser | AnonymousUser) -> "ReferralQuerySet":
        """The referrals of the labs at whose desk the user works."""
        return self.filter(lab_id__in=user.labs_as(*DESK_ROLES) if isinstance(user, User) else ())

    def awaiting(self) -> "ReferralQuerySet":
        """Those that the service has not answered."""
        return self.filter(state__in=Referral.AWAITING)

    def late(self) -> "ReferralQuerySet":
        """Those that the service has not answered after a reminder, or whose reminder is overdue."""
        today = timezone.localdate()
        return self.awaiting().filter(Q(reminders__gt=0) | Q(next_reminder_on__lt=today) | Q(expires_on__lt=today))

    def to_remind(self) -> "ReferralQuerySet":
        """Due and not sent: a reminder whose day passed while nobody looked is still due."""
        today = timezone.localdate()
        return self.awaiting().filter(next_reminder_on__lte=today, expires_on__gt=today)

    def to_expire(self) -> "ReferralQuerySet":
        """Unanswered until their last day."""
        return self.awaiting().filter(expires_on__lte=timezone.localdate())

    def without_consent(self) -> "ReferralQuerySet":
        """Those about somebody who withdrew, on their own file, the consent under which they were sent."""
        may_withdraw = [state for state, after in Referral.ALLOWED.items() if Referral.State.WITHDRAWN in after]
        return self.filter(state__in=may_withdraw, consent__withdrawn_on__isnull=False)


class Referral(SealedRecord):
    """Somebody was sent on to a service, which has to answer; what came of it is told to who asked.

    Texts kept sealed: "name", "phone", "phone_note" and "words" (what the service is told, each only if the person
    agreed), "consent" (the words that they agreed to), and "said <id of an event>" (what was answered, in words).
    """

    class State(models.TextChoices):
        SENT = "sent", _("Inviato")
        SEEN = "seen", _("Letto dal servizio")
        ACCEPTED = "accepted", _("Accettato")
        REFUSED = "refused", _("Rifiutato")
        DONE = "done", _("Fatto")
        EXPIRED = "expired", _("Senza risposta")
        WITHDRAWN = "withdrawn", _("Ritirato")

    AWAITING = (State.SENT, State.SEEN)
    ENDED = (State.REFUSED, State.DONE, State.EXPIRED, State.WITHDRAWN)
    # From each state to those that may follow it.
    ALLOWED: dict[str, tuple[str, ...]] = {
        # Many services answer on the telephone without ever having opened the link: every answer may come first.
        State.SENT: (State.SEEN, State.ACCEPTED, State.REFUSED, State.DONE, State.EXPIRED, State.WITHDRAWN),
        State.SEEN: (State.ACCEPTED, State.REFUSED, State.DONE, State.EXPIRED, State.WITHDRAWN),
        # It was answered, so that it cannot expire; a service may find out later that it cannot help.
        State.ACCEPTED: (State.DONE, State.REFUSED, State.WITHDRAWN),
        # Somebody clicked wrong, or a place came free: only the desk may write it, the link is closed.
        State.REFUSED: (State.ACCEPTED, State.DONE),
        # A late answer is still an answer. And whoever read it before it expired must hear of a change of mind.
        State.EXPIRED: (State.ACCEPTED, State.DONE, State.REFUSED, State.WITHDRAWN),
        # What happened, happened.
        State.DONE: (),
        # The person's word is the last: to begin again is a new referral with a new consent.
        State.WITHDRAWN: (),
    }
    # What a service may answer by its link, from each state in which the link opens anything.
    OPEN_BY_LINK: dict[str, tuple[str, ...]] = {
        State.SENT: (State.ACCEPTED, State.REFUSED, State.DONE),
        State.SEEN: (State.ACCEPTED, State.REFUSED, State.DONE),
        State.ACCEPTED: (State.DONE, State.REFUSED),
    }
    # How the desk's own record of the answer names each state.
    OUTCOMES: dict[str, str] = {
        State.ACCEPTED: Answer.Outcome.ACCEPTED,
        State.REFUSED: Answer.Outcome.REFUSED,
        State.DONE: Answer.Outcome.DONE,
        State.EXPIRED: Answer.Outcome.NO_REPLY,
        State.WITHDRAWN: Answer.Outcome.WITHDRAWN,
    }

    class Refusal(models.TextChoices):
        NO_PLACE = "no_place", _("Adesso non c’è posto")
        NOT_ENTITLED = "not_entitled", _("La persona non ha i requisiti")
        OUT_OF_AREA = "out_of_area", _("Abita fuori dalla zona servita")
        WRONG_SERVICE = "wrong_service", _("Non è il servizio giusto")
        CLOSED = "closed", _("Il servizio è chiuso, o non c’è più")
        NOT_REACHED = "not_reached", _("Non siamo riusciti a parlare con la persona")
        DECLINED = "declined", _("La persona non ha voluto")
        OTHER = "other", _("Un altro motivo")

    class Share(models.TextChoices):
        NAME = "name", _("Nome")
        PHONE = "phone", _("Telefono")
        LANGUAGE = "language", _("Lingua")
        WORDS = "words", _("Che cosa serve")

    data_class = "personal"
    retention = "contact"
    counted_as = ngettext_lazy("%d invio a un servizio", "%d invii a un servizio")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    lab = models.ForeignKey(Lab, on_delete=models.CASCADE, related_name="+")
    # How the desk and the service call it on the telephone and in messages, in the place of a name.
    reference = models.CharField(max_length=8)
    need = models.ForeignKey(Need, on_delete=models.CASCADE, related_name="+")
    answer = models.OneToOneField(Answer, on_delete=models.CASCADE, related_name="+")
    person = models.ForeignKey(Person, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    service = models.ForeignKey(Service, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    # As they were called on that day.
    service_name = models.CharField(max_length=160)
    organisation_name = models.CharField(max_length=160)
    state = models.CharField(max_length=10, choices=State, default=State.SENT)
    # Which of Share the service is told.
    shares: "models.JSONField[list[str], list[str]]" = models.JSONField(default=list)
    language = models.CharField(max_length=8, default="it")
    sent_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    sent_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(null=True, blank=True)
    # The first time that it was accepted, refused or done.
    answered_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    refusal = models.CharField(max_length=16, choices=Refusal, blank=True)
    expires_on = models.DateField()
    next_reminder_on = models.DateField(null=True, blank=True)
    reminders = models.PositiveSmallIntegerField(default=0)
    # To which words the person agreed, and how; of somebody known the same stands in their file.
    consent = models.ForeignKey(Consent, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    consent_version = models.CharField(max_length=40)
    consent_language = models.CharField(max_length=8)
    consent_how = models.CharField(max_length=20, choices=Consent.How)
    version = models.PositiveIntegerField(default=1)
    synthetic = models.BooleanField(default=False)

    objects = ReferralQuerySet.as_manager()

    class Meta:
        ordering = ["-sent_at", "-pk"]
        indexes = [
            models.Index(fields=["lab", "-sent_at", "-id"], name="referral_by_time"),
            models.Index(fields=["lab", "state", "-sent_at"], name="referral_by_state"),
            models.Index(fields=["lab", "service", "-sent_at"], name="referral_by_service"),
            models.Index(fields=["need"], name="referral_by_need"),
            models.Index(fields=["person", "-sent_at"], name="referral_by_person", condition=Q(person__isnull=False)),
            models.Index(
                fields=["next_reminder_on"], name="referral_to_remind", condition=Q(state__in=["sent", "seen"])
            ),
            models.Index(fields=["expires_on"], name="referral_to_expire", condition=Q(state__in=["sent", "seen"])),
        ]
        constraints = [
            models.UniqueConstraint(fields=["lab", "reference"], name="referral_reference_once"),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=False, state__in=["refused", "done", "expired", "withdrawn"])
                | Q(ended_at__isnull=True, state__in=["sent", "seen", "accepted"]),
                name="referral_ended_has_a_date",
            ),
            models.CheckConstraint(condition=~Q(state="refused") | ~Q(refusal=""), name="refused_referral_says_why"),
            models.CheckConstraint(
                condition=Q(next_reminder_on__isnull=True)
                | Q(next_reminder_on__lt=F("expires_on"), state__in=["sent", "seen"]),
                name="referral_is_reminded_before_it_expires",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.service_name} ({self.reference})"

    @property
    def is_awaiting(self) -> bool:
        """Whether the service still has to answer."""
        return self.state in self.AWAITING

    @property
    def was_read(self) -> bool:
        """Whether the service knows what it was told about the person."""
        return self.seen_at is not None

    @property
    def is_late(self) -> bool:
        """See ReferralQuerySet.late."""
        today = timezone.localdate()
        overdue = (self.next_reminder_on and self.next_reminder_on < today) or self.expires_on < today
        return self.is_awaiting and bool(self.reminders or overdue)


class ReferralEvent(models.Model):
    """Something that happened to a referral: never changed, never taken away."""

    class Kind(models.TextChoices):
        SENT = "sent", _("Invio al servizio")
        REMINDED = "reminded", _("Promemoria al servizio")
        CODE = "code", _("Codice di conferma mandato al servizio")
        SEEN = "seen", _("Il servizio ha letto")
        ACCEPTED = "accepted", _("Il servizio ha accettato")
        REFUSED = "refused", _("Il servizio ha rifiutato")
        DONE = "done", _("Il servizio dice che è fatto")
        EXPIRED = "expired", _("Scaduto senza risposta")
        WITHDRAWN = "withdrawn", _("Ritirato: la persona ha cambiato idea")

    class Channel(models.TextChoices):
        PROGRAM = "program", _("dal programma")
        LINK = "link", _("dal link del servizio")
        DESK = "desk", _("allo sportello")
        CALL = "call", _("per telefono")
        MEETING = "meeting", _("in un incontro")
        EMAIL = "email", _("con PEC o e-mail")
        LETTER = "letter", _("con una lettera")

    data_class = "personal"
    retention = "contact"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    referral = models.ForeignKey(Referral, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField(default=timezone.now)
    by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    kind = models.CharField(max_length=10, choices=Kind)
    channel = models.CharField(max_length=8, choices=Channel)

    class Meta:
        ordering = ["at", "pk"]
        indexes = [models.Index(fields=["referral", "at"], name="referral_event_by_time")]

    def __str__(self) -> str:
        return self.get_kind_display()
