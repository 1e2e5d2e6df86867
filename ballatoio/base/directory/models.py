import uuid
from collections.abc import Iterable
from datetime import date, timedelta
from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ballatoio.base.accounts.models import User
from ballatoio.base.core.ids import new_id, random_id
from ballatoio.base.labs.models import Lab, Organisation
from ballatoio.base.territory.models import Place

# After so many days without a check the desk no longer trusts a sheet and the coordinator finds it in a list.
VERIFY_AFTER_DAYS = 180


class NeedTerm(models.Model):
    """A word of the needs taxonomy: what people come for, in two levels."""

    data_class = "public"
    retention = "permanent"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    code = models.SlugField(max_length=60, unique=True)
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="children")
    name = models.CharField(max_length=120)
    synonyms = models.CharField(max_length=400, blank=True)
    icon = models.CharField(max_length=40, blank=True)
    position = models.PositiveSmallIntegerField(default=0)
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["position", "name"]

    def __str__(self) -> str:
        return self.name


class ServiceQuerySet(models.QuerySet["Service"]):
    def of_lab(self, lab: Lab) -> "ServiceQuerySet":
        return self.filter(lab=lab)

    def published(self) -> "ServiceQuerySet":
        """What anybody may read: not what is gone, nor what a group without a public sheet offers."""
        return self.exclude(status=Service.Status.DEFUNCT).filter(organisation__is_public=True)

    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> "ServiceQuerySet":
        """What is published; whoever works in the lab also sees the rest of its own."""
        lab_ids: frozenset[uuid.UUID] = getattr(user, "lab_ids", frozenset())
        shown = Q(organisation__is_public=True) & ~Q(status=Service.Status.DEFUNCT)
        return self.filter(shown | Q(lab_id__in=lab_ids))

    def to_verify(self, on: date | None = None) -> "ServiceQuerySet":
        """Nobody has checked them for half a year: hours and phones may have changed."""
        limit = (on or timezone.localdate()) - timedelta(days=VERIFY_AFTER_DAYS)
        unchecked = Q(last_verified_on__isnull=True) | Q(last_verified_on__lt=limit)
        return self.filter(unchecked).exclude(status=Service.Status.DEFUNCT)


class Service(models.Model):
    """A service that the desk may send people to; names of the fields as in Open Referral HSDS 3.0."""

    class Status(models.TextChoices):
        ACTIVE = "active", _("Attivo")
        TEMPORARILY_CLOSED = "temporarily closed", _("Chiuso per ora")
        INACTIVE = "inactive", _("Sospeso")
        DEFUNCT = "defunct", _("Non c’è più")

    data_class = "public"
    retention = "permanent"

    # Random: the identifier is public in the open interfaces.
    id = models.UUIDField(primary_key=True, default=random_id, editable=False)
    lab = models.ForeignKey(Lab, on_delete=models.CASCADE, related_name="+")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    place = models.ForeignKey(Place, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    slug = models.SlugField(max_length=80)
    name = models.CharField(max_length=160)
    description = models.TextField()
    eligibility_description = models.TextField(blank=True)
    application_process = models.TextField(blank=True)
    fees_description = models.CharField(max_length=200, blank=True)
    url = models.URLField(blank=True)
    email = models.EmailField(blank=True)
    phone = models.CharField(max_length=40, blank=True)
    languages = models.JSONField(default=list, blank=True)
    interpretation_services = models.BooleanField(default=False)
    accessibility = models.CharField(max_length=300, blank=True)
    address = models.CharField(max_length=200, blank=True)
    lat = models.FloatField(null=True, blank=True)
    lon = models.FloatField(null=True, blank=True)
    service_area = models.CharField(max_length=200, blank=True)
    alert = models.CharField(max_length=300, blank=True)
    status = models.CharField(max_length=20, choices=Status, default=Status.ACTIVE)
    last_verified_on = models.DateField(null=True, blank=True)
    needs = models.ManyToManyField(NeedTerm, related_name="services", blank=True)
    version = models.PositiveIntegerField(default=1)
    # Every word that the service is found by, in all its languages, normalised, each after a space.
    search_key = models.TextField(blank=True, default="", editable=False)

    objects = ServiceQuerySet.as_manager()

    class Meta:
        ordering = ["name", "pk"]
        indexes = [models.Index(fields=["lab", "status", "name"], name="service_by_name")]
        constraints = [models.UniqueConstraint(fields=["lab", "slug"], name="service_slug_once")]

    def __str__(self) -> str:
        return self.name

    @property
    def is_to_verify(self) -> bool:
        """Whether half a year has gone by since somebody last checked the sheet."""
        if self.last_verified_on is None:
            return True
        return self.last_verified_on < timezone.localdate() - timedelta(days=VERIFY_AFTER_DAYS)


class Schedule(models.Model):
    """When a service is open, by weekday (0 = Monday)."""

    data_class = "public"
    retention = "permanent"

    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="schedules")
    weekday = models.PositiveSmallIntegerField()
    opens_at = models.TimeField()
    closes_at = models.TimeField()
    valid_from = models.DateField(null=True, blank=True)
    valid_to = models.DateField(null=True, blank=True)

    class Meta:
        ordering = ["weekday", "opens_at"]
        constraints = [
            models.CheckConstraint(condition=Q(weekday__lte=6), name="schedule_weekday_exists"),
            models.CheckConstraint(condition=Q(opens_at__lt=F("closes_at")), name="schedule_ends_after_start"),
        ]

    def __str__(self) -> str:
        return f"{self.weekday} {self.opens_at}–{self.closes_at}"


