import uuid
from datetime import datetime
from typing import TYPE_CHECKING

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from ballatoio.base.accounts.models import User
from ballatoio.base.core.ids import new_id, random_id
from ballatoio.base.directory.models import NeedTerm
from ballatoio.base.labs.models import Lab
from ballatoio.base.people.models import Person
from ballatoio.base.vault.models import SealedRecord
from ballatoio.care.desk.models import DESK_ROLES, Need

if TYPE_CHECKING:
    from django.db.models.expressions import Combinable

Viewer = User | AbstractBaseUser | AnonymousUser


def _desk_labs(user: Viewer) -> frozenset[uuid.UUID]:
    return user.labs_as(*DESK_ROLES) if isinstance(user, User) else frozenset()


class Agenda(models.Model):
    """How a lab gives appointments; its row is the lock that puts all bookings and promotions in one order."""

    data_class = "public"
    retention = "permanent"

    lab = models.OneToOneField(Lab, on_delete=models.CASCADE, primary_key=True, related_name="+")
    # For so many weeks from today there are times to book.
    weeks_ahead = models.PositiveSmallIntegerField(default=6)
    # Whoever books alone does it so many hours before; the desk until the last minute.
    lead_hours = models.PositiveSmallIntegerField(default=2)
    # A place that was freed is held for the first of the waiting list for so many hours of opening.
    hold_hours = models.PositiveSmallIntegerField(default=6)
    # The number of the last who joined a waiting list.
    last_number = models.PositiveIntegerField(default=0)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(weeks_ahead__gte=1, weeks_ahead__lte=26), name="agenda_looks_ahead_and_not_for_ever"
            ),
            models.CheckConstraint(condition=Q(hold_hours__gte=1), name="agenda_holds_a_place_for_a_while"),
        ]

    def __str__(self) -> str:
        return str(self.lab_id)


class AppointmentKindQuerySet(models.QuerySet["AppointmentKind"]):
    def visible_to(self, user: Viewer) -> "AppointmentKindQuerySet":
        """Everybody sees what they can book by themselves; the desk sees all the kinds of its lab."""
        return self.filter(Q(is_public=True, is_active=True) | Q(lab_id__in=_desk_labs(user)))

    def in_use(self) -> "AppointmentKindQuerySet":
        return self.filter(is_active=True)


class AppointmentKind(models.Model):
    """What one makes an appointment for: how long it takes, what to bring. Italian; other languages: Translation."""

    data_class = "public"
    retention = "permanent"

    id = models.UUIDField(primary_key=True, default=random_id, editable=False)
    lab = models.ForeignKey(Lab, on_delete=models.CASCADE, related_name="+")
    slug = models.SlugField(max_length=60)
    name = models.CharField(max_length=80)
    minutes = models.PositiveSmallIntegerField(default=30)
    bring = models.CharField(max_length=300, blank=True)
    term = models.ForeignKey(NeedTerm, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    # Can be booked from the public page, and joined there when it is full.
    is_public = models.BooleanField(default=True)
    is_active = models.BooleanField(default=True)
    version = models.PositiveIntegerField(default=1)

    objects = AppointmentKindQuerySet.as_manager()

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["lab", "slug"], name="appointment_kind_slug_once"),
            models.UniqueConstraint(fields=["lab", "name"], name="appointment_kind_name_once"),
            models.CheckConstraint(
                condition=Q(minutes__gte=5, minutes__lte=480), name="appointment_kind_lasts_a_while"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class RotaQuerySet(models.QuerySet["Rota"]):
    def visible_to(self, user: Viewer) -> "RotaQuerySet":
        """The hours of the colleagues of the labs at whose desk the user works."""
        return self.filter(lab_id__in=_desk_labs(user))


class Rota(models.Model):
    """An operator receives on a weekday (0 = Monday), from one time to another, for some kinds, in some languages."""

    data_class = "public"
    retention = "permanent"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    lab = models.ForeignKey(Lab, on_delete=models.CASCADE, related_name="+")
    operator = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    weekday = models.PositiveSmallIntegerField()
    opens = models.TimeField()
    closes = models.TimeField()
    kinds = models.ManyToManyField(AppointmentKind, related_name="rotas")
    # What the operator speaks, and the languages of an interpreter who is there at these hours.
    languages = models.JSONField(default=list)
    interpreter_languages = models.JSONField(default=list, blank=True)
    # Empty: at the lab's own address.
    place = models.CharField(max_length=200, blank=True)
    # False: only the desk books into these hours.
    is_public = models.BooleanField(default=True)
    valid_from = models.DateField(default=timezone.localdate)
    valid_to = models.DateField(null=True, blank=True)
    version = models.PositiveIntegerField(default=1)

    objects = RotaQuerySet.as_manager()

    class Meta:
        ordering = ["weekday", "opens", "pk"]
        indexes = [models.Index(fields=["lab", "operator", "weekday"], name="rota_by_operator")]
        constraints = [
            models.CheckConstraint(condition=Q(weekday__lte=6), name="rota_weekday_exists"),
            models.CheckConstraint(condition=Q(opens__lt=F("closes")), name="rota_ends_after_start"),
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_from__lte=F("valid_to")), name="rota_ends_after_first_day"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.day_name} {self.opens:%H:%M}–{self.closes:%H:%M}"

    @property
    def day_name(self) -> str:
        """The weekday as it is written inside a sentence."""
        return str(WEEKDAYS[self.weekday]).lower()


