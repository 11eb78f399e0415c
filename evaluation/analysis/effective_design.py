"""What a design alone says of the default interval: numbers of ratings become a few constants, whatever was answered.

A rating is y = m_c + a_rater + b_prompt + e with the mean m_c of its category and variances s = (rater, prompt,
residual). With M taking each category's mean off, K_1 and K_2 saying which ratings share a rater or a prompt, and
K_3 = 1, the variance of the overall mean is h's, and it is estimated by one quadratic form

    V = y'Ay,   A = M (w_1 sum_r u_r 1_r 1_r' + w_2 sum_p u_p 1_p 1_p' + w_3) M,   u_g = 1 / (n_g + 50)^2,

whose weights w solve E[V] = h's for every s (method of moments, as in Henderson 1953; for a complete panel V is ANOVA's
(MS_rater + MS_prompt - MS_residual) / N). With S = sum_j s_j K_j its degrees of freedom are Satterthwaite's (1946)
tr(AS)^2 / tr((AS)^2), a ratio of forms in s whose coefficients are made here.

Only numbers of ratings by rater and by prompt are needed. Who met whom enters by H_12 = Z_1'M Z_2 (Z: indicators of
raters and of prompts): the squares of its rows are those of cells filled at random, which is exact where loads are
even, and its higher moments are left out. In simulations, of blocks and chains too, that moves an interval's width by
0 to 3 %. The other blocks are a diagonal less a matrix of low rank, so that no matrix of units x units is ever built:
the cost is (raters + prompts) x categories^2.

Where raters keep to one category each (``is_nested``), every category is a panel with constants of its own, and the
variances add up; else there is one panel, in which prompts are taken within categories.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

EVENING = 50.0  # ratings; between weighing clusters alike (0) and by their squared sizes (infinite); by simulation
AT_HOME = 0.9  # of each category's ratings, where panels are nested, by raters who mostly rate that category
STRAY = 0.01  # of all ratings: what may lie in categories whose raters are at home elsewhere
FEW_LOADS = 1024  # numbers of ratings by unit and category, up to which a panel's constants are remembered
SINGULAR = 1e-9  # of the largest singular value: below this a system does not tell its unknowns apart
PROMPTS_A_CATEGORY = 2  # on average; with fewer, prompts within categories say nothing


def is_nested(sizes: npt.ArrayLike) -> bool:
    """Whether raters keep to one category each; ``sizes``: (raters, categories), numbers of ratings.

    The rule: a rater's home is the category of most of their ratings. In every category nine ratings of ten come from
    raters at home there, but for categories that hold one rating, or one in a hundred, all together. So one stray
    rating does not overturn it.
    """
    table = np.asarray(sizes)
    if table.shape[1] < 2:
        return False
    home = table.argmax(axis=1)
    at_home = np.bincount(home, weights=table[np.arange(len(table)), home], minlength=table.shape[1])
    whole = table.sum(axis=0)
    strange = whole[at_home < AT_HOME * whole]
    return bool(strange.sum() <= max(1, STRAY * whole.sum()) and len(strange) < len(whole) - 1)


@dataclass(frozen=True)
class PanelDesign:
    """The constants of one panel.

    ``categories``, ``raters``, ``prompts``: which columns and rows of the tables are in it. ``n``: ratings; ``weight``:
    (n / N)^2. ``even_raters``, ``even_prompts``: the u above. ``load``: h, (3,). ``moments``: (3, 3), what the three
    sums of squares hold of s; ``solve``: its (pseudo)inverse. ``form``: w, (3,), None where a single rater or prompt
    says nothing of how others differ;
    ``expected``, (3,), and ``spread``, (3, 3): tr(A K_j) and tr(A K_j A K_k).
    """

    categories: Index
    raters: Index
    prompts: Index
    n: float
    weight: float
    even_raters: Float
    even_prompts: Float
    load: Float
    moments: Float
    solve: Float
    form: Float | None
    expected: Float
    spread: Float

    @property
    def left(self) -> float:
        """Ratings less categories."""
        return self.n - len(self.categories)


@dataclass(frozen=True)
class EffectiveDesign:
    """The panels of a comparison. ``nested``: each is a category with raters of its own. ``by_category``: prompts are
    taken within their categories. ``n``: ratings.
    """

    panels: tuple[PanelDesign, ...]
    nested: bool
    by_category: bool
    n: float
    n_raters: int
    n_prompts: int

    @property
    def counts(self) -> bool:
        """Whether the panels that say something of themselves hold half of the ratings."""
        return 2 * sum(panel.n for panel in self.panels if panel.form is not None) >= self.n

    @classmethod
    def of(cls, rater_sizes: npt.ArrayLike, prompt_sizes: npt.ArrayLike) -> EffectiveDesign:
        """From numbers of ratings by rater and category, (R, K), and by prompt and category, (P, K); none is empty."""
        raters, prompts = np.asarray(rater_sizes, dtype=float), np.asarray(prompt_sizes, dtype=float)
        n_categories = raters.shape[1]
        by_category = n_categories > 1 and len(prompts) >= PROMPTS_A_CATEGORY * n_categories
        nested = by_category and is_nested(raters)
        if not by_category:
            raters, prompts = raters.sum(axis=1, keepdims=True), prompts.sum(axis=1, keepdims=True)
        groups = [[at] for at in range(n_categories)] if nested else [list(range(raters.shape[1]))]
        total = float(raters.sum())
        panels = tuple(_panel(group, raters, prompts, total) for group in groups)
        return cls(panels, nested, by_category, total, len(raters), len(prompts))


def across(table: Float) -> Float:
    """Sums over the second axis of (U, K, ...); ``sum`` is slow at many sums of few numbers."""
    return np.asarray(table[:, 0] if table.shape[1] == 1 else np.einsum("uk...->u...", table))


def part_of(table: Float, rows: Index, columns: Index) -> Float:
    """Some rows and columns of a table, (U, K, ...); the table itself where they are all that it has."""
    if len(rows) == len(table) and len(columns) == table.shape[1]:
        return table
    return np.asarray(table[np.ix_(rows, columns)])


def _panel(group: Sequence[int], raters: Float, prompts: Float, total: float) -> PanelDesign:
    categories = np.asarray(group, dtype=np.int64)
    whole = len(categories) == raters.shape[1]
    rows, columns = (np.flatnonzero(across(each if whole else each[:, categories])) for each in (raters, prompts))
    sizes = part_of(raters, rows, categories), part_of(prompts, columns, categories)
    constants = _remembered(*sizes) if sizes[0].size + sizes[1].size <= FEW_LOADS else _constants(*sizes)
    return PanelDesign(categories, rows, columns, constants.n, (constants.n / total) ** 2, *constants[1:])


class _Constants(NamedTuple):
    """What ``PanelDesign`` has of numbers of ratings alone."""

    n: float
    even_raters: Float
    even_prompts: Float
    load: Float
    moments: Float
    solve: Float
    form: Float | None
    expected: Float
    spread: Float


def _remembered(raters: Float, prompts: Float) -> _Constants:
    """``_constants``, made once for the same loads, which questions of one trial share, and panels with few votes."""
    return _of_loads(raters.shape[1], raters.tobytes(), prompts.tobytes())


@lru_cache(maxsize=2048)
def _of_loads(k: int, raters: bytes, prompts: bytes) -> _Constants:
    by_rater, by_prompt = (np.frombuffer(each, dtype=float).reshape(-1, k) for each in (raters, prompts))
    return _constants(by_rater, by_prompt)


def _constants(raters: Float, prompts: Float) -> _Constants:
    """From numbers of ratings by rater and category, (R, k), and by prompt and category, (P, k), of one panel."""
    n = raters.sum(axis=0)
    count = float(n.sum())
    rater, prompt = Side.of(raters, prompts, n), Side.of(prompts, raters, n)
    load = np.array([rater.size @ rater.size, prompt.size @ prompt.size, count]) / count**2
    even = 1 / (rater.size + EVENING) ** 2, 1 / (prompt.size + EVENING) ** 2
    left = count - len(n)
    moments = np.array(
        [
            [even[0] @ rater.row_squares, even[0] @ rater.met, even[0] @ rater.diagonal],
            [even[1] @ prompt.met, even[1] @ prompt.row_squares, even[1] @ prompt.diagonal],
            [rater.diagonal.sum(), prompt.diagonal.sum(), left],
        ]
    )
    solve = np.linalg.pinv(moments, rcond=SINGULAR)
    form, expected, spread = None, np.zeros(3), np.zeros((3, 3))
    if len(raters) > 1 and len(prompts) > 1:
        form = solve.T @ load
        expected, spread = traces((rater, prompt), (form[0] * even[0], form[1] * even[1]), float(form[2]), left)
    return _Constants(count, *even, load, moments, solve, form, expected, spread)


@dataclass(frozen=True)
class Side:
    """Z'MZ of raters or of prompts: diag(size) - low low', ``size`` (U,), ``low`` (U, K); and ``met``, (U,), the
    expected squares of a unit's row of H_12, where each of its cells is filled with chance q = n_r n_p / n_c.
    """

    size: Float
    low: Float
    met: Float

    @classmethod
    def of(cls, own: Float, other: Float, n: Float) -> Side:
        size = across(own)
        full = (other * other).sum(axis=0) / (n * n)
        return cls(size, own / np.sqrt(n), np.maximum(across(own - own * own * full), 0.0))

    @cached_property
    def lows(self) -> Float:
        return across(self.low * self.low)

    @cached_property
    def diagonal(self) -> Float:
        return np.asarray(self.size - self.lows)

    @property
    def row_squares(self) -> Float:
        return np.asarray(
            self.size**2 - 2 * self.size * self.lows + across((self.low @ (self.low.T @ self.low)) * self.low)
        )

    def squared(self, by: Float, rest: float) -> _LowRank:
        """H diag(by) H + rest H."""
        k = self.low.shape[1]
        middle = np.zeros((2 * k, 2 * k))
        middle[:k, :k] = self.low.T @ (self.low * by[:, None])
        middle.flat[: 2 * k * k : 2 * k + 1] -= rest
        middle[:k, k:].flat[:: k + 1] = middle[k:, :k].flat[:: k + 1] = -1.0
        factor = np.concatenate([self.low, self.low * (self.size * by)[:, None]], axis=1)
        return _LowRank(self.size**2 * by + rest * self.size, factor, middle)


@dataclass(frozen=True)
class _LowRank:
    """diag(on) + factor middle factor', symmetric."""

    on: Float
    factor: Float
    middle: Float

    def trace(self, by: Float | None = None) -> float:
        """The trace, each unit counting ``by`` (1 unless given)."""
        weights = np.ones_like(self.on) if by is None else by
        return float(weights @ self.on + np.sum(self.middle * (self.factor.T @ (self.factor * weights[:, None]))))

    def squares(self) -> float:
        """The sum of the squares of all entries."""
        gram = self.middle @ (self.factor.T @ self.factor)
        crossed = self.middle @ (self.factor.T @ (self.factor * self.on[:, None]))
        return float(self.on @ self.on + 2 * np.trace(crossed) + np.sum(gram * gram.T))

    def with_low(self, low: Float, by: Float) -> float:
        """tr(low' this diag(by) low)."""
        weighted = low * by[:, None]
        inner = (low.T @ self.factor) @ self.middle @ (self.factor.T @ weighted)
        return float(np.sum(low * self.on[:, None] * weighted) + np.trace(inner))


