"""The default interval of many small tables at once: every category of every comparison, each of them one panel.

What ``effective_design`` and ``effective`` say of a table with one category is said here of hundreds together, by sums
over long arrays in place of a hundred short ones a table. Units (raters or prompts) of all tables lie one after the
other, and tables are slices of them (``Slices``). Each table has two raters and two prompts or more: others have no
such interval. Results are those of one table at a time but for rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
from scipy import special

from evaluation.analysis.effective import LEAST_SCALE, NOTHING, ROUNDING
from evaluation.analysis.effective_design import EVENING, SINGULAR, Float, Index

Number = TypeVar("Number", bound=np.number[Any])


@dataclass(frozen=True)
class Slices:
    """Tables that lie one after the other: where each begins, (g,), and its number of units, (g,), which is never 0."""

    starts: Index
    lengths: Index

    @classmethod
    def of(cls, lengths: Index) -> Slices:
        """From the numbers of units."""
        return cls(np.cumsum(lengths) - lengths, lengths)

    def sums(self, values: npt.NDArray[Number]) -> npt.NDArray[Number]:
        """Sums by table, (..., g), of ``values``, (..., units)."""
        summed: npt.NDArray[Number] = np.add.reduceat(values, self.starts, axis=-1)
        return summed

    def given(self, values: npt.NDArray[Number]) -> npt.NDArray[Number]:
        """Each unit's own table's value, (..., units), of ``values``, (..., g)."""
        return np.repeat(values, self.lengths, axis=-1)


class ManyPanels(NamedTuple):
    """``PanelDesign`` of g tables: ``n``, (g,); ``even``, of raters and of prompts, (units,); ``moments``, ``solve``
    and ``spread``, (g, 3, 3); ``form`` and ``expected``, (g, 3).
    """

    slices: tuple[Slices, Slices]
    sizes: tuple[Float, Float]
    n: Float
    even: tuple[Float, Float]
    moments: Float
    solve: Float
    form: Float
    expected: Float
    spread: Float

    @classmethod
    def of(cls, slices: tuple[Slices, Slices], sizes: tuple[Float, Float]) -> ManyPanels:
        """From numbers of ratings by rater and by prompt, (units,) each."""
        n = slices[0].sums(sizes[0])
        squares = [own.sums(size * size) for own, size in zip(slices, sizes, strict=True)]
        sides = [_Side.of(slices[at], sizes[at], n, squares[at], squares[1 - at]) for at in range(2)]
        moments = np.zeros((len(n), 3, 3))
        for at, side in enumerate(sides):
            moments[:, at, at] = side.sums(side.even * side.row_squares)
            moments[:, at, 1 - at] = side.sums(side.even * side.met)
            moments[:, at, 2] = side.sums(side.even * side.diagonal)
            moments[:, 2, at] = side.sums(side.diagonal)
        moments[:, 2, 2] = n - 1
        solve = np.asarray(np.linalg.pinv(moments, rcond=SINGULAR), dtype=np.float64)
        load = np.stack([*squares, n], axis=1) / (n * n)[:, None]
        form = np.einsum("gji,gj->gi", solve, load)
        expected, spread = _traces(sides, form, n - 1)
        return cls(slices, sizes, n, (sides[0].even, sides[1].even), moments, solve, form, expected, spread)


@dataclass(frozen=True)
class _Side:
    """``effective_design.Side`` of many tables: H = diag(size) - low low', by ``lows`` = low^2; ``ll`` = low'low."""

    slices: Slices
    size: Float
    lows: Float
    ll: Float
    met: Float
    even: Float
    diagonal: Float

    @classmethod
    def of(cls, slices: Slices, size: Float, n: Float, squares: Float, others: Float) -> _Side:
        """``squares``, ``others``: sums of squared sizes, (g,), of these units and of the other side's."""
        square = size * size
        lows = square / slices.given(n)
        met = np.maximum(size - square * slices.given(others / (n * n)), 0.0)
        return cls(slices, size, lows, squares / n, met, 1 / (size + EVENING) ** 2, size - lows)

    def sums(self, values: Float) -> Float:
        return self.slices.sums(values)

    @property
    def row_squares(self) -> Float:
        return self.size**2 - 2 * self.size * self.lows + self.lows * self.slices.given(self.ll)


def _traces(sides: list[_Side], form: Float, left: Float) -> tuple[Float, Float]:
    """``effective_design.traces`` of each table: (g, 3) and (g, 3, 3). The letters are those of ``_Traces._of_one``."""
    expected, spread = np.zeros((len(form), 3)), np.zeros((len(form), 3, 3))
    rest = form[:, 2]
    weighted, held_by = np.zeros(len(form)), np.zeros(len(form))
    for at, side in enumerate(sides):
        size, lows, ll, sums, given = side.size, side.lows, side.ll, side.sums, side.slices.given
        by = given(form[:, at]) * side.even
        on = by * size
        turned = by * lows
        scaled = on * lows
        g, lv, vv = sums(turned), sums(scaled), sums(on * scaled)
        h = g - rest
        diagonal = (on + given(rest)) * size
        held = size * on - 2 * scaled + given(g) * lows
        inner = (h * ll - lv) ** 2 - 2 * (h * lv - vv) * ll + lv * lv
        crossed = sums(diagonal * (given(h) * lows - 2 * scaled))
        with_low = vv - g * lv - ll * sums(by * scaled) + g * g * ll
        expected[:, at] = sums(diagonal) - 2 * lv + h * ll
        spread[:, at, at] = sums(diagonal * diagonal) + 2 * crossed + inner
        cubed = sums(held * on) - with_low
        spread[:, at, 2] = cubed + 2 * rest * sums(held) + rest**2 * sums(side.diagonal)
        spread[:, 2, at] = spread[:, at, 2]
        weighted += sums(by * side.diagonal)
        held_by += sums(held * by)
    expected[:, 2] = weighted + rest * left
    spread[:, 2, 2] = held_by + 2 * rest * weighted + rest**2 * left
    return expected, spread


