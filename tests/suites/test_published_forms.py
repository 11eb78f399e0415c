"""Suites as their authors publish them: DSG, GenEval 2, T2I-CompBench, Arena's hard prompts; workbooks and Parquet."""

from __future__ import annotations

import csv
import io
import json
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from openpyxl import Workbook

from evaluation.protocols.claims import suite_claims
from evaluation.suites import read_suite
from evaluation.suites.types import SuiteData, SuiteError

DSG = """item_id,text,keywords,proposition_id,dependency,category_broad,category_detailed,tuple,\
question_natural_language
partiprompts12,"A red car, parked",,1,0,entity,whole,entity - whole (car),Is there a car?
partiprompts12,"A red car, parked",,2,1,attribute,color,"attribute - color (car, red)",Is the car red?
midjourney3,two cats,,1,0,entity,whole,entity - whole (cats),Are there cats?
midjourney3,two cats,,2,"1",other,count,"other - count (cats, ==2)",Are there two cats?
"""


def workbook(*sheets: list[list[object]]) -> bytes:
    book = Workbook()
    for sheet in book.worksheets:
        book.remove(sheet)
    for at, rows in enumerate(sheets):
        sheet = book.create_sheet(f"sheet {at}")
        for row in rows:
            sheet.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def parquet(rows: list[dict[str, object]]) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), buffer)
    return buffer.getvalue()


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def texts(suite: SuiteData) -> list[tuple[str, str]]:
    return [(prompt.text, prompt.category) for prompt in suite.prompts]


@pytest.mark.parametrize(
    "data", [DSG.encode(), workbook([list[object](line) for line in csv.reader(DSG.splitlines())])]
)
def test_dsg_keeps_its_questions_with_what_they_hang_on(data: bytes) -> None:
    suite = read_suite(data, file_name="dsg-1k-anns.csv")
    assert texts(suite) == [("A red car, parked", "partiprompts"), ("two cats", "midjourney")]
    first = suite.prompts[0].attributes
    assert first["item_id"] == "partiprompts12"
    assert first["questions"] == [
        {"id": 1, "question": "Is there a car?", "claim": "entity - whole (car)", "kind": "whole", "sort": "entity"},
        {
            "id": 2, "question": "Is the car red?", "claim": "attribute - color (car, red)", "kind": "color",
            "sort": "attribute", "depends_on": [1],
        },
    ]  # fmt: skip
    assert any("4 questions of 2 prompts" in note for note in suite.notes)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ((",2,1,", ",two,1,"), "proposition_id"),
        (("midjourney3,two cats,,2", "midjourney3,three cats,,2"), "another text"),
        (("partiprompts12,", ","), "item_id"),
    ],
)
def test_dsg_that_does_not_hang_together_is_refused(change: tuple[str, str], told: str) -> None:
    with pytest.raises(SuiteError, match=told):
        read_suite(DSG.replace(*change).encode())


def test_geneval_2_keeps_its_questions() -> None:
    line = {
        "prompt": "three red cubes on a table", "atom_count": 4, "skills": ["count", "attribute"],
        "vqa_list": [["How many cubes are there?", "three"], ["What color are they?", "red"]],
    }  # fmt: skip
    suite = read_suite(json.dumps(line).encode(), file_name="geneval2_data.jsonl")
    assert suite.prompts[0].attributes == {
        "atom_count": 4,
        "skills": ["count", "attribute"],
        "questions": [
            {"id": 1, "question": "How many cubes are there?", "answer": "three"},
            {"id": 2, "question": "What color are they?", "answer": "red"},
        ],
    }


CHECKLIST: dict[str, object] = {
    "prompt": "a throne of glass under a blue banner",
    "category": "fantasy",
    "checklist": [
        {"id": "q1", "question": "Is there a throne?", "type": "entity", "parents": []},
        {"id": "q2", "question": "Is it of glass?", "type": "attribute", "parents": ["q1"]},
    ],
}


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_a_checklist_keeps_what_its_questions_depend_on(form: str) -> None:
    """The form of Arena-T2I Hard as its page describes it; its own file is not known."""
    data = json.dumps(CHECKLIST).encode() if form == "jsonl" else parquet([CHECKLIST])
    suite = read_suite(data, file_name=f"arena.{form}")
    assert suite.prompts[0].attributes == {
        "questions": [
            {"id": "q1", "question": "Is there a throne?", "kind": "entity"},
            {"id": "q2", "question": "Is it of glass?", "kind": "attribute", "depends_on": ["q1"]},
        ]
    }
    assert "Questions were read from 'checklist': 2 of 1 prompts." in suite.notes
    claims = suite_claims(suite.prompts).claims[0]
    assert [(each.text, each.kind, each.rests_on) for each in claims] == [
        ("Is there a throne?", "entity", ()),
        ("Is it of glass?", "attribute", (0,)),
    ]