class AbsenceQuerySet(models.QuerySet["Absence"]):
    def visible_to(self, user: Viewer) -> "AbsenceQuerySet":
        """The days off of the colleagues of the labs at whose desk the user works: the days, never why."""
        return self.filter(lab_id__in=_desk_labs(user))


class Absence(models.Model):
    """Days on which an operator does not receive, whole or between two times. Why is nobody's business."""

    data_class = "personal"
    retention = "account"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    lab = models.ForeignKey(Lab, on_delete=models.CASCADE, related_name="+")
    operator = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    first_on = models.DateField()
    last_on = models.DateField()
    from_time = models.TimeField(null=True, blank=True)
    until_time = models.TimeField(null=True, blank=True)

    objects = AbsenceQuerySet.as_manager()

    class Meta:
        ordering = ["first_on", "pk"]
        indexes = [models.Index(fields=["lab", "last_on"], name="absence_by_day")]
        constraints = [
            models.CheckConstraint(condition=Q(first_on__lte=F("last_on")), name="absence_ends_after_start"),
            models.CheckConstraint(
                condition=Q(from_time__isnull=True, until_time__isnull=True)
                | Q(from_time__isnull=False, until_time__isnull=False, from_time__lt=F("until_time")),
                name="absence_of_part_of_a_day_has_both_times",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.first_on}–{self.last_on}"


class SlotQuerySet(models.QuerySet["Slot"]):
    def visible_to(self, user: Viewer) -> "SlotQuerySet":
        """The times of the labs at whose desk the user works."""
        return self.filter(lab_id__in=_desk_labs(user))

    def standing(self) -> "SlotQuerySet":
        return self.exclude(state=Slot.State.WITHDRAWN)

    def free(self, after: "datetime | Combinable | None" = None) -> "SlotQuerySet":
        """Times to come (after a moment: now) that nobody has, and that are held for nobody."""
        taken = Appointment.objects.filter(slot=OuterRef("pk"), state__in=Appointment.HOLDING_STATES)
        held = Offer.objects.filter(slot=OuterRef("pk"), state=Offer.State.OPEN)
        coming = self.filter(state=Slot.State.OPEN, starts_at__gt=after or timezone.now())
        return coming.filter(~Exists(taken), ~Exists(held))


class Slot(models.Model):
    """A time of an operator. Two of the same operator never overlap: the database itself refuses it (guard.py)."""

    class State(models.TextChoices):
        OPEN = "open", _("Si può prenotare")
        # Made for one appointment outside the rota; gone when that is.
        SINGLE = "single", _("Aperto per un solo appuntamento")
        # The rota, a day off or a closing day took it away, and somebody has it still.
        STRANDED = "stranded", _("Da spostare")
        WITHDRAWN = "withdrawn", _("Tolto")

    data_class = "public"
    retention = "contact"

    id = models.UUIDField(primary_key=True, default=random_id, editable=False)
    lab = models.ForeignKey(Lab, on_delete=models.CASCADE, related_name="+")
    operator = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    rota = models.ForeignKey(Rota, on_delete=models.SET_NULL, null=True, blank=True, related_name="slots")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    # Empty: at the lab's own address.
    place = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)

    objects = SlotQuerySet.as_manager()

    class Meta:
        ordering = ["starts_at", "pk"]
        indexes = [
            models.Index(fields=["lab", "starts_at"], name="slot_by_time"),
            models.Index(fields=["operator", "starts_at"], name="slot_by_operator"),
            models.Index(fields=["lab", "starts_at", "rota"], name="slot_open", condition=Q(state="open")),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(starts_at__lt=F("ends_at")), name="slot_ends_after_start"),
            models.UniqueConstraint(
                fields=["operator", "starts_at"], condition=~Q(state="withdrawn"), name="slot_once_for_an_operator"
            ),
        ]

    def __str__(self) -> str:
        return f"{timezone.localtime(self.starts_at):%d/%m/%Y %H:%M}"