class ManyPieces(NamedTuple):
    """``effective.Pieces`` of g tables and m kinds of scores: variances and degrees of freedom, (3, g, m), of both
    ways, raters alone, prompts alone. A variance of 0 is none.
    """

    value: Float
    df: Float

    @classmethod
    def of(cls, panels: ManyPanels, totals: tuple[Float, Float], squares: Float) -> ManyPieces:
        """From scores summed by rater and by prompt, (m, units) each, and their sums of squares, (g, m)."""
        n = panels.n[:, None]
        means = panels.slices[0].sums(totals[0]).T / n  # (g, m)
        left = np.maximum(squares - n * means**2, 0.0)
        seen, one_way = [], []
        for slices, size, even, total in zip(panels.slices, panels.sizes, panels.even, totals, strict=True):
            rest = (total - size * slices.given(means.T)) ** 2
            seen.append(slices.sums(even * rest).T)
            units = slices.lengths[:, None].astype(float)
            one_way.append(slices.sums(rest).T * (units / (units - 1)) / n**2)
        seen.append(left)
        found = np.stack(seen, axis=1)  # (g, 3, m)
        residual = left / (n - 1)
        scale = np.where(residual > 0, 1.0, LEAST_SCALE)[:, None]
        own = _not_negative(panels.moments, found / scale, panels.solve) * scale
        below = np.einsum("gjm,gjk,gkm->gm", own, panels.spread, own)
        value = np.einsum("gj,gjm->gm", panels.form, found)
        top = np.einsum("gj,gjm->gm", panels.expected, own)
        df = np.where(below > 0, top**2 / np.where(below > 0, below, 1.0), 0.0)
        floor = NOTHING * (residual + 1e-300)
        both = (value > floor) & (df > 0)
        free = [np.broadcast_to(slices.lengths[:, None] - 1.0, value.shape) for slices in panels.slices]
        return cls(
            np.stack([np.where(both, value, 0.0), *(np.where(each > floor, each, 0.0) for each in one_way)]),
            np.stack([np.where(both, df, 1.0), *free]),
        )

    def widest(self, level: float) -> tuple[Float, Float]:
        """Variance and degrees of freedom, (g, m) each, of the piece that makes the widest interval; a variance of 0
        where nothing varies.
        """
        reach = special.stdtrit(self.df, (1 + level) / 2) * np.sqrt(self.value)
        best = reach.argmax(axis=0)[None]
        return np.take_along_axis(self.value, best, 0)[0], np.take_along_axis(self.df, best, 0)[0]


def _not_negative(moments: Float, seen: Float, solve: Float) -> Float:
    """``effective.not_negative`` of each table, (g, 3, m): where both raters and prompts come out below zero, or one
    of the two, those are set to zero and the others fitted again.
    """
    found = np.asarray(solve @ seen)
    negative = found[:, :2] < -ROUNDING * np.abs(found).max(axis=1, keepdims=True)  # (g, 2, m)
    rest_alone = negative.all(axis=1)
    once = negative & ~rest_alone[:, None]
    for at in range(2):
        table, kind = np.nonzero(once[:, at])
        keep = [1 - at, 2]
        inverse = _inverses(moments[:, keep][:, :, keep])
        other, rest = np.einsum("cij,cj->ic", inverse[table], seen[table, :, kind][:, keep])
        found[table, at, kind], found[table, 1 - at, kind], found[table, 2, kind] = 0.0, other, rest
        rest_alone[table, kind] = other < -ROUNDING * np.maximum(np.abs(other), np.abs(rest))
    table, kind = np.nonzero(rest_alone)
    found[table, :2, kind] = 0.0
    found[table, 2, kind] = seen[table, 2, kind] / moments[table, 2, 2]
    return np.maximum(found, 0.0)


def _inverses(matrices: Float) -> Float:
    """``effective._inverse`` of each 2 x 2 matrix, (g, 2, 2)."""
    (a, b), (c, d) = matrices.transpose(1, 2, 0)
    determinant = a * d - b * c
    plain = np.abs(determinant) > SINGULAR * (a * a + b * b + c * c + d * d)
    adjugate = np.stack([np.stack([d, -b], axis=1), np.stack([-c, a], axis=1)], axis=1)
    found = adjugate / np.where(plain, determinant, 1.0)[:, None, None]
    if not plain.all():
        found[~plain] = np.linalg.pinv(matrices[~plain], rcond=SINGULAR)
    return np.asarray(found)
