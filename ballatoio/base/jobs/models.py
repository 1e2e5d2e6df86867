from typing import Any

from django.db import models
from django.utils import timezone

from ballatoio.base.accounts.models import User
from ballatoio.base.core.ids import new_id, random_id
from ballatoio.base.labs.models import Lab
from ballatoio.base.vault.models import SealedRecord


class DueWorkQuerySet(models.QuerySet["DueWork"]):
    def due(self) -> "DueWorkQuerySet":
        """Due and not done: work whose moment has passed while nobody looked is still due."""
        return self.filter(done_at__isnull=True, dead_at__isnull=True, due_at__lte=timezone.now()).order_by("due_at")

    def dead(self) -> "DueWorkQuerySet":
        """Failed so often that it is not tried again until somebody says so."""
        return self.filter(dead_at__isnull=False).order_by("dead_at")


class DueWork(models.Model):
    """Something to do at or after a moment: once (by its key), tried again with growing pauses, never forgotten."""

    data_class = "technical"
    retention = "job"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(max_length=60)
    key = models.CharField(max_length=160, unique=True)
    lab = models.ForeignKey(Lab, on_delete=models.CASCADE, null=True, related_name="+")
    # Identifiers and numbers only: never personal text.
    payload: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(default=dict)
    due_at = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveSmallIntegerField(default=0)
    progress = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    done_at = models.DateTimeField(null=True)
    dead_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=200, blank=True)

    objects = DueWorkQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["due_at"],
                name="due_work_open",
                condition=models.Q(done_at__isnull=True, dead_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return self.key


class DraftQuerySet(models.QuerySet["Draft"]):
    def visible_to(self, user: User) -> "DraftQuerySet":
        """Only whoever wrote it: never the next person at that desk."""
        return self.filter(user_id=user.pk)


class Draft(SealedRecord):
    """What somebody was writing when the session, the network or the power went."""

    data_class = "personal"
    retention = "draft"

    id = models.UUIDField(primary_key=True, default=random_id, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    lab = models.ForeignKey(Lab, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=40)
    key = models.CharField(max_length=64)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    objects = DraftQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "lab", "kind", "key"], name="draft_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.updated_at:%d/%m/%Y %H:%M}"


class SubmittedOnce(models.Model):
    """A form that was sent: a double click, a retry or a replay finds it and changes nothing."""

    data_class = "technical"
    retention = "job"

    token = models.CharField(primary_key=True, max_length=64)
    result = models.CharField(max_length=64, blank=True)
    at = models.DateTimeField(default=timezone.now, db_index=True)

    def __str__(self) -> str:
        return self.token[:8]
