"""The rule by which control trials exclude raters, and what a number of them attains, exactly.

A rater passes each control trial with a chance: `honest` where the rater looks, and one that the answers give where the
rater clicks at random. The rule is the likelihood ratio of the two, held against its exact distribution among honest
raters, so that at most `false_exclusion` of these are excluded. Where all trials have one chance, that is the exact
binomial test. A rater who answered fewer control trials is judged by those.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from evaluation.analysis.classic import clopper_pearson

POWER = 0.95
"""The power that is aimed at: of raters who click at random, the share that is excluded."""
MOST_TRIALS = 500
"""Up to which `controls_needed` looks."""
_DIGITS = 9
"""Decimals of the statistic: trials of one chance weigh exactly alike."""


@dataclass(frozen=True)
class ControlRule:
    """``honest``: the chance of an honest rater to pass a control trial. ``false_exclusion``: the share of honest
    raters that is excluded at most. ``exclude``: whether those who fail are left out of results; else they are only
    reported.
    """

    honest: float = 0.6
    false_exclusion: float = 0.02
    exclude: bool = True

    def words(self) -> str:
        """The rule as declared."""
        done = "raters are excluded whose" if self.exclude else "nobody is excluded; reported are raters whose"
        return (
            f"{done} control trials an honest rater, who passes {self.honest * 100:g} % of them, would fail as often "
            f"with a chance of {self.false_exclusion * 100:g} % or less (exact, by likelihood ratio)"
        )

    def to_dict(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True)
class Attained:
    """What a number of control trials attains. ``power``: of raters who click at random, the share excluded.
    ``false_exclusion``: of honest ones. ``least``: the fewest right of a rater who stays; None where trials have
    different chances.
    """

    trials: int
    power: float
    false_exclusion: float
    least: int | None


def tail(rule: ControlRule, passed: Mapping[float, tuple[int, int]]) -> float:
    """The chance of an honest rater to look no better than this one; 1 where no control trial was answered.

    ``passed``: by chance of a random click, how many trials of (passed, answered).
    """
    groups = tuple(sorted((chance, n) for chance, (_, n) in passed.items() if n))
    if not groups:
        return 1.0
    scores, honest, _ = _distribution(rule.honest, groups)
    own = round(sum(_weight(rule.honest, chance) * right for chance, (right, n) in passed.items() if n), _DIGITS)
    return float(min(1.0, honest[scores <= own + 0.5 * 10**-_DIGITS].sum()))


def attained(rule: ControlRule, chances: Sequence[float]) -> Attained:
    """What the control trials of a session attain. ``chances``: of each, that of a random click to pass."""
    groups = tuple(sorted(Counter(chances).items()))
    if not groups:
        return Attained(0, 0.0, 0.0, None)
    _, honest, random = _distribution(rule.honest, groups)
    excluded = np.cumsum(honest) <= rule.false_exclusion
    least = int(np.count_nonzero(excluded)) if len(groups) == 1 else None
    return Attained(len(chances), float(random[excluded].sum()), float(honest[excluded].sum()), least)


@cache
def controls_needed(rule: ControlRule, chance: float, power: float = POWER) -> int | None:
    """The fewest control trials of one ``chance`` that exclude ``power`` of random clickers; None where
    ``MOST_TRIALS`` do not.
    """
    for n in range(1, MOST_TRIALS + 1):
        if attained(rule, [chance] * n).power >= power:
            return n
    return None


def exact_interval(right: int, answered: int, level: float = 0.95) -> tuple[float, float]:
    """The interval of Clopper and Pearson (1934) for a share; 0 to 1 where nothing was answered."""
    return clopper_pearson(right, answered, level) if answered else (0.0, 1.0)


def _weight(honest: float, chance: float) -> float:
    """What a passed trial adds to the log likelihood ratio, above a failed one."""
    return math.log(honest / (1 - honest)) - math.log(chance / (1 - chance))


@cache
def _distribution(
    honest: float, groups: tuple[tuple[float, int], ...]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The values of the statistic, rising, and their chances: of honest raters, of random clicks."""
    from scipy import stats  # takes as long to import as a small analysis does

    scores: npt.NDArray[np.float64]
    of_honest: npt.NDArray[np.float64]
    of_random: npt.NDArray[np.float64]
    scores, of_honest, of_random = np.zeros(1), np.ones(1), np.ones(1)
    for chance, n in groups:
        right = np.arange(n + 1)
        scores = np.round(np.add.outer(scores, right * _weight(honest, chance)).ravel(), _DIGITS)
        of_honest = np.outer(of_honest, stats.binom.pmf(right, n, honest)).ravel()
        of_random = np.outer(of_random, stats.binom.pmf(right, n, chance)).ravel()
        scores, at = np.unique(scores, return_inverse=True)
        of_honest = np.asarray(np.bincount(at, weights=of_honest), dtype=np.float64)
        of_random = np.asarray(np.bincount(at, weights=of_random), dtype=np.float64)
    return scores, of_honest, of_random
