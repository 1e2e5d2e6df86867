from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ReferralsConfig(AppConfig):
    """People sent on to a service, and what came of it."""

    name = "ballatoio.care.referrals"
    label = "referrals"
    verbose_name = _("Invii")
