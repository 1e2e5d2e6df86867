"""The words that stood in one column of each need become its synonyms, one row each."""

from typing import Any

from django.db import migrations


def move_words(apps: Any, schema_editor: Any) -> None:
    """Write each Italian word of a need as a synonym that nobody has read again; the import brings the phrases."""
    term_model, synonym_model = (apps.get_model("directory", name) for name in ("NeedTerm", "NeedSynonym"))
    synonym_model.objects.bulk_create(
        synonym_model(term=term, language="it", text=word[:80], normalised=word[:80].lower(), state="draft")
        for term in term_model.objects.exclude(old_synonyms="").order_by("pk")
        for word in dict.fromkeys(term.old_synonyms.lower().split())
        if len(word) > 2
    )


class Migration(migrations.Migration):
    dependencies = [("directory", "0003_taxonomy")]

    operations = [
        migrations.RunPython(move_words, migrations.RunPython.noop),
        migrations.RemoveField(model_name="needterm", name="old_synonyms"),
    ]
