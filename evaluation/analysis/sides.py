"""Answers as they were shown, left and right, and the crowd's side bias."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from evaluation.analysis.classic import clopper_pearson
from evaluation.analysis.columns import codes_of, main_ratings


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
    """How often the left side won among ``n`` decided answers with known sides; exact interval of independent votes."""

    share_left: float | None
    n: int
    low: float
    high: float

    def to_dict(self) -> dict[str, object]:
        return asdict(self)


NO_SIDES = SideBias(None, 0, 0.0, 1.0)
"""Nobody decided, or no side is known."""


def side_bias(ratings: pd.DataFrame, level: float = 0.95) -> SideBias:
    """The crowd's side bias over a validated frame; with balanced sides one half means none."""
    main = main_ratings(ratings)
    shown = shown_answers(main)
    left, right = int((shown == 0).sum()), int((shown == 2).sum())
    if not left + right:
        return NO_SIDES
    return SideBias(left / (left + right), left + right, *clopper_pearson(left, left + right, level))
