"""Build the static assets of the product; the outputs are committed, so that nobody needs this at run time.

`python tools/build_assets.py` writes
  ballatoio/base/core/static/core/ballatoio.css   Bootstrap Italia cut to the classes in use + our own sheets
  ballatoio/base/core/static/core/titillium.woff2 one weight, Latin only
  ballatoio/base/core/fonts/*.ttf                 fonts for the PDF, two static weights each
`--css` writes the style sheet alone (after a change to a template or to tools/css).
`--check` writes nothing and fails when the committed style sheet is not the one that would be built.

Bootstrap Italia comes as data out of the Python package design-django-theme (BSD-3-Clause), the fonts out of the
fontpkg packages (SIL OFL 1.1). The outputs carry their notices.
"""

from __future__ import annotations

import argparse
import re
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import tinycss2

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "ballatoio"
OWN_SHEETS = ROOT / "tools" / "css"
STATIC = PACKAGE / "base" / "core" / "static" / "core"
FONTS = PACKAGE / "base" / "core" / "fonts"

NOTICE = (
    "/*! Ballatoio, EUPL-1.2. Contains parts of Bootstrap Italia (BSD-3-Clause, its AUTHORS) "
    "and Bootstrap (MIT, The Bootstrap Authors, Twitter Inc.) */"
)

# Families of Bootstrap Italia that we take: reset, grid, spacing, text. Its forms, buttons, tables, alerts, cards and
# headers are ours (same class names where the meaning is the same): its labels are absolutely positioned and overlap
# other text, its icons are data: images that the policy of the pages forbids.
FAMILIES = re.compile(
    r"^(container(-fluid)?|row|row-cols-.*|col|col-.*|g-\d|gx-\d|gy-\d|offset-.*|order-.*"
    r"|d-.*|flex-.*|justify-content-.*|align-(items|self|content)-.*|gap-\d|float-(start|end)"
    r"|[mp][trblxyse]?-(\d|auto)|[mp][trblxyse]?-(sm|md|lg|xl)-(\d|auto)|w-\d+|w-auto|h-\d+|mw-100"
    r"|text-(start|end|center|nowrap|break|wrap|truncate|uppercase|lowercase|capitalize|decoration-none)"
    r"|text-(sm|md|lg)-(start|end|center)|fw-.*|fst-.*|lh-.*|small|lead|mark|list-unstyled|list-inline"
    r"|list-inline-item|visually-hidden|visually-hidden-focusable|overflow-.*|position-(relative|static|sticky)"
    r"|sticky-top|border-0|rounded|h[1-6]|img-fluid|table-responsive|vr|hstack|vstack|invisible|visible)$"
)
ALWAYS = {"container", "row", "col", "visually-hidden", "w-100", "mb-0", "d-none", "text-end"}
UNWANTED = re.compile(
    r"input|select|textarea|label|legend|fieldset|\.it-|\.dark|\.bg-dark|\.theme|\[data-|:has\(|just-validate|splide"
    r"|\[type=|:focus|blockquote|\[tabindex|\[role|iframe|output|optgroup|::-webkit|::-moz|\[list\]|kbd|samp|\bpre\b|\bcode\b|lightgrey"
)
PHYSICAL = {
    "margin-left": "margin-inline-start",
    "margin-right": "margin-inline-end",
    "padding-left": "padding-inline-start",
    "padding-right": "padding-inline-end",
    "border-left": "border-inline-start",
    "border-right": "border-inline-end",
    "left": "inset-inline-start",
    "right": "inset-inline-end",
}
BLUES = re.compile(r"#06c\b|hsl\(210,\s*100%,\s*(?:40|45|30)%\)|#0066cc|rgb\(0,\s*8[16]\.[67],\s*1[67]3\.[24]\)")


def classes_in_use() -> set[str]:
    """Every word inside a class attribute of a template or of a Python file of the package."""
    words: set[str] = set(ALWAYS)
    for path in sorted(PACKAGE.rglob("*")):
        if path.suffix == ".html":
            text = path.read_text(encoding="utf-8")
            for value in re.findall(r'class="((?:[^"{]|\{[%{].*?[%}]\})*)"', text, re.S):
                words.update(re.sub(r"\{[%{].*?[%}]\}", " ", value).split())
        elif path.suffix == ".py":
            text = path.read_text(encoding="utf-8")
            for value in re.findall(r"""["']class["']\s*[:=]\s*["']([^"']*)["']""", text):
                words.update(value.split())
    return words


