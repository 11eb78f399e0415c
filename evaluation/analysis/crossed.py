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

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

METHODS = ("independent", "by_rater", "by_prompt", "two_way", "anova", "pigeonhole")
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
    rater = np.unique(np.asarray(raters), return_inverse=True)[1]
    prompt = np.unique(np.asarray(prompts), return_inverse=True)[1]
    if y.ndim != 1 or not len(y) or len(y) != len(rater) or len(y) != len(prompt):
        raise ValueError(
            f"Scores, raters and prompts must be equally long and not empty; got {len(y)}, {len(rater)}, {len(prompt)}."
        )
    if not np.isfinite(y).all():
        raise ValueError(f"Score {int(np.flatnonzero(~np.isfinite(y))[0]) + 1} is not a finite number.")
    cell = np.unique(rater * (int(prompt.max()) + 1) + prompt, return_inverse=True)[1]
    scaled, scale, centre = _as_integers(y)

    def sums(code: IntArray) -> ClusterSums:
        totals = np.bincount(code, weights=scaled)
        if np.issubdtype(scaled.dtype, np.integer):
            totals = np.rint(totals).astype(np.int64)
        return cluster_sums(totals, np.bincount(code))

    exact = np.issubdtype(scaled.dtype, np.integer)
    return PanelSums(
        n=len(y),
        total=int(scaled.sum()) if exact else math.fsum(scaled),
        squares=int(scaled @ scaled) if exact else math.fsum(scaled * scaled),
        raters=sums(rater),
        prompts=sums(prompt),
        cells=sums(cell),
        scale=scale,
        centre=centre,
    )


def _as_integers(y: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.number], int, float]:
    for scale in (1, 2, 10, 20, 100, 1000):
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


def block_variances(panel: PanelSums) -> dict[str, Variance | Absent]:
    """Each of ``METHODS`` for one block of ratings, with the reason where a variance cannot be had."""
    r, p = panel.raters.n, panel.prompts.n
    too_few = {
        "rater": None if r > 1 else Absent("one rater: nothing is known about how raters differ"),
        "prompt": None if p > 1 else Absent("one prompt: nothing is known about how prompts differ"),
    }
    squares = _squares(panel)
    spread = {"rater": _spread(panel.raters, panel), "prompt": _spread(panel.prompts, panel)}
    corrected = {name: n / (n - 1) * spread[name] if n > 1 else 0.0 for name, n in (("rater", r), ("prompt", p))}
    found: dict[str, Variance | Absent] = {
        "independent": Variance(squares, None) if panel.n > 1 else Absent("one rating has no spread"),
        "by_rater": too_few["rater"] or Variance(corrected["rater"], r - 1),
        "by_prompt": too_few["prompt"] or Variance(corrected["prompt"], p - 1),
    }
    lack = too_few["rater"] or too_few["prompt"]
    if lack:
        return found | dict.fromkeys(("two_way", "anova", "pigeonhole"), lack)
    cells = panel.cells.n
    cell = cells / (cells - 1) * _spread(panel.cells, panel)
    two_way = max(corrected["rater"] + corrected["prompt"] - cell, corrected["rater"], corrected["prompt"])
    pigeonhole = _spread(panel.cells, panel) + (1 - 1 / p) * spread["rater"] + (1 - 1 / r) * spread["prompt"]
    return found | {
        "two_way": Variance(two_way, min(r, p) - 1),
        "anova": _anova(panel, squares, spread),
        "pigeonhole": Variance(pigeonhole, None),
    }


def _anova(panel: PanelSums, squares: float, spread: Mapping[str, float]) -> Variance | Absent:
    r, p, n = panel.raters.n, panel.prompts.n, panel.n
    if not panel.complete:
        missing = r * p - panel.cells.n
        what = f"{missing} of {r * p} rater-prompt cells are empty" if missing else "some cells hold several ratings"
        return Absent(f"the panel is not complete: {what}")
    # In units of n * variance: spread["rater"] = P^2 sum_r(mean_r - m)^2 / N^2, and SS_rater = P sum_r(mean_r - m)^2.
    ms_rater = spread["rater"] * n * n / p / (r - 1)
    ms_prompt = spread["prompt"] * n * n / r / (p - 1)
    rest = squares * n * n - spread["rater"] * n * n / p - spread["prompt"] * n * n / r
    ms_residual = max(rest, 0.0) / ((r - 1) * (p - 1))
    mean_square = ms_rater + ms_prompt - ms_residual
    if mean_square <= 0 and squares > 0:
        return Absent("raters and prompts differ less than chance alone would make them: no positive variance is left")
    if mean_square <= 0:
        return Variance(0.0, min(r, p) - 1)
    weights = ms_rater**2 / (r - 1) + ms_prompt**2 / (p - 1) + ms_residual**2 / ((r - 1) * (p - 1))
    return Variance(mean_square / n, mean_square**2 / weights)


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
        pieces: list[Variance] = []
        for name, panel, variances in parts:
            variance = variances[method]
            if isinstance(variance, Absent):
                found[method] = Absent(f"category {name!r}: {variance.why}")
                break
            weight = panel.n**2 / n**2
            pieces.append(Variance(weight * variance.value, variance.df))
        else:
            total = math.fsum(piece.value for piece in pieces)
            found[method] = Variance(total, _satterthwaite(pieces, total) if method == "anova" else df.get(method))
    return found


def _satterthwaite(pieces: Sequence[Variance], total: float) -> float | None:
    weights = math.fsum(piece.value**2 / piece.df for piece in pieces if piece.df)
    return total**2 / weights if weights else min((piece.df for piece in pieces if piece.df), default=None)


def quantile(level: float, df: float | None) -> float:
    """The two-sided quantile of ``level`` (0 < level < 1): of t with ``df``, or of the normal where ``df`` is None."""
    tail = (1 + level) / 2
    return float(special.ndtri(tail) if df is None else special.stdtrit(df, tail))
