"""What tests promise, against what they do: the power of a plan, and false positives over many pairs and questions."""

from __future__ import annotations

import math
from collections.abc import Sequence
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
from evaluation.analysis.classic import two_sided_p
from evaluation.analysis.effective import Sums, pieces
from evaluation.analysis.effective_design import EffectiveDesign
from evaluation.analysis.families import ALL, SEPARATE
from evaluation.analysis.highlights import judged
from evaluation.analysis.planning import design_df
from evaluation.analysis.scale import NET_ENDS, standardised
from evaluation.analysis.summary import analyse_valid
from evaluation.analysis.summary_results import ComparisonResult

COMPONENTS = Components(0.01, 0.02, 0.22)
PLANS = ((25, 200), (25, 7), (5, 200), (3, 100), (100, 200), (10, 20))
ALPHA, POWER = 0.05, 0.8


STUDIES = (
    ("five equal generators, two questions", 5, 2),
    ("three equal generators, two questions", 3, 2),
    ("two equal generators, one question", 2, 1),
)
FAMILIES = (("one family (default)", ALL), ("each comparison alone", SEPARATE))


def equal_generators(n: int, questions: int, rng: np.random.Generator) -> pd.DataFrame:
    """Ratings of ``n`` generators that nobody prefers on average: 15 raters x 20 prompts in two categories, .5 / .5."""
    asked = tuple(f"question-{at}" for at in range(questions))
    design = Design(15, {"one": 10, "two": 10}, questions=asked)
    names = [f"g{at}" for at in range(n)]
    pairs = dict.fromkeys(combinations(names, 2), 0.0)
    return validate_ratings(simulate_ratings(design, CrowdSpec(rater_sd=0.5, prompt_sd=0.5, tie=0.4), pairs, rng))


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
            frame = equal_generators(n, questions, rng)
            whole = analyse_valid(frame).comparisons
            found = [judged(whole, family, whole[0].overall.level) for _, family in FAMILIES]
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
            totals = [each[:, None, None] for each in (cells.sum(axis=1), cells.sum(axis=0))]
            variance = pieces(design, *sizes, Sums(*totals, np.array([[y @ y]])))[0].widest(1 - ALPHA)
            assert variance is not None
            se_found, mean = math.sqrt(variance.value), float(y.mean())
            p = [two_sided_p(standardised(mean + each, se_found, 0.0), 1.0, variance.df) for each in effects]
            found += np.array(p) < ALPHA
        own, normal = 100 * found / simulations
        cells = f"{100 * effects[0]:.1f} | {own:.1f} | {100 * effects[1]:.1f} | {normal:.1f}"
        lines.append(f"| {raters} x {prompts} | {cells} |")
    return lines
