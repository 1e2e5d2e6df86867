from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AuditConfig(AppConfig):
    """Append-only record of acts and of readings."""

    name = "ballatoio.base.audit"
    label = "audit"
    verbose_name = _("Registro degli atti")
