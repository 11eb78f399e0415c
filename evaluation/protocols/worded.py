"""A protocol from what a form holds: what is shown, and one to four questions worded by people who write no YAML.

It departs from the protocol that shows the same: `BASES`. What a form can't hold, a file can.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from evaluation.protocols import registry
from evaluation.protocols.contract import Protocol
from evaluation.protocols.errors import Path
from evaluation.protocols.kinds import Choice, Reasons, Scale, Text
from evaluation.protocols.kinds.base import ID
from evaluation.protocols.kinds.choice import PREFERENCES
from evaluation.protocols.parts import OTHERWISE, QUOTED, Panels, Question

Layout = Literal["single", "pair", "sets"]
WordedKind = Literal["preference", "choice", "scale", "reasons", "text"]

BASES: dict[Layout, str] = {"single": "single-image", "pair": "pairwise-open", "sets": "drawbench"}
"""The protocol that each layout departs from."""

MOST_WORDED = 4
"""Questions that a form holds."""

_NUMBERED = re.compile(r"(-?[0-9]+(?:\.[0-9]+)?)\s*[=:]\s*(.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class WordedQuestion:
    """A question as a form has it.

    `short`: a few words, of which its id is made. `answers`: a line each: of a preference the left set, indifferent,
    the right set and both bad (or the two sets alone, or without the last); of a scale its steps from the lowest, with
    a number and = before them or counted from 1. `unable`: the text of "can't say" of a scale. `categories`: the only
    ones that it is asked of; all where empty.
    """

    short: str
    text: str
    kind: WordedKind
    answers: tuple[str, ...] = ()
    unable: str = ""
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Worded:
    """What a form says of a protocol. None stands for what the base has."""

    name: str
    layout: Layout
    questions: tuple[WordedQuestion, ...]
    title: str = ""
    hidden: bool = False
    panels: Panels = "all"
    set_size: int | None = None
    raters: int | None = None
    batch: int | None = None
    instructions: str = ""


def protocol_worded(worded: Worded) -> Protocol:
    """The protocol that `worded` says.

    Raises:
        ProtocolError: what can't be; its `path` is the part, which `field_of` finds in the form.
    """
    return registry.declare(_declaration(worded))


def field_of(path: Path) -> tuple[str, int | None]:
    """Which part of the form a path of the declaration is: its name in `Worded` or `WordedQuestion`, and the question's
    place.
    """
    head = str(path[0]) if path else ""
    if head == "questions" and len(path) > 1:
        part = str(path[2]) if len(path) > 2 else "text"
        names = {"id": "short", "steps": "answers", "tags": "answers", "kind": "kind", "short": "short"}
        return names.get(part, part if part in ("answers", "unable") else "text"), int(path[1])
    if head == "category_questions":
        return "categories", 0
    names = {"raters_per_panel": "raters", "shown": "layout"}
    return names.get(head, head), None


def worded_of(protocol: Protocol) -> Worded | None:
    """What a form would have to hold for `protocol`; None where it can't hold all of it."""
    shown = protocol.shown
    layout: Layout = "single" if shown.sets == 1 else "pair" if protocol.set_size == 1 else "sets"
    if protocol.based_on != BASES[layout] or len(protocol.questions) > MOST_WORDED:
        return None
    base = registry.get(BASES[layout])
    worded = Worded(
        name=protocol.name,
        title="" if protocol.title == protocol.name else protocol.title,
        layout=layout,
        hidden=shown.prompt == "hidden",
        panels=protocol.panels,
        set_size=protocol.set_size if layout == "sets" else None,
        raters=None if protocol.raters_per_panel == base.raters_per_panel else protocol.raters_per_panel,
        batch=None if protocol.batch == base.batch else protocol.batch,
        instructions=protocol.instructions,
        questions=tuple(_question_of(each, protocol) for each in protocol.questions),
    )
    return worded if protocol_worded(worded) == protocol else None


def _declaration(worded: Worded) -> dict[str, object]:
    """The declaration as a file would have it."""
    base = registry.get(BASES[worded.layout])
    ids = _ids([each.short for each in worded.questions], "question")
    questions = [
        {"id": name, "short": each.short, "text": each.text, "caption": QUOTED, **_kind(each)}
        for name, each in zip(ids, worded.questions, strict=True)
    ]
    set_size = worded.set_size or base.set_size
    return {
        "based_on": base.name,
        "name": worded.name,
        "title": worded.title or worded.name,
        "source": "not published",
        "questions": questions,
        "answers": None,
        "set_size": set_size if worded.layout == "sets" else 1,
        "shown": {
            "sets": 1 if worded.layout == "single" else 2,
            "prompt": "hidden" if worded.hidden else "shown",
            "combinations": base.shown.combinations,
        },
        "panels": worded.panels,
        "raters_per_panel": base.raters_per_panel if worded.raters is None else worded.raters,
        "batch": base.batch if worded.batch is None else worded.batch,
        "instructions": worded.instructions or None,
        "controls": None,
        "added_controls": None,
        "screening": None,
        "repeats": None,
        "stopping": None,
        "left_open": None,
        "category_questions": _by_category(worded.questions, ids),
    }