def wanted(selector: str, used: set[str]) -> bool:
    """Whether one selector of Bootstrap Italia is kept: all its classes are in use and of a family that we take."""
    if UNWANTED.search(selector):
        return False
    names = re.findall(r"\.([A-Za-z_][\w-]*)", selector)
    return all(name in used and FAMILIES.match(name) for name in names)


def declarations(content: list[Any], keep: set[str] | None) -> list[tuple[str, str]]:
    """Declarations of one block: physical sides turned into logical ones, the blue of the source into ours."""
    found: list[tuple[str, str]] = []
    for node in tinycss2.parse_declaration_list(content, skip_comments=True, skip_whitespace=True):
        if node.type != "declaration":
            continue
        value = tinycss2.serialize(node.value).strip()
        if "url(" in value or node.name.startswith("-webkit-box"):
            continue
        name = PHYSICAL.get(node.name, node.name)
        if name == "text-align":
            value = {"left": "start", "right": "end"}.get(value, value)
        value = BLUES.sub("var(--persiana)", value)
        if keep is not None and name.startswith("--") and name not in keep:
            continue
        found.append((name, value + ("!important" if node.important else "")))
    return found


def cut(nodes: list[Any], used: set[str]) -> list[Any]:
    """The rules to keep, as (selectors, declarations) or (at-rule prelude, rules)."""
    kept: list[Any] = []
    for node in nodes:
        if node.type == "qualified-rule":
            # a comma inside :not(…) or :is(…) does not part two selectors
            selectors = [s.strip() for s in re.split(r",(?![^()]*\))", tinycss2.serialize(node.prelude))]
            chosen = [s for s in selectors if wanted(s, used)]
            body = declarations(node.content, None)
            if chosen and body:
                kept.append((",".join(chosen), body))
        elif node.type == "at-rule" and node.at_keyword == "media" and node.content is not None:
            prelude = tinycss2.serialize(node.prelude).strip()
            inner = cut(tinycss2.parse_rule_list(node.content, skip_comments=True, skip_whitespace=True), used)
            if inner and prelude != "print":
                kept.append((f"@media {prelude}", inner))
    return kept


def written(rules: list[Any], keep: set[str]) -> str:
    """Kept rules as text, custom properties that nobody reads left out."""
    out = []
    for head, body in rules:
        if head.startswith("@media"):
            inner = written(body, keep)
            if inner:
                out.append(f"{head}{{{inner}}}")
            continue
        lines = [f"{n}:{v}" for n, v in body if not n.startswith("--") or n in keep]
        if lines:
            out.append(f"{head}{{{';'.join(lines)}}}")
    return "".join(out)


def variables_read(rules: list[Any], also: str) -> set[str]:
    """Custom properties that a kept declaration reads, directly or through another property."""
    flat: list[tuple[str, str]] = []

    def walk(items: list[Any]) -> None:
        for head, body in items:
            if head.startswith("@media"):
                walk(body)
            else:
                flat.extend(body)

    walk(rules)
    reading = re.compile(r"var\(\s*(--[\w-]+)")
    read = set(reading.findall(also)) | {
        v for n, value in flat if not n.startswith("--") for v in reading.findall(value)
    }
    while True:
        more = {v for n, value in flat if n in read for v in reading.findall(value)} - read
        if not more:
            return read
        read |= more


def minified(css: str) -> str:
    """Our own sheets without comments and needless space; strings are left alone."""
    parts = re.split(r"(\"[^\"]*\"|'[^']*')", re.sub(r"/\*.*?\*/", "", css, flags=re.S))
    for index in range(0, len(parts), 2):
        text = re.sub(r"\s+", " ", parts[index])
        text = re.sub(r"\s*([{};,])\s*", r"\1", text)
        text = re.sub(r":\s+", ":", text)
        text = re.sub(r"\s*>\s*(?=[^=])", ">", text)
        parts[index] = text.replace(";}", "}")
    return "".join(parts).strip()


def style_sheet() -> str:
    """The whole style sheet of the product, as committed."""
    spec = find_spec("bootstrap_italia_template")
    if spec is None or spec.origin is None:
        raise SystemExit("Manca il pacchetto design-django-theme: installa i requisiti di sviluppo.")
    source = Path(spec.origin).parent / "static" / "css" / "bootstrap-italia.min.css"
    nodes = tinycss2.parse_stylesheet(source.read_text("utf-8-sig"), skip_comments=True, skip_whitespace=True)
    used = classes_in_use()
    own = "".join(minified(sheet.read_text("utf-8")) for sheet in sorted(OWN_SHEETS.glob("*.css")))
    rules = cut(nodes, used)
    theirs = written(rules, variables_read(rules, own))
    return f"{NOTICE}\n{minified(theirs)}\n{own}\n"


