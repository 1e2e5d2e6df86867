"""What every service raises when two people correct the same record at once: nothing of either is lost."""

from typing import Any

from django.utils.translation import gettext as _


class ChangedElsewhere(Exception):
    """Somebody else changed this record since it was opened; `current` is how it stands now."""

    def __init__(self, current: Any) -> None:
        super().__init__(_("Qualcun altro ha cambiato questa scheda mentre scrivevi."))
        self.current = current
