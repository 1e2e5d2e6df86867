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


class TaxonomyVersion(models.Model):
    """The needs taxonomy as it was published on a day: where it comes from, and what changed with it."""

    data_class = "public"
    retention = "permanent"

    id = models.UUIDField(primary_key=True, default=random_id, editable=False)
    code = models.CharField(max_length=20, unique=True)
    published_on = models.DateField()
    source = models.CharField(max_length=300, blank=True)
    source_url = models.URLField(blank=True)
    licence = models.CharField(max_length=40, blank=True)
    notes = models.TextField(blank=True)
    # {"code", "what" (added, renamed, retired, restored), "before", "after"} for each term that it changed.
    changes = models.JSONField(default=list, blank=True)

    class Meta:
        ordering = ["-published_on", "-code"]

    def __str__(self) -> str:
        return self.code


class NeedTerm(models.Model):
    """A word of the needs taxonomy: what people come for, in two levels.

    Its code and its place never change, so that the figures of a past period stay the same: what is no longer used is
    retired, and says what took its place.
    """

    data_class = "public"
    retention = "permanent"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    code = models.SlugField(max_length=60, unique=True)
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="children")
    name = models.CharField(max_length=120)
    icon = models.CharField(max_length=40, blank=True)
    position = models.PositiveSmallIntegerField(default=0)
    # False for what the desk does not choose: retired terms, and those that the program gives by itself.
    is_active = models.BooleanField(default=True)
    since = models.ForeignKey(
        TaxonomyVersion, on_delete=models.PROTECT, null=True, blank=True, related_name="terms_added"
    )
    until = models.ForeignKey(
        TaxonomyVersion, on_delete=models.PROTECT, null=True, blank=True, related_name="terms_retired"
    )
    successor = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="predecessors")

    class Meta:
        ordering = ["position", "name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(until__isnull=True) | Q(is_active=False), name="retired_term_is_not_in_use"
            ),
            models.CheckConstraint(
                condition=Q(successor__isnull=True) | Q(until__isnull=False), name="only_a_retired_term_has_a_successor"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_retired(self) -> bool:
        return self.until_id is not None


class NeedSynonymQuerySet(models.QuerySet["NeedSynonym"]):
    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> "NeedSynonymQuerySet":
        """The shared ones, and those that the user's own labs wrote."""
        lab_ids: frozenset[uuid.UUID] = getattr(user, "lab_ids", frozenset())
        return self.filter(Q(lab__isnull=True) | Q(lab_id__in=lab_ids))

    def of_lab(self, lab: Lab) -> "NeedSynonymQuerySet":
        """What finds a term in `lab`: the shared ones and its own, without those taken away."""
        return self.filter(Q(lab__isnull=True) | Q(lab=lab)).exclude(state=NeedSynonym.State.WITHDRAWN)


class NeedSynonym(models.Model):
    """A word by which people call a need, in one language, and who stands behind it. It finds a term, nothing more."""

    class State(models.TextChoices):
        MACHINE = "machine", _("Scritta da una macchina")
        DRAFT = "draft", _("Non ancora riletta da chi parla la lingua")
        REVIEWED = "reviewed", _("Riletta da chi parla la lingua")
        WITHDRAWN = "withdrawn", _("Tolta: non si dice così")

    # From each state to those that somebody may bring it to. What is withdrawn stays, so that no import brings it back.
    ALLOWED: ClassVar[dict[str, frozenset[str]]] = {
        State.MACHINE: frozenset({State.REVIEWED, State.WITHDRAWN}),
        State.DRAFT: frozenset({State.REVIEWED, State.WITHDRAWN}),
        State.REVIEWED: frozenset({State.DRAFT, State.WITHDRAWN}),
        State.WITHDRAWN: frozenset({State.DRAFT, State.REVIEWED}),
    }

    data_class = "public"
    retention = "permanent"

    id = models.UUIDField(primary_key=True, default=random_id, editable=False)
    term = models.ForeignKey(NeedTerm, on_delete=models.CASCADE, related_name="synonyms")
    # The lab that wrote it and uses it; none for the shared taxonomy, which every lab uses.
    lab = models.ForeignKey(Lab, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    language = models.CharField(max_length=8)
    text = models.CharField(max_length=80)
    normalised = models.CharField(max_length=100, editable=False)
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT)
    changed_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    changed_at = models.DateTimeField(default=timezone.now)

    objects = NeedSynonymQuerySet.as_manager()

    class Meta:
        ordering = ["language", "text", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["term", "language", "normalised"],
                condition=Q(lab__isnull=True),
                name="shared_synonym_once",
            ),
            models.UniqueConstraint(fields=["lab", "term", "language", "normalised"], name="synonym_of_lab_once"),
        ]

    def __str__(self) -> str:
        return self.text


