from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ballatoio.base.accounts.models import Role, User
from ballatoio.base.core.ids import new_id
from ballatoio.base.directory.models import NeedTerm
from ballatoio.base.labs.models import Lab, Organisation
from ballatoio.care.desk.models import DESK_ROLES, Need


class DeskSheet(models.Model):
    """The figures of a finished day, month or year of a desk, kept as they were: an edition is never changed."""

    data_class = "statistic"
    retention = "permanent"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    lab = models.ForeignKey(Lab, on_delete=models.CASCADE, related_name="+")
    # A periods.Kind, and the first day of the period.
    kind = models.CharField(max_length=8)
    first = models.DateField()
    edition = models.PositiveSmallIntegerField(default=1)
    # What desk_figures gives: counts with their names, nobody's words.
    content: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField()
    made_at = models.DateTimeField(default=timezone.now)
    made_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    # Why it was made again.
    reason = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-first", "-edition"]
        constraints = [models.UniqueConstraint(fields=["lab", "kind", "first", "edition"], name="desk_sheet_edition")]

    def __str__(self) -> str:
        return f"{self.kind} {self.first:%d/%m/%Y} ({self.edition})"


class Publication(models.Model):
    """What may leave the lab about a month, or about the houses of a quarter: masked, fixed, never counted again."""

    class Kind(models.TextChoices):
        MONTH = "month", _("mese")
        QUARTER = "quarter", _("trimestre")

    data_class = "statistic"
    retention = "permanent"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    lab = models.ForeignKey(Lab, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=8, choices=Kind)
    first = models.DateField()
    # What publication_services gives: tables as core/masking.py lets them out, and the names of their parts.
    content: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField()
    # What the quarter is going to need of this month, unmasked: shown to nobody, and gone with the quarter.
    unpublished: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(default=dict, blank=True)
    published_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-first", "kind"]
        constraints = [
            models.UniqueConstraint(fields=["lab", "kind", "first"], name="publication_once"),
            models.CheckConstraint(condition=Q(first__day=1), name="publication_starts_a_month"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.first:%m/%Y}"


class NeedTally(models.Model):
    """The needs of a month counted beforehand: all of them, those of a topic, of a language, of a channel."""

    class Axis(models.TextChoices):
        ALL = "", _("tutti")
        TERM = "term", _("bisogno")
        LANGUAGE = "language", _("lingua")
        CHANNEL = "channel", _("canale")

    data_class = "statistic"
    retention = "contact"

    id = models.BigAutoField(primary_key=True)
    lab = models.ForeignKey(Lab, on_delete=models.CASCADE, related_name="+")
    month = models.DateField()
    axis = models.CharField(max_length=8, choices=Axis, blank=True)
    value = models.CharField(max_length=36, blank=True)
    # Counts by term, building, language and channel (tallies.py).
    content: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField()

    class Meta:
        ordering = ["lab", "axis", "value", "month"]
        constraints = [models.UniqueConstraint(fields=["lab", "axis", "value", "month"], name="need_tally_once")]

    def __str__(self) -> str:
        return f"{self.month:%m/%Y} {self.axis} {self.value}"


class TouchedDay(models.Model):
    """Needs of this day (as UTC has it) came, changed or went: its month is counted again. Written by the database."""

    data_class = "technical"
    retention = "job"

    id = models.BigAutoField(primary_key=True)
    # Without a constraint: needs that go with their lab leave their days here after it is gone.
    lab = models.ForeignKey(Lab, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+", db_index=False)
    day = models.DateField()

    class Meta:
        indexes = [models.Index(fields=["lab", "day"], name="touched_day_of_lab")]

    def __str__(self) -> str:
        return str(self.day)


class TopicRecipient(models.Model):
    """Which institution answers the residents' questions about a topic; a term goes before the one it stands under."""

    data_class = "public"
    retention = "permanent"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    lab = models.ForeignKey(Lab, on_delete=models.CASCADE, related_name="+")
    term = models.ForeignKey(NeedTerm, on_delete=models.PROTECT, related_name="+")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    # Who said that they answer for it, and when: an agreement, a meeting.
    source = models.CharField(max_length=200, blank=True)
    since = models.DateField(default=timezone.localdate)

    class Meta:
        ordering = ["organisation__name", "term__position", "pk"]
        constraints = [models.UniqueConstraint(fields=["lab", "term"], name="topic_recipient_once")]

    def __str__(self) -> str:
        return f"{self.term} → {self.organisation}"


class QuestionSheetQuerySet(models.QuerySet["QuestionSheet"]):
    def visible_to(self, user: User) -> "QuestionSheetQuerySet":
        """The sheets of the labs at whose desk the user works; to an institution, its own once they are sent."""
        own = Q(pk__in=())
        for membership in user.current_memberships:
            if membership.role == Role.INSTITUTION and membership.lab_id and membership.organisation_id:
                own |= Q(lab_id=membership.lab_id, organisation_id=membership.organisation_id)
        sent = ~Q(state=QuestionSheet.State.DRAFT)
        return self.filter(Q(lab_id__in=user.labs_as(*DESK_ROLES)) | (own & sent))


class QuestionSheet(models.Model):
    """What residents asked in a month, for the institution that can answer: in plain words, masked, without names."""

    class State(models.TextChoices):
        DRAFT = "draft", _("Da controllare")
        SENT = "sent", _("Mandato")
        PARTLY_ANSWERED = "partly_answered", _("Risposto in parte")
        ANSWERED = "answered", _("Risposto")

    # From each state to those that may follow it.
    ALLOWED: dict[str, tuple[str, ...]] = {
        State.DRAFT: (State.SENT,),
        State.SENT: (State.PARTLY_ANSWERED, State.ANSWERED),
        State.PARTLY_ANSWERED: (State.PARTLY_ANSWERED, State.ANSWERED),
        State.ANSWERED: (State.ANSWERED,),
    }

    data_class = "statistic"
    retention = "permanent"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    lab = models.ForeignKey(Lab, on_delete=models.CASCADE, related_name="+")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    month = models.DateField()
    state = models.CharField(max_length=16, choices=State, default=State.DRAFT)
    # What was sent, as it was sent: names, numbers, questions. Empty until then.
    content: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, blank=True)
    sent_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    version = models.PositiveIntegerField(default=1)

    objects = QuestionSheetQuerySet.as_manager()

    class Meta:
        ordering = ["-month", "organisation__name", "pk"]
        indexes = [models.Index(fields=["lab", "-month"], name="question_sheet_by_month")]
        constraints = [
            models.UniqueConstraint(fields=["lab", "organisation", "month"], name="question_sheet_once"),
            models.CheckConstraint(condition=Q(month__day=1), name="question_sheet_starts_a_month"),
            models.CheckConstraint(
                condition=Q(state="draft") | Q(sent_at__isnull=False), name="question_sheet_says_when_it_was_sent"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.organisation} {self.month:%m/%Y}"

    @property
    def is_draft(self) -> bool:
        return self.state == self.State.DRAFT


class QuestionLine(models.Model):
    """One question of a sheet: its topic, how many asked, the words of the staff; then what the institution says."""

    data_class = "statistic"
    retention = "permanent"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    sheet = models.ForeignKey(QuestionSheet, on_delete=models.CASCADE, related_name="lines")
    position = models.PositiveSmallIntegerField(default=0)
    topic = models.CharField(max_length=160)
    # The terms whose needs of that month this line speaks of: to those the answer goes back.
    terms = models.ManyToManyField(NeedTerm, related_name="+")
    # As published: no number where it could point at somebody, houses only where at least five asked.
    asked = models.PositiveIntegerField(null=True, blank=True)
    houses: "models.JSONField[list[str], list[str]]" = models.JSONField(default=list, blank=True)
    question = models.TextField(blank=True)
    answer = models.TextField(blank=True)
    answered_on = models.DateField(null=True, blank=True)
    answered_by = models.CharField(max_length=160, blank=True)
    recorded_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    # When the answer went back to whoever had asked, and by whose decision.
    returned_at = models.DateTimeField(null=True, blank=True)
    returned_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    tells_closed = models.BooleanField(default=False)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        ordering = ["position", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(answer="", answered_on__isnull=True) | (~Q(answer="") & Q(answered_on__isnull=False)),
                name="question_answer_has_a_day",
            ),
            models.CheckConstraint(
                condition=Q(returned_at__isnull=True) | ~Q(answer=""), name="question_returns_only_an_answer"
            ),
        ]

    def __str__(self) -> str:
        return self.topic

    def as_sent(self) -> dict[str, Any]:
        """The question as plain data, to be kept as it was sent."""
        return {
            "id": str(self.pk),
            "topic": self.topic,
            "asked": self.asked,
            "houses": self.houses,
            "question": self.question,
        }


class ReturnedAnswer(models.Model):
    """An institution's answer was brought to a need, once; whether its person could be told by a message."""

    data_class = "personal"
    retention = "contact"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    line = models.ForeignKey(QuestionLine, on_delete=models.CASCADE, related_name="returned")
    need = models.ForeignKey(Need, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    was_open = models.BooleanField()
    is_told = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["line", "need"], name="answer_returned_once")]

    def __str__(self) -> str:
        return str(self.at)
