"""What a message says on each channel, made of the texts that are kept sealed in it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import get_language_info, override

from ballatoio.base.labs.models import Lab

from .models import Delivery

SOURCE = settings.LANGUAGE_CODE
# In a line that runs from right to left «02 1234» would be shown as «1234 02»: a telephone number keeps its own
# direction between LRI and PDI (Unicode Standard Annex 9, «Explicit Directional Isolates»).
GROUPS_OF_DIGITS = re.compile(r"\+?[0-9]+(?: [0-9]+)+")
ISOLATED = "\u2066\\g<0>\u2069"


@dataclass(frozen=True)
class Text:
    """What a message says, in one language, with its date, time and place inside.

    `subject` and `body` are for e-mail, letter and text to copy, and what to say in a call. `short` is for an SMS:
    it names no matter (no service, no need), because anybody may pick the telephone up.
    """

    subject: str
    body: str
    short: str


@dataclass(frozen=True)
class Part:
    """One version of a message, in one language."""

    language: str
    subject: str
    body: str

    @property
    def dir(self) -> str:
        return "rtl" if get_language_info(self.language)["bidi"] else "ltr"


def write_texts(compose: Callable[[], Text], language: str) -> tuple[str, dict[str, str]]:
    """Give the texts of a message in a language, below them the Italian, and the language that they are really in.

    Nobody who speaks it has read the translation again, and in one home not all read the same language. Where there
    is no translation yet `compose` gives the Italian, which is then not said twice and not called otherwise.
    """
    texts, source = _composed(compose, language), _composed(compose, SOURCE)
    if texts == source:
        return SOURCE, texts
    if get_language_info(language)["bidi"]:
        texts = {name: GROUPS_OF_DIGITS.sub(ISOLATED, words) for name, words in texts.items()}
    return language, texts | {f"{name}_{SOURCE}": text for name, text in source.items()}


def _composed(compose: Callable[[], Text], language: str) -> dict[str, str]:
    with override(language):
        text = compose()
    # A subject is one line: what was typed into a name must not begin a new header.
    return {"subject": " ".join(text.subject.split()), "body": text.body.strip(), "short": text.short.strip()}


def parts_of(notice: Delivery, texts: Mapping[str, str], *, only_short: bool) -> list[Part]:
    """Give what is said in each language, the person's own first; only the short text where others may read it."""
    languages = [(notice.language, "")]
    if f"body_{SOURCE}" in texts:
        languages.append((SOURCE, f"_{SOURCE}"))
    return [
        Part(
            language,
            "" if only_short else texts.get(f"subject{end}", ""),
            texts.get(f"short{end}" if only_short else f"body{end}", ""),
        )
        for language, end in languages
    ]


def subject_of(parts: list[Part], lab: Lab) -> str:
    """Give the subject of an e-mail: the name of the lab alone where others may read it."""
    return parts[0].subject or lab.name


def plain_text(parts: list[Part], lab: Lab) -> str:
    """Give a message as plain text for e-mail or a messenger: each language, then who writes, where nobody said it."""
    own, *others = parts
    below = [f"— {get_language_info(part.language)['name_local']} —\n\n{part.body}" for part in others]
    signed = [] if lab.phone in own.body else ["\n".join(["-- ", lab.name, lab.address, lab.phone])]
    return "\n\n".join([own.body, *below, *signed])


def short_text(texts: Mapping[str, str]) -> str:
    """Give the text of an SMS, in one language: twice as long would be twice as dear, and cut in two."""
    return texts.get("short", "")
