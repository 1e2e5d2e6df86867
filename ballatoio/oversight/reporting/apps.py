from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ReportingConfig(AppConfig):
    """Needs on the map, trends, sheets for institutions, hours of staff."""

    name = "ballatoio.oversight.reporting"
    label = "reporting"
    verbose_name = _("Rendiconto")
