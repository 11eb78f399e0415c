"""Rankings of many generators on one question: scores with two-way errors, and ranks that hold all at once.

Scores are on the log scale with mean zero. Errors are sandwich errors over raters and prompts: with s_g the sum of the
likelihood's gradients over a cluster g, V = bread (sum over raters s s' + sum over prompts s s' - sum over cells s s')
bread, each sum with its own G / (G - 1), never below what raters alone or prompts alone give. The scores' intervals are
made as the default interval of a mean (``effective``); rank bands take degrees of freedom from all pairs together.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from common.words import nearest
from evaluation.analysis.columns import main_ratings
from evaluation.analysis.crossed import check_between, quantile
from evaluation.analysis.paired_counts import Answers
from evaluation.analysis.paired_errors import EXACT_CELLS, Errors
from evaluation.analysis.paired_graph import apart, groups, separated, with_half_wins
from evaluation.analysis.paired_models import HALVED, MODELS, Model, Rows, fit
from evaluation.analysis.results import Document, NotebookTable, document
from evaluation.analysis.tally import Tally


@dataclass(frozen=True)
class Score:
    """A generator's score (log scale) with its interval, its rank (1 is best) and the band that holds its rank.

    The interval is None where it cannot be had: one rater or prompt, or ratings that are all alike.
    """

    generator: str
    score: float
    se: float | None
    low: float | None
    high: float | None
    rank: int
    rank_low: int
    rank_high: int


@dataclass(frozen=True)
class Ranking(NotebookTable):
    """Generators ranked on a question.

    ``scores`` from best to worst; none where ``why`` says what forbids a ranking. ``covariance``: of the scores, by
    generator's name; it stands in no JSON. ``tie``: the model's tie parameter; ``side_bias``: (estimate, low, high) of
    the left side's advantage on the log scale, where it was fitted. ``penalised``: the data are separated (someone
    never lost, or never won, against all of a group), so half a win and half a loss were added to each pair that met.
    ``win_shares``: A's wins plus half the indifferent answers, by (A, B). Rank bands hold all at once with at least
    ``level`` (Sidak over all pairs: conservative).
    """

    question: str
    category: str | None
    model: str
    scores: tuple[Score, ...]
    covariance: npt.NDArray[np.float64] | None = field(compare=False)
    tie: float | None
    side_bias: tuple[float, float, float] | None
    df: int | None
    level: float
    n_ratings: int
    n_raters: int
    n_prompts: int
    win_shares: Mapping[tuple[str, str], float]
    penalised: bool
    notes: tuple[str, ...]
    why: str | None = None

    def score_of(self, generator: str) -> Score:
        """The score of a generator by name."""
        return next(each for each in self.scores if each.generator == generator)

    def to_dict(self) -> Document:
        return document(
            {
                "question": self.question,
                "category": self.category,
                "model": self.model,
                "scores": [each.__dict__ for each in self.scores],
                "tie": self.tie,
                "side_bias": self.side_bias,
                "df": self.df,
                "level": self.level,
                "n_ratings": self.n_ratings,
                "n_raters": self.n_raters,
                "n_prompts": self.n_prompts,
                "win_shares": [
                    {"generator_a": a, "generator_b": b, "share": share} for (a, b), share in self.win_shares.items()
                ],
                "penalised": self.penalised,
                "notes": self.notes,
                **({"why": self.why} if self.why else {}),
            }
        )

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Ranking:
        """The ranking from ``to_dict``, without the scores' covariance."""
        names = ("question", "category", "model", "tie", "df", "level", "n_ratings", "n_raters", "n_prompts")
        return cls(
            **{name: data[name] for name in names},
            scores=tuple(Score(**each) for each in data["scores"]),
            covariance=None,
            side_bias=None if data["side_bias"] is None else tuple(data["side_bias"]),
            win_shares=MappingProxyType(
                {(each["generator_a"], each["generator_b"]): each["share"] for each in data["win_shares"]}
            ),
            penalised=data["penalised"],
            notes=tuple(data["notes"]),
            why=data.get("why"),
        )

    def to_frame(self) -> pd.DataFrame:
        """One row a generator, from best to worst."""
        return pd.DataFrame([each.__dict__ for each in self.scores], columns=list(Score.__dataclass_fields__))


IN_JOD = "Scores are in JOD: at a difference of 1, 75 % choose the better. No preference counts as half."
"""What a ranking by Thurstone's model says of its scores."""


def rank_generators(
    ratings: pd.DataFrame,
    *,
    question: str | None = None,
    category: str | None = None,
    model: Model = "davidson",
    correct_side: bool = False,
    level: float = 0.95,
) -> Ranking:
    """Rank the generators of a validated frame on one question.

    Args:
        ratings: from ``validate_ratings``; control trials are left out.
        question: may be left out where there is only one: answers to different questions are never mixed.
        category: only this category, or None for all.
        model: one of ``paired_models.MODELS``; indifferent answers need ``davidson`` or ``rao-kupper``
            to be modelled. Scores of ``thurstone`` are in JOD, the others' on the log scale.
        correct_side: estimate the left side's advantage and correct for it; needs ``a_shown_left`` in every row.

    Raises:
        ValueError: an unknown model, question or category, several questions, or sides that are not known.
    """
    if model not in MODELS:
        hint = nearest(str(model), MODELS) or "."
        raise ValueError(f"Unknown model {model!r}{hint} Allowed are {', '.join(MODELS)}.")
    check_between(level, "confidence level")
    answers = Answers.of_frame(ratings, question, category, correct_side)
    return _ranked(answers, question or _only_question(ratings), category, model, level)


