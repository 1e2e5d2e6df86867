from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class HoursConfig(AppConfig):
    """Hours of staff, by organisation, activity and funding line."""

    name = "ballatoio.oversight.hours"
    label = "hours"
    verbose_name = _("Ore di lavoro")
