"""What the words of a list mean here: topics, channels, languages, colleagues, services, states."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from django.utils.translation import gettext as _

from ballatoio.base.accounts.models import Membership, User
from ballatoio.base.core import languages
from ballatoio.base.core.text import normalise, words
from ballatoio.base.directory.models import NeedTerm, Service
from ballatoio.base.directory.term_index import active_terms, index_of
from ballatoio.base.labs.models import Lab
from ballatoio.care.desk.fields import match_services
from ballatoio.care.desk.forms import language_choices
from ballatoio.care.desk.models import DESK_ROLES, Contact, Need

from .columns import Column
from .targets import TARGETS

Choices = list[tuple[str, str]]
# Kept as it is written: a need in their own words, a name in the note.
AS_WRITTEN = ""
# So many words of a list are asked about on screen, the most frequent; the others are guessed in the same way.
MOST_ASKED = 60
SEPARATORS = {"comma": ",", "semicolon": ";", "slash": "/", "plus": "+", "line": "\n"}
LANGUAGE_SEPARATORS = re.compile(r"[,;/+&\n]|\be\b")

CHANNEL_WORDS: dict[str, str] = {
    Contact.Channel.WALK_IN: "sportello persona presenza front accesso spontaneo fisico diretto sede ufficio s",
    Contact.Channel.PHONE: "telefono tel telefonata telefonico telefonica chiamata cell cellulare t",
    Contact.Channel.HOME_VISIT: "visita domicilio domiciliare casa",
    Contact.Channel.MESSAGE: "messaggio mail email whatsapp wa wapp sms pec posta chat telegram facebook",
    Contact.Channel.EVENT: "evento assemblea festa banchetto cortile riunione incontro gazebo mercato",
    Contact.Channel.THIRD_PARTY: "segnalazione segnalato tramite sociale assistente rete terzi custode vicino altri",
    Contact.Channel.WEB: "web sito form modulo online internet",
}
STATE_WORDS: dict[str, str] = {
    Need.State.OPEN: "aperto aperta corso fare sospeso lavorazione ricontattare richiamare pendente no",
    Need.State.WAITING: "attesa attende",
    Need.State.CLOSED: "chiuso chiusa risolto risolta fatto concluso conclusa ok positivo evaso evasa completato si",
    Need.State.UNREACHABLE: "irreperibile irraggiungibile raggiungibile risponde",
    Need.State.NO_LONGER_WANTED: "rinuncia rinunciato rifiuta serve ritirato abbandonato interessato",
}
# From what a register calls a language to its code; the names in the language of the page are added.
LANGUAGE_WORDS = {
    "italiana": "it", "ita": "it", "arabo egiziano": "ar", "araba": "ar", "marocchino": "ar", "egiziano": "ar",
    "ara": "ar", "arab": "ar", "darija": "ar", "eng": "en", "ing": "en", "spa": "es", "esp": "es", "castigliano": "es",
    "francais": "fr", "fra": "fr", "cinese mandarino": "zh-hans", "mandarino": "zh-hans", "cin": "zh-hans",
    "zh": "zh-hans", "bengali": "bn", "bangla": "bn", "romeno": "ro", "rom": "ro", "rumena": "ro", "cingalese": "si",
    "sinhala": "si", "filippino": "tl", "filippina": "tl", "ucr": "uk", "ucraina": "uk", "alb": "sq", "albanes": "sq",
    "pakistano": "ur", "cinesi": "zh-hans",
}  # fmt: skip


@dataclass(frozen=True)
class Word:
    """A word of a list in the sheet, how often it is there, and what it probably means."""

    written: str
    times: int
    guess: str


@dataclass
class ValueLists:
    """What the words of a lab's sheet may mean; each list is asked for only when a column needs it."""

    lab: Lab
    chosen: dict[str, dict[str, str]] = field(default_factory=dict)
    _guessed: dict[tuple[str, str], str] = field(default_factory=dict)

    @cached_property
    def terms(self) -> dict[str, NeedTerm]:
        """The needs by their codes."""
        return {term.code: term for term in active_terms()}

    @cached_property
    def services(self) -> dict[str, Service]:
        """The services of the lab by their slugs."""
        return {service.slug: service for service in Service.objects.filter(lab=self.lab).order_by("name", "pk")}

    @cached_property
    def staff(self) -> dict[str, User]:
        """Whoever works or worked at the desk, by their id."""
        members = Membership.objects.of_lab(self.lab).filter(role__in=DESK_ROLES).select_related("user")
        return {str(member.user_id): member.user for member in members.order_by("user__name", "pk") if member.user.name}

    @cached_property
    def present(self) -> frozenset[str]:
        """Those of them who work there today: an open need goes to one of these."""
        today = Membership.objects.current().filter(lab=self.lab, role__in=DESK_ROLES, user__is_active=True)
        return frozenset(str(pk) for pk in today.values_list("user_id", flat=True))

    def choices(self, name: str) -> Choices:
        """Give what a word of the list may mean, for a control on screen."""
        made: dict[str, Callable[[], Choices]] = {
            "topic": lambda: [
                (AS_WRITTEN, _("tieni le parole scritte")),
                *((term.code, f"{'— ' if term.parent_id else ''}{term.name}") for term in self.terms.values()),
            ],
            "channel": lambda: [(value, str(label)) for value, label in Contact.Channel.choices],
            "language": _languages,
            "languages_spoken": _languages,
            "languages_read": _languages,
            "operator": lambda: [
                (AS_WRITTEN, _("nessuno di questi: il nome resta nella nota")),
                *((pk, str(user)) for pk, user in self.staff.items()),
            ],
            "service": lambda: [
                (AS_WRITTEN, _("nessuno di questi: resta nella risposta")),
                *((slug, service.name) for slug, service in self.services.items()),
            ],
            "state": lambda: [(state, str(Need.State(state).label)) for state in STATE_WORDS],
        }
        return made[name]()

    def meaning(self, name: str, written: str) -> str:
        """Give what a word of a list means: what was chosen for it, else the guess."""
        key = normalise(written)
        chosen = self.chosen.get(name, {})
        return chosen[key] if key in chosen else self.guess(name, written)

    def guess(self, name: str, written: str) -> str:
        """Give what a word of a list probably means; the same for the same word."""
        key = (name, normalise(written))
        if key not in self._guessed:
            self._guessed[key] = self._guess(name, written)
        return self._guessed[key]

    def _guess(self, name: str, written: str) -> str:
        if name == "topic":
            return self._guess_term(written)
        if name == "operator":
            return self._guess_colleague(written)
        if name == "service":
            found = match_services(written, self.services.values()) if normalise(written) else []
            return found[0].slug if len(found) == 1 else AS_WRITTEN
        if name == "channel":
            return _by_words(written, CHANNEL_WORDS, Contact.Channel.WALK_IN)
        if name == "state":
            return _by_words(written, STATE_WORDS, Need.State.CLOSED)
        return guess_language(written)

    def _guess_term(self, written: str) -> str:
        """The need that is certainly meant, else the one that fits better than any other."""
        index = index_of(self.lab)
        if sure := index.sure(written):
            return sure.code
        if not normalise(written):
            return AS_WRITTEN
        found = index.suggest(written, {}, 2)
        if not found or (len(found) > 1 and found[1].fit == found[0].fit):
            return AS_WRITTEN
        return found[0].term.code

    def _guess_colleague(self, written: str) -> str:
        """The only colleague whose name has all the words, or whose initials they are."""
        asked = words(written)
        if not asked:
            return AS_WRITTEN
        found = [
            pk
            for pk, user in self.staff.items()
            if all(any(word.startswith(piece) for word in words(user.name)) for piece in asked)
            or "".join(asked) == "".join(word[0] for word in words(user.name))
        ]
        return found[0] if len(found) == 1 else AS_WRITTEN


