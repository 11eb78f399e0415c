"""The pigeonhole bootstrap by weights on cells: raters and prompts are resampled, and each draw is a matrix product.

A draw gives each rater and each prompt the number of times that it was drawn; a cell counts rater's times prompt's.
With U the raters' weights, (draws, raters), V the prompts', (draws, prompts), and S, N the sums of scores and numbers
of ratings by cell, the resampled mean is sum((U S) * V) / sum((U N) * V), the sums over prompts. Categories are sums
over their own prompts. Prompts are drawn within their categories (a draw over all of them can lose a small category),
and so are raters where no rater appears in two.

Seeded. ``crossed`` has the variance of infinitely many draws in closed form; this is for what has none: quantiles,
and means of sparse panels beyond the linear term.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from common.words import nearest
from evaluation.analysis.columns import codes_of, level_names, not_counted
from evaluation.analysis.crossed import check_between
from evaluation.analysis.estimates import Interval

Float = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Resampled:
    """Net shares of resampled panels: ``overall`` (draws,) and by category. ``level``, ``seed``: as asked for.

    A draw that holds no rating of a category is NaN in the arrays and left out of its interval.
    """

    estimate: float
    overall: npt.NDArray[np.float64]
    categories: Mapping[str, npt.NDArray[np.float64]]
    draws: int
    seed: int
    level: float

    def interval(self, category: str | None = None) -> Interval:
        """The percentile interval, with the standard deviation of the draws as its error.

        Raises:
            ValueError: all draws are alike (all ratings are, or there is one only): they say nothing about others.
        """
        if category is not None and category not in self.categories:
            allowed = ", ".join(self.categories)
            hint = nearest(category, self.categories) or "."
            raise ValueError(f"There are no ratings in category {category!r}{hint} There are {allowed}.")
        values = self.overall if category is None else self.categories[category]
        kept = values[np.isfinite(values)]
        if not len(kept) or kept.min() == kept.max():
            raise ValueError(
                "All draws are alike: their spread is zero and says nothing about what others would choose."
            )
        tail = (1 - self.level) / 2
        low, high = (float(each) for each in np.quantile(kept, [tail, 1 - tail]))
        return Interval("pigeonhole bootstrap", self.level, float(kept.std()), None, low, high)


def pigeonhole_bootstrap(
    ratings: pd.DataFrame,
    generator_a: str,
    generator_b: str,
    question: str,
    *,
    draws: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> Resampled:
    """Resample one comparison of a validated frame.

    Raises:
        ValueError: the frame holds no ratings of that comparison, or those of one rater or of one prompt only.
    """
    turned = generator_a > generator_b
    first, second = sorted((generator_a, generator_b))
    keep = ~not_counted(ratings)
    for name, wanted in (("generator_a", first), ("generator_b", second), ("question", question)):
        levels = list(ratings[name].cat.categories)
        if wanted not in levels:
            known = ", ".join(level_names(ratings[name])) or "none at all"
            raise ValueError(f"There are no ratings with {name} {wanted!r}; there are {known}.")
        if len(levels) > 1:
            keep &= codes_of(ratings[name]) == levels.index(wanted)
    part = ratings if keep.all() else ratings[keep]
    if not len(part):
        raise ValueError(f"There are no ratings of {generator_a!r} and {generator_b!r} on {question!r}.")
    codes = {name: codes_of(part[name]).astype(np.int64) for name in ("rater_id", "prompt_id")}
    codes["category"] = np.unique(codes_of(part["category"]), return_inverse=True)[1]
    for name, unit in (("rater_id", "rater"), ("prompt_id", "prompt")):
        if (codes[name] == codes[name][0]).all():
            raise ValueError(f"There is one {unit}: nothing is known about how {unit}s differ, and none can be drawn.")
    score = (1 - codes_of(part["choice"])).astype(float) * (-1 if turned else 1)
    names = level_names(part["category"])
    return resample_cells(
        codes["rater_id"], codes["prompt_id"], codes["category"], score, names, draws=draws, seed=seed, level=level
    )


def resample_cells(
    rater: npt.NDArray[np.int64],
    prompt: npt.NDArray[np.int64],
    category: npt.NDArray[np.int64],
    score: npt.NDArray[np.float64],
    names: list[str],
    *,
    draws: int,
    seed: int,
    level: float = 0.95,
) -> Resampled:
    """Resample ratings given as codes, (n,) each; ``names`` are those of the categories."""
    check_between(level, "confidence level")
    if draws < 2:
        raise ValueError(f"A bootstrap needs two draws or more, better 1,000; got {draws}.")
    n_categories, n_raters = len(names), int(rater.max()) + 1
    place = prompt * n_categories + category  # a prompt that stands in two categories is a prompt in each
    used = np.flatnonzero(np.bincount(place, minlength=1))
    lookup = np.zeros(int(used.max()) + 1, dtype=np.int64)
    used = used[np.argsort(used % n_categories, kind="stable")]  # columns of a category lie side by side
    lookup[used] = np.arange(len(used))
    column, of_category = lookup[place], used % n_categories
    cell = rater * len(used) + column
    size = n_raters * len(used)
    sums = np.bincount(cell, weights=score, minlength=size).reshape(n_raters, -1).astype(np.float32)
    numbers = np.bincount(cell, minlength=size).reshape(n_raters, -1).astype(np.float32)
    starts = np.flatnonzero(np.r_[True, of_category[1:] != of_category[:-1]])
    present = of_category[starts]
    home = _homes(numbers, starts)
    rng = np.random.default_rng(seed)
    tops = np.empty((draws, len(starts)))
    bottoms = np.empty((draws, len(starts)))
    for low in range(0, draws, 250):
        part = slice(low, min(low + 250, draws))
        count = part.stop - part.start
        by_rater = _weights(home, count, rng)
        by_prompt = _weights(of_category, count, rng)
        tops[part] = np.add.reduceat((by_rater @ sums) * by_prompt, starts, axis=1)
        bottoms[part] = np.add.reduceat((by_rater @ numbers) * by_prompt, starts, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = tops / bottoms
        overall = tops.sum(axis=1) / bottoms.sum(axis=1)
    by_name = {names[code]: shares[:, at] for at, code in enumerate(present)}
    return Resampled(float(score.mean()), overall, by_name, draws, seed, level)


def _homes(numbers: Float, starts: npt.NDArray[np.intp]) -> npt.NDArray[np.int64]:
    """The stratum in which each rater is drawn: his category where all have one only, else one for all (-1: absent)."""
    rated = np.add.reduceat(numbers, starts, axis=1) > 0
    present = rated.any(axis=1)
    nested = (rated.sum(axis=1) <= 1).all()
    return np.where(present, rated.argmax(axis=1) if nested else 0, -1)


def _weights(stratum: npt.NDArray[np.int64], draws: int, rng: np.random.Generator) -> Float:
    """(draws, units): how often each unit is drawn when each stratum's units are drawn anew, with replacement."""
    weights = np.zeros((draws, len(stratum)), dtype=np.float32)
    for group in np.unique(stratum[stratum >= 0]):
        members = np.flatnonzero(stratum == group)
        m = len(members)
        chosen = rng.integers(m, size=(draws, m)) + np.arange(draws)[:, None] * m
        weights[:, members] = np.bincount(chosen.ravel(), minlength=draws * m).reshape(draws, m)
    return weights
