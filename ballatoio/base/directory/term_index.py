"""The words of the taxonomy kept in the process: which need somebody means, and those they may mean as they type."""

import uuid
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock
from time import monotonic

from django.conf import settings

from ballatoio.base.labs.models import Lab

from .models import LocalTerm, NeedSynonym, NeedTerm, Translation
from .texts import SOURCE_LANGUAGE
from .words import EMPTY_WORDS, MAX_WORDS, bigrams, fold, is_han, runs, without_article

LONGEST_TYPED = 120
# How well a phrase fits what was typed, best first.
EXACT, BEGINS, WORDS, MISTYPED, IN_PART = range(5)
# Shorter words say too little to be looked for with a letter wrong in them.
SHORTEST_MISTYPED = 4
_VOWELS = frozenset("aeiou")


@dataclass(frozen=True)
class Phrase:
    """One way to say a need: its name in some language, its code, a synonym, or a word of the lab."""

    text: str
    key: str
    term_id: uuid.UUID
    is_name: bool = False
    is_local: bool = False
    is_italian: bool = False

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Its words, as typed words are compared with them; Chinese ones in pairs and one by one."""
        found: dict[str, None] = {}
        for run in runs(self.key):
            found |= dict.fromkeys([*bigrams(run), *run] if is_han(run) else [run, without_article(run)])
        return tuple(found)


@dataclass(frozen=True)
class Suggestion:
    """A need that somebody may mean, the one above it, and the words by which it was found ("" when by its name)."""

    term: NeedTerm
    above: str
    because: str = ""
    is_local: bool = False
    fit: int = EXACT


@dataclass(frozen=True)
class Asked:
    """What was typed, taken apart once."""

    key: str
    words: tuple[str, ...]

    @classmethod
    def read(cls, typed: str) -> "Asked":
        """Take apart what was typed: its words without those that say nothing, unless there are no others."""
        found: dict[str, None] = {}
        for run in runs(typed[:LONGEST_TYPED]):
            found |= dict.fromkeys(bigrams(run) if is_han(run) else [without_article(run)])
        telling = [word for word in found if word not in EMPTY_WORDS and (len(word) > 2 or is_han(word))]
        return cls(fold(typed[:LONGEST_TYPED]), tuple((telling or list(found))[:MAX_WORDS]))


@dataclass
class TermIndex:
    """All the phrases that mean a need in one lab."""

    terms: dict[uuid.UUID, NeedTerm]
    phrases: list[Phrase]
    _vocabulary: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        # Of two that fit as well, the shorter one says better why.
        self.phrases = sorted(self.phrases, key=lambda phrase: (len(phrase.key), phrase.key))
        self._said: dict[str, list[int]] = {}
        for number, phrase in enumerate(self.phrases):
            for word in phrase.words:
                self._said.setdefault(word, []).append(number)
        self._vocabulary = sorted(self._said)
        self._by_bigram: dict[str, list[str]] = {}
        for word in self._vocabulary:
            if len(word) >= SHORTEST_MISTYPED - 1 and not is_han(word):
                for pair in set(_letter_pairs(word)):
                    self._by_bigram.setdefault(pair, []).append(word)

    def sure(self, typed: str) -> NeedTerm | None:
        """Give the need that is certainly meant, None when there is a doubt.

        In this order: a word of the lab, a name or code, a synonym of one need alone, then Italian words that all begin
        words of one need's phrases alone (of one need's names, when there are several).
        """
        asked = Asked.read(typed)
        if not asked.key:
            return None
        exact = [phrase for phrase in self.phrases if phrase.key == asked.key]
        for kind in (
            [phrase for phrase in exact if phrase.is_local],
            [phrase for phrase in exact if phrase.is_name],
            [phrase for phrase in exact if self.terms[phrase.term_id].parent_id],
        ):
            if meant := self._only_one(kind):
                return meant
        whole = tuple(fold(typed[:LONGEST_TYPED]).split())
        begun = [phrase for phrase in self.phrases if phrase.is_italian and _all_begin(whole, phrase.key.split())]
        return self._only_one(begun) or self._only_one([phrase for phrase in begun if phrase.is_name])

    def _only_one(self, phrases: Iterable[Phrase]) -> NeedTerm | None:
        meant = {phrase.term_id for phrase in phrases}
        return self.terms[meant.pop()] if len(meant) == 1 else None

    def suggest(self, typed: str, used: Mapping[uuid.UUID, int], limit: int) -> list[Suggestion]:
        """Give the needs that may be meant: the best fit first, then what the lab `used` most, then by their order.

        What has only a part of the words comes when nothing has them all. With nothing typed, what the lab used most.
        """
        asked = Asked.read(typed)
        if not asked.words or (len(asked.key) == 1 and not is_han(asked.key)):
            often = sorted((pk for pk in used if pk in self.terms), key=lambda pk: (-used[pk], self._place(pk)))
            return [self._suggestion(pk, None) for pk in often[:limit]]
        best: dict[uuid.UUID, tuple[int, int, Phrase]] = {}
        for fit, missing, phrase in self._fitting(asked):
            standing = best.get(phrase.term_id)
            if standing is None or (fit, missing, not phrase.is_name) < (*standing[:2], not standing[2].is_name):
                best[phrase.term_id] = (fit, missing, phrase)
        # A part of the words is only worth something when nothing has more of them.
        least = min((standing[:2] for standing in best.values()), default=(EXACT, 0))
        near = [pk for pk, standing in best.items() if standing[0] < IN_PART or standing[:2] == least]
        order = sorted(near, key=lambda pk: (best[pk][0], -used.get(pk, 0), self._place(pk)))
        return [self._suggestion(pk, best[pk][2], best[pk][0]) for pk in order[:limit]]

    def _fitting(self, asked: Asked) -> Iterator[tuple[int, int, Phrase]]:
        """Give each phrase that fits, how well, and how many of the typed words it lacks."""
        for phrase in self.phrases:
            if phrase.key.startswith(asked.key):
                yield (EXACT if phrase.key == asked.key else BEGINS), 0, phrase
        has: Counter[int] = Counter()
        mistyped: set[int] = set()
        for number, word in enumerate(asked.words):
            plain = self._beginning(word, is_last=number == len(asked.words) - 1)
            meant = plain or self._mistyped(word)
            found = {phrase for each in meant for phrase in self._said[each]}
            has.update(found)
            if not plain:
                mistyped |= found
        for number, count in has.items():
            lacks = len(asked.words) - count
            fit = IN_PART if lacks else MISTYPED if number in mistyped else WORDS
            yield fit, lacks, self.phrases[number]

    def _beginning(self, word: str, *, is_last: bool) -> list[str]:
        """Give the known words that a typed one begins, its last vowel left aside: «vicino» is also «vicini».

        A short one within a sentence is only itself.
        """
        begun = word[:-1] if len(word) >= 5 and word[-1] in _VOWELS else word
        found = []
        for place in range(bisect_left(self._vocabulary, begun), len(self._vocabulary)):
            known = self._vocabulary[place]
            if not known.startswith(begun):
                break
            if known == word or is_last or len(word) >= SHORTEST_MISTYPED:
                found.append(known)
        return found

    def _mistyped(self, word: str) -> list[str]:
        """Give the known words that a typed one may be, with a letter or two wrong, or the beginning of."""
        if len(word) < SHORTEST_MISTYPED or is_han(word):
            return []
        most = 1 if len(word) < 7 else 2
        near = {known for pair in _letter_pairs(word) for known in self._by_bigram.get(pair, ())}
        return [known for known in near if len(known) >= len(word) - most and letters_wrong(word, known, most) <= most]

    def _place(self, pk: uuid.UUID) -> tuple[int, str]:
        return self.terms[pk].position, self.terms[pk].name

    def _suggestion(self, pk: uuid.UUID, phrase: Phrase | None, fit: int = EXACT) -> Suggestion:
        term = self.terms[pk]
        above = self.terms.get(term.parent_id) if term.parent_id else None
        because = "" if phrase is None or phrase.text == term.name or phrase.key == fold(term.code) else phrase.text
        return Suggestion(term, above.name if above else "", because, bool(phrase and phrase.is_local), fit)


def letters_wrong(typed: str, word: str, most: int) -> int:
    """Give how many letters of `typed` are wrong, missing, too many or swapped, if it is the beginning of `word`.

    The distance of Damerau (1964) to the nearest beginning of `word`, no further than `most` + 1.
    """
    longest = min(len(word), len(typed) + most)
    before: list[int] = []
    row = list(range(longest + 1))
    for i, letter in enumerate(typed, start=1):
        last, before, row = before, row, [i] + [0] * longest
        for j in range(1, longest + 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != word[j - 1]))
            if i > 1 and j > 1 and letter == word[j - 2] and typed[i - 2] == word[j - 1]:
                cost = min(cost, last[j - 2] + 1)
            row[j] = cost
        if min(row) > most:
            return most + 1
    return min(row)


def _letter_pairs(word: str) -> Iterator[str]:
    """Give the pairs of neighbouring letters of a word, its beginning marked: words alike share some."""
    marked = f"^{word}"
    return (marked[place : place + 2] for place in range(len(word)))


def _all_begin(typed: Iterable[str], whole: list[str]) -> bool:
    return all(any(word.startswith(piece) for word in whole) for piece in typed)


# --- What is kept in the process --------------------------------------------------------------------------

_lock = Lock()
_terms: tuple[float, tuple[NeedTerm, ...]] | None = None
_shared: tuple[float, list[Phrase]] | None = None
_of_lab: dict[uuid.UUID, tuple[float, TermIndex]] = {}
# An installation has a handful of labs.
MOST_LABS = 100


def all_terms() -> tuple[NeedTerm, ...]:
    """Give all the terms, retired ones too, as they stood at most `settings.NEED_TERMS_KEPT` seconds ago.

    They change a few times a year, and every list and every save needs them. A term that was retired meanwhile is
    still a valid one.
    """
    global _terms
    kept = _terms
    if kept is None or monotonic() >= kept[0]:
        with _lock:
            terms = tuple(NeedTerm.objects.order_by("position", "name"))
            kept = _terms = (monotonic() + settings.NEED_TERMS_KEPT, terms)
    return kept[1]


def active_terms() -> tuple[NeedTerm, ...]:
    """Give the terms that may be chosen today, in their order; kept as all_terms."""
    return tuple(term for term in all_terms() if term.is_active)


def index_of(lab: Lab) -> TermIndex:
    """Give the index of a lab's words, as old as all_terms: no query when it is kept, five when it is not."""
    kept = _of_lab.get(lab.pk)
    if kept is None or monotonic() >= kept[0]:
        everything = all_terms()
        terms = {term.pk: term for term in everything if term.is_active}
        led = _led_to(everything, terms)
        phrases = [*_lab_phrases(lab, led), *_shared_phrases(everything, led)]
        kept = (monotonic() + settings.NEED_TERMS_KEPT, TermIndex(terms, phrases))
        if len(_of_lab) >= MOST_LABS:
            _of_lab.clear()
        _of_lab[lab.pk] = kept
    return kept[1]


