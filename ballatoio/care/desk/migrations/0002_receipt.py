from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("desk", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="contact",
            name="answer_by_code",
            field=models.BooleanField(default=False),
        ),
    ]
