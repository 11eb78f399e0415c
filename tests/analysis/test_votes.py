"""Votes from anywhere: the same votes in every platform's form are the same ratings, and what is not known is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest

from evaluation.analysis.columns import RatingsError
from evaluation.analysis.frame import read_ratings
from evaluation.analysis.votes import read_votes
from evaluation.analysis.votes_columns import SYNONYMS, parse_map
from evaluation.analysis.votes_pairs import as_pairs, pairs_of_scores
from evaluation.analysis.votes_words import meanings

ANSWERS = ("a", "b", "indifferent", "a", "indifferent", "b")
LEFT = {"a": "left", "b": "right", "indifferent": "tie"}


def votes() -> list[dict[str, str]]:
    """Two raters on three prompts; the pair stands in both orders."""
    rows = []
    for at, answer in enumerate(ANSWERS):
        a, b = ("sdxl", "flux") if at % 2 else ("flux", "sdxl")
        row = {"rater": f"w{at // 3}", "prompt": f"p{at % 3}", "a": a, "b": b, "answer": answer, "category": "Colors"}
        rows.append(row)
    return rows


def expected(question: str = "preference", category: str = "Colors") -> list[tuple[str, ...]]:
    """By rater and prompt, pairs in alphabetical order and answers turned with them."""
    turned = {"a": "b", "b": "a", "indifferent": "indifferent"}
    return [
        (
            row["rater"],
            row["prompt"],
            category,
            "flux",
            "sdxl",
            question,
            turned[ANSWERS[at]] if at % 2 else ANSWERS[at],
        )
        for at, row in enumerate(votes())
    ]


def rows_of(frame: pd.DataFrame) -> list[tuple[str, ...]]:
    names = ["rater_id", "prompt_id", "category", "generator_a", "generator_b", "question", "choice"]
    return [tuple(map(str, row)) for row in frame[names].itertuples(index=False)]


def label_studio() -> str:
    def annotation(row: dict[str, str], value: dict[str, Any], kind: str = "choices") -> dict[str, Any]:
        result = {"from_name": "preference", "to_name": "img", "type": kind, "value": value}
        return {"id": 1, "completed_by": row["rater"], "result": [result], "lead_time": 2.5, "was_cancelled": False}

    tasks = []
    for row in votes():
        data = {"model_a": row["a"], "model_b": row["b"], "category": row["category"], "prompt_id": row["prompt"]}
        value = {"choices": [LEFT[row["answer"]]]}
        own = annotation(row, value)
        gone = annotation(row, value) | {"was_cancelled": True}
        tasks.append({"id": 7, "data": data, "annotations": [own, gone], "predictions": []})
    tasks.append({"id": 8, "data": {}, "annotations": []})
    return json.dumps(tasks)


def label_studio_short() -> str:
    """JSON-MIN: one flat object an annotation; `completed_by` as an object elsewhere, here `annotator`."""
    return json.dumps(
        [
            {"annotator": row["rater"], "prompt_id": row["prompt"], "category": row["category"], "model_a": row["a"],
             "model_b": row["b"], "choice": LEFT[row["answer"]].title(), "lead_time": 2.5}
            for row in votes()
        ]
    )  # fmt: skip


def potato() -> str:
    lines = []
    for row in votes():
        instance = {"user": row["rater"], "id": row["prompt"], "model_a": row["a"], "model_b": row["b"]}
        answer = {"preference": {LEFT[row["answer"]]: "1"}}
        more = {"category": row["category"], "span_annotations": {}, "behavioral_data": {"time": "1"}}
        lines.append(json.dumps(instance | more | {"label_annotations": answer}))
    return "\n".join(lines)


def potato_table() -> str:
    head = [
        "user",
        "instance_id",
        "category",
        "model_a",
        "model_b",
        *(f"preference:::{each}" for each in LEFT.values()),
    ]
    lines = ["\t".join(head)]
    for row in votes():
        marks = ["true" if LEFT[row["answer"]] == each else "" for each in LEFT.values()]
        lines.append("\t".join([row["rater"], row["prompt"], row["category"], row["a"], row["b"], *marks]))
    return "\n".join(lines)


def turk(style: str) -> Callable[[], str]:
    def write() -> str:
        table = []
        for row in votes():
            cells = {
                "HITId": "H" + row["prompt"], "WorkerId": row["rater"], "AssignmentStatus": "Approved",
                "WorkTimeInSeconds": "12", "Input.prompt_id": row["prompt"], "Input.category": row["category"],
                "Input.model_a": row["a"], "Input.model_b": row["b"],
            }  # fmt: skip
            said = LEFT[row["answer"]]
            if style == "column":
                cells["Answer.preference"] = said
            elif style == "options":
                cells |= {f"Answer.preference.{each}": str(each == said).lower() for each in LEFT.values()}
            else:
                cells["Answer.taskAnswers"] = json.dumps(
                    [{"preference": {each: each == said for each in LEFT.values()}}]
                )
            table.append(cells)
        table.append(table[0] | {"WorkerId": "bot", "AssignmentStatus": "Rejected"})
        return pd.DataFrame(table).to_csv(index=False)

    return write


def arena() -> str:
    """Chatbot Arena's words, as JSON lines."""
    words = {"a": "model_a", "b": "model_b", "indifferent": "tie (bothbad)"}
    return "\n".join(
        json.dumps({"question_id": row["prompt"], "model_a": row["a"], "model_b": row["b"], "judge": row["rater"],
                    "winner": words[row["answer"]], "category": row["category"], "turn": 1})
        for row in votes()
    )  # fmt: skip


