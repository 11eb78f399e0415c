"""Looking early without lying: intervals that hold at every look, and a stopping rule declared beforehand.

An ordinary 95 % interval, looked at after every rater, excludes the truth at some time far more often than in 5 % of
studies. A sequence of intervals that excludes it at any time, ever, in at most 5 % lets one look whenever one likes and
stop on what one sees.

* ``betting`` (a module of its own): for raters, each counted with one mean. It holds whatever their distribution is,
  and is what a study's stopping rule uses.
* ``beta_binomial``: for independent votes; the set of p at which the mixture of binomial likelihoods under a uniform
  prior is at most 1 / alpha times the likelihood at p (Robbins 1970).
* ``t_sequence``: for raters' means that are nearly normal; the t statistic's mixture (Lai 1976; Wang and Ramdas 2025).
  With mixture constant c: g = c / (c + n), q = (1 / (alpha sqrt(g)))^(2 / n), t^2 = (n - 1) (q - 1) / (1 - q g). It is
  narrower, and wrong more often than it says where rates are near 0 or 1, prompts few, or a minority has another taste
  (docs/coverage.md). Studies that declared their rule before it was replaced keep it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import optimize, special

from evaluation.analysis.columns import codes_of, main_ratings
from evaluation.analysis.crossed import quantile
from evaluation.analysis.results import NotebookTable, PlainResult
from evaluation.analysis.simulate import CrowdSpec, Design, choice_probabilities

T_SEQUENCE, BETTING = "t_sequence", "betting"
MEANING = {
    T_SEQUENCE: "anytime-valid t sequence over raters; holds for new raters and these prompts where raters' means are "
    "nearly normal",
    BETTING: "anytime-valid betting sequence over raters in the order in which they joined; holds for new raters and "
    "these prompts",
}
"""The methods of a stopping rule, in words."""
MIXTURE = 3.150140245  # the constant of the golden cases: narrowest around 30 raters, and near the narrowest to 300
FloatArray = npt.NDArray[np.float64]


def beta_binomial(successes: int, n: int, alpha: float = 0.05) -> tuple[float, float]:
    """Anytime-valid interval of a share of independent votes, uniform mixture.

    Raises:
        ValueError: ``successes`` is not within 0 and ``n``, or ``alpha`` not between 0 and 1.
    """
    if not 0 <= successes <= n:
        raise ValueError(f"A share needs 0 <= successes <= n; got {successes} of {n}.")
    check_alpha(alpha)
    if n == 0:
        return 0.0, 1.0
    mixture = special.betaln(successes + 1, n - successes + 1)

    def excess(p: float) -> float:
        likelihood = special.xlogy(successes, p) + special.xlog1py(n - successes, -p)
        return float(mixture - likelihood + math.log(alpha))

    best, tiny = successes / n, 1e-15
    low = 0.0 if successes == 0 or excess(tiny) <= 0 else optimize.brentq(excess, tiny, best, xtol=1e-14)
    high = 1.0 if successes == n or excess(1 - tiny) <= 0 else optimize.brentq(excess, best, 1 - tiny, xtol=1e-14)
    return float(low), float(high)


def t_limit(n: int, alpha: float = 0.05, mixture: float = MIXTURE) -> float | None:
    """The limit of |t| after ``n`` raters; None while no finite one exists (too few raters)."""
    check_alpha(alpha)
    if n < 2:
        return None
    g = mixture / (mixture + n)
    q = (1 / (alpha * math.sqrt(g))) ** (2 / n)
    return math.sqrt((n - 1) * (q - 1) / (1 - q * g)) if q * g < 1 else None


def fewest_raters(alpha: float = 0.05) -> int:
    """Raters that an interval takes: with fewer there is no finite limit."""
    n = 2
    while t_limit(n, alpha) is None:
        n += 1
    return n


def check_alpha(alpha: float) -> None:
    """Refuse an ``alpha`` that does not lie between 0 and 1."""
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie between 0 and 1, as .05 does; got {alpha}.")


@dataclass(frozen=True)
class Look:
    """What is known after ``n`` raters: the mean of the raters' net shares and its anytime-valid interval (None while
    there is none). ``naive``: the ordinary t interval, which must not be used to stop.
    """

    n: int
    estimate: float
    low: float | None
    high: float | None
    naive_low: float | None
    naive_high: float | None


@dataclass(frozen=True)
class LookSequence(NotebookTable):
    """The looks after each rater, in order of arrival. ``mixture``: the t sequence's constant, None for others."""

    looks: tuple[Look, ...]
    alpha: float
    mixture: float | None
    method: str = T_SEQUENCE

    def to_frame(self) -> pd.DataFrame:
        return pd.DataFrame([asdict(look) for look in self.looks], columns=list(Look.__dataclass_fields__))

    def to_dict(self) -> dict[str, object]:
        return {
            "method": MEANING[self.method],
            "alpha": self.alpha,
            "mixture": self.mixture,
            "looks": [asdict(look) for look in self.looks],
        }


