"""`manage.py score`: its contracts with people and programs."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import call_command

from evaluation.analysis.automatic_scores import read_automatic_scores
from evaluation.models import MetricRun
from evaluation.services.scoring.request import metric_cancel
from evaluation.services.store.images import image_path
from tests.metric_services.steps import add_sample, ask, command, grey_run, refused

pytestmark = pytest.mark.django_db


def test_scoring_here_prints_json_alone_and_a_scores_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = grey_run({"a": [0, 255], "b": [51, 51]})
    out = tmp_path / "scores.csv"
    told = command("greys", "--metric", "testbright", "--set", "scale=2", "--here", "--export", str(out))
    assert (told["status"], told["done"], told["total"], told["label"]) == ("done", 4, 4, "brightness")
    result = told["result"]
    assert isinstance(result, dict) and result["overall"]["mean"] == 0.7
    assert capsys.readouterr().out == ""
    frame = read_automatic_scores(out)
    assert frame["value"].tolist() == [0.0, 2.0, 0.4, 0.4] and set(frame["generator"]) == {run.name}
    assert out.read_text().splitlines()[0] == "prompt_id,category,generator,sample,metric,value,better,why"
    assert "already exists" in refused("greys", "--metric", "testbright", "--set", "scale=2", "--export", str(out))


def test_people_read_the_mean_with_its_interval(capsys: pytest.CaptureFixture[str]) -> None:
    grey_run({"a": [0, 255], "b": [51, 51], "refuse": [1, 1]})
    call_command("score", "greys", "--metric", "testbright", "--here")
    said = capsys.readouterr().out
    assert said.startswith("brightness of greys: mean 0.35 [") and "2 without a score" in said
    call_command("score", "greys", "--list")
    assert capsys.readouterr().out == said


def test_a_set_is_scored_here_too(capsys: pytest.CaptureFixture[str]) -> None:
    grey_run({"a": [255]}, name="bright")
    grey_run({"a": [51]}, name="dark")
    call_command("score", "bright", "--metric", "testspread", "--reference", "run:dark", "--inline")
    assert capsys.readouterr().out.strip() == "spread of brightness of bright against run:dark: 0.8"


def test_what_there_is_is_listed() -> None:
    told = command("--list")
    metrics = {each["metric"]: each for each in told["metrics"]}  # type: ignore[attr-defined]
    assert metrics["testbright"]["parameters"][0]["allowed"] == "a number from 0.1 to 100"
    assert metrics["testspread"]["needs_reference"] and metrics["testspread"]["source"] == "testmetric 1.0"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Name the run"),
        (["greys"], "Name the metric"),
        (["grey", "--metric", "testbright"], 'did you mean "greys"'),
        (["greys", "--metric", "testbrigt"], 'did you mean "testbright"'),
        (["greys", "--metric", "testbright", "--set", "scale"], "NAME=VALUE"),
        (["greys", "--metric", "testbright", "--set", "scale=1", "--set", "scale=2"], "given twice"),
        (["greys", "--metric", "testbright", "--set", "scale=0"], "0.1 to 100"),
        (["greys", "--metric", "testspread", "--reference", "coco"], "coco"),
        (["greys", "--metric", "testbright", "--cancel"], "no score was requested yet"),
        (["greys", "--metric", "testbright", "--retry"], "no score was requested yet"),
    ],
)
def test_bad_input_ends_with_2_and_one_message(arguments: list[str], said: str) -> None:
    grey_run({"a": [0]})
    assert said in refused(*arguments)


def test_stopping_going_on_and_beginning_anew() -> None:
    run = grey_run({"a": [0], "b": [1]})
    metric_run = ask(run)
    told = command("greys", "--metric", "testbright", "--cancel")
    assert told["status"] == "cancelled"
    assert command("greys", "--metric", "testbright", "--retry", "--here")["status"] == "done"
    assert "nothing is left to score" in refused("greys", "--metric", "testbright", "--retry", "--here")
    add_sample(run, run.suite.prompts.get(number=0), 1, 9)
    assert command("greys", "--metric", "testbright", "--retry", "--here")["done"] == 3
    assert command("greys", "--metric", "testbright", "--anew", "--here")["done"] == 3
    assert MetricRun.objects.get() == metric_run


def test_what_was_stopped_goes_on_when_it_is_asked_for_again() -> None:
    run = grey_run({"a": [0]})
    metric_cancel(metric_run=ask(run))
    assert command("greys", "--metric", "testbright", "--here")["status"] == "done"


def test_a_failure_ends_with_2_and_its_reason() -> None:
    run = grey_run({"a": [0]})
    for sample in run.samples.select_related("image"):
        image_path(sample.image).unlink()
    assert "No image got a score" in refused("greys", "--metric", "testbright", "--here")
