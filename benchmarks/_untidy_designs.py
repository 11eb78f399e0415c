"""Tidy and untidy designs on which candidates for the default interval are compared: who rated what, and the crowd."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from benchmarks._coverage_more import DRAWBENCH
from evaluation.analysis.coverage import Pattern

Float = npt.NDArray[np.float64]
DRAWBENCH_SIZES = tuple(DRAWBENCH.values())


@dataclass(frozen=True)
class Untidy:
    """A design and its crowd: spreads of raters and prompts on the logit scale, ``tie`` as ``CrowdSpec``'s,
    ``offsets``: added to the preference by category (taken as fixed), ``skewed``: prompts' effects are exponential,
    ``minority``: share of raters with the opposite taste.
    """

    group: str
    name: str
    pattern: Pattern
    rater: float = 0.5
    prompt: float = 0.5
    preference: float = 0.3
    tie: float = 0.0
    offsets: tuple[float, ...] = ()
    skewed: bool = False
    minority: float = 0.0

    def draw(self, simulations: int, rng: np.random.Generator) -> Float:
        """Net scores, (simulations, ratings)."""
        n_raters, n_prompts = int(self.pattern.rater.max()) + 1, int(self.pattern.prompt.max()) + 1
        rater = self.rater * rng.normal(size=(simulations, n_raters))
        if self.minority:
            rater -= 2 * self.preference * (rng.random(rater.shape) < self.minority)
        size = simulations, n_prompts
        prompt = self.prompt * (rng.exponential(size=size) - 1 if self.skewed else rng.normal(size=size))
        u = self._centres()[self.pattern.category] + rater[:, self.pattern.rater] + prompt[:, self.pattern.prompt]
        draw = rng.random(u.shape)
        return np.where(
            draw < special.expit(u - self.tie), 1.0, np.where(draw < special.expit(u + self.tie), 0.0, -1.0)
        )

    def truth(self) -> float:
        """The net share over new raters and new prompts of these categories."""
        share = np.bincount(self.pattern.category) / len(self.pattern.category)
        centres = self._centres()
        own = self._net(centres) * (1 - self.minority)
        if self.minority:
            own += self.minority * self._net(centres - 2 * self.preference)
        return float(share @ own)

    def _centres(self) -> Float:
        n = int(self.pattern.category.max()) + 1
        return self.preference + (np.array(self.offsets) if self.offsets else np.zeros(n))

    def _net(self, centres: Float) -> Float:
        nodes, weights = np.polynomial.hermite_e.hermegauss(60)
        weights = weights / weights.sum()
        quantiles = (np.arange(4000) + 0.5) / 4000
        prompt = self.prompt * (-np.log1p(-quantiles) - 1 if self.skewed else special.ndtri(quantiles))
        found = []
        for centre in centres:
            u = centre + prompt[:, None] + self.rater * nodes
            found.append(float(((special.expit(u - self.tie) - special.expit(-u - self.tie)) @ weights).mean()))
        return np.array(found)


def pattern(rater: npt.ArrayLike, prompt: npt.ArrayLike, category: npt.ArrayLike | None = None) -> Pattern:
    """Codes without gaps."""
    raters, prompts = (np.unique(np.asarray(each), return_inverse=True)[1] for each in (rater, prompt))
    return Pattern(raters, prompts, np.zeros_like(raters) if category is None else np.asarray(category))


def crossed(raters: int, prompts: int, missing: int = 0, rng: np.random.Generator | None = None) -> Pattern:
    """A panel that is complete but for ``missing`` cells."""
    rater, prompt = (each.ravel() for each in np.indices((raters, prompts)))
    if not missing:
        return pattern(rater, prompt)
    assert rng is not None
    keep = np.sort(rng.permutation(len(rater))[missing:])
    return pattern(rater[keep], prompt[keep])


def nested(raters: int | Sequence[int], prompts: Sequence[int]) -> Pattern:
    """A panel of its own for each category."""
    sizes = [raters] * len(prompts) if isinstance(raters, int) else list(raters)
    parts = [np.indices(size).reshape(2, -1) for size in zip(sizes, prompts, strict=True)]
    rater = np.concatenate([part[0] + sum(sizes[:at]) for at, part in enumerate(parts)])
    prompt = np.concatenate([part[1] + sum(prompts[:at]) for at, part in enumerate(parts)])
    return pattern(rater, prompt, np.repeat(np.arange(len(parts)), [part.shape[1] for part in parts]))


def shared(raters: int, prompts: Sequence[int]) -> Pattern:
    """All raters rate all categories."""
    rater, prompt = (each.ravel() for each in np.indices((raters, sum(prompts))))
    return pattern(rater, prompt, np.repeat(np.arange(len(prompts)), prompts)[prompt])


def loads(counts: Sequence[int], prompts: int, rng: np.random.Generator) -> Pattern:
    """Each rater rates so many prompts, drawn at random."""
    drawn = [rng.choice(prompts, size=count, replace=False) for count in counts]
    return pattern(np.repeat(np.arange(len(counts)), counts), np.concatenate(drawn))


def by_rank(raters: int, power: float = 1.0, prompts: int = 200) -> list[int]:
    """Work loads of prompts / rank^power, one rating at least."""
    return [max(round(prompts / rank**power), 1) for rank in range(1, raters + 1)]


def a_prompt(raters: int, power: float, each: int, prompts: int, rng: np.random.Generator) -> Pattern:
    """``each`` raters a prompt, drawn with weights 1 / rank^power."""
    weights = 1 / np.arange(1, raters + 1) ** power
    drawn = [rng.choice(raters, size=each, replace=False, p=weights / weights.sum()) for _ in range(prompts)]
    return pattern(np.concatenate(drawn), np.repeat(np.arange(prompts), each))


def designs() -> list[Untidy]:
    """All designs; those drawn at random are the same each time."""
    rng = np.random.default_rng(7)
    tidy, few, panels, work = "Complete panels", "Few raters or prompts", "Nested panels", "Unequal work loads"
    ends, rest = "Rates near the ends", "Neighbours"
    crowd = np.round(np.exp(np.linspace(np.log(343), np.log(7), 60))).astype(int).tolist()
    found = [
        Untidy(tidy, f"{raters} x {prompts}, {a:g} / {b:g}", crossed(raters, prompts), a, b)
        for raters, prompts, a, b in (
            *((25, 200, 0, 0), (25, 200, 0.5, 0), (25, 200, 0, 0.5), (25, 200, 0.5, 0.5), (25, 200, 1, 1)),
            *((25, 20, 0.5, 0.5), (10, 10, 0.5, 0.5), (25, 7, 1, 1), (200, 7, 1, 1), (275, 7, 0.5, 0.5)),
        )
    ]
    found += [
        Untidy(few, f"{raters} x {prompts}, {a:g} / {b:g}", crossed(raters, prompts), a, b)
        for raters, prompts, a, b in (
            *(
                (5, 200, 0, 0.5),
                (5, 200, 0.5, 0.5),
                (5, 200, 1, 1),
                (3, 200, 0, 0),
                (3, 200, 0, 0.5),
                (3, 200, 0.2, 0.5),
            ),
            *((3, 200, 0.5, 0.5), (3, 200, 1, 1), (3, 100, 0.5, 0.5), (3, 40, 0.5, 0.5), (4, 50, 0.5, 0.5)),
            *((25, 3, 0, 0.5), (25, 3, 0.5, 0), (25, 3, 0.5, 0.5), (25, 3, 1, 1), (200, 4, 0.5, 0.5), (5, 5, 0.5, 0.5)),
            *((2, 200, 0, 0.5), (2, 200, 0.5, 0.5), (2, 200, 1, 1), (3, 3, 0.5, 0.5)),
        )
    ]
    found += [
        Untidy(panels, "DrawBench, 25 a category", nested(25, DRAWBENCH_SIZES)),
        Untidy(panels, "DrawBench, 25 a category, 1 / 1, ties", nested(25, DRAWBENCH_SIZES), 1, 1, tie=0.4),
        Untidy(panels, "DrawBench, 4 a category, ties", nested(4, DRAWBENCH_SIZES), tie=0.4),
        Untidy(panels, "3 raters a panel, prompts 160/20/20", nested(3, (160, 20, 20))),
        Untidy(panels, "3 raters, 160/20/20, 1 / 1", nested(3, (160, 20, 20)), 1, 1),
        Untidy(panels, "3 raters, 160/20", nested(3, (160, 20))),
        Untidy(panels, "2 raters, 160/20", nested(2, (160, 20))),
        Untidy(panels, "5 raters, 160/15/15/10", nested(5, (160, 15, 15, 10))),
        Untidy(panels, "2 raters, 50/50/50", nested(2, (50, 50, 50))),
        Untidy(panels, "raters 3/10/25, prompts 66/66/68", nested((3, 10, 25), (66, 66, 68))),
        Untidy(panels, "raters 25/3, prompts 20/180", nested((25, 3), (20, 180))),
        Untidy(panels, "raters 2/3/4/5/6, prompts 60/50/40/30/20", nested((2, 3, 4, 5, 6), (60, 50, 40, 30, 20))),
        Untidy(panels, "10 raters, 30/1/20", nested(10, (30, 1, 20))),
        Untidy(panels, "3 raters, 160/20/20, two categories at 96 %", nested(3, (160, 20, 20)), offsets=(0, 3, 3)),
        Untidy(panels, "3 raters, 160/20/20, the large one at 96 %", nested(3, (160, 20, 20)), offsets=(3, 0, 0)),
        Untidy(panels, "2 raters, 50/50/50, 57/91/99 %", nested(2, (50, 50, 50)), offsets=(0, 2, 4)),
    ]
    found += [Untidy(work, f"1/rank, {n} raters", loads(by_rank(n), 200, rng)) for n in (20, 40, 100, 275)]
    found += [
        Untidy(work, "1/rank, 40 raters, 1 / 1", loads(by_rank(40), 200, rng), 1, 1),
        Untidy(work, "1/rank^1.3, 40 raters", loads(by_rank(40, 1.3), 200, rng)),
        Untidy(work, "1/rank^1.3, 100 raters", loads(by_rank(100, 1.3), 200, rng)),
        Untidy(work, "5 a prompt by 1/rank, 40 raters", a_prompt(40, 1.0, 5, 200, rng)),
        Untidy(work, "5 a prompt by 1/rank^1.3, 40 raters", a_prompt(40, 1.3, 5, 200, rng)),
        Untidy(work, "5 a prompt by 1/rank, 100 raters, 1 / 1", a_prompt(100, 1.0, 5, 200, rng), 1, 1),
        Untidy(work, "60 raters, 7 to 343 of 400 prompts", loads(crowd, 400, rng)),
        Untidy(work, "60 raters, 7 to 343 of 400 prompts, 1 / 1", loads(crowd, 400, rng), 1, 1),
        Untidy(work, "100 raters, 20 of 200 prompts, ties", loads([20] * 100, 200, rng), tie=0.4),
        Untidy(work, "60 raters, 3 of 60 prompts, ties", loads([3] * 60, 60, rng), tie=0.4),
        Untidy(work, "4 x 200, one cell missing", crossed(4, 200, 1, rng)),
        Untidy(work, "25 x 200, 10 % missing", crossed(25, 200, 500, rng)),
        Untidy(work, "200 raters, one rating each of 40 prompts", pattern(np.arange(200), np.arange(200) % 40)),
        Untidy(work, "10 raters, 200 prompts, one rating each", pattern(np.arange(200) % 10, np.arange(200))),
    ]
    found += [
        Untidy(ends, "25 x 200, A in 97 %", crossed(25, 200), preference=3.7),
        Untidy(ends, "25 x 20, A in 94 %", crossed(25, 20), preference=3.0),
        Untidy(ends, "25 x 200, 1 / 1, A in 95 %", crossed(25, 200), 1, 1, 4.1),
        Untidy(ends, "25 x 200, 1 / 1, A in 5 %", crossed(25, 200), 1, 1, -4.1),
        Untidy(ends, "25 x 20, 1 / 1, A in 95 %", crossed(25, 20), 1, 1, 4.1),
        Untidy(ends, "10 x 20, A in 95 %", crossed(10, 20), preference=3.3),
        Untidy(ends, "25 x 50, A in 98 %", crossed(25, 50), preference=4.3),
        Untidy(rest, "25 x 40, 30 % ties", crossed(25, 40), tie=0.65),
        Untidy(rest, "25 x 200, 70 % ties", crossed(25, 200), tie=1.9),
        Untidy(rest, "25 raters, categories 100/100 that differ", shared(25, (100, 100)), offsets=(0.7, -0.7)),
        Untidy(rest, "10 raters, categories 30/10/10 that differ", shared(10, (30, 10, 10)), offsets=(1, 0, -1)),
        Untidy(rest, "5 raters, categories 20/20 that differ", shared(5, (20, 20)), offsets=(0.5, -0.5)),
        Untidy(rest, "25 x 40, skewed prompts, .5 / 1", crossed(25, 40), prompt=1, skewed=True),
        Untidy(rest, "10 x 20, skewed prompts, .5 / 1.5", crossed(10, 20), prompt=1.5, skewed=True),
        Untidy(rest, "25 x 7, skewed prompts, .5 / 1", crossed(25, 7), prompt=1, skewed=True),
        Untidy(rest, "25 x 100, one rater in ten of opposite taste", crossed(25, 100), 0.3, preference=1, minority=0.1),
    ]
    return found