def arena_columns() -> str:
    table = [
        {"judge": row["rater"], "id": row["prompt"], "category": row["category"], "model_a": row["a"],
         "model_b": row["b"], "winner_model_a": int(row["answer"] == "a"), "winner_model_b": int(row["answer"] == "b"),
         "winner_tie": int(row["answer"] == "indifferent")}
        for row in votes()
    ]  # fmt: skip
    return pd.DataFrame(table).to_csv(index=False)


def named_winner() -> str:
    """The winner by its own name; sides by the columns' names; semicolons."""
    table = [
        {"worker": row["rater"], "prompt": row["prompt"], "category": row["category"], "left_model": row["a"],
         "right_model": row["b"],
         "winner": {"a": row["a"], "b": row["b"]}.get(row["answer"], "no preference")}
        for row in votes()
    ]  # fmt: skip
    return str(pd.DataFrame(table).to_csv(index=False, sep=";"))


FORMS: dict[str, tuple[str, Callable[[], str]]] = {
    "label studio": ("export.json", label_studio),
    "label studio, short": ("min.json", label_studio_short),
    "potato": ("annotated_instances.jsonl", potato),
    "potato, table": ("annotated_instances.tsv", potato_table),
    "turk, a column": ("batch.csv", turk("column")),
    "turk, options": ("batch.csv", turk("options")),
    "turk, JSON": ("batch.csv", turk("json")),
    "arena": ("votes.jsonl", arena),
    "arena, a column a verdict": ("votes.csv", arena_columns),
    "named winner": ("votes.csv", named_winner),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_platform_s_form_gives_the_same_ratings(form: str, tmp_path: Path) -> None:
    name, write = FORMS[form]
    path = tmp_path / name
    path.write_text(write(), encoding="utf-8")
    found = read_votes([path])
    assert found.kind == "ratings"
    assert sorted(rows_of(found.frame)) == sorted(expected())
    assert found.columns and found.notes, "what was guessed is said"
    if "label" in form or "turk" in form:
        assert set(found.frame["response_time_ms"]) == ({2500.0} if "label" in form else {12000.0})


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "utf-32"])
def test_any_encoding(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "votes.csv"
    path.write_bytes(named_winner().encode(encoding))
    assert sorted(rows_of(read_votes([path]).frame)) == sorted(expected())


def test_workbooks_and_parquet(tmp_path: Path) -> None:
    table = [list(votes()[0]), *(list(row.values()) for row in votes())]
    table[0] = ["worker id", "prompt id", "model a", "model b", "vote", "category"]
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.append([None])
    for row in table:
        sheet.append(row)
    book.save(tmp_path / "votes.xlsx")
    frame = pd.DataFrame(table[1:], columns=table[0])
    frame.to_parquet(tmp_path / "votes.parquet")
    for name in ("votes.xlsx", "votes.parquet"):
        assert sorted(rows_of(read_votes([tmp_path / name]).frame)) == sorted(expected()), name
    frame["vote"] = "bogus"
    with pytest.raises(RatingsError, match=r"'bogus' \(6\).*--choice-map bogus=a"):
        frame.to_parquet(tmp_path / "votes.parquet")
        read_votes([tmp_path / "votes.parquet"])


def test_columns_and_answers_may_be_named(tmp_path: Path) -> None:
    table = [
        {"wer": r["rater"], "was": r["prompt"], "eins": r["a"], "zwei": r["b"], "urteil": r["answer"][0]}
        for r in votes()
    ]
    path = tmp_path / "votes.csv"
    pd.DataFrame(table).to_csv(path, index=False)
    named = parse_map(["rater_id=wer,prompt_id=was", "generator_a=eins,generator_b=zwei,choice=urteil"])
    named |= parse_map(["category=@value:Colors", "question=@value:alignment"])
    found = read_votes([path], columns=named, choices=parse_map(["i=indifferent"], "--choice-map"))
    assert sorted(rows_of(found.frame)) == sorted(expected("alignment"))
    with pytest.raises(RatingsError) as caught:
        read_votes([path], columns={"rater_id": "wer"})
    message = str(caught.value)
    assert "wer, was, eins, zwei, urteil" in message and "--map generator_a=COLUMN" in message
    with pytest.raises(RatingsError, match="no column 'weer'; did you mean \"wer\""):
        read_votes([path], columns={"rater_id": "weer"})
    with pytest.raises(RatingsError, match="'ratr_id' is no column of ours; did you mean \"rater_id\""):
        read_votes([path], columns={"ratr_id": "wer"})


def test_several_columns_are_several_questions(tmp_path: Path) -> None:
    table = [
        {
            "rater": r["rater"],
            "prompt": r["prompt"],
            "model_a": r["a"],
            "model_b": r["b"],
            "looks": r["answer"],
            "text": "a",
        }
        for r in votes()
    ]
    path = tmp_path / "votes.csv"
    pd.DataFrame(table).to_csv(path, index=False)
    found = read_votes([path], columns={"choice": "looks+text"})
    assert set(map(str, found.frame["question"])) == {"looks", "text"} and len(found.frame) == 12


@pytest.mark.parametrize(
    ("missing", "option"),
    [
        ("judge", "--map rater_id=@row"),
        ("id", "--map prompt_id=@row"),
        ("model_b", "--map generator_b="),
        ("winner", "--map"),
    ],
)
def test_what_is_missing_is_named_with_the_option(missing: str, option: str, tmp_path: Path) -> None:
    table = [
        {"judge": r["rater"], "id": r["prompt"], "model_a": r["a"], "model_b": r["b"], "winner": r["answer"]}
        for r in votes()
    ]
    path = tmp_path / "votes.csv"
    pd.DataFrame(table).drop(columns=missing).to_csv(path, index=False)
    with pytest.raises(RatingsError) as caught:
        read_votes([path])
    assert option in str(caught.value) and "votes.csv" in str(caught.value)


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (["1", "2", "tie"], {"1": "a", "2": "b", "tie": "indifferent"}),
        (["A", "B", "Both bad"], {"A": "a", "B": "b", "Both bad": "indifferent"}),
        (["Left", "RIGHT", "no_preference"], {"Left": "a", "RIGHT": "b", "no_preference": "indifferent"}),
    ],
)
def test_words_that_are_guessed(answers: list[str], said: dict[str, str]) -> None:
    assert dict(meanings(answers, {}, [frozenset("xy")] * 3).by_word) == said


