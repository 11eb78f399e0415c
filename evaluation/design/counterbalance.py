"""Sides and orders, balanced over raters and trials.

Sides: an exactly balanced 0/1 table made random by trades that keep its margins (the curveball algorithm: Strona et al.
2014, Nature Communications 5:4114). Orders: Latin squares balanced for what follows what (Williams 1949, Australian
Journal of Scientific Research 2:149).
"""

from __future__ import annotations

import random
from collections.abc import Sequence

TRADES_PER_RATER = 10  # Strona et al.: a few times the number of rows mixes such a table


def balanced_sides(n_raters: int, blocks: Sequence[int], rng: random.Random) -> list[list[bool]]:
    """Whether run A stands left: one row a rater, one column a trial.

    Args:
        n_raters: rows.
        blocks: the number of trials of each pair of runs; columns stand block by block.
        rng: what it is drawn with.

    Returns:
        A table in which left and right differ by at most one in every row, in every row within each block, and in
        every column.
    """
    # a checkerboard has all three balances; so has one with rows permuted, or columns permuted within a block
    rows = list(range(n_raters))
    rng.shuffle(rows)
    table: list[list[bool]] = [[] for _ in rows]
    start = rng.randrange(2)
    for width in blocks:
        columns = list(range(start, start + width))
        rng.shuffle(columns)
        block = [{place for place, column in enumerate(columns) if (row + column) % 2} for row in rows]
        _trade(block, rng)
        for row, left in zip(table, block, strict=True):
            row.extend(place in left for place in range(width))
        start += width
    return table


def _trade(rows: list[set[int]], rng: random.Random) -> None:
    """Make the table random in place, keeping the sums of its rows and columns (curveball trades between two rows)."""
    if len(rows) < 2:
        return
    for _ in range(TRADES_PER_RATER * len(rows)):
        first, second = rng.sample(range(len(rows)), 2)
        both = rows[first] & rows[second]
        pool = sorted(rows[first] ^ rows[second])
        rng.shuffle(pool)
        kept = len(rows[first]) - len(both)
        rows[first], rows[second] = both | set(pool[:kept]), both | set(pool[kept:])


def balanced_orders(n_raters: int, n_trials: int, rng: random.Random) -> list[list[int]]:
    """Each rater's order of the trials: row r, place p holds the trial (from 0) that rater r sees at position p.

    Over the raters each trial stands in each position equally often, within one. Raters have different orders as long
    as there are at most `n_trials` of them (and by chance after that).
    """
    orders: list[list[int]] = []
    while len(orders) < n_raters:
        names = list(range(n_trials))
        rng.shuffle(names)
        square = [[names[place] for place in row] for row in _williams_square(n_trials, backwards=rng.random() < 0.5)]
        rng.shuffle(square)
        orders.extend(square[: n_raters - len(orders)] if square else [[] for _ in range(n_raters)])
    return orders


def _williams_square(n: int, *, backwards: bool) -> list[list[int]]:
    """A Latin square of order `n`, built on 0, n-1, 1, n-2, ...: for even `n` each follows each other exactly once.

    For odd `n` that takes the square and its mirror image together, so one of the two is taken at random.
    """
    first = [place // 2 if place % 2 == 0 else n - 1 - place // 2 for place in range(n)]
    square = [[(name + shift) % n for name in first] for shift in range(n)]
    return [row[::-1] for row in square] if backwards else square
