"""Test-retest reliability: how far raters agree with themselves when they see the same again.

A unit is what one rater saw several times (the same prompt, images and question, of the same generators). All pairs of
answers within a unit count, so three answers give three pairs. What raters do not agree on with themselves, they cannot
agree on with others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from evaluation.analysis.agreement import Agreement, counts_by_unit, krippendorff_alpha
from evaluation.analysis.columns import codes_of
from evaluation.analysis.estimates import MeanEstimate
from evaluation.analysis.scores import analyse_scores

SHARE = (0.0, 1.0)


@dataclass(frozen=True)
class Retest:
    """How far the answers to a question are the same when a rater sees the same again.

    ``n_units`` things were answered twice or more by one rater, by ``n_raters`` raters, with ``n_answers`` answers.
    ``same``: the share of pairs of answers that are equal, as a mean over units, with the intervals of a mean.
    ``alpha``: ordinal, of answers within units: 0 where they are as different as those of different units.
    """

    question: str
    n_units: int
    n_raters: int
    n_answers: int
    same: MeanEstimate
    alpha: Agreement

    def to_dict(self) -> dict[str, object]:
        numbers = {name: getattr(self, name) for name in ("question", "n_units", "n_raters", "n_answers")}
        return numbers | {"same": self.same.to_dict(), "alpha": self.alpha.to_dict()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], level: float) -> Retest:
        """The reliability from ``to_dict``, its intervals at ``level``."""
        numbers = {name: data[name] for name in ("question", "n_units", "n_raters", "n_answers")}
        same, alpha = MeanEstimate.from_dict(data["same"], level), Agreement.from_dict(data["alpha"])
        return cls(**numbers, same=same, alpha=alpha)


def retest_of_ratings(valid: pd.DataFrame, level: float = 0.95) -> tuple[Retest, ...]:
    """Of validated ratings, by question; nothing where nobody saw anything twice. Control trials are left out."""
    if "repetition" not in valid or not (valid["repetition"].to_numpy() > 0).any():
        return ()
    frame = valid[~valid["control"].to_numpy()]
    things = ["generator_a", "generator_b"]
    return _by_question(frame, things, codes_of(frame["choice"]).astype(float), level)


def retest_of_scores(valid: pd.DataFrame, level: float = 0.95) -> tuple[Retest, ...]:
    """Of validated scores, by question."""
    if "repetition" not in valid or not (valid["repetition"].to_numpy() > 0).any():
        return ()
    frame = valid[valid["score"].notna().to_numpy()]
    return _by_question(frame, ["generator"], frame["score"].to_numpy(dtype=float), level)


def _by_question(
    frame: pd.DataFrame, things: Sequence[str], values: npt.NDArray[np.float64], level: float
) -> tuple[Retest, ...]:
    key = ["rater_id", "prompt_id", "question", *things, *(["set"] if "set" in frame else [])]
    unit = frame.groupby(key, observed=True, sort=True).ngroup().to_numpy()
    found = []
    for question in sorted(map(str, frame["question"].unique())):
        own = (frame["question"] == question).to_numpy()
        again = own & (np.bincount(unit)[unit] > 1)
        if again.any():
            found.append(_retest(question, frame[again], unit[again], values[again], level))
    return tuple(found)


def _retest(
    question: str, frame: pd.DataFrame, unit: npt.NDArray[np.int64], values: npt.NDArray[np.float64], level: float
) -> Retest:
    counts, _ = counts_by_unit(unit, values)
    n = counts.sum(axis=1)
    same = (counts * (counts - 1)).sum(axis=1) / (n * (n - 1))
    first = np.unique(unit, return_index=True)[1]
    units = frame.iloc[first]
    scores = pd.DataFrame(
        {
            "rater_id": units["rater_id"].astype(str).to_numpy(),
            "prompt_id": units["prompt_id"].astype(str).to_numpy(),
            "category": units["category"].astype(str).to_numpy(),
            "generator": "all",
            "question": "same",
            "score": same,
            "set": np.arange(len(units)),  # several pairs of a prompt are several units of one rater
        }
    )
    shares = analyse_scores(scores, ends=SHARE, level=level).estimates[0].mean
    alpha = krippendorff_alpha(counts, "ordinal", level=level, clusters=units["prompt_id"].astype(str).to_numpy())
    return Retest(question, len(units), int(units["rater_id"].nunique()), int(n.sum()), shares, alpha)
