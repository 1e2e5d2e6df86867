"""The database itself says which days' needs changed, whoever changed them: no service can forget to."""

from typing import Any

from django.db import connection

# What a tally counts a need by; a protected person's need is counted in no house.
_NEED = ("lab_id", "opened_at", "term_id", "building_id", "person_id", "contact_id")
_CONTACT = ("language", "channel")
_PERSON = ("is_protected",)

_SQLITE_DAY = "substr({row}.opened_at, 1, 10)"
_POSTGRESQL_DAY = "({row}.opened_at AT TIME ZONE 'UTC')::date"


def _touches(row: str, source: str = "") -> str:
    """Give the statement that notes the day of a need; `source` is where to find the needs of a contact or person."""
    day = (_SQLITE_DAY if connection.vendor == "sqlite" else _POSTGRESQL_DAY).format(row=row)
    return f"INSERT INTO reporting_touchedday (lab_id, day) SELECT {row}.lab_id, {day}{source};"


def _triggers() -> dict[str, tuple[str, str, str]]:
    """Give for each trigger its table, its event, and what it does."""
    of_contact = " FROM desk_need n WHERE n.contact_id = NEW.id"
    of_person = " FROM desk_need n WHERE n.person_id = NEW.id"
    changed = f"UPDATE OF {', '.join(_NEED)}"
    return {
        "need_touched_in": ("desk_need", "INSERT", _touches("NEW")),
        "need_touched_out": ("desk_need", "DELETE", _touches("OLD")),
        "need_touched": ("desk_need", changed, f"{_touches('OLD')} {_touches('NEW')}"),
        "contact_touched": ("desk_contact", f"UPDATE OF {', '.join(_CONTACT)}", _touches("n", of_contact)),
        "person_touched": ("people_person", f"UPDATE OF {', '.join(_PERSON)}", _touches("n", of_person)),
    }


def build_triggers(**kwargs: object) -> None:
    """Make the triggers, if they are not there.

    What changed while one was missing nobody knows: all the months are then counted again.
    """
    with connection.cursor() as cursor:
        if not _tables_are_there():
            return
        missing = [name for name in _triggers() if not _stands(cursor, name)]
        for name in missing:
            for statement in _statements(name, *_triggers()[name]):
                cursor.execute(statement)
        if missing:
            cursor.execute("DELETE FROM reporting_needtally")


def drop_triggers(**kwargs: object) -> None:
    """Take the triggers away before a migration, on SQLite, with all that was counted by them.

    SQLite rewrites a table by renaming another one, and refuses when a trigger of a third table names the old one.
    """
    if connection.vendor != "sqlite" or not _tables_are_there():
        return
    with connection.cursor() as cursor:
        for name in _triggers():
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
        cursor.execute("DELETE FROM reporting_needtally")


def _tables_are_there() -> bool:
    needed = {"reporting_needtally", "reporting_touchedday", "desk_need", "desk_contact", "people_person"}
    return needed <= set(connection.introspection.table_names())


def _stands(cursor: Any, name: str) -> bool:
    where = (
        "pg_trigger WHERE tgname" if connection.vendor != "sqlite" else "sqlite_master WHERE type = 'trigger' AND name"
    )
    cursor.execute(f"SELECT COUNT(*) FROM {where} = %s", [name])  # noqa: S608 (both are written here)
    return bool(cursor.fetchone()[0])


def _statements(name: str, table: str, event: str, action: str) -> list[str]:
    if connection.vendor == "sqlite":
        return [f"CREATE TRIGGER {name} AFTER {event} ON {table} BEGIN {action} END"]
    body = f"BEGIN {action} RETURN NULL; END"
    return [
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $${body}$$",
        f"CREATE TRIGGER {name} AFTER {event} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()",
    ]
