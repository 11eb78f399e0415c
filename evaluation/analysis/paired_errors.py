"""Sandwich errors of a ranking over raters and prompts (see ``ranking``), from gradients summed by cluster.

A cluster's sum has one entry a parameter. It is made from how often each answer to each pair stands in the cluster,
and a gradient has at most four entries that are not zero, so that neither time nor memory grows with clusters x pairs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from evaluation.analysis.columns import CHUNK, CompositeKey, chunks, codes_of
from evaluation.analysis.paired_models import Fit, FloatArray

Codes = npt.NDArray[np.int32]
EXACT_CELLS = 2_000_000  # above this many ratings the cell term is taken rating by rating, which errs on the wide side
BLOCK = 1 << 22  # numbers of one array of cluster sums: 32 MB
DENSE = 1 << 22  # clusters x answers up to which they are counted into one table, without sorting


@dataclass(frozen=True)
class Errors:
    """Covariances, (D, D), of all parameters by raters, by prompts, and of both together."""

    raters: FloatArray
    prompts: FloatArray
    both: FloatArray

    @classmethod
    def of(cls, frame: pd.DataFrame, fitted: Fit, code: Codes) -> Errors:
        """Errors of a fit to ``frame``, whose ratings have the ``code`` row * 3 + choice in the fitted table."""
        gradients = _Gradients.of(fitted)

        def by(name: str) -> FloatArray:
            meat = gradients.meat(codes_of(frame[name]), len(frame[name].cat.categories), code)
            return np.asarray(fitted.bread @ meat @ fitted.bread)

        raters, prompts = by("rater_id"), by("prompt_id")
        both = raters + prompts - fitted.bread @ _cell_meat(frame, gradients, code) @ fitted.bread
        return cls(raters, prompts, both)

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

    def meat(self, cluster: npt.NDArray[np.signedinteger], n_clusters: int, code: Codes) -> FloatArray:
        """Sum over clusters of s s', (D, D), times G / (G - 1), with G the clusters that have a rating."""
        found, present = np.zeros((self.width, self.width)), 0
        for first, last, key, number in _counted(cluster, n_clusters, code, self.n_answers, self.width):
            place, answer = np.divmod(key, self.n_answers)
            place -= first
            sums = np.zeros((last - first) * self.width)
            for parameter, value in self.entries:
                sums += np.bincount(
                    place * self.width + parameter[answer], weights=number * value[answer], minlength=len(sums)
                )
            sums = sums.reshape(last - first, self.width)
            found += sums.T @ sums
            present += len(np.unique(place))
        return found * (present / max(present - 1, 1))

    def by_rating(self, code: Codes) -> FloatArray:
        """Sum over ratings of the gradients' squares, (D, D)."""
        number = np.zeros(self.n_answers)
        for part in chunks(len(code), max(CHUNK, self.n_answers)):
            number += np.bincount(code[part], minlength=self.n_answers)
        found = np.zeros((self.width, self.width))
        for one, left in self.entries:
            for other, right in self.entries:
                np.add.at(found, (one, other), number * left * right)
        return found


Blocks = Iterator[tuple[int, int, npt.NDArray[np.int64], npt.NDArray[np.int64]]]


def _counted(cluster: npt.NDArray[np.signedinteger], n_clusters: int, code: Codes, answers: int, width: int) -> Blocks:
    """How often each of the ``answers`` stands in each cluster, in blocks of clusters [first, last): the keys cluster *
    answers + answer that occur, in order, and their numbers. ``width`` sums a cluster make ``BLOCK`` a block at most.
    """

    def keys(part: slice) -> npt.NDArray[np.int64]:
        return cluster[part].astype(np.int64) * answers + code[part]

    size = n_clusters * answers
    if size <= DENSE:
        counts = np.zeros(size, dtype=np.int64)
        for part in chunks(len(code), max(CHUNK, size)):
            counts += np.bincount(keys(part), minlength=size)
        key = np.flatnonzero(counts)
        number = counts[key]
    else:
        key, number = np.unique(keys(slice(None)), return_counts=True)
    step = max(BLOCK // width, 1)
    for first in range(0, n_clusters, step):
        last = min(first + step, n_clusters)
        low, high = np.searchsorted(key, [first * answers, last * answers])
        yield first, last, key[low:high], number[low:high]


def _cell_meat(frame: pd.DataFrame, gradients: _Gradients, code: Codes) -> FloatArray:
    if len(frame) > EXACT_CELLS:
        return gradients.by_rating(code)
    key = CompositeKey.of(frame, ("rater_id", "prompt_id")).rows()
    cells, place = np.unique(key, return_inverse=True)
    return gradients.meat(place, len(cells), code)
