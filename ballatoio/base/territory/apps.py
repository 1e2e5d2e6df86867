from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TerritoryConfig(AppConfig):
    """District, building, stair, dwelling, place."""

    name = "ballatoio.base.territory"
    label = "territory"
    verbose_name = _("Territorio")
