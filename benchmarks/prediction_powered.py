"""Coverage and width of prediction-powered preference rates on simulated crowds; writes the table into a page.

    python -m benchmarks.prediction_powered [--simulations 4000] [--seed 1] [--no-write]

Each simulation draws prompts, automatic scores, which prompts are rated, raters and their answers, from a model whose
truth is known, and goes through the functions that `against_people` uses, with the classical interval beside it.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from benchmarks import _coverage_agreement
from benchmarks._coverage_peer import peer_interval
from common.commands import SUCCESS, refuse_repeated
from common.pages import write_section
from common.places import DOCUMENTATION
from evaluation.analysis.crossed_spread import Spread
from evaluation.analysis.powered_mean import (
    RatedSuite,
    fit_predictor,
    no_predictor,
    powered_mean,
)
from evaluation.analysis.simulate import choice_probabilities

Float = npt.NDArray[np.float64]
PAGE = DOCUMENTATION / "against-people.md"
START, END = "<!-- coverage: written by benchmarks/prediction_powered.py -->", "<!-- end of coverage -->"
ESTIMANDS = ("new_prompts", "these_prompts")
_NODES, _MASS = np.polynomial.hermite_e.hermegauss(24)
_MASS = _MASS / _MASS.sum()


@dataclass(frozen=True)
class Case:
    """A suite, a panel and automatic scores.

    ``prompts`` and ``rated``: by category, how many there are and how many of them people rate, drawn at random.
    ``quality``: of each automatic score, its correlation with what the prompt really does to the raters' leaning.
    ``rater``, ``prompt``, ``taste``: spread on the logit scale of raters, of prompts, and of raters' tastes by prompt.
    ``tie``: half-width of the band of indifference. ``keep``: share of the rater-prompt cells that are rated. ``lean``:
    logit of A over B, by category. ``nested``: each category has raters of its own. ``tails``: degrees of freedom of
    the scores' noise (0: normal).
    """

    name: str
    raters: int
    prompts: tuple[int, ...]
    rated: tuple[int, ...]
    quality: tuple[float, ...]
    rater: float = 0.5
    prompt: float = 1.0
    taste: float = 0.0
    tie: float = 0.4
    keep: float = 1.0
    lean: tuple[float, ...] = (0.3,)
    nested: bool = False
    tails: int = 0


ELEVEN = (25, 10, 22, 20, 10, 20, 10, 7, 38, 20, 18)
BASE = Case("", 25, (200,), (40,), (0.7,))
CASES = (
    replace(BASE, name="useless score", quality=(0.0,)),
    replace(BASE, name="weak score (.3)", quality=(0.3,)),
    replace(BASE, name="fair score (.5)", quality=(0.5,)),
    replace(BASE, name="good score (.7)", quality=(0.7,)),
    replace(BASE, name="very good score (.9)", quality=(0.9,)),
    replace(BASE, name="perfect score (1)", quality=(1.0,)),
    replace(BASE, name="a score that is upside down (-.7)", quality=(-0.7,)),
    replace(BASE, name="5 raters, useless", raters=5, quality=(0.0,)),
    replace(BASE, name="5 raters, good", raters=5),
    replace(BASE, name="5 raters, 20 rated, useless", raters=5, rated=(20,), quality=(0.0,)),
    replace(BASE, name="5 raters, 20 rated, good", raters=5, rated=(20,)),
    replace(BASE, name="5 raters who agree, 20 rated, good", raters=5, rated=(20,), rater=0.0),
    replace(BASE, name="5 raters who differ much, 40 rated", raters=5, rater=1.0),
    replace(BASE, name="3 raters, 30 rated, good", raters=3, rated=(30,)),
    replace(BASE, name="25 raters, 20 rated, good", rated=(20,)),
    replace(BASE, name="100 raters, 20 rated, very good", raters=100, rated=(20,), rater=0.3, quality=(0.9,)),
    replace(BASE, name="10 rated, good", rated=(10,)),
    replace(BASE, name="150 of 200 rated, good", rated=(150,)),
    replace(BASE, name="40 of 2,000 rated, good", prompts=(2000,)),
    replace(BASE, name="no ties, clear lead (A in 85 %)", tie=0.0, lean=(2.2,)),
    replace(BASE, name="70 % ties", tie=1.9),
    replace(BASE, name="tastes differ by prompt", taste=1.0),
    replace(BASE, name="prompts alike (.2)", prompt=0.2),
    replace(BASE, name="three scores (.6, .4, 0)", quality=(0.6, 0.4, 0.0)),
    replace(BASE, name="eight scores, one good, 20 rated", rated=(20,), quality=(0.7,) + (0.0,) * 7),
    replace(BASE, name="scores with outliers", tails=2),
    replace(BASE, name="each rater half of the 40", keep=0.5),
    replace(BASE, name="60 raters, a tenth of 60 each", raters=60, rated=(60,), keep=0.1),
    replace(BASE, name="two categories, unlike", prompts=(60, 140), rated=(30, 10), lean=(1.0, -0.5)),
    replace(BASE, name="DrawBench, a fifth rated", prompts=ELEVEN, rated=tuple(max(n // 5, 2) for n in ELEVEN)),
    replace(
        BASE,
        name="DrawBench, 4 of each category rated, unlike",
        prompts=ELEVEN,
        rated=(4,) * 11,
        lean=tuple(np.linspace(-1, 1, 11)),
    ),
    replace(
        BASE, name="DrawBench nested, 5 raters, 5 prompts each", prompts=ELEVEN, rated=(5,) * 11, raters=5, nested=True
    ),
    replace(BASE, name="fifteen scores, three fair, 10 rated", rated=(10,), quality=(0.5,) * 3 + (0.0,) * 12),
    replace(BASE, name="no ties, A in 97 %", tie=0.0, lean=(4.0,)),
    replace(BASE, name="120 of 400 rated, held out in groups", prompts=(400,), rated=(120,)),
    replace(BASE, name="2 raters, good", raters=2),
)


@dataclass(frozen=True)
class CaseResult:
    """What was seen of one case: by estimand and kind of interval, whether each held the truth, its half-width, and how
    far the estimate was off; ``milliseconds`` of one prediction-powered estimate.
    """

    holds: dict[tuple[str, str], Float]
    width: dict[tuple[str, str], Float]
    error: dict[tuple[str, str], Float]
    milliseconds: float

    def coverage(self, estimand: str, kind: str) -> float:
        return float(self.holds[estimand, kind].mean())

    def width_ratio(self, estimand: str) -> float:
        """Mean width of the powered intervals by that of the classical ones."""
        return float(self.width[estimand, "powered"].mean() / self.width[estimand, "classical"].mean())

    def error_ratio(self, estimand: str) -> float:
        """Root mean squared error of the powered estimate by that of the classical one."""
        squares = [float((self.error[estimand, kind] ** 2).mean()) for kind in ("powered", "classical")]
        return math.sqrt(squares[0] / squares[1])

    def bias(self, estimand: str) -> float:
        """Mean error of the powered estimate by its own standard error over the simulations: within +-3 by chance."""
        errors = self.error[estimand, "powered"]
        return float(errors.mean() / errors.std() * math.sqrt(len(errors)))


def net(centre: npt.ArrayLike, sd: float, tie: float) -> Float:
    """Expected net share at latent logits ``centre`` with a normal spread ``sd``."""
    a, _, b = choice_probabilities(np.asarray(centre)[..., None] + sd * _NODES, tie)
    return np.asarray((a - b) @ _MASS)


def draw(case: Case, rng: np.random.Generator) -> tuple[RatedSuite, dict[str, float]]:
    """A simulated study and the truth of each estimand."""
    category = np.repeat(np.arange(len(case.prompts)), case.prompts)
    lean = np.resize(case.lean, len(case.prompts))[category]
    effect = rng.normal(size=len(category))
    u = lean + case.prompt * effect
    shape = len(category), len(case.quality)
    noise = rng.standard_t(case.tails, shape) if case.tails else rng.normal(size=shape)
    quality = np.array(case.quality)
    scores = 0.2 + effect[:, None] * quality + np.sqrt(1 - quality**2) * noise
    rank = rng.random(len(category))
    rated = np.concatenate(
        [np.flatnonzero(category == at)[np.argsort(rank[category == at])[:n]] for at, n in enumerate(case.rated)]
    )
    unrated = np.setdiff1d(np.arange(len(category)), rated)
    n_panels = len(case.prompts) if case.nested else 1
    rater, prompt = (each.ravel() for each in np.indices((case.raters * n_panels, len(rated))))
    if case.nested:
        same = rater // case.raters == category[rated][prompt]
        rater, prompt = rater[same], prompt[same]
    if case.keep < 1:
        kept = rng.random((case.raters, len(rated))).argsort(axis=1) < max(round(case.keep * len(rated)), 1)
        rater, prompt = np.nonzero(kept)
        seen, prompt = np.unique(prompt, return_inverse=True)
        unrated, rated = np.union1d(unrated, np.delete(rated, seen)), rated[seen]
    leaning = u[rated][prompt] + case.rater * rng.normal(size=case.raters * n_panels)[rater]
    if case.taste:
        leaning = leaning + case.taste * rng.normal(size=len(rater))
    a, indifferent, _ = choice_probabilities(leaning, case.tie)
    drawn = rng.random(len(rater))
    y = np.where(drawn < a, 1.0, np.where(drawn < a + indifferent, 0.0, -1.0))
    within = math.hypot(case.rater, case.taste)
    truth = {
        "new_prompts": float(net(lean, math.hypot(within, case.prompt), case.tie).mean()),
        "these_prompts": float(net(u, within, case.tie).mean()),
    }
    return RatedSuite(y, rater, prompt, category[rated], category[unrated], scores[rated], scores[unrated]), truth


KINDS = ("classical", "powered", "two_way")


def run_case(case: Case, simulations: int, rng: np.random.Generator, level: float = 0.95) -> CaseResult:
    """Simulate ``case``: classical and powered intervals of the same studies. ``two_way``: powered, with the degrees of
    freedom of this package's other intervals.
    """
    keys = [(estimand, kind) for estimand in ESTIMANDS for kind in KINDS]
    held, width, error = ({key: np.zeros(simulations) for key in keys} for _ in range(3))
    seconds = 0.0
    for at in range(simulations):
        suite, truth = draw(case, rng)
        classical = powered_mean(suite, no_predictor(suite))
        started = time.process_time()
        powered = powered_mean(suite, fit_predictor(suite))
        seconds += time.process_time() - started
        for estimand, kind in keys:
            mean = classical if kind == "classical" else powered
            spread: Spread = getattr(mean, estimand)
            df = spread.df if kind == "two_way" else spread.satterthwaite
            off = mean.estimate - truth[estimand]
            half = stdtrit(df, (1 + level) / 2) * math.sqrt(spread.variance)
            held[estimand, kind][at] = abs(off) <= half
            width[estimand, kind][at] = half
            error[estimand, kind][at] = off
    return CaseResult(held, width, error, 1000 * seconds / simulations)


def verdict(result: CaseResult) -> str:
    """How the intervals fare against the aim of 93 to 97 %, in what both estimands have worst."""
    seen = [result.coverage(estimand, "powered") for estimand in ESTIMANDS]
    if max(seen) > 0.97:
        return "conservative"
    return "" if min(seen) >= 0.93 else "too narrow"


def row(case: Case, result: CaseResult) -> str:
    cells = [case.name]
    for estimand in ESTIMANDS:
        cells += [f"{100 * result.coverage(estimand, kind):.1f}" for kind in KINDS]
        cells += [f"{result.width_ratio(estimand):.2f}", f"{result.error_ratio(estimand):.2f}"]
    return "| " + " | ".join([*cells, verdict(result), f"{result.milliseconds:.1f}"]) + " |"


def table(simulations: int, seed: int) -> list[str]:
    columns = ["ratings alone", "with scores", "with scores, min(raters, prompts) - 1", "width", "error"]
    lines = ["| design | " + " | ".join([f"new prompts: {columns[0]}", *columns[1:], f"these prompts: {columns[0]}"])]
    lines[0] += " | " + " | ".join([*columns[1:], "", "ms"]) + " |"
    lines.append("|" + "---|" * 13)
    for number, case in enumerate(CASES):
        found = run_case(case, simulations, np.random.default_rng([seed, number]))
        lines.append(row(case, found))
        biases = ", ".join(f"{found.bias(estimand):+.1f}" for estimand in ESTIMANDS)
        print(f"{lines[-1]}  bias {biases} standard errors", file=sys.stderr, flush=True)
    return lines


PEER_CASES = ("good score (.7)", "25 raters, 20 rated, good", "5 raters, good", "5 raters who differ much, 40 rated")


def peer_table(simulations: int, seed: int) -> list[str]:
    """ppi-python's interval on the same studies as ours, against the truth for new prompts and raters."""
    lines = ["| design | ppi-python | mean half-width, points | own | mean half-width, points |", "|" + "---|" * 5]
    for number, name in enumerate(PEER_CASES):
        case, rng = next(each for each in CASES if each.name == name), np.random.default_rng([seed, 2000 + number])
        hits, width = np.zeros(2), np.zeros(2)
        for _ in range(simulations):
            suite, truth = draw(case, rng)
            own = powered_mean(suite, fit_predictor(suite))
            spread = own.new_prompts
            half = float(stdtrit(spread.satterthwaite, 0.975)) * math.sqrt(spread.variance)
            found = np.array([peer_interval(suite), (own.estimate, half)])
            hits += np.abs(found[:, 0] - truth["new_prompts"]) <= found[:, 1]
            width += found[:, 1]
        cells = [f"{100 * hits[at] / simulations:.1f} | {100 * width[at] / simulations:.1f}" for at in (0, 1)]
        lines.append(f"| {name}: peer | {cells[0]} | {cells[1]} |")
    return lines


