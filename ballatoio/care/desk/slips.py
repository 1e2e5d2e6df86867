"""The receipt on paper: an A6 slip in the language that its holder reads, with the Italian below."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from django.utils import timezone
from django.utils.translation import get_language, get_language_info, override
from django.utils.translation import gettext as _

from ballatoio.base.accounts.models import Role, User
from ballatoio.base.core.links import absolute_url
from ballatoio.base.core.pdf import render_pdf
from ballatoio.base.directory.schedules import OpeningLine, TypedHours, opening_lines, spoken_date
from ballatoio.base.directory.sheets import qr_svg
from ballatoio.base.directory.texts import SOURCE_LANGUAGE
from ballatoio.base.labs.models import Opening

from .models import Contact, Need
from .receipts import UNDER_WAY, may_read_by_code, promised_on, spelled

TEMPLATE = Path(__file__).resolve().parent / "typst" / "receipt.typ"


@dataclass(frozen=True)
class Slip:
    """A receipt as it is handed over: whose contact, its code and until when, in which language, by whom."""

    contact: Contact
    code: str
    until: date
    language: str
    by: User

    def data(self) -> dict[str, Any]:
        """Give all that the slip says, words of the house included: never who came, what they asked, which service.

        The QR code holds the address of the page and not the code: what a telephone opens stays in its history, in
        that of its camera, and in our logs (docs/decisions).
        """
        lab = self.contact.lab
        needs = list(self.contact.needs.defer("sealed"))
        week = [TypedHours(row.weekday, row.opens, row.closes) for row in Opening.objects.filter(lab=lab)]
        blocks = []
        for language in dict.fromkeys([self.language, SOURCE_LANGUAGE]):
            with override(language):
                blocks.append(self._words(needs, opening_lines(week)))
        with override(self.language):
            address = absolute_url("receipts:receipt_check", lab=lab.slug)
        return {
            "language": self.language,
            "blocks": blocks,
            "groups": spelled(self.code).split(),
            "lab": {"name": lab.name, "phone": lab.phone, "address": lab.address},
            "web": address.split("://", 1)[-1],
            "qr": qr_svg(address),
        }

    def pdf(self) -> bytes:
        """Give the slip on paper, A6, as an accessible PDF (PDF/UA-1)."""
        return render_pdf(TEMPLATE, self.data())

    def _words(self, needs: Sequence[Need], hours: Sequence[OpeningLine]) -> dict[str, Any]:
        """Give the words of the slip in the language that is switched on."""
        language = get_language() or SOURCE_LANGUAGE
        met_on = timezone.localdate(self.contact.started_at)
        role = Role(self.by.acting_as(self.contact.lab_id)[0]).label
        return {
            "language": language,
            "dir": "rtl" if get_language_info(language)["bidi"] else "ltr",
            "title": _("Ricevuta dello sportello"),
            "met": _("Ci siamo parlati il %(date)s.") % {"date": spoken_date(met_on)},
            "with": _("Con te: %(role)s.") % {"role": str(role).lower()},
            "promise": promise_text(needs),
            "code": _("Il tuo codice"),
            "how": _("Vuoi sapere se la risposta è pronta? Chiama, passa, o scrivi il codice in questa pagina:"),
            "reads": self._who_reads(),
            "until": _("Vale fino al %(date)s. Se perdi il foglio, dillo: fermiamo il codice.")
            % {"date": spoken_date(self.until)},
            "hours": [{"days": line.days, "hours": list(line.intervals)} for line in hours],
            "comma": _(", "),
            "qr": _("Codice da inquadrare con il telefono: apre la pagina dove si scrive il codice"),
        }

    def _who_reads(self) -> str:
        if may_read_by_code(self.contact):
            return _("Chi ha questo codice può leggere la risposta: tieni il foglio al sicuro.")
        return _("Con il codice si vede solo se la risposta è pronta.")


def promise_text(needs: Sequence[Need]) -> str:
    """Give what was promised, in the language that is switched on; a day that has gone by is no promise."""
    if not any(need.state in UNDER_WAY for need in needs):
        return _("La risposta è pronta")
    by_day = promised_on(needs)
    if by_day is None or by_day < timezone.localdate():
        return _("Ci stiamo lavorando: chiamaci")
    return _("Risposta entro %(day)s") % {"day": spoken_date(by_day, "l j F")}
