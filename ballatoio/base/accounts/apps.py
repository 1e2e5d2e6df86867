from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    """Users, memberships, sign-in, access codes."""

    name = "ballatoio.base.accounts"
    label = "accounts"
    verbose_name = _("Utenti")
