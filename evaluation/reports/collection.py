"""How the ratings were collected, as Otani et al. (CVPR 2023) ask reports to say: raters, ratings, times.

Beside them how far the overall figure moves when any one rater is left out. Agreement and the lean to a side of the
screen are the analysis' own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from evaluation.analysis.columns import main_ratings


@dataclass(frozen=True)
class Spread:
    """Quartiles and ends of a number over raters or ratings."""

    min: float
    q1: float
    median: float
    q3: float
    max: float


@dataclass(frozen=True)
class OneRater:
    """The most that any one rater moves a pair's net share: `influence`, the largest change of the overall net share
    when one rater is left out, in fractions; None with one rater.
    """

    generator_a: str
    generator_b: str
    question: str
    influence: float | None


@dataclass(frozen=True)
class Collection:
    """All of it; what can't be had is None. `first_rated_at`, `last_rated_at`: ISO 8601, UTC. `times`: by question, the
    milliseconds of an answer; none in reports from before they were kept.
    """

    n_raters: int
    n_simulated_raters: int
    ratings_per_rater: Spread | None
    response_time_ms: Spread | None
    first_rated_at: str | None
    last_rated_at: str | None
    questions: tuple[OneRater, ...]
    times: Mapping[str, Spread] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"questions": [asdict(each) for each in self.questions]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Collection:
        """The collection from `to_dict`."""
        spreads = {name: data[name] for name in ("ratings_per_rater", "response_time_ms")}
        return cls(
            **{
                **data,
                **{name: None if each is None else Spread(**each) for name, each in spreads.items()},
                "questions": tuple(OneRater(**each) for each in data["questions"]),
                "times": {name: Spread(**each) for name, each in data.get("times", {}).items()},
            }
        )


def collection(ratings: pd.DataFrame, others: Sequence[pd.DataFrame] = ()) -> Collection:
    """How the ratings of a validated frame, and of frames of other answers, came about. Control trials are left out."""
    ratings = main_ratings(ratings)
    pairs = ratings.groupby(["generator_a", "generator_b", "question"], observed=True)
    every = [ratings, *(each[~each["control"].to_numpy(dtype=bool)] for each in others)]
    columns = ["rater_id", "simulated", *(name for name in ("response_time_ms", "rated_at") if name in ratings)]
    whole = pd.concat([each[columns].astype({"rater_id": str}) for each in every if len(each)] or [ratings[columns]])
    raters = whole.groupby("rater_id", observed=True)
    times = whole["rated_at"] if "rated_at" in whole and len(whole) else None
    return Collection(
        n_raters=int(raters.ngroups),
        n_simulated_raters=int(raters["simulated"].any().sum()) if len(whole) else 0,
        ratings_per_rater=_spread(raters.size().to_numpy(dtype=float)),
        response_time_ms=_spread(whole["response_time_ms"].dropna().to_numpy(dtype=float))
        if "response_time_ms" in whole
        else None,
        first_rated_at=None if times is None else times.min().isoformat(),
        last_rated_at=None if times is None else times.max().isoformat(),
        times=_times(every),
        questions=tuple(OneRater(str(a), str(b), str(name), _influence(part)) for (a, b, name), part in pairs),
    )


def _times(frames: Sequence[pd.DataFrame]) -> dict[str, Spread]:
    """Milliseconds an answer, by question."""
    parts: dict[str, list[np.ndarray]] = {}
    for frame in frames:
        if "response_time_ms" not in frame or not len(frame):
            continue
        for name, own in frame.groupby("question", observed=True)["response_time_ms"]:
            parts.setdefault(str(name), []).append(own.dropna().to_numpy(dtype=float))
    spreads = {name: _spread(np.concatenate(own)) for name, own in sorted(parts.items())}
    return {name: spread for name, spread in spreads.items() if spread is not None}


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


def _spread(values: np.ndarray) -> Spread | None:
    if not len(values):
        return None
    low, q1, median, q3, high = (float(each) for each in np.quantile(values, [0, 0.25, 0.5, 0.75, 1]))
    return Spread(low, q1, median, q3, high)


def _rounded(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(f"{value:.12g}")
