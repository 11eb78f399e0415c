"""What is kind to raters: skips for what they won't see, by generator; blurred images; breaks; honest time left."""

from collections import defaultdict

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from evaluation.errors import InputError
from evaluation.models import (
    Assignment,
    Comparison,
    MetricRun,
    MetricScore,
    Rater,
    Sample,
    Study,
    Uncovering,
)
from evaluation.selectors.pace import pace_of
from evaluation.selectors.skips import study_skips
from evaluation.selectors.trials import next_trials
from evaluation.services.rating.errors import RaterError
from evaluation.services.rating.finish import rater_finish, rater_withdraw
from evaluation.services.rating.skip import rating_skip
from evaluation.services.rating.uncover import images_uncover
from evaluation.services.reporting.make import report_make
from evaluation.services.studies.care import WARNING, Care, Flag, flags_written, read_flags
from evaluation.services.studies.change import draft_of, study_change
from evaluation.services.studies.create import StudyDraft, study_create
from evaluation.services.studies.invitation import invitation_create
from evaluation.services.studies.open import study_close, study_open
from evaluation.services.studies.prepare import prepare
from tests.ratings.test_submit import rate_next
from tests.ratings.test_views import Browser
from tests.studies.world import a_run, a_suite, an_open_study, enrolled, session_of

pytestmark = pytest.mark.django_db

LABELS = ("plain", "guided", "third")


# --- rather not


def test_a_rater_may_refuse_everything_and_still_finish() -> None:
    enrolment = enrolled(an_open_study({"Colors": 6}))
    session = session_of(enrolment)
    for assignment in Assignment.objects.filter(rater=enrolment.rater).values_list("pk", flat=True):
        rating_skip(session=session, assignment=assignment, kind="refused", reason="violent")
        rating_skip(session=session, assignment=assignment, kind="refused", reason="sexual")
    assert set(Assignment.objects.filter(rater=enrolment.rater).values_list("skip_kind", "skip_reason")) == {
        ("refused", "violent")
    }, "again changes nothing"
    assert next_trials(session) == [] and rater_finish(rater=enrolment.rater).finished_at is not None


def test_refusals_do_not_use_up_skips_for_missing_images() -> None:
    enrolment = enrolled(an_open_study({"Colors": 6}))
    session = session_of(enrolment)
    first, second, third = list(Assignment.objects.filter(rater=enrolment.rater).values_list("pk", flat=True))[:3]
    rating_skip(session=session, assignment=first, kind="refused", reason="unsaid")
    rating_skip(session=session, assignment=second, reason="1 of 4 images did not load")
    with pytest.raises(RaterError, match="missing images"):
        rating_skip(session=session, assignment=third, reason="1 of 4 images did not load")


@pytest.mark.parametrize(("kind", "reason", "told"), [("refused", "sexuel", "sexual"), ("refuse", "", "refused")])
def test_an_unknown_kind_or_reason_names_the_nearest(kind: str, reason: str, told: str) -> None:
    browser = Browser(an_open_study())
    answered = browser.post("/r/skip", assignment=next_trials(browser.session)[0].assignment, kind=kind, reason=reason)
    assert answered["status"] == 400 and f'did you mean "{told}"?' in answered["error"]["message"].lower()  # type: ignore[index]
    assert not Assignment.objects.filter(skipped_at__isnull=False).exists()


