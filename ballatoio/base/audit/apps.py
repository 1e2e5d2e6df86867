"""Append-only record of acts and of readings."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _

from .guard import stand_guard


class AuditConfig(AppConfig):
    """Append-only record of acts and of readings."""

    name = "ballatoio.base.audit"
    label = "audit"
    verbose_name = _("Registro degli atti")

    def ready(self) -> None:
        """Have the append-only triggers stand after every migrate."""
        post_migrate.connect(stand_guard, sender=self, dispatch_uid="audit_append_only")
