import uuid

from django.db import models
from django.db.models import Q

from ballatoio.base.core.ids import new_id


class AuditEntryQuerySet(models.QuerySet["AuditEntry"]):
    def of_lab(self, lab_id: uuid.UUID) -> "AuditEntryQuerySet":
        return self.filter(chain=lab_id)

    def about(self, *subject_ids: uuid.UUID) -> "AuditEntryQuerySet":
        """What was done and read about a person, whom several files may have stood for."""
        return self.filter(subject_id__in=subject_ids)


class AuditEntry(models.Model):
    """One act or one reading: who, when, what, on which record. Never what the record says.

    It has no foreign keys, so that nothing that is erased elsewhere can take it along.
    """

    data_class = "audit"
    retention = "audit"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    chain = models.UUIDField()
    position = models.PositiveBigIntegerField()
    at = models.DateTimeField()
    actor_id = models.UUIDField(null=True)
    actor_role = models.CharField(max_length=40, blank=True)
    actor_organisation_id = models.UUIDField(null=True)
    verb = models.CharField(max_length=60)
    is_reading = models.BooleanField()
    object_type = models.CharField(max_length=60)
    object_id = models.CharField(max_length=64)
    subject_id = models.UUIDField(null=True)
    detail = models.JSONField(default=dict)
    key_id = models.CharField(max_length=20)
    mac = models.BinaryField()

    objects = AuditEntryQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["chain", "position"], name="audit_one_entry_per_position")]
        indexes = [
            models.Index(fields=["chain", "-at"], name="audit_by_time"),
            models.Index(fields=["subject_id", "-at"], name="audit_by_subject", condition=Q(subject_id__isnull=False)),
            models.Index(fields=["object_type", "object_id"], name="audit_by_object"),
        ]

    def __str__(self) -> str:
        return f"{self.verb} #{self.position}"


class ChainHead(models.Model):
    """Where each chain ends: the lock that puts its entries in order."""

    data_class = "audit"
    retention = "audit"

    chain = models.UUIDField(primary_key=True)
    count = models.PositiveBigIntegerField(default=0)
    mac = models.BinaryField(default=b"")

    def __str__(self) -> str:
        return f"{self.chain}: {self.count}"
