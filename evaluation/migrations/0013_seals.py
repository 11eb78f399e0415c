"""Seals: rows come, and of what is sealed only a retraction is told once. Nothing else changes, and nothing goes."""

import django.db.models.deletion
from django.db import migrations, models

TRIGGERS = """
CREATE TRIGGER seal_kept BEFORE UPDATE ON evaluation_seal
    FOR EACH ROW EXECUTE FUNCTION evaluation_kept('{}', '{}', '{}');
CREATE TRIGGER seal_stays BEFORE DELETE ON evaluation_seal
    FOR EACH ROW EXECUTE FUNCTION evaluation_refused();
CREATE TRIGGER seal_never_emptied BEFORE TRUNCATE ON evaluation_seal
    FOR EACH STATEMENT EXECUTE FUNCTION evaluation_refused();
CREATE TRIGGER sealedrating_kept BEFORE UPDATE ON evaluation_sealedrating
    FOR EACH ROW EXECUTE FUNCTION evaluation_kept('{}', '{retracted_in_id}', '{}');
CREATE TRIGGER sealedrating_stays BEFORE DELETE ON evaluation_sealedrating
    FOR EACH ROW EXECUTE FUNCTION evaluation_refused();
CREATE TRIGGER sealedrating_never_emptied BEFORE TRUNCATE ON evaluation_sealedrating
    FOR EACH STATEMENT EXECUTE FUNCTION evaluation_refused();
"""

BACK = """
DROP TRIGGER sealedrating_never_emptied ON evaluation_sealedrating;
DROP TRIGGER sealedrating_stays ON evaluation_sealedrating;
DROP TRIGGER sealedrating_kept ON evaluation_sealedrating;
DROP TRIGGER seal_never_emptied ON evaluation_seal;
DROP TRIGGER seal_stays ON evaluation_seal;
DROP TRIGGER seal_kept ON evaluation_seal;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('evaluation', '0012_what_uploads_declare'),
    ]

    operations = [
        migrations.CreateModel(
            name='Seal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('body', models.JSONField()),
                ('head', models.CharField(max_length=64, unique=True)),
                ('public_key', models.CharField(max_length=64)),
                ('signature', models.CharField(max_length=128)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('study', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='seals', to='evaluation.study')),
            ],
            options={
                'ordering': ['study', 'number'],
            },
        ),
        migrations.CreateModel(
            name='SealedRating',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('salt', models.CharField(max_length=32)),
                ('commitment', models.CharField(max_length=64, unique=True)),
                ('rating', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='sealed', to='evaluation.rating')),
                ('retracted_in', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='retractions', to='evaluation.seal')),
                ('seal', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='ratings', to='evaluation.seal')),
            ],
        ),
        migrations.AddConstraint(
            model_name='seal',
            constraint=models.UniqueConstraint(fields=('study', 'number'), name='seal_number_once'),
        ),
        migrations.RunSQL(TRIGGERS, BACK),
    ]
