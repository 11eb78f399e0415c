"""Ratings and scores files as spreadsheets save them: the same ratings, or one clear sentence."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from evaluation.analysis.automatic_scores import read_automatic_scores
from evaluation.analysis.columns import RatingsError
from evaluation.analysis.frame import read_ratings
from tests.house.repository import CHECKOUT
from tests.reports.sample import ratings

CASE = CHECKOUT.parent / "shared" / "cases" / "ratings-semicolon"


def csv_text(frame: pd.DataFrame, separator: str = ",") -> str:
    return str(frame.to_csv(index=False, sep=separator, lineterminator="\r\n"))


def end_of(text: str, separator: str) -> str:
    """Rows of separators alone, as Excel leaves them."""
    return text + 3 * (separator * text.splitlines()[0].count(separator) + "\r\n")


@pytest.fixture
def plain(tmp_path: Path) -> pd.DataFrame:
    path = tmp_path / "plain.csv"
    path.write_text(csv_text(ratings()), newline="")
    return read_ratings(path)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("said", [False, True])
def test_any_dress_gives_the_same_ratings(
    separator: str, encoding: str, said: bool, tmp_path: Path, plain: pd.DataFrame
) -> None:
    path = tmp_path / "dressed.csv"
    text = end_of(csv_text(ratings(), separator), separator)
    path.write_bytes((f"sep={separator}\r\n{text}" if said else text).encode(encoding))
    pd.testing.assert_frame_equal(read_ratings(path), plain)


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_decimal_commas_are_read(separator: str, tmp_path: Path, plain: pd.DataFrame) -> None:
    frame = ratings()
    frame["response_time_ms"] = frame["response_time_ms"].map(lambda value: f"{value},0")
    path = tmp_path / "commas.csv"
    path.write_text(csv_text(frame, separator), newline="")
    pd.testing.assert_frame_equal(read_ratings(path), plain)


def test_thousands_and_commas_are_refused(tmp_path: Path) -> None:
    for value in ("1.234,5", "1,234,567", "900 ms", "1e999", "nan ms", "--3", "٣"):
        frame = ratings()
        frame["response_time_ms"] = value
        path = tmp_path / "wrong.csv"
        path.write_text(csv_text(frame, ";"), newline="", encoding="utf-8")
        with pytest.raises(RatingsError, match=r"response_time_ms: .* is not milliseconds"):
            read_ratings(path)


def test_lines_are_counted_from_the_file_s_first(tmp_path: Path) -> None:
    frame = ratings()
    frame.loc[2, "choice"] = "left"
    for said, line in (("", 4), ("sep=;\r\n", 5)):
        path = tmp_path / "line.csv"
        path.write_text(said + csv_text(frame, ";"), newline="")
        with pytest.raises(RatingsError, match=rf"row 3 \(line {line}\)"):
            read_ratings(path)


@pytest.mark.parametrize("letter", ["\u202e", "\u2066", "\ufffe", "\x1b"])
def test_names_that_no_text_may_have_are_refused(letter: str, tmp_path: Path) -> None:
    frame = ratings()
    frame.loc[1, "generator_a"] = f"pl{letter}ain"
    path = tmp_path / "odd.csv"
    path.write_text(csv_text(frame), newline="", encoding="utf-8")
    with pytest.raises(RatingsError, match=rf"row 2.*generator_a.*U\+{ord(letter):04X}"):
        read_ratings(path)


def test_accents_written_in_two_ways_are_one_name(tmp_path: Path) -> None:
    frame = ratings(label_a="caf\u00e9")
    frame.loc[::2, "generator_a"] = "cafe\u0301"
    path = tmp_path / "accents.csv"
    path.write_text(csv_text(frame), newline="", encoding="utf-8")
    assert set(read_ratings(path)["generator_a"]) | set(read_ratings(path)["generator_b"]) == {"caf\u00e9", "guided"}


@pytest.mark.skipif(not CASE.is_dir(), reason="the cases are not here")
@pytest.mark.parametrize("name", ["semi.csv", "decimalcomma.csv"])
def test_a_german_spreadsheet(name: str) -> None:
    frame = read_ratings(CASE / name)
    assert len(frame) > 1 and set(frame["response_time_ms"]) == {900.0}


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_scores_likewise(separator: str, tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    text = separator.join(["prompt_id", "generator", "sample", "metric", "value"]) + "\r\n"
    text += separator.join(["00000", "plain", "0", "clip", "0,25"]) + "\r\n"
    path.write_bytes(end_of(text, separator).encode("utf-16"))
    frame = read_automatic_scores(path)
    assert list(frame["value"]) == [0.25] and list(frame["prompt_id"]) == ["00000"]
