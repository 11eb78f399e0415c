"""Answers of any kind as a frame: one row an answer, checked, and what can be counted of each kind.

Columns ``rater_id, prompt_id, category, question, kind, shown, value``: ``shown`` is a JSON list of the generators in
the order shown, ``value`` JSON. By kind: ``choice`` an id; ``scale`` a number, or "unable"; ``ranking`` a list
of lists of places in ``shown``, best first, ties together; ``claim`` yes, no or unsure, the question being
``name:number``; ``words`` places of words; ``points`` [x, y] or a list of such; ``reasons`` a list of tags; ``text``.
``repetition`` may follow: 0, or 1 for a trial that the rater saw again; ``control``: whether its right answer is
known, and ``control_answer``, JSON; ``simulated``; ``response_time_ms``; ``position``; those of
``display_columns``. Further columns are kept and ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from common.json_in import JsonError, read_json
from common.words import nearest
from evaluation.analysis.columns import (
    Checker,
    Places,
    RatingsError,
    check_columns,
    flags_column,
    listed,
    numbers_column,
    text_column,
)
from evaluation.analysis.display_columns import DISPLAY, display_columns
from evaluation.analysis.frame_cells import read_csv
from evaluation.analysis.table_file import FileForm, open_table_file

COLUMNS = ("rater_id", "prompt_id", "category", "question", "kind", "shown", "value")
OPTIONAL = ("repetition", "response_time_ms", "position", "control", "control_answer", "simulated")
KEY = ("rater_id", "prompt_id", "question", "shown", "repetition", "control")
UNABLE = "unable"
SIDES: Mapping[str, str] = MappingProxyType(
    {"left": "a", "indifferent": "indifferent", "right": "b", "both_bad": "indifferent"}
)
"""What a preference of one of a pair counts as in rates, the left set being A."""


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and bool(np.isfinite(value))


def _is_place(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_ranking(value: object, n: int) -> bool:
    if not isinstance(value, list) or not all(isinstance(group, list) and group for group in value):
        return False
    places = [place for group in value for place in group]
    return all(map(_is_place, places)) and sorted(places) == list(range(n))


def _is_points(value: object, n: int) -> bool:
    return isinstance(value, list) and all(
        len(each) == 2 and all(_is_number(one) and 0 <= one <= 1 for one in each) for each in points_of(value)
    )


def points_of(value: list[Any]) -> list[list[Any]]:
    """The points of a value: one point stands by itself."""
    return [value] if value and not isinstance(value[0], list) else value


FORMS: Mapping[str, tuple[str, Callable[[Any, int], bool]]] = MappingProxyType(
    {
        "choice": ("the id of an answer", lambda value, n: isinstance(value, str) and bool(value)),
        "scale": ('a number, or "unable"', lambda value, n: value == UNABLE or _is_number(value)),
        "ranking": ("a list of lists that holds each place of shown once, best first", _is_ranking),
        "claim": ("yes, no or unsure", lambda value, n: value in ("yes", "no", "unsure")),
        "words": ("a list of places of words", lambda value, n: isinstance(value, list) and all(map(_is_place, value))),
        "points": ("[x, y] in fractions of the image, or a list of them", _is_points),
        "reasons": (
            "a list of tags",
            lambda value, n: isinstance(value, list) and all(isinstance(each, str) for each in value),
        ),
        "text": ("a text", lambda value, n: isinstance(value, str)),
    }
)
"""What a value of each kind is, in words, and whether one is."""


FORM = FileForm(
    "file of answers", COLUMNS, types=dict.fromkeys((*COLUMNS, "set", *OPTIONAL, *DISPLAY), pa.string()), numbers=()
)


def read_answers(path: str | Path) -> pd.DataFrame:
    """The answers of a CSV file, checked; the apostrophes that an export put before formulas are taken off.

    Raises:
        RatingsError: with the row and the column.
    """
    path = Path(path)
    found = open_table_file(path, FORM)
    try:
        frame = read_csv(found)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise found.unreadable(error) from error
    return validate_answers(frame, source=path.name, places=found.place)


def validate_answers(
    answers: pd.DataFrame, *, source: str = "the answers", places: Places | None = None
) -> pd.DataFrame:
    """Check a frame of answers.

    ``shown`` comes back as tuples of names, ``value`` as the JSON's values. ``repetition``, ``control`` and
    ``simulated`` are always there (0 and false where not given).

    Raises:
        RatingsError: a column is missing, an id empty, a kind or value not allowed, or an answer doubled, with row and
            column.
    """
    if not isinstance(answers, pd.DataFrame):
        raise RatingsError(f"{source} must be a pandas DataFrame; got {type(answers).__name__}.")
    check_columns([str(name) for name in answers.columns], COLUMNS, source)
    check = Checker(source, places)
    frame = answers.reset_index(drop=True)
    columns: dict[str, Any] = {
        name: text_column(frame[name], check, refuse_lost=name in {"rater_id", "prompt_id"}) for name in COLUMNS[:5]
    }
    unknown = np.flatnonzero(~frame["kind"].isin(FORMS).to_numpy())
    if len(unknown):
        kind = str(frame["kind"].iloc[unknown[0]])
        hint = nearest(kind, FORMS) or "."
        check.fail(unknown, "kind", f"{kind!r} is no kind of answer{hint} Allowed are {listed(list(FORMS))}.")
    flags: dict[str, pd.Series] = {}
    for name in ("control", "simulated"):
        given = flags_column(frame[name], check).fillna(False) if name in frame else np.zeros(len(frame), bool)
        flags[name] = pd.Series(np.asarray(given, dtype=bool))
    shown_cells = zip(frame["shown"], flags["control"], strict=True)
    shown_names = [_shown(cell, row, check, control) for row, (cell, control) in enumerate(shown_cells)]
    columns["shown"] = pd.Series(shown_names, dtype=object)
    values = []
    for row, (kind, shown, cell) in enumerate(zip(frame["kind"], columns["shown"], frame["value"], strict=True)):
        value, (words, fits) = _value(cell), FORMS[str(kind)]
        if not fits(value, len(shown)):
            check.fail(np.array([row]), "value", f"{cell!r} is no value of kind {kind}. Allowed is {words}.")
        values.append(value)
    columns["value"] = pd.Series(values, dtype=object)
    columns["repetition"] = _repetitions(frame, check)
    for name in ("response_time_ms", "position"):
        if name in frame:
            columns[name] = numbers_column(frame[name], check)
    columns |= display_columns(frame, check)
    columns |= flags | {name: frame[name] for name in frame.columns if name not in columns and name not in flags}
    result = pd.DataFrame(columns)
    again = np.flatnonzero(result.duplicated(list(KEY)).to_numpy())
    if len(again):
        check.fail(again, "rater_id", "this rater has answered this question about this trial before; keep one.")
    return result


def _value(cell: object) -> Any:
    """A cell's JSON; a bare word counts as text, and what came as values stays."""
    if not isinstance(cell, str):
        return cell
    try:
        return read_json(cell)
    except JsonError:
        return cell


