"""From rows of any source to a checked suite: every rule that holds whatever the file's format."""

import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal
from unicodedata import is_normalized

from common.text import bad_character, look, named
from evaluation.suites.scene import SCENE_SCHEMA_PREFIX, parse_scene
from evaluation.suites.types import (
    MAX_CATEGORY_CHARACTERS,
    MAX_NAME_CHARACTERS,
    MAX_PROMPT_CHARACTERS,
    MAX_PROMPTS,
    NO_CATEGORY,
    Attributes,
    JsonValue,
    PromptData,
    SuiteData,
    SuiteError,
    fold,
)

Duplicates = Literal["refuse", "first"]

MAX_ATTRIBUTES_CHARACTERS = 16_384
MAX_ATTRIBUTES_DEPTH = 8
TOLD_APART_BY = ("image", "challenge", "note")
"""Attributes by which equal prompts are different ones: in COCO several photographs can have one caption, in
PartiPrompts a prompt can stand under several challenges."""
ROWS_NAMED = 10
"""How many rows an error names; the rest are counted."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row as its source has it.

    where: the row's name in messages, such as "line 12".
    category: None where the source has no categories; an empty one where a row lacks the category that others have.
    """

    where: str
    text: str
    category: str | None
    attributes: dict[str, JsonValue]


def build_suite(
    rows: Sequence[Row],
    *,
    name: str,
    source_format: str,
    notes: Iterable[str] = (),
    duplicates: Duplicates = "refuse",
) -> SuiteData:
    """Checks all rows and makes the suite. One SuiteError names everything that is wrong, by row.

    duplicates: two rows are one prompt when nobody can tell their prompts and categories apart (`common.text.look`)
    and TOLD_APART_BY agrees too. "refuse" is an error; "first" keeps the first and says so in the notes. Categories
    that look alike or differ by case alone, and are not the same text, are an error: they would be two in every result.
    """
    name = checked_name(name)
    if not rows:
        raise SuiteError("There is no prompt in it. Give a file with at least one prompt, for example one per line.")
    if len(rows) > MAX_PROMPTS:
        raise SuiteError(f"It has {len(rows):,} prompts; a suite has at most {MAX_PROMPTS:,}. Split it into several.")
    problems = Problems()
    prompts: list[PromptData] = []
    first_seen: dict[tuple[str, ...], str] = {}
    dropped: list[str] = []
    recomposed: list[str] = []
    categories: dict[str, tuple[str, str]] = {}
    for row in rows:
        text = fold(row.text)
        category = NO_CATEGORY if row.category is None else fold(row.category)
        if not _row_is_sound(row, text, category, problems):
            continue
        if any(not is_normalized("NFC", each) for each in (row.text, row.category or "")):
            recomposed.append(row.where)
        like, where = categories.setdefault(look(category).casefold(), (category, row.where))
        if like != category:
            problems.add("categories", f"{row.where} has {_shown(category)}, {where} {_shown(like)}")
        key = (look(text), look(category), *(str(row.attributes.get(name, "")) for name in TOLD_APART_BY))
        if key in first_seen:
            if duplicates == "refuse":
                problems.add("repeated", f"{row.where} repeats {first_seen[key]} ({_shown(text)})")
            else:
                dropped.append(row.where)
            continue
        first_seen[key] = row.where
        prompts.append(PromptData(len(prompts), text, category, row.attributes))
    problems.raise_if_any()
    all_notes = list(notes)
    if dropped:
        all_notes.append(f"Left out as repeated: {listed(dropped)}.")
    if recomposed:
        all_notes.append(f"Letters with marks were brought to one form (Unicode's NFC): {listed(recomposed)}.")
    return SuiteData(name, tuple(prompts), source_format, tuple(all_notes))


def checked_name(name: str) -> str:
    """The suite's name, folded. SuiteError when it is empty, too long or has control characters."""
    folded = fold(name)
    if not folded or len(folded) > MAX_NAME_CHARACTERS or bad_character(folded):
        raise SuiteError(
            f"The suite's name {_shown(folded)} can't be used: it has 1 to {MAX_NAME_CHARACTERS} printable characters."
        )
    return folded


