import uuid
from datetime import date, time
from typing import TYPE_CHECKING

from django.db import models
from django.utils.translation import gettext_lazy as _

from ballatoio.base.core.ids import new_id

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.auth.models import AnonymousUser


class Lab(models.Model):
    """A neighbourhood lab: the desk, its address, its hours. Everything else belongs to one."""

    data_class = "public"
    retention = "permanent"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=120)
    city = models.CharField(max_length=80)
    # Two letters: whose patron's day is a holiday here.
    province = models.CharField(max_length=2, blank=True)
    address = models.CharField(max_length=200)
    phone = models.CharField(max_length=40)
    email = models.EmailField(blank=True)
    lat = models.FloatField(null=True, blank=True)
    lon = models.FloatField(null=True, blank=True)
    blurb = models.TextField(blank=True, help_text=_("Chi siamo, in poche frasi semplici."))
    funding = models.CharField(max_length=300, blank=True)
    active_since = models.DateField(null=True, blank=True)
    # A city may hang several labs on one programme; what the desk promises is each lab's own.
    answer_days = models.PositiveSmallIntegerField(default=5)
    escalation_days = models.PositiveSmallIntegerField(default=3)
    # A service that was sent somebody is reminded every so many days; after so many its silence is its answer.
    referral_reminder_days = models.PositiveSmallIntegerField(default=10)
    referral_expiry_days = models.PositiveSmallIntegerField(default=30)
    # For so many days the slip that is handed over at the desk opens something.
    receipt_days = models.PositiveSmallIntegerField(default=180)
    # So many hours before an appointment its reminder leaves.
    reminder_hours = models.PositiveSmallIntegerField(default=24)
    # Between these hours nothing is sent to a telephone.
    quiet_from = models.TimeField(default=time(20))
    quiet_until = models.TimeField(default=time(8))
    synthetic = models.BooleanField(default=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Opening(models.Model):
    """When a lab's desk is open, by weekday (0 = Monday, as in Python and ISO 8601 less one)."""

    data_class = "public"
    retention = "permanent"

    lab = models.ForeignKey(Lab, on_delete=models.CASCADE, related_name="openings")
    weekday = models.PositiveSmallIntegerField()
    opens = models.TimeField()
    closes = models.TimeField()

    class Meta:
        ordering = ["weekday", "opens"]
        constraints = [
            models.CheckConstraint(condition=models.Q(weekday__lte=6), name="opening_weekday_exists"),
            models.CheckConstraint(condition=models.Q(opens__lt=models.F("closes")), name="opening_ends_after_start"),
        ]

    def __str__(self) -> str:
        return f"{self.weekday} {self.opens}–{self.closes}"


class ClosingDay(models.Model):
    """A day on which the lab is closed: the clock of its promises stops."""

    data_class = "public"
    retention = "permanent"

    lab = models.ForeignKey(Lab, on_delete=models.CASCADE, related_name="closing_days")
    on = models.DateField()
    reason = models.CharField(max_length=120)

    class Meta:
        ordering = ["on"]
        constraints = [models.UniqueConstraint(fields=["lab", "on"], name="closing_day_once")]

    def __str__(self) -> str:
        return f"{self.on}: {self.reason}"


class FundingLine(models.Model):
    """Money that a lab works with: which fund, under which programme and action, how much, decided where."""

    data_class = "public"
    retention = "permanent"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    lab = models.ForeignKey(Lab, on_delete=models.CASCADE, related_name="funding_lines")
    name = models.CharField(max_length=120)
    fund = models.CharField(max_length=80, blank=True)
    programme = models.CharField(max_length=120, blank=True)
    action = models.CharField(max_length=40, blank=True)
    amount = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)
    since = models.DateField(null=True, blank=True)
    until = models.DateField(null=True, blank=True)
    source = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["name", "pk"]
        constraints = [models.UniqueConstraint(fields=["lab", "name"], name="funding_line_once")]

    def __str__(self) -> str:
        return self.name


class OrganisationQuerySet(models.QuerySet["Organisation"]):
    def visible_to(self, user: "AbstractBaseUser | AnonymousUser") -> "OrganisationQuerySet":
        """Everybody may see institutions and associations; an informal group only if it wants a public sheet."""
        lab_ids: frozenset[uuid.UUID] = getattr(user, "lab_ids", frozenset())
        return self.filter(models.Q(is_public=True) | models.Q(lab_id__in=lab_ids))


class Organisation(models.Model):
    """An institution, an association, or an informal group with a spokesperson."""

    class Kind(models.TextChoices):
        INSTITUTION = "institution", _("Istituzione")
        HOUSING = "housing", _("Ente proprietario o gestore di case")
        COOPERATIVE = "cooperative", _("Cooperativa o impresa sociale")
        ASSOCIATION = "association", _("Associazione")
        GROUP = "group", _("Gruppo informale")
        UNION = "union", _("Sindacato o patronato")
        HEALTH = "health", _("Servizio sanitario")
        SCHOOL = "school", _("Scuola")

    data_class = "public"
    retention = "permanent"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    lab = models.ForeignKey(Lab, on_delete=models.CASCADE, null=True, blank=True, related_name="organisations")
    name = models.CharField(max_length=160)
    short_name = models.CharField(max_length=40, blank=True)
    kind = models.CharField(max_length=20, choices=Kind)
    description = models.TextField(blank=True)
    phone = models.CharField(max_length=40, blank=True)
    email = models.EmailField(blank=True)
    url = models.URLField(blank=True)
    spokesperson = models.CharField(max_length=120, blank=True)
    is_public = models.BooleanField(default=True)

    objects = OrganisationQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        indexes = [models.Index(fields=["lab", "name"], name="organisation_by_name")]
        constraints = [
            models.UniqueConstraint(fields=["lab", "name"], name="organisation_name_once"),
            models.UniqueConstraint(
                fields=["name"], condition=models.Q(lab__isnull=True), name="shared_organisation_name_once"
            ),
        ]

    def __str__(self) -> str:
        return self.short_name or self.name


class LabOrganisation(models.Model):
    """An organisation that runs or funds a lab, with its part in it and since when."""

    class Part(models.TextChoices):
        OWNER = "owner", _("Titolare del servizio")
        LEAD = "lead", _("Capogruppo")
        PARTNER = "partner", _("Partner")
        FUNDER = "funder", _("Finanziatore")

    data_class = "public"
    retention = "permanent"

    lab = models.ForeignKey(Lab, on_delete=models.CASCADE, related_name="partners")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="parts")
    part = models.CharField(max_length=20, choices=Part)
    since = models.DateField(null=True, blank=True)
    until = models.DateField(null=True, blank=True)

    class Meta:
        ordering = ["part", "organisation__name"]
        constraints = [
            models.UniqueConstraint(fields=["lab", "organisation", "part"], name="lab_organisation_once"),
            models.CheckConstraint(
                condition=models.Q(until__isnull=True)
                | models.Q(since__isnull=True)
                | models.Q(since__lte=models.F("until")),
                name="lab_organisation_ends_after_start",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.organisation} ({self.get_part_display()})"

    def is_current(self, on: date) -> bool:
        return (self.since is None or self.since <= on) and (self.until is None or on <= self.until)
