"""What each rater's answers look like, declared screening by it, and who moves the result.

Screening rules are declared before the study opens and applied as declared; results are shown with and without them.
Nothing here drops a rater by itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from common.words import nearest
from evaluation.analysis.columns import CompositeKey, chunks, codes_of, main_ratings
from evaluation.analysis.estimands import DEFAULT_ESTIMAND
from evaluation.analysis.frame import CONTROL_ANSWER
from evaluation.analysis.reliability import dawid_skene, mace
from evaluation.analysis.sides import shown_answers
from evaluation.analysis.summary import analyse
from evaluation.analysis.summary_results import Analysis

MEASURES = {
    "n_ratings": "ratings that count (control trials left out)",
    "control_accuracy": "share of control trials answered rightly",
    "agreement": "chance that another rater of the same prompt, pair and question gave the same answer",
    "side_bias": "share of the left side among decided answers, less one half; -.5 to .5",
    "modal_share": "share of the commonest answer as shown (left, indifferent, right)",
    "longest_run": "longest run of one answer as shown, in the order of the trials, to one question",
    "median_ms": "median response time, milliseconds",
    "fast_share": "share of answers faster than the given threshold",
    "competence": "Dawid-Skene: chance of giving a prompt's own answer",
    "mace": "MACE-like: chance that the rater looks at all",
}


def rater_table(ratings: pd.DataFrame, *, fast_ms: float = 1000.0, with_models: bool = True) -> pd.DataFrame:
    """One row a rater with the columns of ``MEASURES``; NaN-free: None where a measure cannot be had.

    Args:
        ratings: a validated frame. Accuracy needs ``control_answer`` in control trials, sides need ``a_shown_left``,
            runs need ``position``, times need ``response_time_ms``.
        fast_ms: answers faster than this count as fast.
        with_models: whether to fit the two models of reliability.
    """
    ratings = ratings.assign(rater_id=ratings["rater_id"].cat.remove_unused_categories())
    names = [str(each) for each in ratings["rater_id"].cat.categories]
    n = len(names)
    control = ratings["control"].to_numpy()
    main = main_ratings(ratings)
    rater = codes_of(main["rater_id"])
    columns: dict[str, npt.NDArray[np.float64]] = {"n_ratings": np.bincount(rater, minlength=n).astype(float)}
    columns["control_accuracy"] = _control_accuracy(ratings[control], n)
    unit, n_units, choice = _units(main)
    columns["agreement"] = _agreement(rater, unit, n_units, choice, n)
    shown = shown_answers(main)
    columns["side_bias"], columns["modal_share"] = _sides(rater, shown, n)
    columns["longest_run"] = _longest_run(main, shown, n)
    columns["median_ms"], columns["fast_share"] = _times(main, rater, n, fast_ms)
    columns["competence"] = columns["mace"] = np.full(n, np.nan)
    if with_models and len(main):
        columns["competence"] = _padded(dawid_skene(unit, rater, choice).competence, n)
        columns["mace"] = _padded(mace(unit, rater, choice).competence, n)
        columns["competence"][columns["n_ratings"] == 0] = columns["mace"][columns["n_ratings"] == 0] = np.nan
    table = pd.DataFrame({"rater_id": pd.Series(names, dtype=object)} | {name: columns[name] for name in MEASURES})
    table["n_ratings"] = table["n_ratings"].astype(int)
    blank = table.drop(columns="n_ratings").astype(object)
    table[blank.columns] = blank.where(blank.notna(), None)
    return table


def _padded(values: npt.NDArray[np.float64], n: int) -> npt.NDArray[np.float64]:
    return np.concatenate([values, np.full(n - len(values), np.nan)])


def _share(part: npt.NDArray[np.number], whole: npt.NDArray[np.number]) -> npt.NDArray[np.float64]:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(whole > 0, part / whole, np.nan)


def _control_accuracy(controls: pd.DataFrame, n: int) -> npt.NDArray[np.float64]:
    if CONTROL_ANSWER not in controls or not len(controls):
        return np.full(n, np.nan)
    answer = codes_of(controls[CONTROL_ANSWER])
    rater = codes_of(controls["rater_id"])[answer >= 0]
    right = (codes_of(controls["choice"]) == answer)[answer >= 0]
    total = np.bincount(rater, minlength=n).astype(float)
    return _share(np.bincount(rater, weights=right, minlength=n), total)


def _units(main: pd.DataFrame) -> tuple[npt.NDArray[np.int32], int, npt.NDArray[np.int8]]:
    """Codes of (pair, question, prompt), packed, how many there are, and choices."""
    key = CompositeKey.of(main, ("generator_a", "generator_b", "question", "prompt_id"))
    choice = codes_of(main["choice"])
    if key.size > max(4 * len(main), 1 << 22):
        found, unit = np.unique(key.rows(), return_inverse=True)
        return unit.astype(np.int32), len(found), choice
    used = np.zeros(key.size, dtype=bool)
    for part in chunks(len(main)):
        used[key.rows(part)] = True
    lookup = (np.cumsum(used) - 1).astype(np.int32)
    packed = np.empty(len(main), dtype=np.int32)
    for part in chunks(len(main)):
        packed[part] = lookup[key.rows(part)]
    return packed, int(np.count_nonzero(used)), choice


def _agreement(
    rater: npt.NDArray[np.signedinteger],
    unit: npt.NDArray[np.int32],
    n_units: int,
    choice: npt.NDArray[np.int8],
    n: int,
) -> npt.NDArray[np.float64]:
    counts = np.zeros(n_units * 3, dtype=np.int64)
    for part in chunks(len(unit)):
        counts += np.bincount(unit[part].astype(np.int64) * 3 + choice[part], minlength=n_units * 3)
    others = np.maximum(counts.reshape(-1, 3).sum(axis=1) - 1, 0)
    alike = np.where(others[:, None] > 0, (counts.reshape(-1, 3) - 1) / np.maximum(others, 1)[:, None], 0.0).ravel()
    same, seen = np.zeros(n), np.zeros(n)
    for part in chunks(len(unit)):
        same += np.bincount(rater[part], weights=alike[unit[part].astype(np.int64) * 3 + choice[part]], minlength=n)
        seen += np.bincount(rater[part], weights=others[unit[part]] > 0, minlength=n)
    return _share(same, seen)


def _sides(
    rater: npt.NDArray[np.signedinteger], shown: npt.NDArray[np.int8], n: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    counts = np.zeros(4 * n)
    for part in chunks(len(rater)):
        counts += np.bincount(rater[part].astype(np.int64) * 4 + shown[part] + 1, minlength=4 * n)
    unknown, left, neither, right = counts.reshape(n, 4).T
    known = np.where(unknown > 0, 0.0, left + neither + right)
    return _share(left, left + right) - 0.5, _share(np.max([left, neither, right], axis=0), known)


def _longest_run(main: pd.DataFrame, shown: npt.NDArray[np.int8], n: int) -> npt.NDArray[np.float64]:
    if "position" not in main or not len(main) or main["position"].isna().any() or (shown < 0).any():
        return np.full(n, np.nan)
    rater = codes_of(main["rater_id"]).astype(np.int64)
    question = codes_of(main["question"]).astype(np.int64)
    order = np.lexsort((main["position"].to_numpy(), question, rater))
    who, asked, said = rater[order], question[order], shown[order]
    new = np.ones(len(order), dtype=bool)
    new[1:] = (who[1:] != who[:-1]) | (asked[1:] != asked[:-1]) | (said[1:] != said[:-1])
    starts = np.flatnonzero(new)
    lengths = np.diff(np.append(starts, len(order)))
    longest = np.zeros(n)
    np.maximum.at(longest, who[starts], lengths)
    return np.where(longest > 0, longest, np.nan)


def _times(
    main: pd.DataFrame, rater: npt.NDArray[np.signedinteger], n: int, fast_ms: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    if "response_time_ms" not in main:
        return np.full(n, np.nan), np.full(n, np.nan)
    ms = main["response_time_ms"].to_numpy()
    known = np.isfinite(ms)
    median = np.full(n, np.nan)
    found = pd.Series(ms[known]).groupby(rater[known]).median()
    median[found.index.to_numpy()] = found.to_numpy()
    total = np.bincount(rater[known], minlength=n).astype(float)
    return median, _share(np.bincount(rater[known], weights=ms[known] < fast_ms, minlength=n), total)


@dataclass(frozen=True)
class ScreeningRule:
    """Keep raters whose ``measure`` (of ``MEASURES``) is ``at_least`` and ``at_most``; either may be None."""

    measure: str
    at_least: float | None = None
    at_most: float | None = None

    def __post_init__(self) -> None:
        if self.measure not in MEASURES:
            hint = nearest(self.measure, MEASURES) or "."
            raise ValueError(f"Unknown measure {self.measure!r}{hint} Allowed are {', '.join(MEASURES)}.")
        if self.at_least is None and self.at_most is None:
            raise ValueError(f"The rule on {self.measure} says neither at_least nor at_most.")

    def words(self) -> str:
        """The rule as declared."""
        parts = [f"at least {self.at_least:g}" if self.at_least is not None else ""]
        parts.append(f"at most {self.at_most:g}" if self.at_most is not None else "")
        return f"{self.measure} {' and '.join(part for part in parts if part)}"


@dataclass(frozen=True)
class Screening:
    """Declared rules applied. ``excluded``: raters and the rules that they failed; ``not_judged``: by rule, how many
    raters it could not judge (they are kept). ``without``: the analysis of all raters; ``kept``: of those kept.
    """

    rules: tuple[ScreeningRule, ...]
    n_raters: int
    excluded: dict[str, tuple[str, ...]]
    not_judged: dict[str, int]
    without: Analysis
    kept: Analysis

    def to_dict(self) -> dict[str, object]:
        return {
            "rules": [rule.words() for rule in self.rules],
            "n_raters": self.n_raters,
            "n_excluded": len(self.excluded),
            "excluded": {rater: list(rules) for rater, rules in self.excluded.items()},
            "not_judged": self.not_judged,
            "without_screening": self.without.to_dict(),
            "with_screening": self.kept.to_dict(),
        }

    def to_frame(self) -> pd.DataFrame:
        """Net shares and default intervals with and without the rules, side by side."""
        keys = ["generator_a", "generator_b", "question", "category"]
        columns = [*keys, "n_raters", "net", "low", "high"]
        both = [each.to_frame()[columns] for each in (self.without, self.kept)]
        return both[0].merge(both[1], on=keys, how="left", suffixes=("_all", "_screened"))


def screen(
    ratings: pd.DataFrame,
    rules: Sequence[ScreeningRule],
    *,
    fast_ms: float = 1000.0,
    estimand: str = DEFAULT_ESTIMAND,
    level: float = 0.95,
) -> Screening:
    """Apply declared ``rules`` to a validated frame; a rater stays who passes them all or cannot be judged."""
    models = any(rule.measure in ("competence", "mace") for rule in rules)
    table = rater_table(ratings, fast_ms=fast_ms, with_models=models)
    failed: dict[str, list[str]] = {}
    not_judged: dict[str, int] = {}
    for rule in rules:
        values = pd.to_numeric(table[rule.measure]).to_numpy(dtype=float)
        low = -math.inf if rule.at_least is None else rule.at_least
        high = math.inf if rule.at_most is None else rule.at_most
        not_judged[rule.words()] = int(np.isnan(values).sum())
        for at in np.flatnonzero((values < low) | (values > high)):
            failed.setdefault(str(table["rater_id"].iloc[at]), []).append(rule.words())
    stay = ~ratings["rater_id"].isin(failed).to_numpy()
    return Screening(
        rules=tuple(rules),
        n_raters=len(table),
        excluded={rater: tuple(failed[rater]) for rater in sorted(failed)},
        not_judged=not_judged,
        without=analyse(ratings, estimand=estimand, level=level),
        kept=analyse(ratings[stay], estimand=estimand, level=level),
    )
