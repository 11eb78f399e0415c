"""Agreement among raters from a table of counts: Krippendorff's alpha (nominal, ordinal, interval) and Fleiss' kappa.

Both take ``counts``, (n_units, n_values): how many raters gave each value to each unit. A unit is what raters judged
(a prompt of a comparison, or an image); values are in their order. Nothing depends on who gave which value, so the
counts that a report makes anyway are enough.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from evaluation.analysis.crossed import quantile

Metric = Literal["nominal", "ordinal", "interval"]
FloatArray = npt.NDArray[np.float64]
ORDINAL_ALPHA = "Krippendorff's alpha, ordinal"
ALPHA_NAMES: Mapping[Metric, str] = {
    "nominal": "Krippendorff's alpha, nominal",
    "ordinal": ORDINAL_ALPHA,
    "interval": "Krippendorff's alpha, interval",
}


@dataclass(frozen=True)
class Agreement:
    """A coefficient of agreement: 1 perfect, 0 as by chance, below 0 worse than chance; None where it has no meaning.

    ``n_units`` had two values or more and count; ``n_values`` are their values. ``low`` and ``high``: jackknife
    interval with t(clusters - 1) over clusters of units (the prompts, where a prompt's images were compared in several
    pairs), each left out in turn, or None. ``why`` says what is missing.
    """

    method: str
    value: float | None
    low: float | None
    high: float | None
    level: float
    n_units: int
    n_values: int
    why: str | None = None

    def to_dict(self) -> dict[str, object]:
        found: dict[str, object] = {"method": self.method, "value": self.value, "low": self.low, "high": self.high}
        found |= {"level": self.level, "n_units": self.n_units, "n_values": self.n_values}
        return found | ({"why": self.why} if self.why else {})

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Agreement:
        """The coefficient from ``to_dict``."""
        return cls(**data)


def counts_by_unit(units: npt.ArrayLike, values: npt.ArrayLike) -> tuple[npt.NDArray[np.int64], FloatArray]:
    """Counts, (n_units, n_values), and the sorted distinct values of a long list of (unit, value)."""
    unit = np.unique(np.asarray(units), return_inverse=True)[1]
    distinct, value = np.unique(np.asarray(values, dtype=float), return_inverse=True)
    size = (int(unit.max()) + 1, len(distinct)) if len(unit) else (0, 0)
    return np.bincount(unit * size[1] + value, minlength=size[0] * size[1]).reshape(size), distinct


def squared_distances(marginals: FloatArray, metric: Metric, values: FloatArray) -> FloatArray:
    """Krippendorff's (2011) squared differences between values; (..., n, n) for ``marginals`` (..., n)."""
    n = marginals.shape[-1]
    if metric == "nominal":
        return np.broadcast_to(1.0 - np.eye(n), (*marginals.shape, n))
    if metric == "interval":
        return np.broadcast_to((values[:, None] - values[None, :]) ** 2, (*marginals.shape, n))
    upto = (
        np.cumsum(marginals, axis=-1) - marginals / 2
    )  # between two values: all ratings from one's middle to the other's
    return np.asarray((upto[..., :, None] - upto[..., None, :]) ** 2)


def krippendorff_alpha(
    counts: npt.ArrayLike,
    metric: Metric = "ordinal",
    values: npt.ArrayLike | None = None,
    level: float = 0.95,
    clusters: npt.ArrayLike | None = None,
) -> Agreement:
    """Krippendorff's alpha; units with fewer than two values say nothing and are left out.

    ``values``: (n_values,) their numbers, needed for ``interval`` only. ``clusters``: (n_units,) codes of what units
    share (their prompt); each unit by itself unless given. Reference: Krippendorff (2011), Computing Krippendorff's
    Alpha-Reliability.
    """
    table = np.asarray(counts, dtype=float)
    kept = table.sum(axis=1) >= 2
    table = table[kept]
    numbers = np.arange(table.shape[1], dtype=float) if values is None else np.asarray(values, dtype=float)
    name = ALPHA_NAMES[metric]
    n_units, n_values = len(table), int(table.sum())

    def absent(why: str) -> Agreement:
        return Agreement(name, None, None, None, level, n_units, n_values, why)

    if n_units < 2:
        return absent(_FEW_UNITS[n_units])
    # Pairs of values within units; counting duplicates of a row once keeps this small for millions of units.
    rows, unit, number = _distinct_rows(table)
    m = rows.sum(axis=1)
    own = (rows[:, :, None] * rows[:, None, :] - rows[:, :, None] * np.eye(rows.shape[1])) / (m - 1)[:, None, None]
    observed = np.tensordot(number.astype(float), own, axes=1)
    value = _alpha(observed[None], metric, numbers)[0]
    if math.isnan(value):
        return absent("all values are alike, so there is no variation to agree on")
    if clusters is not None:
        of_unit = np.unique(np.asarray(clusters)[kept], return_inverse=True)[1]
        held = np.zeros((int(of_unit.max()) + 1, *own.shape[1:]))
        np.add.at(held, of_unit, own[unit])
        own, number = held, np.ones(len(held), dtype=np.int64)
    n_clusters = int(number.sum())
    if n_clusters < FEWEST_CLUSTERS:
        return Agreement(name, float(value), None, None, level, n_units, n_values, "too few units for an interval")
    without = _alpha(observed[None] - own, metric, numbers)
    if np.isnan(without).any():
        return Agreement(name, float(value), None, None, level, n_units, n_values, "it depends on a single unit")
    low, high = _jackknife(float(value), without, number, level)
    return Agreement(name, float(value), low, high, level, n_units, n_values)


