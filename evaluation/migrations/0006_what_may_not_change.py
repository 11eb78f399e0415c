"""What was used in a study stays as it is, by the database: for whoever writes to it, and by whatever statement.

Three functions do most of it. `evaluation_kept(free, once, emptied)` refuses a change of any column but those in `free`;
those in `once` may be set where they are null, those in `emptied` become an empty text. `evaluation_of_draft` lets rows
come and go with a study that is still a draft. `evaluation_refused` refuses the whole statement.
docs/decisions/ratings-in-the-database.md says what is kept and why.
"""

from django.db import migrations

FUNCTIONS = """
CREATE FUNCTION evaluation_kept() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    was jsonb := to_jsonb(OLD) - TG_ARGV[0]::text[];
    becomes jsonb := to_jsonb(NEW) - TG_ARGV[0]::text[];
    changed text;
BEGIN
    IF was = becomes THEN
        RETURN NEW;
    END IF;
    SELECT string_agg(key, ', ' ORDER BY key) INTO changed FROM jsonb_each(was) AS old(key, value)
    WHERE becomes -> key <> value
      AND NOT (key = ANY (TG_ARGV[1]::text[]) AND value = 'null')
      AND NOT (key = ANY (TG_ARGV[2]::text[]) AND becomes -> key = '""');
    IF changed IS NOT NULL THEN
        RAISE EXCEPTION '% %: what is kept can''t change: %', TG_TABLE_NAME, OLD.id, changed
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION evaluation_refused() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: what studies rest on is kept', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;

CREATE FUNCTION evaluation_of_draft() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    locked record;
BEGIN
    SELECT name, status INTO locked FROM evaluation_study
    WHERE id IN (OLD.study_id, NEW.study_id) AND status <> 'draft' FOR SHARE;
    IF FOUND THEN
        RAISE EXCEPTION '% of % is refused: study % is %', TG_OP, TG_TABLE_NAME, locked.name, locked.status
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
"""

STUDIES = """
CREATE OR REPLACE FUNCTION evaluation_study_locked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.status <> 'draft' THEN
            RAISE EXCEPTION 'study % is %: only drafts can be deleted', OLD.name, OLD.status
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN OLD;
    END IF;
    IF OLD.status <> 'draft' AND (to_jsonb(NEW) - ARRAY['status', 'closed_at', 'title', 'created_by_id'])
        <> (to_jsonb(OLD) - ARRAY['status', 'closed_at', 'title', 'created_by_id']) THEN
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

CREATE TRIGGER study_kept BEFORE DELETE ON evaluation_study
    FOR EACH ROW EXECUTE FUNCTION evaluation_study_locked();

CREATE TRIGGER comparison_of_draft BEFORE INSERT OR DELETE ON evaluation_comparison
    FOR EACH ROW EXECUTE FUNCTION evaluation_of_draft();
CREATE TRIGGER studyrun_of_draft BEFORE INSERT OR UPDATE OR DELETE ON evaluation_studyrun
    FOR EACH ROW EXECUTE FUNCTION evaluation_of_draft();
CREATE TRIGGER studyimage_of_draft BEFORE INSERT OR DELETE ON evaluation_studyimage
    FOR EACH ROW EXECUTE FUNCTION evaluation_of_draft();
CREATE TRIGGER studyimage_kept BEFORE UPDATE ON evaluation_studyimage
    FOR EACH ROW EXECUTE FUNCTION evaluation_kept('{}', '{}', '{}');

CREATE TRIGGER invitation_kept BEFORE UPDATE ON evaluation_invitation FOR EACH ROW EXECUTE FUNCTION evaluation_kept(
    '{label, max_raters, expires_at, completion_code, completion_url}', '{revoked_at}', '{}');
CREATE TRIGGER report_kept BEFORE UPDATE ON evaluation_report
    FOR EACH ROW EXECUTE FUNCTION evaluation_kept('{}', '{}', '{}');
"""

