"""Coverage of every interval on offer, on the designs of the documentation; writes the tables into docs/coverage.md.

    python -m benchmarks.coverage [--simulations 1000] [--seed 1] [--part NAME] [--no-write]

Each simulation draws raters, prompts and answers from the simulated crowd, whose truth is known, and goes through the
functions that a report uses. The Monte Carlo error of a coverage near 95 % is .7 points at 1,000 simulations.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks import (
    _coverage_differences,
    _coverage_looks,
    _coverage_parts,
    _coverage_secondary,
    _coverage_tests,
    _coverage_votes,
)
from benchmarks import _coverage_more as more
from benchmarks import _coverage_shared as shared
from benchmarks._coverage_more import DRAWBENCH, crossed, crowd
from common.commands import SUCCESS, refuse_repeated
from common.pages import write_section
from common.places import DOCUMENTATION
from evaluation.analysis.coverage import OWN, Coverage, Pattern, coverage
from evaluation.analysis.simulate import CrowdSpec, Design

COLUMNS = ("effective", "two_way", "anova", "pigeonhole", "by_rater", OWN["by_rater"], "by_prompt", OWN["by_prompt"])
NAIVE = ("independent", "wilson", "tango")
PAGE = DOCUMENTATION / "coverage.md"


@dataclass(frozen=True)
class Case:
    """A design, a crowd, and the logit of A over B for an average rater and prompt."""

    name: str
    design: Design
    spec: CrowdSpec
    preference: float = 0.3


CASES = (
    Case("25 x 200, 0 / 0", crossed(25, 200), crowd(0, 0)),
    Case("25 x 200, .5 / 0", crossed(25, 200), crowd(0.5, 0)),
    Case("25 x 200, 0 / .5", crossed(25, 200), crowd(0, 0.5)),
    Case("25 x 200, .5 / .5", crossed(25, 200), crowd(0.5, 0.5)),
    Case("25 x 200, 1 / 1", crossed(25, 200), crowd(1, 1)),
    Case("25 x 20, .5 / .5", crossed(25, 20), crowd(0.5, 0.5)),
    Case("25 x 7, 1 / 1", crossed(25, 7), crowd(1, 1)),
    Case("5 x 200, .5 / .5", crossed(5, 200), crowd(0.5, 0.5)),
    Case("DrawBench nested, 25 each, .5 / .5", Design(25, DRAWBENCH, nested=True), crowd(0.5, 0.5)),
    Case("DrawBench nested, 25 each, 1 / 1, ties", Design(25, DRAWBENCH, nested=True), crowd(1, 1, 0.4)),
    Case("DrawBench nested, 4 each, .5 / .5, ties", Design(4, DRAWBENCH, nested=True), crowd(0.5, 0.5, 0.4)),
    Case("100 x 200, 10 % of cells, .5 / .5, ties", crossed(100, 200, 0.1), crowd(0.5, 0.5, 0.4)),
    Case("25 x 50, 60 % of cells, .5 / .5, ties", crossed(25, 50, 0.6), crowd(0.5, 0.5, 0.4)),
    Case("60 x 60, 5 % of cells, .5 / .5, ties", crossed(60, 60, 0.05), crowd(0.5, 0.5, 0.4)),
    Case("3 x 40, .5 / .5, ties", crossed(3, 40), crowd(0.5, 0.5, 0.4)),
    Case("10 x 10, .5 / .5, ties", crossed(10, 10), crowd(0.5, 0.5, 0.4)),
    Case("25 x 200, .5 / .5, A in 97 %", crossed(25, 200), crowd(0.5, 0.5), 3.7),
    Case("25 x 20, .5 / .5, A in 94 %", crossed(25, 20), crowd(0.5, 0.5), 3.0),
    Case("25 x 200, .5 / .5, 70 % ties", crossed(25, 200), crowd(0.5, 0.5, 1.9)),
    Case("25 x 20, .5 / .5, taste .7, ties", crossed(25, 20), crowd(0.5, 0.5, 0.4, 0.7)),
)


def verdict(result: Coverage) -> str:
    """How the default fares against the aim of 94 to 96.5 %."""
    own = result.intervals["effective"]
    if own.coverage > 0.965:
        return "conservative"
    return "" if own.coverage + own.error >= 0.94 else "too narrow"


def cell(result: Coverage, name: str, width: bool = False) -> str:
    each = result.intervals.get(name)
    if each is None:
        return "-"
    text = f"{100 * each.coverage:.1f}" + (f" (±{100 * each.half_width:.1f})" if width else "")
    gaps = 1 - each.n_intervals / result.n_simulations
    return text + (f" [{100 * gaps:.0f}% none]" if gaps >= 0.005 else "")


def row(case: Case, result: Coverage) -> str:
    cells = [cell(result, "effective", width=True), verdict(result), *(cell(result, name) for name in COLUMNS[1:])]
    cells += [cell(result, "independent", width=True), *(cell(result, name) for name in NAIVE[1:])]
    cells.append(f"{result.milliseconds:.1f}")
    return f"| {case.name} | " + " | ".join(cells) + " |"


def simulated(simulations: int, seed: int) -> list[tuple[Case, Coverage]]:
    done = []
    for number, case in enumerate(CASES):
        rng = np.random.default_rng([seed, number])
        started = time.process_time()
        found = coverage(Pattern.of_design(case.design, rng), case.spec, case.preference, simulations, rng)
        done.append((case, found))
        print(f"{row(case, found)}  {time.process_time() - started:.1f} CPU s", file=sys.stderr, flush=True)
    return done


def net_table(results: Sequence[tuple[Case, Coverage]]) -> list[str]:
    names = ["design", "effective (default)", "", *COLUMNS[1:], "independent", *NAIVE[1:], "ms"]
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    return lines + [row(case, each) for case, each in results]


def share_table(results: Sequence[tuple[Case, Coverage]]) -> list[str]:
    """The shares and the decided share by their default intervals, and those of independent votes beside them."""
    names = ["share of a", "share of indifferent", "share of b", "decided"]
    votes = ["wilson", "clopper_pearson", "goodman", "decided, wilson"]
    lines = ["| design | " + " | ".join([*names, *votes]) + " |", "|" + "---|" * (1 + len(names) + len(votes))]
    for case, each in results:
        cells = [cell(each, name, width=name in names) for name in (*names, *votes)]
        lines.append(f"| {case.name} | " + " | ".join(cells) + " |")
    return lines


def joined(*parts: tuple[str, Sequence[str]]) -> str:
    """Texts, each with its table below it."""
    return "\n\n".join(f"{title}\n\n" + "\n".join(lines) for title, lines in parts)


def intervals(simulations: int, seed: int) -> str:
    """The sections on the net share and on the three shares, from the same simulations."""
    error = 100 * math.sqrt(0.05 * 0.95 / simulations)
    head = f"""## Net share

