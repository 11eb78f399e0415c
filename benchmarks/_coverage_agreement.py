"""Coverage of the intervals of agreement: scores with raters, two scores with each other, raters among themselves."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
import pandas as pd

from evaluation.analysis.automatic_agreement import agreement_of_panel
from evaluation.analysis.estimates import MeanEstimate
from evaluation.analysis.simulate import choice_probabilities


@dataclass(frozen=True)
class Case:
    """Raters x prompts, spread of raters and of prompts on the logit scale, half-width of the band of indifference, and
    the correlations of two scores with what the prompt does.
    """

    raters: int
    prompts: int
    rater: float
    prompt: float
    tie: float
    quality: tuple[float, float]

    @property
    def name(self) -> str:
        ties = "" if self.tie == 0.4 else f", ties {self.tie:g}"
        spreads = f"{self.rater:g} / {self.prompt:g}"
        return f"{self.raters} x {self.prompts}, {spreads}{ties}, scores {self.quality[0]:g} and {self.quality[1]:g}"


CASES = (
    Case(5, 20, 0.5, 1.0, 0.4, (0.7, 0.3)),
    Case(8, 40, 0.5, 1.0, 0.4, (0.7, 0.3)),
    Case(25, 40, 0.5, 1.0, 0.4, (0.7, 0.3)),
    Case(25, 200, 0.5, 1.0, 0.4, (0.7, 0.3)),
    Case(25, 40, 0.5, 1.0, 0.4, (0.95, 0.0)),
    Case(25, 40, 0.5, 1.0, 1.5, (0.7, 0.3)),
    Case(5, 200, 1.0, 1.0, 0.4, (0.5, 0.5)),
)
COLUMNS = (
    *("accuracy", "decided", "tau-b", "difference of accuracies", "difference of decided"),
    *("another rater", "another, decided", "majority", "majority, decided"),
)


def table(simulations: int, seed: int) -> list[str]:
    """A line a case; of the two scores the mean coverage."""
    lines = ["| raters x prompts, spreads, scores | " + " | ".join(COLUMNS) + " |", "|" + "---|" * (1 + len(COLUMNS))]
    for number, case in enumerate(CASES):
        found = coverage(case, simulations, np.random.default_rng([seed, 1000 + number]))
        lines.append(f"| {case.name} | " + " | ".join(f"{100 * found[name]:.1f}" for name in COLUMNS) + " |")
        print(lines[-1], file=sys.stderr, flush=True)
    return lines


def coverage(case: Case, simulations: int, rng: np.random.Generator) -> dict[str, float]:
    """By column, how often the interval held the mean of all estimates: these have no bias, so that is the truth."""
    seen: dict[tuple[str, str], list[tuple[float, float, float]]] = {}

    def note(column: str, own: str, estimate: MeanEstimate | None) -> None:
        if estimate is None:
            return
        interval = estimate.interval
        low, high = (interval.low, interval.high) if interval else (np.nan, np.nan)
        seen.setdefault((column, own), []).append((estimate.estimate, low, high))

    for _ in range(simulations):
        part, scores = drawn(case, rng)
        found = agreement_of_panel(part, scores)
        for each in found.metrics:
            note("accuracy", each.metric, each.accuracy)
            note("decided", each.metric, each.decided)
            tau = each.correlation
            if tau.value is not None and tau.low is not None and tau.high is not None:
                seen.setdefault(("tau-b", each.metric), []).append((tau.value, tau.low, tau.high))
        for one in found.differences:
            note("difference of accuracies" if one.kind == "accuracy" else "difference of decided", "", one.difference)
        raters = found.raters[0]
        note("another rater", "", raters.another)
        note("another, decided", "", raters.another_decided)
        note("majority", "", raters.majority)
        note("majority, decided", "", raters.majority_decided)
    result = {}
    for column in COLUMNS:
        shares = []
        for (name, _), rows in seen.items():
            if name == column:
                values = np.array(rows)
                truth = values[:, 0].mean()
                shares.append(np.mean((values[:, 1] <= truth) & (truth <= values[:, 2])))
        result[column] = float(np.mean(shares))
    return result


def drawn(case: Case, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Ratings of one comparison, as validated, and the differences of two scores by prompt."""
    effect = rng.normal(size=case.prompts)
    u = 0.3 + case.prompt * effect + case.rater * rng.normal(size=(case.raters, 1))
    a, indifferent, _ = choice_probabilities(u, case.tie)
    draw = rng.random(u.shape)
    choice = np.where(draw < a, 0, np.where(draw < a + indifferent, 1, 2))
    rater, prompt = (each.ravel() for each in np.indices(u.shape))
    names = [f"p{number:04d}" for number in range(case.prompts)]
    part = pd.DataFrame(
        {
            "rater_id": pd.Categorical.from_codes(rater, [f"r{number:03d}" for number in range(case.raters)]),
            "prompt_id": pd.Categorical.from_codes(prompt, names),
            "category": pd.Categorical.from_codes(np.zeros(len(rater), dtype=np.int64), ["all"]),
            "choice": pd.Categorical.from_codes(choice.ravel(), ["a", "indifferent", "b"]),
        }
    )
    scores = {
        f"score {at}": 0.2 + quality * effect + np.sqrt(1 - quality**2) * rng.normal(size=case.prompts)
        for at, quality in enumerate(case.quality)
    }
    return part, pd.DataFrame(scores, index=names)