RATERS = """
CREATE FUNCTION evaluation_rater_joins() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    standing text;
BEGIN
    SELECT status INTO standing FROM evaluation_study WHERE id = NEW.study_id;
    IF standing <> 'open' THEN
        RAISE EXCEPTION 'a rater can''t join study %, which is %', NEW.study_id, standing
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER rater_joins BEFORE INSERT ON evaluation_rater
    FOR EACH ROW EXECUTE FUNCTION evaluation_rater_joins();
CREATE TRIGGER rater_kept BEFORE UPDATE ON evaluation_rater FOR EACH ROW EXECUTE FUNCTION evaluation_kept(
    '{session_key_hash, last_seen_at}', '{consented_at, instructed_at, finished_at, dropped_at}',
    '{participant, session}');
CREATE TRIGGER rater_stays BEFORE DELETE ON evaluation_rater
    FOR EACH ROW EXECUTE FUNCTION evaluation_refused();

CREATE FUNCTION evaluation_assignment_given() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    given record;
BEGIN
    SELECT s.id, s.status, c.study_id AS of_comparison INTO given
    FROM evaluation_rater r JOIN evaluation_study s ON s.id = r.study_id, evaluation_comparison c
    WHERE r.id = NEW.rater_id AND c.id = NEW.comparison_id;
    IF given.of_comparison <> given.id OR given.status <> 'open' THEN
        RAISE EXCEPTION 'comparison % can''t be given to rater %: it is another study''s, or the study is not open',
            NEW.comparison_id, NEW.rater_id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER assignment_given BEFORE INSERT ON evaluation_assignment
    FOR EACH ROW EXECUTE FUNCTION evaluation_assignment_given();
DROP TRIGGER assignment_locked ON evaluation_assignment;
CREATE TRIGGER assignment_locked BEFORE UPDATE ON evaluation_assignment FOR EACH ROW WHEN (OLD.skipped_at IS NULL)
    EXECUTE FUNCTION evaluation_kept('{skipped_at, skip_reason}', '{}', '{}');
CREATE TRIGGER assignment_skipped BEFORE UPDATE ON evaluation_assignment FOR EACH ROW WHEN (OLD.skipped_at IS NOT NULL)
    EXECUTE FUNCTION evaluation_kept('{}', '{}', '{}');
CREATE TRIGGER assignment_stays BEFORE DELETE ON evaluation_assignment
    FOR EACH ROW EXECUTE FUNCTION evaluation_refused();

CREATE FUNCTION evaluation_rating_asked() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    asked record;
BEGIN
    SELECT s.status, r.dropped_at, a.skipped_at,
           s.specification #> '{protocol,questions}' @> jsonb_build_array(jsonb_build_object('id', NEW.question)) AS known
    INTO asked
    FROM evaluation_assignment a JOIN evaluation_rater r ON r.id = a.rater_id JOIN evaluation_study s ON s.id = r.study_id
    WHERE a.id = NEW.assignment_id;
    IF NOT FOUND THEN
        RETURN NEW;  -- the foreign key refuses it
    END IF;
    IF asked.known IS NOT TRUE THEN
        RAISE EXCEPTION 'the study does not ask the question "%"', NEW.question USING ERRCODE = 'restrict_violation';
    END IF;
    IF asked.status <> 'open' OR asked.dropped_at IS NOT NULL OR asked.skipped_at IS NOT NULL THEN
        RAISE EXCEPTION 'assignment % takes no rating: its study is %, its rater dropped at %, it was skipped at %',
            NEW.assignment_id, asked.status, asked.dropped_at, asked.skipped_at USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER rating_asked BEFORE INSERT ON evaluation_rating
    FOR EACH ROW EXECUTE FUNCTION evaluation_rating_asked();
"""

IMAGES = """
CREATE FUNCTION evaluation_prompt_of_suite() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER prompt_of_suite BEFORE INSERT OR DELETE ON evaluation_prompt
    FOR EACH ROW EXECUTE FUNCTION evaluation_prompt_of_suite();
CREATE TRIGGER prompt_kept BEFORE UPDATE ON evaluation_prompt
    FOR EACH ROW EXECUTE FUNCTION evaluation_kept('{}', '{}', '{}');

CREATE TRIGGER suite_kept BEFORE UPDATE ON evaluation_suite
    FOR EACH ROW WHEN (OLD.frozen_at IS NOT NULL) EXECUTE FUNCTION evaluation_kept('{title, licence}', '{}', '{}');
CREATE TRIGGER suite_stays BEFORE DELETE ON evaluation_suite
    FOR EACH ROW WHEN (OLD.frozen_at IS NOT NULL) EXECUTE FUNCTION evaluation_refused();

CREATE FUNCTION evaluation_run_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (to_jsonb(NEW) - TG_ARGV[0]::text[]) <> (to_jsonb(OLD) - TG_ARGV[0]::text[]) AND EXISTS (
        SELECT FROM evaluation_studyrun r JOIN evaluation_study s ON s.id = r.study_id
        WHERE r.run_id = OLD.id AND s.status <> 'draft'
    ) THEN
        RAISE EXCEPTION 'run % is compared in a study: what made its images can''t change', OLD.name
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER run_kept BEFORE UPDATE ON evaluation_generationrun FOR EACH ROW EXECUTE FUNCTION evaluation_run_kept(
    '{status, message, notes, created_by_id, started_at, finished_at}');

CREATE FUNCTION evaluation_sample_shown() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW IS DISTINCT FROM OLD AND EXISTS (SELECT FROM evaluation_studyimage WHERE sample_id = OLD.id) THEN
        RAISE EXCEPTION 'sample % is shown in a study: it can''t change', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER sample_kept BEFORE UPDATE ON evaluation_sample
    FOR EACH ROW EXECUTE FUNCTION evaluation_sample_shown();

CREATE TRIGGER storedimage_kept BEFORE UPDATE ON evaluation_storedimage
    FOR EACH ROW EXECUTE FUNCTION evaluation_kept('{}', '{}', '{}');
"""

