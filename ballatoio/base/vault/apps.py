"""The key of each confidential record."""

from django.apps import AppConfig
from django.core.checks import Tags, register
from django.utils.translation import gettext_lazy as _


class VaultConfig(AppConfig):
    """The key of each confidential record."""

    name = "ballatoio.base.vault"
    label = "vault"
    verbose_name = _("Chiavi dei testi riservati")

    def ready(self) -> None:
        """Have Django check the master key before anything starts."""
        from .checks import master_key_is_there, master_key_opens

        register(master_key_is_there, Tags.security)
        register(master_key_opens, Tags.database)
