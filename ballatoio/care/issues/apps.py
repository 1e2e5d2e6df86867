from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class IssuesConfig(AppConfig):
    """What several households of one building ask about, followed as one thing."""

    name = "ballatoio.care.issues"
    label = "issues"
    verbose_name = _("Questioni delle case")
