"""Candidates for the default interval of a net share, compared by simulation; writes its tables into docs/coverage.md.

    python -m benchmarks.intervals [--simulations 2000] [--seed 1] [--no-write]

Simulations of a design are drawn and evaluated together, so that all designs take minutes. The candidates:

* ``effective``: the default, by the functions of a report.
* ``form``: its quadratic form and degrees of freedom alone: no one-way intervals as a floor, on the plain scale.
* ``factor``: the uncorrected two-way form (Cameron, Gelbach and Miller 2011) with a bias factor and the same kind of
  degrees of freedom; ``factor, floored``: the same, never below the fitted model's variance.
* ``jackknife``: CV3, each rater, each prompt and each rating left out in turn, with t(min(raters, prompts) - 1).
* ``two_way``: the default of earlier versions.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from benchmarks._untidy_designs import Float, Untidy, designs
from common.commands import SUCCESS, refuse_repeated
from common.pages import write_section
from common.places import DOCUMENTATION
from evaluation.analysis.effective import Sums, as_table, not_negative, pieces
from evaluation.analysis.effective_design import EffectiveDesign, PanelDesign, Side, traces
from evaluation.analysis.scale import NET_ENDS, bounds

PAGE = DOCUMENTATION / "coverage.md"
START, END = "<!-- intervals: written by benchmarks/intervals.py -->", "<!-- end of intervals -->"
BATCH = 250  # simulations evaluated together
LEAST, MOST = 0.94, 0.965
CANDIDATES = ("effective", "form", "factor", "factor, floored", "jackknife", "two_way")


@dataclass(frozen=True)
class Outcome:
    """One candidate on one design, in shares of the simulations and in net shares."""

    coverage: float
    below: float
    above: float
    half_width: float


@dataclass(frozen=True)
class Result:
    """All candidates on one design. ``ideal``: the half-width that holds the truth in 95 % of the simulations."""

    design: Untidy
    candidates: dict[str, Outcome]
    ideal: float
    too_wide: float
    simulations: int


def half(variance: Float, df: Float | float) -> Float:
    """Half-widths at 95 %."""
    quantiles = special.stdtrit(np.maximum(df, 0.05), 0.975)
    return np.asarray(quantiles * np.sqrt(np.maximum(variance, 0.0)))


def simulate(design: Untidy, simulations: int, rng: np.random.Generator) -> Result:
    """All candidates on ``design``."""
    truth = design.truth()
    lows: dict[str, list[Float]] = {name: [] for name in CANDIDATES}
    highs: dict[str, list[Float]] = {name: [] for name in CANDIDATES}
    means: list[Float] = []
    for start in range(0, simulations, BATCH):
        scores = design.draw(min(BATCH, simulations - start), rng)
        means.append(scores.mean(axis=1))
        for name, (low, high) in _candidates(design, scores).items():
            lows[name].append(low)
            highs[name].append(high)
    found = {}
    for name in CANDIDATES:
        low, high = np.concatenate(lows[name]), np.concatenate(highs[name])
        below, above = float((truth < low).mean()), float((truth > high).mean())
        found[name] = Outcome(1 - below - above, below, above, float((high - low).mean() / 2))
    default = np.concatenate(highs["effective"]) - np.concatenate(lows["effective"])
    ideal = float(np.quantile(np.abs(np.concatenate(means) - truth), 0.95))
    return Result(design, found, ideal, float((default > 1).mean()), simulations)


def _candidates(design: Untidy, scores: Float) -> dict[str, tuple[Float, Float]]:
    """Bounds of all candidates, each (simulations,); ``scores``: (simulations, ratings)."""
    own = design.pattern
    n_raters, n_prompts, n_categories = (int(each.max()) + 1 for each in (own.rater, own.prompt, own.category))
    ones = np.ones((len(own.rater), 1))
    sizes = [
        as_table(unit, n, own.category, n_categories, ones)[:, :, 0]
        for unit, n in ((own.rater, n_raters), (own.prompt, n_prompts))
    ]
    layout = EffectiveDesign.of(*sizes)
    summed = np.stack([np.bincount(own.category, row**2, minlength=n_categories) for row in scores], axis=1)
    squares = np.asarray(summed, dtype=np.float64)  # they are; numpy's types say whole numbers
    raters = as_table(own.rater, n_raters, own.category, n_categories, scores.T)
    prompts = as_table(own.prompt, n_prompts, own.category, n_categories, scores.T)
    sums = Sums(raters, prompts, squares)
    mean = scores.mean(axis=1)
    made = pieces(layout, sizes[0], sizes[1], sums)
    ends = []
    for estimate, each in zip(mean.tolist(), made, strict=True):
        widest = each.widest(0.95)
        variance, df = (0.0, 1.0) if widest is None else (widest.value, widest.df)
        ends.append(bounds(estimate, math.sqrt(variance), df, 0.95, NET_ENDS))
    low, high = np.array(ends).T
    alone = half(np.array([each.both.value for each in made]), np.array([each.both.df or 1.0 for each in made]))
    others = _others(layout, sizes, sums)
    halves = {"form": alone, **others}
    return {"effective": (low, high), **{name: (mean - width, mean + width) for name, width in halves.items()}}


def _others(layout: EffectiveDesign, sizes: list[Float], sums: Sums) -> dict[str, Float]:
    """Half-widths of the candidates that are not in use."""
    parts = [_Part.of(panel, sizes, sums) for panel in layout.panels]
    moments = np.sum([part.panel.moments for part in parts], axis=0)
    seen = np.sum([part.evened for part in parts], axis=0)
    kinds = seen.shape[1]
    fitted = not_negative(moments, seen)
    value, model, expected, spread, jackknife, former = (np.zeros(kinds) for _ in range(6))
    for part in parts:
        panel = part.panel
        c, g = part.constants()
        value += panel.weight * (part.raters + part.prompts - part.rest)
        model += panel.weight * (panel.load @ fitted)
        expected += panel.weight * (c @ fitted)
        spread += panel.weight**2 * np.einsum("jm,jk,km->m", fitted, g, fitted)
        jackknife += panel.weight * part.jackknife()
        former += panel.weight * part.former()
    factor = np.divide(model, expected, out=np.ones(kinds), where=expected > 0)
    df = np.divide(expected**2, spread, out=np.ones(kinds), where=spread > 0)
    least = min(layout.n_raters, layout.n_prompts) - 1.0
    return {
        "factor": half(value * factor, df),
        "factor, floored": half(np.maximum(value * factor, model), df),
        "jackknife": half(jackknife, least),
        "two_way": half(former, least),
    }


@dataclass(frozen=True)
class _Part:
    """A panel's sums over its own n: of squared totals of raters and prompts, and of squares, (m,) each."""

    panel: PanelDesign
    sizes: tuple[Float, Float]
    totals: tuple[Float, Float]
    raters: Float
    prompts: Float
    rest: Float
    evened: Float

    @classmethod
    def of(cls, panel: PanelDesign, sizes: list[Float], sums: Sums) -> _Part:
        columns = panel.categories
        own = [table[np.ix_(rows, columns)] for table, rows in zip(sizes, (panel.raters, panel.prompts), strict=True)]
        n = own[0].sum(axis=0)
        means = sums.raters[:, columns].sum(axis=0) / n[:, None]
        rest = [
            (totals[np.ix_(rows, columns)] - size[:, :, None] * means).sum(axis=1)
            for totals, rows, size in zip((sums.raters, sums.prompts), (panel.raters, panel.prompts), own, strict=True)
        ]
        squares = sums.squares[columns].sum(axis=0) - (n[:, None] * means**2).sum(axis=0)
        evened = np.stack([panel.even_raters @ rest[0] ** 2, panel.even_prompts @ rest[1] ** 2, squares])
        scaled = [(each**2).sum(axis=0) / panel.n**2 for each in rest]
        return cls(panel, (own[0], own[1]), (rest[0], rest[1]), scaled[0], scaled[1], squares / panel.n**2, evened)

    def constants(self) -> tuple[Float, Float]:
        """Traces of the uncorrected two-way form."""
        n = self.sizes[0].sum(axis=0)
        sides = Side.of(self.sizes[0], self.sizes[1], n), Side.of(self.sizes[1], self.sizes[0], n)
        weights = tuple(np.full(len(size), 1 / self.panel.n**2) for size in self.sizes)
        return traces(sides, (weights[0], weights[1]), -1 / self.panel.n**2, self.panel.left)

    def jackknife(self) -> Float:
        """CV3: (G - 1) / G times the squared changes of the mean, of raters and prompts less that of ratings."""
        one = []
        for size, totals in zip(self.sizes, self.totals, strict=True):
            held = size.sum(axis=1)
            left = np.where(held < self.panel.n, self.panel.n - held, np.inf)
            one.append((len(held) - 1) / len(held) * ((totals / left[:, None]) ** 2).sum(axis=0))
        n = self.panel.n
        return np.maximum.reduce([one[0] + one[1] - self.rest * n / max(n - 1, 1), one[0], one[1]])

    def former(self) -> Float:
        """The two-way variance of ``crossed``; zero for a single rater or prompt."""
        r, p, n = len(self.sizes[0]), len(self.sizes[1]), self.panel.n
        if r < 2 or p < 2:
            return np.zeros_like(self.raters)
        raters, prompts = self.raters * r / (r - 1), self.prompts * p / (p - 1)
        return np.maximum.reduce([raters + prompts - self.rest * n / (n - 1), raters, prompts])


