"""Bad input: each is one message that says what is wrong, where, and what to do."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.suites import SuiteError, read_suite
from evaluation.suites import decode as decoding


def message_of(content: bytes | str, **options: object) -> str:
    data = content.encode() if isinstance(content, str) else content
    with pytest.raises(SuiteError) as caught:
        read_suite(data, **options)  # type: ignore[arg-type]
    return str(caught.value)


@pytest.mark.parametrize(
    ("content", "facts"),
    [
        (b"", ["empty", "one per line"]),
        (b"\xef\xbb\xbf \n\n", ["white space"]),
        (b"prompt,category\n", ["no prompt in it"]),
        (b"PK\x03\x04rest", ["zip archive", "unpack"]),
        (b"\x1f\x8b\x08rest", ["gzip", "unpack"]),
        (b"\x89PNG\r\n\x1a\n", ["PNG"]),
        (bytes(range(128, 256)) * 9, ["encoding is broken", "0x80 at line 1"]),
        (bytes(range(1, 256)) * 9, ["encoding is broken", "not look like text"]),
        (b"\x00\x01\x02\x03 a cat \x00\x07", ["NUL"]),
        ("a cat\na dog".encode("utf-16-le"), ["UTF-16 without its byte order mark"]),
        ("a cat".encode("utf-16") + b"\x00", ["UTF-16-LE", "cut off", "byte 12 "]),
        (
            "prompt,category\na cat,Pets\na Schönhausen dog,Pets".encode("cp1252"),
            ["0xF6", "line 3, byte 5", "Schönhausen", "UTF-8"],
        ),
        (b"<!DOCTYPE html><html>Sign in</html>", ["web page", "sign-in"]),
        ("Promt,Category\na cat,Pets", ["No column is called prompt", "'Promt'", "for 'prompt'"]),
        ("prompt,prompt\na,b", ["Two columns are called 'prompt'"]),
        ("prompt,category\na cat, asleep,Pets", ["Line 2 has 3 cells and the first line 2", "quotation marks", ".txt"]),
        ('prompt,category\na cat,Pets\n"a dog,Pets\nx,Pets\n', ["Line 3", "do not pair"]),
        ('prompt,category\n"OPEN" in red,Text\n', ["Line 2", "do not pair", '""OPEN""']),
        ("prompt,category,attributes\na cat,Pets,count=1", ["line 2", "not JSON"]),
        ('prompt,category,attributes\na cat,Pets,"[1]"', ["line 2", "not an object"]),
        (
            'prompt,count,attributes\na cat,1,"{""count"": 2}"',
            ["line 2", "'count' stands in a column and in the attributes"],
        ),
        ('{"prompt": "a"}\n{"prompt": ', ["Line 2", "not JSON"]),
        ('{"prompt": "a"}\n{"promt": "b"}', ["line 2 has no field prompt", "'promt'"]),
        ('{"prompt": "a"}\n7', ["line 2 is neither"]),
        ('{"prompt": 7}', ["line 1", "'prompt' is 7"]),
        ('[{"prompt": "a", "attributes": [1]}]', ["entry 1", "not an object"]),
        ('[{"prompt": "a", "x": NaN}]', ["NaN is not JSON"]),
        ('["a\\u0000b"]', ["Control characters", "entry 1 (U+0000)"]),
        ('["a\\ud800b"]', ["entry 1 (U+D800)"]),
        ('[{"prompt": "a", "x": "\\u0000"}]', ["entry 1: attributes.x contains U+0000 (NUL)"]),
        ('[{"prompt": "a", "x": ' + "[" * 9 + "]" * 9 + "}]", ["nested deeper than 8"]),
        ('[{"prompt": "a", "x": "' + "y" * 20_000 + '"}]', ["16,384"]),
        (
            '[{"prompt": "a", "schema": "scene/1", "objects": [{"name": "a", "color": "blu"}]}]',
            ["entry 1", 'did you mean "blue"'],
        ),
        ('["a\\u001bb"]', ["U+001B"]),
    ],
)
def test_bad_content(content: bytes | str, facts: list[str]) -> None:
    message = message_of(content)
    for fact in facts:
        assert fact in message, message


def test_columns_without_a_column_of_prompts() -> None:
    message = message_of("one,two\na cat,Pets", file_name="mine.csv")
    assert message.startswith("mine.csv: No column is called prompt: the first line has 'one', 'two'.")
    assert "prompt,category" in message


def test_json_that_is_no_suite(tmp_path: Path) -> None:
    path = tmp_path / "package.json"
    path.write_text(json.dumps({"name": "x", "version": 1}, indent=1))
    with pytest.raises(SuiteError, match=r'^package\.json: This JSON is not a suite.*"annotations"'):
        read_suite(path)
    path.write_text('{"prompts": [\n"a",\n}')
    with pytest.raises(SuiteError, match=r"package\.json: Line 3, column 1: this is not JSON"):
        read_suite(path)
    assert "nested too deeply" in message_of("[" * 100_000, format="json")


def test_all_bad_rows_come_in_one_message_ten_of_them_by_name() -> None:
    rows = ["prompt,category", "a cat,Pets", ",Pets", "a dog,", "a  cat ,Pets", "x" * 32_001 + ",Pets", '"",""']
    rows += [f"a bird {i},Pets" for i in range(2)] + ["a bird 0,Pets"] * 12
    message = message_of("\n".join(rows))
    assert "Without a prompt: line 3, line 7." in message
    assert "Without a category, though other rows have one: line 4, line 7." in message
    assert "line 6 (32,001 characters)" in message
    assert "line 5 repeats line 2 ('a cat')" in message and "line 10 repeats line 8 ('a bird 0')" in message
    assert "and 3 more" in message and "line 19" not in message
    assert "duplicates='first'" in message


def test_lines_are_counted_where_cells_span_several() -> None:
    assert "Without a prompt: line 5." in message_of('prompt,category\n"a\nb",X\nc,X\n,X\n')


def test_blank_line_between_prompts_is_an_empty_prompt() -> None:
    assert "Without a prompt: line 2." in message_of("a cat\n\na dog\n\n\n")


def test_same_prompt_in_two_categories_or_under_two_images_is_two_prompts() -> None:
    assert len(read_suite(b"prompt,category\na cat,X\na cat,Y").prompts) == 2
    assert len(read_suite(b"prompt,image\na cat,1.jpg\na cat,2.jpg").prompts) == 2


def test_first_of_repeated_prompts_can_be_kept() -> None:
    suite = read_suite(b"a cat\na dog\na  cat\na cow", duplicates="first")
    assert [(p.number, p.text) for p in suite.prompts] == [(0, "a cat"), (1, "a dog"), (2, "a cow")]
    assert suite.notes == ("Left out as repeated: line 3.",)


def test_paths_that_are_no_file(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="There is no file"):
        read_suite(tmp_path / "absent.csv")
    with pytest.raises(SuiteError, match="folder or a device"):
        read_suite(tmp_path)
    with pytest.raises(SuiteError, match="folder or a device"):
        read_suite("/dev/zero")
    with pytest.raises(SuiteError, match="There is no file"):
        read_suite("a\0b")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(SuiteError, match="folder or a device"):
        read_suite(pipe)


def test_too_large(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(decoding, "MAX_TEXT_BYTES", 2**20)
    monkeypatch.setattr(decoding, "MAX_JSON_BYTES", 2**21)
    assert "more than 1 MiB" in message_of(b"a cat\n" * 200_000)
    path = tmp_path / "big.json"
    path.write_bytes(b"[" + b'"a",' * 2**20)
    with pytest.raises(SuiteError, match=r"big\.json: It has more than 2 MiB, the limit for JSON"):
        read_suite(path)


def test_names() -> None:
    for name in ("x" * 101, "a\x07b", "  \n "):
        assert "name" in message_of("a cat", name=name)
    assert read_suite(b"a cat", name="  my   suite ").name == "my suite"


@given(st.binary(max_size=200))
def test_any_bytes_give_a_suite_or_a_suite_error(data: bytes) -> None:
    try:
        assert read_suite(data).prompts
    except SuiteError as error:
        assert len(str(error)) > 20


@given(
    st.text(st.sampled_from("ab,;\t\"\n\r {}[]:'|prompt"), max_size=60),
    st.sampled_from([None, "csv", "tsv", "jsonl", "json", "text", "coco"]),
)
def test_any_text_in_any_format_gives_a_suite_or_a_suite_error(text: str, format: str | None) -> None:
    try:
        suite = read_suite(f"prompt{text}".encode(), format=format)
    except SuiteError as error:
        assert len(str(error)) > 20
    else:
        assert all(prompt.text for prompt in suite.prompts)
