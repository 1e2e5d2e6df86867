"""The cast of the demonstration, for the page where one steps into their shoes."""

from dataclasses import dataclass

from django import template
from django.utils.translation import get_language

from ballatoio.demo.content import load

register = template.Library()
# Those with whom to begin; the other roles wait behind a click.
FIRST = 6


@dataclass(frozen=True)
class CastMember:
    """Somebody of the cast, and what they do in the language of the page."""

    name: str
    demo_name: str
    what: str


@register.simple_tag
def cast() -> dict[str, list[CastMember]]:
    """Give the cast in two groups, `first` and `more`, without asking the database."""
    language = get_language() or "it"
    members = [
        CastMember(row["name"], row["demo_name"], row["what"].get(language) or row["what"]["it"])
        for row in load("labs")["cast"]
    ]
    return {"first": members[:FIRST], "more": members[FIRST:]}
