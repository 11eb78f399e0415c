"""against_people --ranking and --before-ratings, as a person at a terminal uses them."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from evaluation.reports.ratings_file import ratings_csv
from tests.analysis.test_scores_that_expire import THREE, world


def said(*args: str) -> str:
    out = io.StringIO()
    call_command("against_people", *args, stdout=out)
    return out.getvalue()


def written(folder: Path, name: str, seed: int, *, told: float, rated: int = 60) -> list[str]:
    paths = [folder / f"{name}-{kind}.csv" for kind in ("ratings", "scores")]
    for path, frame in zip(paths, world(seed, n=60, rated=rated, raters=3, told=told, truth=THREE), strict=True):
        path.write_bytes(ratings_csv(frame))
    return list(map(str, paths))


def test_a_ranking_and_an_alarm_by_command(tmp_path: Path) -> None:
    before, now = written(tmp_path, "before", 1, told=0.95), written(tmp_path, "now", 2, told=0.0)
    named = ("--ratings", now[0], "--scores", now[1], "--ranking")
    then = ("--before-ratings", before[0], "--before-scores", before[1], "--false-alarm", "0.1")
    found = json.loads(said(*named, *then, "--format", "json"))
    (ranking,), (drift,) = found["rankings"], found["drift"]
    assert [each["generator"] for each in ranking["advantages"]] == ["a", "b", "c"]
    assert drift["alpha"] == 0.1 and drift["alarm_after"] is not None
    text = said(*named, *then)
    assert "ALARM after" in text and "Rankings from ratings and scores" in text
    with pytest.raises(CommandError, match="Give both of --before-ratings"):
        said(*named, "--before-ratings", before[0])
