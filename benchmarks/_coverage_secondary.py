"""Coverage of secondary intervals: of narrower estimands on untidy designs, and of automatic scores beside raters."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from benchmarks._coverage_more import PREFERENCE, crossed, crowd, draw_choices, percent
from benchmarks._untidy_designs import by_rank, designs, loads, nested, pattern
from evaluation.analysis.coverage import OWN, Pattern, coverage
from evaluation.analysis.estimands import DEFAULT_ESTIMAND
from evaluation.analysis.mean_scores import Scores
from evaluation.analysis.scale import SHARE_ENDS

Index = npt.NDArray[np.int64]
Float = npt.NDArray[np.float64]
TIE = 0.4
UNTIDY = (
    *("25 x 200, 0.5 / 0.5", "3 x 200, 0.5 / 0.5", "25 x 3, 0.5 / 0.5", "25 x 7, 1 / 1"),
    *("3 raters a panel, prompts 160/20/20", "5 raters, 160/15/15/10", "raters 25/3, prompts 20/180"),
    *("1/rank, 40 raters", "1/rank^1.3, 40 raters", "1/rank, 40 raters, 1 / 1", "5 a prompt by 1/rank^1.3, 40 raters"),
    *("60 raters, 7 to 343 of 400 prompts", "25 x 200, A in 97 %", "25 x 20, A in 94 %"),
)
"""Designs of the comparison of candidates, by name; without offsets of categories, minorities and skewed prompts."""


def narrower(simulations: int, seed: int) -> list[str]:
    """How often ``by_rater`` holds the truth for new raters on these prompts, and ``by_prompt`` that for these raters
    on new prompts.
    """
    lines = ["| design | `raters`: by_rater | `prompts`: by_prompt |", "|---|---|---|"]
    by_name = {each.name: each for each in designs()}
    for number, name in enumerate(UNTIDY):
        one = by_name[name]
        rng = np.random.default_rng([seed, 1000 + number])
        spec = crowd(one.rater, one.prompt, one.tie)
        found = coverage(one.pattern, spec, one.preference, simulations, rng).intervals
        cells = [
            f"{100 * each.coverage:.1f} (±{100 * each.half_width:.1f})"
            for each in (found[OWN[method]] for method in ("by_rater", "by_prompt"))
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def automatic(simulations: int, seed: int) -> list[str]:
    """How often the interval of a score's share among decided ratings holds the truth, and that of votes taken as
    independent. A score is what a prompt is preferred by, and as much noise again.
    """
    lines = ["| design | default | votes as independent |", "|---|---|---|"]
    rng = np.random.default_rng([seed, 1100])
    cases: list[tuple[str, Pattern, float]] = [
        (f"{raters} x {prompts}, {sd:g} / {sd:g}", panel(raters, prompts), sd)
        for raters, prompts, sd in ((25, 40, 0.5), (25, 200, 0.5), (3, 200, 0.5), (5, 40, 1.0), (25, 10, 0.5))
    ]
    cases += [
        ("1/rank, 40 raters", loads(by_rank(40), 200, rng), 0.5),
        ("3 raters a panel, prompts 160/20/20", nested(3, (160, 20, 20)), 0.5),
        ("10 raters a panel, prompts 20/20/20", nested(10, (20, 20, 20)), 0.5),
    ]
    for name, design, sd in cases:
        n = 1_000_000
        choice, score = scored(pattern(np.arange(n), np.arange(n)), sd, rng)
        truth = float(np.mean(((1 + np.sign(score) * (1 - choice)) / 2)[choice != 1]))
        names = [str(at) for at in range(int(design.category.max()) + 1)]
        hits = votes = 0
        width = 0.0
        for _ in range(simulations):
            choice, score = scored(design, sd, rng)
            decided = choice != 1
            side = ((1 + np.sign(score) * (1 - choice)) / 2)[decided]
            units = (each[decided] for each in (design.rater, design.prompt, design.category))
            found = Scores(side, *units).mean(names, DEFAULT_ESTIMAND, 0.95, SHARE_ENDS).mean
            assert found.interval is not None and found.independent is not None
            hits += found.interval.low <= truth <= found.interval.high
            votes += found.independent.low <= truth <= found.independent.high
            width += found.interval.half_width
        own = f"{percent(hits, simulations)} (±{100 * width / simulations:.1f})"
        lines.append(f"| {name} | {own} | {percent(votes, simulations)} |")
    return lines


def panel(raters: int, prompts: int) -> Pattern:
    """A complete one."""
    return Pattern.of_design(crossed(raters, prompts), np.random.default_rng(0))


def scored(design: Pattern, sd: float, rng: np.random.Generator) -> tuple[Index, Float]:
    """The choice of each rating, and the score of its prompt."""
    rater, prompt = (sd * rng.normal(size=int(each.max()) + 1) for each in (design.rater, design.prompt))
    score = PREFERENCE + prompt + sd * rng.normal(size=len(prompt))
    return draw_choices(PREFERENCE + rater[design.rater] + prompt[design.prompt], TIE, rng), score[design.prompt]
