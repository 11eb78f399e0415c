"""Coverage of what else a report prints: draws of images, style, groups of raters, scores in place of raters, drift.

Worlds are linear in the chance of A, so that every truth is the number that was planted.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from evaluation.analysis import validate_ratings
from evaluation.analysis.draws import draw_parts
from evaluation.analysis.groups import rates_by_group
from evaluation.analysis.powered_ranking import powered_rankings
from evaluation.analysis.score_drift import score_drift
from evaluation.analysis.style import style_parts

Float = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
Bounds = tuple[float | None, float | None]
ALPHA = 0.05  # of the drift's alarm
SPREAD, LEAN = 0.35, 0.05  # of qualities between prompts, and of raters towards one side


class Tally:
    """How often intervals covered, how wide they were, and how often there was none."""

    def __init__(self) -> None:
        self.hits = self.n = self.none = 0
        self.width = 0.0

    def add(self, bounds: Bounds, truth: float) -> None:
        low, high = bounds
        if low is None or high is None:
            self.none += 1
            return
        self.n += 1
        self.hits += low <= truth <= high
        self.width += (high - low) / 2

    def cell(self, scale: float = 100, digits: int = 1) -> str:
        if not self.n:
            return "none"
        text = f"{100 * self.hits / self.n:.1f} (±{scale * self.width / self.n:.{digits}f})"
        return text + (f" [{100 * self.none / (self.n + self.none):.0f}% none]" if self.none else "")


def _table(heads: Sequence[str], rows: Mapping[str, Sequence[str]]) -> list[str]:
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    return lines + ["| " + " | ".join([name, *cells]) + " |" for name, cells in rows.items()]


def _votes(mean: Float, rng: np.random.Generator) -> npt.NDArray[np.str_]:
    """Votes for A with chance (1 + mean) / 2."""
    return np.where(rng.random(len(mean)) < (1 + np.clip(mean, -1, 1)) / 2, "a", "b")


def _frame(rater: Codes, prompt: Codes, choice: npt.NDArray[np.str_], **more: object) -> pd.DataFrame:
    names = {"category": "c", "generator_a": "x", "generator_b": "y", "question": "q"}
    return validate_ratings(pd.DataFrame({"rater_id": rater, "prompt_id": prompt, **names, "choice": choice, **more}))


def _even(variance: float, n: int | tuple[int, int], rng: np.random.Generator) -> Float:
    """Effects of this variance, evenly spread: none so large that a chance would be cut off."""
    return np.asarray(math.sqrt(3 * variance) * rng.uniform(-1, 1, n))


def draws(simulations: int, seed: int) -> list[str]:
    """The variances of raters, prompts and draws of images."""
    cases = {
        "16 x 40, 2 sets each": (16, 40, 2, {"rater": 0.03, "prompt": 0.04, "draw": 0.04}),
        "30 x 20, 3 sets each": (30, 20, 3, {"rater": 0.03, "prompt": 0.04, "draw": 0.04}),
        "16 x 40, 2 sets each, no draw": (16, 40, 2, {"rater": 0.03, "prompt": 0.04, "draw": 0.0}),
        "8 x 15, 2 sets each": (8, 15, 2, {"rater": 0.05, "prompt": 0.05, "draw": 0.02}),
    }
    rows: dict[str, list[str]] = {}
    for number, (name, (raters, prompts, sets, truth)) in enumerate(cases.items()):
        rng = np.random.default_rng([seed, 700 + number])
        tallies = {part: Tally() for part in truth}
        for _ in range(simulations):
            rater, prompt = np.repeat(np.arange(raters), prompts), np.tile(np.arange(prompts), raters)
            shown = (rater + prompt) % sets
            mean = _even(truth["rater"], raters, rng)[rater] + _even(truth["prompt"], prompts, rng)[prompt]
            mean += _even(truth["draw"], (prompts, sets), rng)[prompt, shown]
            (found,) = draw_parts(_frame(rater, prompt, _votes(mean, rng), set=shown))
            for part, value in truth.items():
                own = found.part(part) if found.parts else None
                tallies[part].add((own.low, own.high) if own else (None, None), value)
        rows[name] = [tallies[part].cell(1, 3) for part in truth]
    return _table(["design", "rater", "prompt", "draw"], rows)


def style(simulations: int, seed: int) -> list[str]:
    """What of a net share goes with a style, and what does not."""
    cases = {
        "2 generators, 10 x 30": ("xy", 10, 30),
        "3 generators, 10 x 30": ("xyz", 10, 30),
        "2 generators, 5 x 60": ("xy", 5, 60),
    }
    slope, rest, ahead = 0.1, 0.15, 0.8
    truth = {"style": slope * ahead, "rest": rest, "net": slope * ahead + rest}
    rows: dict[str, list[str]] = {}
    for number, (name, (models, raters, prompts)) in enumerate(cases.items()):
        rng = np.random.default_rng([seed, 720 + number])
        tallies = {part: Tally() for part in truth}
        for _ in range(simulations):
            bright = rng.normal(size=(prompts, len(models))) - ahead * np.arange(len(models))
            lean = rng.normal(0, 0.08, raters)
            rater, prompt = np.repeat(np.arange(raters), prompts), np.tile(np.arange(prompts), raters)
            frames = []
            for a, b in itertools.combinations(range(len(models)), 2):
                mean = rest * (b - a) + slope * (bright[prompt, a] - bright[prompt, b]) + lean[rater]
                own = {"generator_a": models[a], "generator_b": models[b], "choice": _votes(mean, rng)}
                frames.append(
                    pd.DataFrame({"rater_id": rater, "prompt_id": prompt, "category": "c", "question": "q", **own})
                )
            styles = pd.DataFrame(
                [(p, models[g], bright[p, g]) for p, g in np.ndindex(prompts, len(models))],
                columns=["prompt_id", "generator", "brightness"],
            ).astype({"prompt_id": str})
            pair = style_parts(validate_ratings(pd.concat(frames)), styles)[0].pairs[0]
            for part, value in truth.items():
                own_part = getattr(pair, part)
                tallies[part].add((own_part.low, own_part.high), value)
        rows[name] = [tallies[part].cell() for part in truth]
    return _table(["design", "with style", "the rest", "both"], rows)


def groups(simulations: int, seed: int) -> list[str]:
    """The net share of a group of raters, and the difference of two."""
    rows: dict[str, list[str]] = {}
    for number, (first, second, prompts) in enumerate(((12, 12, 20), (6, 18, 40), (5, 5, 30))):
        rng = np.random.default_rng([seed, 740 + number])
        both = Tally()
        n = first + second
        for _ in range(simulations):
            rater, prompt = np.repeat(np.arange(n), prompts), np.tile(np.arange(prompts), n)
            lean = np.where(np.arange(n) < first, 0.1, -0.1)  # net shares .2 apart
            mean = lean[rater] + _even(0.05, n, rng)[rater] + _even(0.05, prompts, rng)[prompt]
            kind = np.where(rater < first, "one", "two")
            (found,) = rates_by_group(
                _frame(rater, prompt, _votes(mean, rng), rater_kind=kind), "rater_kind"
            ).comparisons
            ((_, _, difference),) = found.differences
            both.add((difference.low, difference.high), 0.2)
        rows[f"{first} and {second} raters, {prompts} prompts"] = [both.cell()]
    return _table(["design", "difference of the groups' net shares"], rows)


def powered(simulations: int, seed: int) -> list[str]:
    """Advantages and rank sets of rankings in which scores stand in for raters on most prompts."""
    truth = {"a": 0.45, "b": 0.1, "c": -0.3}
    advantage = _advantages(truth, np.random.default_rng([seed, 759]))
    rows: dict[str, list[str]] = {}
    for number, (told, n, rated) in enumerate(((0.8, 80, 16), (0.0, 80, 16), (0.8, 200, 50))):
        rng = np.random.default_rng([seed, 760 + number])
        wrong, kept = 0, 0
        both = Tally()
        for at in range(simulations):
            ratings, scores = _scored(rng, n=n, rated=rated, told=told, truth=truth)
            (found,) = powered_rankings(ratings, scores, seed=at)
            if found.why is not None:
                continue
            kept += 1
            ranks = {name: rank for rank, name in enumerate(truth, start=1)}
            wrong += not all(each.rank_low <= ranks[each.generator] <= each.rank_high for each in found.advantages)
            for each in found.advantages:
                both.add((each.low, each.high), advantage[each.generator])
        tells = "tell much" if told else "tell nothing"
        rows[f"{rated} of {n} prompts rated, scores {tells}"] = [both.cell(), f"{100 * wrong / max(kept, 1):.1f}"]
    return _table(["design", "advantage", "a true rank outside its set, %"], rows)


def _advantages(truth: Mapping[str, float], rng: np.random.Generator) -> dict[str, float]:
    """The mean net share against the others, for new raters and prompts; chances beyond 0 or 1 are cut."""
    noise = rng.normal(0, math.hypot(math.sqrt(2) * SPREAD, LEAN), 1_000_000)
    return {
        name: float(
            np.mean([np.clip(own - other + noise, -1, 1).mean() for rival, other in truth.items() if rival != name])
        )
        for name, own in truth.items()
    }


def _scored(
    rng: np.random.Generator, *, n: int, rated: int, told: float, truth: Mapping[str, float], raters: int = 6
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Qualities vary by prompt; scores tell ``told`` of that; ``rated`` prompts at random were rated by all raters."""
    names = list(truth)
    quality = np.array(list(truth.values())) + SPREAD * rng.normal(size=(n, len(names)))
    value = told * quality + 0.45 * math.sqrt(1 - told**2) * rng.normal(size=quality.shape)
    scores = pd.DataFrame(
        [(f"p{p}", names[g], 0, "m", value[p, g]) for p, g in np.ndindex(n, len(names))],
        columns=["prompt_id", "generator", "sample", "metric", "value"],
    )
    lean = rng.normal(0, LEAN, raters)
    chosen = rng.choice(n, rated, replace=False)
    rater, prompt = np.repeat(np.arange(raters), rated), np.tile(chosen, raters)
    frames = []
    for a, b in itertools.combinations(range(len(names)), 2):
        mean = quality[prompt, a] - quality[prompt, b] + lean[rater]
        own = {"generator_a": names[a], "generator_b": names[b], "choice": _votes(mean, rng)}
        frames.append(pd.DataFrame({"rater_id": rater, "prompt_id": prompt, "category": "c", "question": "q", **own}))
    ratings = pd.concat(frames)
    return ratings.assign(prompt_id="p" + ratings["prompt_id"].astype(str)), scores


def drift(simulations: int, seed: int) -> list[str]:
    """The alarm for a score: how often it goes off where nothing changed, and where it lost touch with raters."""
    same, worse = (0.2, 0.2, 0.2, 0.4), (0.4, 0.2, 0.2, 0.2)
    rows: dict[str, list[str]] = {}
    for number, (before, after) in enumerate(((30, 40), (60, 100), (200, 400))):
        rng = np.random.default_rng([seed, 780 + number])
        cells = []
        for law in (same, worse):
            alarms = 0
            for _ in range(simulations):
                tables = [
                    pd.DataFrame({"metric": "m", "question": "q", "prompt_id": "p", "agreement": values})
                    for values in (
                        rng.choice([-1.0, 0.0, 1 / 3, 1.0], size=before, p=same),
                        rng.choice([-1.0, 0.0, 1 / 3, 1.0], size=after, p=law),
                    )
                ]
                alarms += score_drift(*tables, alpha=ALPHA)[0].alarm_after is not None
            cells.append(f"{100 * alarms / simulations:.1f}")
        rows[f"{before} prompts before, {after} after"] = cells
    return _table(["design", "nothing changed", "agreement fell from .27 to -.13"], rows)
