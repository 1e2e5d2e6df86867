from datetime import date

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ballatoio.base.accounts.models import User
from ballatoio.base.core.ids import new_id
from ballatoio.base.directory.models import NeedTerm
from ballatoio.base.labs.models import Lab, Organisation
from ballatoio.base.territory.models import Building, Stair
from ballatoio.care.desk.models import DESK_ROLES, Need


class BuildingIssueQuerySet(models.QuerySet["BuildingIssue"]):
    def visible_to(self, user: User | AbstractBaseUser | AnonymousUser) -> "BuildingIssueQuerySet":
        """The issues of the labs at whose desk the user works. What leaves the lab is counted elsewhere, masked."""
        return self.filter(lab_id__in=user.labs_as(*DESK_ROLES) if isinstance(user, User) else ())

    def still_open(self) -> "BuildingIssueQuerySet":
        return self.filter(state__in=BuildingIssue.OPEN_STATES)

    def due_by(self, on: date) -> "BuildingIssueQuerySet":
        """Open issues whose date has come: today's and all those that nobody looked at before."""
        return self.still_open().filter(next_on__lte=on)


class BuildingIssue(models.Model):
    """What several households of one building ask about, followed as one thing.

    Its words are the staff's own and name nobody: whoever asked is only in the needs that are joined to it.
    """

    class State(models.TextChoices):
        OPEN = "open", _("Aperta")
        WITH_INSTITUTION = "with_institution", _("Chiesta all’ente")
        PROMISED = "promised", _("Promessa per un giorno")
        SOLVED = "solved", _("Risolta")
        NOT_SOLVED = "not_solved", _("Chiusa, non risolta")

    OPEN_STATES = (State.OPEN, State.WITH_INSTITUTION, State.PROMISED)
    CLOSED_STATES = (State.SOLVED, State.NOT_SOLVED)
    # From each state to those that may follow it. A promise may be made again for another day; what is not solved after
    # all opens again.
    ALLOWED: dict[str, tuple[str, ...]] = {
        State.OPEN: (State.OPEN, State.WITH_INSTITUTION, State.PROMISED, *CLOSED_STATES),
        State.WITH_INSTITUTION: (State.WITH_INSTITUTION, State.PROMISED, *CLOSED_STATES),
        State.PROMISED: (State.PROMISED, State.WITH_INSTITUTION, *CLOSED_STATES),
        State.SOLVED: (State.OPEN,),
        State.NOT_SOLVED: (State.OPEN,),
    }

    data_class = "confidential"
    retention = "permanent"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    lab = models.ForeignKey(Lab, on_delete=models.CASCADE, related_name="+")
    building = models.ForeignKey(Building, on_delete=models.CASCADE, related_name="+")
    # The smallest place that a text may name.
    stair = models.ForeignKey(Stair, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    term = models.ForeignKey(NeedTerm, on_delete=models.PROTECT, related_name="+")
    title = models.CharField(max_length=120)
    state = models.CharField(max_length=16, choices=State, default=State.OPEN)
    owner = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    next_on = models.DateField(null=True, blank=True)
    # Who has it, and the day that they named.
    institution = models.ForeignKey(Organisation, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    promised_on = models.DateField(null=True, blank=True)
    opened_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True, blank=True)
    version = models.PositiveIntegerField(default=1)

    objects = BuildingIssueQuerySet.as_manager()

    class Meta:
        ordering = ["-opened_at", "-pk"]
        indexes = [
            models.Index(fields=["lab", "-opened_at", "-id"], name="issue_by_time"),
            models.Index(fields=["building", "term", "-opened_at"], name="issue_by_building"),
            models.Index(
                fields=["lab", "owner", "next_on"],
                name="issue_open_by_owner",
                condition=Q(state__in=["open", "with_institution", "promised"]),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["solved", "not_solved"]) | Q(owner__isnull=False, next_on__isnull=False),
                name="open_issue_has_owner_and_date",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["solved", "not_solved"]) | Q(closed_at__isnull=False),
                name="closed_issue_has_a_date",
            ),
            models.CheckConstraint(
                condition=~Q(state="promised") | Q(promised_on__isnull=False), name="promised_issue_has_the_day"
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_open(self) -> bool:
        return self.state in self.OPEN_STATES


class IssueNeed(models.Model):
    """A need is followed with others of its building. One issue at a time: an answer is given to it once."""

    data_class = "personal"
    retention = "contact"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    issue = models.ForeignKey(BuildingIssue, on_delete=models.CASCADE, related_name="joined")
    need = models.ForeignKey(Need, on_delete=models.CASCADE, related_name="+")
    joined_at = models.DateTimeField(default=timezone.now)
    joined_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["joined_at", "pk"]
        constraints = [models.UniqueConstraint(fields=["need"], name="need_in_one_issue")]

    def __str__(self) -> str:
        return str(self.need_id)


class IssueStep(models.Model):
    """One thing that happened to an issue: what the lab did, what an institution said, on which day.

    Its words go to every household that asked, so they name none.
    """

    class Kind(models.TextChoices):
        OPENED = "opened", _("Aperta")
        DONE = "done", _("Il laboratorio ha fatto qualcosa")
        SENT = "sent", _("Chiesto all’ente")
        PROMISED = "promised", _("L’ente promette un giorno")
        ANSWERED = "answered", _("Risposta da dare a chi ha chiesto")
        SOLVED = "solved", _("Risolta")
        NOT_SOLVED = "not_solved", _("Chiusa, non risolta")
        REOPENED = "reopened", _("Riaperta: non è risolta")

    # The state of the issue after a step of a kind; with the others it stays as it is.
    STATE_AFTER: dict[str, str] = {
        Kind.SENT: BuildingIssue.State.WITH_INSTITUTION,
        Kind.PROMISED: BuildingIssue.State.PROMISED,
        Kind.SOLVED: BuildingIssue.State.SOLVED,
        Kind.NOT_SOLVED: BuildingIssue.State.NOT_SOLVED,
        Kind.REOPENED: BuildingIssue.State.OPEN,
    }

    data_class = "confidential"
    retention = "permanent"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    issue = models.ForeignKey(BuildingIssue, on_delete=models.CASCADE, related_name="steps")
    kind = models.CharField(max_length=12, choices=Kind)
    on = models.DateField(default=timezone.localdate)
    text = models.CharField(max_length=600, blank=True)
    organisation = models.ForeignKey(Organisation, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    promised_on = models.DateField(null=True, blank=True)
    # To how many open needs this answer was given; empty when it was none.
    answered = models.PositiveIntegerField(null=True, blank=True)
    recorded_at = models.DateTimeField(default=timezone.now)
    recorded_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["on", "recorded_at", "pk"]
        indexes = [models.Index(fields=["issue", "on"], name="issue_step_by_issue")]
        constraints = [
            models.CheckConstraint(
                condition=~Q(kind="promised") | Q(promised_on__isnull=False), name="promise_has_the_day"
            )
        ]

    def __str__(self) -> str:
        return self.get_kind_display()