@dataclass(frozen=True)
class _Traces:
    """Of H W H + rest H, ``expected`` its trace and ``squares`` the sum of its entries' squares; ``cubed``, ``twice``
    and ``weighted``: tr(H W H W H), tr(H W H) and tr(W H W H), with W = diag(by).
    """

    expected: float
    squares: float
    cubed: float
    twice: float
    weighted: float

    @classmethod
    def of(cls, side: Side, by: Float, rest: float) -> _Traces:
        if side.low.shape[1] == 1:
            return cls._of_one(side, by, rest)
        both, square = side.squared(by, rest), side.squared(by, 0.0)
        cubed = square.trace(by * side.size) - square.with_low(side.low, by)
        return cls(both.trace(), both.squares(), cubed, square.trace(), square.trace(by))

    @classmethod
    def _of_one(cls, side: Side, by: Float, rest: float) -> _Traces:
        """The same with one category, H = diag(size) - low low', written out: the number of small matrices is what
        large tables take their time for.
        """
        size, low = side.size, side.low[:, 0]
        on, turned = by * size, by * low
        scaled = size * turned
        g, ll, lv, vv = float(turned @ low), float(low @ low), float(low @ scaled), float(scaled @ scaled)
        h = g - rest
        diagonal = (on + rest) * size
        held = size * on - 2 * scaled * low + g * low * low
        inner = (h * ll - lv) ** 2 - 2 * (h * lv - vv) * ll + lv * lv
        crossed = float(diagonal @ (h * low * low - 2 * scaled * low))
        squares = float(diagonal @ diagonal) + 2 * crossed + inner
        with_low = float(scaled @ scaled) - g * lv - ll * float(scaled @ turned) + g * g * ll
        expected = float(diagonal.sum()) - 2 * lv + h * ll
        return cls(expected, squares, float(held @ on) - with_low, float(held.sum()), float(held @ by))


def traces(sides: tuple[Side, Side], weights: tuple[Float, Float], rest: float, left: float) -> tuple[Float, Float]:
    """tr(A K_j), (3,), and tr(A K_j A K_k), (3, 3), with the blocks of raters and prompts apart."""
    expected, spread = np.zeros(3), np.zeros((3, 3))
    held = weighted = 0.0
    for at, (side, by) in enumerate(zip(sides, weights, strict=True)):
        found = _Traces.of(side, by, rest)
        expected[at], spread[at, at] = found.expected, found.squares
        spread[at, 2] = spread[2, at] = found.cubed + 2 * rest * found.twice + rest**2 * float(side.diagonal.sum())
        weighted += float(by @ side.diagonal)
        held += found.weighted
    expected[2] = weighted + rest * left
    spread[2, 2] = held + 2 * rest * weighted + rest**2 * left
    return expected, spread