def _distinct_rows(table: FloatArray) -> tuple[FloatArray, npt.NDArray[np.intp], npt.NDArray[np.int64]]:
    """``np.unique`` of the rows of whole numbers from 0, with inverse and counts: by one number a row where that can
    tell them apart, as telling numbers apart takes a tenth of the time.
    """
    levels = int(table.max()) + 1
    if levels ** table.shape[1] >= 2**53:
        return np.unique(table, axis=0, return_inverse=True, return_counts=True)
    key = table @ (float(levels) ** np.arange(table.shape[1])[::-1])
    _, first, unit, number = np.unique(key, return_index=True, return_inverse=True, return_counts=True)
    return table[first], unit, number


FEWEST_CLUSTERS = 3
_FEW_UNITS = (
    "nothing was rated by two or more raters",
    "only one prompt was rated by two or more raters, so there is no chance agreement to compare with",
)


def _jackknife(value: float, without: FloatArray, number: npt.NDArray[np.int64], level: float) -> tuple[float, float]:
    """The interval from the values ``without`` a cluster, each standing for ``number`` clusters."""
    n = int(number.sum())
    mean = number @ without / n
    se = math.sqrt((n - 1) / n * float(number @ (without - mean) ** 2))
    half = quantile(level, n - 1) * se
    return value - half, min(value + half, 1.0)


def _alpha(observed: FloatArray, metric: Metric, values: FloatArray) -> FloatArray:
    """Alpha of coincidence matrices (k, n, n); NaN where all values are alike."""
    marginals = observed.sum(axis=2)
    n = marginals.sum(axis=1)
    distance = squared_distances(marginals, metric, values)
    expected = np.einsum("ki,kj,kij->k", marginals, marginals, distance)
    disagreement = np.einsum("kij,kij->k", observed, distance)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(expected > 1e-12, 1 - (n - 1) * disagreement / expected, np.nan)


def fleiss_kappa(counts: npt.ArrayLike, level: float = 0.95, clusters: npt.ArrayLike | None = None) -> Agreement:
    """Fleiss' (1971) kappa; units may have different numbers of raters (each unit's agreement then counts alike).
    ``clusters`` as for ``krippendorff_alpha``.
    """
    table = np.asarray(counts, dtype=float)
    kept = table.sum(axis=1) >= 2
    table = table[kept]
    n_units, n_values = len(table), int(table.sum())
    name = "Fleiss' kappa"
    if n_units < 2:
        return Agreement(name, None, None, None, level, n_units, n_values, _FEW_UNITS[n_units])
    sizes = table.sum(axis=1)
    within = ((table**2).sum(axis=1) - sizes) / (sizes * (sizes - 1))
    shares = table.sum(axis=0) / n_values
    chance = float(shares @ shares)
    if chance > 1 - 1e-12:
        why = "all values are alike, so there is no variation to agree on"
        return Agreement(name, None, None, None, level, n_units, n_values, why)
    value = (float(within.mean()) - chance) / (1 - chance)
    code = np.arange(n_units) if clusters is None else np.unique(np.asarray(clusters)[kept], return_inverse=True)[1]
    n_clusters = int(code.max()) + 1
    if n_clusters < FEWEST_CLUSTERS:
        return Agreement(name, value, None, None, level, n_units, n_values, "too few units for an interval")
    held = np.stack([np.bincount(code, weights=column, minlength=n_clusters) for column in table.T], axis=1)
    rest = (table.sum(axis=0) - held) / (n_values - held.sum(axis=1))[:, None]
    chance_without = (rest * rest).sum(axis=1)
    if (chance_without > 1 - 1e-12).any():
        return Agreement(name, value, None, None, level, n_units, n_values, "it depends on a single unit")
    units_without = n_units - np.bincount(code, minlength=n_clusters)
    within_without = (within.sum() - np.bincount(code, weights=within, minlength=n_clusters)) / units_without
    without = (within_without - chance_without) / (1 - chance_without)
    low, high = _jackknife(value, without, np.ones(n_clusters, dtype=np.int64), level)
    return Agreement(name, value, low, high, level, n_units, n_values)
