from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PrivacyConfig(AppConfig):
    """Subject rights, retention, audit viewer."""

    name = "ballatoio.oversight.privacy"
    label = "privacy"
    verbose_name = _("Riservatezza")
