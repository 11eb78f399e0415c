"""Coverage where several pairs share raters and prompts: rank bands, agreement over all pairs, and sides."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks._coverage_more import draw_choices, percent
from evaluation.analysis.agreement import krippendorff_alpha
from evaluation.analysis.classic import clopper_pearson
from evaluation.analysis.crossed import quantile
from evaluation.analysis.ranking import rank_generators
from evaluation.analysis.sides import side_bias

Float = npt.NDArray[np.float64]
TIE = 0.4


def panel(
    raters: int, prompts: int, scores: npt.NDArray[np.floating], spreads: tuple[float, float], rng: np.random.Generator
) -> pd.DataFrame:
    """All pairs of generators with these true ``scores``, rated by all raters on all prompts, in validated form.

    ``spreads``: standard deviations, on the logit scale of a pair, of what raters and prompts add to its gap.
    """
    n = len(scores)
    rater, prompt, pair = (each.ravel() for each in np.indices((raters, prompts, n * (n - 1) // 2)))
    first, second = (each[pair] for each in np.triu_indices(n, 1))
    taste = spreads[0] / math.sqrt(2) * rng.normal(size=(raters, n))
    suits = spreads[1] / math.sqrt(2) * rng.normal(size=(prompts, n))
    worth = scores + np.zeros((raters, prompts, n)) + taste[:, None, :] + suits[None, :, :]
    gap = worth[rater, prompt, first] - worth[rater, prompt, second]
    names = [f"g{at}" for at in range(n)]
    columns = {
        "rater_id": (rater, [f"r{at:03d}" for at in range(raters)]),
        "prompt_id": (prompt, [f"p{at:03d}" for at in range(prompts)]),
        "category": (np.zeros_like(rater), ["c"]),
        "generator_a": (first, names),
        "generator_b": (second, names),
        "question": (np.zeros_like(rater), ["q"]),
        "choice": (draw_choices(gap, TIE, rng), ["a", "indifferent", "b"]),
    }
    frame = pd.DataFrame({name: pd.Categorical.from_codes(code, levels) for name, (code, levels) in columns.items()})
    return frame.assign(control=False, simulated=True)


def bands(simulations: int, seed: int) -> list[str]:
    """Family-wise errors and widths of rank bands."""
    lines = ["| design | equal: wrong | width | steps of .4: wrong | width | former width | score's interval covers |"]
    lines.append("|---|---|---|---|---|---|---|")
    cases = [(3, 60, 7, 0.0), (3, 60, 7, 0.5), (3, 60, 7, 1.0), (3, 60, 4, 0.5), (5, 60, 5, 0.5), (25, 20, 4, 0.5)]
    for number, (raters, prompts, n, spread) in enumerate(cases):
        rng = np.random.default_rng([seed, 700 + number])
        cells = []
        held = 0.0
        for scores in (np.zeros(n), 0.4 * np.arange(n)[::-1]):
            wrong = 0
            width = former = 0.0
            ranks = np.ones((n, 2)) * [1, n] if not scores.any() else np.stack([np.arange(1, n + 1)] * 2, axis=1)
            for _ in range(simulations):
                found = rank_generators(panel(raters, prompts, scores, (spread, 0.5), rng))
                own = [found.score_of(f"g{at}") for at in range(n)]
                wrong += any(
                    each.rank_low > low or each.rank_high < high for each, (low, high) in zip(own, ranks, strict=True)
                )
                width += sum(each.rank_high - each.rank_low + 1 for each in own) / n
                former += _former(found.covariance, [each.score for each in own], min(raters, prompts) - 1)
                centred = scores - scores.mean()
                if not scores.any():
                    held += (
                        sum(
                            each.low is not None and each.high is not None and each.low <= at <= each.high
                            for each, at in zip(own, centred, strict=True)
                        )
                        / n
                    )
            cells.append((percent(wrong, simulations), f"{width / simulations:.1f}", f"{former / simulations:.1f}"))
        name = f"{n} generators, {raters} x {prompts}, {spread:g} / .5, ties"
        shown = [*cells[0][:2], *cells[1], percent(held, simulations)]
        lines.append(f"| {name} | " + " | ".join(shown) + " |")
    return lines


def _former(covariance: Float | None, scores: list[float], df: int) -> float:
    """Mean width of bands from each pair's own variance and t with ``df``, as in earlier versions."""
    assert covariance is not None
    n = len(scores)
    own = np.diag(covariance)
    se = np.sqrt(np.maximum(own[:, None] + own[None, :] - 2 * covariance, 0.0))
    ahead = np.subtract.outer(scores, scores) > quantile(0.95 ** (2 / (n * (n - 1))), df) * se
    np.fill_diagonal(ahead, False)
    return float((n - ahead.sum(axis=0) - ahead.sum(axis=1)).mean())


