"""How often an interval that is looked at after every rater is ever wrong, on tidy and untidy crowds."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from evaluation.analysis.betting import betting_bounds, log_capital
from evaluation.analysis.crossed import quantile
from evaluation.analysis.sequential import FloatArray, t_limit
from evaluation.analysis.simulate import choice_probabilities

ALPHA, FIRST, NODES = 0.05, 2, 40
Leaning = FloatArray  # logits of A over B, (raters, prompts) or what broadcasts to it


@dataclass(frozen=True)
class Raters:
    """One study's raters in the order in which they joined: their net shares, the order in which they finish, and the
    true mean for new raters and these prompts.
    """

    means: FloatArray
    finish: np.ndarray
    truth: float


@dataclass(frozen=True)
class Looked:
    """A crowd of ``raters`` by name, and what draws one study of it."""

    name: str
    raters: int
    draw: Callable[[np.random.Generator, int], Raters]


def _answers(leaning: Leaning, tie: float, rng: np.random.Generator) -> FloatArray:
    a, indifferent, _ = choice_probabilities(leaning, tie)
    draw = rng.random(np.shape(leaning))
    return np.where(draw < a, 1.0, np.where(draw < a + indifferent, 0.0, -1.0))


def _true(prompt: FloatArray, sd: float, tie: float) -> float:
    """The mean net share of new raters on these prompts."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    a, _, b = choice_probabilities(prompt[:, None] + sd * nodes, tie)
    return float(((a - b) @ (weights / weights.sum())).mean())


def crowd(prompts: int, preference: float, sd: float = 0.5, tie: float = 0.4) -> Callable[..., Raters]:
    """One taste, with raters and prompts that differ by ``sd`` on the logit scale."""

    def draw(rng: np.random.Generator, raters: int) -> Raters:
        prompt = preference + sd * rng.normal(size=prompts)
        y = _answers(prompt + sd * rng.normal(size=(raters, 1)), tie, rng)
        return Raters(y.mean(axis=1), rng.permutation(raters), _true(prompt, sd, tie))

    return draw


def two_tastes(share: float, prompts: int = 20, *, strength: float = 1.2, fast: bool = False) -> Callable[..., Raters]:
    """A ``share`` of the raters has the opposite taste; ``fast``: and finishes in a tenth of the time."""

    def draw(rng: np.random.Generator, raters: int) -> Raters:
        prompt = strength + 0.5 * rng.normal(size=prompts)
        other = rng.random(raters) < share
        sign = np.where(other, -1.0, 1.0)[:, None]
        y = _answers(sign * (prompt + 0.5 * rng.normal(size=(raters, 1))), 0.4, rng)
        truth = (1 - 2 * share) * _true(prompt, 0.5, 0.4)
        lasts = rng.gamma(4, 0.25, size=raters) * np.where(other & fast, 0.1, 1.0)
        return Raters(y.mean(axis=1), np.argsort(np.arange(raters) / 20 + lasts, kind="stable"), truth)

    return draw


def rounds(panels: int, tastes: float) -> Callable[..., Raters]:
    """Raters of ``panels`` categories in turn, whose true shares differ by ``tastes``; a value is a round."""

    def draw(rng: np.random.Generator, raters: int) -> Raters:
        size = rng.integers(5, 40, size=panels)
        values, truth = np.zeros(raters), 0.0
        for prompts in size:
            one = crowd(int(prompts), 0.3 + tastes * rng.normal())(rng, raters)
            values += one.means * prompts / size.sum()
            truth += one.truth * prompts / size.sum()
        return Raters(values, np.arange(raters), truth)

    return draw


CASES = (
    Looked("25 raters x 20 prompts, .5 / .5, ties", 25, crowd(20, 0.3)),
    Looked("100 raters x 20 prompts, .5 / .5, ties", 100, crowd(20, 0.3)),
    Looked("100 raters x 200 prompts, .5 / .5, ties", 100, crowd(200, 0.3)),
    Looked("100 raters x 200 prompts, raters and prompts alike", 100, crowd(200, 0.3, sd=0.0)),
    Looked("100 raters x 10 prompts, A in 97 %", 100, crowd(10, 3.7, tie=0.0)),
    Looked("100 raters x 5 prompts, A in 97 %", 100, crowd(5, 3.7, tie=0.0)),
    Looked("100 raters, one prompt each, A in 97 %", 100, crowd(1, 3.7, tie=0.0)),
    Looked("100 raters, one prompt each", 100, crowd(1, 0.3, tie=0.0)),
    Looked("100 raters x 20 prompts, 10 % of opposite taste", 100, two_tastes(0.1)),
    Looked("100 raters x 20 prompts, 10 % of strongly opposite taste", 100, two_tastes(0.1, strength=4.0)),
    Looked("100 raters x 20 prompts, 3 % of opposite taste", 100, two_tastes(0.03)),
    Looked("100 raters x 20 prompts, the fast half of opposite taste", 100, two_tastes(0.5, fast=True)),
    Looked("100 raters x 20 prompts, a fast fifth of opposite taste", 100, two_tastes(0.2, fast=True)),
    Looked("40 rounds of 5 panels whose shares differ", 40, rounds(5, 1.0)),
)


def ever_wrong(values: FloatArray, truth: float) -> dict[str, bool]:
    """Whether each sequence excluded the truth at any look from the second value on."""
    n = np.arange(1, len(values) + 1)
    mean = np.cumsum(values) / n
    spread = np.maximum(np.cumsum(values**2) - n * mean**2, 0) / np.maximum(n - 1, 1)
    se = np.sqrt(spread / n)
    off, looked = np.abs(mean - truth), (n >= FIRST) & (se > 1e-12)
    limit = np.array([t_limit(int(each), ALPHA) or np.inf for each in n])
    ordinary = np.array([np.inf, *(quantile(1 - ALPHA, int(each) - 1) for each in n[1:])])
    capital = np.maximum(log_capital(values, truth, 1), log_capital(values, truth, -1))
    return {
        "betting": bool((capital >= math.log(2 / ALPHA)).any()),
        "t": bool((off[looked] > limit[looked] * se[looked]).any()),
        "ordinary": bool((off[looked] > ordinary[looked] * se[looked]).any()),
    }


HEADER = (
    *("crowd", "betting, as they joined (default)", "t sequence, as they joined", "t sequence, as they finished"),
    *("ordinary t interval", "half-width at the end: betting", "t sequence"),
)


def looking(simulations: int, seed: int) -> list[str]:
    """Ever-wrong rates when one looks after every rater, and what the betting sequence's safety costs in width."""
    lines = [
        "| " + " | ".join(HEADER) + " |",
        "|" + "---|" * len(HEADER),
    ]
    for number, case in enumerate(CASES):
        rng = np.random.default_rng([seed, 300 + number])
        wrong = np.zeros(4)
        widths: list[tuple[float, float]] = []
        for at in range(simulations):
            found = case.draw(rng, case.raters)
            joined, finished = (ever_wrong(each, found.truth) for each in (found.means, found.means[found.finish]))
            wrong += [joined["betting"], joined["t"], finished["t"], joined["ordinary"]]
            if at < 100:
                low, high = betting_bounds(found.means)
                limit = t_limit(case.raters, ALPHA) or math.inf
                widths.append(((high - low) / 2, limit * float(found.means.std(ddof=1)) / math.sqrt(case.raters)))
        own, other = np.mean(widths, axis=0)
        cells = [f"{100 * each / simulations:.1f}" for each in wrong] + [f"±{100 * own:.1f}", f"±{100 * other:.1f}"]
        lines.append(f"| {case.name} | " + " | ".join(cells) + " |")
    return lines
