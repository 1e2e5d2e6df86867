from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from ballatoio.base.accounts.models import Role, User
from ballatoio.base.core.ids import new_id, random_id
from ballatoio.base.labs.models import Lab
from ballatoio.base.territory.models import Dwelling
from ballatoio.base.vault.models import SealedRecord

STAFF_OF_PEOPLE = (Role.DESK, Role.MEDIATOR, Role.CASEWORKER, Role.COORDINATOR)


class PersonQuerySet(models.QuerySet["Person"]):
    def visible_to(self, user: User | AbstractBaseUser | AnonymousUser) -> "PersonQuerySet":
        """The people of the labs in which the user works with people, and the user's own file."""
        if not isinstance(user, User):
            return self.none()
        return self.known().filter(Q(lab_id__in=user.labs_as(*STAFF_OF_PEOPLE)) | Q(user_id=user.pk))

    def of_lab(self, lab: Lab) -> "PersonQuerySet":
        return self.known().filter(lab=lab)

    def known(self) -> "PersonQuerySet":
        """Each person once: without the files that became part of another (see merging.py)."""
        return self.filter(merged_into__isnull=True)

    def not_compared(self) -> "PersonQuerySet":
        """The people whose file is new or changed since they were last compared with the others (see doubles.py)."""
        return self.known().filter(compared_version__lt=F("version"))


class Person(SealedRecord):
    """Somebody whom the lab knows by name, as far as they wished to be known. Nothing is mandatory but a name."""

    class Interpreter(models.TextChoices):
        NOT_ASKED = "", _("Non chiesto")
        WANTED = "wanted", _("Vuole l’interprete")
        NOT_WANTED = "not_wanted", _("Non serve")

    class ReachBy(models.TextChoices):
        NOT_ASKED = "", _("Non chiesto")
        EMAIL = "email", _("Con una e-mail")
        SMS = "sms", _("Con un SMS")
        COPY = "copy", _("Con un messaggio sul telefono")
        CALL = "call", _("Con una telefonata")
        LETTER = "letter", _("Con una lettera")
        NOBODY = "nobody", _("Non vuole essere cercata: viene lei")

    data_class = "personal"
    retention = "person"
    # Texts kept sealed: "notes" (how to meet this person well), "accessibility" (what they need in order to come).

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    lab = models.ForeignKey(Lab, on_delete=models.CASCADE, related_name="+")
    user = models.OneToOneField(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    given_name = models.CharField(max_length=80, blank=True)
    family_name = models.CharField(max_length=80, blank=True)
    pronounced = models.CharField(max_length=160, blank=True)
    birth_date = models.DateField(null=True, blank=True)
    birth_year = models.PositiveSmallIntegerField(null=True, blank=True)
    # ISO 639 codes. Speaking and reading are two questions: many who speak a language do not read it.
    languages_spoken = models.JSONField(default=list, blank=True)
    languages_read = models.JSONField(default=list, blank=True)
    interpreter = models.CharField(max_length=12, choices=Interpreter, blank=True)
    reach_by = models.CharField(max_length=8, choices=ReachBy, blank=True)
    is_protected = models.BooleanField(default=False)
    protected_since = models.DateField(null=True, blank=True)
    synthetic = models.BooleanField(default=False)
    version = models.PositiveIntegerField(default=1)
    # The version that was last compared with the other files, to find those of the same person.
    compared_version = models.PositiveIntegerField(default=0)
    # This file turned out to be another's: it stays, hidden, so that what names it still leads somewhere, and so that
    # the merge can be undone.
    merged_into = models.ForeignKey(
        "self", on_delete=models.CASCADE, null=True, blank=True, related_name="+", db_index=False
    )
    last_seen_on = models.DateField(default=timezone.localdate)
    created_at = models.DateTimeField(default=timezone.now)

    objects = PersonQuerySet.as_manager()

    class Meta:
        ordering = ["family_name", "given_name", "pk"]
        indexes = [
            models.Index(fields=["lab", "family_name", "given_name"], name="person_by_name"),
            models.Index(fields=["merged_into"], name="person_merged", condition=Q(merged_into__isnull=False)),
            models.Index(
                fields=["id"],
                name="person_not_compared",
                condition=Q(merged_into__isnull=True, compared_version__lt=F("version")),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(merged_into__isnull=True) | Q(user__isnull=True), name="merged_file_opens_no_page"
            ),
            models.CheckConstraint(condition=~Q(given_name="", family_name=""), name="person_has_a_name"),
            models.CheckConstraint(
                condition=Q(birth_year__isnull=True) | Q(birth_year__gte=1900), name="person_birth_year_is_real"
            ),
        ]

    def __str__(self) -> str:
        return " ".join(filter(None, [self.given_name, self.family_name]))


class PersonKey(models.Model):
    """A word that a person is looked up by: of the names, of two names together, each telephone number (names.py)."""

    data_class = "personal"
    retention = "person"

    id = models.BigAutoField(primary_key=True)
    lab = models.ForeignKey(Lab, on_delete=models.CASCADE, related_name="+")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="keys")
    key = models.CharField(max_length=80)

    class Meta:
        indexes = [
            # varchar_pattern_ops lets PostgreSQL answer «starts with» from the index; SQLite ignores it.
            # With the person in it, the table itself is not read.
            models.Index(
                fields=["lab", "key", "person"],
                name="person_key_prefix",
                opclasses=["uuid_ops", "varchar_pattern_ops", "uuid_ops"],
            ),
        ]
        constraints = [models.UniqueConstraint(fields=["person", "key"], name="person_key_once")]

    def __str__(self) -> str:
        return "…"


