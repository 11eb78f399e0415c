"""against_people by command: from files, and from a study whose runs were scored."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from evaluation.analysis.simulate import CrowdSpec, Design, simulate_ratings
from evaluation.models import MetricRun, MetricScore, RunStatus, Sample, Study, StudyImage, StudyRun
from evaluation.reports.ratings_file import ratings_csv
from evaluation.selectors.against_people import study_scores
from evaluation.services.rating.simulate import raters_simulate
from tests.studies.world import an_open_study
from tests.unguarded import unguarded

SCORE_COLUMNS = ["prompt_id", "category", "generator", "sample", "metric", "value"]


def said(*args: str) -> str:
    out = io.StringIO()
    call_command("against_people", *args, stdout=out)
    return out.getvalue()


def refused(*args: str) -> str:
    with pytest.raises(CommandError) as caught:
        said(*args)
    assert caught.value.returncode == 2
    return str(caught.value)


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """Ratings of 20 of 80 prompts in two categories, and scores of all, one of which follows the raters."""
    rng = np.random.default_rng(0)
    ratings = simulate_ratings(Design(5, {"c": 10, "d": 10}), CrowdSpec(0.3, 1.0), 0.3, rng)
    net = ratings["choice"].map({"a": 1, "indifferent": 0, "b": -1}).groupby(ratings["prompt_id"]).mean()
    rows: list[tuple[str, str, str, int, str, float]] = []
    for category in "cd":
        for number in range(40):
            prompt = f"{category}-{number:03d}"
            lean = float(net.get(prompt, rng.normal(0.2, 0.5)))
            for sample in range(2):
                rows += [
                    (prompt, category, "x", sample, name, lean + sd * rng.normal())
                    for name, sd in (("near", 0.2), ("far", 3))
                ]
                rows += [(prompt, category, "y", sample, name, 0.0) for name in ("near", "far")]
    paths = str(tmp_path / "ratings.csv"), str(tmp_path / "scores.csv")
    Path(paths[0]).write_bytes(ratings_csv(ratings))
    Path(paths[1]).write_bytes(ratings_csv(pd.DataFrame(rows, columns=SCORE_COLUMNS)))
    return paths


def test_from_files(files: tuple[str, str]) -> None:
    told: dict[str, Any] = json.loads(said("--ratings", files[0], "--scores", files[1], "--format", "json"))
    assert told["schema"] == "drawbench-against-people/1" and told["simulated"] is True
    assert told["metrics"] == [{"metric": "far", "better": "higher"}, {"metric": "near", "better": "higher"}]
    agreement, powered = told["agreement"][0], told["powered"]["comparisons"][0]
    overall = {each["metric"]: each for each in agreement["metrics"] if each["category"] is None}
    assert overall["near"]["decided"]["estimate"] > overall["far"]["decided"]["estimate"]
    assert {each["category"] for each in agreement["raters"]} == {None, "c", "d"}
    assert (powered["overall"]["n_rated"], powered["overall"]["n_prompts"]) == (20, 80)
    assert set(powered["categories"]) == {"c", "d"} and "random draw" in told["powered"]["assumption"]
    for text in ("NOTE  Simulated", "another rater", "these prompts", "20 of 80", "random draw"):
        assert text in said("--ratings", files[0], "--scores", files[1])


def test_settings_reach_the_numbers(files: tuple[str, str]) -> None:
    base = ["--ratings", files[0], "--scores", files[1], "--format", "json"]
    only = json.loads(said(*base, "--metric", "near", "--aggregate", "max", "--level", "0.8", "--estimand", "raters"))
    powered = only["powered"]["comparisons"][0]
    assert [each["metric"] for each in powered["metrics"]] == ["near"] and only["aggregate"] == "max"
    assert only["agreement"][0]["metrics"][0]["accuracy"]["default"] == "by_rater"
    wide = json.loads(said(*base, "--metric", "near", "--aggregate", "max"))["powered"]["comparisons"][0]
    widths = [
        each["overall"]["powered"]["intervals"]["new_prompts"]["satterthwaite"]["high"] for each in (powered, wide)
    ]
    assert widths[0] < widths[1]


def test_bad_input_is_told(files: tuple[str, str], tmp_path: Path) -> None:
    assert "--ratings FILE" in refused()
    assert "--scores FILE" in refused("--ratings", files[0])
    assert "does not exist" in refused("--ratings", files[0], "--scores", str(tmp_path / "none.csv"))
    assert 'did you mean "near"? Choose one of far, near' in refused(
        "--ratings", files[0], "--scores", files[1], "--metric", "nere"
    )
    assert "mean, median, max, min" in refused("--ratings", files[0], "--scores", files[1], "--aggregate", "sum")
    assert "Unknown estimand" in refused("--ratings", files[0], "--scores", files[1], "--estimand", "people")
    assert "no ratings by people" in refused("--ratings", files[0], "--scores", files[1], "--without-simulated")


@pytest.fixture
def rated(db: None) -> Study:
    study = an_open_study(raters_per_panel=4)
    raters_simulate(study=study, share=1.0, seed=0)
    return study


def score_runs(study: Study, label: str = "Test score") -> None:
    """Scores of every sample of every run of `study`, by the sample's key, for a metric that no worker has to run."""
    for at, place in enumerate(StudyRun.objects.filter(study=study).select_related("run")):
        metric_run = MetricRun.objects.create(
            run=place.run, metric="test-score", kind="sample", better="higher", parameters_hash="0" * 64,
            status=RunStatus.DONE, label=label if at == 0 else "Test score",
        )  # fmt: skip
        MetricScore.objects.bulk_create(
            MetricScore(metric_run=metric_run, sample=sample, value=float(sample.pk % 7) + at)
            for sample in Sample.objects.filter(run=place.run)
        )


