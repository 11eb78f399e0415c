"""What a study declared when it opened stays as it is, by the database."""

from django.db import migrations

LOCK = """
CREATE FUNCTION evaluation_study_locked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status <> 'draft' AND (
        NEW.status = 'draft'
        OR (to_jsonb(NEW) - ARRAY['status', 'closed_at', 'title', 'created_by_id'])
           <> (to_jsonb(OLD) - ARRAY['status', 'closed_at', 'title', 'created_by_id'])
    ) THEN
        RAISE EXCEPTION 'study % is open or closed: its specification is locked', OLD.name
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER study_locked BEFORE UPDATE ON evaluation_study
    FOR EACH ROW EXECUTE FUNCTION evaluation_study_locked();

CREATE FUNCTION evaluation_design_locked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what raters are shown can''t change: % %', TG_TABLE_NAME, OLD.id
        USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER comparison_locked BEFORE UPDATE ON evaluation_comparison
    FOR EACH ROW EXECUTE FUNCTION evaluation_design_locked();

CREATE TRIGGER assignment_locked BEFORE UPDATE ON evaluation_assignment
    FOR EACH ROW WHEN (
        (to_jsonb(NEW) - ARRAY['skipped_at', 'skip_reason'])
        <> (to_jsonb(OLD) - ARRAY['skipped_at', 'skip_reason'])
    )
    EXECUTE FUNCTION evaluation_design_locked();
"""

NO_LOCK = """
DROP TRIGGER assignment_locked ON evaluation_assignment;
DROP TRIGGER comparison_locked ON evaluation_comparison;
DROP FUNCTION evaluation_design_locked();
DROP TRIGGER study_locked ON evaluation_study;
DROP FUNCTION evaluation_study_locked();
"""


class Migration(migrations.Migration):
    dependencies = [("evaluation", "0002_rating_guards")]

    operations = [migrations.RunSQL(LOCK, NO_LOCK)]
