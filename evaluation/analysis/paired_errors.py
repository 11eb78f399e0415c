"""Sandwich errors of a ranking over raters and prompts (see ``ranking``), from gradients summed by cluster.

A cluster's sum has one entry a parameter. It is made from how often each answer to each pair stands in the cluster,
and a gradient has at most four entries that are not zero, so that neither time nor memory grows with clusters x pairs.

A contrast of scores is, but for a constant, the sum of what each rating moves it by (its gradient times the bread).
Summed over the ratings of a rater-prompt cell, those are the scores of a mean over cells, so that the form, the degrees
of freedom and the floors of the default interval (``effective``) hold for it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from evaluation.analysis.columns import CHUNK, CompositeKey, chunks, codes_of
from evaluation.analysis.crossed import Variance, quantile
from evaluation.analysis.effective import Pieces, one_mean
from evaluation.analysis.effective_design import EffectiveDesign
from evaluation.analysis.paired_models import Fit, FloatArray
from evaluation.analysis.paired_units import Codes, Index, UnitAnswers

Meats = Sequence[tuple[FloatArray, FloatArray]]
NAMES = ("rater_id", "prompt_id")
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
        gradients = _Gradients.of(fitted)
        cell_meat, sizes = _cells(frame, gradients, code)
        units = (
            UnitAnswers.of_codes(codes_of(frame[name]), len(size), code, gradients.n_answers)
            for name, size in zip(NAMES, sizes, strict=True)
        )
        return cls._of_units(fitted, gradients, units, sizes, cell_meat)

    @classmethod
    def of_counts(cls, fitted: Fit, raters: UnitAnswers, prompts: UnitAnswers) -> Errors:
        """Errors of a fit to answers counted by rater and by prompt, where rater-prompt cells are not known and each
        rating is taken as one, which errs on the wide side.
        """
        gradients = _Gradients.of(fitted)
        units = raters, prompts
        sizes = raters.sizes, prompts.sizes
        cell_meat = gradients.by_rating(prompts.by_answer(gradients.n_answers))
        return cls._of_units(fitted, gradients, units, sizes, cell_meat)

    @classmethod
    def _of_units(
        cls,
        fitted: Fit,
        gradients: _Gradients,
        units: Iterable[UnitAnswers],
        sizes: tuple[FloatArray, FloatArray],
        cell_meat: FloatArray,
    ) -> Errors:
        """``units``: answers by rater and by prompt; ``sizes``: their numbers of cells."""
        design = EffectiveDesign.of(*(size[size > 0][:, None] for size in sizes))
        panel = design.panels[0]
        meats = []
        for unit, size, even in zip(units, sizes, (panel.even_raters, panel.even_prompts), strict=True):
            weights = np.zeros(len(size))
            weights[size > 0] = even
            meats.append(gradients.meats(unit, weights))
        return cls._of_meats(fitted.bread, meats, cell_meat, design)

    @classmethod
    def of_sums(cls, bread: FloatArray, gradients: FloatArray, rater: Index, prompt: Index) -> Errors:
        """Errors from the gradient of each answer, (n, D), by ``rater`` and ``prompt``, (n,) codes without gaps."""
        cell = np.unique(rater * (int(prompt.max()) + 1) + prompt, return_index=True, return_inverse=True)
        first, place = cell[1], cell[2]
        sizes = [np.bincount(unit[first]).astype(float) for unit in (rater, prompt)]
        design = EffectiveDesign.of(sizes[0][:, None], sizes[1][:, None])
        panel = design.panels[0]

        def sums(code: Index) -> FloatArray:
            return np.stack([np.bincount(code, weights=each) for each in gradients.T], axis=1)

        meats = []
        for unit, even in ((rater, panel.even_raters), (prompt, panel.even_prompts)):
            own = sums(unit)
            meats.append((own.T @ own * (len(own) / max(len(own) - 1, 1)), own.T @ (own * even[:, None])))
        of_cells = sums(place)
        return cls._of_meats(bread, meats, of_cells.T @ of_cells, design)

    @classmethod
    def _of_meats(cls, bread: FloatArray, meats: Meats, cell_meat: FloatArray, design: EffectiveDesign) -> Errors:
        raters, prompts = (np.asarray(bread @ plain @ bread) for plain, _ in meats)
        even_raters, even_prompts = (np.asarray(bread @ even @ bread) for _, even in meats)
        cells = np.asarray(bread @ cell_meat @ bread)
        both = raters + prompts - cells * (design.n / max(design.n - 1, 1))
        return cls(raters, prompts, both, (even_raters, even_prompts, cells), design)

    def variance(self, contrast: FloatArray) -> float:
        """Variance of a contrast of the parameters, never below the larger one-way."""
        return max(float(contrast @ each @ contrast) for each in (self.both, self.raters, self.prompts))

    def of_differences(self, n: int) -> FloatArray:
        """``variance`` of the difference of each two scores, (n, n)."""
        found = np.zeros((n, n))
        for each in (self.both, self.raters, self.prompts):
            own = np.diag(each)[:n]
            found = np.maximum(found, own[:, None] + own[None, :] - each[:n, :n] - each[:n, :n].T)
        return found

    def of_scores(self, n: int) -> FloatArray:
        """``variance`` of each score less the mean of all, (n,)."""
        centre = np.eye(n) - 1 / n
        each = (np.diag(centre @ one[:n, :n] @ centre) for one in (self.both, self.raters, self.prompts))
        return np.asarray(np.max(np.stack(list(each)), axis=0))

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
        found[first[told], second[told]] = far * np.sqrt(np.maximum(own[told], own.mean()))
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
class _Gradients:
    """The gradients of the answers, (k * 3, ``width``), by their entries that are not zero: each of ``entries`` has the
    parameter, (k * 3,), and its value, (k * 3,).
    """

    entries: tuple[tuple[npt.NDArray[np.int64], FloatArray], ...]
    width: int

    @classmethod
    def of(cls, fitted: Fit) -> _Gradients:
        rows, width = fitted.rows, len(fitted.bread)
        by_d = fitted.by_d.ravel()
        entries = [(np.repeat(rows.first, 3), by_d), (np.repeat(rows.second, 3), -by_d)]
        if rows.with_bias:
            entries.append((np.full(len(by_d), rows.n_generators), by_d * np.repeat(rows.side, 3)))
        if fitted.tie is not None:
            entries.append((np.full(len(by_d), width - 1), fitted.by_tie.ravel()))
        return cls(tuple(entries), width)

    @property
    def n_answers(self) -> int:
        return len(self.entries[0][0])

    def meats(self, units: UnitAnswers, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Sums over clusters of s s', (D, D): times G / (G - 1), G clusters with a rating; and each by its
        weight, (n_clusters,).
        """
        found, even, present = np.zeros((self.width, self.width)), np.zeros((self.width, self.width)), 0
        for first, last, key, number in units.blocks(self.width):
            place, answer = np.divmod(key, self.n_answers)
            place -= first
            sums = np.zeros((last - first) * self.width)
            for parameter, value in self.entries:
                sums += np.bincount(
                    place * self.width + parameter[answer], weights=number * value[answer], minlength=len(sums)
                )
            table = sums.reshape(last - first, self.width)
            found += table.T @ table
            even += table.T @ (table * weights[first:last, None])
            present += int(np.count_nonzero(np.diff(place, prepend=-1)))  # they are sorted
        return found * (present / max(present - 1, 1)), even

    def by_rating(self, number: FloatArray) -> FloatArray:
        """Sum over ratings of the gradients' squares, (D, D), from how often each answer stands, (k * 3,)."""
        found = np.zeros((self.width, self.width))
        for one, left in self.entries:
            for other, right in self.entries:
                np.add.at(found, (one, other), number * left * right)
        return found


def _cells(frame: pd.DataFrame, gradients: _Gradients, code: Codes) -> tuple[FloatArray, tuple[FloatArray, FloatArray]]:
    """Sum over rater-prompt cells of s s', (D, D), and numbers of cells by code of rater and of prompt."""
    units = [codes_of(frame[name]) for name in NAMES]
    levels = [len(frame[name].cat.categories) for name in NAMES]
    if len(frame) > EXACT_CELLS:
        sizes = [np.bincount(unit, minlength=n).astype(float) for unit, n in zip(units, levels, strict=True)]
        number = np.zeros(gradients.n_answers)
        for part in chunks(len(code), max(CHUNK, len(number))):
            number += np.bincount(code[part], minlength=len(number))
        return gradients.by_rating(number), (sizes[0], sizes[1])
    key = CompositeKey.of(frame, NAMES).rows()
    first, place = np.unique(key, return_index=True, return_inverse=True)[1:]
    answers = UnitAnswers.of_codes(place, len(first), code, gradients.n_answers)
    meat = gradients.meats(answers, np.ones(len(first)))[1]
    sizes = [np.bincount(unit[first], minlength=n).astype(float) for unit, n in zip(units, levels, strict=True)]
    return meat, (sizes[0], sizes[1])
