"""Kendall's tau-b with a jackknife interval: how two numbers of each prompt order the prompts alike, ties allowed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluation.analysis.crossed import check_between, quantile

Float = npt.NDArray[np.float64]
_ROWS = 512  # prompts compared with all others at a time: memory stays flat
LEAST = 5  # prompts below which there is no interval


@dataclass(frozen=True)
class Correlation:
    """Kendall's tau-b over ``n`` prompts, with an interval for new prompts like these and the same raters, or ``why``
    one of them cannot be had.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    level: float
    why: str | None = None

    def to_dict(self) -> dict[str, object]:
        found: dict[str, object] = {
            "method": "Kendall's tau-b",
            "value": self.value,
            "low": self.low,
            "high": self.high,
        }
        return found | {"n_prompts": self.n} | ({"why": self.why} if self.why else {})

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], level: float) -> Correlation:
        """The correlation from ``to_dict``, its interval at ``level``."""
        return cls(data["value"], data["low"], data["high"], data["n_prompts"], level, data.get("why"))


def kendall_tau_b(x: npt.ArrayLike, y: npt.ArrayLike, level: float = 0.95) -> Correlation:
    """Tau-b of ``x`` and ``y``, (n,), with a jackknife interval on Fisher's scale, atanh(tau), and t(n - 1).

    Raises:
        ValueError: lengths differ, or ``level`` is not between 0 and 1.
    """
    check_between(level, "confidence level")
    one, other = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if one.ndim != 1 or one.shape != other.shape:
        raise ValueError(f"Both must be equally long lists of numbers; got shapes {one.shape} and {other.shape}.")
    n = len(one)
    sums = np.zeros((n, 3))  # of each prompt with all others: concordant less discordant, untied in x, untied in y
    for start in range(0, n, _ROWS):
        part = slice(start, start + _ROWS)
        of_x, of_y = np.sign(one[part, None] - one), np.sign(other[part, None] - other)
        sums[part] = np.stack([(of_x * of_y).sum(1), np.abs(of_x).sum(1), np.abs(of_y).sum(1)], axis=1)
    total = sums.sum(axis=0) / 2
    if total[1] == 0 or total[2] == 0:
        why = "there are too few prompts" if n < 2 else "all prompts are alike, so there is no order to agree on"
        return Correlation(None, None, None, n, level, why)
    value = float(total[0] / math.sqrt(total[1] * total[2]))
    if n < LEAST:
        return Correlation(value, None, None, n, level, f"fewer than {LEAST} prompts are too few for an interval")
    rest = total - sums
    if (rest[:, 1:] <= 0).any() or abs(value) >= 1:
        why = "the order is perfect, so there is no spread" if abs(value) >= 1 else "it depends on a single prompt"
        return Correlation(value, None, None, n, level, why)
    without = np.arctanh(np.clip(rest[:, 0] / np.sqrt(rest[:, 1] * rest[:, 2]), -1 + 1e-12, 1 - 1e-12))
    se = math.sqrt((n - 1) / n * float(((without - without.mean()) ** 2).sum()))
    middle, half = math.atanh(value), quantile(level, n - 1) * se
    return Correlation(value, math.tanh(middle - half), math.tanh(middle + half), n, level)
