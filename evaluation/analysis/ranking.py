"""Rankings of many generators on one question: scores with two-way errors, and ranks that hold all at once.

Scores are on the log scale with mean zero. Errors are sandwich errors over raters and prompts: with s_g the sum of the
likelihood's gradients over a cluster g, V = bread (sum over raters s s' + sum over prompts s s' - sum over cells s s')
bread, each sum with its own G / (G - 1), never below what raters alone or prompts alone give. The scores' intervals are
made as the default interval of a mean (``effective``); rank bands take degrees of freedom from all pairs together.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from common.words import nearest
from evaluation.analysis.columns import Codes, CompositeKey, chunks, codes_of, level_names, main_ratings, used_levels
from evaluation.analysis.crossed import check_between, quantile
from evaluation.analysis.paired_errors import Errors
from evaluation.analysis.paired_graph import apart, groups, separated, with_half_wins
from evaluation.analysis.paired_models import HALVED, MODELS, Model, Rows, fit
from evaluation.analysis.results import Document, NotebookTable, document


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
    frame = _selected(ratings, question, category)
    names, table, codes = count_rows(frame, correct_side)
    n_raters, n_prompts = used_levels(frame["rater_id"]), used_levels(frame["prompt_id"])
    bare = Ranking(
        question=question or _only_question(ratings),
        category=category,
        model=model,
        scores=(),
        covariance=None,
        tie=None,
        side_bias=None,
        df=None,
        level=level,
        n_ratings=len(frame),
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
    errors = Errors.of(frame, fitted, codes()) if min(n_raters, n_prompts) > 1 else None
    df = min(n_raters, n_prompts) - 1 if errors else None
    if errors is None:
        notes.append("With a single rater or prompt there are no intervals, and every rank is open.")
    bias = None
    if errors and df and fitted.bias is not None:
        half = quantile(level, df) * math.sqrt(max(errors.variance(np.eye(len(fitted.bread))[len(names)]), 0.0))
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


_NEEDED = ("rater_id", "prompt_id", "generator_a", "generator_b", "choice", "a_shown_left")


def _selected(ratings: pd.DataFrame, question: str | None, category: str | None) -> pd.DataFrame:
    frame = main_ratings(ratings)
    questions = level_names(frame["question"])
    if question is None and len(questions) > 1:
        raise ValueError(f"The ratings answer several questions ({', '.join(questions)}); say which one to rank by.")
    keep = np.ones(len(frame), dtype=bool)
    for name, wanted in (("question", question), ("category", category)):
        if wanted is None:
            continue
        allowed = level_names(frame[name])
        if wanted not in allowed:
            hint = nearest(wanted, allowed) or "."
            raise ValueError(f"Unknown {name} {wanted!r}{hint} There are {', '.join(allowed)}.")
        if len(allowed) > 1:
            keep &= codes_of(frame[name]) == [str(each) for each in frame[name].cat.categories].index(wanted)
    frame = frame[[name for name in _NEEDED if name in frame]]  # each column less is a column less to filter
    return frame if keep.all() else frame[keep]


def count_rows(frame: pd.DataFrame, correct_side: bool = False) -> tuple[list[str], Rows, Callable[[], Codes]]:
    """Names of the generators, counts by pair (and side), and what gives each rating's row * 3 + choice in those
    counts when asked; of ratings of one question.
    """
    all_names = [str(each) for each in frame["generator_a"].cat.categories]
    size = len(all_names) ** 2 * (2 if correct_side else 1)
    if correct_side and ("a_shown_left" not in frame or frame["a_shown_left"].isna().any()):
        raise ValueError("Correcting for sides needs a_shown_left in every rating; some are missing.")
    left_side = frame["a_shown_left"].to_numpy(dtype=bool) if correct_side else None
    choice = codes_of(frame["choice"])

    pair_key = CompositeKey.of(frame, ("generator_a", "generator_b"))

    def keys(part: slice) -> npt.NDArray[np.int64]:
        key = pair_key.rows(part)
        if left_side is not None:
            key = key * 2 + left_side[part]
        return key * 3 + choice[part]

    flat = np.zeros(size * 3, dtype=np.int64)
    for part in chunks(len(frame)):
        flat += np.bincount(keys(part), minlength=size * 3)
    counts = flat.reshape(-1, 3)
    used = np.flatnonzero(counts.any(axis=1))
    lookup = np.zeros((size, 3), dtype=np.int32)
    lookup[used] = np.arange(len(used) * 3).reshape(-1, 3)

    def codes() -> Codes:
        code = np.empty(len(frame), dtype=np.int32)
        for part in chunks(len(frame)):
            code[part] = lookup.ravel()[keys(part)]
        return code

    pair, left = np.divmod(used, 2) if correct_side else (used, np.zeros_like(used))
    first, second = np.divmod(pair, max(len(all_names), 1))
    present = np.unique(np.concatenate([first, second]))
    rows = Rows(
        len(present),
        np.searchsorted(present, first),
        np.searchsorted(present, second),
        np.where(left == 1, 1, -1) if correct_side else np.zeros_like(used),
        counts[used].astype(float),
        correct_side,
    )
    return [all_names[at] for at in present], rows, codes


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
