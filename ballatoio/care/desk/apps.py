from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class DeskConfig(AppConfig):
    """Contacts, needs, answers."""

    name = "ballatoio.care.desk"
    label = "desk"
    verbose_name = _("Sportello")

    def ready(self) -> None:
        from .search import build_index

        post_migrate.connect(build_index, sender=self)
