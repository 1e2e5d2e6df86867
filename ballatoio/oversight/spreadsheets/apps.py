from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SpreadsheetsConfig(AppConfig):
    """A lab's old spreadsheets come in, and can be taken back."""

    name = "ballatoio.oversight.spreadsheets"
    label = "spreadsheets"
    verbose_name = _("Fogli di calcolo")