@pytest.mark.parametrize(
    ("items", "told"),
    [
        (["red", "blue"], "no question mark"),
        ([{"name": "x"}], "no field question"),
        ([{"question": "A?", "depends_on": 1}, {"question": "B?"}], "have no ids"),
        ([{"id": 1, "question": "A?", "depends_on": [7]}], "depends on '7'"),
        ([{"id": 1, "question": "A?"}, {"id": 1, "question": "B?"}], "the same id"),
        ([{"id": [], "question": "A?"}], "an id is neither"),
    ],
)
def test_a_list_that_is_no_checklist_stays_as_it_is(items: list[object], told: str) -> None:
    suite = read_suite(json.dumps({"prompt": "a cat", "questions": items}).encode(), file_name="own.jsonl")
    assert suite.prompts[0].attributes == {"questions": items}
    assert any("stays as it is" in note and told in note for note in suite.notes)


def test_t2i_compbench_has_a_file_a_category() -> None:
    files = {
        "color_val.txt": b"a green bench\na blue bowl\n",
        "numeracy_val.txt": b"three cats\n",
        "__MACOSX/._x.txt": b"x",
    }
    suite = read_suite(zipped(files), file_name="T2I-CompBench.zip")
    assert texts(suite) == [("a green bench", "color"), ("a blue bowl", "color"), ("three cats", "numeracy")]


@pytest.mark.parametrize("form", ["jsonl", "parquet", "xlsx", "csv"])
def test_very_long_prompts_in_every_form(form: str) -> None:
    long = " ".join(["a very detailed scene"] * 430)
    rows = [{"prompt": f"{long} {n}", "category": "hard", "difficulty": str(n)} for n in range(3)]
    data = {
        "jsonl": "\n".join(map(json.dumps, rows)).encode(),
        "parquet": parquet(rows),  # type: ignore[arg-type]
        "xlsx": workbook([list[object](rows[0]), *(list[object](row.values()) for row in rows)]),
        "csv": ("prompt,category,difficulty\n" + "".join(",".join(row.values()) + "\n" for row in rows)).encode(),
    }[form]
    suite = read_suite(data, file_name=f"arena.{form}")
    assert [prompt.attributes["difficulty"] for prompt in suite.prompts] == ["0", "1", "2"]
    assert all(len(prompt.text) > 9000 and prompt.category == "hard" for prompt in suite.prompts)


def test_a_workbook_as_people_fill_it() -> None:
    rows: list[list[object]] = [
        ["Prompt", "Category", "Score"],
        ["a cat", "Animals", 3.0],
        [None, None],
        ["a car", "Things", 0.5],
    ]
    suite = read_suite(workbook([], rows, [["other"]]), file_name="prompts.xlsx")
    assert texts(suite) == [("a cat", "Animals"), ("a car", "Things")]
    assert [prompt.attributes["score"] for prompt in suite.prompts] == ["3", "0.5"]
    assert any("not from 'sheet 2'" in note for note in suite.notes)


@pytest.mark.parametrize(
    ("data", "name", "told"),
    [
        (workbook([]), "x.xlsx", "no prompt in it"),
        (workbook([["fox", "bear"]]), "x.xlsx", "No column is called prompt"),
        (zipped({"xl/workbook.xml": b"<no"}), "x.xlsx", "The workbook can't be read"),
        (b"PAR1 nothing", "x.parquet", "Parquet file is damaged"),
        (parquet([{"image": b"x"}]), "x.parquet", "has no field prompt"),
        (zipped({"a.txt": b"\xff\xfe\x00"}), "x.zip", "a.txt"),
        (zipped({"a.png": b"x"}), "x.zip", "zip archive"),
    ],
)
def test_what_can_not_be_read_is_refused_in_one_sentence(data: bytes, name: str, told: str) -> None:
    with pytest.raises(SuiteError) as error:
        read_suite(data, file_name=name)
    assert told in str(error.value) and str(error.value).startswith(f"{name}: ")