@pytest.mark.parametrize("answers", [["0", "1"], ["-1", "0", "1"], ["1", "2", "3"], ["much better", "a"], ["1"]])
def test_words_that_are_not(answers: list[str]) -> None:
    with pytest.raises(RatingsError, match="--choice-map"):
        meanings(answers, {}, [frozenset("xy")] * len(answers))


def test_wide_tables_and_long_ones_are_scores(tmp_path: Path) -> None:
    wide = pd.DataFrame(
        {"rater": ["w1", "w2"], "prompt": ["p1", "p1"], "SD 2,1": ["4,5", "3"], "flux": ["5", ""], "age": ["30", "40"]}
    )
    path = tmp_path / "wide.csv"
    wide.to_csv(path, index=False, sep=";")
    found = read_votes([path])
    assert found.kind == "scores" and any("'SD 2,1'" in n or "SD 2,1, flux" in n for n in found.notes)
    rows = {(str(r), str(g)): s for r, g, s in found.frame[["rater_id", "generator", "score"]].itertuples(index=False)}
    assert rows["w1", "SD 2,1"] == 4.5 and rows["w1", "flux"] == 5 and pd.isna(rows["w2", "flux"]) and len(rows) == 4
    long = wide.drop(columns="age").melt(["rater", "prompt"], var_name="model", value_name="rating")
    long.to_csv(path, index=False, sep=";")
    assert sorted(map(str, read_votes([path]).frame["generator"])) == ["SD 2,1", "SD 2,1", "flux", "flux"]
    with pytest.raises(RatingsError, match="--compare-scores"):
        as_pairs(read_votes([path]))
    (pair,) = rows_of(as_pairs(read_votes([path]), compare_scores=True))
    assert pair == ("w1", "p1", "all", "SD 2,1", "flux", "preference", "b")


