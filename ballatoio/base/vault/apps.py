from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class VaultConfig(AppConfig):
    """The key of each confidential record."""

    name = "ballatoio.base.vault"
    label = "vault"
    verbose_name = _("Chiavi dei testi riservati")
