import uuid
from datetime import date
from functools import cached_property
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ballatoio.base.core.ids import new_id
from ballatoio.base.labs.models import Lab, Organisation


class Role(models.TextChoices):
    DESK = "desk", _("Operatore di sportello")
    MEDIATOR = "mediator", _("Mediatore")
    CASEWORKER = "caseworker", _("Operatore dei casi")
    INTERPRETER = "interpreter", _("Interprete")
    COORDINATOR = "coordinator", _("Coordinatore")
    HOUSING_MANAGER = "housing_manager", _("Gestore delle case")
    WORKS_MANAGER = "works_manager", _("Responsabile dei lavori")
    INSTITUTION = "institution", _("Istituzione o finanziatore")
    CITY_COORDINATOR = "city_coordinator", _("Coordinatore cittadino")
    SYSTEM_ADMINISTRATOR = "system_administrator", _("Amministratore del sistema")


# Roles that are held for the whole installation, not for one lab: no coordinator of a lab can give them.
INSTALLATION_ROLES = (Role.CITY_COORDINATOR, Role.SYSTEM_ADMINISTRATOR)
LAB_ROLES = tuple(role for role in Role if role not in INSTALLATION_ROLES)


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str | None, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=self.normalize_email(email).lower() or None, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_superuser=True, is_staff=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """Somebody who signs in: a member of staff, or a resident who chose to have an account."""

    data_class = "personal"
    retention = "account"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    # Empty for residents, who sign in with a one-time code, and for those who left.
    email = models.EmailField(unique=True, null=True, blank=True)
    name = models.CharField(max_length=120, blank=True)
    language = models.CharField(max_length=8, default="it")
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    joined_at = models.DateTimeField(default=timezone.now)
    # An account of the demo: signs in with one click, and only in demo mode.
    demo_name = models.SlugField(max_length=40, unique=True, null=True, blank=True)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return self.name or self.email or str(_("Persona senza nome"))

    @cached_property
    def current_memberships(self) -> list["Membership"]:
        """What this user is, where, today: one query for the life of the request."""
        memberships = Membership.objects.current().filter(user=self).select_related("lab")
        return list(memberships.order_by("since", "pk"))

    @property
    def lab_ids(self) -> frozenset[uuid.UUID]:
        """The labs in which the user works today."""
        return frozenset(m.lab_id for m in self.current_memberships if m.lab_id)

    def lab_called(self, slug: str) -> Lab | None:
        """The lab with this slug if the user works there today: no query, it came with the memberships."""
        return next((m.lab for m in self.current_memberships if m.lab and m.lab.slug == slug), None)

    @property
    def is_lab_staff(self) -> bool:
        return bool(self.current_memberships)

    def roles_in(self, lab_id: uuid.UUID | None) -> frozenset[str]:
        """The user's roles in a lab, with those held for the whole installation."""
        return frozenset(m.role for m in self.current_memberships if m.lab_id is None or m.lab_id == lab_id)

    def labs_as(self, *roles: str) -> frozenset[uuid.UUID]:
        """The labs in which the user has at least one of `roles` today."""
        return frozenset(m.lab_id for m in self.current_memberships if m.lab_id and m.role in roles)

    def acting_as(self, lab_id: uuid.UUID) -> tuple[str, uuid.UUID | None]:
        """The role and the organisation under which an act in `lab_id` is recorded."""
        for membership in self.current_memberships:
            if membership.lab_id in (lab_id, None):
                return membership.role, membership.organisation_id
        return "resident", None


class MembershipQuerySet(models.QuerySet["Membership"]):
    def current(self, on: date | None = None) -> "MembershipQuerySet":
        day = on or timezone.localdate()
        return self.filter(since__lte=day).filter(Q(until__isnull=True) | Q(until__gte=day))

    def of_lab(self, lab: Lab) -> "MembershipQuerySet":
        return self.filter(lab=lab)

    def visible_to(self, user: "User") -> "MembershipQuerySet":
        """The members of the labs that the user coordinates."""
        return self.filter(lab_id__in=user.labs_as(Role.COORDINATOR))


class Membership(models.Model):
    """A user works in a lab, for an organisation, in a role, from one day to another."""

    data_class = "personal"
    retention = "account"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    lab = models.ForeignKey(Lab, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    role = models.CharField(max_length=24, choices=Role)
    since = models.DateField(default=timezone.localdate)
    until = models.DateField(null=True, blank=True)
    # Who answers what arrives without an owner: a call-back asked from the public page, a feedback.
    receives_requests = models.BooleanField(default=False)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        ordering = ["since", "pk"]
        indexes = [models.Index(fields=["lab", "role"], name="membership_by_role")]
        constraints = [
            models.CheckConstraint(
                condition=Q(until__isnull=True) | Q(since__lte=F("until")), name="membership_ends_after_start"
            ),
            models.CheckConstraint(
                condition=Q(lab__isnull=False) | Q(role__in=[str(role) for role in INSTALLATION_ROLES]),
                name="membership_without_lab_is_for_the_installation",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.get_role_display()}"


class AccessCodeQuerySet(models.QuerySet["AccessCode"]):
    def usable(self) -> "AccessCodeQuerySet":
        return self.filter(revoked_at__isnull=True, expires_at__gt=timezone.now(), uses__lt=F("max_uses"))


class AccessCode(models.Model):
    """Every code and link that is ever handed out: what it opens, until when, how many times."""

    class Purpose(models.TextChoices):
        SIGN_IN = "sign_in", _("Accesso di un abitante")
        INVITATION = "invitation", _("Invito di un operatore")
        RECEIPT = "receipt", _("Ricevuta dello sportello")
        REFERRAL = "referral", _("Risposta di un servizio a un invio")
        REFERRAL_CHECK = "referral_check", _("Conferma di chi risponde a un invio")
        APPOINTMENT = "appointment", _("Appuntamento")
        CALENDAR = "calendar", _("Calendario di un operatore")

    data_class = "personal"
    retention = "code"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    lab = models.ForeignKey(Lab, on_delete=models.CASCADE, null=True, related_name="+")
    purpose = models.CharField(max_length=20, choices=Purpose)
    # The HMAC of the code: whoever reads the database cannot use the codes that are in it.
    digest = models.BinaryField(unique=True)
    key_id = models.CharField(max_length=20)
    object_type = models.CharField(max_length=60)
    object_id = models.UUIDField()
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    expires_at = models.DateTimeField()
    max_uses = models.PositiveSmallIntegerField(default=1)
    uses = models.PositiveSmallIntegerField(default=0)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = AccessCodeQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["object_type", "object_id"], name="access_code_by_object")]
        constraints = [
            models.CheckConstraint(condition=Q(uses__lte=F("max_uses")), name="access_code_not_overused"),
            models.CheckConstraint(condition=Q(created_at__lt=F("expires_at")), name="access_code_expires_later"),
        ]

    def __str__(self) -> str:
        return f"{self.get_purpose_display()} · {self.expires_at:%d/%m/%Y}"