Coverage in percent of nominal 95 % intervals of the net share, from {simulations:,} simulations of each design
(seed {seed}). One standard error is {error:.1f} points.

- A design's name gives raters x prompts, then the spread of the random effects of raters / prompts on the logit scale.
- Brackets hold the mean half-width in points. "none" is how often there was no interval.
- The truth is that for new raters and new prompts. Columns that name another estimand ("these prompts", "these
  raters") are compared with the truth for that estimand.
- `ms`: milliseconds for one estimate with all its intervals, on a busy machine."""
    shares = """## Shares

The first four columns have the default intervals of the three shares and of A's share among decided answers, with the
half-width in points. The last four treat the same ratings as independent votes: Wilson and Clopper-Pearson for the
share of A, Goodman for all three shares at once, and Wilson for the decided share."""
    found = simulated(simulations, seed)
    return joined((head, net_table(found)), (shares, share_table(found)))


def votes(simulations: int, seed: int) -> str:
    """The section on independent votes, which needs no simulation."""
    head = """## Independent votes

Each rater gives one vote. Coverage is computed exactly, not simulated. Brackets hold the mean half-width in points and
the time of a call.

One share:"""
    signs = "Error rates in percent, of the sign test and of an interval that is checked after every vote:"
    return joined(
        (head, _coverage_votes.one_share()),
        ("The difference of two shares:", _coverage_votes.difference()),
        ("The net share and the three shares:", _coverage_votes.three_shares()),
        (signs, _coverage_votes.signs()),
    )


def bootstrap(simulations: int, seed: int) -> str:
    """The section on resampling."""
    head = f"""## Bootstrap

The seeded bootstrap by weights, from {simulations:,} simulations of 400 draws each:"""
    return joined((head, more.bootstrap(simulations, seed)))


def equivalence(simulations: int, seed: int) -> str:
    """The section on two one-sided tests."""
    head = f"""## Equivalence

How often, in percent, two generators are called equivalent at 5 % when the true net share lies exactly at the margin
({simulations:,} simulations). It should be at most 5."""
    return joined((head, more.equivalences(simulations, seed)))


def differing(simulations: int, seed: int) -> str:
    """The section on differences of net shares."""
    head = f"""## Differences

Differences of net shares by `differences` ({simulations:,} simulations). Spreads are .5 / .5 unless said, with ties;
each rater and prompt leans half alike on both sides."""
    return joined((head, _coverage_differences.difference_table(simulations, seed)))


def rankings(simulations: int, seed: int) -> str:
    """The section on gaps, scores and rank bands."""
    head = f"## Rankings\n\nCoverage of gaps, scores and rank bands ({simulations:,} simulations):"
    bands = f"""Rank bands where each rater has a taste of their own for each generator ({simulations:,} simulations).
"Wrong" is how often, in percent, any band excludes a true rank, at most 5 wanted: with equal generators, and with ones
that differ by steps. "Width" is the mean number of ranks in a band, "former width" that of earlier versions."""
    return joined((head, more.ranking(simulations, seed)), (bands, shared.bands(simulations, seed)))


def agreement(simulations: int, seed: int) -> str:
    """The section on agreement, of one pair and of several."""
    head = f"""## Agreement

Jackknife intervals over prompts ({simulations:,} simulations). "These raters" compares them with the agreement of these
raters on endlessly many prompts, "new raters" with that of endlessly many raters."""
    several = f"""Several generators, whose pairs share prompts: ordinal alpha over all pairs, these raters
({simulations:,} simulations). A prompt is left out with all its pairs. Beside it, what leaving out one pair of a prompt
at a time gives."""
    return joined((head, more.agreements(simulations, seed)), (several, shared.agreements(simulations, seed)))


def sides(simulations: int, seed: int) -> str:
    """The section on the share of left answers."""
    head = f"""## Sides

How often, in percent, the interval of the share of left answers excludes one half where each rater leans to a side of
their own and the crowd to none ({simulations:,} simulations). It should be at most 5."""
    return joined((head, shared.sides(simulations, seed)))


def narrower(simulations: int, seed: int) -> str:
    """The section on estimands that speak for new raters or new prompts alone."""
    head = f"""## Narrower estimands

Coverage of the intervals for new raters with these prompts (`raters`), and for these raters with new prompts
(`prompts`), each of its own truth ({simulations:,} simulations), with the mean half-width in points. Where raters rated
very unequally, `by_rater` falls short, and an estimate says so (`loads_ignored`)."""
    return joined((head, _coverage_secondary.narrower(simulations, seed)))


def automatic(simulations: int, seed: int) -> str:
    """The section on automatic scores held against raters."""
    head = f"""## Automatic scores

How often the interval of a score's share of decided ratings (`automatic_agreement`) covers the truth for new raters and
new prompts ({simulations:,} simulations), with the mean half-width in points."""
    return joined((head, _coverage_secondary.automatic(simulations, seed)))


def looking(simulations: int, seed: int) -> str:
    """The section on looking early."""
    head = f"""## Looking early

How often, in percent, an interval that is checked after every rater was ever wrong ({simulations:,} studies each). At
most 5 is promised. The truth is the mean of new raters like these on these prompts. The last two columns are mean
half-widths in points when all raters have joined: what the default costs, or saves."""
    return joined((head, _coverage_looks.looking(simulations, seed)))


def testing(simulations: int, seed: int) -> str:
    """The sections on false positives over many comparisons, and on the power of plans."""
    many = f"""## Many comparisons

How often, in percent, a study in which nothing differs highlights something, overall or in one of two categories
({simulations:,} studies each, 15 raters x 20 prompts, .5 / .5, ties). At most 5 is promised. "Each comparison alone" is
what studies have that were locked before families were declared."""
    plans = f"""## Power

A plan calls an effect detectable that a two-sided test at 5 % finds with 80 %. How often the test finds it, in percent
({simulations:,} studies each, variance components {_coverage_tests.COMPONENTS.rater:g} between raters,
{_coverage_tests.COMPONENTS.prompt:g} between prompts, {_coverage_tests.COMPONENTS.rest:g} the rest)."""
    return joined(
        (many, _coverage_tests.families(simulations, seed)), (plans, _coverage_tests.powers(simulations, seed))
    )


def parts(simulations: int, seed: int) -> str:
    """The sections on what a report prints beside the rates."""
    draws = f"""## Draws, style, groups, scores

The variances of a vote between raters, prompts and draws of images (`analyse --draws`), in percent of {simulations:,}
simulations, with the mean half-width:"""
    style = "What of a net share goes with a style of the images (`analyse --style`), with half-widths in points:"
    groups = "Groups of raters, whose net shares are 20 points apart, with half-widths in points:"
    powered = """Rankings in which scores stand in for raters on prompts that were not rated: the interval of a
generator's mean net share against the others, with its half-width in points, and its rank set (at most 5 % wrong is
promised):"""
    drift = f"""How often the alarm for a score goes off when it is looked at after every prompt, in percent; at most
{100 * _coverage_parts.ALPHA:.0f} is promised where nothing changed:"""
    return joined(
        (draws, _coverage_parts.draws(simulations, seed)),
        (style, _coverage_parts.style(simulations, seed)),
        (groups, _coverage_parts.groups(simulations, seed)),
        (powered, _coverage_parts.powered(simulations, seed)),
        (drift, _coverage_parts.drift(simulations, seed)),
    )


@dataclass(frozen=True)
class Part:
    """A part of the page between two marks, and what writes it from the number of simulations and the seed."""

    name: str
    write: Callable[[int, int], str]

    @property
    def start(self) -> str:
        return f"<!-- {self.name}: written by benchmarks/coverage.py -->"

    @property
    def end(self) -> str:
        return f"<!-- end of {self.name} -->"


PARTS: Mapping[str, Part] = {
    each.name: each
    for each in (
        Part("shares", intervals),
        Part("votes", votes),
        Part("bootstrap", bootstrap),
        Part("equivalence", equivalence),
        Part("differences", differing),
        Part("rankings", rankings),
        Part("agreement", agreement),
        Part("sides", sides),
        Part("narrower", narrower),
        Part("automatic", automatic),
        Part("looking", looking),
        Part("tests", testing),
        Part("parts", parts),
    )
}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Coverage of every interval, written into docs/coverage.md.")
    parser.add_argument("--simulations", type=int, default=1000, help="simulations of each design (default 1000)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--part", choices=list(PARTS), help="only this part of the page (default: all)")
    parser.add_argument("--no-write", action="store_true", help="print the tables and leave the page as it is")
    options = refuse_repeated(parser).parse_args(arguments)
    if options.simulations < 1:
        parser.error("--simulations must be 1 or more")
    for name in [options.part] if options.part else PARTS:
        text = PARTS[name].write(options.simulations, options.seed)
        print(text)
        if not options.no_write:
            write_section(PAGE, PARTS[name].start, PARTS[name].end, text)
            print(f"{name}: written into {PAGE.name}.", file=sys.stderr)
    return SUCCESS


if __name__ == "__main__":
    raise SystemExit(main())
