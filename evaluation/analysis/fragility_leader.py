"""The fewest raters, prompts or votes whose removal changes who leads a ranking: greedily, with refits.

The ranking is Bradley-Terry's, an indifferent answer counting half for each. Leaving a unit out moves the scores by
about - bread g, with g the unit's gradient and bread the inverse information at the maximum (a step of Newton's method;
Broderick et al. 2020). For each generator that may come to lead, the unit that takes most from the leader's advantage
goes, the model is fitted anew, and so on until the advantage is gone. Votes go in small portions, as those of one cell
(pair and choice) are alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from evaluation.analysis.columns import codes_of
from evaluation.analysis.paired_counts import count_rows
from evaluation.analysis.paired_graph import groups, separated
from evaluation.analysis.paired_models import Fit, Rows, fit

RIVALS = 3  # generators next to the leader that are tried
LEVEL = 1e-9  # an advantage within this is none: rounding
PORTION = 0.03  # of the votes that are still needed, by the last fit, before the next one
FloatArray = npt.NDArray[np.float64]
Needs = Mapping[str, list[str] | None]


def leader_needs(frame: pd.DataFrame, question: str) -> Needs | str:
    """What the first place of ``question``'s ranking hangs on, or why there is none.

    ``raters``, ``prompts``: ids in the order of removal; ``votes``: the row labels of ``frame``; None where no removal
    of that kind was found. ``frame``: ratings of one question, validated, without control trials.
    """
    names, rows, codes = count_rows(frame)
    if len(names) < 3:
        return "there are only two generators: see the sign of their net share"
    if len(groups(rows)) > 1 or separated(rows):
        return f"the ranking of {question} has no finite scores: some were never compared, or always preferred"
    cell = np.asarray(codes(), dtype=np.int64)
    whole = _Search(rows, cell, np.arange(len(frame)))
    order = np.argsort(-whole.start.scores)
    leader, rivals = int(order[0]), [int(each) for each in order[1 : 1 + RIVALS]]
    found: dict[str, list[str] | None] = {}
    for unit, column in (("raters", "rater_id"), ("prompts", "prompt_id")):
        used, place = np.unique(codes_of(frame[column]), return_inverse=True)
        search = _Search(rows, cell, place)
        best = _shortest([search.units(leader, rival) for rival in rivals])
        ids = frame[column].cat.categories
        found[unit] = None if best is None else [str(ids[used[at]]) for at in best]
    votes = _shortest([whole.votes(leader, rival) for rival in rivals])
    found["votes"] = None if votes is None else [str(frame.index[at]) for at in votes]
    return found


def _shortest(sets: list[list[int] | None]) -> list[int] | None:
    return min((each for each in sets if each is not None), key=len, default=None)


class _Search:
    """Greedy removal of the units that ``unit`` (N,) numbers; ``cell`` (N,): where each rating counts in ``rows``."""

    def __init__(self, rows: Rows, cell: npt.NDArray[np.int64], unit: npt.NDArray[np.int64]) -> None:
        self.rows, self.cell, self.unit = rows, cell, unit
        self.start = fit("bradley-terry", rows)

    def units(self, leader: int, rival: int) -> list[int] | None:
        """The units that go until ``rival`` is level with ``leader``; None where the model can't be fitted any more."""
        n_units, n_cells = int(self.unit.max()) + 1, self.rows.counts.size
        table = np.bincount(self.unit * n_cells + self.cell, minlength=n_units * n_cells).reshape(n_units, n_cells)
        counts, left = self.rows.counts.ravel().copy(), np.ones(n_units, dtype=bool)
        fitted: Fit | None = self.start
        removed: list[int] = []
        while fitted is not None and fitted.scores[leader] - fitted.scores[rival] > -LEVEL:
            gain = table @ _gains(fitted, leader, rival)
            gain[~left] = -np.inf
            best = int(gain.argmax())
            if gain[best] <= 0 or left.sum() <= 1:
                return None
            left[best] = False
            counts = counts - table[best]
            removed.append(best)
            fitted = self._refit(counts)
        return None if fitted is None else removed

    def votes(self, leader: int, rival: int) -> list[int] | None:
        """The ratings that go, in portions of cells; single ones in the end."""
        counts = self.rows.counts.ravel().copy()
        taken = np.zeros(counts.size, dtype=np.int64)
        fitted: Fit | None = self.start
        while fitted is not None and (lead := float(fitted.scores[leader] - fitted.scores[rival])) > -LEVEL:
            gain = np.where(counts > 0, _gains(fitted, leader, rival), -np.inf)
            best = int(gain.argmax())
            if gain[best] <= 0:
                return None
            portion = int(min(counts[best], max(1.0, PORTION * lead / gain[best])))
            counts[best] -= portion
            taken[best] += portion
            fitted = self._refit(counts)
        if fitted is None:
            return None
        return [int(at) for each in np.flatnonzero(taken) for at in np.flatnonzero(self.cell == each)[: taken[each]]]

    def _refit(self, counts: FloatArray) -> Fit | None:
        rows = replace(self.rows, counts=counts.reshape(self.rows.counts.shape))
        if len(groups(rows)) > 1 or separated(rows):
            return None
        try:
            return fit("bradley-terry", rows)
        except (ArithmeticError, np.linalg.LinAlgError):
            return None


def _gains(fitted: Fit, leader: int, rival: int) -> FloatArray:
    """By how much leaving out one rating of each cell lowers the leader's advantage, to first order; (cells,)."""
    contrast = np.zeros(len(fitted.bread))
    contrast[leader], contrast[rival] = 1.0, -1.0
    move = fitted.bread @ contrast
    return np.asarray((fitted.by_d * (move[fitted.rows.first] - move[fitted.rows.second])[:, None]).ravel())
