"""The draw of images as a random effect: what of a net share's spread comes from raters, prompts, and draws.

Where a prompt was shown with several image sets (column ``set``), and each set was seen by several raters, the variance
between prompts splits into that of prompts and that of draws. Votes y = +1, 0, -1 are taken as

    y = mean + rater + prompt + draw within prompt + rest,

the four parts are estimated without bias from squared differences (``planning.components_from_pilot``). The variance
of each estimate is the sum of two jackknives, over prompts and over raters, with t by raters for their part and by
prompts for the others: conservative, where either alone covers 90 to 94 % in simulations. With the parts known, a plan
can weigh more draws a prompt against more prompts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from evaluation.analysis.columns import codes_of, main_ratings
from evaluation.analysis.crossed import quantile
from evaluation.analysis.frame import SET
from evaluation.analysis.planning import Components, Pilot, components_from_pilot, design_df, standard_error
from evaluation.analysis.results import Document, document

NAMES = ("rater", "prompt", "rest", "draw")
"""The parts, as ``components_from_pilot`` gives them."""
FEWEST = 3
"""Prompts, and raters, below which there is no interval."""
DRAWS = (1, 2, 4, 8)
"""Draws a prompt that a plan shows."""


@dataclass(frozen=True)
class VariancePart:
    """A variance of single votes. ``variance``: zero where the estimate is below; ``low`` and ``high`` likewise, None
    where it can't be had. ``share``: of the mean's variance in a study like this one, at the estimates.
    """

    name: str
    variance: float
    low: float | None
    high: float | None
    share: float


@dataclass(frozen=True)
class PlannedDraws:
    """The half-width of the net share's interval in a study like this one with ``draws`` image sets a prompt, each
    rater seeing one of them, so that the number of votes stays.
    """

    draws: int
    half_width: float


@dataclass(frozen=True)
class DrawParts:
    """One pair and question. ``n_sets``: image sets in all. ``why``: what forbids the parts."""

    generator_a: str
    generator_b: str
    question: str
    n_votes: int
    n_raters: int
    n_prompts: int
    n_sets: int
    parts: tuple[VariancePart, ...]
    plans: tuple[PlannedDraws, ...]
    why: str | None = None

    def to_dict(self) -> Document:
        return document(self.__dict__)

    def part(self, name: str) -> VariancePart:
        """The part called ``name``, one of ``NAMES``."""
        return next(each for each in self.parts if each.name == name)


def draw_parts(valid: pd.DataFrame, level: float = 0.95) -> tuple[DrawParts, ...]:
    """The parts for every pair and question of validated ratings; control trials and repeats are left out."""
    frame = main_ratings(valid)
    found = []
    keys = frame.groupby(["question", "generator_a", "generator_b"], observed=True, sort=True).indices
    for (question, a, b), rows in keys.items():
        found.append(_of_pair(frame.iloc[rows], (str(a), str(b), str(question)), level))
    return tuple(found)


@dataclass(frozen=True)
class _Votes:
    """Votes of one pair: scores, and codes of raters, prompts and sets."""

    y: npt.NDArray[np.float64]
    rater: npt.NDArray[np.int64]
    prompt: npt.NDArray[np.int64]
    draw: npt.NDArray[np.int64]

    def pilot(self, keep: npt.NDArray[np.bool_] | slice = slice(None)) -> Pilot:
        return components_from_pilot(self.y[keep], self.rater[keep], self.prompt[keep], self.draw[keep])


def _of_pair(part: pd.DataFrame, names: tuple[str, str, str], level: float) -> DrawParts:
    rater, prompt = (np.unique(codes_of(part[name]), return_inverse=True)[1] for name in ("rater_id", "prompt_id"))
    draw = part[SET].to_numpy(dtype=np.int64) if SET in part else np.zeros(len(part), dtype=np.int64)
    votes = _Votes(1.0 - codes_of(part["choice"]).astype(float), rater, prompt, draw)
    n_raters, n_prompts = int(rater.max()) + 1, int(prompt.max()) + 1
    n_sets = len(set(zip(prompt.tolist(), draw.tolist(), strict=True)))
    bare = DrawParts(*names, len(part), n_raters, n_prompts, n_sets, (), ())
    if n_sets == n_prompts:
        return replace(bare, why="every prompt was shown with one image set, so draws can't be told from prompts")
    try:
        raw = votes.pilot().raw
    except ValueError:
        return replace(bare, why="no prompt has several image sets that several raters saw, or raters one prompt each")
    estimates = dict(zip(NAMES, (max(each, 0.0) for each in raw), strict=True))
    components = Components(estimates["rater"], estimates["prompt"], estimates["rest"], estimates["draw"])
    own = n_sets / n_prompts
    of_mean = {
        "rater": components.rater / n_raters,
        "prompt": components.prompt / n_prompts,
        "draw": components.images / (n_prompts * own),
        "rest": components.rest / len(part),
    }
    whole = math.fsum(of_mean.values())
    left_out = [_spread(votes, each) for each in (prompt, rater)]
    parts = []
    for at, name in enumerate(NAMES):
        n = n_raters if name == "rater" else n_prompts
        bounds = _bounds(raw[at], [each[at] for each in left_out if each is not None], n, level)
        parts.append(VariancePart(name, estimates[name], *bounds, of_mean[name] / whole if whole > 0 else 0.0))
    return replace(bare, parts=tuple(parts), plans=_plans(components, n_raters, n_prompts, level))


def _spread(votes: _Votes, unit: npt.NDArray[np.int64]) -> npt.NDArray[np.float64] | None:
    """The jackknife's variances of the raw parts, (4,), over units; None where leaving one out leaves nothing."""
    n = int(unit.max()) + 1
    if n < FEWEST:
        return None
    try:
        without = np.array([votes.pilot(unit != each).raw for each in range(n)])
    except ValueError:  # all that tells draws apart hangs on one unit
        return None
    return np.asarray((n - 1) / n * ((without - without.mean(axis=0)) ** 2).sum(axis=0))


def _bounds(raw: float, spreads: Sequence[float], n: int, level: float) -> tuple[float | None, float | None]:
    """The interval of one part, from both jackknives' variances; none where one is lacking."""
    if len(spreads) < 2:
        return None, None
    half = quantile(level, n - 1) * math.sqrt(math.fsum(spreads))
    return max(raw - half, 0.0), max(raw + half, 0.0)


def _plans(components: Components, raters: int, prompts: int, level: float) -> tuple[PlannedDraws, ...]:
    df = design_df(raters, prompts)
    if df is None:
        return ()
    return tuple(
        PlannedDraws(draws, quantile(level, df) * standard_error(components, raters, prompts, draws)) for draws in DRAWS
    )
