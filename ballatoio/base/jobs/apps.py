from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class JobsConfig(AppConfig):
    """Due work, drafts, double submits."""

    name = "ballatoio.base.jobs"
    label = "jobs"
    verbose_name = _("Lavori in attesa")
