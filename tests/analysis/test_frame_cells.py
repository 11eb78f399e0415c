"""Ratings files of several blocks: however they are read, the frame is the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evaluation.analysis import RatingsError, columns, read_ratings

ROWS = 24_000  # over a megabyte, which is a block


def large() -> pd.DataFrame:
    """Ratings whose last rows have names that no block before has, and text that looks like a formula."""
    at = np.arange(ROWS)
    late = at > ROWS - 20
    cells = {
        "rater_id": np.where(late, "'=late", [f"rater {each:05d}" for each in at // 4]),
        "prompt_id": [f"prompt {each:05d}" for each in at],
        "category": np.where(late, "late, with a comma", np.where(at % 2, "even", "odd")),
        "generator_a": np.where(late, "zebra", "alpha"),
        "generator_b": "beta",
        "question": "fidelity",
        "choice": np.array(["a", "indifferent", "b"])[at % 3],
        "response_time_ms": at,
    }
    return pd.DataFrame(cells)


@pytest.fixture(scope="module")
def read_whole(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """The same ratings from Parquet."""
    path = tmp_path_factory.mktemp("large") / "ratings.parquet"
    frame = large()
    frame["rater_id"] = frame["rater_id"].str.removeprefix("'")  # nothing is escaped there
    frame.to_parquet(path, row_group_size=7_000)
    return read_ratings(path)


def test_blocks_give_what_a_whole_file_gives(tmp_path: Path, read_whole: pd.DataFrame) -> None:
    """A column of a kind to be guessed has the file read at once; without one it is read block by block."""
    path = tmp_path / "ratings.csv"
    large().to_csv(path, index=False)
    assert path.stat().st_size > 1 << 20
    by_blocks = read_ratings(path)
    pd.testing.assert_frame_equal(by_blocks, read_whole)
    assert "=late" in set(by_blocks["rater_id"]) and "beta" in set(by_blocks["generator_a"])
    large().assign(note=1).to_csv(path, index=False)
    pd.testing.assert_frame_equal(read_ratings(path).drop(columns="note"), read_whole)
    large().to_csv(path, index=False, sep=";")
    pd.testing.assert_frame_equal(read_ratings(path), read_whole)


def test_a_file_without_quotes_and_with_empty_rows_at_its_end(tmp_path: Path, read_whole: pd.DataFrame) -> None:
    path = tmp_path / "ratings.csv"
    frame = large()
    frame["category"] = frame["category"].str.replace(",", "")
    text = frame.to_csv(index=False)
    assert '"' not in text
    path.write_text(text + ",,,,,,,\n" * 3, encoding="utf-8")
    wanted = [str(each).replace(",", "") for each in read_whole["category"]]
    found = read_ratings(path)
    assert [str(each) for each in found["category"]] == wanted
    pd.testing.assert_frame_equal(found.drop(columns="category"), read_whole.drop(columns="category"))


def test_faults_in_later_blocks_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "ratings.csv"
    text = large().to_csv(index=False)
    last = text.rstrip("\n").rsplit("\n", 1)[1]
    path.write_text(text + last + "\n", encoding="utf-8")
    with pytest.raises(RatingsError, match=rf"row {ROWS + 1}.*stands already in row {ROWS} "):
        read_ratings(path)
    path.write_text(text + "one cell too few,p,c,a,b,fidelity,a\n", encoding="utf-8")
    with pytest.raises(RatingsError, match="cannot be read as CSV"):
        read_ratings(path)
    path.write_text(text + "r,p,c,a,b,fidelity,better,1\n", encoding="utf-8")
    with pytest.raises(RatingsError, match="'better' is not a choice"):
        read_ratings(path)
    path.write_bytes(text.encode() + b"r,p,c,\xff,b,fidelity,a,1\n")
    with pytest.raises(RatingsError, match="UTF-?8"):
        read_ratings(path)


def test_a_name_seen_late_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which names occur is told from the first rows where all stand there; else all rows are looked at."""
    monkeypatch.setattr(columns, "FIRST_CHUNK", 100)
    path = tmp_path / "ratings.parquet"
    frame = large()
    frame.loc[ROWS - 1, "category"] = None
    frame.to_parquet(path)
    with pytest.raises(RatingsError, match=f"row {ROWS}, column category: the value is empty"):
        read_ratings(path)
    held = pd.Categorical(large()["category"], categories=["nobody", "odd", "even", "late, with a comma"])
    large().assign(category=held).to_parquet(path)
    assert list(read_ratings(path)["category"].cat.categories) == ["even", "late, with a comma", "odd"]
