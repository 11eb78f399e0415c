"""Studies under any protocol: comparisons of one set or many, answers of every kind, places as rows.

What is there is brought into the new form: a comparison's two runs become its members, sides become orders, and the
questions that a study locked become rows against which the database holds each answer.
"""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

from evaluation.design import PanelShape, derived_seed, plan_panel

OPENED = """
ALTER TABLE evaluation_comparison DISABLE TRIGGER USER;
ALTER TABLE evaluation_assignment DISABLE TRIGGER USER;
ALTER TABLE evaluation_rater DISABLE TRIGGER USER;
DROP TRIGGER rating_asked ON evaluation_rating;
DROP FUNCTION evaluation_rating_asked();
DROP TRIGGER assignment_given ON evaluation_assignment;
DROP FUNCTION evaluation_assignment_given();
"""

OPENED_BACK = """
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
"""Both as they were. An empty database goes back; rows of the new form have no place in the former one."""

BROUGHT = """
UPDATE evaluation_comparison c SET
    members = ARRAY[c.run_a_id, c.run_b_id],
    sets = jsonb_build_array(c.set_a, c.set_b),
    questions = ARRAY(SELECT q ->> 'id' FROM jsonb_array_elements(s.specification #> '{protocol,questions}') q),
    control = CASE WHEN c.control_answer = '' THEN '' ELSE 'known' END,
    expected = CASE WHEN c.control_answer = '' THEN '{}'::jsonb ELSE (
        SELECT jsonb_object_agg(q ->> 'id', c.control_answer)
        FROM jsonb_array_elements(s.specification #> '{protocol,questions}') q
    ) END
FROM evaluation_study s WHERE s.id = c.study_id;

UPDATE evaluation_assignment SET shown_order = CASE WHEN a_shown_left THEN '{0,1}' ELSE '{1,0}' END::smallint[];

UPDATE evaluation_rater r SET trials = (SELECT count(*) FROM evaluation_assignment a WHERE a.rater_id = r.id);

INSERT INTO evaluation_studyquestion (study_id, number, question, kind, options)
SELECT s.id, q.place - 1, q.asked ->> 'id', 'choice',
       jsonb_build_object('answers', coalesce(q.asked -> 'answers', s.specification #> '{protocol,answers}'))
FROM evaluation_study s, jsonb_array_elements(s.specification #> '{protocol,questions}')
     WITH ORDINALITY AS q (asked, place)
WHERE s.status <> 'draft';

SET CONSTRAINTS ALL IMMEDIATE;
"""

CLOSED = """
SET CONSTRAINTS ALL IMMEDIATE;
ALTER TABLE evaluation_comparison ENABLE TRIGGER USER;
ALTER TABLE evaluation_assignment ENABLE TRIGGER USER;
ALTER TABLE evaluation_rater ENABLE TRIGGER USER;

CREATE TRIGGER studyquestion_of_draft BEFORE INSERT OR UPDATE OR DELETE ON evaluation_studyquestion
    FOR EACH ROW EXECUTE FUNCTION evaluation_of_draft();
CREATE TRIGGER studyquestion_never_emptied BEFORE TRUNCATE ON evaluation_studyquestion
    FOR EACH STATEMENT EXECUTE FUNCTION evaluation_refused();
CREATE TRIGGER place_of_draft BEFORE INSERT OR UPDATE OR DELETE ON evaluation_place
    FOR EACH ROW EXECUTE FUNCTION evaluation_of_draft();
CREATE TRIGGER place_never_emptied BEFORE TRUNCATE ON evaluation_place
    FOR EACH STATEMENT EXECUTE FUNCTION evaluation_refused();

CREATE FUNCTION evaluation_comparison_whole() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF jsonb_typeof(NEW.sets) <> 'array' OR jsonb_array_length(NEW.sets) <> cardinality(NEW.members) THEN
        RAISE EXCEPTION 'a comparison of study % has % members, and other sets', NEW.study_id, cardinality(NEW.members)
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF EXISTS (
        SELECT FROM unnest(NEW.members) AS each (member)
        WHERE NOT EXISTS (SELECT FROM evaluation_studyrun r WHERE r.id = each.member AND r.study_id = NEW.study_id)
    ) THEN
        RAISE EXCEPTION 'a comparison of study % shows a run of another', NEW.study_id
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF EXISTS (
        SELECT FROM unnest(NEW.questions) AS each (question)
        WHERE NOT EXISTS (
            SELECT FROM evaluation_studyquestion q
            WHERE q.study_id = NEW.study_id AND q.question = split_part(each.question, ':', 1)
        )
    ) THEN
        RAISE EXCEPTION 'a comparison of study % asks what its protocol does not', NEW.study_id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER comparison_whole BEFORE INSERT ON evaluation_comparison
    FOR EACH ROW EXECUTE FUNCTION evaluation_comparison_whole();

CREATE FUNCTION evaluation_assignment_given() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    given record;
BEGIN
    SELECT s.id, s.status, c.study_id AS of_comparison, cardinality(c.members) AS n INTO given
    FROM evaluation_rater r JOIN evaluation_study s ON s.id = r.study_id, evaluation_comparison c
    WHERE r.id = NEW.rater_id AND c.id = NEW.comparison_id;
    IF given.of_comparison <> given.id OR given.status <> 'open' THEN
        RAISE EXCEPTION 'comparison % can''t be given to rater %: it is another study''s, or the study is not open',
            NEW.comparison_id, NEW.rater_id USING ERRCODE = 'restrict_violation';
    END IF;
    IF cardinality(NEW.shown_order) <> given.n
       OR NOT (NEW.shown_order::int[] @> ARRAY(SELECT generate_series(0, given.n - 1))) THEN
        RAISE EXCEPTION 'comparison % of % sets can''t be shown in the order %', NEW.comparison_id, given.n,
            NEW.shown_order USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER assignment_given BEFORE INSERT ON evaluation_assignment
    FOR EACH ROW EXECUTE FUNCTION evaluation_assignment_given();

-- whether an answer is one that a question of this kind and declaration takes; `shown` sets stood side by side
CREATE FUNCTION evaluation_answer_fits(
    kind text, options jsonb, choice text, value jsonb, shown int, prompt text
) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF kind = 'choice' THEN
        RETURN value IS NULL AND options -> 'answers' @> jsonb_build_array(jsonb_build_object('choice', choice));
    ELSIF kind = 'claim' THEN
        RETURN value IS NULL AND options ? choice;
    ELSIF choice IS NOT NULL THEN
        RETURN false;
    ELSIF kind = 'scale' THEN
        RETURN (value = '"unable"' AND options ? 'unable')
            OR (jsonb_typeof(value) = 'number'
                AND options -> 'steps' @> jsonb_build_array(jsonb_build_object('value', value)));
    ELSIF kind = 'text' THEN
        RETURN jsonb_typeof(value) = 'string'
           AND char_length(value #>> '{}') <= (options ->> 'at_most')::int
           AND (value <> '""' OR NOT coalesce((options ->> 'required')::boolean, false));
    ELSIF jsonb_typeof(value) <> 'array' THEN
        RETURN false;
    ELSIF kind = 'reasons' THEN
        RETURN NOT EXISTS (
            SELECT FROM jsonb_array_elements(value) AS each (tag)
            WHERE NOT options -> 'tags' @> jsonb_build_array(jsonb_build_object('tag', tag)));
    ELSIF kind = 'words' THEN
        RETURN NOT EXISTS (
            SELECT FROM jsonb_array_elements(value) AS each (place)
            WHERE jsonb_typeof(place) <> 'number' OR place #>> '{}' !~ '^[0-9]{1,6}$'
               OR (place #>> '{}')::int >= char_length(prompt));
    ELSIF kind = 'points' THEN
        IF jsonb_typeof(value -> 0) = 'number' THEN
            value := jsonb_build_array(value);
        END IF;
        RETURN jsonb_array_length(value) <= (options ->> 'at_most')::int AND NOT EXISTS (
            SELECT FROM jsonb_array_elements(value) AS each (point)
            WHERE CASE WHEN jsonb_typeof(point) = 'array' THEN jsonb_array_length(point) <> 2 OR EXISTS (
                SELECT FROM jsonb_array_elements(point) AS one (x)
                WHERE CASE WHEN jsonb_typeof(x) = 'number' THEN x::numeric NOT BETWEEN 0 AND 1 ELSE true END
            ) ELSE true END);
    ELSIF kind = 'ranking' THEN
        RETURN NOT EXISTS (
                SELECT FROM jsonb_array_elements(value) AS each (places)
                WHERE CASE WHEN jsonb_typeof(places) = 'array' THEN jsonb_array_length(places) = 0 ELSE true END)
           AND (SELECT jsonb_agg(place ORDER BY place)
                FROM jsonb_array_elements(value) AS each (places), jsonb_array_elements(
                    CASE WHEN jsonb_typeof(places) = 'array' THEN places ELSE '[]' END) AS one (place))
               = (SELECT jsonb_agg(n ORDER BY n) FROM generate_series(0, shown - 1) AS n)
           AND CASE WHEN options ->> 'order' = 'best-worst' THEN
                   jsonb_array_length(value) = 3 AND jsonb_array_length(value -> 0) = 1
                   AND jsonb_array_length(value -> 2) = 1
               ELSE coalesce((options ->> 'ties')::boolean, false) OR jsonb_array_length(value) = shown END;
    END IF;
    RETURN false;
END $$;

CREATE FUNCTION evaluation_rating_asked() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    asked record;
BEGIN
    SELECT s.status, r.dropped_at, a.skipped_at, NEW.question = ANY (c.questions) AS known, q.kind,
           evaluation_answer_fits(
               q.kind, q.options, NEW.shown_choice, NEW.value, cardinality(c.members), p.text) AS fits
    INTO asked
    FROM evaluation_assignment a
    JOIN evaluation_rater r ON r.id = a.rater_id
    JOIN evaluation_study s ON s.id = r.study_id
    JOIN evaluation_comparison c ON c.id = a.comparison_id
    JOIN evaluation_prompt p ON p.id = c.prompt_id
    LEFT JOIN evaluation_studyquestion q ON q.study_id = s.id AND q.question = split_part(NEW.question, ':', 1)
    WHERE a.id = NEW.assignment_id;
    IF NOT FOUND THEN
        RETURN NEW;  -- the foreign key refuses it
    END IF;
    IF asked.known IS NOT TRUE THEN
        RAISE EXCEPTION 'the study does not ask the question "%"', NEW.question USING ERRCODE = 'restrict_violation';
    END IF;
    IF asked.fits IS NOT TRUE THEN
        RAISE EXCEPTION 'the question "%" of kind % does not take the answer %', NEW.question, asked.kind,
            coalesce(NEW.shown_choice, NEW.value::text) USING ERRCODE = 'restrict_violation';
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


CLOSED_BACK = """
DROP TRIGGER rating_asked ON evaluation_rating;
DROP FUNCTION evaluation_rating_asked();
DROP FUNCTION evaluation_answer_fits(text, jsonb, text, jsonb, int, text);
DROP TRIGGER assignment_given ON evaluation_assignment;
DROP FUNCTION evaluation_assignment_given();
DROP TRIGGER comparison_whole ON evaluation_comparison;
DROP FUNCTION evaluation_comparison_whole();
"""


def make_places(apps, schema_editor):
    """The places of open studies, drawn as they always were: every pair of runs, sides and orders from the seed."""
    study_model, place = apps.get_model("evaluation", "Study"), apps.get_model("evaluation", "Place")
    comparison, study_run = apps.get_model("evaluation", "Comparison"), apps.get_model("evaluation", "StudyRun")
    for study in study_model.objects.filter(status="open"):
        orders = dict(study_run.objects.filter(study=study).values_list("pk", "order"))
        by_category = study.specification["protocol"]["panels"] == "category"
        panels = {}
        for pk, category, members, number in comparison.objects.filter(study=study).values_list(
            "pk", "category", "members", "prompt__number"
        ):
            key = tuple(orders[each] for each in members), number
            panels.setdefault(category if by_category else "", []).append((key, pk))
        for declared in study.specification["panels"]:
            panel = declared["panel"]
            rows = sorted(panels.get(panel, []))
            shape = PanelShape(
                n_prompts=len({key[1] for key, _ in rows}), n_generators=len(orders), raters=declared["raters"]
            )
            plan = plan_panel(shape, seed=study.design_seed, panel=panel)
            pairs = [trial.generators for trial in plan.trials]
            place.objects.bulk_create(
                place(
                    study=study,
                    panel=panel,
                    slot=slot,
                    showings=[
                        [rows[each.trial][1], [pairs[each.trial].index(one) for one in each.order], 0]
                        for each in session
                    ],
                    seed=derived_seed(study.design_seed, "panel", panel),
                )
                for slot, session in enumerate(plan.sessions)
            )


class Migration(migrations.Migration):
    dependencies = [("evaluation", "0008_incoming_files")]

    operations = [
        migrations.CreateModel(
            name="Place",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("panel", models.CharField(blank=True, max_length=200)),
                ("slot", models.PositiveIntegerField()),
                ("showings", models.JSONField()),
                ("seed", models.BigIntegerField()),
                (
                    "study",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="places", to="evaluation.study"
                    ),
                ),
            ],
            options={
                "ordering": ["study", "panel", "slot"],
                "constraints": [models.UniqueConstraint(fields=("study", "panel", "slot"), name="place_once")],
            },
        ),
        migrations.CreateModel(
            name="StudyQuestion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveSmallIntegerField()),
                ("question", models.CharField(max_length=60)),
                ("kind", models.CharField(max_length=20)),
                ("options", models.JSONField(default=dict)),
                (
                    "study",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="questions", to="evaluation.study"
                    ),
                ),
            ],
            options={
                "ordering": ["study", "number"],
                "constraints": [models.UniqueConstraint(fields=("study", "question"), name="study_question_once")],
            },
        ),
        migrations.RunSQL(OPENED, OPENED_BACK),
        migrations.AddField("studyrun", "is_reference", models.BooleanField(default=False)),
        migrations.AddConstraint(
            "studyrun",
            models.UniqueConstraint(condition=Q(is_reference=True), fields=("study",), name="study_reference_once"),
        ),
        migrations.AddField(
            "comparison",
            "members",
            django.contrib.postgres.fields.ArrayField(models.BigIntegerField(), default=list, size=None),
            preserve_default=False,
        ),
        migrations.AddField("comparison", "sets", models.JSONField(default=list), preserve_default=False),
        migrations.AddField(
            "comparison",
            "questions",
            django.contrib.postgres.fields.ArrayField(models.CharField(max_length=60), default=list, size=None),
            preserve_default=False,
        ),
        migrations.AddField("comparison", "claims", models.JSONField(default=list)),
        migrations.AddField("comparison", "guide", models.CharField(blank=True, default="", max_length=32), False),
        migrations.AddField("comparison", "control", models.CharField(blank=True, default="", max_length=12), False),
        migrations.AddField("comparison", "expected", models.JSONField(default=dict)),
        migrations.AddField("rater", "trials", models.PositiveIntegerField(default=0)),
        migrations.AddField("rater", "language", models.CharField(blank=True, default="", max_length=35), False),
        migrations.AddField(
            "assignment",
            "shown_order",
            django.contrib.postgres.fields.ArrayField(models.SmallIntegerField(), default=list, size=None),
            preserve_default=False,
        ),
        migrations.AddField("assignment", "repetition", models.PositiveSmallIntegerField(default=0)),
        migrations.RunSQL(BROUGHT, migrations.RunSQL.noop),
        migrations.RemoveConstraint("comparison", "comparison_once"),
        migrations.RemoveConstraint("comparison", "comparison_of_two"),
        migrations.RemoveField("comparison", "run_a"),
        migrations.RemoveField("comparison", "run_b"),
        migrations.RemoveField("comparison", "set_a"),
        migrations.RemoveField("comparison", "set_b"),
        migrations.RemoveField("comparison", "control_answer"),
        migrations.AddConstraint(
            "comparison",
            models.UniqueConstraint(
                condition=Q(control=""), fields=("study", "prompt", "members"), name="comparison_once"
            ),
        ),
        migrations.AddConstraint(
            "comparison",
            models.CheckConstraint(condition=Q(members__len__gte=1, questions__len__gte=1), name="comparison_of_some"),
        ),
        migrations.RemoveField("assignment", "a_shown_left"),
        migrations.RemoveConstraint("assignment", "assignment_once"),
        migrations.AddConstraint(
            "assignment",
            models.UniqueConstraint(fields=("rater", "comparison", "repetition"), name="assignment_once"),
        ),
        migrations.RemoveConstraint("rating", "rating_choice_known"),
        migrations.AlterField("rating", "question", models.CharField(max_length=60)),
        migrations.AlterField("rating", "shown_choice", models.CharField(blank=True, max_length=60, null=True)),
        migrations.AddField("rating", "value", models.JSONField(blank=True, null=True)),
        migrations.AddConstraint(
            "rating",
            models.CheckConstraint(
                condition=Q(shown_choice__isnull=True) ^ Q(value__isnull=True), name="rating_one_answer"
            ),
        ),
        migrations.RunPython(make_places, migrations.RunPython.noop),
        migrations.RunSQL(CLOSED, CLOSED_BACK),
    ]
