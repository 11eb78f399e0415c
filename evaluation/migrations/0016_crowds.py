"""Recruitment sites, what raters say about themselves, and what stays of raters who left."""

import django.db.models.deletion
from django.db import migrations, models

from common import limits

GUARDS = """
DROP TRIGGER invitation_kept ON evaluation_invitation;
CREATE TRIGGER invitation_kept BEFORE UPDATE ON evaluation_invitation FOR EACH ROW EXECUTE FUNCTION evaluation_kept(
    '{label, max_raters, expires_at, completion_code, completion_url, partial_code}', '{revoked_at}', '{}');

CREATE TRIGGER departure_kept BEFORE UPDATE ON evaluation_departure
    FOR EACH ROW EXECUTE FUNCTION evaluation_kept('{}', '{}', '{}');
CREATE TRIGGER departure_stays BEFORE DELETE ON evaluation_departure
    FOR EACH ROW EXECUTE FUNCTION evaluation_refused();
CREATE TRIGGER departure_never_emptied BEFORE TRUNCATE ON evaluation_departure
    FOR EACH STATEMENT EXECUTE FUNCTION evaluation_refused();

CREATE OR REPLACE FUNCTION evaluation_rating_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF OLD.retracted_at IS NULL AND NEW.retracted_at IS NOT NULL
           AND to_jsonb(NEW) - 'retracted_at' = to_jsonb(OLD) - 'retracted_at' THEN
            RETURN NEW;
        END IF;
        -- of somebody whose data was deleted, what was written goes too
        IF OLD.retracted_at IS NOT NULL AND OLD.value IS NOT NULL AND NEW.value = '""'::jsonb
           AND to_jsonb(NEW) - 'value' = to_jsonb(OLD) - 'value'
           AND EXISTS (SELECT FROM evaluation_departure WHERE rater_id = OLD.rater_id AND reason = 'erased') THEN
            RETURN NEW;
        END IF;
        RAISE EXCEPTION 'ratings are append-only: rating % may only be retracted, once', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RAISE EXCEPTION 'ratings are append-only: rating % can''t be deleted', OLD.id
        USING ERRCODE = 'restrict_violation';
END $$;
"""

BACK = """
CREATE OR REPLACE FUNCTION evaluation_rating_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF OLD.retracted_at IS NULL AND NEW.retracted_at IS NOT NULL
           AND to_jsonb(NEW) - 'retracted_at' = to_jsonb(OLD) - 'retracted_at' THEN
            RETURN NEW;
        END IF;
        RAISE EXCEPTION 'ratings are append-only: rating % may only be retracted, once', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RAISE EXCEPTION 'ratings are append-only: rating % can''t be deleted', OLD.id
        USING ERRCODE = 'restrict_violation';
END $$;
DROP TRIGGER departure_never_emptied ON evaluation_departure;
DROP TRIGGER departure_stays ON evaluation_departure;
DROP TRIGGER departure_kept ON evaluation_departure;
DROP TRIGGER invitation_kept ON evaluation_invitation;
CREATE TRIGGER invitation_kept BEFORE UPDATE ON evaluation_invitation FOR EACH ROW EXECUTE FUNCTION evaluation_kept(
    '{label, max_raters, expires_at, completion_code, completion_url}', '{revoked_at}', '{}');
"""

LEFT_BEFORE = """
INSERT INTO evaluation_departure (rater_id, reason, participant_key, left_at)
SELECT r.id,
       CASE WHEN EXISTS (SELECT FROM evaluation_rating t WHERE t.rater_id = r.id AND t.retracted_at IS NULL)
              OR NOT EXISTS (SELECT FROM evaluation_rating t WHERE t.rater_id = r.id)
            THEN 'idle' ELSE 'withdrew' END,
       '', r.dropped_at
FROM evaluation_rater r WHERE r.dropped_at IS NOT NULL
"""
"""Whoever withdrew has every answer retracted; of whoever left without one it is not known any more."""


class Migration(migrations.Migration):
    dependencies = [("evaluation", "0015_displays")]

    operations = [
        migrations.AddField(
            "invitation", "platform", models.CharField(blank=True, max_length=limits.PLATFORM, default=""), False
        ),
        migrations.AddField(
            "invitation",
            "partial_code",
            models.CharField(blank=True, max_length=limits.COMPLETION_CODE, default=""),
            False,
        ),
        migrations.CreateModel(
            name="RaterAbout",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("answers", models.JSONField(default=dict)),
                ("said_at", models.DateTimeField(auto_now=True)),
                (
                    "rater",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="about", to="evaluation.rater"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Departure",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("withdrew", "withdrew"),
                            ("idle", "away for too long"),
                            ("screened", "screened out"),
                            ("erased", "data deleted on request"),
                        ],
                        max_length=10,
                    ),
                ),
                ("participant_key", models.CharField(blank=True, db_index=True, max_length=64)),
                ("left_at", models.DateTimeField(auto_now_add=True)),
                (
                    "rater",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="departures", to="evaluation.rater"
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            "departure", models.UniqueConstraint(fields=("rater", "reason"), name="departure_once")
        ),
        migrations.RunSQL(GUARDS, BACK),
        migrations.RunSQL(LEFT_BEFORE, migrations.RunSQL.noop),
    ]
