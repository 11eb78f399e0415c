"""Variances of a mean over raters crossed with prompts, in closed form and without random numbers.

Ratings share raters and prompts, so they are not independent; each function here takes that into account in another
way. With m the mean of N scores, e = y - m, and e_g the sum of e over a cluster g:

* ``independent``: sum(e^2) / N^2, the Wald variance with divisor n.
* ``by_rater``, ``by_prompt``: CR1, G / (G - 1) * sum_g(e_g^2) / N^2 over the G raters or prompts, with t(G - 1).
* ``two_way``: Cameron, Gelbach and Miller (2011), the two one-way terms minus the term of the rater-prompt cells,
  each with its own G / (G - 1); never below the larger one-way; with t(min(raters, prompts) - 1).
* ``anova``: (MS_rater + MS_prompt - MS_residual) / N for complete panels, with Satterthwaite's degrees of freedom.
* ``pigeonhole``: the variance of Owen's (2007) pigeonhole bootstrap (raters and prompts resampled independently) in
  the limit of infinitely many draws: [sum(e^2) + (1 - 1/P) sum_r(e_r^2) + (1 - 1/R) sum_p(e_p^2)] / N^2. For a
  complete panel this equals sum_r(mean_r - m)^2 / R^2 + sum_p(mean_p - m)^2 / P^2 + SS_residual / N^2 exactly; for a
  sparse one it is the same moment of the linearised mean.

Scores that are whole numbers (all choices are) are summed as integers and divided once, so that the same ratings give
the same bytes in any order and on any machine.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

METHODS = ("independent", "by_rater", "by_prompt", "two_way", "anova", "pigeonhole")
LEAST_DF = 0.5  # below this Satterthwaite's t has a quantile in the hundreds: no interval that says anything
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ClusterSums:
    """Sums over the ``n`` clusters of one kind: of total^2, total * size and size^2 (scores scaled to integers)."""

    n: int
    total_squared: float
    total_size: float
    size_squared: float


@dataclass(frozen=True)
class PanelSums:
    """All that the variances need of one block of ratings; scores are multiplied by ``scale``, and ``centre`` was
    taken off before (0 wherever the sums are exact).
    """

    n: int
    total: float
    squares: float
    raters: ClusterSums
    prompts: ClusterSums
    cells: ClusterSums
    scale: int = 1
    centre: float = 0.0

    @property
    def mean(self) -> float:
        return self.centre + self.total / (self.n * self.scale)

    @property
    def complete(self) -> bool:
        """Whether every rater answered every prompt exactly once."""
        return self.n == self.cells.n == self.raters.n * self.prompts.n


@dataclass(frozen=True)
class Variance:
    """A variance of the mean; ``df`` None means the normal distribution."""

    value: float
    df: float | None


@dataclass(frozen=True)
class Absent:
    """Why a variance cannot be had."""

    why: str


def cluster_sums(totals: npt.NDArray[np.number], sizes: IntArray) -> ClusterSums:
    """Sums over clusters with score totals ``totals`` (G,) and numbers of ratings ``sizes`` (G,)."""
    if totals.dtype.kind == "i":
        return ClusterSums(len(sizes), int(totals @ totals), int(totals @ sizes), int(sizes @ sizes))
    return ClusterSums(
        len(sizes), math.fsum(totals * totals), math.fsum(totals * sizes), math.fsum((sizes * sizes).astype(float))
    )


def panel_sums(scores: npt.ArrayLike, raters: npt.ArrayLike, prompts: npt.ArrayLike) -> PanelSums:
    """Sums of any scores, (N,), given by ``raters``, (N,), to ``prompts``, (N,); several ratings a cell are allowed.

    Raises:
        ValueError: lengths differ, nothing is given, or a score is not a finite number.
    """
    y = np.asarray(scores, dtype=float)
    rater, prompt = _packed(raters), _packed(prompts)
    if y.ndim != 1 or not len(y) or len(y) != len(rater) or len(y) != len(prompt):
        raise ValueError(
            f"Scores, raters and prompts must be equally long and not empty; got {len(y)}, {len(rater)}, {len(prompt)}."
        )
    if not np.isfinite(y).all():
        raise ValueError(f"Score {int(np.flatnonzero(~np.isfinite(y))[0]) + 1} is not a finite number.")
    scaled, scale, centre = _as_integers(y)
    exact = scaled.dtype.kind == "i"

    def sums(code: IntArray) -> ClusterSums:
        sizes = np.bincount(code)
        totals = np.bincount(code, weights=scaled)[sizes > 0]  # whole numbers below 2^53 add up exactly
        return cluster_sums(np.rint(totals).astype(np.int64) if exact else totals, sizes[sizes > 0])

    return PanelSums(
        n=len(y),
        total=int(scaled.sum()) if exact else math.fsum(scaled),
        squares=int(scaled @ scaled) if exact else math.fsum(scaled * scaled),
        raters=sums(rater),
        prompts=sums(prompt),
        cells=sums(_packed(rater * (int(prompt.max()) + 1) + prompt)),
        scale=scale,
        centre=centre,
    )


def _packed(codes: npt.ArrayLike) -> IntArray:
    """Whole numbers from 0, with few gaps, that tell the same groups apart."""
    given = np.asarray(codes)
    if given.dtype.kind in "iu" and len(given) and given.min() >= 0 and given.max() < max(4 * len(given), 1 << 16):
        return given.astype(np.int64, copy=False)
    return np.asarray(np.unique(given, return_inverse=True)[1], dtype=np.int64)


def _as_integers(y: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.number], int, float]:
    whole = np.rint(y)
    if np.array_equal(whole, y) and np.abs(whole).max() < 2**20:
        return whole.astype(np.int64), 1, 0.0
    for scale in (2, 10, 20, 100, 1000):
        scaled = y * scale
        whole = np.rint(scaled)
        if np.abs(whole).max() < 2**20 and np.allclose(scaled, whole, rtol=0, atol=1e-9 * scale):
            return whole.astype(np.int64), scale, 0.0
    centre = math.fsum(y) / len(y)
    return y - centre, 1, centre


def _spread(sums: ClusterSums, panel: PanelSums) -> float:
    """sum_g(e_g^2) / N^2 on the scores' own scale; one division of exact integers where scores are whole."""
    n, total = panel.n, panel.total
    numerator = n * n * sums.total_squared - 2 * n * total * sums.total_size + total * total * sums.size_squared
    return max(numerator, 0) / (n**4 * panel.scale**2)


