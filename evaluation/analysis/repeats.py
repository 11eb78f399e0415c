"""Trials seen again: how often raters who see a trial again answer as before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evaluation.analysis.estimands import DEFAULT_ESTIMAND
from evaluation.analysis.estimates import MeanEstimate
from evaluation.analysis.results import Document, document, rounded
from evaluation.analysis.scores import analyse_scores

SIDES = {"left": 0, "right": 1}


@dataclass(frozen=True)
class SeenAgain:
    """How one question was answered the second time. ``same``: the share of answers that were the same both times, each
    rater and prompt counting alike. ``difference``: the mean distance of two answers on a scale, None of other kinds.
    """

    question: str
    kind: str
    n_answers: int
    n_raters: int
    n_prompts: int
    same: MeanEstimate
    difference: float | None

    def to_dict(self) -> Document:
        names = ("question", "kind", "n_answers", "n_raters", "n_prompts", "difference")
        return document({name: getattr(self, name) for name in names} | {"same": self.same.to_dict()})

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], level: float) -> SeenAgain:
        """The result from ``to_dict``, its intervals at ``level``."""
        return cls(**{**data, "same": MeanEstimate.from_dict(data["same"], level)})


def without_repeats(ratings: pd.DataFrame) -> pd.DataFrame:
    """The ratings that raters gave when they first saw a trial; all where there is no column ``repetition``."""
    return ratings[(ratings["repetition"] == 0).to_numpy(dtype=bool)] if "repetition" in ratings else ratings


def seen_again(
    ratings: pd.DataFrame, answers: pd.DataFrame, *, estimand: str = DEFAULT_ESTIMAND, level: float = 0.95
) -> tuple[SeenAgain, ...]:
    """Of each question that was asked again; none where none was.

    Args:
        ratings: preferences with ``repetition``, sides undone. answers: from ``validate_answers``. Questions that stand
            in both are taken from ``answers``.
        estimand, level: of the share's interval, as for ``summary.analyse``.
    """
    both = pairs_seen(ratings, answers)
    if both is None:
        return ()
    found = []
    for (question, kind), part in both.assign(question=both["question"].str.partition(":")[0]).groupby(
        ["question", "kind"], sort=True
    ):
        same = np.array([a == b for a, b in zip(part["first"], part["again"], strict=True)], dtype=float)
        alike = (
            part.assign(same=same).groupby(["rater_id", "prompt_id", "category"], sort=True).agg(score=("same", "mean"))
        )
        scores = alike.reset_index().assign(generator="all", question="q")
        own = analyse_scores(scores, estimand=estimand, level=level).estimates[0]
        found.append(
            SeenAgain(str(question), str(kind), len(part), own.n_raters, own.n_prompts, own.mean, _difference(part))
        )
    return rounded(tuple(found))


def pairs_seen(ratings: pd.DataFrame, answers: pd.DataFrame) -> pd.DataFrame | None:
    """The two answers (`first`, `again`) to each question about each trial that a rater saw twice; None without any.

    Args:
        ratings, answers: as for `seen_again`.
    """
    rows = [*_of_answers(answers), *_of_ratings(ratings, set(answers["question"].astype(str)))]
    if not any(row["repetition"] for row in rows):
        return None
    frame = pd.DataFrame(rows)
    keys = ["question", "kind", "rater_id", "prompt_id", "category", "trial"]
    first, again = (frame[frame["repetition"] == at].set_index(keys)["value"] for at in (0, 1))
    return pd.concat([first, again], axis=1, join="inner", keys=["first", "again"]).reset_index()


def _difference(part: pd.DataFrame) -> float | None:
    pairs = [
        abs(a - b)
        for a, b in zip(part["first"], part["again"], strict=True)
        if isinstance(a, int | float) and isinstance(b, int | float)
    ]
    return float(np.mean(pairs)) if pairs and (part["kind"] == "scale").all() else None


def _of_ratings(ratings: pd.DataFrame, elsewhere: set[str]) -> list[dict[str, Any]]:
    if "repetition" not in ratings:
        return []
    mine = ratings[~ratings["control"].to_numpy(dtype=bool) & ~ratings["question"].isin(list(elsewhere)).to_numpy()]
    return [
        _row(row, "choice", (str(row.generator_a), str(row.generator_b)), str(row.choice))
        for row in mine.itertuples(index=False)
    ]


def _of_answers(answers: pd.DataFrame) -> list[dict[str, Any]]:
    mine = answers[~answers["control"].to_numpy(dtype=bool)]
    return [
        _row(row, str(row.kind), tuple(sorted(row.shown)), _by_generator(str(row.kind), row.shown, row.value))
        for row in mine.itertuples(index=False)
    ]


def _row(row: Any, kind: str, trial: tuple[str, ...], value: Any) -> dict[str, Any]:
    names = ("question", "rater_id", "prompt_id", "category")
    own = {name: str(getattr(row, name)) for name in names}
    return {**own, "kind": kind, "trial": trial, "value": value, "repetition": int(row.repetition)}


def _by_generator(kind: str, shown: tuple[str, ...], value: Any) -> Any:
    """The value as it reads whichever way the sets stood."""
    if kind == "ranking":
        return [sorted(shown[place] for place in group) for group in value]
    if kind == "choice" and len(shown) == 2 and value in SIDES:
        return shown[SIDES[value]]
    return value
