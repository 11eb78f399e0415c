"""Sandwich errors of a ranking over raters and prompts (see ``ranking``), from counts by cluster."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from evaluation.analysis.columns import CHUNK, CompositeKey, chunks, codes_of
from evaluation.analysis.paired_models import Fit, FloatArray

Codes = npt.NDArray[np.int32]
EXACT_CELLS = 2_000_000  # above this many ratings the cell term is taken rating by rating, which errs on the wide side


@dataclass(frozen=True)
class Errors:
    """Covariances, (D, D), of all parameters by raters, by prompts, and of both together."""

    raters: FloatArray
    prompts: FloatArray
    both: FloatArray

    @classmethod
    def of(cls, frame: pd.DataFrame, fitted: Fit, code: Codes) -> Errors:
        """Errors of a fit to ``frame``, whose ratings have the ``code`` row * 3 + choice in the fitted table."""
        k, _, width = fitted.gradients.shape
        flat = fitted.gradients.reshape(k * 3, width)

        def meat(name: str) -> FloatArray:
            cluster, n = codes_of(frame[name]), len(frame[name].cat.categories)
            counts = np.zeros(n * k * 3)
            for part in chunks(len(frame), max(CHUNK, n * k)):
                counts += np.bincount(cluster[part].astype(np.int64) * (k * 3) + code[part], minlength=n * k * 3)
            counts = counts.reshape(n, k * 3)
            sums = counts @ flat
            present = int((counts.any(axis=1)).sum())
            return np.asarray(sums.T @ sums * (present / (present - 1)))

        raters, prompts = (fitted.bread @ meat(name) @ fitted.bread for name in ("rater_id", "prompt_id"))
        both = raters + prompts - fitted.bread @ _cell_meat(frame, flat, code) @ fitted.bread
        return cls(raters, prompts, both)

    def variance(self, contrast: FloatArray) -> float:
        """Variance of a contrast of the parameters, never below the larger one-way."""
        return max(float(contrast @ each @ contrast) for each in (self.both, self.raters, self.prompts))

    def centred(self, n: int) -> FloatArray:
        """Two-way covariance of the (mean-zero) scores."""
        centre = np.eye(n) - 1 / n
        return np.asarray(centre @ self.both[:n, :n] @ centre)


def _cell_meat(frame: pd.DataFrame, flat: FloatArray, code: Codes) -> FloatArray:
    if len(frame) > EXACT_CELLS:
        number = np.bincount(code, minlength=len(flat)).astype(float)
        return np.asarray((flat * number[:, None]).T @ flat)
    key = CompositeKey.of(frame, ("rater_id", "prompt_id")).rows()
    place = np.unique(key, return_inverse=True)[1]
    n = int(place.max()) + 1
    sums = np.stack([np.bincount(place, weights=column[code], minlength=n) for column in flat.T], axis=1)
    return np.asarray(sums.T @ sums * (n / max(n - 1, 1)))
