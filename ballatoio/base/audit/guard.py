"""The database itself refuses to change the audit on SQLite (PostgreSQL: migration 0002)."""

from typing import Any

from django.db import connections

TRIGGERS = {
    f"audit_no_{act.lower()}": f"CREATE TRIGGER IF NOT EXISTS audit_no_{act.lower()} BEFORE {act} ON audit_auditentry "
    "BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END"
    for act in ("UPDATE", "DELETE")
}


def stand_guard(using: str, **_: Any) -> None:
    """Put the triggers in their place, after every migrate: SQLite drops them when it alters the table."""
    if connections[using].vendor != "sqlite":
        return
    with connections[using].cursor() as cursor:
        for statement in TRIGGERS.values():
            cursor.execute(statement)


def lower_guard(using: str) -> None:
    """Take the triggers away, for the test runner that empties its own database between tests."""
    if connections[using].vendor != "sqlite":
        return
    with connections[using].cursor() as cursor:
        for name in TRIGGERS:
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
