"""On SQLite the database itself refuses two times of one operator that overlap (PostgreSQL: migration 0002)."""

from typing import Any

from django.db import connections

OVERLAPS = (
    "SELECT RAISE(ABORT, 'slot_overlaps') FROM appointments_slot AS other "
    "WHERE other.operator_id = NEW.operator_id AND other.id <> NEW.id AND other.state <> 'withdrawn' "
    "AND other.starts_at < NEW.ends_at AND NEW.starts_at < other.ends_at LIMIT 1"
)
TRIGGERS = {
    "slot_overlap_insert": "BEFORE INSERT",
    "slot_overlap_update": "BEFORE UPDATE OF operator_id, starts_at, ends_at, state",
}


def stand_guard(using: str, **_: Any) -> None:
    """Put the triggers in their place, after every migrate: SQLite drops them when it alters the table."""
    if connections[using].vendor != "sqlite":
        return
    with connections[using].cursor() as cursor:
        for name, when in TRIGGERS.items():
            cursor.execute(
                f"CREATE TRIGGER IF NOT EXISTS {name} {when} ON appointments_slot "
                f"WHEN NEW.state <> 'withdrawn' BEGIN {OVERLAPS}; END"
            )
