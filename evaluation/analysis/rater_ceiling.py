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
from evaluation.analysis.estimates import Interval, MeanEstimate

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
    n_prompts, n_groups = int(prompt.max()) + 1, min(int(rater.max()) + 1, GROUPS)
    cells = (rater % n_groups * n_prompts + prompt) * 3 + answer
    groups = np.bincount(cells, minlength=3 * n_groups * n_prompts).reshape(n_groups, n_prompts, 3)
    counts = groups.sum(axis=0)
    tables = _scores(counts)
    without = [(counts - each, _scores(counts - each)) for each in groups] if n_groups > 2 else []
    found: dict[str, MeanEstimate | None] = {}
    for name, smooth in (("majority", "another"), ("majority_decided", "another_decided")):
        moved = np.array([_mean(each[smooth], rest) for rest, each in without])
        sides = _both_sides(tables[smooth][prompt, answer], moved, rater)
        for each in (name, smooth):
            mean = _mean(tables[each], counts)
            if math.isnan(mean):
                found[each] = None
                continue
            interval = _interval(tables[each][prompt, answer], mean, sides, n_groups, rater, prompt, level)
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


def _mean(values: Float, counts: Index) -> float:
    """Mean over ratings: ``values``, (P, 3), of those who gave an answer to a prompt, ``counts`` of how many did."""
    known = np.isfinite(values) & (counts > 0)
    n = int(counts[known].sum())
    return float(counts[known] @ values[known]) / n if n else math.nan


def _scores(counts: Index) -> dict[str, Float]:
    """How far a rating says what the others of its prompt say, (P, 3) by prompt and answer, from ``counts`` (P, 3); NaN
    where there is nobody to hold it against.
    """
    others = counts[:, None, :] - np.eye(3, dtype=np.int64)  # (prompt, own answer, answer)
    n, decided = others.sum(axis=2), others[:, :, 0] + others[:, :, 2]
    top = others == others.max(axis=2, keepdims=True)
    side, lead = np.array([1, 0, -1]), np.sign(others[:, :, 0] - others[:, :, 2])
    use = (decided > 0) & (side != 0)
    same, mine = np.diagonal(others, axis1=1, axis2=2), np.diagonal(top, axis1=1, axis2=2)
    return {
        "majority": np.where(n > 0, mine / top.sum(axis=2), np.nan),
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
        return Absent("with fewer than three raters, their differences cannot be told apart from their agreement")
    if sizes[1] < 2:
        return Absent("there is only one prompt, so nothing is known about how prompts differ")
    of_raters, of_prompts = sides * parts[0], parts[1]
    single = max(float(off @ off) - within, 0.0) / n**2
    variance = max(of_raters + of_prompts - sides * single, of_raters, of_prompts)
    if variance <= 0:
        return Absent("all agree alike, so there is no spread to estimate an interval from")
    doubt = of_raters**2 / (n_groups - 1) + of_prompts**2 / (sizes[1] - 1)
    df = float(max(variance**2 / doubt, min(n_groups, sizes[1]) - 1))
    half = quantile(level, df) * math.sqrt(variance)
    return Interval("jackknife", level, math.sqrt(variance), df, mean - half, mean + half)
