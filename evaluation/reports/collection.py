"""How the ratings were collected, as Otani et al. (CVPR 2023) ask reports to say: raters, ratings, times.

Beside them how far the overall figure moves when any one rater is left out. Agreement and the lean to a side of the
screen are the analysis' own.
"""

from __future__ import annotations

import math
from typing import TypedDict

import numpy as np
import pandas as pd

from evaluation.analysis.frame import validate_ratings


class SpreadDict(TypedDict):
    """Quartiles and ends of a number over raters or ratings."""

    min: float
    q1: float
    median: float
    q3: float
    max: float


class QuestionDict(TypedDict):
    """One pair and question. `influence`: the largest change of the overall net share when one rater is left out, in
    fractions; null with one rater.
    """

    generator_a: str
    generator_b: str
    question: str
    influence: float | None


class CollectionDict(TypedDict):
    """All of it; numbers that can't be had are null."""

    n_raters: int
    n_simulated_raters: int
    ratings_per_rater: SpreadDict | None
    response_time_ms: SpreadDict | None
    first_rated_at: str | None
    last_rated_at: str | None
    questions: list[QuestionDict]


def collection(frame: pd.DataFrame) -> CollectionDict:
    """How the ratings of `frame` (in the ratings file's form) came about. Control trials are left out."""
    ratings = validate_ratings(frame)
    ratings = ratings[~ratings["control"]]
    raters = ratings.groupby("rater_id", observed=True)
    times = ratings["rated_at"] if "rated_at" in ratings and len(ratings) else None
    pairs = ratings.groupby(["generator_a", "generator_b", "question"], observed=True)
    return {
        "n_raters": int(raters.ngroups),
        "n_simulated_raters": int(raters["simulated"].any().sum()) if len(ratings) else 0,
        "ratings_per_rater": _spread(raters.size().to_numpy(dtype=float)),
        "response_time_ms": _spread(ratings["response_time_ms"].dropna().to_numpy(dtype=float))
        if "response_time_ms" in ratings
        else None,
        "first_rated_at": None if times is None else times.min().isoformat(),
        "last_rated_at": None if times is None else times.max().isoformat(),
        "questions": [_question(str(a), str(b), str(name), part) for (a, b, name), part in pairs],
    }


def _question(generator_a: str, generator_b: str, name: str, part: pd.DataFrame) -> QuestionDict:
    return {
        "generator_a": generator_a,
        "generator_b": generator_b,
        "question": name,
        "influence": _influence(part),
    }


def _influence(part: pd.DataFrame) -> float | None:
    """max over raters of |net without the rater - net|; None with one rater."""
    scores = 1.0 - part["choice"].cat.codes.to_numpy(dtype=float)
    rater = part["rater_id"].cat.codes.to_numpy()
    sums, sizes = np.bincount(rater, weights=scores), np.bincount(rater)
    sums, sizes = sums[sizes > 0], sizes[sizes > 0]
    if len(sizes) < 2:
        return None
    without = (sums.sum() - sums) / (sizes.sum() - sizes)
    return _rounded(float(np.abs(without - sums.sum() / sizes.sum()).max()))


def _spread(values: np.ndarray) -> SpreadDict | None:
    if not len(values):
        return None
    low, q1, median, q3, high = (float(each) for each in np.quantile(values, [0, 0.25, 0.5, 0.75, 1]))
    return {"min": low, "q1": q1, "median": median, "q3": q3, "max": high}


def _rounded(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(f"{value:.12g}")