class AppointmentQuerySet(models.QuerySet["Appointment"]):
    def visible_to(self, user: Viewer) -> "AppointmentQuerySet":
        """The appointments of the labs at whose desk the user works."""
        return self.filter(lab_id__in=_desk_labs(user))

    def holding(self) -> "AppointmentQuerySet":
        """Those that have their time: to come, kept, or missed."""
        return self.filter(state__in=Appointment.HOLDING_STATES)

    def to_come(self) -> "AppointmentQuerySet":
        return self.filter(state=Appointment.State.BOOKED, slot__starts_at__gt=timezone.now())

    def to_mark(self) -> "AppointmentQuerySet":
        """Those that are over and of which nobody said how they went."""
        return self.filter(state=Appointment.State.BOOKED, slot__ends_at__lte=timezone.now())

    def with_names(self) -> "AppointmentQuerySet":
        """Give what a row shows: one query, however many rows; no sealed text is read."""
        related = self.select_related("slot__operator", "slot__rota", "person", "kind")
        return related.defer("sealed", "person__sealed")


class Appointment(SealedRecord):
    """Somebody has a time of an operator. Moved, it ends, and another one follows it.

    Texts kept sealed: "name", "phone", "email" (of whoever has no file), "words" (what they want to say before),
    "reason" (why it was cancelled or moved), "code" (theirs: it is in every message, so that it must be known again).
    """

    class State(models.TextChoices):
        BOOKED = "booked", _("Fissato")
        KEPT = "kept", _("È venuta")
        NO_SHOW = "no_show", _("Non si è fatto")
        CANCELLED_BY_PERSON = "cancelled_by_person", _("Disdetto dalla persona")
        CANCELLED_BY_LAB = "cancelled_by_lab", _("Annullato dal laboratorio")
        MOVED = "moved", _("Spostato")

    class Missed(models.TextChoices):
        NOT_COME = "not_come", _("Non è venuta")
        LATE_NOTICE = "late_notice", _("Ha avvisato tardi")
        OPERATOR = "operator", _("L’operatore mancava")
        MISUNDERSTOOD = "misunderstood", _("Non ci siamo capiti (lingua, indirizzo, giorno)")

    class Channel(models.TextChoices):
        DESK = "desk", _("Allo sportello")
        PHONE = "phone", _("Per telefono")
        WEB = "web", _("Dalla pagina pubblica")

    # The time belongs to these: nobody else can have it.
    HOLDING_STATES = (State.BOOKED, State.KEPT, State.NO_SHOW)
    # From each state to those that may follow it. Who was given up comes in late; who was ticked did not come.
    ALLOWED: dict[str, tuple[str, ...]] = {
        State.BOOKED: (
            State.KEPT,
            State.NO_SHOW,
            State.CANCELLED_BY_PERSON,
            State.CANCELLED_BY_LAB,
            State.MOVED,
        ),
        State.KEPT: (State.NO_SHOW,),
        State.NO_SHOW: (State.KEPT,),
        State.CANCELLED_BY_PERSON: (),
        State.CANCELLED_BY_LAB: (),
        State.MOVED: (),
    }

    data_class = "personal"
    retention = "contact"
    counted_as = ngettext_lazy("%d appuntamento", "%d appuntamenti")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    lab = models.ForeignKey(Lab, on_delete=models.CASCADE, related_name="+")
    slot = models.ForeignKey(Slot, on_delete=models.PROTECT, related_name="appointments")
    kind = models.ForeignKey(AppointmentKind, on_delete=models.PROTECT, related_name="+")
    person = models.ForeignKey(Person, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    need = models.ForeignKey(Need, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    language = models.CharField(max_length=8, default="it")
    # Nobody at that time speaks the language: an interpreter has to be found, or is there.
    wants_interpreter = models.BooleanField(default=False)
    channel = models.CharField(max_length=8, choices=Channel)
    booked_at = models.DateTimeField(default=timezone.now)
    # Empty: the public.
    booked_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    state = models.CharField(max_length=20, choices=State, default=State.BOOKED)
    missed = models.CharField(max_length=16, choices=Missed, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    moved_from = models.OneToOneField("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="moved_to")
    # One event in the operator's calendar, however often it moves (RFC 5545, 3.8.4.7 and 3.8.7.4).
    calendar_uid = models.UUIDField(default=random_id, editable=False)
    sequence = models.PositiveIntegerField(default=0)
    changed_at = models.DateTimeField(default=timezone.now)

    objects = AppointmentQuerySet.as_manager()

    class Meta:
        ordering = ["-booked_at", "-pk"]
        indexes = [
            models.Index(
                fields=["person", "-booked_at"], name="appointment_by_person", condition=Q(person__isnull=False)
            ),
            models.Index(fields=["need"], name="appointment_by_need", condition=Q(need__isnull=False)),
            models.Index(fields=["lab", "state", "-booked_at"], name="appointment_by_state"),
            models.Index(fields=["kind"], name="appointment_by_kind"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["slot"],
                condition=Q(state__in=["booked", "kept", "no_show"]),
                name="one_appointment_has_a_slot",
            ),
            models.CheckConstraint(
                condition=(Q(state="no_show") & ~Q(missed="")) | (~Q(state="no_show") & Q(missed="")),
                name="missed_appointment_says_how",
            ),
            models.CheckConstraint(
                condition=Q(state="booked") | Q(ended_at__isnull=False), name="ended_appointment_has_a_date"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_state_display()} {self.booked_at:%d/%m/%Y}"

    @property
    def is_booked(self) -> bool:
        return self.state == self.State.BOOKED


class WaitingPlaceQuerySet(models.QuerySet["WaitingPlace"]):
    def visible_to(self, user: Viewer) -> "WaitingPlaceQuerySet":
        """The waiting lists of the labs at whose desk the user works."""
        return self.filter(lab_id__in=_desk_labs(user))

    def in_line(self) -> "WaitingPlaceQuerySet":
        """Whoever still waits, in the order in which they came; who is being asked keeps their place."""
        return self.filter(state__in=WaitingPlace.IN_LINE).order_by("number")


class WaitingPlace(SealedRecord):
    """Somebody waits for a time. Numbers only grow: whoever has the lower one is asked first.

    Texts kept sealed: "name", "phone", "email", "words", "code", as in Appointment.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("In attesa")
        OFFERED = "offered", _("Gli abbiamo proposto un orario")
        BOOKED = "booked", _("Ha un appuntamento")
        LEFT = "left", _("Ha lasciato la lista")
        EXPIRED = "expired", _("Uscito: due proposte senza risposta")

    IN_LINE = (State.WAITING, State.OFFERED)
    ALLOWED: dict[str, tuple[str, ...]] = {
        State.WAITING: (State.OFFERED, State.LEFT),
        State.OFFERED: (State.WAITING, State.BOOKED, State.LEFT, State.EXPIRED),
        State.BOOKED: (),
        State.LEFT: (),
        State.EXPIRED: (),
    }
    # Whoever does not take a first offer keeps their place; after the second they leave the list.
    OFFERS = 2

    data_class = "personal"
    retention = "contact"
    counted_as = ngettext_lazy("%d posto in lista d’attesa", "%d posti in lista d’attesa")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    lab = models.ForeignKey(Lab, on_delete=models.CASCADE, related_name="+")
    kind = models.ForeignKey(AppointmentKind, on_delete=models.PROTECT, related_name="+")
    number = models.PositiveIntegerField()
    person = models.ForeignKey(Person, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    need = models.ForeignKey(Need, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    language = models.CharField(max_length=8, default="it")
    # False: any time will do, the lab finds the interpreter.
    only_language = models.BooleanField(default=False)
    channel = models.CharField(max_length=8, choices=Appointment.Channel)
    joined_at = models.DateTimeField(default=timezone.now)
    joined_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    # How many offers went by without a yes.
    passed = models.PositiveSmallIntegerField(default=0)
    ended_at = models.DateTimeField(null=True, blank=True)
    appointment = models.OneToOneField(
        Appointment, on_delete=models.SET_NULL, null=True, blank=True, related_name="waited_as"
    )

    objects = WaitingPlaceQuerySet.as_manager()

    class Meta:
        ordering = ["number"]
        indexes = [
            models.Index(
                fields=["lab", "number"], name="waiting_in_line", condition=Q(state__in=["waiting", "offered"])
            ),
            models.Index(fields=["person"], name="waiting_by_person", condition=Q(person__isnull=False)),
        ]
        constraints = [models.UniqueConstraint(fields=["lab", "number"], name="waiting_number_once")]

    def __str__(self) -> str:
        return f"{self.number}"


class Offer(models.Model):
    """A time held for whoever waits: until it is taken, refused, or the time to answer is over."""

    class State(models.TextChoices):
        OPEN = "open", _("Aspettiamo la risposta")
        TAKEN = "taken", _("Ha detto sì")
        DECLINED = "declined", _("Ha detto no")
        EXPIRED = "expired", _("Non ha risposto")
        WITHDRAWN = "withdrawn", _("L’orario non c’è più")

    data_class = "personal"
    retention = "contact"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    place = models.ForeignKey(WaitingPlace, on_delete=models.CASCADE, related_name="offers")
    slot = models.ForeignKey(Slot, on_delete=models.CASCADE, related_name="offers")
    offered_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    closed_at = models.DateTimeField(null=True, blank=True)
    # Whether a message could leave: if not, somebody at the desk has to tell them.
    is_told = models.BooleanField(default=False)

    class Meta:
        ordering = ["offered_at", "pk"]
        indexes = [models.Index(fields=["expires_at"], name="offer_open", condition=Q(state="open"))]
        constraints = [
            models.UniqueConstraint(fields=["slot"], condition=Q(state="open"), name="slot_offered_to_one"),
            models.UniqueConstraint(fields=["place"], condition=Q(state="open"), name="place_has_one_offer"),
            models.UniqueConstraint(fields=["place", "slot"], name="same_slot_offered_once"),
        ]

    def __str__(self) -> str:
        return self.get_state_display()
