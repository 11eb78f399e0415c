"""Scores that expire: an alarm, with a declared false-alarm rate, when a score no longer agrees with people as it did.

The agreement of a score with people on a prompt is the mean over its votes of y sign(d), with y = +1, 0, -1 the vote
and d the difference of the two images' scores: 1 where all votes go with the score, 0 where it says as much as a coin,
-1 where all go against it. From a time when the score was trusted comes a lower bound of its mean (t over prompts,
error alpha / 2). Prompts that are rated later are looked at one after another: an upper bound that holds at every look,
by betting (error alpha / 2, ``betting``), falling below the lower one raises the alarm. While the mean agreement is
what it was, an alarm is ever raised with probability alpha at most, however long one goes on.

It is about scores and people together: raters of another taste, or prompts of another kind, raise it as well.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from evaluation.analysis.automatic_scores import (
    image_sets,
    match_scores,
    metric_directions,
    score_differences,
    validate_automatic_scores,
)
from evaluation.analysis.betting import betting_bounds, log_capital
from evaluation.analysis.columns import RatingsError, codes_of
from evaluation.analysis.crossed import quantile
from evaluation.analysis.frame import validate_ratings
from evaluation.analysis.results import Document, document
from evaluation.analysis.sequential import check_alpha

FEWEST_BEFORE = 5
"""Prompts that the time before needs."""


@dataclass(frozen=True)
class ScoreDrift:
    """One score and question. ``before``, ``now``: mean agreement; ``floor``: the lower bound of the former less the
    ``margin``; ``ceiling``: the upper bound of the latter after all prompts. ``alarm_after``: prompts after which the
    alarm was raised, None where it never was. ``alpha``: the false-alarm rate.
    """

    metric: str
    question: str
    n_before: int
    n_now: int
    before: float
    now: float
    floor: float
    ceiling: float
    alarm_after: int | None
    alpha: float
    margin: float

    def to_dict(self) -> Document:
        return document(self.__dict__)


def agreement_by_prompt(ratings: pd.DataFrame, scores: pd.DataFrame, aggregate: str = "mean") -> pd.DataFrame:
    """Columns ``metric, question, prompt_id, agreement``, prompts in the order in which the ratings first have them.

    Raises:
        RatingsError: ratings or scores are not in their form, or do not belong together.
    """
    ratings, scores = validate_ratings(ratings), validate_automatic_scores(scores)
    frame, _ = match_scores(ratings, scores)
    sets, directions = image_sets(scores, aggregate), metric_directions(scores)
    rows = []
    for (a, b, question), part in frame.groupby(["generator_a", "generator_b", "question"], observed=True, sort=True):
        table = score_differences(sets, directions, str(a), str(b))
        y = 1.0 - codes_of(part["choice"])
        ahead = np.sign(table.reindex(part["prompt_id"].astype(str)))
        for metric in table.columns:
            value = y * ahead[metric].to_numpy(dtype=float)
            known = np.isfinite(value)
            own = {"metric": str(metric), "question": str(question), "prompt_id": part["prompt_id"].astype(str)[known]}
            rows.append(pd.DataFrame({**own, "agreement": value[known], "row": part.index[known]}))
    if not rows:
        raise RatingsError("No vote is on images that have scores.")
    votes = pd.concat(rows, ignore_index=True)
    found = votes.groupby(["metric", "question", "prompt_id"], sort=False).agg(
        agreement=("agreement", "mean"), row=("row", "min")
    )
    return found.reset_index().sort_values(["metric", "question", "row"], kind="stable").drop(columns="row")


def score_drift(
    before: pd.DataFrame, now: pd.DataFrame, *, alpha: float = 0.05, margin: float = 0.0
) -> tuple[ScoreDrift, ...]:
    """Whether each score still agrees with people as it did, for all scores and questions that both times have.

    Args:
        before, now: from ``agreement_by_prompt``; ``now`` in the order in which prompts were rated.
        alpha: the false-alarm rate of each score and question.
        margin: by how much less agreement is let pass, in the same units.

    Raises:
        RatingsError: there are too few prompts before, or nothing to compare.
        ValueError: ``alpha`` is not between 0 and 1.
    """
    check_alpha(alpha)
    old, new = _values(before), _values(now)
    found = []
    for key in sorted(old.keys() & new.keys()):
        values, later = old[key], new[key]
        n = len(values)
        if n < FEWEST_BEFORE:
            raise RatingsError(f"{key[0]}, {key[1]}: {n} prompts before are too few; {FEWEST_BEFORE} are needed.")
        mean = float(values.mean())
        half = quantile(1 - alpha, n - 1) * float(values.std(ddof=1)) / math.sqrt(n)
        floor = mean - half - margin
        over = np.flatnonzero(log_capital(later, floor, -1) > math.log(2 / alpha))  # the bound has fallen below
        raised = int(over[0]) + 1 if len(over) else None
        ceiling = betting_bounds(later, alpha)[1]
        now_mean = float(later.mean())
        found.append(ScoreDrift(*key, n, len(later), mean, now_mean, floor, ceiling, raised, alpha, margin))
    if not found:
        raise RatingsError("No score and question stand in both times. Give ratings and scores of the same metrics.")
    return tuple(found)


def _values(table: pd.DataFrame) -> Mapping[tuple[str, str], np.ndarray]:
    keys = table.groupby(["metric", "question"], sort=True)
    return {(str(m), str(q)): part["agreement"].to_numpy(dtype=float) for (m, q), part in keys}
