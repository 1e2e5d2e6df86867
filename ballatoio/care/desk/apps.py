from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DeskConfig(AppConfig):
    """Contacts, needs, answers, appointments."""

    name = "ballatoio.care.desk"
    label = "desk"
    verbose_name = _("Sportello")
