"""Screening by control trials: how many of them each rater answered right, and who is kept by the declared rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from common.json_in import read_json
from evaluation.analysis.results import Document, document


@dataclass(frozen=True)
class ControlRecord:
    """A rater's control trials: ``right`` of ``answered``; a trial with two questions counts for two."""

    rater_id: str
    right: int
    answered: int
    kept: bool


@dataclass(frozen=True)
class Screening:
    """Who is kept by ``rule``, in words. ``raters``: all, those who answered no control trial as well."""

    rule: str
    raters: tuple[ControlRecord, ...]

    @property
    def dropped(self) -> frozenset[str]:
        """The ids of those who are not kept."""
        return frozenset(each.rater_id for each in self.raters if not each.kept)

    @property
    def share_right(self) -> float | None:
        """Over all answers to control trials; None without any."""
        answered = sum(each.answered for each in self.raters)
        return sum(each.right for each in self.raters) / answered if answered else None

    def to_dict(self) -> Document:
        return document({"rule": self.rule, "raters": [each.__dict__ for each in self.raters]})

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Screening:
        """The screening from ``to_dict``."""
        return cls(data["rule"], tuple(ControlRecord(**each) for each in data["raters"]))


def is_kept(right: int, answered: int, least_right: float) -> bool:
    """Whether a rater is kept with ``right`` of ``answered`` control answers; with none answered there is no reason to
    drop one. ``least_right``: the share from which on, 0 to 1.
    """
    return answered == 0 or right >= least_right * answered - 1e-9


def screen(ratings: pd.DataFrame, answers: pd.DataFrame, least_right: float, rule: str) -> Screening:
    """Who is kept.

    Args:
        ratings, answers: validated, with ``control_answer``. A preference that stands in both is taken from
            ``answers``, which tell "both bad" from no preference.
        least_right: see ``is_kept``.
        rule: it in words.
    """
    raters = sorted({*ratings["rater_id"].astype(str), *answers["rater_id"].astype(str)})
    right, answered = dict.fromkeys(raters, 0), dict.fromkeys(raters, 0)
    for rater_id, is_right in [*_of_ratings(ratings, set(answers["question"].astype(str))), *_of_answers(answers)]:
        answered[rater_id] += 1
        right[rater_id] += is_right
    records = (
        ControlRecord(each, right[each], answered[each], is_kept(right[each], answered[each], least_right))
        for each in raters
    )
    return Screening(rule, tuple(records))


def _of_ratings(ratings: pd.DataFrame, elsewhere: set[str]) -> list[tuple[str, bool]]:
    if "control_answer" not in ratings:
        return []
    known = ratings["control"] & ratings["control_answer"].notna() & ~ratings["question"].isin(list(elsewhere))
    mine = ratings[known.to_numpy()]
    hits = mine["choice"].astype(str).to_numpy() == mine["control_answer"].astype(str).to_numpy()
    return list(zip(mine["rater_id"].astype(str), map(bool, hits), strict=True))


def _of_answers(answers: pd.DataFrame) -> list[tuple[str, bool]]:
    if "control_answer" not in answers:
        return []
    mine = answers[(answers["control"] & (answers["control_answer"] != "")).to_numpy()]
    return [
        (str(rater_id), read_json(expected) == value)
        for rater_id, expected, value in zip(mine["rater_id"], mine["control_answer"], mine["value"], strict=True)
    ]
