"""The ratings file: what is written is read back as it was meant, and no cell runs as a formula."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evaluation.analysis.frame import read_ratings, validate_ratings
from evaluation.reports.ratings_file import input_hash, ratings_csv, ratings_parquet
from tests.reports.sample import ratings


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_what_is_written_is_read_back(tmp_path: Path, suffix: str) -> None:
    frame = ratings(simulated=1)
    path = tmp_path / f"ratings.{suffix}"
    path.write_bytes(ratings_csv(frame) if suffix == "csv" else ratings_parquet(frame))
    pd.testing.assert_frame_equal(read_ratings(path), validate_ratings(frame))


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_runs_as_a_formula(tmp_path: Path, start: str) -> None:
    label = f'{start}cmd|" /C calc"!A0'
    data = ratings_csv(ratings(label_b=label))
    cells = [cell for row in csv.reader(io.StringIO(data.decode(), newline="")) for cell in row]
    assert not [cell for cell in cells if cell.startswith(start)]
    path = tmp_path / "ratings.csv"
    path.write_bytes(data)
    frame = read_ratings(path)
    assert label in {*frame["generator_a"].unique(), *frame["generator_b"].unique()}


words = st.text(alphabet="'=+-@\t\ra,\"\n é7", min_size=1, max_size=6).filter(lambda text: bool(text.strip()))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(words, min_size=4, max_size=4, unique=True), words)
def test_every_text_comes_back_exactly(tmp_path: Path, raters: list[str], label: str) -> None:
    frame = ratings(raters=2, prompts=1, label_b=label).assign(note=label)
    place = {name: at for at, name in enumerate(frame["rater_id"].unique())}
    frame["rater_id"] = frame["rater_id"].map(lambda name: raters[place[name]])
    data = ratings_csv(frame)
    cells = [cell for row in csv.reader(io.StringIO(data.decode(), newline="")) for cell in row]
    assert not [cell for cell in cells if cell and cell[0] in "=+-@\t\r"]
    path = tmp_path / "ratings.csv"
    path.write_bytes(data)
    found, wanted = read_ratings(path), validate_ratings(frame)
    for name in ("rater_id", "generator_a", "generator_b", "choice"):
        assert found[name].tolist() == wanted[name].tolist()


def test_the_same_ratings_have_the_same_hash_and_others_another() -> None:
    assert input_hash(ratings_csv(ratings())) == input_hash(ratings_csv(ratings()))
    changed = ratings()
    changed.loc[0, "choice"] = "b" if changed.loc[0, "choice"] != "b" else "a"
    assert input_hash(ratings_csv(changed)) != input_hash(ratings_csv(ratings()))


def test_missing_times_are_empty_cells() -> None:
    frame = ratings()
    frame["response_time_ms"] = frame["response_time_ms"].astype("Int64")
    frame.loc[0, "response_time_ms"] = pd.NA
    first = next(csv.DictReader(io.StringIO(ratings_csv(frame).decode())))
    assert first["response_time_ms"] == "" and first["simulated"] == "false"
