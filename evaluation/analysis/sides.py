"""Answers as they were shown, left and right, and the crowd's side bias."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from evaluation.analysis.classic import clopper_pearson
from evaluation.analysis.columns import codes_of, main_ratings
from evaluation.analysis.effective import EFFECTIVE, Sums, pieces, why_not
from evaluation.analysis.effective_design import EffectiveDesign
from evaluation.analysis.scale import SHARE_ENDS, bounds


def shown_answers(main: pd.DataFrame) -> npt.NDArray[np.int8]:
    """Answers as shown: 0 left, 1 indifferent, 2 right; -1 where the side is not known."""
    choice = codes_of(main["choice"])
    unknown = np.int8(-1)
    if "a_shown_left" not in main:
        return np.where(choice == 1, choice, unknown)
    known = main["a_shown_left"].notna().to_numpy()
    left = main["a_shown_left"].fillna(False).to_numpy(dtype=bool)
    return np.where((choice == 1) | (known & left), choice, np.where(known, 2 - choice, unknown)).astype(np.int8)


@dataclass(frozen=True)
class SideBias:
    """How often the left side won among ``n`` decided answers with known sides, and its interval for new raters and
    prompts. ``method``: ``effective``; for a single rater or prompt, or where all answers went to one side,
    ``independent`` (Clopper and Pearson's, of votes taken as independent).
    """

    share_left: float | None
    n: int
    low: float
    high: float
    method: str = "independent"

    def to_dict(self) -> dict[str, object]:
        return asdict(self)


NO_SIDES = SideBias(None, 0, 0.0, 1.0)
"""Nobody decided, or no side is known."""


def side_bias(ratings: pd.DataFrame, level: float = 0.95) -> SideBias:
    """The crowd's side bias over a validated frame; with balanced sides one half means none."""
    main = main_ratings(ratings)
    shown = shown_answers(main)
    decided = (shown == 0) | (shown == 2)
    left, n = int((shown == 0).sum()), int(decided.sum())
    if not n:
        return NO_SIDES
    units = [np.unique(codes_of(main[name])[decided], return_inverse=True)[1] for name in ("rater_id", "prompt_id")]
    found = _clustered(units, (shown[decided] == 0).astype(np.int64), level)
    if found is None:
        return SideBias(left / n, n, *clopper_pearson(left, n, level))
    return SideBias(left / n, n, *found, EFFECTIVE)


def _clustered(
    units: list[npt.NDArray[np.intp]], left: npt.NDArray[np.int64], level: float
) -> tuple[float, float] | None:
    """Bounds of the share of ``left``, (n,), by raters and prompts, whose codes are ``units``; None where there are
    none. Prompts count across categories: sides were drawn for each trial.
    """
    sizes = [np.bincount(unit).astype(float)[:, None] for unit in units]
    design = EffectiveDesign.of(sizes[0], sizes[1])
    if why_not(design, [""]):
        return None
    summed = [np.bincount(unit, weights=left)[:, None, None] for unit in units]
    totals = [np.asarray(each, dtype=np.float64) for each in summed]  # they are; numpy's types say whole numbers
    squares = np.array([[float(left.sum())]])
    widest = pieces(design, sizes[0], sizes[1], Sums(totals[0], totals[1], squares))[0].widest(level)
    if widest is None:
        return None
    return bounds(float(left.mean()), math.sqrt(widest.value), widest.df, level, SHARE_ENDS)