def agreements(simulations: int, seed: int) -> list[str]:
    """Ordinal alpha over all pairs of several generators."""
    lines = ["| design | by prompt | half-width | by pair and prompt | half-width |", "|---|---|---|---|---|"]
    for number, (raters, prompts, n) in enumerate(((3, 100, 7), (3, 200, 7), (5, 100, 5), (5, 200, 4))):
        rng = np.random.default_rng([seed, 800 + number])
        pairs = n * (n - 1) // 2
        found: list[tuple[float, ...]] = []
        for _ in range(simulations):
            frame = panel(raters, prompts, np.zeros(n), (0.0, 1.5), rng)
            prompt, choice = (frame[name].cat.codes.to_numpy().astype(np.int64) for name in ("prompt_id", "choice"))
            unit = prompt * pairs + np.tile(np.arange(pairs), raters * prompts)
            counts = np.bincount(unit * 3 + choice, minlength=prompts * pairs * 3).reshape(-1, 3)
            row: list[float] = []
            for clusters in (np.repeat(np.arange(prompts), pairs), None):
                own = krippendorff_alpha(counts, "ordinal", clusters=clusters)
                assert own.value is not None and own.low is not None and own.high is not None
                row += [own.value, own.low, own.high]
            found.append(tuple(row))
        values = np.array(found)
        truth = values[:, 0].mean()  # over so many simulations the mean of all is the truth, but for a small bias
        cells = []
        for low, high in (values[:, 1:3].T, values[:, 4:6].T):
            cells += [percent(((low <= truth) & (truth <= high)).sum(), simulations), f"{(high - low).mean() / 2:.3f}"]
        lines.append(f"| {n} generators, {raters} x {prompts} | " + " | ".join(cells) + " |")
    return lines


def sides(simulations: int, seed: int) -> list[str]:
    """How often one half is excluded where raters lean individually and the crowd does not."""
    lines = ["| design, spread of the raters' leans | effective | votes as independent |", "|---|---|---|"]
    for number, (raters, prompts, lean) in enumerate(((10, 40, 0.0), (10, 40, 0.5), (25, 40, 0.5), (25, 100, 1.0))):
        rng = np.random.default_rng([seed, 900 + number])
        own = votes = 0
        for _ in range(simulations):
            frame = panel(raters, prompts, np.zeros(2), (0.5, 0.5), rng)
            rater = frame["rater_id"].cat.codes.to_numpy()
            left = rng.random(len(frame)) < 0.5
            u = (lean * rng.normal(size=raters))[rater]  # the leaning to the left, which the pair adds noise to
            shown = draw_choices(u + 0.5 * rng.normal(size=len(u)), TIE, rng)
            choice = np.where(left, shown, 2 - shown)
            frame = frame.assign(
                choice=pd.Categorical.from_codes(choice, dtype=frame["choice"].dtype), a_shown_left=left
            )
            found = side_bias(frame)
            own += not found.low <= 0.5 <= found.high
            low, high = clopper_pearson(int((shown == 0).sum()), int((shown != 1).sum()))
            votes += not low <= 0.5 <= high
        lines.append(
            f"| {raters} x {prompts}, {lean:g} | {percent(own, simulations)} | {percent(votes, simulations)} |"
        )
    return lines
