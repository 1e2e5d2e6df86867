from django.db import migrations


def plan_reindex(apps, schema_editor):
    """The words that people are found by are made in a new way: the worker writes those of everybody again."""
    if apps.get_model("people", "Person").objects.exists():
        apps.get_model("jobs", "DueWork").objects.get_or_create(
            key="people.reindex@sounds", defaults={"kind": "people.reindex"}
        )


class Migration(migrations.Migration):
    dependencies = [("people", "0003_one_person_one_file"), ("jobs", "0001_initial")]

    operations = [migrations.RunPython(plan_reindex, migrations.RunPython.noop)]