def test_skips_stand_in_the_report_by_generator_and_reason(admin_client: Client) -> None:
    study = an_open_study({"Colors": 4}, labels=LABELS, raters_per_panel=6)
    enrolment = enrolled(study)
    session = session_of(enrolment)
    before = report_make(study=study)
    assert "skipped" not in before.results
    given = {each.pk: each for each in Assignment.objects.filter(rater=enrolment.rater).select_related("comparison")}
    labels = dict(study.study_runs.values_list("pk", "label"))
    wanted = dict.fromkeys(LABELS, 0)
    reasons = ("sexual", "other", "sexual")
    for reason, (pk, each) in zip(reasons, given.items(), strict=False):
        rating_skip(session=session, assignment=pk, kind="refused", reason=reason)
        for member in each.comparison.members:
            wanted[labels[member]] += 1
    rate_next(session)
    left = enrolled(study)
    rating_skip(
        session=session_of(left), assignment=left.rater.assignments.earliest("pk").pk, kind="refused", reason="hateful"
    )
    rater_withdraw(rater=left.rater)
    report = report_make(study=study)
    assert report.pk != before.pk
    found = report.results["skipped"]
    assert found["reasons"] == ["Sexual content", "Something else"], "in the page's order, without who has left"
    assert {each["generator"]: sum(each["refused"].values()) for each in found["generators"]} == wanted
    assert sum(each["trials"] for each in found["generators"]) == 2 * 4 and sum(wanted.values()) == 2 * 3
    for page in (reverse("researcher:report", args=[report.pk]), reverse("researcher:study", args=[study.name])):
        text = admin_client.get(page).content.decode()
        assert "Trials that were not rated" in text and "Sexual content" in text and "Hate" not in text
    assert report_make(study=study).pk == report.pk, "the same again"


# --- blurred images


def a_draft(**given: object) -> Study:
    suite = a_suite({"Colors": 3})
    return study_create(StudyDraft(name="study", runs=[a_run(suite, "one"), a_run(suite, "two")], **given))  # type: ignore[arg-type]


def flagged_samples(study: Study) -> set[tuple[str, int, int]]:
    rows = Sample.objects.filter(pk__in=prepare(study).covered)
    return set(rows.values_list("run__name", "prompt__number", "sample"))


def test_a_blur_covers_all_images_of_a_comparison_or_none() -> None:
    study = study_open(study=a_draft(flagged=({"prompt_id": "1", "run": "two", "sample": "0"},)))
    for each in Comparison.objects.filter(study=study):
        every = {key for images in each.sets for key in images}
        assert set(each.covered) == (every if each.prompt.number == 1 else set())
    assert study.specification["blind"]["cautions"] == []


def test_a_blur_that_falls_on_some_generators_more_is_a_caution() -> None:
    suite = a_suite({"Colors": 3})
    runs = [a_run(suite, name) for name in LABELS]
    flagged = ({"prompt_id": "1", "run": "third"},)
    study = study_open(study=study_create(StudyDraft(name="study", runs=runs, flagged=flagged)))
    told = "blurred at first more often than others': plain 1 of 6, guided 1 of 6, third 2 of 6"
    assert told in study.specification["blind"]["cautions"][0]


def test_flags_are_of_a_prompt_a_run_or_a_sample() -> None:
    rows = read_flags(b"prompt_id,run,sample\n0,,\n1,two,\n00002,one,1\n", "flags.csv")
    study = a_draft(flagged=rows)
    assert study.specification["care"]["warning"] == WARNING
    assert flagged_samples(study) == {
        *(("one", 0, n) for n in range(2)),
        *(("two", 0, n) for n in range(2)),
        *(("two", 1, n) for n in range(2)),
        ("one", 2, 1),
    }
    study = study_open(study=study)
    assert study.specification["care"]["covered"] == {"one": 3, "two": 4}


@pytest.mark.parametrize("text", ["0\n1, two\n2, one, 1", "prompt_id;run;sample\n0;;\n1;two;\n2;one;1\n"])
def test_a_list_needs_no_heading_and_is_read_back(text: str) -> None:
    rows = read_flags(text.encode(), "The list")
    assert [tuple(row.values()) for row in rows] == [("0", "", ""), ("1", "two", ""), ("2", "one", "1")]
    assert read_flags(flags_written(rows).encode(), "again") == rows
    assert read_flags(b" \n", "nothing") == ()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"flagged": ({"prompt_id": "7"},)}, 'no prompt "7"'),
        ({"flagged": ({"prompt_id": "red"},)}, 'no prompt "red"'),
        ({"flagged": ({"prompt_id": "1", "run": "tow"},)}, 'did you mean "two"'),
        ({"flagged": ({"prompt_id": "1", "run": "", "sample": "-1"},)}, "counted from 0"),
        ({"flag_above": 1.5}, "between 0 and 1"),
        ({"flag_above": float("nan")}, "between 0 and 1"),
        ({"flag_above": 0.5}, "one has none. Score it first"),
        ({"break_minutes": 0}, "between 1 and 240"),
        ({"break_trials": 10_001}, "between 1 and 10000"),
    ],
)
def test_what_can_not_be_is_refused(given: dict[str, object], told: str) -> None:
    with pytest.raises(InputError) as error:
        a_draft(**given)
    assert told in str(error.value).replace(",", "").replace("Did", "did") and not Study.objects.exists()


