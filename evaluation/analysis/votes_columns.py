"""Which column of somebody's file is which of ours: by what was named, else by the names that programs use."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from common.tables import plain_heading
from common.words import nearest, nearest_name
from evaluation.analysis.columns import RatingsError, listed

JOINED = "+"
"""Between several columns that hold the same thing, each for a question of its own."""
ROW, FILE, VALUE = "@row", "@file", "@value:"
"""In place of a column: each row counted by itself, the file's name, or one text for all."""

SYNONYMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "rater_id": (
            *("rater id", "rater", "worker id", "workerid", "worker", "annotator id", "annotator", "user id", "user"),
            *("judge", "judge id", "judge hash", "evaluator id", "evaluator", "participant id", "participant"),
            *("prolific id", "prolific pid", "completed by", "labeler id", "labeler", "labeller", "turker", "subject"),
            *("subject id", "voter", "voter id", "person", "respondent", "username", "user name", "session id"),
        ),
        "prompt_id": (
            # a text that two tasks share is one prompt, so texts come before the numbers of tasks
            *(
                "prompt id",
                "item id",
                "uid",
                "prompt",
                "caption",
                "prompt text",
                "text prompt",
                "sample id",
                "instance id",
            ),
            *("task id", "question id", "conversation id", "hitid", "hit id", "item", "instance", "id", "text"),
        ),
        "category": ("category", "categories", "challenge", "skill", "dataset", "prompt category", "split", "group"),
        "generator_a": (
            *("generator a", "model a", "modela", "left model", "model left", "left generator", "generator left"),
            *("model 1", "model1", "system a", "system 1", "method a", "method 1", "left system", "left method"),
            *("image a model", "model name a", "left"),
        ),
        "generator_b": (
            *("generator b", "model b", "modelb", "right model", "model right", "right generator", "generator right"),
            *("model 2", "model2", "system b", "system 2", "method b", "method 2", "right system", "right method"),
            *("image b model", "model name b", "right"),
        ),
        "generator": (
            *("generator", "model", "model name", "model id", "t2i model", "system", "method", "generator name"),
            *("image model", "engine"),
        ),
        "question": (
            *("question", "question text", "aspect", "criterion", "dimension", "attribute", "from name", "schema"),
            *("scheme", "axis", "question name"),
        ),
        "choice": (
            *("choice", "winner", "preference", "preferred", "answer", "vote", "selected", "selection", "better"),
            *("best", "response", "judgement", "judgment", "verdict", "result", "label", "value"),
        ),
        "score": (
            *("score", "rating", "answer", "stars", "likert", "response", "grade", "mos", "label", "value", "mark"),
        ),
        "response_time_ms": ("response time ms", "rt", "time ms", "duration ms", "rt ms", "latency ms"),
        "seconds": (
            *(
                "lead time",
                "worktimeinseconds",
                "work time in seconds",
                "seconds",
                "duration seconds",
                "response time s",
            ),
            "time seconds",
        ),
        "a_shown_left": ("a shown left",),
        "set": ("set", "image set"),
        "repetition": ("repetition",),
        "position": ("position",),
        "control": ("control",),
        "control_answer": ("control answer",),
        "simulated": ("simulated",),
    }
)
"""What each of our columns is called elsewhere (as ``plain_heading`` gives it), the surest names first."""
SIDED = frozenset(
    {"left model", "model left", "left generator", "generator left", "left system", "left method", "left"}
)
"""Names of the first generator that say its side."""
NAMES = frozenset(name for names in SYNONYMS.values() for name in names)
_BEFORE = re.compile(r"^(data|input|meta|metadata|instance|item|fields?)[. ]", re.IGNORECASE)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def plain(heading: str) -> str:
    """A heading as it is compared: without the platform's `data.` or `Input.` before it."""
    return plain_heading(_CAMEL.sub(" ", _BEFORE.sub("", heading.strip())) if heading != heading.upper() else heading)


def is_vote_heading(heading: str) -> bool:
    """Whether a heading (from ``plain_heading``) is one that files of votes have."""
    return heading in NAMES or heading.startswith("input.") or ":::" in heading


@dataclass(frozen=True)
class Columns:
    """``by_ours``: the columns of each of ours, several where each is a question of its own. ``guessed``: those of ours
    that nobody named and that are called otherwise. ``others``: the columns that are none of ours.
    """

    by_ours: Mapping[str, tuple[str, ...]]
    guessed: tuple[str, ...]
    others: tuple[str, ...]

    def one(self, ours: str) -> str | None:
        """The first column that is ``ours``; None without one."""
        return next(iter(self.by_ours.get(ours, ())), None)