def _kind(question: WordedQuestion) -> dict[str, object]:
    """The keys of a question's kind, all of them, so that none is inherited."""
    lines = question.answers
    if question.kind == "preference":
        places = {2: (0, 2), 3: (0, 1, 2)}.get(len(lines), range(len(PREFERENCES)))
        ids = [PREFERENCES[at] for at in places]
        ids += [f"answer-{at}" for at in range(len(ids), len(lines))]  # too many, which the declaration is refused for
        return {"kind": "choice", "answers": _options("choice", ids[: len(lines)], lines)}
    if question.kind == "choice":
        return {"kind": "choice", "answers": _options("choice", _ids(lines, "answer"), lines)}
    if question.kind == "reasons":
        return {"kind": "reasons", "tags": _options("tag", _ids(lines, "tag"), lines)}
    if question.kind == "scale":
        return {"kind": "scale", "steps": _steps(lines), "unable": question.unable or None}
    return {"kind": "text", "at_most": None, "required": None}


def _options(key: str, ids: Sequence[str], texts: Sequence[str]) -> list[dict[str, object]]:
    return [{key: name, "text": text} for name, text in zip(ids, texts, strict=True)]


def _steps(lines: Sequence[str]) -> list[dict[str, object]]:
    found = [_NUMBERED.fullmatch(line) for line in lines]
    steps: list[dict[str, object]] = []
    for at, (line, numbered) in enumerate(zip(lines, found, strict=True), start=1):
        if numbered is None:
            steps.append({"value": at, "text": line})
        else:
            number = float(numbered[1])
            value: int | float = int(number) if number.is_integer() else number
            steps.append({"value": value, "text": numbered[2].strip() or None})
    return steps


def _by_category(questions: Sequence[WordedQuestion], ids: Sequence[str]) -> dict[str, object] | None:
    """Which questions each named category asks, and every other one; None where all ask all."""
    named = list(dict.fromkeys(category for each in questions for category in each.categories))
    if not named:
        return None
    pairs = list(zip(ids, questions, strict=True))
    chosen: dict[str, object] = {
        category: [name for name, each in pairs if not each.categories or category in each.categories]
        for category in named
    }
    return chosen | {OTHERWISE: [name for name, each in pairs if not each.categories]}


def _ids(texts: Sequence[str], fallback: str) -> list[str]:
    """An id of each text: its letters and digits; the fallback with a number where none are left, or it is taken."""
    ids: list[str] = []
    for at, text in enumerate(texts, start=1):
        plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
        name = re.sub(r"[^a-z0-9]+", "-", plain)[:40].strip("-")
        if not ID.fullmatch(name) or name in PREFERENCES or (name in ids and fallback != "question"):
            name = f"{fallback}-{at}"
        ids.append(name)
    return ids


def _question_of(question: Question, protocol: Protocol) -> WordedQuestion:
    kind = question.answers
    name: WordedKind = "text"
    lines: tuple[str, ...] = ()
    unable = ""
    if isinstance(kind, Choice):
        name, lines = "preference" if kind.preference else "choice", kind.texts()
    elif isinstance(kind, Reasons):
        name, lines = "reasons", kind.texts()
    elif isinstance(kind, Scale):
        plain = kind.values == tuple(range(1, len(kind.steps) + 1)) and all(step.text for step in kind.steps)
        lines = tuple(step.text if plain else f"{step.value:g} = {step.text}".rstrip() for step in kind.steps)
        name, unable = "scale", kind.unable or ""
    elif isinstance(kind, Text):
        name = "text"
    everywhere = protocol.category_questions.get(OTHERWISE)
    categories = (
        ()
        if everywhere is None or question.id in everywhere
        else tuple(
            category
            for category, ids in protocol.category_questions.items()
            if category != OTHERWISE and question.id in ids
        )
    )
    return WordedQuestion(
        short=question.short, text=question.text, kind=name, answers=lines, unable=unable, categories=categories
    )


KINDS_WORDED: tuple[WordedKind, ...] = get_args(WordedKind)
