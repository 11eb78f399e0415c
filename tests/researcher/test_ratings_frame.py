"""The bridge from the database to the analysis: sides undone, standing ratings only, one query."""

from __future__ import annotations

import io
import uuid
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from evaluation.analysis.frame import validate_ratings
from evaluation.models import Assignment, Comparison, Rater, Rating, Study
from evaluation.reports.ratings_file import ratings_csv
from evaluation.selectors.ratings import COLUMNS, rater_pseudonym, ratings_frame
from evaluation.services.rating.simulate import raters_simulate
from evaluation.services.reporting.make import report_make
from evaluation.services.studies.create import StudyDraft, study_create
from evaluation.services.studies.open import study_open
from evaluation.services.suites.load import suite_load
from tests.studies.world import a_run, an_open_study
from tests.unguarded import unguarded

pytestmark = pytest.mark.django_db


def test_choices_are_those_of_the_comparison_not_of_the_screen(rated: Study) -> None:
    frame = ratings_frame(rated)
    assert tuple(frame.columns) == COLUMNS
    stored = {
        (rater_pseudonym(str(rating.rater.key)), rating.assignment.position, rating.question): rating
        for rating in Rating.objects.select_related("rater", "assignment")
    }
    assert len(frame) == len(stored) > 0
    sides = set()
    for row in frame.itertuples():
        rating = stored[row.rater_id, row.position, row.question]
        left, right = ("a", "b") if rating.assignment.shown_order[0] == 0 else ("b", "a")
        assert row.choice == {"left": left, "right": right, "indifferent": "indifferent"}[str(rating.shown_choice)]
        sides.add((rating.shown_choice, rating.assignment.shown_order[0]))
    assert len(sides) >= 4, "the simulated crowd used both sides in both arrangements"


def test_it_is_a_ratings_file(rated: Study) -> None:
    frame = ratings_frame(rated)
    checked = validate_ratings(frame)
    assert len(checked) == len(frame)
    assert checked["simulated"].all() and not checked["control"].any()


def test_control_trials_carry_their_right_answer(rated: Study) -> None:
    control = Comparison.objects.filter(study=rated, assignments__ratings__isnull=False).order_by("pk")[0]
    with unguarded():
        Comparison.objects.filter(pk=control.pk).update(control="known", expected={"fidelity": "a", "alignment": "a"})
    frame = ratings_frame(rated)
    is_control = frame["prompt_id"] == control.prompt.prompt_id
    assert (frame["control"] == is_control).all() and is_control.any() and not is_control.all()
    assert set(frame.loc[is_control, "control_answer"]) == {"a"} and set(frame.loc[~is_control, "control_answer"]) == {
        ""
    }
    checked = validate_ratings(frame)
    assert set(checked.loc[is_control, "control_answer"]) == {"b"}, "turned with its pair: guided stands before plain"
    again = pd.read_csv(io.BytesIO(ratings_csv(frame)), dtype=str, keep_default_na=False)
    assert list(again["control_answer"]) == list(frame["control_answer"])


def test_a_suite_without_categories_comes_through_to_the_report(signed_in: Client, tmp_path: Path) -> None:
    file = tmp_path / "plain.txt"
    file.write_text("a red cube\na blue ball\nthree green dogs\n")
    suite = suite_load(source=str(file), name="plain-text").suite
    runs = [a_run(suite, "one"), a_run(suite, "two")]
    study = study_open(study=study_create(StudyDraft(name="plain", runs=runs, raters_per_panel=4)))
    raters_simulate(study=study, share=1, seed=0)
    frame = ratings_frame(study)
    assert set(frame["category"]) == {"All prompts"}
    for comparison in report_make(study=study).results["comparisons"]:
        assert list(comparison["categories"]) == ["All prompts"]
        assert comparison["overall"]["n_ratings"] == 4 * 3
    assert "Fidelity:" in signed_in.get("/studies/plain/report/", follow=True).content.decode()
    assert "All prompts" in signed_in.get("/studies/plain/").content.decode()


def test_a_prompt_without_category_has_one_in_the_file() -> None:
    study = an_open_study({"": 2})
    raters_simulate(study=study, share=1, seed=0)
    frame = ratings_frame(study)
    assert set(frame["category"]) == {"All prompts"} and len(validate_ratings(frame)) == len(frame)
    assert list(report_make(study=study).results["comparisons"][0]["categories"]) == ["All prompts"]


def test_no_participant_and_no_key_leaves(rated: Study) -> None:
    rater = Rater.objects.filter(study=rated).first()
    assert rater is not None
    with unguarded():
        Rater.objects.filter(pk=rater.pk).update(participant="prolific-5f3a")
    csv = ratings_csv(ratings_frame(rated)).decode()
    assert "prolific-5f3a" not in csv
    assert not any(str(key) in csv for key in Rater.objects.values_list("key", flat=True))