def _squares(panel: PanelSums) -> float:
    """sum(e^2) / N^2 on the scores' own scale."""
    return max(panel.n * panel.squares - panel.total**2, 0) / (panel.n**3 * panel.scale**2)


_TOO_FEW = {
    name: Absent(f"there is only one {name}, so nothing is known about how {name}s differ")
    for name in ("rater", "prompt")
}


def block_variances(panel: PanelSums) -> dict[str, Variance | Absent]:
    """Each of ``METHODS`` for one block of ratings, with the reason where a variance cannot be had."""
    r, p = panel.raters.n, panel.prompts.n
    too_few = {name: _TOO_FEW[name] if n < 2 else None for name, n in (("rater", r), ("prompt", p))}
    squares = _squares(panel)
    spread = {"rater": _spread(panel.raters, panel), "prompt": _spread(panel.prompts, panel)}
    corrected = {name: n / (n - 1) * spread[name] if n > 1 else 0.0 for name, n in (("rater", r), ("prompt", p))}
    found: dict[str, Variance | Absent] = {
        "independent": Variance(squares, None)
        if panel.n > 1
        else Absent("there is only one rating, which has no spread"),
        "by_rater": too_few["rater"] or Variance(corrected["rater"], r - 1),
        "by_prompt": too_few["prompt"] or Variance(corrected["prompt"], p - 1),
    }
    lack = too_few["rater"] or too_few["prompt"]
    if lack:
        return found | dict.fromkeys(("two_way", "anova", "pigeonhole"), lack)
    anova = _mean_squares(panel)
    cells = panel.cells.n
    cell = cells / (cells - 1) * _spread(panel.cells, panel)
    two_way = max(corrected["rater"] + corrected["prompt"] - cell, corrected["rater"], corrected["prompt"])
    pigeonhole = _spread(panel.cells, panel) + (1 - 1 / p) * spread["rater"] + (1 - 1 / r) * spread["prompt"]
    return found | {
        "two_way": Variance(two_way, min(r, p) - 1),
        "anova": _satterthwaite([anova], min(r, p) - 1) if isinstance(anova, _MeanSquares) else anova,
        "pigeonhole": Variance(pigeonhole, None),
    }


@dataclass(frozen=True)
class _MeanSquares:
    """ANOVA's variance of the mean, which may come out negative, and the sum of squares that Satterthwaite's degrees
    of freedom divide its square by. Both add up over strata.
    """

    value: float
    weights: float


