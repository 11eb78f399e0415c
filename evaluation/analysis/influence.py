"""Who moves the result: the net share without each rater, and without each prompt. Exact, from counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from evaluation.analysis.results import NotebookTable
from evaluation.analysis.tally import Comparison, Tally

Unit = Literal["rater", "prompt"]


@dataclass(frozen=True)
class Influence(NotebookTable):
    """Net shares of a comparison without each rater or prompt.

    ``ids``, ``n_ratings`` and ``net_without`` go together, the most influential first (by the change that leaving it
    out makes). A unit that gave all ratings is left away: nothing would be left. ``turned``: ids without which the sign
    of the net share is another.
    """

    comparison: Comparison
    unit: Unit
    net: float
    ids: tuple[str, ...]
    n_ratings: tuple[int, ...]
    net_without: tuple[float, ...]
    turned: tuple[str, ...]

    @property
    def range(self) -> tuple[float, float]:
        """Smallest and largest net share that leaving out one unit can give."""
        values = (*self.net_without, self.net) if len(self.net_without) < 2 else self.net_without
        return min(values), max(values)

    def to_dict(self, top: int = 10) -> dict[str, object]:
        """The range and the ``top`` most influential."""
        rows = zip(self.ids[:top], self.n_ratings[:top], self.net_without[:top], strict=True)
        return {
            "unit": self.unit,
            "net": self.net,
            "range": list(self.range),
            "turned": list(self.turned),
            "top": [{"id": name, "n_ratings": n, "net_without": value} for name, n, value in rows],
        }

    def to_frame(self) -> pd.DataFrame:
        """One row a unit, the most influential first."""
        change = [value - self.net for value in self.net_without]
        return pd.DataFrame(
            {"id": self.ids, "n_ratings": self.n_ratings, "net_without": self.net_without, "change": change}
        )


def influence(tally: Tally, comparison: int, unit: Unit) -> Influence:
    """Influence of each rater or prompt on the net share of the ``comparison`` (its index in ``tally``)."""
    table, names = (tally.by_rater, tally.rater_ids) if unit == "rater" else (tally.by_prompt, tally.prompt_ids)
    part = table.of_comparison(comparison).over_categories()
    totals, sizes = part.counts[:, 0] - part.counts[:, 2], part.counts.sum(axis=1)
    n, total = int(sizes.sum()), int(totals.sum())
    held = sizes < n
    without = (total - totals[held]) / (n - sizes[held])
    order = np.lexsort((part.unit[held], -np.round(np.abs(without - total / n), 14)))
    ids = [names[code] for code in part.unit[held][order]]
    values = without[order]
    return Influence(
        tally.comparisons[comparison],
        unit,
        total / n,
        tuple(ids),
        tuple(int(size) for size in sizes[held][order]),
        tuple(float(value) for value in values),
        tuple(name for name, value in zip(ids, values, strict=True) if np.sign(value) != np.sign(total)),
    )