def web_font(target: Path) -> None:
    """Titillium Web SemiBold, Latin and the Latin of the neighbourhood's languages, as woff2."""
    from fontTools import subset

    origin = find_spec("fontpkg_titillium_web")
    assert origin is not None and origin.origin is not None
    source = Path(origin.origin).parent / "files" / "TitilliumWeb-SemiBold.ttf"
    options = subset.Options(flavor="woff2", layout_features=["kern", "liga", "tnum", "lnum"], hinting=False)
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]
    font = subset.load_font(str(source), options)
    subsetter = subset.Subsetter(options)
    latin = [*range(0x20, 0x7F), *range(0xA0, 0x180), 0x218, 0x219, 0x21A, 0x21B, *range(0x2010, 0x2027)]
    subsetter.populate(unicodes=[*latin, 0x20AC, 0x2030, 0x2190, 0x2192, 0x2212, 0xB7])
    subsetter.subset(font)
    subset.save_font(font, str(target), options)


def print_fonts(folder: Path) -> None:
    """Fonts for the PDF: static regular and bold of Titillium Web, Noto Sans and Noto Sans Arabic, with licences.

    The Noto files are variable; Typst needs static ones. Glyphs stay whole where any text may come (names of people
    in any Latin, Cyrillic or Greek writing, any Arabic); only hinting goes.
    """
    from fontTools import subset
    from fontTools.ttLib import TTFont
    from fontTools.varLib import instancer

    def files(module: str) -> Path:
        spec = find_spec(module)
        assert spec is not None and spec.origin is not None
        return Path(spec.origin).parent

    titillium = files("fontpkg_titillium_web")
    for name in ("TitilliumWeb-Regular.ttf", "TitilliumWeb-SemiBold.ttf"):
        (folder / name).write_bytes((titillium / "files" / name).read_bytes())
    noto = {"fontpkg_noto_sans": "NotoSans", "fontpkg_noto_sans_arabic": "NotoSansArabic"}
    for module, family in noto.items():
        for style, weight in (("Regular", 400), ("Bold", 700)):
            font = TTFont(files(module) / "files" / f"{family}[wdth,wght].ttf")
            instancer.instantiateVariableFont(font, {"wght": weight, "wdth": 100}, inplace=True, updateFontNames=True)
            options = subset.Options(layout_features=["*"], hinting=False, notdef_outline=True, glyph_names=False)
            options.name_IDs = ["*"]
            cutter = subset.Subsetter(options)
            everything = set(font.getBestCmap())
            if family == "NotoSans":
                # Latin, IPA letters in use, Greek, Cyrillic, punctuation, currency; Devanagari and rarer blocks go.
                everything = {c for c in everything if c < 0x530 or 0x1E00 <= c < 0x2200 or c in range(0xA720, 0xA780)}
            cutter.populate(unicodes=everything)
            cutter.subset(font)
            font.save(folder / f"{family}-{style}.ttf")
    for module, label in (*noto.items(), ("fontpkg_titillium_web", "TitilliumWeb")):
        (folder / f"{label}-OFL.txt").write_bytes((files(module) / "LICENSE").read_bytes())


def main() -> int:
    """Command line; 0 when all is written or fresh, 1 when `--check` finds a stale sheet."""
    parser = argparse.ArgumentParser(description="Costruisce foglio di stile e caratteri.")
    parser.add_argument("--css", action="store_true", help="solo il foglio di stile")
    parser.add_argument("--check", action="store_true", help="non scrive: dice se il foglio di stile è aggiornato")
    args = parser.parse_args()
    target = STATIC / "ballatoio.css"
    sheet = style_sheet()
    if args.check:
        if target.exists() and target.read_text("utf-8") == sheet:
            return 0
        print("ballatoio.css non è aggiornato: esegui python tools/build_assets.py --css", file=sys.stderr)
        return 1
    STATIC.mkdir(parents=True, exist_ok=True)
    target.write_text(sheet, "utf-8")
    if not args.css:
        FONTS.mkdir(parents=True, exist_ok=True)
        web_font(STATIC / "titillium.woff2")
        print_fonts(FONTS)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
