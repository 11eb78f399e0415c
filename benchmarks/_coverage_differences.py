"""Coverage of differences of net shares, where the two sides are alike and where they are not."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks._coverage_more import PREFERENCE, Float, Index, crowd, draw_choices, net, percent
from evaluation.analysis import validate_ratings
from evaluation.analysis.compare import Selection, differences


@dataclass(frozen=True)
class Sides:
    """Who rated what on the two sides of a difference: raters x prompts of each. ``same_raters``, ``same_prompts``:
    whether both have the same. Two questions about the same trials share both, two categories their raters or nothing.
    ``loads``: how many prompts each rater has, where not all.
    """

    name: str
    first: tuple[int, int]
    second: tuple[int, int]
    same_raters: bool
    same_prompts: bool
    sd: float = 0.5
    loads: tuple[int, ...] = ()

    def codes(self) -> tuple[Index, Index, Index]:
        """Codes of rater, prompt and side of each rating."""
        rng = np.random.default_rng(3)
        parts: list[tuple[Index, Index, Index]] = []
        for side, (raters, prompts) in enumerate((self.first, self.second)):
            rater, prompt = (each.ravel() for each in np.indices((raters, prompts)))
            if self.loads:
                prompt = np.concatenate([rng.choice(prompts, size=load, replace=False) for load in self.loads])
                rater = np.repeat(np.arange(raters), self.loads)
            if side and not self.same_raters:
                rater = rater + self.first[0]
            if side and not self.same_prompts:
                prompt = prompt + self.first[1]
            if side and self.loads:  # the same trials
                rater, prompt = parts[0][:2]
            parts.append((rater, prompt, np.full(len(rater), side)))
        found = [np.concatenate([part[at] for part in parts]) for at in range(3)]
        return found[0], found[1], found[2]


SIDES = (
    Sides("two categories of 20 prompts, the same 25 raters", (25, 20), (25, 20), True, False),
    Sides("two categories of 160 and 5 prompts, the same 25 raters", (25, 160), (25, 5), True, False),
    Sides("two categories of 160 and 20 prompts, the same 3 raters", (3, 160), (3, 20), True, False),
    Sides("two categories of 20 prompts, 25 raters each", (25, 20), (25, 20), False, False),
    Sides("two categories, 3 raters x 160 and 25 x 20", (3, 160), (25, 20), False, False),
    Sides("two categories, 3 raters x 20 and 25 x 160", (3, 20), (25, 160), False, False),
    Sides("two questions, 25 x 40", (25, 40), (25, 40), True, True),
    Sides("two questions, 10 x 10, 1 / 1", (10, 10), (10, 10), True, True, 1.0),
    Sides("two questions, 3 x 40", (3, 40), (3, 40), True, True),
    Sides(
        "two questions, 40 raters with 200/rank prompts, 1 / 1",
        (40, 200),
        (40, 200),
        True,
        True,
        1.0,
        tuple(max(200 // rank, 2) for rank in range(1, 41)),
    ),
)


def difference_table(simulations: int, seed: int) -> list[str]:
    """Differences of net shares: two categories of one panel, of two panels, and two questions of the same trials. What
    two sides share of raters and prompts leans half alike, and the second side is preferred a little more.
    """
    lines = ["| difference | paired by | default | mean half-width, points | votes as independent | ms |"]
    lines.append("|---|---|---|---|---|---|")
    for number, case in enumerate(SIDES):
        rng = np.random.default_rng([seed, 500 + number])
        rater, prompt, side = case.codes()
        category = side if not case.same_prompts else np.zeros_like(side)
        question = side - category
        base = pd.DataFrame(
            {
                "rater_id": [f"r-{code:03d}" for code in rater],
                "prompt_id": [f"p-{code:03d}" for code in prompt],
                "category": [f"c-{code}" for code in category],
                "generator_a": "x",
                "generator_b": "y",
                "question": [f"q-{code}" for code in question],
                "choice": "a",
            }
        )
        frame = validate_ratings(base)
        first, second = Selection("x", "y", "q-0", "c-0"), Selection("x", "y", "q-0", "c-1")
        if case.same_prompts:
            first, second = Selection("x", "y", "q-0"), Selection("x", "y", "q-1")
        spec = crowd(case.sd, case.sd, 0.4)
        truth = net(spec, PREFERENCE) - net(spec, PREFERENCE + 0.3)
        hits = votes = 0
        width = seconds = 0.0
        for _ in range(simulations):
            leaning = PREFERENCE + 0.3 * side
            leaning = leaning + effects(rater, side, case.sd, rng) + effects(prompt, side, case.sd, rng)
            choice = draw_choices(leaning, 0.4, rng)
            drawn = frame.assign(choice=pd.Categorical.from_codes(choice, dtype=frame["choice"].dtype))
            started = time.process_time()
            found = differences(drawn, [(first, second)])[0]
            seconds += time.process_time() - started
            assert found.low is not None and found.high is not None
            hits += found.low <= truth <= found.high
            width += (found.high - found.low) / 2
            halves = [1.0 - choice[side == each] for each in (0, 1)]
            naive = 1.959963985 * math.sqrt(sum(each.var() / len(each) for each in halves))
            votes += abs(halves[0].mean() - halves[1].mean() - truth) <= naive
        shared = [name for name, same in (("raters", case.same_raters), ("prompts", case.same_prompts)) if same]
        lines.append(
            f"| {case.name} | {' and '.join(shared) or 'nothing'} | {percent(hits, simulations)} "
            f"| {100 * width / simulations:.1f} | {percent(votes, simulations)} "
            f"| {1000 * seconds / simulations:.1f} |"
        )
    return lines


def effects(unit: Index, question: Index, sd: float, rng: np.random.Generator) -> Float:
    """Random effects of units with standard deviation ``sd`` in each question, correlated .5 between the two."""
    drawn = rng.normal(size=(int(unit.max()) + 1, 2))
    second = 0.5 * drawn[:, 0] + math.sqrt(0.75) * drawn[:, 1]
    return sd * np.where(question == 0, drawn[unit, 0], second[unit])
