"""Controls and screening: copies of shown images, what the page noted beside an answer, qualification and quotas, pauses,
and each look at results of an open study.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from evaluation.participants import participant_hash

OPENED = """
DROP TRIGGER rater_kept ON evaluation_rater;
DROP TRIGGER invitation_kept ON evaluation_invitation;
"""

INVITATION = """
CREATE TRIGGER invitation_kept BEFORE UPDATE ON evaluation_invitation FOR EACH ROW EXECUTE FUNCTION evaluation_kept(
    '{label, max_raters, expires_at, completion_code, completion_url, partial_code%s}', '{revoked_at}', '{}');
"""

RATER = """
CREATE TRIGGER rater_kept BEFORE UPDATE ON evaluation_rater FOR EACH ROW EXECUTE FUNCTION evaluation_kept(
    '{session_key_hash, last_seen_at%s}', '{consented_at, instructed_at, finished_at, dropped_at%s}',
    '{participant, session%s}');
"""

CLOSED = (
    INVITATION % ", screen_out_code, screen_out_url"
    + RATER % (", qualification, screened_for", ", qualified_at, screened_at", ", quota")
    + """
CREATE TRIGGER resultlook_kept BEFORE UPDATE ON evaluation_resultlook
    FOR EACH ROW EXECUTE FUNCTION evaluation_kept('{user_id}', '{}', '{}');
CREATE TRIGGER resultlook_stays BEFORE DELETE ON evaluation_resultlook
    FOR EACH ROW EXECUTE FUNCTION evaluation_refused();
CREATE TRIGGER resultlook_never_emptied BEFORE TRUNCATE ON evaluation_resultlook
    FOR EACH STATEMENT EXECUTE FUNCTION evaluation_refused();
"""
)

CLOSED_BACK = """
DROP TRIGGER rater_kept ON evaluation_rater;
DROP TRIGGER invitation_kept ON evaluation_invitation;
DROP TRIGGER resultlook_kept ON evaluation_resultlook;
DROP TRIGGER resultlook_stays ON evaluation_resultlook;
DROP TRIGGER resultlook_never_emptied ON evaluation_resultlook;
"""

STUDY_LOCKED = """
CREATE OR REPLACE FUNCTION evaluation_study_locked() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    free text[] := ARRAY['status', 'closed_at', 'title', 'created_by_id', 'archived_at'%s];
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.status <> 'draft' THEN
            RAISE EXCEPTION 'study %% is %%: only drafts can be deleted', OLD.name, OLD.status
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN OLD;
    END IF;
    IF OLD.status <> 'draft' AND (to_jsonb(NEW) - free) <> (to_jsonb(OLD) - free) THEN
        RAISE EXCEPTION 'study %% is open or closed: its specification is locked', OLD.name
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.status <> OLD.status AND (OLD.status, NEW.status) NOT IN (('draft', 'open'), ('open', 'closed')) THEN
        RAISE EXCEPTION 'study %% is %%: it can''t become %% again', OLD.name, OLD.status, NEW.status
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.closed_at IS DISTINCT FROM OLD.closed_at AND NOT (OLD.status = 'open' AND NEW.status = 'closed') THEN
        RAISE EXCEPTION 'study %%: the moment at which it closed can''t change', OLD.name
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.status = 'closed' AND NEW.closed_at IS NULL THEN
        RAISE EXCEPTION 'study %% can''t close without the moment at which it did', OLD.name
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
"""


def known_participants(apps, schema_editor):
    """The hash of each participant whose id is still there."""
    raters = apps.get_model("evaluation", "Rater").objects.exclude(participant="")
    for rater in raters.only("participant").iterator(chunk_size=2000):
        type(rater).objects.filter(pk=rater.pk).update(participant_hash=participant_hash(rater.participant))


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("evaluation", "0018_what_runs_cost"),
    ]

    operations = [
        migrations.RunSQL(OPENED, INVITATION % "" + RATER % ("", "", "")),
        migrations.AddField("studyimage", "copy", models.PositiveIntegerField(default=0)),
        migrations.RemoveConstraint("studyimage", "study_image_once"),
        migrations.AddConstraint(
            "studyimage",
            models.UniqueConstraint(fields=["study", "sample", "copy"], name="study_image_once"),
        ),
        migrations.AddField("rating", "evidence", models.PositiveIntegerField(null=True, blank=True)),
        migrations.AddField("study", "paused_at", models.DateTimeField(null=True, blank=True)),
        migrations.AddField("invitation", "screen_out_code", models.CharField(max_length=100, blank=True)),
        migrations.AddField("invitation", "screen_out_url", models.URLField(max_length=500, blank=True)),
        migrations.AddField(
            "rater", "participant_hash", models.CharField(max_length=64, blank=True, db_index=True)
        ),
        migrations.AddField("rater", "quota", models.CharField(max_length=120, blank=True)),
        migrations.AddField("rater", "qualification", models.JSONField(default=list)),
        migrations.AddField("rater", "qualified_at", models.DateTimeField(null=True, blank=True)),
        migrations.AddField("rater", "screened_at", models.DateTimeField(null=True, blank=True)),
        migrations.AddField("rater", "screened_for", models.CharField(max_length=120, blank=True)),
        migrations.CreateModel(
            "ResultLook",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("what", models.CharField(max_length=120)),
                ("by", models.CharField(max_length=200)),
                ("at", models.DateTimeField(auto_now_add=True)),
                (
                    "study",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="looks", to="evaluation.study"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={"ordering": ["study", "at", "pk"]},
        ),
        migrations.RunPython(known_participants, migrations.RunPython.noop),
        migrations.RunSQL(CLOSED, CLOSED_BACK),
        migrations.RunSQL(STUDY_LOCKED % ", 'paused_at'", STUDY_LOCKED % ""),
    ]
