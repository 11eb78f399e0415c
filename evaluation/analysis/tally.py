"""Counting, once: a frame of ratings becomes counts by rater and counts by prompt, and everything else works on those.

A validated frame holds at most one rating of a rater, prompt, pair and question. Two small tables (choices counted by
comparison, category and rater, and by comparison, category and prompt) are then all that the shares and each of the
variances need, so that the cost of a report hardly depends on the number of ratings.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from evaluation.analysis.columns import CHOICES, Codes, RatingsError, chunks, codes_of, not_counted

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Comparison:
    """A pair of generators and a question about them; ``generator_a < generator_b``."""

    generator_a: str
    generator_b: str
    question: str


@dataclass(frozen=True)
class CountTable:
    """Choices counted by comparison, category and unit, where a unit is a rater or a prompt.

    ``comparison``, ``category``, ``unit``: (m,) codes, in that sort order. ``counts``: (m, 3), a, indifferent, b.
    """

    comparison: IntArray
    category: IntArray
    unit: IntArray
    counts: IntArray

    def of_comparison(self, comparison: int) -> CountTable:
        """The rows of one comparison."""
        low, high = np.searchsorted(self.comparison, [comparison, comparison + 1])
        part = slice(int(low), int(high))
        return CountTable(self.comparison[part], self.category[part], self.unit[part], self.counts[part])

    def over_categories(self) -> CountTable:
        """The same counts with all categories taken together (for the rows of one comparison)."""
        if self.one_category:
            units, counts = self.unit, self.counts
        else:
            units, place = distinct_places(self.unit)
            columns = [np.bincount(place, weights=each, minlength=len(units)) for each in self.counts.T]
            counts = np.stack(columns, axis=1).astype(np.int64)  # below 2^53: exact
        zeros = np.zeros(len(units), dtype=np.int64)
        return CountTable(zeros, zeros, units, counts)

    @property
    def one_category(self) -> bool:
        """Whether all rows are of one category (for the rows of one comparison); units are then sorted and distinct."""
        return bool(len(self.category)) and bool(self.category[0] == self.category[-1])

    def categories(self) -> IntArray:
        """The codes of the categories that have a rating, sorted (for the rows of one comparison)."""
        return self.category[:1] if self.one_category else distinct(self.category)

    def sizes(self) -> IntArray:
        """Numbers of ratings by unit and category, (units, categories) as they appear (for the rows of one
        comparison).
        """
        if self.one_category:
            return np.asarray(self.counts.sum(axis=1)[:, None])
        (units, row), (categories, column) = distinct_places(self.unit), distinct_places(self.category)
        found = np.zeros((len(units), len(categories)), dtype=np.int64)
        found[row, column] = self.counts.sum(axis=1)
        return found

    def of_category(self, category: int) -> CountTable:
        """The rows of one category (for the rows of one comparison)."""
        if self.one_category:
            return self
        low, high = np.searchsorted(self.category, [category, category + 1])
        part = slice(int(low), int(high))
        return CountTable(self.comparison[part], self.category[part], self.unit[part], self.counts[part])


@dataclass(frozen=True)
class Tally:
    """What a frame of ratings says, counted; codes index ``comparisons``, ``categories`` and the two lists of ids.

    ``n_ratings`` counts the ratings in the tables; ``n_control`` those of control trials and ``n_repeats`` those of
    what a rater saw again, both left out; ``n_simulated`` those among ``n_ratings`` that a simulated rater gave.
    """

    comparisons: tuple[Comparison, ...]
    categories: tuple[str, ...]
    rater_ids: tuple[str, ...]
    prompt_ids: tuple[str, ...]
    by_rater: CountTable
    by_prompt: CountTable
    n_ratings: int
    n_control: int
    n_simulated: int
    n_repeats: int = 0


def distinct(codes: IntArray) -> IntArray:
    """The codes that occur, sorted; they are whole numbers from 0."""
    return distinct_places(codes)[0]


def distinct_places(codes: IntArray) -> tuple[IntArray, IntArray]:
    """The codes that occur, sorted, and the place of each of ``codes`` among them. ``np.unique`` gives the same, and
    takes several times as long.
    """
    if not len(codes):
        return codes, codes
    most = int(codes.max())
    if most > 8 * len(codes):  # few of many that there are
        held = np.sort(codes)
        held = held[np.concatenate([[True], held[1:] != held[:-1]])]
        return held, np.searchsorted(held, codes)
    occurs = np.zeros(most + 1, dtype=bool)
    occurs[codes] = True
    return np.flatnonzero(occurs), (np.cumsum(occurs) - 1)[codes]


def tally_ratings(ratings: pd.DataFrame) -> Tally:
    """Count a validated frame (``frame.validate_ratings``); rows of control trials and repeats are left out.

    Raises:
        RatingsError: the frame was not validated.
    """
    for name in ("rater_id", "prompt_id", "category", "generator_a", "generator_b", "question", "choice"):
        if name not in ratings or not isinstance(ratings[name].dtype, pd.CategoricalDtype):
            raise RatingsError(f"Column {name} is not in validated form; call validate_ratings on the frame first.")
    out = not_counted(ratings)
    codes = {name: codes_of(ratings[name]) for name in ratings.columns if _is_categorical(ratings[name])}
    levels = {name: tuple(str(each) for each in ratings[name].cat.categories) for name in codes}
    places = _Places.of(codes, levels, out)
    generators, questions = levels["generator_a"], levels["question"]
    comparisons = tuple(
        Comparison(generators[first], generators[second], questions[question])
        for first, second, question in places.comparisons
    )
    tables = {unit: places.counted(codes, unit, len(levels[unit])) for unit in ("rater_id", "prompt_id")}
    n_out, n_control = int(out.sum()), int(ratings["control"].to_numpy().sum())
    return Tally(
        comparisons=comparisons,
        categories=levels["category"],
        rater_ids=levels["rater_id"],
        prompt_ids=levels["prompt_id"],
        by_rater=tables["rater_id"],
        by_prompt=tables["prompt_id"],
        n_ratings=len(ratings) - n_out,
        n_control=n_control,
        n_simulated=int((ratings["simulated"].to_numpy() & ~out).sum()),
        n_repeats=n_out - n_control,
    )


def _is_categorical(column: pd.Series) -> bool:
    return isinstance(column.dtype, pd.CategoricalDtype)


@dataclass(frozen=True)
class _Places:
    """Which comparison each row is of: ``key``, (n,), numbers its pair and question, and ``place`` brings that to the
    comparison's code. ``comparisons``: codes of the generators and question of each that has a rating, sorted.
    ``out``: rows that do not count.
    """

    key: npt.NDArray[np.unsignedinteger]
    place: IntArray
    comparisons: list[tuple[int, int, int]]
    n_categories: int
    out: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, codes: Mapping[str, Codes], levels: Mapping[str, Sequence[str]], out: npt.NDArray[np.bool_]) -> _Places:
        """From the codes of the columns, (n,) each, and the names that they stand for."""
        names = ("generator_a", "generator_b", "question")
        n = [max(len(levels[name]), 1) for name in names]
        size = math.prod(n)
        keys = np.empty(len(out), dtype=np.min_scalar_type(size))
        seen = np.zeros(size, dtype=bool)
        for part in chunks(len(out)):
            key = codes[names[0]][part].astype(np.int64)
            for name, levels_of in zip(names[1:], n[1:], strict=True):
                key *= levels_of
                key += codes[name][part]
            keys[part] = key
            seen[key[~out[part]] if out[part].any() else key] = True
        used = np.flatnonzero(seen)
        place = np.full(size, -1, dtype=np.int64)
        place[used] = np.arange(len(used))
        pairs, question = np.divmod(used, n[2])
        comparisons = list(zip(*(each.tolist() for each in (*np.divmod(pairs, n[1]), question)), strict=True))
        return cls(keys, place, comparisons, max(len(levels["category"]), 1), out)

    def counted(self, codes: Mapping[str, Codes], unit: str, n_units: int) -> CountTable:
        """Choices counted by comparison, category and ``unit``, a column of ``n_units`` ids."""
        n, n_choices = len(self.key), len(CHOICES)
        size = len(self.comparisons) * self.n_categories * n_units * n_choices

        def keys(part: slice) -> IntArray:
            key = self.place[self.key[part]]
            for name, levels in (("category", self.n_categories), (unit, n_units), ("choice", n_choices)):
                key *= levels
                key += codes[name][part]
            return key[~self.out[part]] if self.out[part].any() else key

        if size <= max(4 * n, 1 << 22):  # a dense table: one pass, no sorting
            counts = np.zeros(size, dtype=np.int64)
            for part in chunks(n):
                np.add.at(counts, keys(part), 1)
            cube = counts.reshape(-1, n_choices)
            rows = np.flatnonzero(cube.any(axis=1))
            table = cube[rows]
        else:
            found, number = np.unique(np.concatenate([keys(part) for part in chunks(n)]), return_counts=True)
            rows, place = np.unique(found // n_choices, return_inverse=True)
            table = np.zeros((len(rows), n_choices), dtype=np.int64)
            table[place, found % n_choices] = number
        rest, unit_code = np.divmod(rows, max(n_units, 1))
        comparison, category = np.divmod(rest, self.n_categories)
        return CountTable(comparison, category, unit_code, table)
