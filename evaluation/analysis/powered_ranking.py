"""Prediction-powered rankings: few ratings and automatic scores of every prompt, with rank sets that hold all at once.

A generator's advantage is the mean of its net shares against the others, each over all scored prompts. Every pair's net
share is estimated from the ratings of some prompts and the scores of all, as in ``powered_mean`` (without strata): the
weight of the scores is tuned for each pair, and bad scores are left alone. Errors are clustered: each vote's influence
on all advantages is summed by rater and by prompt (two-way, Cameron, Gelbach and Miller 2011), and what scores predict
for unrated prompts adds the variance of its mean. Differences have t with min(raters, rated prompts) - 1 degrees of
freedom; rank sets count those that exclude zero, at a level for all pairs of generators together (Sidak).

It rests on the rated prompts being a random draw from the scored ones.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from evaluation.analysis.automatic_scores import (
    image_sets,
    match_scores,
    metric_directions,
    score_differences,
    validate_automatic_scores,
)
from evaluation.analysis.columns import codes_of
from evaluation.analysis.crossed import check_between, quantile
from evaluation.analysis.frame import validate_ratings
from evaluation.analysis.powered_mean import Float, Predictor, RatedSuite, fit_predictor, no_predictor
from evaluation.analysis.prediction_powered import LEAST_FITTED
from evaluation.analysis.results import Document, document

Codes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Advantage:
    """A generator's mean net share against the others over all scored prompts, its interval, its rank, and the rank
    set that holds together with all others. ``classical``: the same estimate from the ratings alone.
    """

    generator: str
    advantage: float
    se: float
    low: float
    high: float
    rank: int
    rank_low: int
    rank_high: int
    classical: float


@dataclass(frozen=True)
class PoweredRanking:
    """One question. ``weights``: of the scores in each pair, 0 where they say nothing. ``why``: what forbids it."""

    question: str
    n_ratings: int
    n_raters: int
    n_rated: int
    n_prompts: int
    level: float
    advantages: tuple[Advantage, ...]
    weights: tuple[float, ...]
    why: str | None = None

    def to_dict(self) -> Document:
        return document(self.__dict__)


def powered_rankings(
    ratings: pd.DataFrame,
    scores: pd.DataFrame,
    *,
    metrics: Sequence[str] | None = None,
    aggregate: str = "mean",
    level: float = 0.95,
    seed: int = 0,
) -> tuple[PoweredRanking, ...]:
    """The ranking of every question with three generators or more.

    Args:
        ratings, scores, metrics, aggregate, seed: as for ``prediction_powered``.

    Raises:
        RatingsError: ratings or scores are not in their form, or do not belong together.
    """
    check_between(level, "confidence level")
    ratings, scores = validate_ratings(ratings), validate_automatic_scores(scores)
    if metrics is not None:
        scores = scores[scores["metric"].astype(str).isin(list(metrics)).to_numpy()]
    frame, _ = match_scores(ratings, scores)
    sets, directions = image_sets(scores, aggregate), metric_directions(scores)
    found = []
    for question, part in frame.groupby("question", observed=True, sort=True):
        names = sorted({*map(str, part["generator_a"].unique()), *map(str, part["generator_b"].unique())})
        if len(names) > 2:
            tables = {pair: score_differences(sets, directions, *pair) for pair in itertools.combinations(names, 2)}
            found.append(_ranking(str(question), part, names, tables, level, seed))
    return tuple(found)


@dataclass(frozen=True)
class _Pair:
    """One pair's part of the ranking: the net share and, for each vote and each unrated prompt, its influence on it."""

    net: float
    classical: float
    rows: npt.NDArray[np.intp]
    of_votes: Float
    unrated: list[str]
    of_unrated: Float
    weight: float


def _ranking(
    question: str,
    part: pd.DataFrame,
    names: list[str],
    tables: dict[tuple[str, str], pd.DataFrame],
    level: float,
    seed: int,
) -> PoweredRanking:
    pairs = {names_: _pair(part, names_, table, seed) for names_, table in tables.items()}
    known = {key: each for key, each in pairs.items() if each is not None}
    rater, prompt = (np.unique(codes_of(part[name]), return_inverse=True)[1] for name in ("rater_id", "prompt_id"))
    n_raters, n_rated = int(rater.max()) + 1, int(prompt.max()) + 1
    prompts = {str(each) for table in tables.values() for each in table.index}
    bare = PoweredRanking(question, len(part), n_raters, n_rated, len(prompts), level, (), ())
    if len(known) < len(pairs):
        lacking = next(key for key, each in pairs.items() if each is None)
        why = f"{lacking[0]} and {lacking[1]} have no rated prompt with scores, so their difference is not known"
        return PoweredRanking(**{**bare.__dict__, "why": why})
    df = min(n_raters, n_rated) - 1
    if df < 1:
        return PoweredRanking(**{**bare.__dict__, "why": "there is a single rater or rated prompt"})
    n = len(names)
    place = {name: at for at, name in enumerate(names)}
    unrated = sorted({each for pair in known.values() for each in pair.unrated})
    row_of = {each: at for at, each in enumerate(unrated)}
    of_votes, of_unrated = np.zeros((len(part), n)), np.zeros((len(unrated), n))
    advantage, classical = np.zeros(n), np.zeros(n)
    for (a, b), pair in known.items():
        where = [row_of[each] for each in pair.unrated]
        for name, sign in ((a, 1.0), (b, -1.0)):
            at = place[name]
            share = sign / (n - 1)
            advantage[at] += share * pair.net
            classical[at] += share * pair.classical
            of_votes[pair.rows, at] += share * pair.of_votes
            of_unrated[where, at] += share * pair.of_unrated
    errors = _Errors.of(of_votes, of_unrated, rater, prompt)
    return PoweredRanking(
        **{
            **bare.__dict__,
            "advantages": _advantages(names, advantage, classical, errors, df, level),
            "weights": tuple(pair.weight for pair in known.values()),
        }
    )


