"""How often an interval holds the truth on a given design: the intervals' own test, for the documentation and for a
study's report ("on a design like yours, a 95 % interval covered the truth in 95.1 % of 2,000 simulations").

A pattern says who rated what. Ratings are drawn on it from the simulated crowd, whose truth is known, and go through
the very functions that a report uses.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from evaluation.analysis.classic import clopper_pearson, goodman, tango, wilson
from evaluation.analysis.columns import codes_of, not_counted
from evaluation.analysis.crossed import check_between
from evaluation.analysis.effective import EFFECTIVE
from evaluation.analysis.effective_design import is_nested
from evaluation.analysis.estimates import Interval, PreferenceRate
from evaluation.analysis.planning import components_from_pilot
from evaluation.analysis.preference import preference_rate
from evaluation.analysis.results import NotebookTable, PlainResult
from evaluation.analysis.simulate import CrowdSpec, Design, choice_probabilities
from evaluation.analysis.tally import CountTable

IntArray = npt.NDArray[np.int64]
Float = npt.NDArray[np.float64]
OWN = {"by_rater": "by_rater, these prompts", "by_prompt": "by_prompt, these raters"}


@dataclass(frozen=True)
class Pattern:
    """Who rated what: codes of rater, prompt and category, (n,) each, of the ratings of one comparison."""

    rater: IntArray
    prompt: IntArray
    category: IntArray

    @classmethod
    def of_design(cls, design: Design, rng: np.random.Generator) -> Pattern:
        """The cells of a ``Design``, drawn where it is not complete."""
        sizes = list(design.prompts.values())
        starts = np.concatenate([[0], np.cumsum(sizes)])
        category = np.repeat(np.arange(len(sizes)), sizes)
        panels = [(s, e) for s, e in zip(starts[:-1], starts[1:], strict=True)] if design.nested else [(0, starts[-1])]
        raters, prompts = [], []
        for number, (start, end) in enumerate(panels):
            count = max(round(design.share_rated * (end - start)), 1)
            keep = rng.random((design.raters, end - start)).argsort(axis=1) < count
            who, what = np.nonzero(keep)
            raters.append(who + number * design.raters)
            prompts.append(what + start)
        prompt = np.concatenate(prompts)
        rater, packed = (np.unique(each, return_inverse=True)[1] for each in (np.concatenate(raters), prompt))
        return cls(rater, packed, category[prompt])

    @classmethod
    def of_ratings(cls, ratings: pd.DataFrame, generator_a: str, generator_b: str, question: str) -> Pattern:
        """The cells of a comparison of a validated frame."""
        part = _of_comparison(ratings, generator_a, generator_b, question)
        codes = (part[name].astype(object) for name in ("rater_id", "prompt_id", "category"))
        return cls(*(np.unique(each.to_numpy(dtype=str), return_inverse=True)[1].astype(np.int64) for each in codes))


def _of_comparison(ratings: pd.DataFrame, generator_a: str, generator_b: str, question: str) -> pd.DataFrame:
    first, second = sorted((generator_a, generator_b))
    keep = (ratings["generator_a"] == first) & (ratings["generator_b"] == second) & (ratings["question"] == question)
    part = ratings[keep.to_numpy() & ~not_counted(ratings)]
    if not len(part):
        raise ValueError(f"There are no ratings of {generator_a!r} and {generator_b!r} on {question!r}.")
    return part


@dataclass(frozen=True)
class Covered:
    """One interval: share of simulations whose interval held the truth, its Monte Carlo error, mean half-width, and
    in how many simulations there was an interval at all.
    """

    interval: str
    coverage: float
    error: float
    half_width: float
    n_intervals: int


@dataclass(frozen=True)
class Coverage(PlainResult, NotebookTable):
    """Coverage of every interval on a pattern, overall figures. ``milliseconds``: time of one whole estimate with all
    its intervals. ``default``: the interval that a report shows first.
    """

    n_simulations: int
    level: float
    spec: CrowdSpec
    preference: float
    default: str
    intervals: Mapping[str, Covered]
    milliseconds: float

    def to_frame(self) -> pd.DataFrame:
        """One row an interval."""
        return pd.DataFrame([each.__dict__ for each in self.intervals.values()])

    def in_words(self) -> str:
        """The sentence for a report."""
        own, naive = self.intervals[self.default], self.intervals["independent"]
        level, covered = f"{self.level * 100:g} %", f"{own.coverage * 100:.1f} %"
        return (
            f"On a design like yours, a {level} interval covered the truth in {covered} of {self.n_simulations:,} "
            f"simulations. Votes as independent: {naive.coverage * 100:.1f} %."
        )


def coverage(
    pattern: Pattern,
    spec: CrowdSpec,
    preference: float,
    n_simulations: int,
    rng: np.random.Generator,
    *,
    level: float = 0.95,
    default: str = EFFECTIVE,
) -> Coverage:
    """Coverage on ``pattern`` of the net share's intervals, of the default intervals of the shares and of the decided
    share, and of those of independent votes that stand beside them (``wilson``, ``clopper_pearson``: share of A;
    ``goodman``: all three shares at once; ``tango``: net share; ``decided, wilson``: A among decided answers).

    The truth is that over new raters and new prompts; by-rater and by-prompt intervals are also held against their own
    (these prompts with new raters, these raters with new prompts), under the names of ``OWN``. Each simulation draws
    raters, prompts and answers anew. Spammers, lapses and sides of ``spec`` are not used.
    """
    spread = math.hypot(spec.rater_sd, spec.prompt_sd, spec.interaction_sd)
    shares = [float(each) for each in _shares(spec, preference, spread)]
    truth = shares[0] - shares[2]
    decided = shares[0] / (shares[0] + shares[2])
    seen = _Seen()
    for drawn in simulated_rates(pattern, spec, preference, n_simulations, rng, level):
        rate = drawn.rate
        seen.seconds += drawn.seconds
        for name, interval in rate.net.intervals.items():
            if isinstance(interval, Interval):
                seen.add(name, (interval.low, interval.high), truth)
                if name in OWN:
                    seen.add(OWN[name], (interval.low, interval.high), drawn.own[name])
        for name, each, wanted in (
            *((SHARE_NAMES[choice], rate.shares[choice], shares[at]) for at, choice in enumerate(SHARE_NAMES)),
            ("decided", rate.decided, decided),
        ):
            if each and each.interval:
                seen.add(name, (each.interval.low, each.interval.high), wanted)
        a, indifferent, b = rate.counts
        seen.add("tango", tango(a, indifferent, b, level), truth)
        seen.add("wilson", wilson(a, rate.n_ratings, level), shares[0])
        seen.add("clopper_pearson", clopper_pearson(a, rate.n_ratings, level), shares[0])
        three = goodman(rate.counts, level)
        held = all(low <= share <= high for (low, high), share in zip(three, shares, strict=True))
        seen.note("goodman", held, math.fsum(high - low for low, high in three) / 6)
        if a + b:
            seen.add("decided, wilson", wilson(a, a + b, level), decided)
    found = {name: _covered(name, *seen.by_name[name]) for name in seen.by_name}
    return Coverage(n_simulations, level, spec, preference, default, found, 1000 * seen.seconds / n_simulations)


SHARE_NAMES = {"a": "share of a", "indifferent": "share of indifferent", "b": "share of b"}


class _Seen:
    """By interval: whether each simulation's held the truth, and its half-width."""

    def __init__(self) -> None:
        self.by_name: dict[str, tuple[list[bool], list[float]]] = {}
        self.seconds = 0.0

    def note(self, name: str, hit: bool, half_width: float) -> None:
        hits, widths = self.by_name.setdefault(name, ([], []))
        hits.append(hit)
        widths.append(half_width)

    def add(self, name: str, bounds: tuple[float, float], truth: float) -> None:
        low, high = bounds
        self.note(name, bool(low <= truth <= high), (high - low) / 2)