def _mean_squares(panel: PanelSums) -> _MeanSquares | Absent:
    r, p, n = panel.raters.n, panel.prompts.n, panel.n
    if r < 2 or p < 2:
        return _TOO_FEW["rater" if r < 2 else "prompt"]
    if not panel.complete:
        missing = r * p - panel.cells.n
        what = "some raters gave a prompt several ratings"
        if missing:
            what = f"{missing:,} of {r * p:,} combinations of rater and prompt were not rated"
        return Absent(f"the panel is not complete: {what}")
    # _spread(raters) is P^2 sum_r(mean_r - m)^2 / N^2, and SS_rater is P sum_r(mean_r - m)^2.
    ss_rater = _spread(panel.raters, panel) * n * n / p
    ss_prompt = _spread(panel.prompts, panel) * n * n / r
    ss_residual = max(_squares(panel) * n * n - ss_rater - ss_prompt, 0.0)
    parts = (ss_rater, r - 1), (ss_prompt, p - 1), (ss_residual, (r - 1) * (p - 1))
    ms_rater, ms_prompt, ms_residual = (ss / df for ss, df in parts)
    weights = math.fsum((ss / df) ** 2 / df for ss, df in parts)
    return _MeanSquares((ms_rater + ms_prompt - ms_residual) / n, weights / n**2)


def _satterthwaite(parts: Sequence[_MeanSquares], fallback_df: float) -> Variance | Absent:
    value, weights = math.fsum(part.value for part in parts), math.fsum(part.weights for part in parts)
    if weights == 0:
        return Variance(0.0, fallback_df)
    if value <= 0 or value**2 < LEAST_DF * weights:
        return Absent("raters and prompts differ no more than by chance, which leaves hardly a degree of freedom")
    return Variance(value, value**2 / weights)


def stratified_variances(
    blocks: Sequence[tuple[str, PanelSums]], n_raters: int, n_prompts: int
) -> dict[str, Variance | Absent]:
    """Variances of the mean over all ratings where no rater appears in two of the named ``blocks``.

    Each is the sum over blocks of (n_c / n)^2 times the block's own; degrees of freedom are those of all ``n_raters``
    and ``n_prompts`` together, and Satterthwaite's for ANOVA.
    """
    n = sum(panel.n for _, panel in blocks)
    parts = [(name, panel, block_variances(panel)) for name, panel in blocks]
    df = {"by_rater": n_raters - 1, "by_prompt": n_prompts - 1, "two_way": min(n_raters, n_prompts) - 1}
    found: dict[str, Variance | Absent] = {}
    for method in METHODS:
        pieces: list[float] = []
        for name, panel, variances in parts:
            variance = variances[method]
            if isinstance(variance, Absent):
                found[method] = Absent(f"in category {name!r}, {variance.why}")
                break
            pieces.append(panel.n**2 / n**2 * variance.value)
        else:
            found[method] = Variance(math.fsum(pieces), df.get(method))
    found["anova"] = _stratified_anova(blocks, n, df["two_way"])
    return found


def _stratified_anova(blocks: Sequence[tuple[str, PanelSums]], n: int, fallback_df: float) -> Variance | Absent:
    """A category's variance may come out negative by chance; what counts is the sum."""
    pieces = []
    for name, panel in blocks:
        piece = _mean_squares(panel)
        if isinstance(piece, Absent):
            return Absent(f"in category {name!r}, {piece.why}")
        weight = panel.n**2 / n**2
        pieces.append(_MeanSquares(weight * piece.value, weight**2 * piece.weights))
    return _satterthwaite(pieces, fallback_df)


def check_between(value: float, name: str, example: str = ".95") -> None:
    """Refuse a probability that does not lie between 0 and 1.

    Raises:
        ValueError: it does not.
    """
    if not 0 < value < 1:
        raise ValueError(f"The {name} must lie between 0 and 1, as {example} does; got {value}.")


@functools.lru_cache(maxsize=4096)
def quantile(level: float, df: float | None) -> float:
    """The two-sided quantile of ``level``: of t with ``df``, or of the normal where ``df`` is None.

    Raises:
        ValueError: ``level`` does not lie between 0 and 1.
    """
    check_between(level, "confidence level")
    tail = (1 + level) / 2
    return float(special.ndtri(tail) if df is None else special.stdtrit(df, tail))
