"""Suites, runs and studies can be archived, at any time; a suite goes once no run is of it, frozen or not."""

from django.conf import settings
from django.db import migrations, models

LOCKED = """
CREATE OR REPLACE FUNCTION evaluation_study_locked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.status <> 'draft' THEN
            RAISE EXCEPTION 'study % is %: only drafts can be deleted', OLD.name, OLD.status
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN OLD;
    END IF;
    IF OLD.status <> 'draft' AND (to_jsonb(NEW) - ARRAY[{free}]) <> (to_jsonb(OLD) - ARRAY[{free}]) THEN
        RAISE EXCEPTION 'study % is open or closed: its specification is locked', OLD.name
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.status <> OLD.status AND (OLD.status, NEW.status) NOT IN (('draft', 'open'), ('open', 'closed')) THEN
        RAISE EXCEPTION 'study % is %: it can''t become % again', OLD.name, OLD.status, NEW.status
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.closed_at IS DISTINCT FROM OLD.closed_at AND NOT (OLD.status = 'open' AND NEW.status = 'closed') THEN
        RAISE EXCEPTION 'study %: the moment at which it closed can''t change', OLD.name
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.status = 'closed' AND NEW.closed_at IS NULL THEN
        RAISE EXCEPTION 'study % can''t close without the moment at which it did', OLD.name
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
"""

KEPT = """
DROP TRIGGER suite_kept ON evaluation_suite;
CREATE TRIGGER suite_kept BEFORE UPDATE ON evaluation_suite
    FOR EACH ROW WHEN (OLD.frozen_at IS NOT NULL) EXECUTE FUNCTION evaluation_kept('{{title, licence{archived}}}', '{{}}', '{{}}');
DROP TRIGGER run_kept ON evaluation_generationrun;
CREATE TRIGGER run_kept BEFORE UPDATE ON evaluation_generationrun FOR EACH ROW EXECUTE FUNCTION evaluation_run_kept(
    '{{status, message, notes, created_by_id, started_at, finished_at{archived}}}');
"""

UNUSED = """
DROP TRIGGER suite_stays ON evaluation_suite;
CREATE FUNCTION evaluation_suite_used() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM evaluation_generationrun WHERE suite_id = OLD.id) THEN
        RAISE EXCEPTION 'suite % can''t go: runs are of it', OLD.name USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN OLD;
END $$;
CREATE TRIGGER suite_stays BEFORE DELETE ON evaluation_suite FOR EACH ROW EXECUTE FUNCTION evaluation_suite_used();

CREATE OR REPLACE FUNCTION evaluation_prompt_of_suite() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    frozen record;
BEGIN
    SELECT id, name INTO frozen FROM evaluation_suite
    WHERE id IN (OLD.suite_id, NEW.suite_id) AND frozen_at IS NOT NULL FOR SHARE;
    IF FOUND AND (TG_OP <> 'DELETE' OR EXISTS (SELECT FROM evaluation_generationrun WHERE suite_id = frozen.id)) THEN
        RAISE EXCEPTION '% of a prompt is refused: suite % is frozen, since a run used it', TG_OP, frozen.name
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
"""

USED = """
DROP TRIGGER suite_stays ON evaluation_suite;
DROP FUNCTION evaluation_suite_used();
CREATE TRIGGER suite_stays BEFORE DELETE ON evaluation_suite
    FOR EACH ROW WHEN (OLD.frozen_at IS NOT NULL) EXECUTE FUNCTION evaluation_refused();
CREATE OR REPLACE FUNCTION evaluation_prompt_of_suite() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    frozen record;
BEGIN
    SELECT name INTO frozen FROM evaluation_suite
    WHERE id IN (OLD.suite_id, NEW.suite_id) AND frozen_at IS NOT NULL FOR SHARE;
    IF FOUND THEN
        RAISE EXCEPTION '% of a prompt is refused: suite % is frozen, since a run used it', TG_OP, frozen.name
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
"""

FREE = "'status', 'closed_at', 'title', 'created_by_id'"

TRIGGERS = LOCKED.replace("{free}", f"{FREE}, 'archived_at'") + KEPT.format(archived=", archived_at") + UNUSED
BACK = LOCKED.replace("{free}", FREE) + KEPT.format(archived="") + USED


class Migration(migrations.Migration):
    dependencies = [("evaluation", "0016_crowds")]

    operations = [
        *(
            migrations.AddField(model, "archived_at", models.DateTimeField(blank=True, null=True))
            for model in ("generationrun", "study", "suite")
        ),
        migrations.AlterField(
            "signinlink",
            "user",
            models.ForeignKey(
                on_delete=models.deletion.CASCADE, related_name="sign_in_links", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.RunSQL(TRIGGERS, BACK),
    ]