def test_from_a_study(rated: Study) -> None:
    score_runs(rated)
    told = json.loads(said(rated.name, "--format", "json"))
    assert told["simulated"] is True and told["agreement"][0]["metrics"][0]["metric"] == "test-score"
    labels = sorted(StudyRun.objects.filter(study=rated).values_list("label", flat=True))
    assert [told["agreement"][0]["generator_a"], told["agreement"][0]["generator_b"]] == labels
    assert any("Every scored prompt was rated" in note for note in told["powered"]["comparisons"][0]["notes"])
    assert f"Study {rated.name}" in said(rated.name)


def test_only_the_images_shown_count(rated: Study) -> None:
    score_runs(rated)
    hidden = StudyImage.objects.filter(study=rated).first()
    assert hidden is not None
    before, _ = study_scores(rated)
    shown = StudyImage.objects.filter(study=rated).count()
    assert len(before) == shown
    run, prompt = hidden.sample.run, hidden.sample.prompt
    extra = Sample.objects.create(run=run, prompt=prompt, sample=99, image=hidden.sample.image)
    MetricScore.objects.create(metric_run=MetricRun.objects.get(run=run), sample=extra, value=1e6)
    after, notes = study_scores(rated)
    assert after.equals(before) and notes == ()


def test_prompts_outside_the_study_have_sets_of_the_same_size(rated: Study) -> None:
    score_runs(rated)
    prompt = Sample.objects.first()
    assert prompt is not None
    number = prompt.prompt.number
    sizes = study_scores(rated)[0].groupby(["generator", "prompt_id"]).size().unique().tolist()
    with unguarded():
        StudyImage.objects.filter(study=rated, sample__prompt=prompt.prompt).delete()
    frame, notes = study_scores(rated)
    assert len(notes) == 1 and "1 prompt of the suite not shown in the study" in notes[0]
    assert f"{number:05d}" in set(frame["prompt_id"])
    assert frame.groupby(["generator", "prompt_id"]).size().unique().tolist() == sizes
    assert study_scores(rated)[0].equals(frame)


def test_a_study_without_scores_says_how_to_make_them(rated: Study) -> None:
    assert "score RUN --metric NAME" in refused(rated.name)
    assert "no ratings by people yet" in refused(rated.name, "--without-simulated")


def test_scores_that_were_made_otherwise_are_named(rated: Study) -> None:
    score_runs(rated, label="Test score, other weights")
    assert "no scores to compare" in (told := refused(rated.name)) and "test-score is left out" in told
