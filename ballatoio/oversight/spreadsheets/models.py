from collections import Counter
from datetime import timedelta
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ballatoio.base.accounts.models import Role, User
from ballatoio.base.core.ids import new_id, random_id
from ballatoio.base.labs.models import Lab
from ballatoio.base.people.models import Person
from ballatoio.base.vault.models import SealedRecord

# What was read from a file waits so long for somebody to go on; then it is erased, key and all.
SHEET_LIFE = timedelta(days=7)
# So long one may still undo; then only the counts are left.
UNDO_LIFE = timedelta(days=365)


class SheetQuerySet(models.QuerySet["SheetImport"]):
    def visible_to(self, user: User | AbstractBaseUser | AnonymousUser) -> "SheetQuerySet":
        """The imports of the labs that the user coordinates."""
        return self.filter(lab_id__in=user.labs_as(Role.COORDINATOR) if isinstance(user, User) else ())

    def of_lab(self, lab: Lab) -> "SheetQuerySet":
        return self.filter(lab=lab)

    def at_work(self) -> "SheetQuerySet":
        """Those of which a worker is writing or taking back the rows."""
        return self.filter(state__in=SheetImport.WRITING_STATES)

    def went_in(self) -> "SheetQuerySet":
        """Those whose rows are in the lab, or coming in."""
        return self.filter(state__in=[SheetImport.State.IMPORTING, SheetImport.State.DONE])


