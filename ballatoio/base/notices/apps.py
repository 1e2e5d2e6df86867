from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class NoticesConfig(AppConfig):
    """Messages to people: written once, sent until they arrive."""

    name = "ballatoio.base.notices"
    label = "notices"
    verbose_name = _("Messaggi")