@pytest.mark.parametrize("data", [b"prompt,run\n1,two\n", b"1,two,0,more\n", b"\xff\xfe\x00"])
def test_what_is_no_table_is_refused(data: bytes) -> None:
    with pytest.raises(InputError, match="flags.csv"):
        read_flags(data, "flags.csv")


def test_care_is_kept_by_edits_and_copies() -> None:
    asked = {"flag_above": None, "content_warning": "Blood.", "break_minutes": 10, "break_trials": 40}
    study = a_draft(flagged=({"prompt_id": "1", "run": "two", "sample": "0"},), **asked)
    care = Care((Flag(1, "two", 0),), None, "Blood.", 10, 40)
    assert Care.of(study.specification) == care
    draft = draft_of(study)
    assert Care.of(study_change(study=study, draft=draft).specification) == care
    assert "care" not in an_open_study(name="plain").specification


def scored(run_name: str, scores: dict[tuple[int, int], float | None]) -> None:
    """As a worker leaves it: the safety model's score of each sample of a run, 0.01 where nothing else is said."""
    samples = Sample.objects.filter(run__name=run_name).select_related("prompt")
    done = MetricRun.objects.create(
        run=samples[0].run, metric="open-nsfw", kind="sample", better="lower", status="done", label="Open NSFW"
    )
    for sample in samples:
        value = scores.get((sample.prompt.number, sample.sample), 0.01)
        MetricScore.objects.create(metric_run=done, sample=sample, value=value, why="" if value else "not readable")


def test_the_safety_model_flags_what_it_scores_high_and_what_it_could_not_score() -> None:
    suite = a_suite({"Colors": 3})
    runs = [a_run(suite, "one"), a_run(suite, "two")]
    scored("one", {(0, 1): 0.9, (2, 0): None})
    with pytest.raises(InputError, match="two has none"):
        study_create(StudyDraft(name="study", runs=runs, flag_above=0.2))
    scored("two", {(1, 1): 0.2})
    study = study_create(StudyDraft(name="study", runs=runs, flag_above=0.2))
    assert flagged_samples(study) == {("one", 0, 1), ("one", 2, 0)}
    assert study_open(study=study).specification["care"]["covered"] == {"one": 2}


def test_what_is_covered_comes_with_the_trial_and_what_is_uncovered_is_kept() -> None:
    study = study_open(study=a_draft(flagged=({"prompt_id": "0", "run": "two"},)))
    browser = Browser(study)
    page = browser.get(f"/r/next?rater={browser.rater.key}")
    trials = [each for each in page["trials"] if "covered" in each]  # type: ignore[attr-defined]
    every = Assignment.objects.filter(rater=browser.rater, comparison__prompt__number=0)
    trial = every.get()
    keys = trial.comparison.covered
    assert len(keys) == 4 and all(each["covered"] == keys for each in trials)
    told = [browser.post("/r/uncover", uncovered=[{"assignment": trial.pk, "images": keys}]) for _ in range(2)]
    assert [each["new"] for each in told] == [4, 0] and Uncovering.objects.count() == 4
    other = study.images.exclude(key__in=keys).first()
    assert other is not None
    assert browser.post("/r/uncover", uncovered=[{"assignment": trial.pk, "images": [other.key]}])["status"] == 400
    stranger = Browser(study)
    assert stranger.post("/r/uncover", uncovered=[{"assignment": trial.pk, "images": keys}])["status"] == 403
    for bad in (None, [1], [{"assignment": trial.pk, "images": "x"}], [{"assignment": True, "images": []}]):
        assert browser.post("/r/uncover", uncovered=bad)["status"] == 400
    rating_skip(session=browser.session, assignment=trial.pk, kind="refused", reason="sexual")
    found = study_skips(study, as_of=timezone.now())
    assert found is not None
    assert [(each.generator, each.covered, each.uncovered) for each in found.generators] == [
        ("one", 2, 2),
        ("two", 2, 2),
    ]
    study_close(study=study)
    assert browser.post("/r/uncover", uncovered=[{"assignment": trial.pk, "images": keys}])["status"] == 409