def t_sequence(rater_means: Sequence[float], alpha: float = 0.05, mixture: float = MIXTURE) -> LookSequence:
    """Looks after each of the raters, whose net shares ``rater_means`` come in order of arrival."""
    values = np.asarray(rater_means, dtype=float)
    if not np.isfinite(values).all():
        raise ValueError("A rater's mean is not a finite number.")
    looks = []
    for n in range(1, len(values) + 1):
        seen = values[:n]
        mean = math.fsum(seen) / n
        se = math.sqrt(math.fsum((seen - mean) ** 2) / (n - 1) / n) if n > 1 else 0.0
        limit = t_limit(n, alpha, mixture)
        if se <= 0 or limit is None:
            looks.append(Look(n, mean, None, None, None, None))
            continue
        naive = quantile(1 - alpha, n - 1) * se
        looks.append(Look(n, mean, mean - limit * se, mean + limit * se, mean - naive, mean + naive))
    return LookSequence(tuple(looks), alpha, mixture)


def rater_means(ratings: pd.DataFrame, generator_a: str, generator_b: str, question: str) -> pd.Series:
    """Net share of each rater on one comparison of a validated frame, in the order of the frame's rows (arrival)."""
    main = main_ratings(ratings)
    turned = generator_a > generator_b
    first, second = sorted((generator_a, generator_b))
    keep = (main["generator_a"] == first) & (main["generator_b"] == second) & (main["question"] == question)
    part = main[keep.to_numpy()]
    score = pd.Series((1.0 - codes_of(part["choice"])) * (-1 if turned else 1))
    return score.groupby(part["rater_id"].astype(object).to_numpy(), sort=False).mean()


@dataclass(frozen=True)
class StoppingRule(PlainResult):
    """Declared before the study opens. Stop when the sequence decides: it excludes zero, or lies within +-``margin``
    (equivalence), or is narrower than +-``half_width``; never before ``min_raters``, always at ``max_raters``.
    ``method``: of the sequence, a key of ``MEANING``.
    """

    max_raters: int
    min_raters: int = 5
    margin: float | None = None
    half_width: float | None = None
    alpha: float = 0.05
    method: str = BETTING

    def __post_init__(self) -> None:
        if not 2 <= self.min_raters <= self.max_raters:
            raise ValueError(f"Needed is 2 <= min_raters <= max_raters; got {self.min_raters}, {self.max_raters}.")
        for name, width in (("margin", self.margin), ("half_width", self.half_width)):
            if width is not None and not 0 < width < 1:
                raise ValueError(f"{name} must lie between 0 and 1, a fraction of the net share; got {width}.")
        check_alpha(self.alpha)
        if self.method not in MEANING:
            raise ValueError(f"Unknown method {self.method!r} of a stopping rule. Allowed are {', '.join(MEANING)}.")

    @classmethod
    def from_dict(cls, declared: Mapping[str, Any]) -> StoppingRule:
        """The rule as a study declared it; one that names no method was declared for the t sequence."""
        return cls(**{"method": T_SEQUENCE, **declared})


@dataclass(frozen=True)
class Decision(PlainResult):
    """Whether to stop after ``n`` raters, and why."""

    stop: bool
    n: int
    reason: str