class ScheduleException(models.Model):
    """A day on which a service does not keep its hours: closed, or open at others."""

    data_class = "public"
    retention = "permanent"

    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="schedule_exceptions")
    on = models.DateField()
    opens_at = models.TimeField(null=True, blank=True)
    closes_at = models.TimeField(null=True, blank=True)
    note = models.CharField(max_length=160, blank=True)

    class Meta:
        ordering = ["on"]
        constraints = [
            models.UniqueConstraint(fields=["service", "on"], name="schedule_exception_once"),
            models.CheckConstraint(
                condition=Q(opens_at__isnull=True, closes_at__isnull=True) | Q(opens_at__lt=F("closes_at")),
                name="schedule_exception_ends_after_start",
            ),
        ]

    def __str__(self) -> str:
        return str(self.on)


class TranslationQuerySet(models.QuerySet["Translation"]):
    def of(self, records: Iterable[models.Model]) -> "TranslationQuerySet":
        """Every translation of the given records, whatever their kind."""
        listed = list(records)
        return self.filter(
            object_type__in={record._meta.label_lower for record in listed},
            object_id__in=[record.pk for record in listed],
        )


class Translation(models.Model):
    """A text of a public record in another language, and who stands behind it."""

    class State(models.TextChoices):
        MACHINE = "machine", _("Tradotto da una macchina")
        DRAFT = "draft", _("Non ancora riletto da chi parla la lingua")
        REVIEWED = "reviewed", _("Riletto da chi parla la lingua")
        APPROVED = "approved", _("Approvato dall’istituzione")
        STALE = "stale", _("Il testo italiano è cambiato")

    # From each state ("" = not there yet), the states that somebody may bring it to; to stay is to reword.
    ALLOWED: ClassVar[dict[str, frozenset[str]]] = {
        "": frozenset({State.MACHINE, State.DRAFT, State.REVIEWED}),
        State.MACHINE: frozenset({State.MACHINE, State.DRAFT, State.REVIEWED, State.STALE}),
        State.DRAFT: frozenset({State.DRAFT, State.REVIEWED, State.STALE}),
        State.REVIEWED: frozenset({State.DRAFT, State.REVIEWED, State.APPROVED, State.STALE}),
        State.APPROVED: frozenset({State.DRAFT, State.REVIEWED, State.STALE}),
        State.STALE: frozenset({State.MACHINE, State.DRAFT, State.REVIEWED}),
    }

    data_class = "public"
    retention = "permanent"

    id = models.UUIDField(primary_key=True, default=random_id, editable=False)
    object_type = models.CharField(max_length=60)
    object_id = models.UUIDField()
    field = models.CharField(max_length=40)
    language = models.CharField(max_length=8)
    text = models.TextField()
    # SHA-256 of the Italian text that was translated: when it no longer matches, the translation is stale.
    source_hash = models.CharField(max_length=64)
    state = models.CharField(max_length=10, choices=State)
    changed_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    changed_at = models.DateTimeField(default=timezone.now)

    objects = TranslationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["object_type", "object_id", "language", "field"], name="translation_once")
        ]

    def __str__(self) -> str:
        return f"{self.object_type}.{self.field} [{self.language}]"