def test_two_queries_whatever_the_number_of_ratings(
    rated: Study, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    ratings_frame(rated)  # the protocol is read once a process
    with django_assert_num_queries(2):
        ratings_frame(rated)


def test_a_study_without_ratings_has_an_empty_frame_with_all_columns(study: Study) -> None:
    frame = ratings_frame(study)
    assert tuple(frame.columns) == COLUMNS and len(frame) == 0
    assert len(validate_ratings(frame)) == 0


def test_retracted_ratings_are_left_out_but_stand_as_of_an_earlier_moment(rated: Study) -> None:
    before = timezone.now()
    whole = ratings_frame(rated)
    first = Rating.objects.order_by("pk").first()
    assert first is not None
    Rating.objects.filter(pk=first.pk).update(retracted_at=before + timedelta(seconds=1))
    assert len(ratings_frame(rated)) == len(whole) - 1
    pd.testing.assert_frame_equal(ratings_frame(rated, as_of=before), whole)


def test_simulated_ratings_can_be_left_out(rated: Study) -> None:
    assert len(ratings_frame(rated, include_simulated=False)) == 0


def test_the_same_ratings_give_the_same_report(rated: Study) -> None:
    report = report_make(study=rated)
    assert report_make(study=rated) == report
    assert report.n_ratings == report.n_simulated == Rating.objects.count()
    assert report_make(study=rated, settings={"level": 0.9}) != report
    assert report_make(study=rated, settings={"include_simulated": False}).n_ratings == 0


def test_another_rating_gives_another_report_and_the_old_ones_ratings_can_be_had(rated: Study) -> None:
    report = report_make(study=rated)
    then = ratings_csv(ratings_frame(rated, as_of=report.as_of))
    assignment = Assignment.objects.filter(rater__study=rated).first()
    assert assignment is not None
    standing = assignment.ratings.get(question="fidelity")
    Rating.objects.filter(pk=standing.pk).update(retracted_at=timezone.now())
    changed = {"left": "right", "right": "left", "indifferent": "left"}[str(standing.shown_choice)]
    assignment.ratings.create(
        rater=assignment.rater, question="fidelity", shown_choice=changed, submission=uuid.uuid4(), response_time_ms=1
    )
    newer = report_make(study=rated)
    assert newer != report and newer.input_hash != report.input_hash
    assert ratings_csv(ratings_frame(rated, as_of=report.as_of)) == then


def test_times_come_back_as_they_were(rated: Study) -> None:
    frame = ratings_frame(rated)
    again = pd.read_csv(io.BytesIO(ratings_csv(frame)), dtype={"prompt_id": str})
    assert again["prompt_id"].str.fullmatch(r"\d{5}").all()
    assert (pd.to_datetime(again["rated_at"]) == frame["rated_at"]).all()


def test_displays_and_languages_are_columns_where_anybody_has_some(signed_in: Client) -> None:
    """Files of before stay as they were, and a language that fewer than five raters read is nobody's."""
    rated = an_open_study({"Colors": 2}, raters_per_panel=7)
    raters_simulate(study=rated, raters=7, seed=0)
    assert tuple(ratings_frame(rated).columns) == COLUMNS
    raters = list(Rater.objects.filter(study=rated).order_by("pk"))
    with unguarded():
        Rating.objects.filter(rater=raters[0]).update(shown_width=90, shown_device_width=270, theme="dark")
        Rater.objects.filter(pk__in=[each.pk for each in raters[:5]]).update(language="fr")
        Rater.objects.filter(pk__in=[each.pk for each in raters[5:]]).update(language="en")
    frame = ratings_frame(rated)
    assert tuple(frame.columns) == (*COLUMNS, "shown_width", "shown_device_width", "theme", "rater_language")
    first = frame["rater_id"] == rater_pseudonym(str(raters[0].key))
    assert set(frame[first]["shown_width"]) == {90} and set(frame[first]["theme"]) == {"dark"}
    assert frame[~first]["shown_width"].isna().all() and set(frame[~first]["theme"]) == {""}
    assert set(frame["rater_language"]) == {""}
    with unguarded():
        Rater.objects.filter(study=rated).update(language="fr")
    assert set(ratings_frame(rated)["rater_language"]) == {"fr"}
    report = report_make(study=rated)
    assert report.results["displays"]["n_small_raters"] == 1
    page = signed_in.get(f"/reports/{report.pk}/").content.decode()
    assert "Displays" in page and "Without small displays" in page
