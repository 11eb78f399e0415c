"""Coverage of every interval on offer, on the designs of the documentation; writes the table into docs/statistics.md.

    python -m benchmarks.coverage [--simulations 2000] [--seed 1] [--no-write]

Each simulation draws raters, prompts and answers from the simulated crowd, whose truth is known, and goes through the
functions that a report uses. The Monte Carlo error of a coverage near 95 % is .5 points at 2,000 simulations.
"""

from __future__ import annotations

import argparse
import itertools
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evaluation.analysis import validate_ratings
from evaluation.analysis.coverage import OWN, Coverage, Pattern, coverage
from evaluation.analysis.ranking import rank_generators
from evaluation.analysis.resample import resample_cells
from evaluation.analysis.sequential import replay
from evaluation.analysis.simulate import CrowdSpec, Design, choice_probabilities, simulate_ratings, true_shares

DRAWBENCH = {f"category {at}": count for at, count in enumerate((25, 10, 22, 20, 10, 20, 10, 7, 38, 20, 18), start=1)}
COLUMNS = ("two_way", "anova", "pigeonhole", "by_rater", OWN["by_rater"], "by_prompt", OWN["by_prompt"])
NAIVE = ("independent", "wilson", "tango")
PAGE = Path(__file__).parents[1] / "docs" / "statistics.md"
START, END = "<!-- coverage: written by benchmarks/coverage.py -->", "<!-- end of coverage -->"


@dataclass(frozen=True)
class Case:
    """A design, a crowd, and the logit of A over B for an average rater and prompt."""

    name: str
    design: Design
    spec: CrowdSpec
    preference: float = 0.3


def crossed(raters: int, prompts: int, share: float = 1.0) -> Design:
    return Design(raters, {"all": prompts}, share_rated=share)


def crowd(rater: float, prompt: float, tie: float = 0.0, interaction: float = 0.0) -> CrowdSpec:
    return CrowdSpec(rater_sd=rater, prompt_sd=prompt, tie=tie, interaction_sd=interaction)


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


def verdict(found: Coverage) -> str:
    """How the default fares against the aim of 94 to 96.5 %."""
    own = found.intervals["two_way"]
    if own.coverage > 0.965:
        return "conservative"
    return "" if own.coverage + own.error >= 0.94 else "too narrow"


def row(case: Case, found: Coverage) -> str:
    def cell(name: str, width: bool = False) -> str:
        each = found.intervals.get(name)
        if each is None:
            return "-"
        text = f"{100 * each.coverage:.1f}" + (f" (±{100 * each.half_width:.1f})" if width else "")
        gaps = 1 - each.n_intervals / found.n_simulations
        return text + (f" [{100 * gaps:.0f}% none]" if gaps >= 0.005 else "")

    cells = [cell("two_way", width=True), verdict(found), *(cell(name) for name in COLUMNS[1:])]
    cells += [cell("independent", width=True), *(cell(name) for name in NAIVE[1:]), f"{found.milliseconds:.1f}"]
    return f"| {case.name} | " + " | ".join(cells) + " |"


def table(simulations: int, seed: int) -> list[str]:
    names = ["design", "two_way (default)", "", *COLUMNS[1:], "independent", *NAIVE[1:], "ms"]
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    for number, case in enumerate(CASES):
        rng = np.random.default_rng([seed, number])
        started = time.process_time()
        found = coverage(Pattern.of_design(case.design, rng), case.spec, case.preference, simulations, rng)
        lines.append(row(case, found))
        print(f"{lines[-1]}  {time.process_time() - started:.1f} CPU s", file=sys.stderr, flush=True)
    return lines


def bootstrap(simulations: int, seed: int) -> list[str]:
    """The seeded pigeonhole bootstrap's percentile interval beside its closed form."""
    lines = ["| design | pigeonhole bootstrap, percentiles | mean half-width, points |", "|---|---|---|"]
    for number, (raters, prompts, sd) in enumerate(((25, 50, 0.5), (25, 20, 0.5), (10, 20, 1.0))):
        rng = np.random.default_rng([seed, 100 + number])
        spec = crowd(sd, sd, 0.4)
        a, _, b = true_shares(spec, 0.3)
        rater, prompt = (each.ravel() for each in np.indices((raters, prompts)))
        hits, width = 0, 0.0
        for at in range(simulations):
            u = 0.3 + sd * rng.normal(size=raters)[rater] + sd * rng.normal(size=prompts)[prompt]
            p_a, tie, _ = choice_probabilities(u, spec.tie)
            draw = rng.random(len(u))
            score = np.where(draw < p_a, 1.0, np.where(draw < p_a + tie, 0.0, -1.0))
            zeros = np.zeros(len(u), dtype=np.int64)
            found = resample_cells(rater, prompt, zeros, score, ["all"], draws=400, seed=at).interval()
            hits += found.low <= a - b <= found.high
            width += found.half_width
        lines.append(
            f"| {raters} x {prompts}, {sd:g} / {sd:g}, ties | {100 * hits / simulations:.1f} "
            f"| {100 * width / simulations:.1f} |"
        )
    return lines


