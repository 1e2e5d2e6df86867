from django.apps import AppConfig
from django.core.checks import register
from django.utils.translation import gettext_lazy as _


class NoticesConfig(AppConfig):
    """Messages to people: written once, sent until they arrive."""

    name = "ballatoio.base.notices"
    label = "notices"
    verbose_name = _("Messaggi")

    def ready(self) -> None:
        """Have Django check the settings of text messages before anything starts."""
        from .checks import sms_can_be_sent

        register(sms_can_be_sent)
