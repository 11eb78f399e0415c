"""The default interval, ``effective``: one quadratic form over raters and prompts, with effective degrees of freedom.

It was chosen by simulation among the candidates of ``benchmarks.intervals`` (docs/coverage.md, "How the default was
chosen"). For a mean over ratings by raters who met prompts in any pattern:

1. V = y'Ay, unbiased for the variance of the mean over new raters and new prompts (``effective_design``), summed over
   panels where raters keep to one category each. A panel of a single rater or prompt is given the variance that the
   others' fit expects of it.
2. Its degrees of freedom are Satterthwaite's, tr(AS)^2 / tr((AS)^2), with S from the rater, prompt and residual
   variances fitted over all panels by moments, none below zero; each panel's are scaled by its residual variance.
3. The interval is never narrower than what raters alone (CR1, t with raters - 1) or prompts alone give.
4. It is symmetric on the logit scale of the mean between the least and the largest possible score, where misses
   near the ends fall on both sides alike; on the plain scale where scores have no such ends.

For a complete panel V is ANOVA's. The degrees of freedom are no whole number, and follow what the ratings have of
strata, unequal loads and agreement instead of min(raters, prompts) - 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evaluation.analysis.crossed import Absent, Variance, quantile
from evaluation.analysis.effective_design import SINGULAR, EffectiveDesign, Float, PanelDesign, across, part_of

EFFECTIVE = "effective"
NOTHING = 1e-12  # of the scores' own variance: below this a variance is rounding
ROUNDING = 1e-9  # of the largest of the fitted variances: as far below zero one is zero but for rounding
LEAST_SCALE = 0.02  # of the mean residual variance: what a panel in which nearly all ratings are alike counts for


@dataclass(frozen=True)
class Sums:
    """Scores summed: totals by rater and category (R, K, m), by prompt and category (P, K, m), sums of squares by
    category (K, m), of m kinds of scores of the same ratings; sizes as the design's.
    """

    raters: Float
    prompts: Float
    squares: Float

    def over_categories(self) -> Sums:
        """All categories taken as one."""
        raters, prompts = (each.sum(axis=1, keepdims=True) for each in (self.raters, self.prompts))
        return Sums(raters, prompts, self.squares.sum(axis=0, keepdims=True))


@dataclass(frozen=True)
class Pieces:
    """What the interval of a mean can rest on: the two-way variance, raters alone, prompts alone. The widest counts."""

    both: Variance
    raters: Variance
    prompts: Variance

    def widest(self, level: float) -> Variance | None:
        """The piece that makes the widest interval; None where nothing varies."""
        found = [each for each in (self.both, self.raters, self.prompts) if each.value > 0]
        return max(found, key=lambda each: quantile(level, each.df) * math.sqrt(each.value), default=None)


def why_not(design: EffectiveDesign, names: Sequence[str]) -> Absent | None:
    """Why there is no such interval on a design; ``names`` of its categories."""
    for unit, n in (("rater", design.n_raters), ("prompt", design.n_prompts)):
        if n < 2:
            return Absent(f"there is only one {unit}, so nothing is known about how {unit}s differ")
    if design.counts:
        return None
    lone = next(panel for panel in design.panels if panel.form is None)
    unit = "rater" if len(lone.raters) < 2 else "prompt"
    name = names[int(lone.categories[0])]
    return Absent(f"in category {name!r}, there is only one {unit}, so nothing is known about how {unit}s differ")


def pieces(design: EffectiveDesign, rater_sizes: Float, prompt_sizes: Float, sums: Sums) -> list[Pieces]:
    """The pieces of each kind of scores, on a design that allows them (``why_not``); sizes (R, K) and (P, K)."""
    if not design.by_category:
        rater_sizes, prompt_sizes = (each.sum(axis=1, keepdims=True) for each in (rater_sizes, prompt_sizes))
        sums = sums.over_categories()
    parts = [_Part.of(panel, rater_sizes, prompt_sizes, sums) for panel in design.panels]
    value, df, mean, one_way = _of_one(parts[0]) if len(parts) == 1 else _of_several(parts)
    df_one_way = design.n_raters - 1.0, design.n_prompts - 1.0
    found = []
    least = NOTHING * (mean + 1e-300)
    for v, d, floor, *alone in zip(*(each.tolist() for each in (value, df, least, *one_way)), strict=True):
        both = Variance(v, d) if v > floor and d > 0 else Variance(0.0, 1.0)
        raters, prompts = (
            Variance(each if each > floor else 0.0, own) for each, own in zip(alone, df_one_way, strict=True)
        )
        found.append(Pieces(both, raters, prompts))
    return found


def _of_one(part: _Part) -> tuple[Float, Float, Float, Float]:
    """``_of_several`` for a single panel, whose weight and scale are 1."""
    panel = part.panel
    if panel.form is None:
        nothing = np.zeros_like(part.residual)
        return nothing, nothing, part.residual, part.one_way
    scale = np.where(part.residual > 0, 1.0, LEAST_SCALE)
    own = not_negative(panel.moments, part.seen / scale, panel.solve) * scale
    below = np.einsum("jm,jk,km->m", own, panel.spread, own)
    return panel.form @ part.seen, _satterthwaite(panel.expected @ own, below), part.residual, part.one_way


def _satterthwaite(top: Float, below: Float) -> Float:
    return np.where(below > 0, top**2 / np.where(below > 0, below, 1.0), 0.0)


def _of_several(parts: Sequence[_Part]) -> tuple[Float, Float, Float, Float]:
    """The two-way variance of each kind of scores, (m,), its degrees of freedom, the mean residual variance, and the
    one-way variances, (2, m), summed over panels.
    """
    kinds = parts[0].residual.shape[0]
    residual = np.stack([part.residual for part in parts])  # (panels, m)
    root = np.sqrt([[part.panel.weight] for part in parts])
    mean = (root * residual).sum(axis=0)
    scale = np.maximum(residual / np.where(mean > 0, mean, 1.0), LEAST_SCALE)
    moments = np.sum([part.panel.moments for part in parts if part.panel.left > 0], axis=0)
    seen = np.sum([part.seen / one for part, one in zip(parts, scale, strict=True) if part.panel.left > 0], axis=0)
    fitted = not_negative(moments, seen)  # (3, m)
    value, known, whole, top, below = (np.zeros(kinds) for _ in range(5))
    one_way = np.zeros((2, kinds))
    for part, one in zip(parts, scale, strict=True):
        panel, own = part.panel, fitted * one
        model = panel.weight * (panel.load @ own)
        whole += model
        one_way += panel.weight * part.one_way
        if panel.form is not None:
            value += panel.weight * (panel.form @ part.seen)
            known += model
            top += panel.weight * (panel.expected @ own)
            below += panel.weight**2 * np.einsum("jm,jk,km->m", own, panel.spread, own)
    value *= np.where(known > 0, whole / np.where(known > 0, known, 1.0), 1.0)
    return value, _satterthwaite(top, below), mean, one_way


def one_mean(design: EffectiveDesign, seen: Float) -> Variance:
    """The two-way piece alone, from the three sums of squares, (3,), of scores with mean zero in one panel."""
    panel = design.panels[0]
    if panel.form is None:
        return Variance(0.0, 1.0)
    own = not_negative(panel.moments, seen, panel.solve)
    value, below = float(panel.form @ seen), float(own @ panel.spread @ own)
    if value <= NOTHING * float(seen[2]) or below <= 0:
        return Variance(0.0, 1.0)
    return Variance(value, float(panel.expected @ own) ** 2 / below)


@dataclass(frozen=True)
class _Part:
    """A panel's sums of squares, (3, m), its residual variance, (m,), and its one-way variances of the mean, (2, m)."""

    panel: PanelDesign
    seen: Float
    residual: Float
    one_way: Float

    @classmethod
    def of(cls, panel: PanelDesign, rater_sizes: Float, prompt_sizes: Float, sums: Sums) -> _Part:
        columns = panel.categories
        whole = len(columns) == rater_sizes.shape[1]
        n, totals, squares = rater_sizes, sums.raters, sums.squares
        if not whole:
            n, totals, squares = n[:, columns], totals[:, columns], squares[columns]
        n = n.sum(axis=0)  # (k,)
        means = totals.sum(axis=0) / n[:, None]  # (k, m)
        squares = np.maximum(squares.sum(axis=0) - (n[:, None] * means**2).sum(axis=0), 0.0)
        seen, one_way = [], []
        for rows, even, sizes, totals in (
            (panel.raters, panel.even_raters, rater_sizes, sums.raters),
            (panel.prompts, panel.even_prompts, prompt_sizes, sums.prompts),
        ):
            own = part_of(totals, rows, columns), part_of(sizes, rows, columns)
            rest = across(own[0] - own[1][:, :, None] * means) ** 2  # (units, m)
            seen.append(even @ rest)
            free = len(rows) - (len(columns) if totals is sums.prompts else 1)
            one_way.append(rest.sum(axis=0) * (len(rows) / free if free > 0 else 0.0) / panel.n**2)
        seen.append(squares)
        return cls(panel, np.stack(seen), squares / max(panel.left, 1.0), np.stack(one_way))