def forget_kept() -> None:
    """Read the taxonomy again at the next request of this process; the others do so when theirs is old."""
    global _terms, _shared
    _terms = _shared = None
    _of_lab.clear()


def _shared_phrases(everything: Iterable[NeedTerm], led: Mapping[uuid.UUID, uuid.UUID]) -> list[Phrase]:
    """Give the phrases of all labs: two queries, when they are not kept."""
    global _shared
    kept = _shared
    if kept is None or monotonic() >= kept[0]:
        phrases = []
        for term in everything:
            if to := led.get(term.pk):
                is_name = to == term.pk
                phrases.append(Phrase(term.name, fold(term.name), to, is_name=is_name, is_italian=True))
                phrases.append(Phrase(term.name, fold(term.code), to, is_name=is_name))
        names = Translation.objects.filter(object_type=NeedTerm._meta.label_lower, field="name")
        for pk, text in names.exclude(state=Translation.State.STALE).order_by("pk").values_list("object_id", "text"):
            if to := led.get(pk):
                phrases.append(Phrase(text, fold(text), to, is_name=to == pk))
        said = NeedSynonym.objects.filter(lab__isnull=True).exclude(state=NeedSynonym.State.WITHDRAWN)
        columns = ("term_id", "text", "normalised", "language")
        for pk, text, key, language in said.order_by("pk").values_list(*columns):
            if to := led.get(pk):
                phrases.append(Phrase(text, key, to, is_italian=language == SOURCE_LANGUAGE))
        kept = _shared = (monotonic() + settings.NEED_TERMS_KEPT, phrases)
    # The terms may be newer than their words.
    now = set(led.values())
    return [phrase for phrase in kept[1] if phrase.term_id in now]


