"""The mean of any scores that raters gave to prompts, with every interval that can be had and the default one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from evaluation.analysis.crossed import METHODS, Absent, block_variances, panel_sums, stratified_variances
from evaluation.analysis.effective import EFFECTIVE, Pieces, Sums, as_table, pieces, why_not
from evaluation.analysis.effective_design import EffectiveDesign, is_nested
from evaluation.analysis.estimands import ESTIMANDS
from evaluation.analysis.estimates import MeanEstimate
from evaluation.analysis.preference import effective_or_why, interval_or_why, pick_default
from evaluation.analysis.scale import Ends


@dataclass(frozen=True)
class ScoreMean:
    """A mean; ``stratified``: raters keep to one category each, so that the variances of ``crossed`` add up."""

    mean: MeanEstimate
    n_raters: int
    n_prompts: int
    stratified: bool


@dataclass(frozen=True)
class Scores:
    """Scores, (n,), with codes of rater, prompt and category, (n,) each, in any numbering."""

    score: npt.NDArray[np.float64]
    rater: npt.NDArray[np.integer]
    prompt: npt.NDArray[np.integer]
    category: npt.NDArray[np.integer]

    def mean(self, names: Sequence[str], estimand: str, level: float, ends: Ends | None) -> ScoreMean:
        """The mean and its intervals. ``names``: of the categories, by code; ``ends``: the least and the largest score
        possible, where that is known.
        """
        score, n = self.score, len(self.score)
        there, at = np.unique(self.category, return_inverse=True)
        called = [names[code] for code in there.tolist()]
        rater, prompt = (np.unique(each, return_inverse=True)[1] for each in (self.rater, self.prompt))
        n_raters, n_prompts = int(rater.max()) + 1, int(prompt.max()) + 1
        columns = np.stack([np.ones(n), score], axis=1)
        tables = [
            as_table(unit, size, at, len(called), columns) for unit, size in ((rater, n_raters), (prompt, n_prompts))
        ]
        sizes = [table[:, :, 0] for table in tables]
        stratified = is_nested(sizes[0])
        blocks = [(name, at == code) for code, name in enumerate(called)] if stratified else [("", np.ones(n, bool))]
        panels = [(name, panel_sums(score[rows], rater[rows], prompt[rows])) for name, rows in blocks]
        mean = sum(panel.mean * panel.n for _, panel in panels) / n
        variances = stratified_variances(panels, n_raters, n_prompts) if stratified else block_variances(panels[0][1])
        intervals = {name: interval_or_why(name, mean, variances[name], level) for name in METHODS}
        design = EffectiveDesign.of(*sizes)
        found: Pieces | Absent | None = why_not(design, called)
        if found is None:
            summed = np.bincount(at, weights=score**2)[:, None]
            squares = np.asarray(summed, dtype=np.float64)  # they are; numpy's types say whole numbers
            found = pieces(design, sizes[0], sizes[1], Sums(tables[0][:, :, 1:], tables[1][:, :, 1:], squares))[0]
        intervals[EFFECTIVE] = effective_or_why(found, mean, level, ends)
        own = MeanEstimate(mean, pick_default(intervals, ESTIMANDS[estimand]), MappingProxyType(intervals))
        return ScoreMean(own, n_raters, n_prompts, stratified)