def _shown(cell: object, row: int, check: Checker, control: bool) -> tuple[str, ...]:
    names = _value(cell)
    if not isinstance(names, list | tuple) or not names or not all(isinstance(each, str) and each for each in names):
        check.fail(np.array([row]), "shown", f'{cell!r} is no JSON list of generators, such as ["one", "two"].')
    if len(set(names)) < len(names) and not control:
        check.fail(np.array([row]), "shown", f"{cell!r} shows a generator twice.")
    return tuple(names)


def _repetitions(frame: pd.DataFrame, check: Checker) -> pd.Series:
    if "repetition" not in frame:
        return pd.Series(np.zeros(len(frame), dtype=np.int64))
    numbers = pd.to_numeric(frame["repetition"].replace("", "0"), errors="coerce")
    wrong = np.flatnonzero(~(numbers.notna() & (numbers >= 0) & (numbers % 1 == 0)).to_numpy())
    if len(wrong):
        check.fail(wrong, "repetition", f"{frame['repetition'].iloc[wrong[0]]!r} is no whole number from 0.")
    return numbers.astype(np.int64)


def no_answers() -> pd.DataFrame:
    """A frame of answers without rows."""
    return pd.DataFrame({name: pd.Series([], dtype=object) for name in COLUMNS})


def main_answers(answers: pd.DataFrame) -> pd.DataFrame:
    """Those of a validated frame that count: no control trials, and no trial that the rater saw again."""
    out = answers["control"].to_numpy() | (answers["repetition"] > 0).to_numpy()
    return answers[~out] if out.any() else answers


def preferences(answers: pd.DataFrame) -> pd.DataFrame:
    """The ratings frame of the answers that prefer one of a pair; "both bad" counts as indifferent.

    ``answers``: validated. Answers of other kinds, and choices with ids of their own, are left out.
    """
    pair = (answers["kind"] == "choice") & answers["value"].isin(list(SIDES)) & (answers["shown"].map(len) == 2)
    own = answers[pair.to_numpy()]
    left, right = ([each[at] for each in own["shown"]] for at in (0, 1))
    return pd.DataFrame(
        {
            **{name: own[name].astype(str).to_numpy() for name in ("rater_id", "prompt_id", "category")},
            "generator_a": left,
            "generator_b": right,
            "question": own["question"].astype(str).to_numpy(),
            "choice": [SIDES[each] for each in own["value"]],
            "a_shown_left": True,
            "repetition": own["repetition"].to_numpy(),
            "control": own["control"].to_numpy(),
            "simulated": own["simulated"].to_numpy(),
        }
    )