def rank_counted(ratings: pd.DataFrame, tally: Tally, question: str, level: float = 0.95) -> Ranking:
    """``rank_generators`` on ``question`` of a frame whose ``tally`` is there, from which it is made where that costs
    less than to go through the frame again.
    """
    check_between(level, "confidence level")
    answers = Answers.of_tally(tally, question) if len(ratings) > EXACT_CELLS else None
    if answers is None or answers.n_ratings <= EXACT_CELLS:
        answers = Answers.of_frame(ratings, question)
    return _ranked(answers, question, None, "davidson", level)


def _ranked(answers: Answers, question: str, category: str | None, model: Model, level: float) -> Ranking:
    names, table, n_raters, n_prompts = answers.names, answers.rows, answers.n_raters, answers.n_prompts
    bare = Ranking(
        question=question,
        category=category,
        model=model,
        scores=(),
        covariance=None,
        tie=None,
        side_bias=None,
        df=None,
        level=level,
        n_ratings=answers.n_ratings,
        n_raters=n_raters,
        n_prompts=n_prompts,
        win_shares=_win_shares(names, table),
        penalised=False,
        notes=(),
    )
    linked = groups(table)
    if len(names) < 2:
        return replace(bare, why="there are no ratings to rank")
    if len(linked) > 1:
        return replace(bare, why=apart(names, linked))
    notes = [IN_JOD] if model == "thurstone" else []
    if model != "bradley-terry" and not table.counts[:, [0, 2]].any():
        return replace(bare, why="everybody was indifferent throughout, so no generator is ahead of another")
    if model not in HALVED and not table.counts[:, 1].any():
        notes.append(f"Every rating states a preference, so {model.title()} is the same as Bradley-Terry here.")
        model = "bradley-terry"
    penalised = separated(table)
    if penalised:
        notes.append(
            "Some generators were never preferred to others, so no finite score exists. Half a win and half a loss "
            "were added to each pair that met (a penalised fit). Interpret the distances with care."
        )
    try:
        fitted = fit(model, with_half_wins(table) if penalised else table)
    except (ArithmeticError, np.linalg.LinAlgError) as error:
        return replace(bare, why=f"the model could not be fitted: {error}")
    errors = answers.errors(fitted) if min(n_raters, n_prompts) > 1 else None
    df = min(n_raters, n_prompts) - 1 if errors else None
    if errors is None:
        notes.append("With a single rater or prompt there are no intervals, and every rank is open.")
    bias = None
    widest = errors.widest(np.eye(len(fitted.bread))[len(names)], level) if errors and fitted.bias is not None else None
    if widest and fitted.bias is not None:
        half = quantile(level, widest.df) * math.sqrt(widest.value)
        bias = (fitted.bias, fitted.bias - half, fitted.bias + half)
    return replace(
        bare,
        model=model,
        scores=scores_with_bands(names, fitted.scores, errors, df, level),
        covariance=errors.centred(len(names)) if errors else None,
        tie=fitted.tie,
        side_bias=bias,
        df=df,
        penalised=penalised,
        notes=tuple(notes),
    )


def _only_question(ratings: pd.DataFrame) -> str:
    main = main_ratings(ratings)
    return str(main["question"].iloc[0]) if len(main) else ""


def _win_shares(names: list[str], rows: Rows) -> dict[tuple[str, str], float]:
    wins = np.zeros((len(names), len(names)))
    np.add.at(wins, (rows.first, rows.second), rows.counts[:, 0] + rows.counts[:, 1] / 2)
    np.add.at(wins, (rows.second, rows.first), rows.counts[:, 2] + rows.counts[:, 1] / 2)
    met = wins + wins.T
    return {
        (names[i], names[j]): float(wins[i, j] / met[i, j])
        for i, j in itertools.permutations(range(len(names)), 2)
        if met[i, j]
    }


def scores_with_bands(
    names: Sequence[str], fitted: npt.NDArray[np.float64], errors: Errors | None, df: int | None, level: float
) -> tuple[Score, ...]:
    """Scores from best to worst with intervals and rank bands; ``fitted``: (n,), by name, mean zero."""
    n = len(names)
    order = sorted(range(n), key=lambda at: (-round(float(fitted[at]), 12), names[at]))
    if errors is None or df is None:
        return tuple(
            Score(names[at], float(fitted[at]), None, None, None, rank, 1, n) for rank, at in enumerate(order, start=1)
        )
    ahead = np.subtract.outer(fitted, fitted) > errors.reaches(n, level)
    contrast = np.zeros(len(errors.both))
    scores = []
    for rank, at in enumerate(order, start=1):
        contrast[:n] = -1 / n
        contrast[at] += 1
        widest = errors.widest(contrast, level)
        score = float(fitted[at])
        band = 1 + int(ahead[:, at].sum()), n - int(ahead[at].sum())
        if widest is None:
            scores.append(Score(names[at], score, None, None, None, rank, *band))
            continue
        se = math.sqrt(widest.value)
        half = quantile(level, widest.df) * se
        scores.append(Score(names[at], score, se, score - half, score + half, rank, *band))
    return tuple(scores)
