"""Counting, once: a frame of ratings becomes counts by rater and counts by prompt, and everything else works on those.

A validated frame holds at most one rating of a rater, prompt, pair and question. Two small tables (choices counted by
comparison, category and rater, and by comparison, category and prompt) are then all that the shares and each of the
variances need, so that the cost of a report hardly depends on the number of ratings.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from evaluation.analysis.columns import CHOICES, CHUNK, RatingsError, chunks, codes_of, not_counted

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
            units = distinct(self.unit)
            place = np.searchsorted(units, self.unit)
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
        units, categories = distinct(self.unit), distinct(self.category)
        row, column = np.searchsorted(units, self.unit), np.searchsorted(categories, self.category)
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
    """The codes that occur, sorted. ``np.unique`` gives the same, and takes several times as long for short arrays."""
    held = np.sort(codes)
    return held[np.concatenate([[True], held[1:] != held[:-1]])] if len(held) else held


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
    generators, questions = levels["generator_a"], levels["question"]
    pair_key = _PairKey(len(generators), len(questions))
    used = pair_key.used(codes, out)
    comparisons = []
    lookup = np.full(pair_key.size, -1, dtype=np.int64)
    for at, key in enumerate(used):
        first, second, question = pair_key.split(int(key))
        comparisons.append(Comparison(generators[first], generators[second], questions[question]))
        lookup[key] = at
    tables = {
        unit: _count(codes, out, pair_key, lookup, len(used), unit, len(levels["category"]), len(levels[unit]))
        for unit in ("rater_id", "prompt_id")
    }
    n_out, n_control = int(out.sum()), int(ratings["control"].to_numpy().sum())
    return Tally(
        comparisons=tuple(comparisons),
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
class _PairKey:
    """Numbers a pair and question: sorted by first generator, second generator, question."""

    n_generators: int
    n_questions: int

    @property
    def size(self) -> int:
        return max(self.n_generators**2 * self.n_questions, 1)

    def of(self, codes: dict[str, npt.NDArray[np.signedinteger]], part: slice) -> IntArray:
        key = codes["generator_a"][part].astype(np.int64)
        key *= self.n_generators
        key += codes["generator_b"][part]
        key *= self.n_questions
        key += codes["question"][part]
        return key

    def split(self, key: int) -> tuple[int, int, int]:
        rest, question = divmod(key, self.n_questions)
        first, second = divmod(rest, self.n_generators)
        return first, second, question

    def used(self, codes: dict[str, npt.NDArray[np.signedinteger]], control: npt.NDArray[np.bool_]) -> IntArray:
        seen = np.zeros(self.size, dtype=bool)
        for part in chunks(len(control)):
            key = self.of(codes, part)
            seen[key[~control[part]] if control[part].any() else key] = True
        return np.flatnonzero(seen)


def _count(
    codes: dict[str, npt.NDArray[np.signedinteger]],
    control: npt.NDArray[np.bool_],
    pair_key: _PairKey,
    lookup: IntArray,
    n_comparisons: int,
    unit: str,
    n_categories: int,
    n_units: int,
) -> CountTable:
    n_choices = len(CHOICES)
    size = n_comparisons * n_categories * n_units * n_choices
    n = len(control)

    def keys(part: slice) -> IntArray:
        key = lookup[pair_key.of(codes, part)]
        for name, levels in (("category", n_categories), (unit, n_units), ("choice", n_choices)):
            key *= levels
            key += codes[name][part]
        return key[~control[part]] if control[part].any() else key

    if size <= max(4 * n, 1 << 22):  # a dense table: one pass, no sorting
        counts = np.zeros(size, dtype=np.int64)
        for part in chunks(n, max(CHUNK, size // 2)):
            counts += np.bincount(keys(part), minlength=size)
        cube = counts.reshape(-1, n_choices)
        rows = np.flatnonzero(cube.any(axis=1))
        table = cube[rows]
    else:
        found, number = np.unique(np.concatenate([keys(part) for part in chunks(n)]), return_counts=True)
        rows, place = np.unique(found // n_choices, return_inverse=True)
        table = np.zeros((len(rows), n_choices), dtype=np.int64)
        table[place, found % n_choices] = number
    rest, unit_code = np.divmod(rows, max(n_units, 1))
    comparison, category = np.divmod(rest, max(n_categories, 1))
    return CountTable(comparison, category, unit_code, table)