class ContactPoint(models.Model):
    """A way to reach a person, and how to use it without harm."""

    class Kind(models.TextChoices):
        PHONE = "phone", _("Telefono")
        EMAIL = "email", _("E-mail")
        MESSENGER = "messenger", _("Messaggi sul telefono")

    data_class = "personal"
    retention = "person"
    counted_as = ngettext_lazy("%d recapito", "%d recapiti")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="contact_points")
    kind = models.CharField(max_length=12, choices=Kind)
    value = models.CharField(max_length=160)
    is_shared = models.BooleanField(default=False)
    safe_to_call = models.BooleanField(default=True)
    no_voicemail = models.BooleanField(default=False)
    hours = models.CharField(max_length=80, blank=True)

    class Meta:
        ordering = ["kind", "pk"]
        constraints = [models.UniqueConstraint(fields=["person", "kind", "value"], name="contact_point_once")]

    def __str__(self) -> str:
        return self.get_kind_display()


class Household(models.Model):
    """People who live together, over time."""

    data_class = "personal"
    retention = "person"

    id = models.UUIDField(primary_key=True, default=random_id, editable=False)
    lab = models.ForeignKey(Lab, on_delete=models.CASCADE, related_name="+")
    synthetic = models.BooleanField(default=False)

    def __str__(self) -> str:
        return str(_("Nucleo"))


class HouseholdMember(models.Model):
    """A person belongs to a household from one day to another."""

    data_class = "personal"
    retention = "person"
    counted_as = ngettext_lazy("%d nucleo", "%d nuclei")

    id = models.UUIDField(primary_key=True, default=random_id, editable=False)
    household = models.ForeignKey(Household, on_delete=models.CASCADE, related_name="members")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="households")
    since = models.DateField(null=True, blank=True)
    until = models.DateField(null=True, blank=True)

    class Meta:
        ordering = ["since", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["person"], condition=Q(until__isnull=True), name="person_in_one_household_at_a_time"
            ),
            models.CheckConstraint(
                condition=Q(until__isnull=True) | Q(since__isnull=True) | Q(since__lte=F("until")),
                name="household_member_ends_after_start",
            ),
        ]

    def __str__(self) -> str:
        return str(self.person_id)


class HouseholdDwelling(models.Model):
    """A household lives in a dwelling from one day to another. By which title is not asked."""

    data_class = "personal"
    retention = "person"

    id = models.UUIDField(primary_key=True, default=random_id, editable=False)
    household = models.ForeignKey(Household, on_delete=models.CASCADE, related_name="dwellings")
    dwelling = models.ForeignKey(Dwelling, on_delete=models.CASCADE, related_name="+")
    since = models.DateField(null=True, blank=True)
    until = models.DateField(null=True, blank=True)

    class Meta:
        ordering = ["since", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["household"], condition=Q(until__isnull=True), name="household_in_one_dwelling_at_a_time"
            ),
            models.CheckConstraint(
                condition=Q(until__isnull=True) | Q(since__isnull=True) | Q(since__lte=F("until")),
                name="household_dwelling_ends_after_start",
            ),
        ]

    def __str__(self) -> str:
        return str(self.household_id)


class PersonIdentifier(SealedRecord):
    """A codice fiscale or a document, sealed; found again through its blind index only."""

    class Kind(models.TextChoices):
        FISCAL_CODE = "fiscal_code", _("Codice fiscale")
        DOCUMENT = "document", _("Documento")

    data_class = "personal"
    retention = "person"
    counted_as = ngettext_lazy("%d codice o documento", "%d codici o documenti")

    id = models.UUIDField(primary_key=True, default=random_id, editable=False)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="identifiers")
    kind = models.CharField(max_length=16, choices=Kind)
    key_id = models.CharField(max_length=20)
    blind_index = models.BinaryField()

    class Meta:
        indexes = [models.Index(fields=["kind", "blind_index"], name="identifier_by_blind_index")]
        constraints = [models.UniqueConstraint(fields=["person", "kind", "blind_index"], name="identifier_once")]

    def __str__(self) -> str:
        return self.get_kind_display()


