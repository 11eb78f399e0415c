"""Coverage of resampling, equivalence, differences, rankings, agreement and looks."""

from __future__ import annotations

import itertools
import math
import time

import numpy as np
import numpy.typing as npt

from evaluation.analysis import validate_ratings
from evaluation.analysis.agreement import Agreement, fleiss_kappa, krippendorff_alpha
from evaluation.analysis.compare import equivalence
from evaluation.analysis.coverage import Pattern, simulated_rates
from evaluation.analysis.crossed import quantile
from evaluation.analysis.paired_models import Model
from evaluation.analysis.ranking import rank_generators
from evaluation.analysis.resample import resample_cells
from evaluation.analysis.simulate import CrowdSpec, Design, choice_probabilities, simulate_ratings, true_shares

Float = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
DRAWBENCH = {f"category {at}": count for at, count in enumerate((25, 10, 22, 20, 10, 20, 10, 7, 38, 20, 18), start=1)}
PREFERENCE = 0.3  # logit of A over B for an average rater and prompt, wherever nothing else is said


def crossed(raters: int, prompts: int, share: float = 1.0) -> Design:
    return Design(raters, {"all": prompts}, share_rated=share)


def crowd(rater: float, prompt: float, tie: float = 0.0, interaction: float = 0.0) -> CrowdSpec:
    return CrowdSpec(rater_sd=rater, prompt_sd=prompt, tie=tie, interaction_sd=interaction)


def draw_choices(u: Float, tie: float, rng: np.random.Generator) -> Index:
    """Codes of a, indifferent and b at latent logits ``u``."""
    a, indifferent, _ = choice_probabilities(u, tie)
    draw = rng.random(u.shape)
    return np.where(draw < a, 0, np.where(draw < a + indifferent, 1, 2))


def bootstrap(simulations: int, seed: int) -> list[str]:
    """The seeded pigeonhole bootstrap's percentile interval, overall and of a category."""
    lines = ["| design | overall | mean half-width, points | its smallest category | ms |", "|---|---|---|---|---|"]
    cases = [
        ("25 x 50, .5 / .5, ties", crossed(25, 50), 0.5),
        ("25 x 20, .5 / .5, ties", crossed(25, 20), 0.5),
        ("10 x 20, 1 / 1, ties", crossed(10, 20), 1.0),
        ("25 x 20, 60 % of cells, .5 / .5, ties", crossed(25, 20, 0.6), 0.5),
        ("25 x (30 + 10), .5 / .5, ties", Design(25, {"c": 30, "d": 10}), 0.5),
        ("DrawBench nested, 25 each, .5 / .5, ties", Design(25, DRAWBENCH, nested=True), 0.5),
    ]
    for number, (name, design, sd) in enumerate(cases):
        rng = np.random.default_rng([seed, 100 + number])
        pattern = Pattern.of_design(design, rng)
        truth = net(crowd(sd, sd, 0.4), PREFERENCE)
        names = list(design.prompts)
        smallest = min(names, key=lambda each: design.prompts[each])
        hits = small = 0
        width = seconds = 0.0
        for at in range(simulations):
            rater, prompt = (sd * rng.normal(size=each.max() + 1) for each in (pattern.rater, pattern.prompt))
            choice = draw_choices(PREFERENCE + rater[pattern.rater] + prompt[pattern.prompt], 0.4, rng)
            started = time.process_time()
            found = resample_cells(
                pattern.rater, pattern.prompt, pattern.category, (1 - choice).astype(float), names, draws=400, seed=at
            )
            overall, category = found.interval(), found.interval(smallest)
            seconds += time.process_time() - started
            hits += overall.low <= truth <= overall.high
            small += category.low <= truth <= category.high
            width += overall.half_width
        category_cell = percent(small, simulations) if len(names) > 1 else "-"
        lines.append(
            f"| {name} | {percent(hits, simulations)} | {100 * width / simulations:.1f} | {category_cell} "
            f"| {1000 * seconds / simulations:.1f} |"
        )
    return lines


def percent(hits: float, n: int) -> str:
    return f"{100 * hits / n:.1f}"


def net(spec: CrowdSpec, preference: float) -> float:
    """The true net share."""
    a, _, b = true_shares(spec, preference)
    return a - b


def equivalences(simulations: int, seed: int) -> list[str]:
    """How often TOST says equivalent where the truth is the margin: at most 5 % wanted."""
    lines = ["| design | margin, points | effective (default) | votes as independent |", "|---|---|---|---|"]
    cases = [
        ("25 x 200, .5 / .5, ties", crossed(25, 200), 0.5),
        ("100 x 200, .2 / .2, ties", crossed(100, 200), 0.2),
        ("25 x 20, .5 / .5, ties", crossed(25, 20), 0.5),
        ("DrawBench nested, 25 each, .5 / .5, ties", Design(25, DRAWBENCH, nested=True), 0.5),
    ]
    for number, (name, design, sd) in enumerate(cases):
        rng = np.random.default_rng([seed, 400 + number])
        spec = crowd(sd, sd, 0.4)
        margin = net(spec, 0.6)
        own = votes = 0
        pattern = Pattern.of_design(design, rng)
        for drawn in simulated_rates(pattern, spec, 0.6, simulations, rng):
            estimate = drawn.rate.net
            own += equivalence(estimate, margin).equivalent
            votes += equivalence(
                type(estimate)(estimate.estimate, "independent", estimate.intervals), margin
            ).equivalent
        lines.append(f"| {name} | {100 * margin:.1f} | {percent(own, simulations)} | {percent(votes, simulations)} |")
    return lines


