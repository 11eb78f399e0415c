"""What earlier ratings say of a study to come: how votes vary, and how long a trial takes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from evaluation.analysis.columns import RatingsError, codes_of, main_ratings
from evaluation.analysis.frame import REPETITION, SET
from evaluation.analysis.planning import Components, components_from_pilot, standard_error
from evaluation.analysis.results import PlainResult

LONGEST_SECONDS = 120.0
"""A trial that took longer was a break: it counts as so long."""


@dataclass(frozen=True)
class PilotReading(PlainResult):
    """What earlier ratings say of the next ones: the components of the pair and question that vary most, and the time.

    ``seconds``: mean of a trial, from all images decoded to the last answer, each at most ``LONGEST_SECONDS``; None
    without times. ``n_simulated``: ratings of simulated raters among ``n_ratings``. ``images``: whether prompts had
    several image sets, so that their part is told apart.
    """

    generator_a: str
    generator_b: str
    question: str
    components: Components
    n_ratings: int
    n_raters: int
    n_prompts: int
    n_simulated: int
    seconds: float | None
    images: bool


def read_pilot(valid: pd.DataFrame) -> PilotReading:
    """What validated ratings say for a plan. Control trials and repeats are left out.

    Where raters keep to one category each, components are those within categories, weighted by their ratings.

    Raises:
        RatingsError: no pair and question has raters who share prompts, and prompts that share raters.
    """
    frame = main_ratings(valid)
    keys = ["question", "generator_a", "generator_b"]
    best: PilotReading | None = None
    for (question, a, b), rows in frame.groupby(keys, observed=True, sort=True).indices.items():
        part = frame.iloc[rows]
        images = SET in part and bool((part.groupby("prompt_id", observed=True)[SET].nunique() > 1).any())
        components = _components(part, images)
        images = images and components is not None and components.images > 0
        if components is None:
            continue
        if best is None or _spread(components) > _spread(best.components):
            best = PilotReading(
                generator_a=str(a),
                generator_b=str(b),
                question=str(question),
                components=components,
                n_ratings=len(part),
                n_raters=int(part["rater_id"].nunique()),
                n_prompts=int(part["prompt_id"].nunique()),
                n_simulated=int(part["simulated"].sum()) if "simulated" in part else 0,
                seconds=None,
                images=images,
            )
    if best is None:
        raise RatingsError(
            "These ratings are too few to plan from: a pilot needs two raters who rated the same prompts, and two "
            "prompts or more of each. Add ratings, or plan without a pilot."
        )
    return replace(best, seconds=_seconds(frame))


def _spread(components: Components) -> float:
    """What orders pairs by how much they vary: the standard error of 25 raters x 25 prompts."""
    return standard_error(components, 25, 25)


def _components(part: pd.DataFrame, images: bool) -> Components | None:
    by_rater = part.groupby("rater_id", observed=True)["category"].nunique()
    strata = [part]
    if part["category"].nunique() > 1 and bool((by_rater == 1).mean() > 0.9):
        strata = [each for _, each in part.groupby("category", observed=True)]
    raws, weights = [], []
    for each in strata:
        scores = 1.0 - codes_of(each["choice"]).astype(float)
        raters, prompts = each["rater_id"].astype(str), each["prompt_id"].astype(str)
        for shown in [each[SET], None] if images else [None]:
            try:
                pilot = components_from_pilot(scores, raters, prompts, shown)
            except ValueError:
                continue
            raws.append((*pilot.raw, 0.0)[:4])
            weights.append(len(each))
            break
    if not raws:
        return None
    raw = np.average(np.array(raws), axis=0, weights=weights)
    return Components(*(max(float(value), 0.0) for value in raw))


def _seconds(frame: pd.DataFrame) -> float | None:
    """Mean time of a trial, whose last answer has the longest time."""
    if "response_time_ms" not in frame:
        return None
    timed = frame[frame["response_time_ms"].notna()]
    if timed.empty:
        return None
    names = ["rater_id", "prompt_id", "generator_a", "generator_b"]
    names += [name for name in (SET, REPETITION) if name in timed]
    last = timed.groupby(names, observed=True)["response_time_ms"].max().astype(float) / 1000
    return float(last.clip(upper=LONGEST_SECONDS).mean())
