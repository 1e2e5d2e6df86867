import uuid
from datetime import date, timedelta

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from ballatoio.base.accounts.models import Role, User
from ballatoio.base.core.ids import new_id
from ballatoio.base.labs.models import FundingLine, Lab, Organisation

# Who writes hours: whoever works for the lab, not those who fund it or own the houses.
HOUR_ROLES = (Role.DESK, Role.MEDIATOR, Role.CASEWORKER, Role.INTERPRETER, Role.COORDINATOR)


class ActivityQuerySet(models.QuerySet["Activity"]):
    def on(self, first: date, last: date) -> "ActivityQuerySet":
        """The activities of at least one day between two."""
        return self.filter(since__lte=last).filter(Q(until__isnull=True) | Q(until__gte=first))


class Activity(models.Model):
    """Something that the staff of a lab spend hours on, and the funding line that pays for it, if one does."""

    data_class = "public"
    retention = "permanent"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    lab = models.ForeignKey(Lab, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=120)
    funding_line = models.ForeignKey(FundingLine, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    position = models.PositiveSmallIntegerField(default=0)
    since = models.DateField()
    until = models.DateField(null=True, blank=True)

    objects = ActivityQuerySet.as_manager()

    class Meta:
        ordering = ["position", "name", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["lab", "name"], name="activity_name_once"),
            models.CheckConstraint(
                condition=Q(until__isnull=True) | Q(since__lte=F("until")), name="activity_ends_after_start"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class WeekSheetQuerySet(models.QuerySet["WeekSheet"]):
    def visible_to(self, user: User) -> "WeekSheetQuerySet":
        """One's own weeks, and those of the labs that one coordinates."""
        return self.filter(Q(user_id=user.pk) | Q(lab_id__in=user.labs_as(Role.COORDINATOR)))


class WeekSheet(models.Model):
    """The hours of one person in one lab in one week, from Monday to Sunday."""

    class State(models.TextChoices):
        OPEN = "open", _("Da finire")
        CONFIRMED = "confirmed", _("Confermata")
        APPROVED = "approved", _("Approvata")

    # From each state to those that may follow it: what is approved goes back to its writer only on purpose.
    ALLOWED: dict[str, tuple[str, ...]] = {
        State.OPEN: (State.OPEN, State.CONFIRMED),
        State.CONFIRMED: (State.OPEN, State.CONFIRMED, State.APPROVED),
        State.APPROVED: (State.OPEN,),
    }

    data_class = "personal"
    retention = "fund"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    lab = models.ForeignKey(Lab, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    monday = models.DateField()
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    version = models.PositiveIntegerField(default=1)
    approved_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    # Why the coordinator sent it back: about hours, never about people.
    note = models.CharField(max_length=200, blank=True)

    objects = WeekSheetQuerySet.as_manager()

    class Meta:
        ordering = ["-monday", "user__name", "pk"]
        indexes = [models.Index(fields=["lab", "state", "-monday"], name="week_by_state")]
        constraints = [
            models.UniqueConstraint(fields=["user", "lab", "monday"], name="week_once"),
            # Django counts Sunday as 1.
            models.CheckConstraint(condition=Q(monday__week_day=2), name="week_begins_on_monday"),
        ]

    def __str__(self) -> str:
        return f"{self.monday:%d/%m/%Y}"

    @property
    def days(self) -> list[date]:
        return [self.monday + timedelta(days=offset) for offset in range(7)]


class WorkedHours(models.Model):
    """The minutes that somebody spent on an activity on a day, and the organisation for which they worked that day."""

    data_class = "personal"
    retention = "fund"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    sheet = models.ForeignKey(WeekSheet, on_delete=models.CASCADE, related_name="hours")
    activity = models.ForeignKey(Activity, on_delete=models.PROTECT, related_name="+")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    on = models.DateField()
    minutes = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["on", "pk"]
        indexes = [models.Index(fields=["activity", "on"], name="hours_by_activity")]
        constraints = [
            models.UniqueConstraint(fields=["sheet", "activity", "on"], name="hours_once"),
            models.CheckConstraint(condition=Q(minutes__gte=1, minutes__lte=1440), name="hours_fit_in_a_day"),
        ]

    def __str__(self) -> str:
        return f"{self.on:%d/%m/%Y}: {self.minutes}"


Cell = tuple[uuid.UUID, date]