def not_negative(moments: Float, seen: Float, solve: Float | None = None) -> Float:
    """Variances of raters, prompts and the rest by moments, none below zero: what would be is set to zero and the
    others are fitted again. ``seen`` and the result: (3,), or (3, m) for m kinds of scores. ``solve``: the inverse of
    ``moments`` where it is known.
    """
    table = seen.reshape(3, -1)
    if solve is not None and not _negative(solve @ table).any():
        return np.maximum(solve @ table, 0.0).reshape(seen.shape)
    found = np.zeros_like(table)
    groups: list[tuple[tuple[int, ...], list[int]]] = [((0, 1, 2), list(range(table.shape[1])))]
    while groups:
        keep, columns = groups.pop()
        rows = np.array(keep)[:, None]
        known = solve if len(keep) == len(table) else None
        fitted = (_inverse(moments[rows, keep]) if known is None else known) @ table[rows, columns]
        found[:, columns] = 0.0
        found[rows, columns] = fitted
        alike: dict[tuple[int, ...], list[int]] = {}  # columns by what is left in them
        for column, *each in zip(columns, *_negative(fitted).tolist(), strict=True):
            if any(each):
                rest = tuple(at for at, negative in zip(keep, [*each, False], strict=True) if not negative)
                alike.setdefault(rest, []).append(column)
        groups.extend(alike.items())
    return np.maximum(found, 0.0).reshape(seen.shape)


