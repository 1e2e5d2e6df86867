from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CoreConfig(AppConfig):
    """Dates, languages, masking of small cells, base templates and assets. No models."""

    name = "ballatoio.base.core"
    label = "core"
    verbose_name = _("Cuore")
