"""Controls and screening: further copies of shown images under other names; what the page noted beside an answer."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("evaluation", "0012_what_uploads_declare")]

    operations = [
        migrations.AddField("studyimage", "copy", models.PositiveIntegerField(default=0)),
        migrations.RemoveConstraint("studyimage", "study_image_once"),
        migrations.AddConstraint(
            "studyimage",
            models.UniqueConstraint(fields=["study", "sample", "copy"], name="study_image_once"),
        ),
        migrations.AddField("rating", "evidence", models.PositiveIntegerField(null=True, blank=True)),
    ]