class LocalTermQuerySet(models.QuerySet["LocalTerm"]):
    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> "LocalTermQuerySet":
        """The words of the labs in which the user works."""
        lab_ids: frozenset[uuid.UUID] = getattr(user, "lab_ids", frozenset())
        return self.filter(lab_id__in=lab_ids)

    def in_use(self) -> "LocalTermQuerySet":
        return self.filter(retired_on__isnull=True)


class LocalTerm(models.Model):
    """A lab's own word for something that people ask there; in figures it counts under its shared term."""

    data_class = "public"
    retention = "permanent"

    id = models.UUIDField(primary_key=True, default=random_id, editable=False)
    lab = models.ForeignKey(Lab, on_delete=models.CASCADE, related_name="+")
    term = models.ForeignKey(NeedTerm, on_delete=models.PROTECT, related_name="local_terms")
    name = models.CharField(max_length=80)
    normalised = models.CharField(max_length=100, editable=False)
    # Other ways to say it, one a line, in any language.
    words = models.TextField(blank=True)
    since = models.DateField(default=timezone.localdate)
    retired_on = models.DateField(null=True, blank=True)

    objects = LocalTermQuerySet.as_manager()

    class Meta:
        ordering = ["name", "pk"]
        indexes = [models.Index(fields=["lab", "term"], name="local_term_by_term")]
        constraints = [
            models.UniqueConstraint(
                fields=["lab", "normalised"], condition=Q(retired_on__isnull=True), name="local_term_once"
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def other_words(self) -> list[str]:
        """The other ways to say it."""
        return [line.strip() for line in self.words.splitlines() if line.strip()]


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
        """Nobody has checked them for half a year, or what became of referrals says that something has changed."""
        limit = (on or timezone.localdate()) - timedelta(days=VERIFY_AFTER_DAYS)
        unchecked = Q(last_verified_on__isnull=True) | Q(last_verified_on__lt=limit)
        return self.filter(unchecked | Q(doubted_since__isnull=False)).exclude(status=Service.Status.DEFUNCT)


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
    # Since when referrals say that the sheet may be wrong (doubts.py). For whoever keeps the directory, never public.
    doubted_since = models.DateField(null=True, blank=True, editable=False)
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


class ServiceDoubt(models.Model):
    """A sign that the sheet of a service may be wrong: somebody was sent there, and was not heard or not taken.

    It names nobody, and is for whoever keeps the directory: never public, never a judgement of the service.
    """

    class Reason(models.TextChoices):
        NO_REPLY = "no_reply", _("Senza risposta")
        REFUSED = "refused", _("Rifiutato")
        GONE = "gone", _("Dice di essere chiuso")

    data_class = "confidential"
    retention = "permanent"

    id = models.UUIDField(primary_key=True, default=random_id, editable=False)
    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="doubts")
    reason = models.CharField(max_length=10, choices=Reason)
    noted_on = models.DateField(default=timezone.localdate)
    # What it comes from says one thing at a time: a late answer takes the place of a silence.
    source = models.UUIDField(unique=True, default=random_id)
    # Somebody checked the sheet after it.
    settled_on = models.DateField(null=True, blank=True)

    class Meta:
        ordering = ["-noted_on", "pk"]
        indexes = [
            models.Index(fields=["service", "-noted_on"], name="doubt_open", condition=Q(settled_on__isnull=True))
        ]

    def __str__(self) -> str:
        return self.get_reason_display()


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