def _negative(fitted: Float) -> npt.NDArray[np.bool_]:
    """Which variances but the last, the rest's, are below zero, (k - 1, m). One that is zero comes out on either side,
    as the machine rounds; taking it for negative now and then would fit the others in two ways.
    """
    return np.asarray(fitted[:-1] < -ROUNDING * np.abs(fitted).max(axis=0))


def _inverse(matrix: Float) -> Float:
    """The (pseudo)inverse of a small matrix; that of two rows is written out, as it is needed by the thousand."""
    if len(matrix) == 1:
        return np.array([[1 / matrix[0, 0] if matrix[0, 0] else 0.0]])
    if len(matrix) == 2:
        (a, b), (c, d) = matrix.tolist()
        determinant, squares = a * d - b * c, a * a + b * b + c * c + d * d
        if abs(determinant) > SINGULAR * squares:  # the product of the singular values against the larger one's square
            return np.array([[d, -b], [-c, a]]) / determinant
    return np.asarray(np.linalg.pinv(matrix, rcond=SINGULAR), dtype=np.float64)


def as_table(code: npt.ArrayLike, n: int, category: npt.ArrayLike, n_categories: int, scores: Float) -> Float:
    """Scores, (n_ratings, m), summed by unit and category: (n, n_categories, m)."""
    key = np.asarray(code) * n_categories + np.asarray(category)
    columns = [np.bincount(key, weights=each, minlength=n * n_categories) for each in scores.T]
    table = np.stack(columns, axis=1).reshape(n, n_categories, -1)
    return np.asarray(table, dtype=np.float64)  # they are; numpy's types say whole numbers
