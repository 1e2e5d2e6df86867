from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _

from .guard import stand_guard


class AppointmentsConfig(AppConfig):
    """Appointments, waiting lists, calendars."""

    name = "ballatoio.care.appointments"
    label = "appointments"
    verbose_name = _("Appuntamenti")

    def ready(self) -> None:
        """Have the triggers against overlapping times stand after every migrate."""
        post_migrate.connect(stand_guard, sender=self, dispatch_uid="appointments_no_overlap")