def _languages() -> Choices:
    return [(code, str(label)) for code, label in language_choices()]


def _by_words(written: str, table: dict[str, str], default: str) -> str:
    asked = words(written)
    scores = {value: sum(word in known.split() for word in asked) for value, known in table.items()}
    best = max(scores, key=lambda value: scores[value])
    return best if scores[best] else default


def guess_language(written: str) -> str:
    """Give the code of a language from its name in Italian, in its own alphabet, or shortened; «other» for no other."""
    asked = normalise(written)
    known = {normalise(str(name)): code for code, _own, name in languages.SPOKEN}
    known |= {normalise(own): code for code, own, _name in languages.SPOKEN}
    known |= {code: code for code in languages.CODES} | LANGUAGE_WORDS
    if not asked:
        return "it"
    if asked in known:
        return known[asked]
    begun = {code for name, code in known.items() if len(asked) > 2 and name.startswith(asked)}
    first = {known[word] for word in asked.split() if word in known}
    return next(iter(begun)) if len(begun) == 1 else next(iter(first)) if len(first) == 1 else "other"


def split_topics(cell: str, separator: str) -> list[str]:
    """Give the topics of a cell, at most five: one, or several if somebody said what is between them."""
    sign = SEPARATORS.get(separator)
    pieces = cell.split(sign) if sign else [cell]
    return list(dict.fromkeys(" ".join(piece.split()) for piece in pieces if piece.strip()))[:5]


def split_languages(cell: str) -> list[str]:
    """Give the languages of a cell."""
    return [piece.strip() for piece in LANGUAGE_SEPARATORS.split(cell) if piece.strip()][:8]


def pieces_of(name: str, cell: str, separator: str) -> list[str]:
    """Give the words of a list that a cell holds."""
    if name == "topic":
        return split_topics(cell, separator)
    if name in ("languages_spoken", "languages_read"):
        return split_languages(cell)
    return [cell] if cell.strip() else []


def listed_words(
    lists: ValueLists, kind: str, columns: list[Column], mapping: dict[str, str], separator: str
) -> dict[str, tuple[list[Word], int]]:
    """Give for each list of the sheet its words to be explained, and how many others are left to the guess."""
    found: dict[str, Counter[str]] = {}
    for place, name in mapping.items():
        target = next((one for one in TARGETS[kind] if one.name == name and one.listed), None)
        if target is None or int(place) >= len(columns):
            continue
        count = found.setdefault(name, Counter())
        for value, times in columns[int(place)].values.items():
            for piece in pieces_of(name, value, separator):
                count[piece] += times
    return {name: _asked(lists, name, count) for name, count in found.items() if count}


def _asked(lists: ValueLists, name: str, count: "Counter[str]") -> tuple[list[Word], int]:
    once: dict[str, Word] = {}
    for written, times in count.most_common():
        key = normalise(written)
        before = once.get(key)
        once[key] = Word(
            before.written if before else written,
            times + (before.times if before else 0),
            before.guess if before else lists.meaning(name, written),
        )
    asked = sorted(once.values(), key=lambda word: -word.times)
    return asked[:MOST_ASKED], max(0, len(asked) - MOST_ASKED)
