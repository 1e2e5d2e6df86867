"""Contacts found again by the words that may be searched: names, needs, services, places, kinds of answer."""

import uuid
from collections.abc import Iterable

from django.db import connection
from django.db.models import BooleanField
from django.db.models.expressions import RawSQL

from ballatoio.base.core.text import words

_SQLITE = """
CREATE VIRTUAL TABLE IF NOT EXISTS desk_contact_words USING fts5(
    search_words, content='desk_contact', content_rowid='rowid',
    tokenize='unicode61 remove_diacritics 2', prefix='2 3'
);
CREATE TRIGGER IF NOT EXISTS desk_contact_words_insert AFTER INSERT ON desk_contact BEGIN
    INSERT INTO desk_contact_words (rowid, search_words) VALUES (new.rowid, new.search_words);
END;
CREATE TRIGGER IF NOT EXISTS desk_contact_words_delete AFTER DELETE ON desk_contact BEGIN
    INSERT INTO desk_contact_words (desk_contact_words, rowid, search_words)
        VALUES ('delete', old.rowid, old.search_words);
END;
CREATE TRIGGER IF NOT EXISTS desk_contact_words_update AFTER UPDATE OF search_words ON desk_contact BEGIN
    INSERT INTO desk_contact_words (desk_contact_words, rowid, search_words)
        VALUES ('delete', old.rowid, old.search_words);
    INSERT INTO desk_contact_words (rowid, search_words) VALUES (new.rowid, new.search_words);
END;
"""

_POSTGRESQL = """
ALTER TABLE desk_contact ADD COLUMN IF NOT EXISTS search_vector tsvector
    GENERATED ALWAYS AS (to_tsvector('simple', search_words)) STORED;
CREATE INDEX IF NOT EXISTS desk_contact_words ON desk_contact USING gin (search_vector);
"""

_SQLITE_MATCH = "{}desk_contact.rowid IN (SELECT rowid FROM desk_contact_words WHERE desk_contact_words MATCH %s)"
_SQLITE_COUNT = "SELECT COUNT(*) FROM (SELECT 1 FROM desk_contact_words WHERE desk_contact_words MATCH %s LIMIT %s)"
_POSTGRESQL_MATCH = "desk_contact.search_vector @@ to_tsquery('simple', %s)"


def lab_word(lab_id: uuid.UUID) -> str:
    """Give the word by which a contact's words say of which lab they are, so that the index need not look elsewhere."""
    return f"lab{lab_id.hex}"


def search_words(lab_id: uuid.UUID, texts: Iterable[str]) -> str:
    """Give what is indexed of a contact: the normalised words of `texts`, each once, and the word of its lab."""
    return " ".join([lab_word(lab_id), *dict.fromkeys(word for text in texts for word in words(text))])


def matches(lab_ids: Iterable[uuid.UUID], text: str, *, many: bool = False) -> RawSQL | None:
    """Give the condition "this contact has every word of `text`, each by its beginning"; None when there is no word.

    On SQLite `many` keeps the planner from starting at the words (a term with a unary + is no term of an index,
    https://www.sqlite.org/optoverview.html, ch. 3): the contacts are the same, found in another order.
    """
    wanted = words(text)
    labs = [lab_word(lab_id) for lab_id in lab_ids]
    if not wanted or not labs:
        return None
    if connection.vendor == "sqlite":
        match = _SQLITE_MATCH.format("+" if many else "")
        return RawSQL(match, [_sqlite_query(labs, wanted)], output_field=BooleanField())  # noqa: S611 (bound parameters)
    query = f"({' | '.join(labs)}) & " + " & ".join(f"'{word}':*" for word in wanted)
    return RawSQL(_POSTGRESQL_MATCH, [query], output_field=BooleanField())  # noqa: S611 (bound parameters)


def _sqlite_query(labs: list[str], wanted: list[str]) -> str:
    return f"({' OR '.join(labs)}) AND " + " AND ".join(f'"{word}"*' for word in wanted)


def count_matches(lab_id: uuid.UUID, text: str, most: int) -> int | None:
    """Give how many contacts of a lab have the words of `text`, no further than `most`, by the index of words alone.

    None where that is not the shorter way (PostgreSQL reads the contacts as well), or when there is no word.
    """
    wanted = words(text)
    if connection.vendor != "sqlite" or not wanted:
        return None
    with connection.cursor() as cursor:
        cursor.execute(_SQLITE_COUNT, [_sqlite_query([lab_word(lab_id)], wanted), most])
        return int(cursor.fetchone()[0])


def build_index(**kwargs: object) -> None:
    """Make the index and what keeps it true, if they are not there (after every migration: SQLite drops triggers)."""
    with connection.cursor() as cursor:
        if connection.vendor != "sqlite":
            cursor.execute(_POSTGRESQL)
            return
        cursor.execute("SELECT COUNT(*) FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'desk_contact_words_%'")
        stood = cursor.fetchone()[0] == 3
        for statement in _SQLITE.strip().split(";\nCREATE"):
            cursor.execute(statement if statement.startswith("CREATE") else f"CREATE{statement}")
        if not stood:
            cursor.execute("INSERT INTO desk_contact_words (desk_contact_words) VALUES ('rebuild')")
