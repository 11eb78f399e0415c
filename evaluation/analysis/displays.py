"""On what screens ratings were given, and what results are without the small ones.

A difference that shows on large images alone is lost on small ones, so results with and without these stand side by
side.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from evaluation.analysis.columns import main_ratings
from evaluation.analysis.display_columns import THEME, THEMES, WIDTHS
from evaluation.analysis.estimands import DEFAULT_ESTIMAND
from evaluation.analysis.estimates import Interval
from evaluation.analysis.frame import part_of
from evaluation.analysis.results import Document, document
from evaluation.analysis.summary import overall_rate

SMALL = 160
"""CSS pixels: an image that stands narrower is on a small display. A convention of ours: some 4 cm on a desk."""


@dataclass(frozen=True)
class Widths:
    """Pixels that images were shown wide: ends and quartiles over answers."""

    min: float
    q1: float
    median: float
    q3: float
    max: float


@dataclass(frozen=True)
class Bounds:
    """The ends of an interval."""

    low: float
    high: float


@dataclass(frozen=True)
class WithoutSmall:
    """A comparison's net share of all ratings, and of those that were given on no small display (None where none is
    left), with their default intervals, None where there is none. ``n``, ``n_without``: ratings.
    """

    generator_a: str
    generator_b: str
    question: str
    n: int
    net: float
    interval: Bounds | None
    n_without: int
    net_without: float | None
    interval_without: Bounds | None


@dataclass(frozen=True)
class Displays:
    """``n_answers``: that count in results; of ``n_known`` the width is known. ``widths``: in CSS pixels,
    ``device_widths``: in those of the device. ``themes``: answers by theme, those known.

    ``small``: CSS pixels, below which an image is small; ``n_small`` answers by ``n_small_raters`` of ``n_raters`` were
    given on such. Answers whose width is not known count as not small. ``without_small``: empty where there are none.
    """

    n_answers: int
    n_known: int
    n_raters: int
    widths: Widths | None
    device_widths: Widths | None
    themes: Mapping[str, int]
    small: int
    n_small: int
    n_small_raters: int
    without_small: tuple[WithoutSmall, ...]

    @property
    def theme_shares(self) -> list[tuple[str, float]]:
        """Each theme's share of the answers whose theme is known."""
        n = sum(self.themes.values())
        return [(name, k / n) for name, k in self.themes.items()]

    def narrowed(self, there: Collection[tuple[str, str, str]]) -> Displays:
        """Only the comparisons (first generator, second, question) that are ``there``."""
        kept = (each for each in self.without_small if (each.generator_a, each.generator_b, each.question) in there)
        return replace(self, without_small=tuple(kept))

    def to_dict(self) -> Document:
        return document(asdict(replace(self, themes=dict(self.themes))))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Displays:
        """The displays from ``to_dict``."""
        widths = {name: Widths(**data[name]) if data[name] else None for name in ("widths", "device_widths")}
        without = tuple(
            WithoutSmall(
                **{
                    name: Bounds(**value) if name.startswith("interval") and value else value
                    for name, value in each.items()
                }
            )
            for each in data["without_small"]
        )
        return cls(**{**data, **widths, "without_small": without})


def displays(
    valid: pd.DataFrame, *, small: int = SMALL, estimand: str = DEFAULT_ESTIMAND, level: float = 0.95
) -> Displays | None:
    """The displays of validated ratings; None where nothing is known of them. Control trials and repeats are left out.

    Args:
        small: CSS pixels, from which on an image is not small.
    """
    frame = main_ratings(valid)
    there = _there(frame)
    if there is None:
        return None
    is_small = small_rows(frame, small)
    without = part_of(frame, ~is_small) if is_small.any() else None
    comparisons = _compared(frame, without, estimand, level) if without is not None else ()
    return _displays(frame, there, is_small, small, comparisons)


def displays_of_answers(answers: pd.DataFrame, *, small: int = SMALL) -> Displays | None:
    """The same of a frame of answers of any kind, those that count, without results."""
    there = _there(answers)
    return None if there is None else _displays(answers, there, small_rows(answers, small), small, ())


def small_rows(frame: pd.DataFrame, small: int = SMALL) -> npt.NDArray[np.bool_]:
    """Which rows of a validated frame were given on a small display, (n,); unknown ones were not."""
    if WIDTHS[0] not in frame:
        return np.zeros(len(frame), dtype=bool)
    return np.asarray(frame[WIDTHS[0]].to_numpy(dtype=float) < small)


def _there(frame: pd.DataFrame) -> dict[str, npt.NDArray[np.float64]] | None:
    """The known widths by column; None where neither a width nor a theme is known."""
    empty = np.zeros(0)
    wide = {name: frame[name].dropna().to_numpy(dtype=float) if name in frame else empty for name in WIDTHS}
    themed = THEME in frame and bool((frame[THEME] != "").any())
    return wide if themed or any(len(each) for each in wide.values()) else None


def _displays(
    frame: pd.DataFrame,
    wide: Mapping[str, npt.NDArray[np.float64]],
    is_small: npt.NDArray[np.bool_],
    small: int,
    comparisons: tuple[WithoutSmall, ...],
) -> Displays:
    raters = frame["rater_id"].astype(str).to_numpy()
    counts = frame[THEME].value_counts() if THEME in frame else {}
    return Displays(
        n_answers=len(frame),
        n_known=len(wide[WIDTHS[0]]),
        n_raters=len(set(raters)),
        widths=_widths(wide[WIDTHS[0]]),
        device_widths=_widths(wide[WIDTHS[1]]),
        themes={name: int(counts[name]) for name in THEMES if name in counts},
        small=small,
        n_small=int(is_small.sum()),
        n_small_raters=len(set(raters[is_small])),
        without_small=comparisons,
    )


def _widths(values: npt.NDArray[np.float64]) -> Widths | None:
    return Widths(*map(float, np.quantile(values, (0, 0.25, 0.5, 0.75, 1)))) if len(values) else None


def _compared(frame: pd.DataFrame, without: pd.DataFrame, estimand: str, level: float) -> tuple[WithoutSmall, ...]:
    names = ["question", "generator_a", "generator_b"]
    whole = frame.groupby(names, observed=True, sort=True).indices
    parts = without.groupby(names, observed=True, sort=True).indices if len(without) else {}
    found = []
    for key, rows in whole.items():
        question, a, b = map(str, key)
        every = overall_rate(frame.iloc[rows], estimand, level)
        rest = overall_rate(without.iloc[parts[key]], estimand, level) if key in parts else None
        found.append(
            WithoutSmall(
                a,
                b,
                question,
                every.n_ratings,
                every.net.estimate,
                _ends(every.net.interval),
                rest.n_ratings if rest else 0,
                rest.net.estimate if rest else None,
                _ends(rest.net.interval) if rest else None,
            )
        )
    return tuple(found)


def _ends(interval: Interval | None) -> Bounds | None:
    return None if interval is None else Bounds(float(interval.low), float(interval.high))
