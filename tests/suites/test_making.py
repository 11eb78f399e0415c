"""Making, cutting and writing suites: the variation grid, the demo's selection, CSV there and back."""

import csv
import io
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.text import bad_character, look
from evaluation.suites import (
    PromptData,
    SuiteData,
    SuiteError,
    bundled_suite,
    csv_bytes,
    read_suite,
    select,
    vary,
    version_hash,
    write_csv,
)
from evaluation.suites.types import JsonValue, fold


def test_vary_makes_every_combination_once() -> None:
    suite = vary("a lighthouse", ["ink", "oil"], ["noon", "dusk", ""], ["fisheye"])
    assert [prompt.text for prompt in suite.prompts] == [
        "a lighthouse, ink, noon, fisheye",
        "a lighthouse, ink, dusk, fisheye",
        "a lighthouse, ink, fisheye",
        "a lighthouse, oil, noon, fisheye",
        "a lighthouse, oil, dusk, fisheye",
        "a lighthouse, oil, fisheye",
    ]
    assert suite.categories == {"ink": 3, "oil": 3}
    assert suite.name == "vary: a lighthouse" and suite.source_format == "made"
    assert suite.prompts[4].attributes == {
        "subject": "a lighthouse",
        "style": "oil",
        "light": "dusk",
        "lens": "fisheye",
    }


def test_vary_by_default_and_without_an_axis() -> None:
    assert len(vary("a fox").prompts) == 6 * 5 * 5
    lenses = vary("a fox", [], [], ["", "fisheye"])
    assert [(p.text, p.category) for p in lenses.prompts] == [("a fox", "no modifier"), ("a fox, fisheye", "fisheye")]
    assert [p.text for p in vary("a fox", [], [], []).prompts] == ["a fox"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("  ",), "subject has 0 characters"),
        (("x" * 1_001,), "subject has 1,001 characters"),
        (("a fox", ["ink", " INK "]), "styles has 'INK' twice"),
        (("a fox", "ink"), "styles is one text"),
        (("a fox", ["x" * 201]), "201 characters"),
        (
            ("a fox", [str(i) for i in range(21)], [str(i) for i in range(10)], [str(i) for i in range(10)]),
            r"2,100 prompts \(21 style x 10 light x 10 lens\)",
        ),
        (("a fox", ["oil"], ["", "ink"], ["", "ink"]), "Repeated prompts"),
        (("a \x07 fox",), "printable characters"),
    ],
)
def test_vary_refuses(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(SuiteError, match=message):
        vary(*arguments)


def test_select_takes_some_of_each_category_in_order_spread_out() -> None:
    prompts = [PromptData(i, str(i), "X" if i < 7 else "Y") for i in range(9)]
    assert [p.number for p in select(prompts, 3)] == [0, 2, 4, 7, 8]
    assert select(prompts, 100) == prompts
    chosen = select(bundled_suite().prompts, per_category=2)
    assert len(chosen) == 22 and len({p.category for p in chosen}) == 11
    with pytest.raises(SuiteError, match="at least one"):
        select(prompts, 0)


text = (
    st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=20)
    .map(fold)
    .filter(lambda found: bool(look(found)) and bad_character(found) is None)
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text,
    lambda values: st.lists(values, max_size=3) | st.dictionaries(text, values, max_size=3),
    max_leaves=6,
)


@given(
    st.lists(
        st.tuples(text, text, st.dictionaries(text.filter(lambda key: key != "schema"), json_values, max_size=3)),
        min_size=1,
        max_size=5,
        unique_by=(lambda row: look(row[0]), lambda row: look(row[1]).casefold()),
    )
)
def test_csv_there_and_back_is_exact(rows: list[tuple[str, str, dict[str, JsonValue]]]) -> None:
    suite = SuiteData("mine", tuple(PromptData(i, *row) for i, row in enumerate(rows)), "csv")
    again = read_suite(csv_bytes(suite), name="mine")
    assert again == suite
    assert version_hash(again.prompts) == version_hash(suite.prompts)


def test_csv_keeps_what_a_spreadsheet_would_take_for_a_formula() -> None:
    suite = read_suite(b"=1+1\n@home\n-5 degrees\n+1")
    assert [p.text for p in read_suite(csv_bytes(suite)).prompts] == ["=1+1", "@home", "-5 degrees", "+1"]


def test_captions_of_several_images_come_back_too() -> None:
    content = {
        "images": [{"id": 1, "file_name": "1.jpg"}, {"id": 2, "file_name": "2.jpg"}],
        "annotations": [{"id": i, "image_id": i, "caption": "a bus"} for i in (1, 2)],
    }
    suite = read_suite(json.dumps(content).encode())
    assert len(suite.prompts) == 2 and read_suite(csv_bytes(suite)).prompts == suite.prompts


def test_write_csv_is_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    suite = bundled_suite()
    path = tmp_path / "out.csv"
    write_csv(suite, path)
    assert read_suite(path).prompts == suite.prompts
    assert next(csv.reader(io.StringIO(path.read_text()))) == ["prompt", "category", "attributes"]
    before = path.read_bytes()

    def full(source: str, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(SuiteError, match="No space left on device"):
        write_csv(vary("a fox"), path)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]
    with pytest.raises(SuiteError, match="can't be written"):
        write_csv(suite, tmp_path / "absent" / "out.csv")
