"""The ratings file: what is written is read back as it was meant, and no cell runs as a formula."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pandas as pd
import pytest

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