def ranking(simulations: int, seed: int) -> list[str]:
    """Gaps and scores of three generators, their rank bands all at once, against votes as independent."""
    lines = ["| design | gap, two-way t | gap, votes as independent | score | all rank bands | ms |"]
    lines.append("|---|---|---|---|---|---|")
    models: tuple[Model, ...] = ("bradley-terry", "davidson")
    for number, (model, sd) in enumerate(itertools.product(models, (0.5, 1.0))):
        rng = np.random.default_rng([seed, 200 + number])
        spec = crowd(sd, sd, 0.0 if model == "bradley-terry" else 0.4)
        a, tie, b = true_shares(spec, 0.5)
        truth = math.log(a / b)  # both pairs that meet have this gap, and one tie parameter fits them both
        wide = narrow = scores = bands = 0
        seconds = 0.0
        for _ in range(simulations):
            frame = validate_ratings(simulate_ratings(crossed(15, 20), spec, {("x", "y"): 0.5, ("y", "z"): 0.5}, rng))
            started = time.process_time()
            found = rank_generators(frame, model=model)
            seconds += time.process_time() - started
            x, y = (found.score_of(name) for name in "xy")
            c = found.covariance
            assert c is not None and found.df is not None and x.low is not None and x.high is not None
            se = math.sqrt(max(c[0, 0] + c[1, 1] - 2 * c[0, 1], 0))  # generators are in alphabetical order there
            off = abs(x.score - y.score - truth)
            wide += off <= quantile(0.95, found.df) * se
            n = 15 * 20
            naive = math.sqrt((1 - tie) * n * a * b / (a + b) ** 2)  # of the decided votes
            narrow += off <= 1.959963985 / naive
            scores += x.low <= truth <= x.high  # scores have mean zero: x, y, z are truth, 0 and -truth
            ranks = {name: found.score_of(name) for name in "xyz"}
            bands += all(each.rank_low <= at <= each.rank_high for at, each in enumerate(ranks.values(), start=1))
        cells = " | ".join(percent(each, simulations) for each in (wide, narrow, scores, bands))
        name = f"{model}, 3 generators, 15 x 20, {sd:g} / {sd:g}"
        lines.append(f"| {name} | {cells} | {1000 * seconds / simulations:.1f} |")
    return lines


def agreements(simulations: int, seed: int) -> list[str]:
    """Jackknife intervals over prompts, against the value for these raters and for new ones."""
    names = ("alpha, nominal", "alpha, ordinal", "Fleiss' kappa")
    lines = ["| design | " + " | ".join(f"{name}: these raters | new raters" for name in names) + " | ms |"]
    lines.append("|" + "---|" * 8)
    for number, (raters, prompts, sd) in enumerate(((25, 50, 0.5), (25, 200, 0.5), (25, 50, 1.0), (5, 50, 1.0))):
        rng = np.random.default_rng([seed, 600 + number])
        nodes, weights = np.polynomial.hermite_e.hermegauss(40)
        weights = weights / weights.sum()
        new = true_agreement((PREFERENCE + sd * nodes)[:, None], sd, weights)
        hits = np.zeros((3, 2), dtype=np.int64)
        seconds = 0.0
        for _ in range(simulations):
            leaning = PREFERENCE + sd * rng.normal(size=raters)
            choice = draw_choices(leaning + sd * rng.normal(size=(prompts, 1)), 0.4, rng)
            counts = np.stack([(choice == code).sum(axis=1) for code in range(3)], axis=1)
            started = time.process_time()
            found: list[Agreement] = [krippendorff_alpha(counts, "nominal"), krippendorff_alpha(counts, "ordinal")]
            found.append(fleiss_kappa(counts))
            seconds += time.process_time() - started
            own = true_agreement(leaning[:, None], sd, None)
            for at, each in enumerate(found):
                assert each.low is not None and each.high is not None
                hits[at] += [each.low <= truth[at] <= each.high for truth in (own, new)]
        cells = " | ".join(percent(each, simulations) for each in hits.ravel().tolist())
        lines.append(f"| {raters} x {prompts}, {sd:g} / {sd:g}, ties | {cells} | {1000 * seconds / simulations:.1f} |")
    return lines


def true_agreement(leaning: Float, sd: float, weights: Float | None) -> tuple[float, float, float]:
    """Nominal and ordinal alpha and Fleiss' kappa over endlessly many prompts of spread ``sd``.

    ``leaning``: (raters, 1), the raters' logits; with ``weights`` they are nodes of the raters' distribution (pairs of
    new raters), else these raters (pairs of different ones).
    """
    nodes, mass = np.polynomial.hermite_e.hermegauss(40)
    mass = mass / mass.sum()
    p = np.stack(choice_probabilities(leaning + sd * nodes, 0.4))  # (choice, rater, prompt)
    if weights is not None:
        mean = np.einsum("crp,r->cp", p, weights)
        pairs = np.einsum("cp,kp,p->ck", mean, mean, mass)
    else:
        total, n = p.sum(axis=1), p.shape[1]
        same = np.einsum("crp,krp,p->ck", p, p, mass)
        pairs = (np.einsum("cp,kp,p->ck", total, total, mass) - same) / (n * (n - 1))
    marginals = pairs.sum(axis=1)
    upto = np.cumsum(marginals) - marginals / 2
    found = []
    for distance in (1 - np.eye(3), (upto[:, None] - upto[None, :]) ** 2):
        found.append(1 - (pairs * distance).sum() / (np.outer(marginals, marginals) * distance).sum())
    return float(found[0]), float(found[1]), float(found[0])
