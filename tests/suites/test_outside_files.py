"""Files as strangers make them: Excel's separators, twins that look the same, columns under other names."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluation.suites import SuiteData, SuiteError, read_suite
from tests.house.repository import CHECKOUT

CASES = CHECKOUT.parent / "shared" / "cases"
needs_cases = pytest.mark.skipif(not CASES.is_dir(), reason="the cases are not here")


def rows(suite: SuiteData) -> list[tuple[str, str]]:
    return [(prompt.text, prompt.category) for prompt in suite.prompts]


def refused(content: str | bytes, **options: str) -> str:
    with pytest.raises(SuiteError) as error:
        read_suite(content.encode() if isinstance(content, str) else content, **options)  # type: ignore[arg-type]
    return str(error.value)


@needs_cases
@pytest.mark.parametrize(
    ("case", "told"),
    [
        ("suite-bidi-override/suite.csv", "line 2 (U+202E)"),
        ("suite-unicode-twins/nfc-nfd.csv", "line 3 repeats line 2"),
        ("suite-unicode-twins/soft-hyphen.csv", "line 3 repeats line 2"),
        ("suite-unicode-twins/zero-width.csv", "line 3 repeats line 2"),
        ("suite-unicode-twins/category-case.csv", "line 3 has 'colors', line 2 'Colors', line 4 has 'COLORS'"),
    ],
)
def test_the_cases_are_refused_by_row(case: str, told: str) -> None:
    with pytest.raises(SuiteError) as error:
        read_suite(CASES / case)
    assert told in str(error.value)


@needs_cases
def test_the_cases_that_are_read() -> None:
    suite = read_suite(CASES / "suite-unicode-twins" / "category.csv")
    assert list(suite.categories) == ["Caf\u00e9"] and any("NFC): line 3." in note for note in suite.notes)
    sep = read_suite(CASES / "suite-sep-line" / "sep.csv")
    assert rows(sep) == [("a red cube", "Colors"), ("two cats", "Counting")]
    assert rows(read_suite(CASES / "suite-sep-line" / "sep-comma.csv")) == [("a red cube", "Colors")]
    assert rows(read_suite(CASES / "report-dollar-labels" / "suite.csv"))
    assert read_suite(CASES / "rater-rtl-caption" / "suite.csv").prompts


@pytest.mark.parametrize("separator", [",", ";", "\t", "|", "^"])
@pytest.mark.parametrize("line", ["sep={}", "SEP={}", '"sep={}"'])
@pytest.mark.parametrize("file_name", ["a.csv", "a.txt", "a.tsv", ""])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_line_that_names_the_separator(separator: str, line: str, file_name: str, end: str) -> None:
    lines = [line.format(separator), *(separator.join(row) for row in (["prompt", "category"], ["a cat", "Pets"]))]
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        suite = read_suite(end.join(lines).encode(encoding), file_name=file_name or None)
        assert rows(suite) == [("a cat", "Pets")]
    assert "line 3" in refused(end.join([*lines[:2], separator + "Pets"]), file_name=file_name)


@pytest.mark.parametrize("sign", ["a", '"', " ", "1"])
def test_what_can_t_be_a_separator(sign: str) -> None:
    assert "can't be one" in refused(f"sep={sign}\nprompt,category\na,b\n")


@pytest.mark.parametrize("separator", ["\t", ";", "|"])
@pytest.mark.parametrize("file_name", ["a.csv", "a.txt", ""])
def test_a_table_without_headings(separator: str, file_name: str) -> None:
    content = f"a cat{separator}Pets\na red car{separator}Cars\n"
    message = refused(content, file_name=file_name)
    assert "without headings" in message and "names the columns" in message
    assert len(read_suite(content.encode(), format="text").prompts) == 2


def test_punctuation_is_no_table() -> None:
    for content in ("a cat; asleep\na dog\n", "prompt\na cat; a dog\nb; c\n", "one; line\n", "a|b\nc|d|e\n"):
        assert read_suite(content.encode()).prompts


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_rows_of_separators_at_the_end(separator: str) -> None:
    table = f"prompt{separator}category\na cat{separator}Pets\n"
    assert rows(read_suite((table + 5 * f"{separator}\n" + f"{separator} {separator}\n").encode())) == [
        ("a cat", "Pets")
    ]
    assert "line 3" in refused(table + f"{separator}\nb{separator}Pets\n")


TWINS = {
    "NFD": ("caf\u00e9", "cafe\u0301"),
    "two marks": ("\u1ea5", "a\u0302\u0301"),
    "a zero-width space": ("a cat", "a\u200b cat"),
    "a word joiner": ("a cat", "a cat\u2060"),
    "a byte order mark": ("a cat", "a \ufeffcat"),
    "a soft hyphen": ("a cat", "a c\u00adat"),
    "tags": ("a cat", "a cat\U000e0061\U000e0062"),
    "a variation selector": ("a \u2764", "a \u2764\ufe0f"),
    "a direction's mark": ("a cat", "\u200ea cat"),
    "isolates": ("a cat", "a \u2066cat\u2069"),
    "a joiner in Latin": ("a cat", "a ca\u200dt"),
    "a non-joiner at the end": ("a cat", "a cat\u200c"),
    "a grapheme joiner": ("a cat", "a c\u034fat"),
    "a Hangul filler": ("a cat", "a\u3164 cat"),
    "another hyphen": ("a blue-green cat", "a blue\u2010green cat"),
    "a no-break blank": ("a cat", "a\u00a0cat"),
}
"""Pairs that nobody can tell apart."""

APART = {
    "case": ("a cat", "A cat"),
    "Persian": ("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\u0645\u06cc\u062e\u0648\u0627\u0647\u0645"),
    "a conjunct": ("\u0915\u094d\u0937", "\u0915\u094d\u200d\u0937"),
    "a family": ("\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f468\U0001f469\U0001f467"),
    "flags": ("\U0001f3f4\U000e0067\U000e0062\U000e007f", "\U0001f3f4\U000e0073\U000e0063\U000e007f"),
    "an exponent": ("x\u00b2", "x2"),
    "an accent": ("resume", "r\u00e9sum\u00e9"),
}
"""Pairs that look different."""


@pytest.mark.parametrize("pair", TWINS.values(), ids=TWINS)
def test_twins_are_a_repeat(pair: tuple[str, str]) -> None:
    assert "line 3 repeats line 2" in refused(f"prompt,category\n{pair[0]},A\n{pair[1]},A\n")
    first = read_suite(f"prompt,category\n{pair[0]},A\n{pair[1]},A\n".encode(), duplicates="first")
    assert len(first.prompts) == 1 and any("Left out as repeated: line 3" in note for note in first.notes)
    try:  # as categories they are one, or refused
        assert len(read_suite(f"prompt,category\na,{pair[0]}\nb,{pair[1]}\n".encode()).categories) == 1
    except SuiteError as error:
        assert "look alike" in str(error) and "line 3" in str(error)


@pytest.mark.parametrize("pair", APART.values(), ids=APART)
def test_what_looks_different_is_different(pair: tuple[str, str]) -> None:
    assert [text for text, _ in rows(read_suite("\n".join(pair).encode()))] == list(pair)


@pytest.mark.parametrize("nothing", ["\u200b", "\u3164", "\u00ad\u2060", "\U000e0041", "\u200e \u200f", "\u2800"])
def test_a_prompt_that_shows_nothing_is_none(nothing: str) -> None:
    assert "Without a prompt: line 2" in refused(f"prompt,category\n{nothing},A\nx,A\n")
    assert "Without a category" in refused(f"prompt,category\na,{nothing}\nx,A\n")


@pytest.mark.parametrize("heading", ["label", "Label", "class", "type", "Kategorie", "categry", "category_name"])
def test_a_column_like_the_category_is_asked_about(heading: str, tmp_path: Path) -> None:
    for content in (
        f"prompt,{heading}\na cat,Pets\n",
        f"prompt;{heading}\na cat;Pets\n",
        f'[{{"prompt": "a cat", "{heading}": "Pets"}}]',
        f'{{"prompt": "a cat", "{heading}": "Pets"}}',
    ):
        (note,) = read_suite(content.encode()).notes
        assert f"'{heading}'" in note and "No column is called category" in note
        assert f"If '{heading}' is the category" in note


def test_columns_are_told_where_there_are_others() -> None:
    (note,) = read_suite(b"Prompts,category,style,promt\na cat,Pets,ink,x\n").notes
    assert "Columns used: 'Prompts' as the prompt, 'category' as the category." in note
    assert "Kept as attributes: 'style', 'promt' (meant as prompt" in note
    assert read_suite(b"prompt,category,attributes\na cat,Pets,{}\n").notes == ()
    assert read_suite(b",prompt,category\n0,a cat,Pets\n").notes == ()
