"""Answers counted by rater, prompt or cell: what the errors of a ranking sum gradients over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evaluation.analysis.columns import CHUNK, chunks

Codes = npt.NDArray[np.int32]
Index = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
BLOCK = 1 << 22  # numbers of one array of cluster sums: 32 MB
DENSE = 1 << 22  # clusters x answers up to which they are counted into one table, without sorting


@dataclass(frozen=True)
class UnitAnswers:
    """How often each of ``n_units`` clusters gave each of ``n_answers`` answers: the keys cluster * n_answers + answer
    that occur, sorted, and their numbers.
    """

    key: Index
    number: Index
    n_units: int
    n_answers: int

    @classmethod
    def of_counts(cls, place: Index, counts: Index, n_units: int, n_rows: int) -> UnitAnswers:
        """From counts of the three answers to a row, (m, 3), where ``place``, (m,), unit * n_rows + row, may stand more
        than once.
        """
        size, n_answers = n_units * n_rows, 3 * n_rows
        if 3 * size <= DENSE:
            table = np.empty((size, 3), dtype=np.int64)
            for at, each in enumerate(counts.T):
                table[:, at] = np.bincount(place, weights=each, minlength=size)  # whole numbers below 2^53: exact
            return cls._of_all(table.ravel(), n_answers)
        order = np.argsort(place, kind="stable")
        place, counts = place[order], counts[order]
        first = np.flatnonzero(np.diff(place, prepend=-1))
        summed = np.add.reduceat(counts, first, axis=0).ravel() if len(first) else counts.ravel()
        key = (3 * place[first][:, None] + np.arange(3)).ravel()
        return cls(key[summed > 0], summed[summed > 0], n_units, n_answers)

    @classmethod
    def of_codes(cls, unit: npt.NDArray[np.signedinteger], n_units: int, code: Codes, n_answers: int) -> UnitAnswers:
        """From the code of the unit and that of the answer of each rating."""

        def keys(part: slice) -> Index:
            return unit[part].astype(np.int64) * n_answers + code[part]

        size = n_units * n_answers
        if size <= DENSE:
            counts = np.zeros(size, dtype=np.int64)
            for part in chunks(len(code), max(CHUNK, size)):
                counts += np.bincount(keys(part), minlength=size)
            return cls._of_all(counts, n_answers)
        return cls(*np.unique(keys(slice(None)), return_counts=True), n_units, n_answers)

    @classmethod
    def _of_all(cls, counts: Index, n_answers: int) -> UnitAnswers:
        """From the numbers of all keys, (n_units * n_answers,)."""
        key = np.flatnonzero(counts)
        return cls(key, counts[key], len(counts) // n_answers, n_answers)

    @property
    def sizes(self) -> FloatArray:
        """Numbers of answers by unit, (n_units,)."""
        found = np.bincount(self.key // self.n_answers, weights=self.number, minlength=self.n_units)
        return np.asarray(found, dtype=np.float64)  # they are; numpy's types say whole numbers

    @property
    def n_present(self) -> int:
        """Units with an answer."""
        return int(np.count_nonzero(np.diff(self.key // self.n_answers, prepend=-1)))

    def by_answer(self, n_answers: int) -> FloatArray:
        """Numbers of answers, (n_answers,)."""
        found = np.bincount(self.key % self.n_answers, weights=self.number, minlength=n_answers)
        return np.asarray(found, dtype=np.float64)  # they are; numpy's types say whole numbers

    def blocks(self, width: int) -> Iterator[tuple[int, int, Index, Index]]:
        """Keys and numbers by units [first, last), of which ``width`` sums a unit make ``BLOCK`` at most."""
        step = max(BLOCK // width, 1)
        for first in range(0, self.n_units, step):
            last = min(first + step, self.n_units)
            low, high = np.searchsorted(self.key, [first * self.n_answers, last * self.n_answers])
            yield first, last, self.key[low:high], self.number[low:high]