def _pair(part: pd.DataFrame, names: tuple[str, str], table: pd.DataFrame, seed: int) -> _Pair | None:
    table = table[table.notna().any(axis=1)]
    own = (part["generator_a"] == names[0]) & (part["generator_b"] == names[1])
    rows = np.flatnonzero((own & part["prompt_id"].astype(str).isin(table.index)).to_numpy())
    if not len(rows):
        return None
    votes = part.iloc[rows]
    used, prompt = np.unique(votes["prompt_id"].astype(str), return_inverse=True)
    unrated = [str(each) for each in table.index.difference(used)]
    suite = RatedSuite(
        y=1 - codes_of(votes["choice"]).astype(np.float64),
        rater=np.unique(codes_of(votes["rater_id"]), return_inverse=True)[1].astype(np.int64),
        prompt=prompt.astype(np.int64),
        stratum=np.zeros(len(used), dtype=np.int64),
        unrated_stratum=np.zeros(len(unrated), dtype=np.int64),
        scores=table.loc[list(used)].to_numpy(dtype=float),
        unrated_scores=table.loc[unrated].to_numpy(dtype=float),
    )
    fits = len(used) - 1 >= LEAST_FITTED - 1 and unrated
    predictor: Predictor = fit_predictor(suite, seed) if fits else no_predictor(suite)
    w = np.bincount(suite.prompt) / len(suite.y)
    phi = float((w**2).sum() / ((w**2).sum() + 1 / len(unrated))) if unrated else 0.0
    z = suite.y - phi * predictor.deviation[suite.prompt]
    predicted = phi * (predictor.unrated - predictor.unrated.mean()) / len(unrated) if unrated else np.zeros(0)
    weight = predictor.power
    return _Pair(float(z.mean()), float(suite.y.mean()), rows, (z - z.mean()) / len(z), unrated, predicted, weight)


@dataclass(frozen=True)
class _Errors:
    """Covariances of the advantages, (n, n) each: by rater, by prompt, two-way, and of what is predicted."""

    rater: Float
    prompt: Float
    both: Float
    predicted: Float

    @classmethod
    def of(cls, of_votes: Float, of_unrated: Float, rater: Codes, prompt: Codes) -> _Errors:
        def summed(code: Codes) -> Float:
            n = int(code.max()) + 1
            sums = np.stack([np.bincount(code, weights=column, minlength=n) for column in of_votes.T], axis=1)
            return np.asarray(sums.T @ sums * n / max(n - 1, 1))

        cell = np.unique(rater.astype(np.int64) * (int(prompt.max()) + 1) + prompt, return_inverse=True)[1]
        by_rater, by_prompt = summed(rater), summed(prompt)
        return cls(by_rater, by_prompt, by_rater + by_prompt - summed(cell), of_unrated.T @ of_unrated)

    def se(self, contrast: Float) -> float:
        """Of a sum of advantages; never below what raters or prompts alone give."""
        widest = max(float(contrast @ each @ contrast) for each in (self.rater, self.prompt, self.both))
        return math.sqrt(widest + float(contrast @ self.predicted @ contrast))


def _advantages(
    names: list[str], advantage: Float, classical: Float, errors: _Errors, df: int, level: float
) -> tuple[Advantage, ...]:
    n = len(names)
    eye = np.eye(n)
    together = level ** (1 / (n * (n - 1) / 2))
    ahead = np.zeros((n, n), dtype=bool)
    for i, j in itertools.permutations(range(n), 2):
        reach = quantile(together, df) * errors.se(eye[i] - eye[j])
        ahead[i, j] = advantage[i] - advantage[j] > reach
    order = sorted(range(n), key=lambda at: (-round(float(advantage[at]), 12), names[at]))
    found = []
    for rank, at in enumerate(order, start=1):
        se = errors.se(eye[at])
        half = quantile(level, df) * se
        value, band = float(advantage[at]), (1 + int(ahead[:, at].sum()), n - int(ahead[at].sum()))
        found.append(Advantage(names[at], value, se, value - half, value + half, rank, *band, float(classical[at])))
    return tuple(found)