def test_a_control_trial_is_blurred_as_what_it_copies_and_its_images_count_once() -> None:
    suite = a_suite({"Colors": 6})
    asked = {"same": 3, "swapped": 2, "repeats": 2}
    flagged = [{"prompt_id": str(number)} for number in range(5)]
    runs = [a_run(suite, "one"), a_run(suite, "two")]
    study = study_create(StudyDraft(name="study", runs=runs, flagged=flagged, added_controls=asked))
    blurred = prepare(study).covered
    study = study_open(study=study)
    sample_of = dict(study.images.values_list("key", "sample"))
    kinds = defaultdict(set)
    for each in Comparison.objects.filter(study=study):
        every = {key for images in each.sets for key in images}
        is_blurred = not blurred.isdisjoint(sample_of[key] for key in every)
        assert set(each.covered) == (every if is_blurred else set()), each.control
        kinds[each.control].add(is_blurred)
    assert kinds.keys() == {"", "same", "swapped", "repeat"} and kinds["same"] == kinds[""] == {True, False}
    enrolment = enrolled(study)
    same = enrolment.rater.assignments.filter(comparison__control="same").exclude(comparison__covered=[]).earliest("pk")
    session = session_of(enrolment)
    keys = same.comparison.covered
    assert images_uncover(session=session, uncovered={same.pk: keys}) == len(keys) == 4, "two images, each twice"
    rating_skip(session=session, assignment=same.pk, kind="refused", reason="unsaid")
    found = study_skips(study, as_of=timezone.now())
    assert found is not None
    assert sorted((each.covered, each.uncovered) for each in found.generators) == [(0, 0), (2, 2)]


def test_the_warning_stands_on_the_page_of_consent(client: Client) -> None:
    study = study_open(study=a_draft(flagged=({"prompt_id": "0"},), content_warning="Blood.\n\nAnd <spiders>."))
    page = client.get(f"/r/join/{invitation_create(study=study).key}").content.decode()
    assert "Content warning" in page and "<p>Blood.</p><p>And &lt;spiders&gt;.</p>" in page
    plain = an_open_study(name="plain")
    assert "Content warning" not in client.get(f"/r/join/{invitation_create(study=plain).key}").content.decode()


# --- breaks and the time left


def test_breaks_and_pace_reach_the_page() -> None:
    study = study_open(study=a_draft(break_minutes=7))
    browser = Browser(study)
    browser.client.post("/r/instructions")
    page = browser.client.get("/r/").content.decode()
    assert '"breaks": {"minutes": 7, "trials": null}' in page
    assert '"pace": {"own": [], "study": null, "fewest": 3}' in page, "nothing is known"


def at_a_pace(study: Study, seconds: float, *, pause: float = 0.0) -> Rater:
    """A rater who has finished with `seconds` between trials, and once `pause` more."""
    enrolment = enrolled(study)
    session = session_of(enrolment)
    with connection.cursor() as cursor:
        for number in range(6):
            assignment = rate_next(session)
            later = seconds * number + pause * (number > 1)
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; ALTER TABLE evaluation_rating DISABLE TRIGGER USER")
            moved = "UPDATE evaluation_rating SET created_at = now() + %s * interval '1 s' WHERE assignment_id = %s"
            cursor.execute(moved, [later, assignment])
            cursor.execute("ALTER TABLE evaluation_rating ENABLE TRIGGER USER")
    return rater_finish(rater=enrolment.rater)


def test_the_pace_is_a_median_of_medians_and_pauses_are_no_pace() -> None:
    cache.clear()
    study = an_open_study({"Colors": 6}, raters_per_panel=6)
    newcomer = enrolled(study).rater
    for seconds in (10, 20):
        at_a_pace(study, seconds)
    assert pace_of(newcomer).study is None, "two raters are too few"
    cache.clear()
    last = at_a_pace(study, 40, pause=3600)
    assert pace_of(newcomer).study == 20 and pace_of(newcomer).own == ()
    assert [round(each) for each in pace_of(last).own] == [40, 3640, 40, 40, 40]
    cache.clear()
