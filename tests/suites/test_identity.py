"""A suite's hashes: the published one is known in any dress, and nothing else passes for it."""

import csv
import io
import json
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.text import bad_character, composed, look
from evaluation.suites import SuiteError, bundled_suite, content_hash, read_suite, recognise, version_hash
from evaluation.suites.known_drawbench import CONTENT_HASH, ROWS
from evaluation.suites.types import PromptData, fold
from tests.suites.published import PATH, needs_published, published_rows

Rows = list[tuple[str, str]]


def table(rows: Rows, header: tuple[str, str] = ("Prompts", "Category"), delimiter: str = ",", end: str = "\n") -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=end).writerows([header, *rows])
    return text.getvalue()


def columns_turned(rows: Rows) -> str:
    return table([(category, prompt) for prompt, category in rows], ("category", "PROMPT"))


DRESSES: dict[str, Callable[[Rows], bytes]] = {
    "plain": lambda rows: table(rows).encode(),
    "byte order mark": lambda rows: table(rows).encode("utf-8-sig"),
    "other header": lambda rows: table(rows, ("caption", "category")).encode(),
    "trailing blanks": lambda rows: table([(f" {a}  ", f"{b} \t") for a, b in rows], ("Prompt ", "Category")).encode(),
    "CRLF": lambda rows: table(rows, end="\r\n").encode(),
    "old Mac line ends": lambda rows: table(rows, end="\r").encode(),
    "TSV": lambda rows: table(rows, delimiter="\t").encode(),
    "semicolons": lambda rows: table(rows, delimiter=";").encode(),
    "UTF-16": lambda rows: table(rows, delimiter="\t", end="\r\n").encode("utf-16"),
    "columns turned": lambda rows: columns_turned(rows).encode(),
    "JSONL": lambda rows: "\n".join(json.dumps({"prompt": a, "category": b}) for a, b in rows).encode(),
    "JSON": lambda rows: json.dumps([{"Prompts": a, "Category": b} for a, b in rows], indent=1).encode(),
    "row numbers": lambda rows: ("," + table(rows).replace("\n", "\n7,")).removesuffix("\n7,").encode(),
    "no-break blanks": lambda rows: table([(a.replace(" ", "\u00a0"), b) for a, b in rows]).encode(),
}


@needs_published
@pytest.mark.parametrize("dress", DRESSES)
def test_published_suite_is_recognised_in_any_dress(dress: str) -> None:
    suite = read_suite(DRESSES[dress](published_rows()))
    assert content_hash(suite.prompts) == CONTENT_HASH
    assert suite.name == "drawbench" and len(suite.prompts) == 200
    assert version_hash(suite.prompts) == version_hash(read_suite(PATH).prompts)


@needs_published
def test_fingerprints_are_those_of_the_published_rows_in_order() -> None:
    assert [category for category, _, _ in ROWS] == [fold(category) for _, category in published_rows()]


@needs_published
def test_six_category_file_of_the_same_name_is_refused_with_counts() -> None:
    part = [
        row
        for row in published_rows()
        if row[1] in ("Colors", "Counting", "Conflicting", "Positional", "Text", "Rare Words")
    ]
    for name in (None, "drawbench", "DrawBench", "Draw-Bench 200"):
        with pytest.raises(SuiteError) as caught:
            read_suite(table(part).encode(), name=name)
        for fact in (
            "102 of its 200",
            "98 missing",
            "Colors 25 of 25",
            "Reddit 0 of 38",
            "docs.google.com",
            "drawbench-part",
        ):
            assert fact in str(caught.value)
    kept = read_suite(table(part).encode(), name="pilot on six categories")
    assert len(kept.prompts) == 102 and "not DrawBench" in kept.notes[-1]


