from django.db import models

from ballatoio.base.core.ids import random_id


class DataKey(models.Model):
    """The key of one confidential record, itself locked with a master key. Without it the record says nothing."""

    data_class = "key"
    retention = "with its record"

    # Random: the order of keys must not tell in which order records were made.
    id = models.UUIDField(primary_key=True, default=random_id, editable=False)
    key_id = models.CharField(max_length=20, db_index=True)
    wrapped = models.BinaryField()

    def __str__(self) -> str:
        return f"{self.pk} ({self.key_id})"


class SealedRecord(models.Model):
    """A record whose personal free text is kept sealed, all its texts together, under a key of its own."""

    # No constraint in the database: keys are archived and destroyed apart from the records that they open.
    data_key = models.OneToOneField(
        DataKey, on_delete=models.DO_NOTHING, db_constraint=False, null=True, editable=False, related_name="+"
    )
    sealed = models.BinaryField(default=b"", editable=False)

    class Meta:
        abstract = True