def test_repeats_may_be_counted(tmp_path: Path) -> None:
    path = tmp_path / "votes.csv"
    rows = [
        {"judge": "j", "id": "p", "model_a": x, "model_b": y, "winner": "tie"}
        for x, y in (("m", "n"), ("n", "m"), ("m", "o"))
    ]
    pd.DataFrame(rows).to_csv(path, index=False)
    with pytest.raises(RatingsError, match=r"row 2 \(line 3\).*--number-repeats"):
        read_votes([path])
    assert list(read_votes([path], number_repeats=True).frame["repetition"]) == [0, 1, 0]


def test_our_own_file_is_read_as_ever(tmp_path: Path) -> None:
    path = tmp_path / "ratings.csv"
    names = ["rater_id", "prompt_id", "category", "generator_a", "generator_b", "question", "choice"]
    pd.DataFrame(expected(), columns=names).to_csv(path, index=False)
    found = read_votes([path])
    assert not found.columns and not found.answers
    pd.testing.assert_frame_equal(found.frame, read_ratings(path))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"a": 1', "looks like JSON"),
        (b"[1, 2]", "must be an object"),
        (b'{"a": 1, "b": 2}\n{"a": }\n', "Line 2 of the JSON lines"),
        (b"PK\x03\x04 nothing", "damaged zip"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"judge,id\n\xff\xfe,x\n", "line 2"),
        (b"judge,id,winner\nj,1,a\n\nj,2,b,c\n", "Line 4"),
        (b'judge,id\n"j,1\n', "quotation marks"),
    ],
)
def test_damaged_files_are_called_what_they_are(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "votes.dat"
    path.write_bytes(content)
    with pytest.raises(RatingsError, match=said):
        read_votes([path])


def test_scores_compared_are_the_pairs_of_each_rater() -> None:
    scores = read_votes_frame(
        [
            ("r", "p", "x", 1.0, 0),
            ("r", "p", "y", 2.0, 0),
            ("r", "p", "z", 2.0, 0),
            ("s", "p", "x", 1.0, 0),
            ("r", "p", "x", 5.0, 1),
        ]
    )
    found = {row[:5] + row[6:] for row in rows_of(pairs_of_scores(scores))}
    assert found == {
        ("r", "p", "c", "x", "y", "b"),
        ("r", "p", "c", "x", "z", "b"),
        ("r", "p", "c", "y", "z", "indifferent"),
    }


def read_votes_frame(rows: list[tuple[str, str, str, float, int]]) -> pd.DataFrame:
    from evaluation.analysis.scores import validate_scores

    frame = pd.DataFrame(rows, columns=["rater_id", "prompt_id", "generator", "score", "set"])
    return validate_scores(frame.assign(category="c", question="q"))


def test_no_name_of_a_column_stands_for_two_sides() -> None:
    pairs = [
        ("generator_a", "generator_b"),
        ("rater_id", "prompt_id"),
        ("generator", "generator_a"),
        ("category", "question"),
    ]
    for one, other in pairs:
        assert not set(SYNONYMS[one]) & set(SYNONYMS[other]), (one, other)
