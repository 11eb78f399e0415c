"""The two-way variance of a weighted sum over raters and prompts in strata, with Satterthwaite's degrees of freedom.

``crossed`` has the variances of a plain mean. Here each rating comes with what it adds to the estimate less what it was
expected to add, so that strata of any weight, predictions and finite suites fit in; for a plain mean the variance is
that of ``crossed``, to the last digit that floating point keeps.

Degrees of freedom: min(raters, prompts) - 1 is this package's rule. With few raters who hardly differ it is far too
careful, since then the prompts, of which there are many, make most of the variance. Satterthwaite's (1946) rule
weighs the parts: V^2 / (V_rater^2 / (R - 1) + V_prompt^2 / (P - 1) + V_cell^2 / (cells - R - P + 1)). Here it is never
below the other, and is the other where there are two raters only, of whom it believes too much.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Spread:
    """A variance, with its degrees of freedom by both rules: ``df`` min(raters, prompts less strata + 1) - 1, and
    ``satterthwaite``. The variance is infinite for a single rater, or where a stratum has a single prompt.
    """

    variance: float
    df: float
    satterthwaite: float


def crossed_spread(
    residual: Float, rater: Index, prompt: Index, stratum: Index, finite: Float | None = None, extra: float = 0.0
) -> Spread:
    """The variance of the sum of ``residual``, (n,), given by ``rater``, (n,), to ``prompt``, (n,); codes without gaps.

    ``stratum``: (P,), of each prompt, codes without gaps; residuals add up to zero in each. ``finite``: (S,), by what
    the prompts' part of each stratum is multiplied (1 unless given). ``extra``: a variance that is added to it.
    """
    s, n_prompts, n_raters = int(stratum.max()) + 1, len(stratum), int(rater.max()) + 1
    factor = np.ones(s) if finite is None else finite
    own = stratum[prompt]
    prompts_in = np.bincount(stratum, minlength=s)
    nested = len(np.unique(rater * s + own)) == n_raters  # no rater appears in two strata
    home = np.zeros(n_raters, dtype=np.int64)
    if nested:
        home[rater] = own
    raters_in = np.bincount(home)
    if raters_in.min() < 2 or prompts_in.min() < 2:
        return Spread(math.inf, 0.0, 0.0)
    cells, place = np.unique(prompt * n_raters + rater, return_inverse=True)
    of_cell = stratum[cells // n_raters]
    by_rater = _clusters(rater, residual, home, raters_in)
    by_prompt = _clusters(prompt, residual, stratum, prompts_in)
    by_cell = _clusters(place, residual, of_cell, np.bincount(of_cell, minlength=s))
    raters, prompts = float(by_rater.sum()), factor * by_prompt
    share = float(prompts.sum() / by_prompt.sum()) if by_prompt.sum() > 0 else 1.0
    beyond = max(float((factor * (by_prompt - by_cell)).sum()), 0.0, float(prompts.sum()) - share * raters)
    variance = raters + beyond + extra
    least = float(min((raters_in - 1).sum(), n_prompts - s))
    left = max(len(cells) - n_raters - n_prompts + 1, 1)
    doubt = float(
        (by_rater**2 / (raters_in - 1)).sum()
        + (prompts**2 / (prompts_in - 1)).sum()
        + (factor * by_cell).sum() ** 2 / left
    )
    if doubt <= 0 or (raters_in - 1).sum() < 2:  # of two raters Satterthwaite's rule believes too much
        return Spread(variance, least, least)
    return Spread(variance, least, max(variance**2 / doubt, least))


def _clusters(code: Index, residual: Float, stratum: Index, sizes: Index) -> Float:
    """CR1 terms by stratum: G / (G - 1) times the sum of squared cluster sums."""
    sums = np.bincount(code, weights=residual, minlength=len(stratum))
    squares = np.bincount(stratum, weights=sums * sums, minlength=len(sizes))
    return np.asarray(squares * sizes / np.maximum(sizes - 1, 1))