def decide(
    rule: StoppingRule, sequence: LookSequence, names: tuple[str, str] = ("A", "B"), finished: int = 0
) -> Decision:
    """The first look at which ``rule`` stops, or that it has not stopped yet. ``names``: of A and B, for the reason.
    ``finished``: raters who have finished, of whom some may not count.

    Raises:
        ValueError: the sequence was made for another alpha than the rule declares.
    """
    if sequence.alpha != rule.alpha:
        raise ValueError(f"The rule declares alpha {rule.alpha}, the sequence was made with {sequence.alpha}.")
    for look in sequence.looks:
        if look.n >= rule.min_raters and look.low is not None and look.high is not None:
            if look.low > 0 or look.high < 0:
                preferred = names[0] if look.low > 0 else names[1]
                return Decision(True, look.n, f"{preferred} is preferred: the interval excludes zero")
            if rule.margin is not None and -rule.margin < look.low and look.high < rule.margin:
                return Decision(True, look.n, f"equivalent: the interval lies within ±{rule.margin * 100:g} points")
            if rule.half_width is not None and (look.high - look.low) / 2 <= rule.half_width:
                return Decision(
                    True, look.n, f"precise: the interval is no wider than ±{rule.half_width * 100:g} points"
                )
        if look.n >= rule.max_raters:
            return Decision(True, look.n, "the maximum number of raters is reached without a decision")
    n = sequence.looks[-1].n if sequence.looks else 0
    if finished >= rule.max_raters:
        return Decision(True, n, "the maximum number of raters is reached without a decision")
    return Decision(False, n, "go on")


@dataclass(frozen=True)
class Replay(PlainResult):
    """Share of simulated studies in which an interval excluded the truth at some look (``ever_wrong``) and at the
    last one; for the anytime-valid sequence, the ordinary t interval, and votes as independent.
    """

    n_studies: int
    sequence_ever_wrong: float
    naive_ever_wrong: float
    votes_ever_wrong: float
    sequence_last_wrong: float


def replay(
    design: Design,
    spec: CrowdSpec,
    preference: float,
    n_studies: int,
    rng: np.random.Generator,
    *,
    alpha: float = 0.05,
    first_look: int = 2,
) -> Replay:
    """Replay studies with a known truth (new raters, these prompts), looking after every rater from ``first_look``."""
    r, p = design.raters, sum(design.prompts.values())
    counts = np.arange(1, r + 1)
    limits = np.array([t_limit(int(n), alpha) or np.inf for n in counts])
    ordinary = np.array([np.inf, *(quantile(1 - alpha, n - 1) for n in counts[1:])])
    wrong = np.zeros((4,))
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    weights = weights / weights.sum()
    for _ in range(n_studies):
        prompt = preference + spec.prompt_sd * rng.normal(size=p)
        u = prompt + spec.rater_sd * rng.normal(size=(r, 1))
        a, indifferent, b = choice_probabilities(u, spec.tie)
        draw = rng.random((r, p))
        y = np.where(draw < a, 1.0, np.where(draw < a + indifferent, 0.0, -1.0))
        expected = choice_probabilities(prompt[:, None] + spec.rater_sd * nodes, spec.tie)
        truth = float(((expected[0] - expected[2]) @ weights).mean())
        means = y.mean(axis=1)
        mean = np.cumsum(means) / counts
        spread = np.maximum(np.cumsum(means**2) - counts * mean**2, 0) / np.maximum(counts - 1, 1)
        se = np.sqrt(spread / counts)
        votes = np.sqrt(np.maximum(np.cumsum((y**2).mean(axis=1)) / counts - mean**2, 0) / (counts * p))
        off = np.abs(mean - truth)
        look = counts >= first_look
        with np.errstate(invalid="ignore"):
            outside = [off > limits * se, off > ordinary * se, off > quantile(1 - alpha, None) * votes]
        wrong[:3] += [bool((each & look & (se > 0)).any()) for each in outside]
        wrong[3] += bool(outside[0][-1])
    ever = wrong / n_studies
    return Replay(n_studies, *(float(each) for each in ever))
