from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ballatoio.base.accounts.models import Role, User
from ballatoio.base.core.ids import new_id, random_id
from ballatoio.base.labs.models import Lab


class RetentionRuleQuerySet(models.QuerySet["RetentionRule"]):
    def visible_to(self, user: User) -> "RetentionRuleQuerySet":
        """The rules of the labs that the user coordinates."""
        return self.filter(lab_id__in=user.labs_as(Role.COORDINATOR))


class RetentionRule(models.Model):
    """How many months a lab keeps records of a kind, and who decided so. Without a rule nothing is erased."""

    class Kind(models.TextChoices):
        # The names are those of the attribute `retention` of the models.
        CONTACT = "contact", _("Contatti, bisogni, risposte e messaggi")
        PERSON = "person", _("Schede delle persone che non vengono più")
        FUND = "fund", _("Dati chiesti da un fondo pubblico")
        ACCOUNT = "account", _("Accessi di chi non lavora più qui")

    data_class = "public"
    retention = "permanent"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    lab = models.ForeignKey(Lab, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=20, choices=Kind)
    months = models.PositiveSmallIntegerField()
    source = models.CharField(max_length=200)
    decided_on = models.DateField(default=timezone.localdate)
    # Until this day nothing of the kind is erased: whoever wrote a wrong number has time to see it.
    effective_on = models.DateField(default=timezone.localdate)

    objects = RetentionRuleQuerySet.as_manager()

    class Meta:
        ordering = ["lab", "kind"]
        constraints = [
            models.UniqueConstraint(fields=["lab", "kind"], name="retention_rule_once"),
            models.CheckConstraint(condition=models.Q(months__gte=1), name="retention_rule_keeps_a_month"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.months}"


class MonthStatistic(models.Model):
    """What is left of erased records: a count for a month. Its random id and its month alone lead back to nobody."""

    data_class = "statistic"
    retention = "permanent"

    id = models.UUIDField(primary_key=True, default=random_id, editable=False)
    lab = models.ForeignKey(Lab, on_delete=models.CASCADE, related_name="+")
    month = models.DateField()
    measure = models.CharField(max_length=20)
    value = models.CharField(max_length=60, blank=True)
    count = models.PositiveIntegerField()

    class Meta:
        ordering = ["month", "measure", "value", "pk"]
        indexes = [models.Index(fields=["lab", "month", "measure"], name="month_statistic_by_month")]
        constraints = [
            models.CheckConstraint(condition=models.Q(month__day=1), name="month_statistic_starts_a_month"),
            models.CheckConstraint(condition=models.Q(count__gte=1), name="month_statistic_counts_something"),
        ]

    def __str__(self) -> str:
        return f"{self.month:%m/%Y} {self.measure} {self.value}: {self.count}"
