"""Ratings files: read back as written, brought to one form, and refused with the row and column named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evaluation.analysis import RatingsError, read_ratings, validate_ratings
from evaluation.analysis.frame import by_people

COLUMNS = ["rater_id", "prompt_id", "category", "generator_a", "generator_b", "question", "choice"]


def frame() -> pd.DataFrame:
    rows = [
        ("r1", "p1", "colors", "x", "y", "fidelity", "a"),
        ("r1", "p2", "colors", "y", "x", "fidelity", "a"),
        ("r2", "p1", "colors", "x", "y", "fidelity", "indifferent"),
        ("r2", "p2", "colors", "y", "x", "fidelity", "b"),
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def test_pair_is_brought_to_one_order_and_the_choice_flipped() -> None:
    ratings = frame().assign(a_shown_left=[True, True, False, None], control_answer=["a", "a", "", "b"])
    found = validate_ratings(ratings)
    assert found["generator_a"].tolist() == ["x"] * 4
    assert found["generator_b"].tolist() == ["y"] * 4
    assert found["choice"].tolist() == ["a", "b", "indifferent", "a"]
    assert found["a_shown_left"].tolist() == [True, False, False, pd.NA]
    assert found["control_answer"].tolist()[:2] == ["a", "b"]
    assert found["control_answer"].isna().tolist() == [False, False, True, False]


def test_validated_frame_passes_unchanged() -> None:
    once = validate_ratings(frame().assign(position=[0, 1, 0, 1], note=["", "b", "c", "d"]))
    pd.testing.assert_frame_equal(validate_ratings(once), once)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_files_read_as_the_frame(tmp_path: Path, suffix: str) -> None:
    ratings = frame().assign(
        rater_id=["007", "007", "8", "8"], response_time_ms=[1200, None, 3, 4.5], control=[False, True, False, False]
    )
    path = tmp_path / f"ratings.{suffix}"
    if suffix == "csv":
        ratings.to_csv(path, index=False)
    else:
        ratings.to_parquet(path)
    pd.testing.assert_frame_equal(read_ratings(path), validate_ratings(ratings), check_column_type=False)
    assert read_ratings(path)["rater_id"].tolist() == ["007", "007", "8", "8"]


def test_formula_escapes_are_undone(tmp_path: Path) -> None:
    path = tmp_path / "ratings.csv"
    ratings = frame().assign(rater_id=["'=1+1", "'=1+1", "''@home", "it's"], note=["'-5", "''", "'a", "x"])
    ratings.to_csv(path, index=False)
    found = read_ratings(path)
    assert found["rater_id"].tolist() == ["=1+1", "=1+1", "'@home", "it's"]
    assert found["note"].tolist() == ["-5", "''", "'a", "x"]


def test_an_escaped_cell_and_its_plain_twin_are_one(tmp_path: Path) -> None:
    path = tmp_path / "ratings.csv"
    frame().assign(rater_id=["'=r", "=r", "s", "s"]).to_csv(path, index=False)
    assert read_ratings(path)["rater_id"].cat.categories.tolist() == ["=r", "s"]


def test_apostrophes_of_frames_and_parquet_are_their_own(tmp_path: Path) -> None:
    ratings = frame().assign(rater_id=["'=r", "'=r", "=r", "=r"])
    assert validate_ratings(ratings)["rater_id"].tolist() == ["'=r", "'=r", "=r", "=r"]
    path = tmp_path / "ratings.parquet"
    ratings.to_parquet(path)
    assert read_ratings(path)["rater_id"].tolist() == ["'=r", "'=r", "=r", "=r"]


def test_byte_order_mark_and_quotes(tmp_path: Path) -> None:
    path = tmp_path / "ratings.csv"
    text = frame().assign(category='two, "words"\nand a line').to_csv(index=False)
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert set(read_ratings(path)["category"]) == {'two, "words"\nand a line'}


def test_numbers_serve_as_ids() -> None:
    found = validate_ratings(frame().assign(rater_id=[1, 1, 2, 2], prompt_id=[1.0, 2.0, 1.0, 2.0]))
    assert found["rater_id"].tolist() == ["1", "1", "2", "2"]
    assert found["prompt_id"].tolist() == ["1", "2", "1", "2"]


def with_cell(column: str, row: int, value: Any) -> pd.DataFrame:
    ratings = frame()
    ratings[column] = ratings[column].astype(object)
    ratings.loc[row, column] = value
    return ratings


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("choice", "A", ["row 3", "choice", "'A'", "a, indifferent, b", 'did you mean "a"']),
        ("choice", np.nan, ["row 3", "choice", "empty"]),
        ("choice", "equal", ["row 3", "choice", "'equal'"]),
        ("rater_id", "", ["row 3", "rater_id", "empty"]),
        ("rater_id", None, ["row 3", "rater_id", "empty"]),
        ("rater_id", float("nan"), ["row 3", "rater_id", "empty"]),
        ("rater_id", "NaN", ["row 3", "rater_id", "'NaN'"]),
        ("prompt_id", "  ", ["row 3", "prompt_id", "empty"]),
        ("category", None, ["row 3", "category", "empty"]),
        ("question", "", ["row 3", "question", "empty"]),
        ("generator_a", "", ["row 3", "generator_a", "empty"]),
        ("generator_a", "y", ["row 3", "generator_b", "'y'", "itself"]),
    ],
)
def test_bad_cell_is_named(column: str, value: Any, words: list[str]) -> None:
    with pytest.raises(RatingsError) as caught:
        validate_ratings(with_cell(column, 2, value))
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize(
    ("column", "value"),
    [("response_time_ms", "fast"), ("response_time_ms", -1), ("response_time_ms", np.inf), ("control", "maybe")],
)
def test_bad_optional_cell_is_named(column: str, value: Any) -> None:
    with pytest.raises(RatingsError, match=f"row 1, column {column}"):
        validate_ratings(frame().assign(**{column: [value, None, None, None]}))


@pytest.mark.parametrize(
    ("column", "values", "words"),
    [
        ("rater_id", [1e17, 1e17, 2e17, 2e17], "row 1, column rater_id.*floating-point.*dtype=str"),
        ("rater_id", [1.0, 1.0, np.inf, np.inf], "row 3, column rater_id.*floating-point"),
        ("category", pd.Series(["c\ud800"] * 4, dtype=object), "row 1, column category.*half a character"),
        ("response_time_ms", pd.to_timedelta([1, 2, 3, 4], unit="s"), "row 1, column response_time_ms.*timedelta"),
        ("response_time_ms", [1j, 2, 3, 4], "response_time_ms.*complex"),
        ("position", [True, False, True, False], "position.*bool"),
    ],
)
def test_columns_of_a_wrong_kind_are_named(column: str, values: Any, words: str) -> None:
    with pytest.raises(RatingsError, match=words):
        validate_ratings(frame().assign(**{column: values}))


def test_what_is_no_frame_is_refused() -> None:
    with pytest.raises(RatingsError, match="must be a pandas DataFrame.*got dict"):
        validate_ratings(frame().to_dict("list"))


def test_any_dress_of_the_same_ratings() -> None:
    """Dtypes, unused categories, indices and further columns change nothing."""
    plain = frame().assign(control=["false", "True", "", "0"])
    wanted = validate_ratings(plain)
    extra = {name: pd.Categorical(plain[name], categories=["~", *plain[name].unique(), "!"]) for name in COLUMNS}
    for dressed in (
        plain.assign(**extra),
        plain.astype("string"),
        plain.convert_dtypes(dtype_backend="pyarrow"),
        plain.set_index("rater_id", drop=False),
        plain.set_index(np.zeros(4, dtype=int)),
        plain.assign(control=pd.array([None, True, None, False], dtype="boolean")),
        plain.assign(control=[0.0, 1.0, np.nan, 0.0]),
    ):
        pd.testing.assert_frame_equal(validate_ratings(dressed), wanted)
    with_more = validate_ratings(plain.assign(note=[{}, [], None, "x"]).rename(columns={"note": 7}))
    assert with_more.columns.tolist() == [*wanted.columns, "7"]


def test_ids_as_numbers_and_as_text_are_one() -> None:
    ids = pd.Series([10**30, "7", 7, 7.0], dtype=object)
    ratings = frame().assign(rater_id=ids, prompt_id=["p1", "p1", "p2", "p3"])
    assert validate_ratings(ratings)["rater_id"].tolist() == [str(10**30), "7", "7", "7"]


def test_lines_of_the_file_are_named(tmp_path: Path) -> None:
    path = tmp_path / "ratings.csv"
    with_cell("choice", 2, "c").to_csv(path, index=False)
    with pytest.raises(RatingsError, match=r"ratings\.csv, row 3 \(line 4\), column choice"):
        read_ratings(path)


def test_missing_columns_are_named_with_the_nearest() -> None:
    with pytest.raises(RatingsError, match="lacks the columns rater_id, choice .*'rater' meant to be 'rater_id'"):
        validate_ratings(frame().drop(columns="choice").rename(columns={"rater_id": "rater"}))
    with pytest.raises(RatingsError, match="is 'CHOICE' meant to be 'choice'"):
        validate_ratings(frame().rename(columns=str.upper))


def test_duplicate_is_refused_in_either_order_of_the_pair() -> None:
    ratings = frame()
    again = ratings.iloc[[1]].assign(generator_a="x", generator_b="y", choice="a")
    with pytest.raises(RatingsError, match=r"row 5.*row 2.*another choice \(b, then a\).*'r1'.*'p2'"):
        validate_ratings(pd.concat([ratings, again]))


def test_duplicate_is_found_among_many_ids() -> None:
    many = pd.DataFrame(
        {name: [f"{name}{i}" for i in range(300)] for name in ("rater_id", "prompt_id", "question")}
        | {"category": "c", "generator_a": "x", "generator_b": "y", "choice": "a"}
    )
    assert len(validate_ratings(many)) == 300
    with pytest.raises(RatingsError, match="row 301.*row 8"):
        validate_ratings(pd.concat([many, many.iloc[[7]]]))


@pytest.mark.parametrize("content", [b"", b"a,b\n1\n", b"rater_id\n\xff\xfe\n", b"PAR1 but not really"])
def test_broken_files_are_refused_in_words(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "ratings.csv"
    path.write_bytes(content)
    with pytest.raises(RatingsError, match=r"ratings\.csv"):
        read_ratings(path)


def test_damaged_parquet_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "ratings.parquet"
    frame().to_parquet(path)
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    refused = 0
    for _ in range(60):
        damaged = bytearray(whole)
        for at in rng.integers(4, len(whole), size=4):
            damaged[at] ^= int(rng.integers(1, 256))
        path.write_bytes(damaged)
        try:
            read_ratings(path)
        except RatingsError:
            refused += 1
    assert refused > 10


def test_other_encodings_are_named(tmp_path: Path) -> None:
    """Other separators and UTF-16 are read: test_table_files.py."""
    path = tmp_path / "ratings.csv"
    frame().assign(category="Größe").to_csv(path, index=False, encoding="latin-1")
    with pytest.raises(
        RatingsError, match="cannot be read as CSV.*line 2, byte 8.*Windows-1252.*Save it again as UTF-8"
    ):
        read_ratings(path)
    path.write_text("\n\n  \n")
    with pytest.raises(RatingsError, match="has a header line with rater_id|lacks the columns rater_id"):
        read_ratings(path)


def test_people_s_ratings_name_nobody_who_is_gone() -> None:
    """A part of validated ratings is as if it had been validated by itself."""
    whole = frame().assign(
        rater_id=["r1", "r2", "s1", "s2"],
        prompt_id=["p1", "p1", "p2", "p3"],
        category=["c", "c", "d", "e"],
        generator_a=["x", "y", "w", "x"],
        generator_b=["y", "x", "z", "z"],
        simulated=[False, False, True, True],
    )
    found = by_people(validate_ratings(whole))
    pd.testing.assert_frame_equal(found, validate_ratings(whole[~whole["simulated"]]))
    assert list(found["generator_a"].cat.categories) == ["x", "y"] and len(found) == 2


def test_values_without_text_are_refused() -> None:
    with pytest.raises(RatingsError, match="rater_id"):
        validate_ratings(frame().assign(rater_id=[["r1"]] * 4))


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(RatingsError, match="does not exist"):
        read_ratings(tmp_path / "none.csv")
    with pytest.raises(RatingsError, match="is a folder"):
        read_ratings(tmp_path)


def test_no_rows_is_no_error() -> None:
    assert len(validate_ratings(frame().head(0))) == 0
