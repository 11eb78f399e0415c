"""What tests promise, against what they do: the power of a plan, and false positives over many pairs and questions."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd

from evaluation.analysis import (
    Components,
    CrowdSpec,
    Design,
    detectable,
    simulate_ratings,
    standard_error,
    validate_ratings,
)
from evaluation.analysis.classic import holm, two_sided_p
from evaluation.analysis.effective import EFFECTIVE, Sums, pieces
from evaluation.analysis.effective_design import EffectiveDesign
from evaluation.analysis.estimands import DEFAULT_ESTIMAND
from evaluation.analysis.estimates import MeanEstimate, PreferenceRate
from evaluation.analysis.families import ALL, SEPARATE
from evaluation.analysis.highlights import judged
from evaluation.analysis.planning import design_df
from evaluation.analysis.preference import effective_or_why
from evaluation.analysis.scale import NET_ENDS, standardised
from evaluation.analysis.sequential import FloatArray
from evaluation.analysis.simulate import choice_probabilities
from evaluation.analysis.summary_results import ComparisonResult
from evaluation.analysis.tally import Comparison

COMPONENTS = Components(0.01, 0.02, 0.22)
PLANS = ((25, 200), (25, 7), (5, 200), (3, 100), (100, 200), (10, 20))
ALPHA, POWER = 0.05, 0.8


STUDIES = (
    ("five equal generators, two questions", 5, 2),
    ("three equal generators, two questions", 3, 2),
    ("two equal generators, one question", 2, 1),
)
FAMILIES = (("one family (default)", ALL), ("each comparison alone", SEPARATE))


RATERS, PROMPTS, LEVEL = 15, (10, 10), 0.95


def equal_generators(n: int, questions: int, rng: np.random.Generator) -> pd.DataFrame:
    """Ratings of ``n`` generators that nobody prefers on average: 15 raters x 20 prompts in two categories, .5 / .5."""
    asked = tuple(f"question-{at}" for at in range(questions))
    design = Design(RATERS, dict(zip(("one", "two"), PROMPTS, strict=True)), questions=asked)
    names = [f"g{at}" for at in range(n)]
    pairs = dict.fromkeys(combinations(names, 2), 0.0)
    return validate_ratings(simulate_ratings(design, CrowdSpec(rater_sd=0.5, prompt_sd=0.5, tie=0.4), pairs, rng))


def equal_comparisons(n: int, questions: int, rng: np.random.Generator) -> list[ComparisonResult]:
    """The comparisons of such ratings with their net shares, default intervals and p-values alone: what the whole
    analysis finds (a test holds the two together), in a tenth of the time.
    """
    asked = [f"question-{at}" for at in range(questions)]
    found = []
    for first, second in combinations([f"g{at}" for at in range(n)], 2):
        for question in asked:
            leaning = 0.5 * rng.normal(size=(RATERS, 1)) + 0.5 * rng.normal(size=sum(PROMPTS))
            a, tie, _ = choice_probabilities(leaning, 0.4)
            draw = rng.random(leaning.shape)
            y = np.where(draw < a, 1.0, np.where(draw < a + tie, 0.0, -1.0))
            found.append(compared(Comparison(first, second, question), np.split(y, np.cumsum(PROMPTS)[:-1], axis=1)))
    return found


def compared(comparison: Comparison, parts: Sequence[FloatArray]) -> ComparisonResult:
    """A comparison from its scores by category, each (raters, prompts) of a complete panel."""
    categories = {f"category {at}": net_rate([part]) for at, part in enumerate(parts)}
    adjusted = holm([1.0 if each.p_value is None else each.p_value for each in categories.values()])
    own = {name: replace(rate, p_holm=p) for (name, rate), p in zip(categories.items(), adjusted, strict=True)}
    return ComparisonResult(comparison, net_rate(parts), own, (), ())


def net_rate(parts: Sequence[FloatArray]) -> PreferenceRate:
    """The net share over complete panels of categories, with the default interval."""
    design, sizes = _design(len(parts[0]), tuple(part.shape[1] for part in parts))
    raters = np.stack([part.sum(axis=1) for part in parts], axis=1)[:, :, None]
    prompts = np.zeros((*sizes[1].shape, 1))
    at = 0
    for k, part in enumerate(parts):
        prompts[at : at + part.shape[1], k, 0] = part.sum(axis=0)
        at += part.shape[1]
    squares = np.array([[(part**2).sum()] for part in parts])
    y = np.concatenate(parts, axis=1)
    mean, counts = float(y.mean()), [int((y == score).sum()) for score in (1, 0, -1)]
    interval = effective_or_why(pieces(design, *sizes, Sums(raters, prompts, squares))[0], mean, LEVEL, NET_ENDS)
    net = MeanEstimate(mean, EFFECTIVE, {EFFECTIVE: interval})
    return PreferenceRate(
        n_ratings=y.size,
        n_raters=y.shape[0],
        n_prompts=y.shape[1],
        counts=(counts[0], counts[1], counts[2]),
        net=net,
        shares={},
        decided=None,
        stratified=False,
        estimand=DEFAULT_ESTIMAND,
        level=LEVEL,
        p_value=net.p_value,
    )


@functools.lru_cache
def _design(raters: int, prompts: tuple[int, ...]) -> tuple[EffectiveDesign, tuple[FloatArray, FloatArray]]:
    by_rater = np.tile(np.array(prompts, dtype=float), (raters, 1))
    by_prompt = np.repeat(np.eye(len(prompts)) * raters, prompts, axis=0)
    return EffectiveDesign.of(by_rater, by_prompt), (by_rater, by_prompt)


def highlights(results: Sequence[ComparisonResult]) -> int:
    """How many rates are highlighted, of comparisons and of categories."""
    rates = [rate for each in results for rate in (each.overall, *each.categories.values())]
    return sum(rate.leader is not None for rate in rates)


def families(simulations: int, seed: int) -> list[str]:
    """How often a study in which nothing differs highlights something."""
    names = [f"some difference highlighted, {name}" for name, _ in FAMILIES]
    lines = [
        "| study | "
        + " | ".join([*names, "some simultaneous interval misses zero", "some interval excludes zero"])
        + " |",
        "|---|---|---|---|---|",
    ]
    for number, (name, n, questions) in enumerate(STUDIES):
        rng = np.random.default_rng([seed, 800 + number])
        some = np.zeros(4)
        for _ in range(simulations):
            whole = equal_comparisons(n, questions, rng)
            found = [judged(whole, family, LEVEL) for _, family in FAMILIES]
            overall = [each.overall for each in found[0]]
            both = [each.standing.simultaneous for each in overall if each.standing and each.standing.simultaneous]
            some += [
                *(highlights(each) > 0 for each in found),
                any(not each.low <= 0 <= each.high for each in both),
                any(each.excludes_zero for each in overall),
            ]
        lines.append(f"| {name} | " + " | ".join(f"{100 * each / simulations:.1f}" for each in some) + " |")
    return lines


def powers(simulations: int, seed: int) -> list[str]:
    """How often the default test finds the effect that a plan calls detectable with 80 %."""
    lines = [
        "| raters x prompts | detectable, non-central t (default), points | found | normal quantiles, points | found |",
        "|---|---|---|---|---|",
    ]
    for number, (raters, prompts) in enumerate(PLANS):
        rng = np.random.default_rng([seed, 700 + number])
        se = standard_error(COMPONENTS, raters, prompts)
        effects = [
            detectable(se, ALPHA, POWER, design_df(raters, prompts), NET_ENDS) or 1.0,
            detectable(se, ALPHA, POWER) or 1.0,
        ]
        sizes = np.full((raters, 1), float(prompts)), np.full((prompts, 1), float(raters))
        design = EffectiveDesign.of(*sizes)
        rater, prompt = (each.ravel() for each in np.indices((raters, prompts)))
        found = np.zeros(2)
        for _ in range(simulations):
            noise = [rng.normal(size=n) for n in (raters, prompts, raters * prompts)]
            y = np.sqrt(COMPONENTS.rater) * noise[0][rater] + np.sqrt(COMPONENTS.prompt) * noise[1][prompt]
            y = y + np.sqrt(COMPONENTS.rest) * noise[2]
            cells = y.reshape(raters, prompts)
            by_rater, by_prompt = (each[:, None, None] for each in (cells.sum(axis=1), cells.sum(axis=0)))
            sums = Sums(by_rater, by_prompt, np.array([[y @ y]]))
            variance = pieces(design, *sizes, sums)[0].widest(1 - ALPHA)
            assert variance is not None
            se_found, mean = math.sqrt(variance.value), float(y.mean())
            p = [two_sided_p(standardised(mean + each, se_found, 0.0), 1.0, variance.df) for each in effects]
            found += np.array(p) < ALPHA
        own, normal = 100 * found / simulations
        cells = f"{100 * effects[0]:.1f} | {own:.1f} | {100 * effects[1]:.1f} | {normal:.1f}"
        lines.append(f"| {raters} x {prompts} | {cells} |")
    return lines