def report(simulations: int, seed: int) -> str:
    error, few = 100 * math.sqrt(0.05 * 0.95 / simulations), max(simulations // 4, 1)
    head = f"""Coverage in percent of nominal 95 % intervals of the net share, from {simulations:,} simulations of each
design (seed {seed}). One standard error is {error:.1f} points.

- Unless the design says otherwise, 25 raters of spread .5 (logit scale) rate 40 of 200 prompts of spread 1, with ties.
  There is one score, whose correlation with the prompt's effect is .7.
- `width`: the interval's mean width with scores, divided by that without. `error`: the same for the estimate's root
  mean squared error.
- `ms`: processor milliseconds for an estimate."""
    agreement = f"""Agreement, for new raters and new prompts, from {few:,} simulations of each design. A
design's name gives raters x prompts, the spread of raters / prompts, and the correlations of two scores. The truth of
`accuracy` is that of a threshold chosen on as many prompts."""
    peer = "The peer ppi-python 0.2.3, which treats each prompt's mean rating as an independent value "
    peer += f"({few:,} simulations):"
    parts = [
        (head, table(simulations, seed)),
        (agreement, _coverage_agreement.table(few, seed)),
        (peer, peer_table(few, seed)),
    ]
    return "\n\n".join(f"{title}\n\n" + "\n".join(lines) for title, lines in parts)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Coverage of what docs/against-people.md promises, written into it.")
    parser.add_argument("--simulations", type=int, default=4000, help="simulations of each design (default 4000)")
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