def check_attributes(attributes: Attributes) -> None:
    """SuiteError unless the attributes can be stored, hashed and, where they claim a scene, read as one."""
    _check_json(attributes, "attributes", 0)
    size = len(json.dumps(attributes, ensure_ascii=False))
    if size > MAX_ATTRIBUTES_CHARACTERS:
        raise SuiteError(f"the attributes have {size:,} characters as JSON; at most {MAX_ATTRIBUTES_CHARACTERS:,} fit")
    schema = attributes.get("schema")
    if isinstance(schema, str) and schema.startswith(SCENE_SCHEMA_PREFIX):
        parse_scene(attributes)


def listed(names: Sequence[str]) -> str:
    """Up to ten names, comma separated, and how many more there are."""
    more = len(names) - ROWS_NAMED
    return ", ".join(names[:ROWS_NAMED]) + (f" and {more:,} more" if more > 0 else "")


class Problems:
    """Gathers what is wrong with rows, so that one message tells all of it."""

    SENTENCES: dict[str, Callable[[str], str]] = {
        "empty": lambda rows: f"Without a prompt: {rows}. Write a prompt there or delete the row.",
        "uncategorised": lambda rows: (
            f"Without a category, though other rows have one: {rows}. Write one there, or delete the whole column."
        ),
        "long": lambda rows: (
            f"Too long (a prompt has at most {MAX_PROMPT_CHARACTERS:,} characters, a category"
            f" {MAX_CATEGORY_CHARACTERS}): {rows}. Shorten them; an open quotation mark can swallow rows too."
        ),
        "characters": lambda rows: (
            f"Control characters or broken Unicode in the text: {rows}. Delete them and save the file as UTF-8."
        ),
        "attributes": lambda rows: f"Attributes that can't be used: {rows}.",
        "categories": lambda rows: (
            f"Categories that look alike or differ by case alone: {rows}. Each would be a category of its own in every"
            " result: write them the same way."
        ),
        "repeated": lambda rows: (
            f"Repeated prompts (differences that can't be seen don't count): {rows}. Each would count twice in every"
            " result: delete the repeats, or ask for the first of each to be kept (duplicates='first')."
        ),
    }

    def __init__(self) -> None:
        self.found: dict[str, list[str]] = {}

    def add(self, kind: str, row: str) -> None:
        """kind: a key of SENTENCES; row: the row's name and what is particular to it."""
        self.found.setdefault(kind, []).append(row)

    def raise_if_any(self) -> None:
        """One SuiteError with a sentence for each kind of problem, if there is any."""
        if self.found:
            raise SuiteError(
                " ".join(
                    sentence(listed(self.found[kind]))
                    for kind, sentence in self.SENTENCES.items()
                    if kind in self.found
                )
            )


def _row_is_sound(row: Row, text: str, category: str, problems: Problems) -> bool:
    before = sum(map(len, problems.found.values()))
    if not look(text):
        problems.add("empty", row.where)
    if not look(category):
        problems.add("uncategorised", row.where)
    if len(text) > MAX_PROMPT_CHARACTERS:
        problems.add("long", f"{row.where} ({len(text):,} characters)")
    if len(category) > MAX_CATEGORY_CHARACTERS:
        problems.add("long", f"{row.where} (a category of {len(category):,} characters)")
    bad = bad_character(text) or bad_character(category)
    if bad:
        problems.add("characters", f"{row.where} (U+{ord(bad):04X})")
    try:
        check_attributes(row.attributes)
    except SuiteError as error:
        problems.add("attributes", f"{row.where}: {error}")
    return sum(map(len, problems.found.values())) == before


def _check_json(value: object, path: str, depth: int) -> None:
    if depth > MAX_ATTRIBUTES_DEPTH:
        raise SuiteError(f"{path} is nested deeper than {MAX_ATTRIBUTES_DEPTH} levels")
    if isinstance(value, dict):
        for key, item in value.items():
            _check_json(key, f"a key of {path}", depth)
            _check_json(item, f"{path}.{key}", depth + 1)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _check_json(item, f"{path}[{index}]", depth + 1)
    elif isinstance(value, str):
        bad = bad_character(value, lines=True)
        if bad is not None:
            raise SuiteError(f"{path} contains {named(bad)}")
    elif isinstance(value, float) and not math.isfinite(value):
        raise SuiteError(f"{path} is {value}, which JSON does not have")
    elif not isinstance(value, bool | int | float | None):
        raise SuiteError(f"{path} is a {type(value).__name__}, which JSON does not have")


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