def mark(result: Result) -> str:
    """How the default fares against the promise; ``conservative`` with its price in width."""
    own = result.candidates["effective"]
    price = f"{100 * (own.half_width / result.ideal - 1):.0f} % wider than needed"
    if result.too_wide > 0.5:
        return "too wide to draw"
    if own.coverage > MOST:
        return f"conservative: {price}"
    error = math.sqrt(own.coverage * (1 - own.coverage) / result.simulations)
    return "" if own.coverage + error >= LEAST else "short"


def row(result: Result) -> str:
    own = result.candidates["effective"]
    cells = [
        f"{100 * own.coverage:.1f} (±{100 * own.half_width:.1f})",
        f"{100 * own.below:.1f} / {100 * own.above:.1f}",
        f"±{100 * result.ideal:.1f}",
        mark(result),
    ]
    for name in CANDIDATES[1:]:
        each = result.candidates[name]
        width = "over 999" if each.half_width > 9.99 else f"{100 * each.half_width:.1f}"
        cells.append(f"{100 * each.coverage:.1f} (±{width})")
    return f"| {result.design.name} | " + " | ".join(cells) + " |"


def report(simulations: int, seed: int) -> str:
    error = 100 * math.sqrt(0.05 * 0.95 / simulations)
    text = [
        f"""Coverage in percent of nominal 95 % intervals of the net share over new raters and new prompts, from
{simulations:,} simulations of each design (seed {seed}). One standard error is {error:.1f} points.

- Brackets hold the mean half-width in points. Spreads of raters and prompts are .5 / .5 unless said.
- "below / above": in how many percent the truth lay below and above the default's interval.
- "needed": the half-width that holds the truth in 95 % of the simulations. Nobody knows it beforehand.
- "conservative": above {100 * MOST:g} %. "short": below {100 * LEAST:.0f} % even if one error is added. "too wide to
  draw": in most simulations, the interval covers more than half of what is possible, and a report says "too few
  raters" or "too few prompts"."""
    ]
    group = ""
    for number, design in enumerate(designs()):
        if design.group != group:
            group = design.group
            names = ("design", "effective (default)", "below / above", "needed", "", *CANDIDATES[1:])
            text.append(f"\n### {group}\n\n| " + " | ".join(names) + " |\n|" + "---|" * len(names))
        text.append(row(simulate(design, simulations, np.random.default_rng([seed, 2000 + number]))))
        print(text[-1], file=sys.stderr, flush=True)
    return "\n".join(text)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Candidates for the default interval, written into docs/coverage.md.")
    parser.add_argument("--simulations", type=int, default=2000, help="simulations of each design (default 2000)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-write", action="store_true", help="print the tables and leave the page as it is")
    options = refuse_repeated(parser).parse_args(arguments)
    if options.simulations < 1:
        parser.error("--simulations must be 1 or more")
    text = report(options.simulations, options.seed)
    print(text)
    if not options.no_write:
        write_section(PAGE, START, END, text)
        print(f"Written into {PAGE.name}.", file=sys.stderr)
    return SUCCESS


if __name__ == "__main__":
    raise SystemExit(main())
