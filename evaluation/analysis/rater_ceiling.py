"""How far raters agree with each other, rating by rating: the ceiling for any automatic score.

Each rating is held against the others of its prompt: against their majority (equal numbers share), and against one of
them drawn at random; over all ratings, and over decided ones. A rater stands on both sides of such a comparison, so
that the usual sum over raters sees only half of what a rater moves (a quarter of the variance). The raters' part is
therefore a jackknife: leave out a rater on both sides, or one of ``GROUPS`` groups of them, and see how far the mean
moves.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from evaluation.analysis.crossed import Absent, quantile
from evaluation.analysis.preference import Interval, MeanEstimate

Float = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
GROUPS = 100
NAMES = ("majority", "another", "majority_decided", "another_decided")


def agreement_of_raters(
    answer: Index, rater: Index, prompt: Index, level: float = 0.95
) -> Mapping[str, MeanEstimate | None]:
    """Mean agreement by ``NAMES`` with a jackknife interval for new raters and new prompts; None where no rating has
    another beside it.

    ``answer``: (n,) 0 for A, 1 for indifferent, 2 for B; ``rater``, ``prompt``: (n,) codes.
    """
    rater = np.unique(rater, return_inverse=True)[1]
    prompt = np.unique(prompt, return_inverse=True)[1]
    whole = _scores(answer, prompt)
    n_groups = min(int(rater.max()) + 1, GROUPS)
    group = rater % n_groups
    without = []
    for at in range(n_groups if n_groups > 2 else 0):
        rest = group != at
        without.append(_scores(answer[rest], prompt[rest]))
    found: dict[str, MeanEstimate | None] = {}
    for name, smooth in (("majority", "another"), ("majority_decided", "another_decided")):
        moved = np.array([_mean(each[smooth]) for each in without])
        sides = _both_sides(whole[smooth], moved, rater)
        for each in (name, smooth):
            mean = _mean(whole[each])
            if math.isnan(mean):
                found[each] = None
                continue
            interval = _interval(whole[each], mean, sides, n_groups, rater, prompt, level)
            found[each] = MeanEstimate(mean, "jackknife", MappingProxyType({"jackknife": interval}))
    return {name: found[name] for name in NAMES}


def _both_sides(values: Float, moved: Float, rater: Index) -> float | None:
    """By how much the variance between raters' sums of ``values`` falls short, for each rater stands on both sides: the
    jackknife's variance (``moved``: the mean without each group) by that of the sums, 1 to 4; None: it can't be had.
    """
    if not len(moved) or np.isnan(moved).any():
        return None
    known = np.isfinite(values)
    sums = np.bincount(rater[known], weights=values[known] - values[known].mean())
    plain = float((sums**2).sum()) / known.sum() ** 2
    jackknife = (len(moved) - 1) / len(moved) * float(((moved - moved.mean()) ** 2).sum())
    return min(max(jackknife / plain, 1.0), 4.0) if plain > 0 else 1.0


def _mean(values: Float) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else math.nan


def _scores(answer: Index, prompt: Index) -> dict[str, Float]:
    """Of each rating, how far it says what others of its prompt say; NaN where there is nobody to hold it against."""
    if not len(answer):
        return {name: np.zeros(0) for name in NAMES}
    counts = np.bincount(prompt * 3 + answer, minlength=3 * (int(prompt.max()) + 1)).reshape(-1, 3)[prompt]
    others = counts - np.eye(3, dtype=np.int64)[answer]
    rows, n = np.arange(len(answer)), others.sum(axis=1)
    top = others == others.max(axis=1, keepdims=True)
    side, lead, decided = 1 - answer, np.sign(others[:, 0] - others[:, 2]), others[:, 0] + others[:, 2]
    use = (decided > 0) & (side != 0)
    same = others[rows, answer]
    return {
        "majority": np.where(n > 0, top[rows, answer] / top.sum(axis=1), np.nan),
        "another": np.where(n > 0, same / np.maximum(n, 1), np.nan),
        "majority_decided": np.where(use, (1 + lead * side) / 2, np.nan),
        "another_decided": np.where(use, same / np.maximum(decided, 1), np.nan),
    }


def _interval(
    values: Float, mean: float, sides: float | None, n_groups: int, rater: Index, prompt: Index, level: float
) -> Interval | Absent:
    """Raters' part (``sides`` times that of their sums) and prompts' part, less what single ratings add to both."""
    known = np.isfinite(values)
    off, n = values[known] - mean, int(known.sum())
    parts, within, sizes = [], 0.0, []
    for code in (rater[known], prompt[known]):
        size = np.bincount(code)
        sums, size = np.bincount(code, weights=off)[size > 0], size[size > 0]
        parts.append(float((sums**2).sum()) / n**2 * len(size) / max(len(size) - 1, 1))
        within += float((sums**2 / size).sum())
        sizes.append(len(size))
    if sides is None or sizes[0] < 3:
        return Absent("fewer than three raters: how they differ cannot be told from how they agree")
    if sizes[1] < 2:
        return Absent("one prompt: nothing is known about how prompts differ")
    of_raters, of_prompts = sides * parts[0], parts[1]
    single = max(float(off @ off) - within, 0.0) / n**2
    variance = max(of_raters + of_prompts - sides * single, of_raters, of_prompts)
    if variance <= 0:
        return Absent("all agree alike: their spread is zero and says nothing about others")
    doubt = of_raters**2 / (n_groups - 1) + of_prompts**2 / (sizes[1] - 1)
    df = float(max(variance**2 / doubt, min(n_groups, sizes[1]) - 1))
    half = quantile(level, df) * math.sqrt(variance)
    return Interval("jackknife", level, math.sqrt(variance), df, mean - half, mean + half)