class Consent(models.Model):
    """What a person agreed to: to which words, for what, until when, and how they said so."""

    class How(models.TextChoices):
        SIGNED = "signed", _("Firmato su carta")
        SPOKEN = "spoken", _("A voce, allo sportello")
        ONLINE = "online", _("Dalla pagina pubblica")
        WITH_INTERPRETER = "with_interpreter", _("A voce, con interprete")

    data_class = "personal"
    retention = "person"
    counted_as = ngettext_lazy("%d consenso", "%d consensi")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="consents")
    scope = models.CharField(max_length=60)
    text_version = models.CharField(max_length=40)
    language = models.CharField(max_length=8, default="it")
    how = models.CharField(max_length=20, choices=How)
    given_on = models.DateField(default=timezone.localdate)
    ends_on = models.DateField(null=True, blank=True)
    withdrawn_on = models.DateField(null=True, blank=True)
    recorded_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering = ["-given_on", "pk"]

    def __str__(self) -> str:
        return self.scope


class EntrySnapshot(models.Model):
    """What a fund asks of a participant on entry (Reg. (EU) 1304/2013, Annex I): never at a first contact.

    Each value may be one of its own list, or not asked, refused, unknown.
    """

    NOT_VALUES = [("not_asked", _("Non chiesto")), ("refused", _("Non vuole dirlo")), ("unknown", _("Non lo sa"))]
    GENDER = [("woman", _("Donna")), ("man", _("Uomo")), ("other", _("Altro")), *NOT_VALUES]
    EMPLOYMENT = [
        ("unemployed", _("Disoccupato")),
        ("long_term_unemployed", _("Disoccupato da molto tempo")),
        ("inactive", _("Inattivo")),
        ("in_education", _("Studia o è in formazione")),
        ("employed", _("Lavora")),
        *NOT_VALUES,
    ]
    EDUCATION = [
        ("isced_0", _("Nessuna scuola finita")),
        ("isced_1_2", _("Scuola primaria o media")),
        ("isced_3_4", _("Scuola superiore")),
        ("isced_5_8", _("Università")),
        *NOT_VALUES,
    ]
    HOUSEHOLD = [
        ("jobless", _("Nessuno lavora in casa")),
        ("jobless_children", _("Nessuno lavora e ci sono figli a carico")),
        ("single_adult_children", _("Un solo adulto con figli a carico")),
        ("none", _("Nessuna di queste")),
        *NOT_VALUES,
    ]

    data_class = "personal"
    retention = "fund"
    counted_as = ngettext_lazy("%d scheda per i fondi", "%d schede per i fondi")

    id = models.UUIDField(primary_key=True, default=random_id, editable=False)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="entry_snapshots")
    operation = models.CharField(max_length=60)
    entered_on = models.DateField(default=timezone.localdate)
    gender = models.CharField(max_length=24, choices=GENDER, default="not_asked")
    employment = models.CharField(max_length=24, choices=EMPLOYMENT, default="not_asked")
    education = models.CharField(max_length=24, choices=EDUCATION, default="not_asked")
    household_situation = models.CharField(max_length=24, choices=HOUSEHOLD, default="not_asked")
    recorded_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        constraints = [
            # Coming back into the same operation does not make a second participant.
            models.UniqueConstraint(fields=["person", "operation"], name="entry_once_per_operation")
        ]

    def __str__(self) -> str:
        return self.operation


class SensitiveSnapshot(SealedRecord):
    """The answers that a participant may keep to themselves, sealed apart from the rest.

    Texts kept sealed: the QUESTIONS, each a value of VALUES.
    """

    QUESTIONS = {
        "migrant": _("Viene da un altro paese o appartiene a una minoranza"),
        "disability": _("Ha una disabilità"),
        "other_disadvantage": _("Vive un altro svantaggio"),
    }
    VALUES = [("yes", _("Sì")), ("no", _("No")), *EntrySnapshot.NOT_VALUES]

    data_class = "special"
    retention = "fund"

    id = models.UUIDField(primary_key=True, default=random_id, editable=False)
    snapshot = models.OneToOneField(EntrySnapshot, on_delete=models.CASCADE, related_name="sensitive")
    # The proof that one asked: without it a refusal cannot be told from forgetfulness (facts of the fund's rules).
    asked_on = models.DateField(null=True, blank=True)

    def __str__(self) -> str:
        return str(self.snapshot_id)


