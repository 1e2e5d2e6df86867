from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AppointmentsConfig(AppConfig):
    """Appointments, waiting lists, calendars."""

    name = "ballatoio.care.appointments"
    label = "appointments"
    verbose_name = _("Appuntamenti")