def _lab_phrases(lab: Lab, led: Mapping[uuid.UUID, uuid.UUID]) -> list[Phrase]:
    """Give the phrases of one lab alone: two queries."""
    phrases = []
    for local in LocalTerm.objects.in_use().filter(lab=lab).order_by("pk"):
        if to := led.get(local.term_id):
            texts = (local.name, *local.other_words)
            phrases += [Phrase(text, fold(text), to, is_local=True, is_italian=True) for text in texts]
    own = NeedSynonym.objects.filter(lab=lab).exclude(state=NeedSynonym.State.WITHDRAWN)
    for pk, text, key, language in own.order_by("pk").values_list("term_id", "text", "normalised", "language"):
        if to := led.get(pk):
            phrases.append(Phrase(text, key, to, is_italian=language == SOURCE_LANGUAGE))
    return phrases


def _led_to(everything: Iterable[NeedTerm], terms: Mapping[uuid.UUID, NeedTerm]) -> dict[uuid.UUID, uuid.UUID]:
    """Give, for each term, the one in use that its words mean today: itself, or whatever took its place."""
    after = {term.pk: term.successor_id for term in everything}
    led = {}
    for pk in after:
        to: uuid.UUID | None = pk
        for _step in after:
            if to is None or to in terms:
                break
            to = after.get(to)
        if to in terms and to is not None:
            led[pk] = to
    return led
