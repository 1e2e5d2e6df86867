"""The texts of public records in the reader's language, and who stands behind each translation."""

import hashlib
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import models
from django.utils.translation import gettext as _

from ballatoio.base.core.languages import SPOKEN

from .models import Translation

# The language in which records are written; all the others are translations of it.
SOURCE_LANGUAGE = "it"
# A machine's text about money, duties or deadlines does harm when it is wrong: it is not shown at all.
MACHINE_FORBIDDEN = frozenset({"fees_description", "application_process", "eligibility_description", "alert"})
# What of a service is written in other languages too.
SERVICE_FIELDS = (
    "name",
    "description",
    "eligibility_description",
    "application_process",
    "fees_description",
    "accessibility",
    "service_area",
    "alert",
)
# The languages of the neighbourhoods: a service may be offered in one, a text translated into it.
LANGUAGE_NAMES = {code: name for code, _own, name in SPOKEN}
REVIEWED_STATES = frozenset({Translation.State.REVIEWED, Translation.State.APPROVED})


@dataclass(frozen=True)
class Text:
    """A text as it is shown: its words, the language they are really in, and the state of the translation."""

    value: str
    language: str
    state: str = ""
    source: str = ""

    def __str__(self) -> str:
        return self.value

    def __bool__(self) -> bool:
        return bool(self.value)

    @property
    def is_reviewed(self) -> bool:
        """Whether a speaker stands behind the words; the Italian text needs nobody."""
        return not self.state or self.state in REVIEWED_STATES

    @property
    def dir(self) -> str:
        """The direction of the words, for a page that runs the other way."""
        return "rtl" if self.language in {"ar", "ur"} else "ltr"


RecordTexts = dict[str, Text]


def source_hash(text: str) -> str:
    """Give the SHA-256 of an Italian text: a translation that carries another one is stale."""
    return hashlib.sha256(text.encode()).hexdigest()


def object_type(record: models.Model) -> str:
    """Give the name under which the translations of a record's kind are kept ("directory.service")."""
    return record._meta.label_lower


def translated(records: Iterable[models.Model], language: str, fields: Iterable[str]) -> dict[uuid.UUID, RecordTexts]:
    """Give, by record, its `fields` in `language`: one query for a whole page, none for Italian.

    Records of several kinds go in one call: a field that one of them lacks is left out. What is missing, stale,
    or a machine's word on money and duties comes back in Italian.
    """
    wanted = list(fields)
    found: dict[uuid.UUID, RecordTexts] = {}
    kinds: set[str] = set()
    for record in records:
        kinds.add(object_type(record))
        found[record.pk] = {
            field: Text(getattr(record, field) or "", SOURCE_LANGUAGE) for field in wanted if hasattr(record, field)
        }
    if language == SOURCE_LANGUAGE or not found:
        return found
    rows = Translation.objects.filter(
        object_type__in=kinds, object_id__in=list(found), language=language, field__in=wanted
    ).values_list("object_id", "field", "text", "state", "source_hash")
    for pk, field, text, state, hashed in rows:
        source = found[pk].get(field)
        if source is not None and source and is_shown(field, state) and hashed == source_hash(source.value):
            found[pk][field] = Text(text, language, state, source.value)
    return found


def is_shown(field: str, state: str) -> bool:
    """Tell whether a translation in this state may stand before a reader."""
    if state == Translation.State.STALE:
        return False
    return not (state == Translation.State.MACHINE and field in MACHINE_FORBIDDEN)


def language_notice(texts: Iterable[Text], language: str) -> str:
    """Give the sentence that says what the reader must know of the texts of a page; "" when there is nothing.

    What stands in Italian alone comes first, then texts that no speaker has checked.
    """
    shown = [text for text in texts if text]
    if language == SOURCE_LANGUAGE or not shown:
        return ""
    italian = sum(text.language == SOURCE_LANGUAGE for text in shown)
    if italian == len(shown):
        return _("Questo testo è solo in italiano. Chiedici: troviamo un interprete.")
    states = {text.state for text in shown}
    parts = []
    if italian:
        parts.append(_("Una parte di questo testo è solo in italiano."))
    if Translation.State.MACHINE in states:
        parts.append(_("Una macchina ha tradotto questo testo: può avere errori. Vale il testo italiano."))
    elif Translation.State.DRAFT in states:
        parts.append(_("Chi parla questa lingua non ha ancora riletto la traduzione. Vale il testo italiano."))
    elif not italian:
        parts.append(
            _("Traduzione approvata dall’istituzione.")
            if states == {Translation.State.APPROVED}
            else _("Traduzione riletta da chi parla questa lingua.")
        )
    return " ".join(parts)
