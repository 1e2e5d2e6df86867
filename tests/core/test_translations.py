"""What a resident reads is there in every language of the menu, as committed."""

import gettext
import re
from pathlib import Path

import pytest
from django.conf import settings

PACKAGE = settings.PACKAGE_DIR
LANGUAGES = [code for code, _name in settings.LANGUAGES if code != settings.LANGUAGE_CODE]
SENTENCE = re.compile(r"""\{%\s*translate\s+(?:"([^"]+)"|'([^']+)')""")
STAFF_ONLY = {"today.html", "_appointments.html", "_appointment_row.html"}
PUBLIC = [
    # The operator's day is put together there too.
    *(p for p in sorted((PACKAGE / "web/home/templates").rglob("*.html")) if p.name not in STAFF_ONLY),
    *sorted((PACKAGE / "care/appointments/templates/appointments").glob("booking*.html")),
    *sorted((PACKAGE / "care/appointments/templates/appointments").glob("own_*.html")),
    PACKAGE / "care/desk/templates/desk/receipt_check.html",
    *(path for path in sorted((PACKAGE / "base/core/templates").rglob("*.html")) if path.name != "staff.html"),
    *(PACKAGE / "base/directory/templates/directory" / name for name in ("service_list.html", "service_detail.html")),
    *sorted((PACKAGE / "oversight/privacy/templates/privacy").glob("resident_*.html")),
    PACKAGE / "oversight/privacy/templates/privacy/sign_in.html",
]


def sentences(path: Path) -> set[str]:
    """The sentences that a template marks for translation."""
    return {a or b for a, b in SENTENCE.findall(path.read_text("utf-8"))}


def catalogue(language: str) -> gettext.GNUTranslations:
    """The compiled translations of a language, as they are in the package: no fallback to another one."""
    with (PACKAGE / "locale" / language / "LC_MESSAGES/django.mo").open("rb") as file:
        return gettext.GNUTranslations(file)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_of_a_public_page_is_translated(language: str) -> None:
    known = catalogue(language)._catalog  # type: ignore[attr-defined]
    asked = {sentence for path in PUBLIC for sentence in sentences(path)}
    assert len(asked) > 100
    assert sorted(asked - set(known)) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_keeps_the_gaps_that_the_program_fills(language: str) -> None:
    gap = re.compile(r"%\(\w+\)s")
    wrong = [
        source
        for source, text in catalogue(language)._catalog.items()  # type: ignore[attr-defined]
        if isinstance(source, str) and source and set(gap.findall(source)) != set(gap.findall(text))
    ]
    assert wrong == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_compiled_file_holds_what_the_text_file_says(language: str) -> None:
    folder = PACKAGE / "locale" / language / "LC_MESSAGES"
    entries = re.findall(r'^msgid "(.*)"\nmsgstr "(.+)"$', (folder / "django.po").read_text("utf-8"), re.M)
    known = catalogue(language)._catalog  # type: ignore[attr-defined]
    stale = [source for source, text in entries if "\\" not in source + text and known.get(source) != text]
    assert len(entries) > 100
    assert stale == []
