from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DirectoryConfig(AppConfig):
    """Services, the taxonomy of needs, translations of data."""

    name = "ballatoio.base.directory"
    label = "directory"
    verbose_name = _("Servizi e bisogni")
