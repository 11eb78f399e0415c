"""Records of somebody's file into rows of ours: which of them are pairs and which are scores, and what they say."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import numpy as np
import pandas as pd

from common.numbers import number_or_none
from common.words import counted, nearest_name
from evaluation.analysis.columns import RatingsError, listed
from evaluation.analysis.names_alike import ignored_words
from evaluation.analysis.votes_columns import FILE, ROW, SIDED, SYNONYMS, VALUE, Columns, lacking, plain
from evaluation.analysis.votes_files import Record
from evaluation.analysis.votes_platforms import Taken
from evaluation.analysis.votes_words import meanings

DEFAULT_CATEGORY, DEFAULT_QUESTION = "all", "preference"
_RATER_IN_NAME = re.compile(r"(?:rater|annotator|worker|user|judge)[-_ ]?\w+$", re.IGNORECASE)
_SCORE_WORDS = {"yes": 100.0, "somewhat": 50.0, "no": 0.0}
_UNABLE = frozenset({"", "unable", "can't say", "cannot say", "unsure", "na", "n/a", "nan", "none", "null"})
_NO_MODEL = re.compile(
    r"(.*\b(id|index|time|date|age|seed|number|count|duration|seconds|position|order)\b.*|unnamed.*|)"
)


@dataclass(frozen=True)
class Asked:
    """What the caller named, as for ``votes.read_votes``."""

    columns: Mapping[str, str]
    choices: Mapping[str, str]
    models: tuple[str, ...]


@dataclass(frozen=True)
class Rows:
    """Rows of one file in our columns, not yet checked. ``places``: where each stands in the file."""

    kind: Literal["ratings", "scores"]
    source: str
    form: str
    frame: pd.DataFrame
    places: list[str]
    columns: Mapping[str, str]
    answers: Mapping[str, str]
    notes: tuple[str, ...]


def rows_of(taken: Taken, columns: Columns, asked: Asked, *, several: bool) -> Rows:
    """The rows of a file that was taken apart.

    Raises:
        RatingsError: what the votes are about is not known; the message says which option names it.
    """
    reader = _Reader(taken, columns, asked, several)
    if not asked.models and columns.one("generator_a") and columns.one("generator_b") and columns.one("choice"):
        return reader.pairs()
    if not asked.models and columns.one("generator") and columns.one("score"):
        return reader.scores()
    models = _models(taken, columns, asked)
    if models:
        return reader.wide(models)
    raise _nothing_known(taken, columns)


def _nothing_known(taken: Taken, found: Columns) -> RatingsError:
    headings = taken.file.columns
    if found.one("generator") and not found.one("generator_a"):
        return lacking(["score"], headings, taken.file.source)
    missing = [each for each in ("generator_a", "generator_b", "choice") if not found.one(each)]
    return lacking(
        missing, headings, taken.file.source,
        instead=" (of scores: --map generator=COLUMN,score=COLUMN; of a table with a column a model: --models A,B)",
    )  # fmt: skip


def _models(taken: Taken, found: Columns, asked: Asked) -> tuple[str, ...]:
    """The columns of a wide table that are generators: those named, else all that hold numbers and nothing else."""
    headings, records = taken.file.columns, taken.file.records
    for each in asked.models:
        if each not in headings:
            near = nearest_name(each, headings)
            hint = f"; did you mean {near!r}?" if near else "."
            raise RatingsError(
                f"--models {each}: {taken.file.source} has no such column{hint} It has {listed(headings)}."
            )
    if asked.models:
        return asked.models
    if found.one("generator") or found.one("generator_a") or not found.one("prompt_id"):
        return ()

    def is_model(name: str) -> bool:
        if name.lower().startswith("rater_") or _NO_MODEL.fullmatch(plain(name)):
            return False
        cells = [record.cells.get(name, "").strip() for record in records]
        given = [each for each in cells if each]
        return bool(given) and all(number_or_none(each.replace(",", ".")) is not None for each in given)

    models = tuple(name for name in found.others if is_model(name))
    return models if len(models) > 1 else ()


class _Reader:
    """Reads the columns of one file, and remembers what to say of it."""

    def __init__(self, taken: Taken, found: Columns, asked: Asked, several: bool) -> None:
        self.file, self.found, self.asked, self.several = taken.file, found, asked, several
        self.taken = taken
        self.notes: list[str] = list(taken.notes)
        self.answers: Mapping[str, str] = MappingProxyType({})

    def pairs(self) -> Rows:
        choices, records = self.found.by_ours["choice"], list(self.file.records)
        frame, records = self._base(records, choices, ("generator_a", "generator_b"))
        said = frame["choice"].str.strip()
        first, second = (frame[name].str.strip() for name in ("generator_a", "generator_b"))
        named = dict(self.asked.choices)
        pairs = [frozenset(each) for each in zip(first, second, strict=True)]
        keep = ((said != "") | ("" in named)).to_numpy()
        if not keep.all():
            self._say(f"left out {counted(int((~keep).sum()), 'row')} without an answer")
            frame, said, first, second = (each[keep] for each in (frame, said, first, second))
            records = [each for each, kept in zip(records, keep, strict=True) if kept]
            pairs = [each for each, kept in zip(pairs, keep, strict=True) if kept]
        try:
            meant = meanings(list(said), named, pairs)
        except RatingsError as error:
            raise RatingsError(f"{self.file.source}: {error}") from error
        frame["choice"] = [
            meant.by_word.get(each) or ("a" if each == a else "b")
            for each, a, b in zip(said, first, second, strict=True)
        ]
        self.answers = MappingProxyType(dict(meant.by_word))
        if meant.guessed:
            self._say("answers taken as " + ", ".join(f"{t!r} = {o}" for t, o in sorted(meant.guessed.items())))
        if meant.both_bad:
            self._say(f"{counted(meant.both_bad, 'answer')} that both are bad counted as indifferent")
        heading = self.found.one("generator_a") or ""
        if "a_shown_left" not in frame and (plain(heading) in SIDED or meant.sided):
            frame["a_shown_left"] = "true"
            self._say("the first generator of a pair taken as the one that was shown on the left")
        return self._done("ratings", frame, records)

    def scores(self) -> Rows:
        frame, records = self._base(list(self.file.records), self.found.by_ours["score"], ("generator",), value="score")
        return self._scored(frame, records)

    def wide(self, models: Sequence[str]) -> Rows:
        self._say(
            f"columns taken as generators: {listed(models)}" + ("" if self.asked.models else " (--models names others)")
        )
        parts, kept = [], []
        for model in models:
            frame, records = self._base(list(self.file.records), (model,), (), value="score", of_columns=False)
            parts.append(frame.assign(generator=model))
            kept += records
        self.found = Columns(
            self.found.by_ours, self.found.guessed, tuple(each for each in self.found.others if each not in models)
        )
        return self._scored(pd.concat(parts, ignore_index=True), kept)

    def _scored(self, frame: pd.DataFrame, records: list[Record]) -> Rows:
        texts = frame["score"].str.strip()
        words = sorted({each.lower() for each in texts if number_or_none(each) is None} - _UNABLE)
        if words and set(words) <= set(_SCORE_WORDS):
            self._say("yes, somewhat and no taken as 100, 50 and 0")
        frame["score"] = [_score(each, self.file.comma_decimals) for each in texts]
        return self._done("scores", frame, records)

    def _base(
        self,
        records: list[Record],
        values: Sequence[str],
        generators: Sequence[str],
        *,
        value: str = "choice",
        of_columns: bool = True,
    ) -> tuple[pd.DataFrame, list[Record]]:
        """The columns that all kinds share, a block of rows for each column of ``values``."""
        blocks = []
        for column in values:
            block = pd.DataFrame({value: self._cells(column, records)}, dtype=object)
            for name in generators:
                block[name] = self._cells(self.found.one(name) or "", records)
            if of_columns and len(values) > 1 and "question" not in self.asked.columns:
                block["question"] = column
            blocks.append(block)
        frame = pd.concat(blocks, ignore_index=True)
        records = records * len(values)
        frame["rater_id"] = self._raters(records)
        prompt = self.found.one("prompt_id")
        if prompt is None:
            raise lacking(
                ["prompt_id"], self.file.columns, self.file.source,
                instead=" (or --map prompt_id=@row where each vote is on a prompt of its own)",
            )  # fmt: skip
        frame["prompt_id"] = self._cells(prompt, records)
        for name, default in (("category", DEFAULT_CATEGORY), ("question", DEFAULT_QUESTION)):
            if name in frame:
                continue
            named = self.found.one(name)
            frame[name] = default if named is None else self._cells(named, records)
            if named is None:
                self._say(f'no column names the {name}: "{default}" for all (--map {name}=COLUMN names one)')
        self._optional(frame, records)
        return frame, records

    def _raters(self, records: Sequence[Record]) -> list[str]:
        column = self.found.one("rater_id")
        if column is not None:
            return self._cells(column, records)
        stem = Path(self.file.source).stem
        in_name = _RATER_IN_NAME.search(stem)
        if not self.several and in_name is None:
            raise lacking(
                ["rater_id"], self.file.columns, self.file.source,
                instead=" (or --map rater_id=@file where the file is one rater's, --map rater_id=@row where each vote"
                " is another person's)",
            )  # fmt: skip
        name = in_name[0] if in_name else stem
        self._say(f"no column names the rater, so the file is taken as one rater's, {name!r}")
        return [name] * len(records)

    def _optional(self, frame: pd.DataFrame, records: Sequence[Record]) -> None:
        for name in (
            "response_time_ms",
            "a_shown_left",
            "set",
            "repetition",
            "position",
            "control",
            "control_answer",
            "simulated",
        ):
            column = self.found.one(name)
            if column is not None:
                frame[name] = self._cells(column, records)
        seconds = self.found.one("seconds")
        if seconds is not None and "response_time_ms" not in frame:
            numbers = [number_or_none(each.replace(",", ".")) for each in self._cells(seconds, records)]
            frame["response_time_ms"] = ["" if each is None else str(round(each * 1000)) for each in numbers]
        described = [name for name in self.file.columns if name.startswith("rater_") and name != "rater_id"]
        for name in dict.fromkeys([*described, *(each for each in self.found.by_ours if each not in SYNONYMS)]):
            frame[name] = self._cells(self.found.one(name) or name, records)

    def _cells(self, column: str, records: Sequence[Record]) -> list[str]:
        if column == ROW:
            return [f"row {at:06d}" for at in range(1, len(records) + 1)]
        if column == FILE:
            return [Path(self.file.source).stem] * len(records)
        if column.startswith(VALUE):
            return [column.removeprefix(VALUE)] * len(records)
        return [record.cells.get(column, "") for record in records]

    def _say(self, what: str) -> None:
        self.notes.append(f"{self.file.source}: {what}.")

    def _done(self, kind: Literal["ratings", "scores"], frame: pd.DataFrame, records: Sequence[Record]) -> Rows:
        used = {
            ours: "+".join(theirs) for ours, theirs in self.found.by_ours.items() if ours in frame or ours == "seconds"
        }
        guessed = [f"{ours} from {used[ours]!r}" for ours in self.found.guessed if ours in used]
        if guessed:
            self._say(f"columns taken by their names: {', '.join(guessed)} (--map OURS=THEIRS names others)")
        ignored = [each for each in self.found.others if each not in frame]
        if ignored:
            self._say(f"columns ignored: {ignored_words(ignored, SYNONYMS)}")
        form = f"{self.taken.platform}, {self.file.form}" if self.taken.platform else self.file.form
        places = [record.place for record in records]
        return Rows(kind, self.file.source, form, frame, places, used, self.answers, tuple(self.notes))


def _score(text: str, comma_decimals: bool) -> float | str:
    """A score's number; NaN for one that says nothing, and the text itself where it is no score."""
    plain_text = text.replace(",", ".") if comma_decimals else text
    value = number_or_none(plain_text)
    if value is not None:
        return value
    lower = text.lower()
    return _SCORE_WORDS.get(lower, np.nan if lower in _UNABLE else text)
