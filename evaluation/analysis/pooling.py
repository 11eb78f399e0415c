"""Scores by category with partial pooling: each category's score is drawn towards the overall one by as much as its
own error is large beside the spread between categories (DerSimonian and Laird 1986, one generator at a time).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from evaluation.analysis.columns import level_names
from evaluation.analysis.crossed import quantile
from evaluation.analysis.paired_models import Model
from evaluation.analysis.ranking import Ranking, rank_generators
from evaluation.analysis.results import NotebookTable


@dataclass(frozen=True)
class PooledScore:
    """A generator's score in a category: alone, and drawn towards the overall score by ``1 - weight``."""

    generator: str
    category: str
    alone: float
    se_alone: float
    pooled: float
    se: float
    low: float
    high: float
    weight: float


@dataclass(frozen=True)
class PooledRanking(NotebookTable):
    """``spread``: standard deviation of the true scores between categories, by generator. ``left_out``: categories that
    allow no scores, with the reason.
    """

    overall: Ranking
    scores: tuple[PooledScore, ...]
    spread: dict[str, float]
    left_out: dict[str, str]

    def to_frame(self) -> pd.DataFrame:
        """One row a generator and category."""
        return pd.DataFrame([each.__dict__ for each in self.scores], columns=list(PooledScore.__dataclass_fields__))

    def to_dict(self) -> dict[str, object]:
        return {
            "overall": self.overall.to_dict(),
            "scores": [each.__dict__ for each in self.scores],
            "spread": self.spread,
            "left_out": self.left_out,
        }


def rank_by_category(
    ratings: pd.DataFrame, *, question: str | None = None, model: Model = "davidson", level: float = 0.95
) -> PooledRanking:
    """Rank overall and in each category of a validated frame, and pool.

    A category where generators were not all compared, or with one rater or prompt, is left out and named.
    """
    overall = rank_generators(ratings, question=question, model=model, level=level)
    wanted = {each.generator for each in overall.scores}
    alone: dict[str, Ranking] = {}
    left_out: dict[str, str] = {}
    for category in level_names(ratings["category"]):
        found = rank_generators(ratings, question=question, category=category, model=model, level=level)
        if found.why or {each.generator for each in found.scores} != wanted:
            left_out[category] = found.why or "not all generators were compared here"
        elif found.df is None:
            left_out[category] = "one rater or one prompt"
        else:
            alone[category] = found
    scores: list[PooledScore] = []
    spread: dict[str, float] = {}
    for whole in overall.scores:
        own = {category: ranking.score_of(whole.generator) for category, ranking in alone.items()}
        pieces = [(each.score, each.se) for each in own.values() if each.se]
        tau2 = _between(pieces)
        spread[whole.generator] = math.sqrt(tau2)
        for category, score in own.items():
            se = score.se or 0.0
            weight = tau2 / (tau2 + se**2) if tau2 + se**2 > 0 else 0.0
            pooled = weight * score.score + (1 - weight) * whole.score
            pooled_se = math.sqrt(weight * se**2 + (1 - weight) ** 2 * (whole.se or 0.0) ** 2)
            half = quantile(level, alone[category].df) * pooled_se
            bounds = pooled - half, pooled + half
            scores.append(PooledScore(whole.generator, category, score.score, se, pooled, pooled_se, *bounds, weight))
    return PooledRanking(overall, tuple(scores), spread, left_out)


def _between(pieces: list[tuple[float, float]]) -> float:
    """DerSimonian and Laird's variance between categories from (score, standard error)."""
    if len(pieces) < 2:
        return 0.0
    weights = [1 / se**2 for _, se in pieces]
    total = math.fsum(weights)
    mean = math.fsum(w * score for w, (score, _) in zip(weights, pieces, strict=True)) / total
    q = math.fsum(w * (score - mean) ** 2 for w, (score, _) in zip(weights, pieces, strict=True))
    scale = total - math.fsum(w * w for w in weights) / total
    return max((q - (len(pieces) - 1)) / scale, 0.0) if scale > 0 else 0.0
