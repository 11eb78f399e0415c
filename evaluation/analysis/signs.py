"""Signs that somebody did not look: evidence beside a rater, by declared rules. None of them is a proof.

A person may be quick, may prefer what stands left, may answer the telephone, or may use a tool that sends no clicks. So
signs are shown, and exclude nobody unless a study declared beforehand that they do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from evaluation.analysis.results import Document, document, rounded

SIGNS = {
    "speed": "answers faster than anyone can look",
    "side": "one side throughout",
    "away": "the page lost the focus",
    "untouched": "trials without a click, a touch or a key",
}
"""Each sign and what it is."""


@dataclass(frozen=True)
class SignRules:
    """When a sign is shown.

    An answer is too fast below ``base_ms`` + ``per_image_ms`` for each image shown + ``per_question_ms`` for each
    question of the trial before it; ``fast_share`` of a rater's answers must be. One side throughout: a rater who had
    no side would take one so often with a chance of at most ``side_chance``, and ``side_share`` of the decided answers
    are for it; of a trial the first decided answer counts. ``away_share``, ``untouched_share``: of a rater's trials.
    ``least``: answers, or trials, below which nothing is shown. ``exclude``: signs that exclude a rater.
    """

    base_ms: int = 800
    per_image_ms: int = 75
    per_question_ms: int = 250
    fast_share: float = 0.2
    side_chance: float = 0.001
    side_share: float = 0.95
    away_share: float = 0.25
    untouched_share: float = 0.1
    least: int = 5
    exclude: tuple[str, ...] = ()

    def fastest_ms(self, images: int, place: int) -> int:
        """Milliseconds below which an answer is too fast: to the question at ``place`` (from 0) about ``images``."""
        return self.base_ms + self.per_image_ms * images + self.per_question_ms * place

    def to_dict(self) -> dict[str, object]:
        return {**asdict(self), "exclude": list(self.exclude)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> SignRules:
        return cls(**{**data, "exclude": tuple(data["exclude"])})


@dataclass(frozen=True)
class Sign:
    """``sign``: of ``SIGNS``. ``n`` of ``of`` answers or trials. ``chance``: of one side throughout."""

    sign: str
    n: int
    of: int
    chance: float | None = None


@dataclass(frozen=True)
class RaterSigns:
    """A rater with signs. ``excluded``: whether one of them excludes."""

    rater_id: str
    signs: tuple[Sign, ...]
    excluded: bool


@dataclass(frozen=True)
class Signs:
    """``raters``: those with any sign, of ``n_raters``. ``noted``: whether pages noted clicks, keys and the focus."""

    rules: SignRules
    n_raters: int
    raters: tuple[RaterSigns, ...]
    noted: bool

    @property
    def excluded(self) -> frozenset[str]:
        """The ids of those whom a declared sign excludes."""
        return frozenset(each.rater_id for each in self.raters if each.excluded)

    def to_dict(self) -> Document:
        return document(
            {
                "rules": self.rules.to_dict(),
                "n_raters": self.n_raters,
                "noted": self.noted,
                "raters": [asdict(each) for each in self.raters],
            }
        )

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Signs:
        """The signs from ``to_dict``."""
        raters = tuple(
            RaterSigns(each["rater_id"], tuple(Sign(**one) for one in each["signs"]), each["excluded"])
            for each in data["raters"]
        )
        return cls(SignRules.from_dict(data["rules"]), data["n_raters"], raters, data["noted"])


def find_signs(
    ratings: pd.DataFrame, answers: pd.DataFrame, rules: SignRules, *, set_size: int, questions: Sequence[str]
) -> Signs:
    """The signs of each rater, over all trials, control trials and repeats among them.

    Args:
        ratings, answers: validated, with ``position`` and ``response_time_ms``; what pages noted in ``times_away``,
            ``clicks`` and ``keys`` where they did. Answers that stand in both are taken from ``ratings``.
        set_size: images of a set.
        questions: in the order asked.
    """
    rows = _rows(ratings, answers, set_size, questions)
    raters = sorted({*ratings["rater_id"].astype(str), *answers["rater_id"].astype(str)})
    found = []
    for rater_id, mine in rows.groupby("rater_id", sort=True):
        signs = tuple(_of_rater(mine.sort_values(["position", "place"], kind="stable"), rules))
        if signs:
            excluded = any(each.sign in rules.exclude for each in signs)
            found.append(RaterSigns(str(rater_id), signs, excluded))
    return Signs(rules, len(raters), tuple(found), bool(rows["away"].notna().any()))


def _of_rater(mine: pd.DataFrame, rules: SignRules) -> Iterator[Sign]:
    timed = mine[mine["ms"].notna().to_numpy()]
    if len(timed) >= rules.least:
        fastest = [
            rules.fastest_ms(images, place) for images, place in zip(timed["images"], timed["place"], strict=True)
        ]
        n = int((timed["ms"].to_numpy(dtype=float) < np.array(fastest)).sum())
        if n >= rules.fast_share * len(timed):
            yield Sign("speed", n, len(timed))
    decided = mine[mine["side"].isin(["left", "right"]).to_numpy()].drop_duplicates("position")
    if len(decided):
        n = int(max((decided["side"] == "left").sum(), (decided["side"] == "right").sum()))
        chance = side_chance(n, len(decided))
        if chance <= rules.side_chance and n >= rules.side_share * len(decided):
            yield Sign("side", n, len(decided), rounded(chance))
    noted = mine[mine["away"].notna().to_numpy()].drop_duplicates("position")
    if len(noted) >= rules.least:
        n = int((noted["away"] > 0).sum())
        if n >= rules.away_share * len(noted):
            yield Sign("away", n, len(noted))
        n = int((noted["touched"] == 0).sum())
        if n >= rules.untouched_share * len(noted):
            yield Sign("untouched", n, len(noted))


def side_chance(n: int, of: int) -> float:
    """The chance that one of the sides is taken ``n`` times or more, of ``of``, where neither has an advantage."""
    from scipy import stats  # takes as long to import as a small analysis does

    return float(min(1.0, 2 * stats.binom.sf(n - 1, of, 0.5)))


def _rows(ratings: pd.DataFrame, answers: pd.DataFrame, set_size: int, questions: Sequence[str]) -> pd.DataFrame:
    """One row an answer: rater, trial, question's place, images shown, time, side, and what was noted."""
    others = answers[~answers["question"].isin(list(ratings["question"].unique())).to_numpy()]
    parts = []
    for frame in (ratings, others):
        if not len(frame) or "position" not in frame:
            continue
        if frame is ratings:
            images = pd.Series(2 * set_size, index=frame.index)
            left = frame["a_shown_left"].fillna(False).astype(bool) if "a_shown_left" in frame else None
            side = _side(frame["choice"].astype(str), left)
        else:
            images = frame["shown"].map(len) * set_size
            side = frame["value"].map(lambda each: each if isinstance(each, str) else "")
        place = _places(frame["question"].astype(str), questions)
        noted = "times_away" in frame
        parts.append(
            pd.DataFrame(
                {
                    "rater_id": frame["rater_id"].astype(str),
                    "position": frame["position"],
                    "place": place,
                    "images": images,
                    "ms": frame.get("response_time_ms", np.nan),
                    "side": side,
                    "away": pd.to_numeric(frame["times_away"]) if noted else np.nan,
                    "touched": pd.to_numeric(frame["clicks"]) + pd.to_numeric(frame["keys"]) if noted else np.nan,
                }
            ).astype({"ms": float, "away": float, "touched": float})
        )
    columns = ["rater_id", "position", "place", "images", "ms", "side", "away", "touched"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def _places(asked: pd.Series, questions: Sequence[str]) -> pd.Series:
    """Each question's place in its trial; of a claim with the claims before it."""
    order = {name: at for at, name in enumerate(questions)}
    parts = asked.str.partition(":")
    numbers = pd.to_numeric(parts[2], errors="coerce").fillna(0).astype(int)
    return parts[0].map(order).fillna(0).astype(int) + numbers


def _side(choice: pd.Series, a_left: pd.Series | None) -> pd.Series:
    if a_left is None:
        return pd.Series("", index=choice.index)
    left = ((choice == "a") & a_left) | ((choice == "b") & ~a_left)
    return pd.Series(np.where(choice == "indifferent", "", np.where(left, "left", "right")), index=choice.index)
