from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PeopleConfig(AppConfig):
    """People, households, contact points, consents."""

    name = "ballatoio.base.people"
    label = "people"
    verbose_name = _("Persone")
