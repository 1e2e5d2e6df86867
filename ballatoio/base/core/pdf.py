"""Documents on paper: accessible PDF (PDF/UA-1) out of a Typst template and plain data."""

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal

import typst

FONTS_DIR = Path(__file__).resolve().parent / "fonts"
# Tagged for screen readers. Naming a standard also makes Typst refuse a character that no font has, which it
# would otherwise print as an empty box.
PDF_STANDARD: Final = "ua-1"
_MISSING = re.compile(r"the text `?\"?(?P<text>.+?)\"?`? could not be displayed")


class MissingGlyph(Exception):
    """None of our fonts has a character of the text: print it in another language, and say so."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


@lru_cache(maxsize=1)
def _fonts() -> typst.Fonts:
    # Only the fonts of the package: a sheet looks the same on every machine.
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(FONTS_DIR)])


def render_pdf(template: Path, data: Mapping[str, Any]) -> bytes:
    """Give the PDF that the Typst file `template` makes of `data`, which it reads as JSON from `sys.inputs.data`.

    Raise MissingGlyph when a text holds a character that no font of ours can draw.
    """
    return _compile(template, data, "pdf")


def render_preview(template: Path, data: Mapping[str, Any]) -> bytes:
    """Give the first page of the same document as a PNG picture; raises like render_pdf."""
    return _compile(template, data, "png")


def _compile(template: Path, data: Mapping[str, Any], form: Literal["pdf", "png"]) -> bytes:
    try:
        pages: bytes | list[bytes] = typst.compile(
            template,
            root=template.parent,
            font_paths=_fonts(),
            sys_inputs={"data": json.dumps(dict(data), ensure_ascii=False)},
            format=form,
            pdf_standards=PDF_STANDARD if form == "pdf" else None,
        )
    except typst.TypstError as error:
        if found := _MISSING.search(str(error)):
            raise MissingGlyph(found["text"]) from error
        raise
    return pages if isinstance(pages, bytes) else pages[0]
