"""Rankings of generators from trials that put several of them in order, or name the best and the worst.

The models are those of ``ranked_models``; scores, errors over raters and prompts, and rank bands are those of
``ranking``, so that a ranking from orders stands beside one from pairs.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from types import MappingProxyType
from typing import Literal

import numpy as np
import pandas as pd

from evaluation.analysis.crossed import check_between
from evaluation.analysis.paired_errors import Errors
from evaluation.analysis.paired_graph import apart, groups, separated
from evaluation.analysis.paired_models import Rows
from evaluation.analysis.ranked_models import (
    FloatArray,
    Groups,
    Likelihood,
    RankedFit,
    Rankings,
    best_and_worst,
    maximise,
    whole_orders,
)
from evaluation.analysis.ranking import Ranking, scores_with_bands

RankedModel = Literal["plackett-luce", "davidson-luce", "best-worst"]
_WORDS = {
    "best-worst": "the best and the last of a Plackett-Luce order",
    "davidson-luce": "Plackett-Luce with ties (Davidson-Luce)",
    "plackett-luce": "Plackett-Luce",
}


def rank_orders(
    answers: pd.DataFrame,
    *,
    question: str,
    category: str | None = None,
    model: RankedModel | None = None,
    level: float = 0.95,
) -> Ranking:
    """Rank the generators by the answers of kind ``ranking`` to one question.

    Args:
        answers: from ``validate_answers``; repeats are left out.
        question, category: which answers; all categories for None.
        model: by the answers where it is None: ``best-worst`` where every one has a best, a worst and a middle,
            ``davidson-luce`` where others have ties, else ``plackett-luce``.

    Returns:
        The ranking; its ``why`` says what forbids one.
    """
    check_between(level, "confidence level")
    chosen = (answers["kind"] == "ranking") & (answers["question"] == question) & (answers["repetition"] == 0)
    if category is not None:
        chosen &= answers["category"] == category
    frame = answers[chosen.to_numpy()]
    names = sorted({name for shown in frame["shown"] for name in shown})
    ranked: list[Groups] = [tuple(tuple(group) for group in value) for value in frame["value"]]
    model = model or _model(ranked)
    n_raters, n_prompts = int(frame["rater_id"].nunique()), int(frame["prompt_id"].nunique())
    code = {name: at for at, name in enumerate(names)}
    shown = [[code[name] for name in each] for each in frame["shown"]]
    wins = _wins(shown, ranked, len(names))

    def ranking(**changes: object) -> Ranking:
        fields: dict[str, object] = {
            "question": question, "category": category, "model": model, "scores": (), "covariance": None, "tie": None,
            "side_bias": None, "df": None, "level": level, "n_ratings": len(frame), "n_raters": n_raters,
            "n_prompts": n_prompts, "win_shares": MappingProxyType(_win_shares(names, wins)), "penalised": False,
            "notes": (),
        }  # fmt: skip
        return Ranking(**(fields | changes))  # type: ignore[arg-type]

    if len(names) < 2:
        return ranking(why="there are no rankings")
    table = _as_pairs(wins)
    if len(linked := groups(table)) > 1:
        return ranking(why=apart(names, linked))
    if all(len(each) == 1 for each in ranked):
        return ranking(why="everything was tied throughout, so no generator is ahead of another")
    notes = [f"Model: {_WORDS[model]}."]
    penalised = separated(table)
    pulls = np.zeros((len(names), len(names)))
    if penalised:
        pulls[(wins + wins.T) > 0] = 0.5
        notes.append(
            "Some generators were never ranked above others, so no finite score exists. Half a win and half a loss "
            "were added to each pair that met (a penalised fit). Interpret the distances with care."
        )
    try:
        fitted = _fit(shown, ranked, len(names), model, pulls)
    except (ArithmeticError, np.linalg.LinAlgError) as error:
        return ranking(why=f"the model could not be fitted: {error}")
    errors = _errors(frame, fitted) if min(n_raters, n_prompts) > 1 else None
    df = min(n_raters, n_prompts) - 1 if errors else None
    if errors is None:
        notes.append("With a single rater or prompt there are no intervals, and every rank is open.")
    scores = fitted.parameters[: len(names)]
    return ranking(
        scores=scores_with_bands(names, scores, errors, df, level),
        covariance=errors.centred(len(names)) if errors else None,
        tie=math.exp(float(fitted.parameters[len(names)])) if model == "davidson-luce" else None,
        df=df,
        penalised=penalised,
        notes=tuple(notes),
    )


def _model(ranked: Sequence[Groups]) -> RankedModel:
    if not any(len(group) > 1 for each in ranked for group in each):
        return "plackett-luce"
    ends = all(len(each) == 3 and len(each[0]) == len(each[2]) == 1 for each in ranked)
    return "best-worst" if ends else "davidson-luce"


def _fit(
    shown: Sequence[Sequence[int]], ranked: Sequence[Groups], n: int, model: RankedModel, pulls: FloatArray
) -> RankedFit:
    most_tied = max(len(group) for each in ranked for group in each) if model == "davidson-luce" else 1
    parts: list[tuple[list[int], Likelihood]] = []
    for size in sorted({len(each) for each in shown}):  # trials of different sizes share their scores
        rows = [row for row, each in enumerate(shown) if len(each) == size]
        rankings = Rankings(np.array([shown[row] for row in rows]), [ranked[row] for row in rows])
        own = best_and_worst(rankings, n) if model == "best-worst" else whole_orders(rankings, n, most_tied)
        parts.append((rows, own))

    def likelihood(parameters: FloatArray) -> tuple[FloatArray, FloatArray]:
        values, gradients = np.zeros(len(shown)), np.zeros((len(shown), len(parameters)))
        for rows, own in parts:
            values[rows], gradients[rows] = own(parameters)
        return values, gradients

    return maximise(likelihood, n, n + most_tied - 1, pulls)


def _errors(frame: pd.DataFrame, fitted: RankedFit) -> Errors:
    """Sandwich errors from gradients summed by rater, by prompt and by both."""
    rater, prompt = (pd.factorize(frame[name])[0].astype(np.int64) for name in ("rater_id", "prompt_id"))
    return Errors.of_sums(fitted.bread, fitted.gradients, rater, prompt)


def _wins(shown: Sequence[Sequence[int]], ranked: Sequence[Groups], n: int) -> FloatArray:
    """(n, n): how often one stands above the other, ties half each. The middle of a best-worst trial is a tie here."""
    wins = np.zeros((n, n))
    for codes, value in zip(shown, ranked, strict=True):
        for at, group in enumerate(value):
            for one, other in itertools.permutations(group, 2):
                wins[codes[one], codes[other]] += 0.5
            for lower in value[at + 1 :]:
                for one, other in itertools.product(group, lower):
                    wins[codes[one], codes[other]] += 1
    return wins


def _win_shares(names: Sequence[str], wins: FloatArray) -> dict[tuple[str, str], float]:
    met = wins + wins.T
    pairs = itertools.permutations(range(len(names)), 2)
    return {(names[i], names[j]): float(wins[i, j] / met[i, j]) for i, j in pairs if met[i, j]}


def _as_pairs(wins: FloatArray) -> Rows:
    """The counts of pairs, for the checks of graphs that rankings from pairs have."""
    first, second = np.triu_indices(len(wins), 1)
    met = (wins + wins.T)[first, second] > 0
    first, second = first[met], second[met]
    counts = np.stack([wins[first, second], np.zeros(len(first)), wins[second, first]], axis=1)
    return Rows(len(wins), first, second, np.zeros_like(first), counts, False)
