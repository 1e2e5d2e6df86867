"""What a closing day would leave hanging among the appointments."""

from collections.abc import Sequence
from datetime import date

from django.utils.translation import gettext as _

from ballatoio.base.labs.models import Lab

from .models import Appointment


def appointments_falling(lab: Lab, days: Sequence[date]) -> tuple[str, int]:
    """Give how many appointments to come are on some days (settings.DATES_FALLING): one query."""
    return _("appuntamenti da spostare"), Appointment.objects.to_come().filter(
        lab=lab, slot__starts_at__date__in=days
    ).count()
