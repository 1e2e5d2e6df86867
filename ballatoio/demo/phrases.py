"""What people said and what operators noted: sentences of a small grammar, put together so that none comes twice."""

import random
import re
from collections.abc import Callable, Collection
from typing import Any

from .content import load, one_of

SLOT = re.compile(r"\{(\w+)\}")
# Some sentences suit only some: «(old)Usa il bastone.» Groups are those of need_weights in population.json.
TAG = re.compile(r"^\((\w+)\)")
# What Italian joins when a slot was filled: «di il» is «del», «a agosto» is «ad agosto».
JOINED = (
    (re.compile(r"\bdi il "), "del "),
    (re.compile(r"\bdi la "), "della "),
    (re.compile(r"\b([Aa]) a(?=prile)"), r"\1d a"),
)
TRIES = 60


class Phrases:
    """A voice for each contact: the same dice give the same texts, and every text once."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.grammar: dict[str, Any] = load("phrases")
        self.told: set[str] = set()
        self.groups: Collection[str] = ()

    def speak_for(self, groups: Collection[str]) -> None:
        """From now on speak for somebody of these groups ("old", "abroad", "female", …)."""
        self.groups = groups

    def own_words(self, term: str) -> str:
        """Give what somebody says of their need, in the first person."""
        every = self.grammar["terms"][term]["own"]
        own = [text for text in every if self._suits(text)] or every[-1:]
        return self._fresh(lambda: self._join(self._any("own_leads"), one_of(self.rng, own), self._any("own_tails")))

    def heard(self, term: str, channel: str) -> str:
        """Give what an operator writes down of a need that was told."""
        said = self.grammar["terms"][term]["said"]
        return self._fresh(lambda: self._join(self._opening(channel), one_of(self.rng, said), self._any("asides")))

    def note(self, channel: str) -> str:
        """Give what colleagues should know of the encounter."""
        return self._fresh(lambda: self._join(self._opening(channel), self._any("asides"), self._any("closings")))

    def done(self, term: str) -> str:
        """Give what was answered or done for a need."""
        did = self.grammar["terms"][term]["did"]
        return self._fresh(lambda: self._join(self._any("did_heads"), one_of(self.rng, did), self._any("did_tails")))

    def one(self, kind: str) -> str:
        """Give a sentence of one of the short lists ("callbacks", "messages", "requests"), never the same twice."""
        return self._fresh(lambda: self._join(self._any(kind), self._any("asides")))

    def _opening(self, channel: str) -> str:
        return str(one_of(self.rng, self.grammar["openings"].get(channel, [""])))

    def _any(self, kind: str) -> str:
        return str(one_of(self.rng, self.grammar[kind]))

    def _suits(self, text: str) -> bool:
        tag = TAG.match(text)
        return tag is None or tag[1] in self.groups

    def _join(self, *parts: str) -> str:
        text = " ".join(TAG.sub("", part) for part in parts if part and self._suits(part))
        text = SLOT.sub(lambda slot: str(one_of(self.rng, self.grammar["slots"][slot[1]])), text)
        for apart, joined in JOINED:
            text = apart.sub(joined, text)
        return text

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
