"""The ratings file: what is written is read back as it was meant, and no cell runs as a formula."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evaluation.analysis.frame import read_ratings, validate_ratings
from evaluation.reports import ratings_file
from evaluation.reports.ratings_file import (
    csv_parts,
    csv_sha256,
    frames_hash,
    input_hash,
    json_parts,
    no_formula,
    ratings_csv,
    ratings_parquet,
)
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


# --- In parts --------------------------------------------------------------------------------------------------------


def odd_frame(first: str = "=a") -> pd.DataFrame:
    """Every type of column, with what its form depends on in one row alone."""
    texts = [first, "b", None, 'q"x', "c,d", "e\nf", "'=x", "", "z", "z", "z"]
    rare = [*[None] * 9, "x", 7]
    return pd.DataFrame(
        {
            "object": pd.Series(texts, dtype=object),
            "text": pd.Series(texts, dtype="str"),
            "category": pd.Categorical([*["u", "v", None, "u", "-v"] * 2, "w"]),
            "whole": pd.array([*[1, None, 3] * 3, 4, 5], dtype="Int64"),
            "number": [0.1, np.nan, 1e300, 1e-7, 1 / 3, *range(6)],
            "truth": [*[True, False] * 5, True],
            "truth or not": pd.array([*[True, None] * 5, True], dtype="boolean"),
            "at": pd.to_datetime(["2026-01-01T00:00:00.000001Z", None, *["2026-03-01T00:00:00.5Z"] * 9], utc=True),
            "mixed": pd.Series(rare, dtype=object),
            "nothing": pd.Series([None] * 11, dtype=object),
            "+name": range(11),
        }
    )


def at_once(frame: pd.DataFrame) -> bytes:
    """The CSV written as a whole: a second road."""
    safe = frame.copy()
    has_return = False
    for name in frame.columns:
        if pd.api.types.is_bool_dtype(frame[name].dtype):
            safe[name] = frame[name].map({True: "true", False: "false"})
        elif isinstance(frame[name].dtype, pd.DatetimeTZDtype):
            safe[name] = frame[name].dt.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        elif not pd.api.types.is_numeric_dtype(frame[name].dtype):
            values = frame[name].unique()
            safe[name] = frame[name].map({value: no_formula(value) for value in values})
            has_return = has_return or any(isinstance(value, str) and "\r" in value for value in values)
    quoting: Literal[0, 2] = csv.QUOTE_NONNUMERIC if has_return else csv.QUOTE_MINIMAL
    return safe.to_csv(index=False, lineterminator="\n", quoting=quoting).encode()


@pytest.mark.parametrize("rows", [1, 3, 11, 50])
@pytest.mark.parametrize("frame", [odd_frame(), odd_frame("a\rb"), odd_frame().iloc[:0], ratings(simulated=1)])
def test_a_file_in_parts_has_the_bytes_of_the_whole(
    frame: pd.DataFrame, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ratings_file, "ROWS", rows)
    monkeypatch.setattr(ratings_file, "GROUP", rows)
    parts = list(csv_parts(frame))
    assert len(parts) == max(-(-len(frame) // rows), 1) and b"".join(parts) == at_once(frame)
    assert csv_sha256(frame) == input_hash(at_once(frame)) == frames_hash(frame)
    assert frames_hash(frame, frame) == input_hash(at_once(frame), at_once(frame))
    form = frame.to_json(orient="split", index=False, date_format="iso", date_unit="us", double_precision=15)
    assert b"".join(json_parts(frame)).decode() == f"{form}\n" and json.loads(form)["columns"] == list(frame.columns)
    plain = frame.drop(columns="mixed", errors="ignore")  # Parquet has one type a column
    buffer = io.BytesIO()
    plain.to_parquet(buffer, index=False)
    again = pd.read_parquet(io.BytesIO(ratings_parquet(plain)))
    pd.testing.assert_frame_equal(again, pd.read_parquet(buffer))
    assert rows < len(frame) or ratings_parquet(plain) == buffer.getvalue()
