"""What people said and what operators noted: sentences of a small grammar, put together so that none comes twice."""

import random
import re
from collections.abc import Callable
from typing import Any

from .content import load, one_of

SLOT = re.compile(r"\{(\w+)\}")
BEFORE_A = re.compile(r"\b([Aa]) a(?=prile|gosto)")
TRIES = 60
# What a person of the other gender would not say of themselves is marked in the file.
SAID_BY = {"(f)": "female", "(m)": "male"}


class Phrases:
    """A voice for each contact: the same dice give the same texts, and every text once."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.grammar: dict[str, Any] = load("phrases")
        self.told: set[str] = set()

    def own_words(self, term: str, gender: str) -> str:
        """Give what somebody says of their need, in the first person."""
        options = self._for(self.grammar["terms"][term]["own"], gender)
        return self._fresh(lambda: self._join(self._any("own_leads"), one_of(self.rng, options), self._any("own_tails")))

    def heard(self, term: str, channel: str) -> str:
        """Give what an operator writes down of a need that was told."""
        said = self.grammar["terms"][term]["said"]
        openings = self.grammar["openings"].get(channel, [""])
        return self._fresh(lambda: self._join(one_of(self.rng, openings), one_of(self.rng, said), self._any("asides")))

    def note(self, channel: str) -> str:
        """Give what colleagues should know of the encounter."""
        openings = self.grammar["openings"].get(channel, [""])
        parts = (lambda: one_of(self.rng, openings), lambda: self._any("asides"), lambda: self._any("closings"))
        return self._fresh(lambda: self._join(*(part() for part in parts)))

    def done(self, term: str) -> str:
        """Give what was answered or done for a need."""
        did = self.grammar["terms"][term]["did"]
        return self._fresh(lambda: self._join(self._any("did_heads"), one_of(self.rng, did), self._any("did_tails")))

    def one(self, kind: str) -> str:
        """Give a sentence of one of the short lists ("told", "messages", "requests"), never the same twice."""
        return self._fresh(lambda: self._join(self._any(kind), self._any("asides")))

    def _any(self, kind: str) -> str:
        return str(one_of(self.rng, self.grammar[kind]))

    def _for(self, options: list[str], gender: str) -> list[str]:
        fitting = [text for text in options if SAID_BY.get(text[:3], gender) == gender]
        return [text[3:] if text[:3] in SAID_BY else text for text in fitting] or [options[-1]]

    def _join(self, *parts: str) -> str:
        text = " ".join(part for part in parts if part)
        text = SLOT.sub(lambda slot: str(one_of(self.rng, self.grammar["slots"][slot[1]])), text)
        return BEFORE_A.sub(r"\1d a", text)

    def _fresh(self, make: Callable[[], str]) -> str:
        """Give a text that was not told before; a short one grows by a sentence when all of its kind were told."""
        text = make()
        for _try in range(TRIES):
            if text and text not in self.told:
                break
            text = make()
        while not text or text in self.told:
            text = self._join(text, self._any("closings"), self._any("asides"))
        self.told.add(text)
        return text
