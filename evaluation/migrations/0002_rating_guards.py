"""What keeps ratings single, owned and unchanged, in the database itself."""

from django.db import migrations

GUARDS = """
ALTER TABLE evaluation_rating
    ADD CONSTRAINT rating_belongs_to_rater FOREIGN KEY (assignment_id, rater_id)
    REFERENCES evaluation_assignment (id, rater_id) DEFERRABLE INITIALLY IMMEDIATE;

CREATE FUNCTION evaluation_rating_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
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

CREATE TRIGGER rating_append_only BEFORE UPDATE OR DELETE ON evaluation_rating
    FOR EACH ROW EXECUTE FUNCTION evaluation_rating_append_only();
"""

NO_GUARDS = """
DROP TRIGGER rating_append_only ON evaluation_rating;
DROP FUNCTION evaluation_rating_append_only();
ALTER TABLE evaluation_rating DROP CONSTRAINT rating_belongs_to_rater;
"""


class Migration(migrations.Migration):
    dependencies = [("evaluation", "0001_initial")]

    operations = [migrations.RunSQL(GUARDS, NO_GUARDS)]