@dataclass(frozen=True)
class DrawnRate:
    """A simulated preference rate. ``own``: the truth of the estimands ``by_rater`` (these prompts) and ``by_prompt``
    (these raters). ``seconds``: what making the rate took.
    """

    rate: PreferenceRate
    own: Mapping[str, float]
    seconds: float


def simulated_rates(
    pattern: Pattern,
    spec: CrowdSpec,
    preference: float,
    n_simulations: int,
    rng: np.random.Generator,
    level: float = 0.95,
) -> Iterator[DrawnRate]:
    """Overall preference rates of simulated ratings on ``pattern``, made as a report makes them."""
    check_between(level, "confidence level")
    if n_simulations < 1:
        raise ValueError(f"Coverage needs one simulation or more, better 2,000; got {n_simulations}.")
    layout = _Layout.of(pattern)
    for _ in range(n_simulations):
        rater = spec.rater_sd * rng.normal(size=layout.n_raters)
        prompt = spec.prompt_sd * rng.normal(size=layout.n_prompts)
        u = preference + rater[pattern.rater] + prompt[pattern.prompt]
        if spec.interaction_sd:
            u = u + spec.interaction_sd * rng.normal(size=len(u))
        a, indifferent, _ = choice_probabilities(u, spec.tie)
        draw = rng.random(len(u))
        choice = np.where(draw < a, 0, np.where(draw < a + indifferent, 1, 2))
        started = time.perf_counter()
        rate = layout.rate(choice, level)
        seconds = time.perf_counter() - started
        given_prompts = _net(spec, preference + prompt, math.hypot(spec.rater_sd, spec.interaction_sd))
        given_raters = _net(spec, preference + rater, math.hypot(spec.prompt_sd, spec.interaction_sd))
        own = {
            "by_rater": float(given_prompts[pattern.prompt].mean()),
            "by_prompt": float(given_raters[pattern.rater].mean()),
        }
        yield DrawnRate(rate, own, seconds)


