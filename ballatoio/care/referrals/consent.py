"""What a person is told before anything about them leaves the lab, and what is kept of their yes."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from django.conf import settings
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import override

from ballatoio.base.core.languages import SPOKEN
from ballatoio.base.directory.models import Service
from ballatoio.base.labs.models import Lab
from ballatoio.base.people.models import ContactPoint

from .models import Referral
from .rules import is_same_number

# Changed with the sentences below, so that one can tell who heard which (GDPR art. 7(1): consent must be shown).
TEXT_VERSION = "invio 1, 2026-11"
# The scope under which the yes of somebody known stands in their file (people.forms.ConsentForm.SCOPES).
SCOPE = "share_services"
Share = Referral.Share


@dataclass(frozen=True)
class Told:
    """What the service is told: only what is in `shares` (Referral.Share) leaves the lab."""

    shares: tuple[str, ...]
    name: str = ""
    phone: str = ""
    # How to use the number without harm: when, and whether a message may be left.
    phone_note: str = ""
    language: str = "it"
    words: str = ""

    def texts(self) -> dict[str, str]:
        """Give what is kept sealed, without what was typed and not agreed to."""
        kept = {Share.NAME: self.name, Share.PHONE: self.phone, Share.WORDS: self.words}
        texts = {str(share): text for share, text in kept.items() if share in self.shares and text}
        return texts | {"phone_note": self.phone_note} if texts.get("phone") and self.phone_note else texts

    def lines(self) -> list[tuple[str, str]]:
        """Give each thing that is told, with its name in words, as the person hears it and the service reads it."""
        return lines_of(self.shares, self.texts(), self.language)


@dataclass(frozen=True)
class Agreed:
    """How a person agreed (a Consent.How), and in which language they were asked."""

    how: str
    language: str = "it"


def lines_of(shares: Iterable[str], texts: dict[str, str], language: str) -> list[tuple[str, str]]:
    """Give what the service is told, thing by thing, in the order of Referral.Share."""
    language_name = next((str(name) for code, _own, name in SPOKEN if code == language), language)
    note = texts.get("phone_note", "")
    values = {
        Share.NAME: texts.get("name", ""),
        Share.PHONE: f"{texts.get('phone', '')} ({note})" if note else texts.get("phone", ""),
        Share.LANGUAGE: language_name,
        Share.WORDS: texts.get("words", ""),
    }
    return [(str(share.label), values[share]) for share in Share if share in tuple(shares) and values[share]]


def how_to_call(points: Iterable[ContactPoint], phone: str) -> str:
    """Give what the person said about calling this number, in words; "" when they said nothing."""
    point = next((point for point in points if is_same_number(point.value, phone)), None)
    if point is None:
        return ""
    notes = [point.hours, _("niente messaggi in segreteria") if point.no_voicemail else ""]
    return ", ".join(note for note in notes if note)


def consent_words(lab: Lab, service: Service, told: Told, *, expires_on: date) -> str:
    """Give the words to read to the person, in the language that is switched on."""
    lines = "\n".join(f"– {name}: {value}" for name, value in told.lines())
    where = {"service": service.name, "organisation": service.organisation.name, "lab": lab.name}
    return "\n".join(
        [
            _("Chiediamo aiuto per te a «%(service)s» (%(organisation)s).") % where,
            _("A loro diciamo solo questo:"),
            lines,
            _("Non diciamo altro. Lo legge chi lavora lì."),
            _("Se non rispondono entro il %(day)s, non possono più leggerlo.")
            % {"day": date_format(expires_on, "j F Y").lower()},
            _("Puoi cambiare idea quando vuoi: ce lo dici, e chiediamo a loro di cancellare tutto."),
            _("Se dici di no non perdi niente: %(lab)s ti aiuta lo stesso.") % where,
            _("Sei d’accordo?"),
        ]
    )


def written_language(language: str) -> str:
    """Give the language in which the words can be read to somebody: theirs if we write it, else Italian, aloud."""
    return language if language in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE


def consent_words_in(language: str, lab: Lab, service: Service, told: Told, *, expires_on: date) -> str:
    """Give the same words in a language (see written_language)."""
    with override(written_language(language)):
        return consent_words(lab, service, told, expires_on=expires_on)
