"""What tests promise, against what they do: the power of a plan, and false positives over many pairs and questions."""

from __future__ import annotations

import numpy as np

from evaluation.analysis import Components, Design, CrowdSpec, detectable, simulate_ratings, standard_error, validate_ratings
from evaluation.analysis.classic import two_sided_p
from evaluation.analysis.crossed import Variance, block_variances, panel_sums
from evaluation.analysis.planning import design_df

COMPONENTS = Components(0.01, 0.02, 0.22)
PLANS = ((25, 200), (25, 7), (5, 200), (3, 100), (100, 200), (10, 20))
ALPHA, POWER = 0.05, 0.8


def powers(simulations: int, seed: int) -> list[str]:
    """How often the default test finds the effect that a plan calls detectable with 80 %."""
    lines = [
        "| raters x prompts | detectable, non-central t (default), points | found | normal quantiles, points | found |",
        "|---|---|---|---|---|",
    ]
    for number, (raters, prompts) in enumerate(PLANS):
        rng = np.random.default_rng([seed, 700 + number])
        se = standard_error(COMPONENTS, raters, prompts)
        effects = [detectable(se, ALPHA, POWER, design_df(raters, prompts)), detectable(se, ALPHA, POWER)]
        rater, prompt = (each.ravel() for each in np.indices((raters, prompts)))
        found = np.zeros(2)
        for _ in range(simulations):
            noise = [rng.normal(size=n) for n in (raters, prompts, raters * prompts)]
            y = np.sqrt(COMPONENTS.rater) * noise[0][rater] + np.sqrt(COMPONENTS.prompt) * noise[1][prompt]
            y = y + np.sqrt(COMPONENTS.rest) * noise[2]
            variance = block_variances(panel_sums(y, rater, prompt))["two_way"]
            assert isinstance(variance, Variance)
            p = [two_sided_p(y.mean() + effect, float(np.sqrt(variance.value)), variance.df) for effect in effects]
            found += np.array(p) < ALPHA
        own, normal = 100 * found / simulations
        cells = f"{100 * effects[0]:.1f} | {own:.1f} | {100 * effects[1]:.1f} | {normal:.1f}"
        lines.append(f"| {raters} x {prompts} | {cells} |")
    return lines
