"""Sandwich errors of a ranking over raters and prompts (see ``ranking``), from counts by cluster.

A contrast of scores is, but for a constant, the sum of what each rating moves it by (its gradient times the bread).
Summed over the ratings of a rater-prompt cell, those are the scores of a mean over cells, so that the form, the degrees
of freedom and the floors of the default interval (``effective``) hold for it; three more matrices are all it takes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from evaluation.analysis.columns import CHUNK, CompositeKey, chunks, codes_of
from evaluation.analysis.crossed import Variance, quantile
from evaluation.analysis.effective import Pieces, one_mean
from evaluation.analysis.effective_design import EffectiveDesign
from evaluation.analysis.paired_models import Fit, FloatArray

Codes = npt.NDArray[np.int32]
EXACT_CELLS = 2_000_000  # above this many ratings the cell term is taken rating by rating, which errs on the wide side
NO_SPREAD = 1e-12  # a variance below this is rounding: the ratings are alike and say nothing about others


@dataclass(frozen=True)
class Errors:
    """Covariances, (D, D), of all parameters by raters, by prompts, and of both together; and what the default
    interval takes: ``evened``, its three sums of squares as such matrices, for the ``design`` of cells.
    """

    raters: FloatArray
    prompts: FloatArray
    both: FloatArray
    evened: tuple[FloatArray, FloatArray, FloatArray]
    design: EffectiveDesign

    @classmethod
    def of(cls, frame: pd.DataFrame, fitted: Fit, code: Codes) -> Errors:
        """Errors of a fit to ``frame``, whose ratings have the ``code`` row * 3 + choice in the fitted table."""
        k, _, width = fitted.gradients.shape
        flat = fitted.gradients.reshape(k * 3, width)
        cells, counts = _cell_meat(frame, flat, code), []
        sums = []
        for name in ("rater_id", "prompt_id"):
            cluster, n = codes_of(frame[name]), len(frame[name].cat.categories)
            table = np.zeros(n * k * 3)
            for part in chunks(len(frame), max(CHUNK, n * k)):
                table += np.bincount(cluster[part].astype(np.int64) * (k * 3) + code[part], minlength=n * k * 3)
            table = table.reshape(n, k * 3)
            present = table.any(axis=1)
            sums.append(table[present] @ flat)
            counts.append(cells.sizes[len(counts)][present])
        design = EffectiveDesign.of(counts[0][:, None], counts[1][:, None])
        panel = design.panels[0]

        def covariance(own: FloatArray, weights: FloatArray | float) -> FloatArray:
            meat = own.T @ (own * np.reshape(weights, (-1, 1)))
            return np.asarray(fitted.bread @ meat @ fitted.bread)

        one_way = [covariance(own, len(own) / max(len(own) - 1, 1)) for own in sums]
        n_cells = float(counts[0].sum())
        rest = np.asarray(fitted.bread @ cells.meat @ fitted.bread)
        evened = covariance(sums[0], panel.even_raters), covariance(sums[1], panel.even_prompts), rest
        both = one_way[0] + one_way[1] - rest * (n_cells / max(n_cells - 1, 1))
        return cls(one_way[0], one_way[1], both, evened, design)

    def variance(self, contrast: FloatArray) -> float:
        """Two-way variance of a contrast of the parameters, never below the larger one-way."""
        return max(float(contrast @ each @ contrast) for each in (self.both, self.raters, self.prompts))

    def pieces(self, contrast: FloatArray) -> Pieces:
        """What the default interval of a contrast can rest on."""
        raters, prompts = (max(float(contrast @ each @ contrast), 0.0) for each in (self.raters, self.prompts))
        seen = np.array([float(contrast @ each @ contrast) for each in self.evened]) * self.design.n**2
        return Pieces(
            one_mean(self.design, seen),
            Variance(raters, self.design.n_raters - 1.0),
            Variance(prompts, self.design.n_prompts - 1.0),
        )

    def widest(self, contrast: FloatArray, level: float) -> Variance | None:
        """The variance and degrees of freedom of a contrast's interval; None where nothing varies."""
        found = self.pieces(contrast).widest(level)
        return found if found is not None and found.value > NO_SPREAD else None

    def reaches(self, n: int, level: float) -> FloatArray:
        """How far two of ``n`` scores must lie apart, (n, n), to be told apart while all pairs hold at once (Sidak).

        A pair's own variance has as few degrees of freedom as there are raters less one, and t with two of them is 20
        at such levels. So degrees of freedom come from all pairs together, as in an analysis of repeated measures:
        those of the mean variance of a pair, times the number of scores that differ independently (Box 1954), estimated
        without bias. The variance is the larger of the pair's own and the mean of all, so that a pair that varies more
        than others is not judged by theirs. Coverage: docs/coverage.md, "Rankings".
        """
        first, second = np.triu_indices(n, 1)
        contrasts = np.zeros((len(first), len(self.both)))
        rows = np.arange(len(first))
        contrasts[rows, first], contrasts[rows, second] = 1, -1

        def forms(matrix: FloatArray) -> FloatArray:
            return np.asarray(((contrasts @ matrix) * contrasts).sum(axis=1))

        own = np.maximum.reduce([forms(each) for each in (self.both, self.raters, self.prompts)])
        seen = np.array([forms(each).mean() for each in self.evened]) * self.design.n**2
        pooled = one_mean(self.design, seen)
        least = min(self.design.n_raters, self.design.n_prompts) - 1.0
        df = max(pooled.df or 0.0, least) if pooled.value > 0 else least
        far = quantile(level ** (1 / len(first)), df * self._independent(n, df))
        found = np.full((n, n), math.inf)
        told = own > NO_SPREAD
        found[first[told], second[told]] = far * np.sqrt(np.maximum(own, own.mean()))[told]
        return np.minimum(found, found.T)

    def _independent(self, n: int, df: float) -> float:
        """Box's number of independent differences among ``n`` scores, 1 to n - 1, from a covariance with ``df``."""
        centre = np.eye(n) - 1 / n
        covariance = centre @ (self.raters + self.prompts)[:n, :n] @ centre
        trace, squares = float(np.trace(covariance)), float((covariance * covariance).sum())
        most = n - 1.0
        if df <= 1 or trace <= 0:
            return most
        unbiased = df**2 / ((df - 1) * (df + 2)) * (squares - trace**2 / df)
        return min(max(trace**2 / max(unbiased, trace**2 / most), 1.0), most)

    def centred(self, n: int) -> FloatArray:
        """Two-way covariance of the (mean-zero) scores."""
        centre = np.eye(n) - 1 / n
        return np.asarray(centre @ self.both[:n, :n] @ centre)


