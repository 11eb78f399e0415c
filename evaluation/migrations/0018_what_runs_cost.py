"""What a run may cost and has cost; both may change while a study compares it, since no image does."""

from django.db import migrations, models

KEPT = """
DROP TRIGGER run_kept ON evaluation_generationrun;
CREATE TRIGGER run_kept BEFORE UPDATE ON evaluation_generationrun FOR EACH ROW EXECUTE FUNCTION evaluation_run_kept(
    '{status, message, notes, created_by_id, started_at, finished_at, archived_at%s}');
"""


class Migration(migrations.Migration):
    dependencies = [("evaluation", "0017_archived")]

    operations = [
        migrations.AddField(
            model_name="generationrun",
            name="budget_usd",
            field=models.FloatField(blank=True, help_text="US dollars that it may cost; empty: any", null=True),
        ),
        migrations.AddField(
            model_name="generationrun",
            name="spent_usd",
            field=models.FloatField(default=0.0, help_text="US dollars that it cost so far"),
        ),
        migrations.RunSQL(KEPT % ", budget_usd, spent_usd", KEPT % ""),
    ]
