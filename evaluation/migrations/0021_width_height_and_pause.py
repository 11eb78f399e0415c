"""A run's size is a width and a height: the squares of before have both sides alike. A run can be paused."""

import django.utils.timezone
from django.db import migrations, models
from django.db.models import Q

STATUS = [
    ("queued", "Queued"),
    ("running", "Running"),
    ("paused", "Paused"),
    ("done", "Done"),
    ("cancelled", "Cancelled"),
    ("failed", "Failed"),
]

# No UPDATE: what may not change of a run that a study compares is held by a trigger, and no image changes here.
BOTH_SIDES = "ALTER TABLE evaluation_generationrun ALTER COLUMN height TYPE integer USING width"


class Migration(migrations.Migration):
    dependencies = [("evaluation", "0020_kind_to_raters")]

    operations = [
        migrations.RenameField("generationrun", "size", "width"),
        migrations.AlterField(
            model_name="generationrun",
            name="width",
            field=models.PositiveIntegerField(
                blank=True, help_text="Pixels; empty: images have their own sizes", null=True
            ),
        ),
        migrations.AddField(
            model_name="generationrun",
            name="height",
            field=models.PositiveIntegerField(
                blank=True, help_text="Pixels; empty: images have their own sizes", null=True
            ),
        ),
        migrations.RunSQL(BOTH_SIDES, migrations.RunSQL.noop),
        migrations.AddConstraint(
            model_name="generationrun",
            constraint=models.CheckConstraint(
                condition=Q(width__isnull=True, height__isnull=True) | Q(width__gte=1, height__gte=1),
                name="run_has_both_sides_or_none",
            ),
        ),
        migrations.AlterField(
            model_name="sample",
            name="created_at",
            field=models.DateTimeField(
                default=django.utils.timezone.now, editable=False, help_text="When it was drawn or stored"
            ),
        ),
        migrations.AlterField(
            model_name="generationrun",
            name="status",
            field=models.CharField(choices=STATUS, default="queued", max_length=10),
        ),
        migrations.AlterField(
            model_name="metricrun",
            name="status",
            field=models.CharField(choices=STATUS, default="queued", max_length=10),
        ),
        migrations.RemoveConstraint("metricrun", "metric_run_status_known"),
        migrations.AddConstraint(
            model_name="metricrun",
            constraint=models.CheckConstraint(
                condition=Q(status__in=[name for name, _ in STATUS]), name="metric_run_status_known"
            ),
        ),
    ]