def _covered(name: str, hits: list[bool], widths: list[float]) -> Covered:
    n, share = len(hits), sum(hits) / len(hits)
    return Covered(name, share, math.sqrt(max(share * (1 - share), 1 / (4 * n)) / n), math.fsum(widths) / n, n)


_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(40)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


def _net(spec: CrowdSpec, centre: npt.ArrayLike, sd: float) -> Float:
    """Expected net share at latent logits ``centre`` (any shape) with a normal spread of ``sd`` around them."""
    a, _, b = choice_probabilities(np.asarray(centre)[..., None] + sd * _NODES, spec.tie)
    return np.asarray((a - b) @ _WEIGHTS)


def _shares(spec: CrowdSpec, centre: float, sd: float) -> Float:
    """Expected shares, (3,), of a, indifferent and b, with a normal spread of ``sd`` around ``centre``."""
    return np.array([each @ _WEIGHTS for each in choice_probabilities(centre + sd * _NODES, spec.tie)])


@dataclass(frozen=True)
class _Layout:
    """A pattern prepared for counting: which categories and units there are."""

    pattern: Pattern
    n_raters: int
    n_prompts: int
    n_categories: int
    nested: bool

    @classmethod
    def of(cls, pattern: Pattern) -> _Layout:
        n_categories = int(pattern.category.max()) + 1
        n_raters, n_prompts = len(np.unique(pattern.rater)), len(np.unique(pattern.prompt))
        sizes = np.bincount(pattern.rater * n_categories + pattern.category, minlength=n_raters * n_categories)
        nested = is_nested(sizes.reshape(n_raters, n_categories))
        return cls(pattern, n_raters, n_prompts, n_categories, nested)

    def rate(self, choice: IntArray, level: float) -> PreferenceRate:
        """The overall preference rate of these choices, as ``summary.analyse`` makes it."""
        raters, prompts = (self._table(unit, n, choice) for unit, n in self._units())
        codes = range(self.n_categories)
        blocks = [(str(code), raters.of_category(code), prompts.of_category(code)) for code in codes]
        return preference_rate(blocks, self.n_raters, self.n_prompts, stratified=self.nested, level=level)

    def _units(self) -> list[tuple[IntArray, int]]:
        return [(self.pattern.rater, self.n_raters), (self.pattern.prompt, self.n_prompts)]

    def _table(self, unit: IntArray, n: int, choice: IntArray) -> CountTable:
        size = self.n_categories * n * 3
        counts = np.bincount((self.pattern.category * n + unit) * 3 + choice, minlength=size).reshape(-1, 3)
        rows = np.flatnonzero(counts.any(axis=1))
        category, code = np.divmod(rows, n)
        return CountTable(np.zeros(len(rows), dtype=np.int64), category, code, counts[rows])


def crowd_like(ratings: pd.DataFrame, generator_a: str, generator_b: str, question: str) -> tuple[CrowdSpec, float]:
    """A crowd whose shares and spread between raters and prompts are about those of a comparison of a validated frame.

    ``preference`` and ``tie`` solve the observed shares; the spreads come from variance components of the net share,
    carried to the logit scale by its slope there (and at most 3).
    """
    part = _of_comparison(ratings, generator_a, generator_b, question)
    score = 1.0 - codes_of(part["choice"])
    try:
        pilot = components_from_pilot(score, part["rater_id"].cat.codes, part["prompt_id"].cat.codes).components
    except ValueError:
        return CrowdSpec(), 0.0
    n = len(score)
    a, b = (((score == value).sum() + 0.5) / (n + 1.5) for value in (1, -1))
    up, down = math.log(a / (1 - a)), math.log(b / (1 - b))  # up = preference - tie, down = -preference - tie
    preference, tie = (up - down) / 2, max(-(up + down) / 2, 0.0)
    slope = a * (1 - a) + b * (1 - b)
    sds = (min(math.sqrt(each) / slope, 3.0) for each in (pilot.rater, pilot.prompt))
    rater_sd, prompt_sd = sds
    return CrowdSpec(rater_sd=rater_sd, prompt_sd=prompt_sd, tie=tie), preference


def coverage_like(
    ratings: pd.DataFrame,
    generator_a: str,
    generator_b: str,
    question: str,
    n_simulations: int,
    rng: np.random.Generator,
    *,
    level: float = 0.95,
    default: str = EFFECTIVE,
) -> Coverage:
    """Coverage on the design of a comparison of a validated frame, with a crowd like its own."""
    spec, preference = crowd_like(ratings, generator_a, generator_b, question)
    pattern = Pattern.of_ratings(ratings, generator_a, generator_b, question)
    return coverage(pattern, spec, preference, n_simulations, rng, level=level, default=default)
