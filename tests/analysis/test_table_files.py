"""Ratings and scores files as spreadsheets save them: the same ratings, or one clear sentence."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from evaluation.analysis import analyse
from evaluation.analysis.answers import read_answers
from evaluation.analysis.automatic_scores import read_automatic_scores
from evaluation.analysis.columns import RatingsError
from evaluation.analysis.frame import read_ratings
from evaluation.analysis.scores import read_scores
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


HEAD = "rater_id,prompt_id,category,generator_a,generator_b,question,choice,comment\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("said", ["", "sep=,\n"])
def test_lines_are_right_after_quoted_line_ends_and_blank_lines(encoding: str, said: str, tmp_path: Path) -> None:
    rows = [
        'r0,p0,c,x,y,q,a,"two\nlines ""quoted"""\n',
        "\n",
        "\r\n",
        'r1,p0,c,x,y,q,b,"a, b\r\nc"\n',
        "r2,p0,c,x,y,q,left,\n",
    ]
    path = tmp_path / "ratings.csv"
    path.write_bytes((said + HEAD + "".join(rows)).encode(encoding))
    line = 8 + bool(said)
    with pytest.raises(RatingsError, match=rf"row 3 \(line {line}\), column choice"):
        read_ratings(path)
    path.write_bytes((said + HEAD + "".join(rows[:-1]) + "r2,p0,c,x,y,q,a\n").encode(encoding))
    with pytest.raises(RatingsError, match=f"Line {line} has 7 cells and the first line 8"):
        read_ratings(path)


def test_every_reader_names_the_same_line(tmp_path: Path) -> None:
    """Ratings, scores, answers and automatic scores, with a quoted line end before the fault."""
    cases = {
        read_ratings: (HEAD, 'r0,p0,c,x,y,q,a,"1\n2"\n', ",p0,c,x,y,q,a,\n"),
        read_scores: (
            "rater_id,prompt_id,category,generator,question,score\n",
            'r0,p0,"c\nd",x,q,1\n',
            "r1,p0,c,x,q,much\n",
        ),
        read_answers: (
            "rater_id,prompt_id,category,question,kind,shown,value\n",
            'r0,p0,"c\nd",q,scale,"[""x""]",1\n',
            'r1,p0,c,q,bogus,"[""x""]",1\n',
        ),
        read_automatic_scores: (
            "prompt_id,generator,sample,metric,value\n",
            'p0,"x\ny",0,clip,1\n',
            "p0,x,0,clip,much\n",
        ),
    }
    for reader, parts in cases.items():
        path = tmp_path / "file.csv"
        path.write_text("".join(parts), newline="")
        with pytest.raises(RatingsError, match=r"row 2 \(line 4\)"):
            reader(path)


@pytest.mark.parametrize("reader", [read_ratings, read_scores, read_answers, read_automatic_scores])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\x1f\x8b\x08\x00", "a gzip archive"),
        (b"%PDF-1.7", "a PDF"),
        (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
        (b'[{"rater_id": "r"}]', "JSON"),
        (b'{"rater_id": "r"}\n', "JSON"),
        (None, "an Excel workbook"),
        (b"", "empty"),
    ],
)
def test_other_files_are_called_what_they_are(
    reader: Callable[[Path], object], content: bytes | None, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "file.csv"
    if content is None:
        openpyxl.Workbook().save(path)
    else:
        path.write_bytes(content)
    with pytest.raises(RatingsError, match=said):
        reader(path)


def test_zip_archives_are_called_so(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("ratings.csv", HEAD)
    with pytest.raises(RatingsError, match="a zip archive, not a ratings file: unpack it first"):
        read_ratings(path)


@pytest.mark.parametrize(
    ("choice", "hint"),
    [
        ("tie", "tie=indifferent"),
        ("left", "left=a"),
        ("RIGHT", "RIGHT=b"),
        ("1", "1=a,2=b"),
        ("indiferent", '"indifferent"'),
    ],
)
def test_answers_in_other_words_get_a_hint(choice: str, hint: str, tmp_path: Path) -> None:
    path = tmp_path / "ratings.csv"
    path.write_text(HEAD + f"r0,p0,c,x,y,q,{choice},\n")
    with pytest.raises(RatingsError, match=f"'{choice}' is not a choice.*{hint}"):
        read_ratings(path)


@pytest.mark.parametrize(
    ("column", "one", "other", "said"),
    [
        ("rater_id", "r0", "r0 ", "differ only in blanks or capitals"),
        ("prompt_id", "P0", "p0", "'P0' and 'p0'"),
        ("category", "Color", "color", "category: 1 group"),
        ("generator_a", "SDXL", "sdxl", "generator: 1 group"),
        ("question", "looks", "looks\u200b", "differ only"),
        ("generator_a", "nan", "x", "generator: 'nan' counts as a name"),
        ("category", "NA", "c", "category: 'NA' counts as a name"),
        ("rater_id", "caf\u00e9", "cafe\u0301", "two Unicode forms"),
        ("generator_a", "caf\u00e9", "cafe\u0301", "two Unicode forms"),
    ],
)
def test_names_that_are_nearly_one_are_said(column: str, one: str, other: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "ratings.csv"

    def notes(first: str, second: str) -> tuple[str, ...]:
        rows = [["r1", "p1", "c", "x", "y", "q", "a", ""], ["r2", "p2", "c", "x", "y", "q", "b", ""]]
        at = HEAD.strip().split(",").index(column)
        rows[0][at], rows[1][at] = first, second
        path.write_text(HEAD + "".join(",".join(row) + "\n" for row in rows), encoding="utf-8")
        return analyse(read_ratings(path)).notes

    assert any(said in note for note in notes(one, other))
    assert any("comment" in note for note in notes(one, other)), "a further column is named once"
    assert not any(said in note for note in notes("other", "another"))
