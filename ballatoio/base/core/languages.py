"""The languages of the neighbourhoods: those that people may ask for, whether or not the pages exist in them."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

# Code (as Django writes it), name in the language itself, name in the language of the page.
SPOKEN: tuple[tuple[str, str, str | Promise], ...] = (
    ("it", "Italiano", _("italiano")),
    ("ar", "العربية", _("arabo")),
    ("en", "English", _("inglese")),
    ("es", "Español", _("spagnolo")),
    ("fr", "Français", _("francese")),
    ("zh-hans", "中文", _("cinese")),
    ("bn", "বাংলা", _("bengalese")),
    ("ro", "Română", _("rumeno")),
    ("si", "සිංහල", _("singalese")),
    ("sq", "Shqip", _("albanese")),
    ("tl", "Tagalog", _("tagalog")),
    ("uk", "Українська", _("ucraino")),
    ("ur", "اردو", _("urdu")),
)

CODES = frozenset(code for code, _own, _name in SPOKEN)


def own_names() -> list[tuple[str, str]]:
    """Choices for somebody who looks for their own language: each written as its speakers write it."""
    return [(code, own) for code, own, _name in SPOKEN]


def both_names() -> list[tuple[str, str]]:
    """Choices for an operator: the name in the language of the page, then the language's own."""
    return [(code, str(name) if own.lower() == str(name) else f"{name} · {own}") for code, own, name in SPOKEN]
