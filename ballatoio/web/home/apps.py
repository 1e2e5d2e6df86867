from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class HomeConfig(AppConfig):
    """Public home, address page, the operator's day."""

    name = "ballatoio.web.home"
    label = "home"
    verbose_name = _("Pagine pubbliche")