@needs_published
def test_changed_reordered_and_padded_copies_are_told_apart() -> None:
    rows = published_rows()
    changed = [(text.removesuffix("."), category) for text, category in rows[:3]] + rows[3:]
    with pytest.raises(
        SuiteError, match=r"3 differ in wording, punctuation or category \(prompt numbers, from 0: 0, 1, 2\)"
    ):
        read_suite(table(changed).encode())
    with pytest.raises(SuiteError, match="in another order"):
        read_suite(table(rows[::-1]).encode())
    with pytest.raises(SuiteError, match="2 prompts are not DrawBench's"):
        read_suite(table([*rows, ("A gate.", "New"), ("A well.", "New")]).encode())
    with pytest.raises(SuiteError, match="199 of its 200 prompts are here, 1 missing"):
        read_suite(table(rows[:-1]).encode(), name="drawbench")


@needs_published
def test_few_of_its_prompts_under_no_name_are_not_a_claim() -> None:
    assert len(read_suite(table(published_rows()[:10]).encode()).prompts) == 10


def test_another_suite_cannot_take_the_name() -> None:
    with pytest.raises(SuiteError, match="0 of its 200"):
        read_suite(b"prompt,category\na gate,Things\n", name="drawbench")
    with pytest.raises(SuiteError, match="200 prompts are not DrawBench's"):
        read_suite(table([(p.text, p.category) for p in bundled_suite().prompts]).encode(), name="drawbench")


def test_content_hash_by_hand() -> None:
    """printf 'a red  cat\\tX\\nb\\tY' with the blanks folded, through sha256sum."""
    prompts = [PromptData(0, " a red  cat", "X"), PromptData(1, "b", "Y ")]
    assert content_hash(prompts) == "3741b68a728ac41725f783f34ae49e072dbdda7518954744bc875aff3fbc6aaa"


def test_version_hash_covers_attributes_and_order_but_not_the_order_of_keys() -> None:
    one = PromptData(0, "a", "X", {"p": 1, "q": [True, None, "é"]})
    same = PromptData(0, "a", "X", {"q": [True, None, "é"], "p": 1})
    other = PromptData(0, "a", "X", {"p": 2, "q": [True, None, "é"]})
    last = PromptData(1, "b", "X")
    assert version_hash([one, last]) == version_hash([same, last])
    assert len({version_hash(p) for p in ([one, last], [other, last], [last, one], [one])}) == 4
    assert content_hash([one]) == content_hash([other])
    assert version_hash([PromptData(0, "a\tb", "X")]) != version_hash([PromptData(0, "a", "b\tX")])


words = (
    st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp", "Zs")), min_size=1, max_size=12)
    .map(composed)
    .filter(lambda text: bool(look(text)) and bad_character(text) is None and not text.startswith("\ufeff"))
)
prompts = st.lists(words, min_size=1, max_size=4).map(" ".join)
suites = st.lists(
    st.tuples(prompts, words),
    min_size=1,
    max_size=6,
    unique_by=(lambda row: look(row[0]), lambda row: look(row[1]).casefold()),
)


@given(suites, st.sampled_from(sorted(set(DRESSES) - {"no-break blanks"})), st.randoms())
def test_identity_does_not_depend_on_dress(rows: Rows, dress: str, rng: random.Random) -> None:
    plain = read_suite(table(rows).encode(), name="x")
    assert [(p.text, p.category) for p in plain.prompts] == [(fold(a), fold(b)) for a, b in rows]
    dressed = read_suite(DRESSES[dress](rows), name="x")
    assert content_hash(dressed.prompts) == content_hash(plain.prompts)
    assert version_hash(dressed.prompts) == version_hash(plain.prompts)
    shuffled = rng.sample(rows, len(rows))
    same_order = shuffled == rows
    assert (
        content_hash(read_suite(table(shuffled).encode(), name="x").prompts) == content_hash(plain.prompts)
    ) == same_order


def test_recognise_knows_nothing_of_a_stranger() -> None:
    assert recognise(read_suite(b"a cat\na dog\n")) is None
