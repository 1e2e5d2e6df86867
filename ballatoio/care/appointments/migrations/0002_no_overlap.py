"""PostgreSQL refuses two times of one operator that overlap. SQLite's triggers: see ../guard.py.

btree_gist lets an exclusion constraint compare the operator for equality; since PostgreSQL 13 the owner of the
database may add it («trusted extension»).
"""

from django.db import migrations

STAND = """
CREATE EXTENSION IF NOT EXISTS btree_gist;
ALTER TABLE appointments_slot ADD CONSTRAINT slot_overlaps EXCLUDE USING gist (
  operator_id WITH =, tstzrange(starts_at, ends_at, '[)') WITH &&
) WHERE (state <> 'withdrawn');
"""
FALL = "ALTER TABLE appointments_slot DROP CONSTRAINT slot_overlaps;"


def stand(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(STAND, params=None)


def fall(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(FALL, params=None)


class Migration(migrations.Migration):
    dependencies = [("appointments", "0001_initial")]
    operations = [migrations.RunPython(stand, fall)]