def parse_map(given: Sequence[str], option: str = "--map") -> dict[str, str]:
    """`["rater_id=worker,choice=winner"]` as a mapping.

    Raises:
        RatingsError: an entry without "=", or a name given twice.
    """
    found: dict[str, str] = {}
    for entry in (each for text in given for each in _entries(text)):
        name, equals, value = entry.partition("=")
        name, value = name.strip(), value.strip()
        if not equals or not name or not value:
            example = "rater_id=worker" if option == "--map" else "left=a,tie=indifferent"
            raise RatingsError(
                f"{option} {entry}: write it as NAME=NAME, several with commas, such as {option} {example}."
            )
        if found.get(name, value) != value:
            raise RatingsError(f"{option} gives {name} twice, as {found[name]} and as {value}. Give it once.")
        found[name] = value
    return found


def _entries(text: str) -> list[str]:
    """The entries of one option; a comma parts two where each has its "="."""
    parts = text.split(",")
    return parts if all("=" in part for part in parts) else [text]


def find_columns(headings: Sequence[str], named: Mapping[str, str], own: Collection[str], source: str) -> Columns:
    """Which heading is which of our columns.

    Args:
        named: from ``--map``. own: headings that a platform's reader has already called as we do.

    Raises:
        RatingsError: ``named`` has a name that we do not know, or a column that the file lacks.
    """
    by_ours: dict[str, tuple[str, ...]] = {}
    for ours, theirs in named.items():
        if ours not in SYNONYMS and not ours.startswith("rater_"):
            hint = nearest(ours, SYNONYMS) or "."
            raise RatingsError(
                f"--map {ours}={theirs}: {ours!r} is no column of ours{hint} There are {listed(list(SYNONYMS))}."
            )
        by_ours[ours] = tuple(_named(each.strip(), ours, headings, source) for each in _split(theirs, headings))
    taken = {each for columns in by_ours.values() for each in columns}
    guessed = []
    for ours, names in SYNONYMS.items():
        if ours in by_ours:
            continue
        if ours in own:
            by_ours[ours] = (ours,)
            continue
        match = _match(headings, names, taken, ours)
        if match is not None:
            by_ours[ours] = (match,)
            if match != ours:
                guessed.append(ours)
    taken = {each for columns in by_ours.values() for each in columns}
    return Columns(by_ours, tuple(guessed), tuple(each for each in headings if each not in taken))


def _split(theirs: str, headings: Sequence[str]) -> list[str]:
    return [theirs] if theirs in headings or theirs.startswith(VALUE) else theirs.split(JOINED)


def _named(theirs: str, ours: str, headings: Sequence[str], source: str) -> str:
    if theirs in (ROW, FILE) or theirs.startswith(VALUE) or theirs in headings:
        return theirs
    alike = [each for each in headings if plain(each) == plain(theirs)]
    if len(alike) == 1:
        return alike[0]
    hint = nearest(theirs, headings) or "."
    raise RatingsError(f"--map {ours}={theirs}: {source} has no column {theirs!r}{hint} It has {listed(headings)}.")


def _match(headings: Sequence[str], names: Sequence[str], taken: Collection[str], ours: str) -> str | None:
    if ours in headings:
        return ours
    free = [each for each in headings if each not in taken]
    by_plain = {plain(each): each for each in reversed(free)} | {plain_heading(each): each for each in reversed(free)}
    return next((by_plain[name] for name in names if name in by_plain), None)


def lacking(missing: Sequence[str], headings: Sequence[str], source: str, *, instead: str = "") -> RatingsError:
    """What to raise where columns are missing: those there are, the nearest, and the option that would do."""
    known = {plain(each): each for each in headings}
    near = {}
    for ours in missing:
        names = (ours.replace("_", " "), *SYNONYMS[ours])
        match = next((hit for name in names if (hit := nearest_name(name, known)) is not None), None)
        if match is not None:
            near[ours] = known[match]
    hints = "".join(f" Is {theirs!r} meant to be {ours}?" for ours, theirs in near.items())
    option = ",".join(f"{ours}={near.get(ours, 'COLUMN')}" for ours in missing)
    return RatingsError(
        f"{source} has no column that is known to be {' or '.join(missing)}. Its columns are"
        f" {listed(headings) or 'none'}.{hints} Name {'it' if len(missing) == 1 else 'them'}: --map {option}{instead}."
    )