def ranking(simulations: int, seed: int) -> list[str]:
    """Gaps of Bradley-Terry scores between three generators, against votes as independent."""
    lines = ["| design | two-way, t | votes as independent |", "|---|---|---|"]
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    for number, sd in enumerate((0.5, 1.0)):
        rng = np.random.default_rng([seed, 200 + number])
        gap = float(choice_probabilities(0.5 + math.sqrt(2) * sd * nodes, 0)[0] @ weights / weights.sum())
        truth = math.log(gap / (1 - gap))  # both pairs that meet have this gap on average
        wide = narrow = 0
        for _ in range(simulations):
            pairs = {("x", "y"): 0.5, ("y", "z"): 0.5}
            frame = validate_ratings(simulate_ratings(crossed(15, 20), crowd(sd, sd), pairs, rng))
            found = rank_generators(frame, model="bradley-terry")
            x, y = (found.score_of(name) for name in "xy")
            assert found.covariance is not None and found.df is not None
            i, j = 0, 1  # generators are in alphabetical order in the covariance
            c = found.covariance
            se = math.sqrt(max(c[i, i] + c[j, j] - 2 * c[i, j], 0))
            off = abs(x.score - y.score - truth)
            wide += off <= 2.1447866879 * se  # t(14)
            n = 15 * 20
            p = 1 / (1 + math.exp(-(x.score - y.score)))
            narrow += off <= 1.959963985 / math.sqrt(n * p * (1 - p))
        name = f"3 generators, 15 x 20, {sd:g} / {sd:g}"
        lines.append(f"| {name} | {100 * wide / simulations:.1f} | {100 * narrow / simulations:.1f} |")
    return lines


def looking(simulations: int, seed: int) -> list[str]:
    """Ever-wrong rates when one looks after every rater."""
    lines = ["| design | anytime-valid t sequence | ordinary t interval | votes as independent |", "|---|---|---|---|"]
    for number, (raters, prompts, sd) in enumerate(itertools.product((25, 100), (20, 200), (0.5,))):
        rng = np.random.default_rng([seed, 300 + number])
        found = replay(crossed(raters, prompts), crowd(sd, 0.5, 0.4), 0.3, simulations, rng)
        rates = (found.sequence_ever_wrong, found.naive_ever_wrong, found.votes_ever_wrong)
        shown = " | ".join(f"{100 * rate:.1f}" for rate in rates)
        lines.append(f"| {raters} raters x {prompts} prompts, .5 / .5, ties | {shown} |")
    return lines


def report(simulations: int, seed: int) -> str:
    few = max(simulations // 5, 1)
    error = 100 * math.sqrt(0.05 * 0.95 / simulations)
    head = f"""Coverage in percent of nominal 95 % intervals of the net share.
{simulations:,} simulations each (seed {seed}); one standard error is {error:.1f} points. Raters x prompts, spread of
the random effects of raters / prompts on the logit scale; in brackets the mean half-width in points, and how often
there was no interval. Held against the truth for new raters and new prompts; the columns that name an estimand of
their own are held against that. `ms`: milliseconds of one estimate with all its intervals, on a busy machine."""
    parts = [
        (head, table(simulations, seed)),
        (f"The seeded bootstrap ({few:,} simulations of 400 draws):", bootstrap(few, seed)),
        (f"Gaps of Bradley-Terry scores ({few:,} simulations):", ranking(few, seed)),
        (
            f"Looking after every rater: how often, in percent, the interval was ever wrong ({simulations:,} studies):",
            looking(simulations, seed),
        ),
    ]
    return "\n\n".join(f"{title}\n\n" + "\n".join(lines) for title, lines in parts)


def write(text: str) -> None:
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(START)
    after = rest.split(END)[1]
    PAGE.write_text(f"{before}{START}\n{text}\n{END}{after}", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Coverage of every interval, written into docs/statistics.md.")
    parser.add_argument("--simulations", type=int, default=2000, help="simulations of each design (default 2000)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-write", action="store_true", help="print the tables and leave the page as it is")
    options = parser.parse_args(arguments)
    if options.simulations < 1:
        parser.error("--simulations must be 1 or more")
    text = report(options.simulations, options.seed)
    print(text)
    if not options.no_write:
        write(text)
        print(f"Written into {PAGE.name}.", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