WHOLE = ["assignment", "comparison", "generationrun", "invitation", "prompt", "rater", "rating", "report", "sample", "storedimage", "study", "studyimage", "studyrun", "suite"]
"""Tables that nobody empties."""

TRUNCATES = "".join(
    f"CREATE TRIGGER {table}_never_emptied BEFORE TRUNCATE ON evaluation_{table} "
    "FOR EACH STATEMENT EXECUTE FUNCTION evaluation_refused();\n"
    for table in WHOLE
)

BACK = "".join(f"DROP TRIGGER {table}_never_emptied ON evaluation_{table};\n" for table in WHOLE) + """
DROP TRIGGER storedimage_kept ON evaluation_storedimage;
DROP TRIGGER sample_kept ON evaluation_sample;
DROP FUNCTION evaluation_sample_shown();
DROP TRIGGER run_kept ON evaluation_generationrun;
DROP FUNCTION evaluation_run_kept();
DROP TRIGGER suite_stays ON evaluation_suite;
DROP TRIGGER suite_kept ON evaluation_suite;
DROP TRIGGER prompt_kept ON evaluation_prompt;
DROP TRIGGER prompt_of_suite ON evaluation_prompt;
DROP FUNCTION evaluation_prompt_of_suite();
DROP TRIGGER rating_asked ON evaluation_rating;
DROP FUNCTION evaluation_rating_asked();
DROP TRIGGER assignment_stays ON evaluation_assignment;
DROP TRIGGER assignment_skipped ON evaluation_assignment;
DROP TRIGGER assignment_locked ON evaluation_assignment;
DROP TRIGGER assignment_given ON evaluation_assignment;
DROP FUNCTION evaluation_assignment_given();
CREATE TRIGGER assignment_locked BEFORE UPDATE ON evaluation_assignment
    FOR EACH ROW WHEN (
        (to_jsonb(NEW) - ARRAY['skipped_at', 'skip_reason'])
        <> (to_jsonb(OLD) - ARRAY['skipped_at', 'skip_reason'])
    )
    EXECUTE FUNCTION evaluation_design_locked();
DROP TRIGGER rater_stays ON evaluation_rater;
DROP TRIGGER rater_kept ON evaluation_rater;
DROP TRIGGER rater_joins ON evaluation_rater;
DROP FUNCTION evaluation_rater_joins();
DROP TRIGGER report_kept ON evaluation_report;
DROP TRIGGER invitation_kept ON evaluation_invitation;
DROP TRIGGER studyimage_kept ON evaluation_studyimage;
DROP TRIGGER studyimage_of_draft ON evaluation_studyimage;
DROP TRIGGER studyrun_of_draft ON evaluation_studyrun;
DROP TRIGGER comparison_of_draft ON evaluation_comparison;
DROP TRIGGER study_kept ON evaluation_study;
CREATE OR REPLACE FUNCTION evaluation_study_locked() RETURNS trigger LANGUAGE plpgsql AS $$
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
DROP FUNCTION evaluation_of_draft();
DROP FUNCTION evaluation_refused();
DROP FUNCTION evaluation_kept();
"""


class Migration(migrations.Migration):
    dependencies = [("evaluation", "0005_upload_status_words")]

    operations = [migrations.RunSQL(FUNCTIONS + STUDIES + RATERS + IMAGES + TRUNCATES, BACK)]