class SheetImport(SealedRecord):
    """A spreadsheet on its way into the lab, from the file to the records, and back when it is undone.

    Texts kept sealed, as JSON: "columns" (headings, examples and values of each column), "mapping" (what each column
    is), "values" (what the words of a list mean). They are erased with the rows once the import is over.
    """

    class Kind(models.TextChoices):
        DESK_LOG = "desk_log", _("Diario dello sportello: una riga per ogni contatto")
        REGISTER = "register", _("Rubrica: una riga per ogni persona")

    class State(models.TextChoices):
        UPLOADED = "uploaded", _("Da preparare")
        CHECKING = "checking", _("Controllo in corso")
        CHECKED = "checked", _("Controllato, da confermare")
        IMPORTING = "importing", _("Importazione in corso")
        DONE = "done", _("Importato")
        FAILING = "failing", _("Non riuscito: si toglie quello che era entrato")
        FAILED = "failed", _("Non riuscito: non è entrato niente")
        UNDOING = "undoing", _("Annullamento in corso")
        UNDONE = "undone", _("Annullato")
        DISCARDED = "discarded", _("Buttato via")

    # From each state to those that may follow it.
    ALLOWED: dict[str, tuple[str, ...]] = {
        State.UPLOADED: (State.UPLOADED, State.CHECKING, State.DISCARDED),
        State.CHECKING: (State.CHECKED, State.UPLOADED, State.DISCARDED),
        State.CHECKED: (State.UPLOADED, State.CHECKING, State.IMPORTING, State.DISCARDED),
        State.IMPORTING: (State.DONE, State.FAILING),
        State.FAILING: (State.FAILED,),
        State.FAILED: (State.UPLOADED, State.CHECKING, State.DISCARDED),
        State.DONE: (State.UNDOING,),
        State.UNDOING: (State.UNDONE,),
        State.UNDONE: (),
        State.DISCARDED: (),
    }
    # A worker has something to do.
    WORKING_STATES = (State.CHECKING, State.IMPORTING, State.FAILING, State.UNDOING)
    # Records of the lab come or go: one import at a time.
    WRITING_STATES = (State.IMPORTING, State.FAILING, State.UNDOING)
    # Somebody has still to decide.
    OPEN_STATES = (State.UPLOADED, State.CHECKING, State.CHECKED, State.FAILED)

    data_class = "personal"
    retention = "job"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    lab = models.ForeignKey(Lab, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=12, choices=Kind)
    state = models.CharField(max_length=12, choices=State, default=State.UPLOADED)
    # How whoever uploaded it calls it: the name of the file itself is not kept, it may be somebody's.
    title = models.CharField(max_length=80, blank=True)
    # HMAC of the file, and of its headings: the same file and the same sheet are known again, and nothing is told.
    digest = models.BinaryField()
    headings_digest = models.BinaryField(default=b"")
    # How it was read: "xlsx", or the encoding and the delimiter.
    format = models.CharField(max_length=40)
    header_row = models.PositiveIntegerField(default=1)
    rows = models.PositiveIntegerField(default=0)
    wrong = models.PositiveIntegerField(default=0)
    # How much of the present step is done, of how much.
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    # What came out of the check, and then of the import: numbers by name.
    counts: "models.JSONField[dict[str, int], dict[str, int]]" = models.JSONField(default=dict)
    uploaded_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    uploaded_at = models.DateTimeField(default=timezone.now)
    checked_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    undone_at = models.DateTimeField(null=True)
    # For whom the work that goes on is done.
    decided_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    version = models.PositiveIntegerField(default=1)

    objects = SheetQuerySet.as_manager()

    class Meta:
        ordering = ["-uploaded_at", "-pk"]
        indexes = [
            models.Index(fields=["lab", "-uploaded_at"], name="sheet_by_time"),
            models.Index(fields=["lab", "digest"], name="sheet_by_digest"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["lab"],
                condition=Q(state__in=["importing", "failing", "undoing"]),
                name="sheet_one_at_work_in_a_lab",
            ),
        ]

    def __str__(self) -> str:
        return self.title or str(self.get_kind_display()).split(":")[0]

    @property
    def is_working(self) -> bool:
        return self.state in self.WORKING_STATES

    @property
    def is_open(self) -> bool:
        return self.state in self.OPEN_STATES

    @property
    def numbers(self) -> "Counter[str]":
        """What came of it so far, by name; 0 for what is not there."""
        return Counter(self.counts)

    @property
    def percent(self) -> int:
        return min(100, 100 * self.done // self.total) if self.total else 0


class SheetPart(SealedRecord):
    """Some rows of a sheet, as they were in the file and as they will be; or some of the people who are in it.

    Texts kept sealed, as JSON: "rows" (number and cells), "errors" (row, column, sentence), "plan" (what is to be).
    """

    class Holds(models.TextChoices):
        # In this order they are written: contacts point to people.
        PEOPLE = "people", _("Persone")
        ROWS = "rows", _("Righe")

    data_class = "personal"
    retention = "job"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    sheet = models.ForeignKey(SheetImport, on_delete=models.CASCADE, related_name="parts")
    holds = models.CharField(max_length=8, choices=Holds, default=Holds.ROWS)
    number = models.PositiveIntegerField()
    rows = models.PositiveIntegerField()
    wrong = models.PositiveIntegerField(default=0)
    # Its records are in the lab: written in the same transaction as they.
    written_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["holds", "number"]
        constraints = [models.UniqueConstraint(fields=["sheet", "holds", "number"], name="sheet_part_once")]

    def __str__(self) -> str:
        return f"{self.get_holds_display()} {self.number}"


class Lookalike(SealedRecord):
    """Somebody in the sheet who may be somebody that the lab knows, and what to do about it. Sealed: "name"."""

    class Why(models.TextChoices):
        PHONE = "phone", _("stesso nome e stesso telefono")
        BIRTH = "birth", _("stesso nome e stessa nascita")
        NAME = "name", _("stesso nome e cognome")

    class Choice(models.TextChoices):
        JOIN = "join", _("È la stessa persona: unisci")
        NEW = "new", _("È un’altra: apri una scheda nuova")
        SKIP = "skip", _("Lascia fuori le sue righe")

    data_class = "personal"
    retention = "job"

    id = models.UUIDField(primary_key=True, default=random_id, editable=False)
    sheet = models.ForeignKey(SheetImport, on_delete=models.CASCADE, related_name="lookalikes")
    # The id that the person of the sheet gets when they are written down as a new one.
    planned = models.UUIDField()
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")
    why = models.CharField(max_length=8, choices=Why)
    choice = models.CharField(max_length=8, choices=Choice)
    # The first row in which they are, and in how many.
    row = models.PositiveIntegerField()
    times = models.PositiveIntegerField(default=1)

    class Meta:
        ordering = ["row", "pk"]
        constraints = [models.UniqueConstraint(fields=["sheet", "planned"], name="lookalike_once")]

    def __str__(self) -> str:
        return str(self.planned)


class ImportedRow(models.Model):
    """A record that came from a sheet, so that the whole import can be taken back."""

    class Fate(models.TextChoices):
        # Decided when the import is undone, for what somebody has used since; the rest has none.
        REMOVE = "remove", _("Togli anche se qualcuno lo ha usato")
        KEPT = "kept", _("Lasciato")

    data_class = "technical"
    retention = "job"

    id = models.BigAutoField(primary_key=True)
    sheet = models.ForeignKey(SheetImport, on_delete=models.CASCADE, related_name="imported")
    model = models.CharField(max_length=40)
    object_id = models.UUIDField()
    # The record was there before, and the sheet only filled it in.
    was_there = models.BooleanField(default=False)
    # Numbers and names of fields by which one sees later whether somebody has used it: never what it says.
    detail: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(default=dict)
    fate = models.CharField(max_length=8, choices=Fate, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["sheet", "model", "object_id"], name="imported_once")]

    def __str__(self) -> str:
        return f"{self.model} {self.object_id}"


class SavedMapping(SealedRecord):
    """What the columns and the words of a sheet meant the last time, offered again for the same headings.

    Texts kept sealed, as JSON: "mapping", "values".
    """

    data_class = "confidential"
    retention = "permanent"

    id = models.UUIDField(primary_key=True, default=random_id, editable=False)
    lab = models.ForeignKey(Lab, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=12, choices=SheetImport.Kind)
    headings_digest = models.BinaryField()
    saved_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["lab", "kind", "headings_digest"], name="mapping_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.saved_at:%d/%m/%Y}"
