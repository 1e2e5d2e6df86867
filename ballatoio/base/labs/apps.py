from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class LabsConfig(AppConfig):
    """Labs and organisations."""

    name = "ballatoio.base.labs"
    label = "labs"
    verbose_name = _("Laboratori")
