"""The preference rates of all categories of all comparisons, made together.

A large study has a thousand of them, each from counts of a few hundred raters and prompts. One at a time
(``preference.preference_rate``) their cost is that of a thousand times a hundred small sums; here the sums of many
tables are one (``effective_many``). Both ways give the same rates but for rounding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from evaluation.analysis.cautions import ENOUGH, SKEWED, Loads, of_ratings
from evaluation.analysis.crossed import Absent
from evaluation.analysis.effective import EFFECTIVE
from evaluation.analysis.effective_many import Index, ManyPanels, ManyPieces, Slices
from evaluation.analysis.estimates import Interval, PreferenceRate
from evaluation.analysis.preference import (
    ALIKE,
    ENDS,
    FEW_UNITS,
    KINDS,
    ONE_CATEGORY,
    WHOLE,
    Asked,
    Counts,
    Gram,
    decided_scores,
    preference_rate,
)
from evaluation.analysis.scale import many_bounds
from evaluation.analysis.tally import CountTable

BATCH = 1 << 15  # raters and prompts of the tables that are made together: their sums stay in the processor's cache
LOW, HIGH = (np.array([ENDS[kind][at] for kind in KINDS]) for at in range(2))
Key = tuple[int, int]  # comparison, category


class _Runs(NamedTuple):
    """The tables of a ``CountTable``, one a comparison and category: their keys, (g, 2), where each begins and its
    number of units.
    """

    keys: Index
    starts: Index
    lengths: Index

    @classmethod
    def of(cls, table: CountTable) -> _Runs:
        both = np.stack([table.comparison, table.category])
        starts = np.flatnonzero(np.concatenate([[True], (both[:, 1:] != both[:, :-1]).any(axis=0)]))
        return cls(both.T[starts], starts, np.diff(np.append(starts, both.shape[1])))


def category_rates(
    by_rater: CountTable, by_prompt: CountTable, names: Sequence[str], estimand: str, level: float
) -> dict[Key, PreferenceRate]:
    """The rate of each category of each comparison that has a rating, by their codes.

    ``by_rater``, ``by_prompt``: of the same ratings, in which no rater rated a prompt twice; the rates stand in their
    order. ``names``: of the categories.
    """
    if not len(by_rater.unit):
        return {}
    runs = _Runs.of(by_rater), _Runs.of(by_prompt)
    lengths = np.stack([each.lengths for each in runs])
    together = (lengths.min(axis=0) > 1) & (lengths.max(axis=0) > FEW_UNITS)
    found: dict[Key, PreferenceRate] = {}
    for batch in _batches(np.flatnonzero(together), lengths.sum(axis=0)):
        tables = [_rows(table.counts, run, batch) for table, run in zip((by_rater, by_prompt), runs, strict=True)]
        made = _rates((tables[0], tables[1]), (lengths[0, batch], lengths[1, batch]), estimand, level)
        found |= zip(map(tuple, runs[0].keys[batch].tolist()), made, strict=True)
    for at in np.flatnonzero(~together).tolist():
        comparison, category = runs[0].keys[at].tolist()
        rater, prompt = (_table(table, run, at) for table, run in zip((by_rater, by_prompt), runs, strict=True))
        found[comparison, category] = preference_rate(
            [(names[category], rater, prompt)],
            len(rater.unit),
            len(prompt.unit),
            stratified=False,
            estimand=estimand,
            level=level,
        )
    return {(comparison, category): found[comparison, category] for comparison, category in runs[0].keys.tolist()}


def _batches(tables: Index, units: Index) -> Iterator[Index]:
    """``tables`` in parts of about ``BATCH`` units."""
    if len(tables):
        part = (np.cumsum(units[tables]) - 1) // BATCH
        yield from np.split(tables, np.flatnonzero(np.diff(part)) + 1)


def _table(table: CountTable, runs: _Runs, at: int) -> CountTable:
    part = slice(int(runs.starts[at]), int(runs.starts[at] + runs.lengths[at]))
    return CountTable(table.comparison[part], table.category[part], table.unit[part], table.counts[part])


def _rows(counts: Counts, runs: _Runs, batch: Index) -> Counts:
    """The rows of some tables, (3, units)."""
    first, end = int(runs.starts[batch[0]]), int(runs.starts[batch[-1]] + runs.lengths[batch[-1]])
    lengths = runs.lengths[batch]
    rows = counts[first:end]
    if len(rows) > lengths.sum():  # other tables lie between
        rows = counts[np.repeat(runs.starts[batch] - np.cumsum(lengths) + lengths, lengths) + np.arange(lengths.sum())]
    return np.ascontiguousarray(rows.T)


def _rates(
    tables: tuple[Counts, Counts], lengths: tuple[Index, Index], estimand: str, level: float
) -> Iterator[PreferenceRate]:
    """The rates of g tables; ``tables``: choices counted by rater and by prompt, (3, units) each."""
    slices = Slices.of(lengths[0]), Slices.of(lengths[1])
    grams = [_grams(table, each) for table, each in zip(tables, slices, strict=True)]
    counts = slices[0].sums(tables[0]).T  # (g, 3)
    asked = [
        Asked(estimand, level, n_raters, n_prompts, [("", rater, prompt)], stratified=False)
        for n_raters, n_prompts, rater, prompt in zip(lengths[0].tolist(), lengths[1].tolist(), *grams, strict=True)
    ]
    own = _own_intervals(asked, tables, slices, counts)
    nets, loads = _of_raters(tables[0], slices[0], lengths[1], counts)
    for each, intervals, net, load in zip(asked, own, nets, loads, strict=True):
        yield each.rate(intervals, net, ONE_CATEGORY, load.cautions(estimand))


def _grams(table: Counts, slices: Slices) -> list[Gram]:
    products = np.zeros((3, 3, len(slices.starts)), dtype=np.int64)
    for one in range(3):
        for other in range(one, 3):
            products[one, other] = products[other, one] = slices.sums(table[one] * table[other])
    decided = slices.sums((table[0] + table[2] > 0).astype(np.int64))
    parts = (products.transpose(2, 0, 1), slices.sums(table).T, slices.lengths, decided)
    return [Gram(*each) for each in zip(*(part.tolist() for part in parts), strict=True)]


def _own_intervals(
    asked: Sequence[Asked], tables: tuple[Counts, Counts], slices: tuple[Slices, Slices], counts: Counts
) -> Iterator[dict[str, Interval | Absent]]:
    """The default intervals of each table by kind."""
    floats = tables[0].astype(float), tables[1].astype(float)
    panels = ManyPanels.of(slices, (of_ratings(floats[0].T), of_ratings(floats[1].T)))
    decided = decided_scores(counts)  # (3, g)
    totals = [
        np.concatenate([WHOLE.T @ table, (each.given(decided) * table).sum(axis=0)[None]])
        for table, each in zip(floats, slices, strict=True)
    ]
    squares = np.concatenate([counts @ WHOLE**2, (decided**2 * counts.T).sum(axis=0)[:, None]], axis=1)
    variance, df = ManyPieces.of(panels, (totals[0], totals[1]), squares).widest(asked[0].level)
    se = np.sqrt(variance)
    mean = np.array([[each.mean(kind) if each.has(kind) else 0.0 for kind in KINDS] for each in asked])
    ends = np.broadcast_to(LOW, mean.shape), np.broadcast_to(HIGH, mean.shape)
    low, high = many_bounds(mean, se, df, asked[0].level, ends)
    for each, *rows in zip(asked, *(values.tolist() for values in (se, df, low, high)), strict=True):
        yield {
            kind: Interval(EFFECTIVE, each.level, *numbers) if numbers[0] > 0 else Absent(ALIKE)
            for kind, *numbers in zip(KINDS, *rows, strict=True)
            if each.has(kind)
        }


def _of_raters(table: Counts, slices: Slices, n_prompts: Index, counts: Counts) -> tuple[list[float], Iterator[Loads]]:
    """Of each table the mean of the raters' own net shares, and their loads (``cautions.is_skewed`` of many)."""
    sizes = table.sum(axis=0)
    net = (table[0] - table[2]) / sizes
    n = sizes.astype(float)
    weigh_as = slices.sums(n) ** 2 / slices.sums(n * n)
    busy = (sizes >= ENOUGH).astype(float)
    n_busy = slices.sums(busy)
    known = np.maximum(n_busy, 1.0)
    rest = (net - slices.given(slices.sums(net * busy) / known)) * busy
    spread, third = slices.sums(rest * rest) / known, slices.sums(rest * rest * rest) / known
    skewed = (n_busy >= ENOUGH) & (spread > 0) & (np.abs(third) > SKEWED * spread**1.5)
    columns: list[npt.NDArray[np.generic]] = [
        *(slices.lengths, n_prompts, counts),
        *(np.minimum.reduceat(sizes, slices.starts), np.maximum.reduceat(sizes, slices.starts)),
        *(weigh_as, skewed),
    ]
    loads = (Loads(*each) for each in zip(*(column.tolist() for column in columns), strict=True))
    return (slices.sums(net) / slices.lengths).tolist(), loads
