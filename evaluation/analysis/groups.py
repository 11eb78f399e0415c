"""Results by group of raters: each group's net shares with intervals, and how far groups differ.

Columns that begin with ``rater_`` describe raters (``rater_country``). A group of fewer than ``LEAST`` people in a
comparison is held back; where that is one group alone, the next smallest is held back with it, since the whole less the
others would give it away. Exports take out rare combinations of what describes a rater (``without_rare``).
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from evaluation.analysis.classic import holm
from evaluation.analysis.columns import RatingsError, main_ratings
from evaluation.analysis.compare import Difference, Selection, difference_of_parts
from evaluation.analysis.estimands import DEFAULT_ESTIMAND
from evaluation.analysis.estimates import PreferenceRate
from evaluation.analysis.frame import RATER
from evaluation.analysis.results import Document, document
from evaluation.analysis.summary import overall_rate

LEAST = 5
"""People that a group has at least where anything is said of it."""
MOST_GROUPS = 12
"""Groups that a column may have; one with more is a name rather than a group."""
NOT_SAID = "not said"


@dataclass(frozen=True)
class GroupComparison:
    """One pair and question by group. ``rates``: (group, rate), by name. ``differences``: (first, second, difference
    of their net shares), with Holm's p-values over them. ``n_held_back``: groups of which nothing is said.
    """

    generator_a: str
    generator_b: str
    question: str
    rates: tuple[tuple[str, PreferenceRate], ...]
    differences: tuple[tuple[str, str, Difference], ...]
    n_held_back: int

    def to_dict(self) -> dict[str, object]:
        rates = {
            name: {
                "n_ratings": rate.n_ratings,
                "n_raters": rate.n_raters,
                "n_prompts": rate.n_prompts,
                "shares": {choice: each.estimate for choice, each in rate.shares.items()},
                "net": rate.net.to_dict(),
            }
            for name, rate in self.rates
        }
        fields = ("estimate", "se", "df", "low", "high", "p_value", "p_holm", "why")
        differences = [
            {"first": first, "second": second} | {name: getattr(each, name) for name in fields}
            for first, second, each in self.differences
        ]
        return {
            "generator_a": self.generator_a,
            "generator_b": self.generator_b,
            "question": self.question,
            "groups": rates,
            "differences": differences,
            "n_held_back": self.n_held_back,
        }


@dataclass(frozen=True)
class GroupResults:
    """All comparisons by the groups of one column."""

    column: str
    comparisons: tuple[GroupComparison, ...]

    def narrowed(self, there: Collection[tuple[str, str, str]]) -> GroupResults:
        """Only the comparisons (first generator, second, question) that are ``there``."""
        kept = [each for each in self.comparisons if (each.generator_a, each.generator_b, each.question) in there]
        return replace(self, comparisons=tuple(kept))

    def to_dict(self) -> Document:
        return document({"column": self.column, "comparisons": [each.to_dict() for each in self.comparisons]})


def group_columns(valid: pd.DataFrame) -> tuple[str, ...]:
    """The columns that describe raters in few enough groups."""
    names = [str(name) for name in valid.columns if str(name).startswith(RATER) and name != "rater_id"]
    return tuple(name for name in names if 2 <= len(set(_groups(valid, name))) <= MOST_GROUPS)


def rates_by_group(
    valid: pd.DataFrame, column: str, *, estimand: str = DEFAULT_ESTIMAND, level: float = 0.95
) -> GroupResults:
    """Every comparison by the groups of ``column``, overall.

    Args:
        valid: validated ratings; control trials and repeats are left out.

    Raises:
        RatingsError: there is no such column, or a rater has two values in it.
    """
    if column not in valid:
        raise RatingsError(f"There is no column {column}. Columns that describe raters begin with {RATER}.")
    frame = main_ratings(valid)
    groups = _groups(frame, column)
    keys = frame.groupby(["question", "generator_a", "generator_b"], observed=True, sort=True).indices
    found = []
    for (question, a, b), rows in keys.items():
        selection = Selection(str(a), str(b), str(question))
        found.append(_comparison(frame.iloc[rows], groups[rows], selection, estimand, level))
    return GroupResults(column, tuple(found))


def _comparison(
    part: pd.DataFrame, groups: np.ndarray[Any, Any], selection: Selection, estimand: str, level: float
) -> GroupComparison:
    sizes = {str(name): int(part["rater_id"][groups == name].nunique()) for name in sorted(set(groups))}
    shown = _shown(sizes)
    parts = {name: part[groups == name] for name in shown}
    rates = tuple((name, overall_rate(each, estimand, level)) for name, each in parts.items())
    pairs = [
        (first, second, difference_of_parts(parts[first], parts[second], selection, level))
        for first, second in itertools.combinations(shown, 2)
    ]
    adjusted = iter(holm([each.p_value for *_, each in pairs if each.p_value is not None]))
    differences = tuple(
        (first, second, each if each.p_value is None else replace(each, p_holm=next(adjusted)))
        for first, second, each in pairs
    )
    names = (selection.generator_a, selection.generator_b, selection.question)
    return GroupComparison(*names, rates, differences, len(sizes) - len(shown))


def _shown(sizes: Mapping[str, int]) -> list[str]:
    """The groups of which something may be said."""
    kept = [name for name, n in sizes.items() if n >= LEAST]
    if kept and len(sizes) - len(kept) == 1:
        kept.remove(min(kept, key=lambda name: (sizes[name], name)))
    return kept


def _groups(frame: pd.DataFrame, column: str) -> np.ndarray[Any, Any]:
    """Each row's group, (n,)."""
    said = frame[column].astype(object).where(frame[column].notna(), "").astype(str).str.strip()
    groups = said.where(said != "", NOT_SAID)
    per_rater = pd.DataFrame({"rater": frame["rater_id"].astype(str).to_numpy(), "group": groups.to_numpy()})
    several = per_rater.groupby("rater", sort=True)["group"].nunique()
    if (several > 1).any():
        rater = str(several.index[int(np.argmax(several.to_numpy() > 1))])
        values = sorted(set(per_rater["group"][per_rater["rater"] == rater]))
        raise RatingsError(f"Rater {rater!r} has several values in {column}: {', '.join(values)}. Give each rater one.")
    return np.asarray(groups.to_numpy(dtype=object))


def without_rare(frame: pd.DataFrame, columns: Sequence[str] | None = None, least: int = LEAST) -> pd.DataFrame:
    """``frame`` with what describes raters emptied where fewer than ``least`` raters share the combination.

    Those who were emptied are ``least`` or more, or all: else the next rarest combination goes with them.

    Args:
        columns: which describe raters; all that begin with ``rater_`` unless given.
    """
    names = (
        [name for name in frame if str(name).startswith(RATER) and name != "rater_id"] if columns is None else columns
    )
    if not names:
        return frame
    raters = frame[["rater_id", *names]].astype(str).drop_duplicates()
    key = raters[list(names)].agg("\x1f".join, axis=1)
    by_key = raters.groupby(key)["rater_id"].nunique().sort_values(kind="stable")
    emptied, n = set(), 0
    for combination, size in by_key.items():
        if size < least or 0 < n < least:
            emptied.add(combination)
            n += int(size)
    if not emptied:
        return frame
    gone = set(raters["rater_id"][key.isin(emptied)])
    rows = frame["rater_id"].astype(str).isin(gone).to_numpy()
    return frame.assign(**{str(name): frame[name].astype(object).where(~rows, "") for name in names})
