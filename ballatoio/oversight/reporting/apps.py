from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate
from django.utils.translation import gettext_lazy as _


class ReportingConfig(AppConfig):
    """Needs on the map, trends, sheets for institutions, hours of staff."""

    name = "ballatoio.oversight.reporting"
    label = "reporting"
    verbose_name = _("Rendiconto")

    def ready(self) -> None:
        from .triggers import build_triggers, drop_triggers

        pre_migrate.connect(drop_triggers, sender=self)
        post_migrate.connect(build_triggers, sender=self)
