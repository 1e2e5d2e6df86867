"""Files of the needs taxonomy: reading and checking them, writing them.

JSON is an object with "version" (code, published_on, source, source_url, licence, notes) and "terms", or just the list
of terms. A term has code, parent (the code of the one above, which comes before it in the file), its name in each
language ("it", "en", "ar", …), icon, synonyms (by language, lists of words or phrases; a bare list is Italian),
"listed": false for what the desk does not choose, "retired": true with "successor" (a code) for what took its place.
CSV has the same in columns: code, parent, icon, listed, retired, successor, a column for each language with the name,
synonyms_it, synonyms_en, … with « | » between them; the columns of the version, all its fields after «version_», have
the same value on every row.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from .models import NeedSynonym, NeedTerm, TaxonomyVersion, Translation
from .texts import LANGUAGE_NAMES, SOURCE_LANGUAGE, object_type
from .words import fold

PACKAGED = Path(__file__).parent / "data" / "needs.json"
VERSION_FIELDS = ("code", "published_on", "source", "source_url", "licence", "notes")
PLAIN_FIELDS = ("code", "parent", "icon", "listed", "retired", "successor")
BETWEEN = " | "
LONGEST_NAME, LONGEST_SYNONYM = 120, 80
MAX_TERMS, MAX_SYNONYMS = 2_000, 60
_CODE = re.compile(r"^[a-z0-9][a-z0-9_-]{0,59}$")
_YES = frozenset({"1", "sì", "si", "s", "x", "yes", "true", "vero"})


class TaxonomyNotReadable(Exception):
    """The file is no taxonomy, or something in it is wrong; `sentences` say what, and where."""

    def __init__(self, *sentences: str) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = list(sentences)


@dataclass(frozen=True)
class TermRecord:
    """One term as a file has it."""

    code: str
    parent: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
    icon: str = ""
    listed: bool = True
    retired: bool = False
    successor: str = ""
    synonyms: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Taxonomy:
    """A whole file: its terms, parents first, and the version that it is, if it says so."""

    terms: Sequence[TermRecord]
    version: Mapping[str, Any] | None = None


@cache
def packaged_taxonomy() -> Taxonomy:
    """Give the taxonomy that comes with the program."""
    return read_taxonomy(PACKAGED.read_text(encoding="utf-8"))


def read_taxonomy(text: str) -> Taxonomy:
    """Give the taxonomy in a text, JSON or CSV; raise TaxonomyNotReadable with all that is wrong in it."""
    if text.lstrip("\ufeff \n\r\t")[:1] in ("{", "["):
        return _read_json(text.lstrip("\ufeff"))
    return _read_csv(text.lstrip("\ufeff"))


def taxonomy_of(records: Iterable[Mapping[str, Any]], version: Mapping[str, Any] | None = None) -> Taxonomy:
    """Give the taxonomy that is made of plain records, checked; raise TaxonomyNotReadable."""
    terms: list[TermRecord] = []
    wrong: list[str] = []
    for number, record in enumerate(records, start=1):
        term = _term_of(record, number, wrong)
        if term is not None:
            terms.append(term)
        if number > MAX_TERMS:
            raise TaxonomyNotReadable(_("Ci sono più di %(most)s voci: dividi il file.") % {"most": MAX_TERMS})
    if not terms and not wrong:
        wrong.append(_("Nel file non c’è nessuna voce."))
    seen: set[str] = set()
    for term in terms:
        if term.code in seen:
            wrong.append(_("%(code)s: c’è due volte.") % {"code": term.code})
        seen.add(term.code)
    read_version = _version_of(version, wrong) if version else None
    if wrong:
        raise TaxonomyNotReadable(*wrong[:20])
    return Taxonomy(terms, read_version)


def _term_of(record: Mapping[str, Any], number: int, wrong: list[str]) -> TermRecord | None:
    code = str(record.get("code") or "").strip()
    if not _CODE.match(code):
        wrong.append(
            _("Voce %(number)s: il codice «%(code)s» non va: usa lettere minuscole, numeri e trattini.")
            % {"number": number, "code": code[:60]}
        )
        return None
    names = {language: str(record.get(language) or "").strip() for language in LANGUAGE_NAMES}
    names = {language: name for language, name in names.items() if name}
    if SOURCE_LANGUAGE not in names:
        wrong.append(_("%(code)s: manca il nome in italiano (it).") % {"code": code})
    wrong += [_("%(code)s: il nome è troppo lungo.") % {"code": code} for n in names.values() if len(n) > LONGEST_NAME]
    return TermRecord(
        code=code,
        parent=str(record.get("parent") or "").strip(),
        names=names,
        icon=str(record.get("icon") or "")[:40],
        listed=_is_yes(record.get("listed", True)),
        retired=_is_yes(record.get("retired", False)),
        successor=str(record.get("successor") or "").strip(),
        synonyms=_synonyms_of(code, record.get("synonyms") or {}, wrong),
    )


def _synonyms_of(code: str, given: Any, wrong: list[str]) -> dict[str, list[str]]:
    by_language = {SOURCE_LANGUAGE: given} if isinstance(given, list) else given
    found: dict[str, list[str]] = {}
    for language, listed in by_language.items() if isinstance(by_language, dict) else ():
        if language not in LANGUAGE_NAMES:
            wrong.append(_("%(code)s: non conosco la lingua «%(language)s».") % {"code": code, "language": language})
            continue
        words: dict[str, str] = {}
        for item in listed:
            text = " ".join(str(item).split())
            if len(text) > LONGEST_SYNONYM:
                wrong.append(_("%(code)s: «%(text)s…» è troppo lungo.") % {"code": code, "text": text[:30]})
            elif fold(text):
                words.setdefault(fold(text), text)
        if len(words) > MAX_SYNONYMS:
            wrong.append(_("%(code)s: ha più di %(most)s sinonimi.") % {"code": code, "most": MAX_SYNONYMS})
        found[language] = list(words.values())
    return found


def _version_of(given: Mapping[str, Any], wrong: list[str]) -> dict[str, Any] | None:
    version: dict[str, Any] = {name: str(given.get(name) or "").strip() for name in VERSION_FIELDS}
    if not version["code"] or len(version["code"]) > 20:
        wrong.append(_("La versione deve avere un codice, di al massimo 20 caratteri."))
    try:
        version["published_on"] = date.fromisoformat(version["published_on"])
    except ValueError:
        wrong.append(_("La versione deve avere il giorno in cui è pubblicata: published_on, per esempio 2026-11-03."))
    return version


def _is_yes(value: Any) -> bool:
    return value if isinstance(value, bool) else str(value).strip().lower() in _YES


def _read_json(text: str) -> Taxonomy:
    try:
        content = json.loads(text)
    except ValueError as error:
        line = getattr(error, "lineno", 1)
        raise TaxonomyNotReadable(_("Alla riga %(row)s il file non è un JSON valido.") % {"row": line}) from error
    version = content.get("version") if isinstance(content, dict) else None
    listed = content.get("terms") if isinstance(content, dict) else content
    if not isinstance(listed, list) or not all(isinstance(record, dict) for record in listed):
        raise TaxonomyNotReadable(_("Il JSON deve essere un elenco di voci, o un oggetto con version e terms."))
    return taxonomy_of(listed, version if isinstance(version, dict) else None)


def _read_csv(text: str) -> Taxonomy:
    header = text.split("\n", 1)[0]
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=";" if ";" in header else ",", strict=True)
    try:
        rows = [{(name or "").strip(): value or "" for name, value in row.items()} for row in reader]
    except (csv.Error, AttributeError, TypeError) as error:
        raise TaxonomyNotReadable(
            _("Alla riga %(row)s il file non è un CSV: controlla separatori e virgolette.") % {"row": reader.line_num}
        ) from error
    if not rows or not {"code", SOURCE_LANGUAGE} <= set(rows[0]):
        raise TaxonomyNotReadable(_("Nella prima riga mancano le colonne code e it."))
    first = rows[0]
    version = {name: first.get(f"version_{name}", "") for name in VERSION_FIELDS}
    return taxonomy_of(map(_record_of_row, rows), version if version["code"] else None)


def _record_of_row(row: Mapping[str, str]) -> dict[str, Any]:
    synonyms = {
        name.removeprefix("synonyms_"): value.split(BETWEEN.strip())
        for name, value in row.items()
        if name.startswith("synonyms_") and value.strip()
    }
    listed = row.get("listed", "").strip()
    return {**row, "listed": listed == "" or _is_yes(listed), "synonyms": synonyms}


# --- Writing ----------------------------------------------------------------------------------------------


def standing_taxonomy() -> Taxonomy:
    """Give the taxonomy as the installation has it, retired terms too, with its shared words; four queries."""
    terms = list(NeedTerm.objects.select_related("parent", "successor").order_by("position", "name", "pk"))
    names: dict[Any, dict[str, str]] = {term.pk: {SOURCE_LANGUAGE: term.name} for term in terms}
    for row in Translation.objects.filter(object_type=object_type(NeedTerm()), field="name").order_by("language"):
        if row.object_id in names:
            names[row.object_id][row.language] = row.text
    said: dict[Any, dict[str, list[str]]] = {}
    shared = NeedSynonym.objects.filter(lab__isnull=True).exclude(state=NeedSynonym.State.WITHDRAWN)
    for synonym in shared.order_by("language", "text", "pk"):
        said.setdefault(synonym.term_id, {}).setdefault(synonym.language, []).append(synonym.text)
    # Each parent right before its children, as an import places them.
    terms.sort(key=_place)
    records = [
        TermRecord(
            code=term.code,
            parent=term.parent.code if term.parent else "",
            names=names[term.pk],
            icon=term.icon,
            listed=term.is_active or term.is_retired,
            retired=term.is_retired,
            successor=term.successor.code if term.successor else "",
            synonyms=said.get(term.pk, {}),
        )
        for term in terms
    ]
    version = TaxonomyVersion.objects.first()
    return Taxonomy(records, {name: getattr(version, name) for name in VERSION_FIELDS} if version else None)


def _place(term: NeedTerm) -> tuple[int, str, bool]:
    top = term.parent or term
    return top.position, top.code, term.parent_id is not None


def write_json(taxonomy: Taxonomy) -> str:
    """Give a taxonomy as the JSON that read_taxonomy takes."""
    content: dict[str, Any] = {"terms": [_plain(term) for term in taxonomy.terms]}
    if taxonomy.version:
        content = {"version": {name: str(value) for name, value in taxonomy.version.items()}, **content}
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def _plain(term: TermRecord) -> dict[str, Any]:
    record: dict[str, Any] = {"code": term.code, "parent": term.parent or None, "icon": term.icon, **term.names}
    record |= {} if term.listed else {"listed": False}
    record |= {"retired": True, "successor": term.successor or None} if term.retired else {}
    return record | {"synonyms": {language: list(words) for language, words in term.synonyms.items()}}


def write_csv(taxonomy: Taxonomy) -> str:
    """Give a taxonomy as the CSV that read_taxonomy takes."""
    used = {language for term in taxonomy.terms for language in (*term.names, *term.synonyms)}
    languages = [language for language in LANGUAGE_NAMES if language in used]
    version = {f"version_{name}": str(value) for name, value in (taxonomy.version or {}).items()}
    columns = [*PLAIN_FIELDS, *languages, *(f"synonyms_{language}" for language in languages), *version]
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, columns, delimiter=";")
    writer.writeheader()
    for term in taxonomy.terms:
        row = {"code": term.code, "parent": term.parent, "icon": term.icon, "successor": term.successor}
        row |= {"listed": "" if term.listed else "no", "retired": "sì" if term.retired else ""}
        row |= dict(term.names) | version
        row |= {f"synonyms_{language}": BETWEEN.join(words) for language, words in term.synonyms.items()}
        writer.writerow(row)
    return "\ufeff" + out.getvalue()