class PersonMergeQuerySet(models.QuerySet["PersonMerge"]):
    def visible_to(self, user: User | AbstractBaseUser | AnonymousUser) -> "PersonMergeQuerySet":
        """The merges of the labs in which the user works with people.

        Without those of a protected person with whom the user ever lived.
        """
        if not isinstance(user, User):
            return self.none()
        merges = self.filter(lab_id__in=user.labs_as(*STAFF_OF_PEOPLE))
        return merges.exclude(kept__in=protected_from(user)).exclude(merged__in=protected_from(user))


def protected_from(user: User) -> "models.QuerySet[HouseholdMember, Any]":
    """Give the ids of the protected people with whom a user ever lived, for a subquery: access is per person."""
    lived_in = HouseholdMember.objects.filter(person__user=user).values("household_id")
    members = HouseholdMember.objects.filter(person__is_protected=True, household__in=lived_in)
    return members.exclude(person__user=user).values("person_id")


class PersonMerge(SealedRecord):
    """Two files that were of one person became one, and how each was before, so that it can be undone.

    Texts kept sealed: "reason" (why they are one person), "changes" (each value that changed, before and after, as
    merging.py writes them), "left" (the ids of what a clash of uniqueness left with the hidden file).
    """

    data_class = "personal"
    retention = "person"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    lab = models.ForeignKey(Lab, on_delete=models.CASCADE, related_name="+")
    kept = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")
    merged = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")

    objects = PersonMergeQuerySet.as_manager()

    class Meta:
        ordering = ["-at", "-pk"]
        indexes = [models.Index(fields=["kept", "-at"], name="merge_by_kept_person")]
        constraints = [
            models.UniqueConstraint(
                fields=["merged"], condition=Q(undone_at__isnull=True), name="person_merged_once_at_a_time"
            ),
            models.CheckConstraint(condition=~Q(kept=F("merged")), name="nobody_is_merged_with_themselves"),
        ]

    def __str__(self) -> str:
        return f"{timezone.localtime(self.at):%d/%m/%Y %H:%M}"

    @property
    def is_undone(self) -> bool:
        return self.undone_at is not None


class ProbableDuplicateQuerySet(models.QuerySet["ProbableDuplicate"]):
    def visible_to(self, user: User | AbstractBaseUser | AnonymousUser) -> "ProbableDuplicateQuerySet":
        """The pairs of the labs in which the user works with people.

        Without those of a protected person with whom the user ever lived: not even that they have two files.
        """
        if not isinstance(user, User):
            return self.none()
        pairs = self.filter(lab_id__in=user.labs_as(*STAFF_OF_PEOPLE))
        return pairs.exclude(one__in=protected_from(user)).exclude(other__in=protected_from(user))

    def undecided(self) -> "ProbableDuplicateQuerySet":
        """Nobody said yet whether they are one person, and neither file went into another."""
        return self.filter(different_at__isnull=True, one__merged_into__isnull=True, other__merged_into__isnull=True)

    def of_person(self, person: Person) -> "ProbableDuplicateQuerySet":
        return self.filter(Q(one=person) | Q(other=person)).select_related("one", "other")


class ProbableDuplicate(models.Model):
    """Two files that may be of one person, and why. That they are not, once said, is remembered."""

    class Why(models.TextChoices):
        IDENTIFIER = "identifier", _("stesso codice fiscale o documento")
        PHONE = "phone", _("stesso telefono")
        BIRTH_DATE = "birth_date", _("stesso giorno di nascita")
        BIRTH_YEAR = "birth_year", _("stesso anno di nascita")
        SAME_NAME = "same_name", _("stesso nome")
        NAME = "name", _("nomi che suonano uguali")

    data_class = "personal"
    retention = "person"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    lab = models.ForeignKey(Lab, on_delete=models.CASCADE, related_name="+")
    # In the order of their ids: a pair is there once.
    one = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")
    other = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")
    score = models.PositiveSmallIntegerField()
    why = models.JSONField(default=list)
    found_at = models.DateTimeField(default=timezone.now)
    different_at = models.DateTimeField(null=True, blank=True)
    different_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")

    objects = ProbableDuplicateQuerySet.as_manager()

    class Meta:
        ordering = ["-score", "-found_at", "pk"]
        indexes = [
            models.Index(
                fields=["lab", "-score", "-found_at", "id"],
                name="double_undecided",
                condition=Q(different_at__isnull=True),
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["one", "other"], name="double_once"),
            models.CheckConstraint(condition=Q(one__lt=F("other")), name="double_in_order"),
        ]

    def __str__(self) -> str:
        return f"{self.score}"
