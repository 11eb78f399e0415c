"""Screening by control trials: how many of them each rater answered right, and who is kept by the declared rule.

A protocol's own rule is a share of right answers (`screen`). Control trials that a study adds have an exact rule
(`screen_added`): there a trial counts once, and is right where all its answers are.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from common.json_in import read_json
from evaluation.analysis.control_rule import ControlRule, exact_interval, tail
from evaluation.analysis.repeats import pairs_seen
from evaluation.analysis.results import Document, document, rounded

REPEAT = "repeat"
"""What a trial that the rater saw again is called among the kinds of control trials."""


@dataclass(frozen=True)
class ControlRecord:
    """A rater's control trials: ``right`` of ``answered``; a trial with two questions counts for two.

    ``chance``: of an honest rater to look no better, where the rule is the exact one; None elsewhere.
    """

    rater_id: str
    right: int
    answered: int
    kept: bool
    chance: float | None = None


@dataclass(frozen=True)
class KindRecord:
    """All raters' control trials of one kind. ``low``, ``high``: exact 95 % limits of the share that is right, as if
    no two answers were a rater's. ``click``: the chance of a random click, over these trials.
    """

    kind: str
    right: int
    answered: int
    low: float
    high: float
    click: float

    @property
    def share(self) -> float:
        """The share that is right."""
        return self.right / self.answered


@dataclass(frozen=True)
class AddedControls:
    """What a study that adds control trials declared. ``click``: by question, the chance of a random click to be right,
    in the protocol's order; of a trial seen again the first of them decides.
    """

    rule: ControlRule
    click: Mapping[str, float]


@dataclass(frozen=True)
class Screening:
    """Who is kept by ``rule``, in words. ``raters``: all, those who answered no control trial as well. ``kinds``: where
    the study added control trials.
    """

    rule: str
    raters: tuple[ControlRecord, ...]
    kinds: tuple[KindRecord, ...] = ()

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
        raters = [{name: value for name, value in asdict(each).items() if value is not None} for each in self.raters]
        kinds = {"kinds": [asdict(each) for each in self.kinds]} if self.kinds else {}
        return document({"rule": self.rule, "raters": raters, **kinds})

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Screening:
        """The screening from ``to_dict``."""
        kinds = tuple(KindRecord(**each) for each in data.get("kinds", ()))
        return cls(data["rule"], tuple(ControlRecord(**each) for each in data["raters"]), kinds)


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


def screen_added(ratings: pd.DataFrame, answers: pd.DataFrame, added: AddedControls) -> Screening:
    """Who is kept by the exact rule on control trials that a study added.

    Args:
        ratings, answers: validated, with ``position``, ``control_answer`` and ``control_kind``; as for ``screen``.
    """
    raters = sorted({*ratings["rater_id"].astype(str), *answers["rater_id"].astype(str)})
    trials = list(_added_trials(ratings, answers, added.click))
    records = []
    for rater_id in raters:
        mine = [each for each in trials if each.rater_id == rater_id]
        chance = tail(added.rule, _passed(mine))
        kept = not added.rule.exclude or chance > added.rule.false_exclusion
        records.append(ControlRecord(rater_id, sum(each.right for each in mine), len(mine), kept, rounded(chance)))
    kinds = []
    for kind in dict.fromkeys(each.kind for each in sorted(trials, key=lambda each: each.kind)):
        mine = [each for each in trials if each.kind == kind]
        right = sum(each.right for each in mine)
        low, high = exact_interval(right, len(mine))
        click = sum(each.click for each in mine) / len(mine)
        kinds.append(KindRecord(kind, right, len(mine), rounded(low), rounded(high), rounded(click)))
    return Screening(added.rule.words(), tuple(records), tuple(kinds))


@dataclass(frozen=True)
class _Trial:
    rater_id: str
    kind: str
    right: bool
    click: float


def _passed(trials: Sequence[_Trial]) -> dict[float, tuple[int, int]]:
    found: dict[float, tuple[int, int]] = {}
    for each in trials:
        right, answered = found.get(each.click, (0, 0))
        found[each.click] = right + each.right, answered + 1
    return found


def _added_trials(ratings: pd.DataFrame, answers: pd.DataFrame, click: Mapping[str, float]) -> Iterator[_Trial]:
    asked: dict[tuple[str, str, int], list[tuple[str, bool]]] = {}
    for frame, rows in (
        (answers, _right_answers(answers)),
        (ratings, _right_ratings(ratings, set(answers["question"].astype(str)))),
    ):
        for at, is_right in rows:
            row = frame.iloc[at]
            key = str(row["rater_id"]), str(row["control_kind"]), int(row["position"])
            asked.setdefault(key, []).append((str(row["question"]), is_right))
    for (rater_id, kind, _), each in asked.items():
        yield _Trial(rater_id, kind, all(is_right for _, is_right in each), math.prod(click[name] for name, _ in each))
    both = pairs_seen(ratings, answers)
    if both is None:
        return
    place = {name: at for at, name in enumerate(click)}
    both = both[both["question"].isin(list(place)).to_numpy()]
    both = both.assign(place=both["question"].map(place)).sort_values("place", kind="stable")
    for row in both.drop_duplicates(["rater_id", "prompt_id", "trial"]).itertuples(index=False):
        yield _Trial(str(row.rater_id), REPEAT, row.first == row.again, click[str(row.question)])


def _of_ratings(ratings: pd.DataFrame, elsewhere: set[str]) -> list[tuple[str, bool]]:
    raters = ratings["rater_id"].astype(str).to_numpy()
    return [(raters[at], is_right) for at, is_right in _right_ratings(ratings, elsewhere)]


def _of_answers(answers: pd.DataFrame) -> list[tuple[str, bool]]:
    raters = answers["rater_id"].astype(str).to_numpy()
    return [(raters[at], is_right) for at, is_right in _right_answers(answers)]


def _right_ratings(ratings: pd.DataFrame, elsewhere: set[str]) -> list[tuple[int, bool]]:
    """The rows of control trials whose right answer is known, and whether they have it."""
    if "control_answer" not in ratings:
        return []
    known = ratings["control"] & ratings["control_answer"].notna() & ~ratings["question"].isin(list(elsewhere))
    rows = np.flatnonzero(known.to_numpy())
    mine = ratings.iloc[rows]
    hits = mine["choice"].astype(str).to_numpy() == mine["control_answer"].astype(str).to_numpy()
    return list(zip(map(int, rows), map(bool, hits), strict=True))


def _right_answers(answers: pd.DataFrame) -> list[tuple[int, bool]]:
    if "control_answer" not in answers:
        return []
    rows = np.flatnonzero((answers["control"] & (answers["control_answer"] != "")).to_numpy())
    mine = answers.iloc[rows]
    return [
        (int(at), read_json(expected) == value)
        for at, expected, value in zip(rows, mine["control_answer"], mine["value"], strict=True)
    ]