@dataclass(frozen=True)
class _Cells:
    """Sums over cells of what they add, squared, (D, D), and numbers of cells by code of rater and of prompt."""

    meat: FloatArray
    sizes: tuple[FloatArray, FloatArray]


def _cell_meat(frame: pd.DataFrame, flat: FloatArray, code: Codes) -> _Cells:
    names = ("rater_id", "prompt_id")
    codes = [codes_of(frame[name]) for name in names]
    levels = [len(frame[name].cat.categories) for name in names]
    if len(frame) > EXACT_CELLS:
        number = np.bincount(code, minlength=len(flat)).astype(float)
        meat = np.asarray((flat * number[:, None]).T @ flat)
        sizes = [np.bincount(own, minlength=n).astype(float) for own, n in zip(codes, levels, strict=True)]
        return _Cells(meat, (sizes[0], sizes[1]))
    key = CompositeKey.of(frame, names).rows()
    first, place = np.unique(key, return_index=True, return_inverse=True)[1:]
    n = len(first)
    sums = np.stack([np.bincount(place, weights=column[code], minlength=n) for column in flat.T], axis=1)
    sizes = [np.bincount(own[first], minlength=n).astype(float) for own, n in zip(codes, levels, strict=True)]
    return _Cells(np.asarray(sums.T @ sums), (sizes[0], sizes[1]))
