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
    assert "Questions were read from 'checklist': 2 of 1 prompt." in suite.notes
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


def test_genai_bench_has_an_object_for_each_prompt() -> None:
    files: dict[str, object] = {
        "00000": {"prompt": "a baker, pulling bread", "models": {"SDXL": [3, 3, 2]}},
        "00001": {"id": "one", "prompt": "a dog"},
    }
    for data in (json.dumps(files), json.dumps(files, indent=1)):
        suite = read_suite(data.encode(), file_name="genai_image.json")
        assert [prompt.text for prompt in suite.prompts] == ["a baker, pulling bread", "a dog"]
        assert suite.prompts[0].attributes == {"id": "00000", "models": {"SDXL": [3, 3, 2]}}
        assert suite.prompts[1].attributes == {"id": "one"}


def test_dpg_bench_has_a_file_a_prompt() -> None:
    files = {"prompts/partiprompts42.txt": b"a red car", "prompts/whoops7.txt": b"a melting clock\n"}
    suite = read_suite(zipped(files), file_name="prompts.zip")
    assert texts(suite) == [("a red car", "partiprompts"), ("a melting clock", "whoops")]
    assert suite.prompts[0].attributes == {"item_id": "partiprompts42"} and "item_id" in suite.notes[0]
    words = read_suite(zipped({"color.txt": b"a red car", "shape.txt": b"a round car"}), file_name="by-category.zip")
    assert texts(words) == [("a red car", "color"), ("a round car", "shape")]


def test_the_sheet_with_prompts_is_read_and_not_the_one_about_them() -> None:
    about: list[list[object]] = [["These are our prompts."], ["Version 2"]]
    book = workbook(about, [["Prompt", "Category"], ["a car", "Colors"]], [["Prompt"], ["a dog"]])
    suite = read_suite(book, file_name="ours.xlsx")
    assert texts(suite) == [("a car", "Colors")]
    assert suite.notes == ("Read from the sheet 'sheet 1'; not from 'sheet 0', 'sheet 2'.",)


TITLED: list[list[object]] = [["Our prompts, 2026", None], [None, None], ["Prompt", "Category"], ["a car", "Colors"]]


@pytest.mark.parametrize("data", [workbook(TITLED), b"Our prompts 2026,\n,\nPrompt,Category\na car,Colors\n"])
def test_a_title_above_the_headings_is_left_out_and_told(data: bytes) -> None:
    suite = read_suite(data, file_name="ours.csv")
    assert texts(suite) == [("a car", "Colors")] and any("Our prompts" in note for note in suite.notes)


def test_rows_as_full_as_the_headings_are_no_title() -> None:
    with pytest.raises(SuiteError, match="No column is called prompt"):
        read_suite(b"a,b\nc,d\nprompt,category\nx,y\n", file_name="ours.csv")


def test_questions_in_a_cell_are_read_as_json() -> None:
    table = 'prompt,questions\na red car,"[""Is there a car?"", ""Is it red?""]"\na dog,Is there a dog?\n'
    suite = read_suite(table.encode(), file_name="asked.csv")
    assert suite.prompts[0].attributes["questions"] == [
        {"id": 1, "question": "Is there a car?"},
        {"id": 2, "question": "Is it red?"},
    ]
    assert suite.prompts[1].attributes["questions"] == "Is there a dog?"
    assert "Questions were read from 'questions': 2 of 1 prompt." in suite.notes
    broken = read_suite(b'prompt,questions\na red car,"[Is there a car?"\n', file_name="asked.csv")
    assert broken.prompts[0].attributes["questions"] == "[Is there a car?"


@pytest.mark.parametrize("text", ["1. a cat\n2. a dog\n", "- a cat\n- a dog\n", "\u2022 a cat\n\u2022 a dog"])
def test_marks_of_a_list_are_told(text: str) -> None:
    suite = read_suite(text.encode(), file_name="ours.txt")
    assert len(suite.prompts) == 2 and "begins as in a list" in suite.notes[0]
    assert not read_suite(b"1. a cat\na dog\n", file_name="ours.txt").notes


def test_a_pointer_of_git_is_no_suite() -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:d468dce2cd76\nsize 12073959\n"
    with pytest.raises(SuiteError, match="Git LFS.*git lfs pull"):
        read_suite(pointer, file_name="prompts.csv")


def test_no_silly_hints_beside_columns() -> None:
    (note,) = read_suite(b"prompt,prompt_id,caption,promt\na cat,7,x,y\n", file_name="ours.csv").notes
    assert "'promt' (meant as prompt?)" in note and note.count("meant as") == 1
