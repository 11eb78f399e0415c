"""Prediction-powered preference rates: few ratings and automatic scores of every prompt, with intervals that hold.

People rate some prompts of a suite, machines score all. The net share (A less B) over all prompts is estimated from
both: what machines predict for the prompts that nobody rated, corrected by how far they were off where people rated.
Bad scores cannot bias it and hardly widen it; good ones narrow it. ``powered_mean`` has the formulas and the
references.

What it rests on: **the rated prompts are a random draw from the scored ones** (within each category, if there are any).
Where people rated a choice that somebody made, or those that came first, the claim falls. ``balance`` shows whether
rated and other prompts differ in their scores by more than chance.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd

from common.words import counted, nearest
from evaluation.analysis.automatic_scores import (
    image_sets,
    match_scores,
    metric_directions,
    prompt_categories,
    score_differences,
    validate_automatic_scores,
)
from evaluation.analysis.classic import holm, two_sided_p
from evaluation.analysis.columns import RatingsError, codes_of, listed
from evaluation.analysis.crossed import Absent, check_between, quantile
from evaluation.analysis.crossed_spread import Spread
from evaluation.analysis.estimates import Interval
from evaluation.analysis.frame import validate_ratings
from evaluation.analysis.powered_mean import (
    PoweredMean,
    Predictor,
    RatedSuite,
    fit_predictor,
    no_predictor,
    powered_mean,
    standard_scores,
)
from evaluation.analysis.powered_results import (
    Balance,
    PoweredComparison,
    PoweredInterval,
    PoweredRate,
    PredictionPowered,
    Rate,
    width_ratios,
)

LEAST_FITTED = 8  # rated prompts, beyond one for each category, from which a prediction is learned
LEAST_RATED = 2  # rated prompts that a category needs to have a spread of its own
_UNLIKE = 0.01  # p-value below which rated and other prompts are said to differ


def prediction_powered(
    ratings: pd.DataFrame,
    scores: pd.DataFrame,
    *,
    metrics: Sequence[str] | None = None,
    aggregate: str = "mean",
    level: float = 0.95,
    seed: int = 0,
) -> PredictionPowered:
    """Net shares over all scored prompts, from the ratings of some of them and automatic scores of all.

    Args:
        ratings: in the form of the ratings file; control trials are left out.
        scores: in the form of the scores file (see ``automatic_scores``), of rated and unrated prompts. Categories in
            it make strata; the overall figure then weights each by its share of the scored prompts.
        metrics: which of the scores to use, all unless given. More than a handful costs precision.
        aggregate: how the scores of an image set become one, a name of ``automatic_scores.AGGREGATES``.
        level: confidence level, between 0 and 1.
        seed: of the groups in which prompts are held out where more than ``powered_mean.FOLDS`` were rated.

    Raises:
        RatingsError: ratings or scores are not in their form, or do not belong together.
        ValueError: ``metrics``, ``aggregate`` or ``level`` is not one of those allowed.
    """
    ratings, scores = validate_ratings(ratings), validate_automatic_scores(scores)
    return prediction_powered_valid(ratings, scores, metrics=metrics, aggregate=aggregate, level=level, seed=seed)


def prediction_powered_valid(
    ratings: pd.DataFrame,
    scores: pd.DataFrame,
    *,
    metrics: Sequence[str] | None,
    aggregate: str,
    level: float,
    seed: int = 0,
) -> PredictionPowered:
    """``prediction_powered`` of frames that were validated, which are not checked again."""
    check_between(level, "confidence level")
    if metrics is not None:
        scores = _chosen(scores, metrics)
    frame, notes = match_scores(ratings, scores)
    sets, directions, categories = image_sets(scores, aggregate), metric_directions(scores), prompt_categories(scores)
    _same_categories(frame, categories)
    found = []
    keys = ["generator_a", "generator_b", "question"]
    for (first, second, question), part in frame.groupby(keys, observed=True, sort=True):
        table = score_differences(sets, directions, str(first), str(second))
        study = _Study.of(part, table, categories)
        found.append(_comparison(study, str(first), str(second), str(question), level, seed))
    simulated = int(frame["simulated"].sum())
    return PredictionPowered(tuple(found), aggregate, level, seed, simulated, notes)


def _chosen(scores: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    known = list(scores["metric"].cat.categories)
    unknown = [name for name in metrics if name not in known]
    if unknown or not metrics:
        said = "Name at least one automatic score."
        if unknown:
            said = f"Unknown automatic score {unknown[0]!r}{nearest(unknown[0], known) or '.'}"
        raise ValueError(f"{said} There are {listed(known)}.")
    part = scores[scores["metric"].isin(metrics).to_numpy()].reset_index(drop=True)
    return part.assign(metric=part["metric"].cat.remove_unused_categories())


def _same_categories(frame: pd.DataFrame, categories: Mapping[str, str]) -> None:
    if not categories:
        return
    for (prompt, category), _ in frame.groupby(["prompt_id", "category"], observed=True):
        said = categories.get(str(prompt), str(category))
        if said != str(category):
            raise RatingsError(
                f"Prompt {str(prompt)!r} has category {str(category)!r} in the ratings and {said!r} in the scores. "
                "Give it one, or leave the column category out of the scores (there are then no strata)."
            )


@dataclass(frozen=True)
class _Study:
    """A comparison as arrays: the suite, names of its strata, and what was left out or taken together."""

    suite: RatedSuite | None
    strata: tuple[str, ...]
    merged: tuple[str, ...]
    metrics: tuple[str, ...]
    notes: tuple[str, ...]

    @classmethod
    def of(cls, part: pd.DataFrame, table: pd.DataFrame, categories: Mapping[str, str]) -> _Study:
        table = table[table.notna().any(axis=1)]
        notes = []
        prompts = part["prompt_id"].astype(str)
        scored = prompts.isin(table.index).to_numpy()
        if not scored.all():
            lost, ratings = prompts[~scored].nunique(), int((~scored).sum())
            have = "has" if lost == 1 else "have"
            left = f"{counted(ratings, 'rating')} {'is' if ratings == 1 else 'are'} left out"
            notes.append(f"{counted(lost, 'rated prompt')} {have} no score: {left}.")
        part = part[scored]
        order = np.lexsort((codes_of(part["rater_id"]), codes_of(part["prompt_id"])))
        part = part.iloc[order]  # sums then come out the same in any order of the file
        metrics = tuple(str(name) for name in table.columns if table[name].notna().any())
        if not len(part):
            return cls(None, (), (), metrics, tuple(notes))
        used, prompt = np.unique(codes_of(part["prompt_id"]), return_inverse=True)
        rated = [str(part["prompt_id"].cat.categories[code]) for code in used]
        unrated = [str(each) for each in table.index.difference(rated)]
        if not categories and part["category"].nunique() > 1:
            notes.append("The scores name no categories, so there are no strata and no results by category.")
        names = [categories.get(each, "") for each in rated], [categories.get(each, "") for each in unrated]
        home, merged = _merge(names[0], names[1])
        if merged:
            few = listed(sorted(merged))
            notes.append(f"{few} have too few rated prompts for separate results and count as one category.")
        strata = tuple(sorted(set(home.values())))
        code = {name: strata.index(into) for name, into in home.items()}
        suite = RatedSuite(
            y=1 - codes_of(part["choice"]).astype(np.float64),
            rater=np.unique(codes_of(part["rater_id"]), return_inverse=True)[1].astype(np.int64),
            prompt=prompt.astype(np.int64),
            stratum=np.array([code[name] for name in names[0]], dtype=np.int64),
            unrated_stratum=np.array([code[name] for name in names[1]], dtype=np.int64),
            scores=table.loc[rated, list(metrics)].to_numpy(dtype=float),
            unrated_scores=table.loc[unrated, list(metrics)].to_numpy(dtype=float),
        )
        if not unrated:
            notes.append(
                "Every scored prompt was rated, so there is nothing left for scores to predict; the estimate is the "
                "classical one."
            )
        return cls(suite, strata, tuple(sorted(merged)), metrics, tuple(notes))


def _merge(rated: Sequence[str], unrated: Sequence[str]) -> tuple[dict[str, str], set[str]]:
    """The stratum of each category: its own, or one for all that have too few rated prompts (they are returned too)."""
    number = {name: rated.count(name) for name in {*rated, *unrated}}
    few = {name for name, n in number.items() if n < LEAST_RATED}
    others = sorted(number.keys() - few, key=lambda name: (number[name], name))
    while few and others and sum(number[name] for name in few) < LEAST_RATED:
        few.add(others.pop(0))
    if len(few) == 1:
        few = set()
    together = " + ".join(sorted(few))
    return {name: together if name in few else name for name in number}, few


def _comparison(study: _Study, first: str, second: str, question: str, level: float, seed: int) -> PoweredComparison:
    suite = study.suite
    if suite is None:
        why = "no rated prompt has a score"
        overall = PoweredRate(None, 0, 0, 0, 0, None, None, 0.0, width_ratios(None, None), why)
        return PoweredComparison(first, second, question, overall, (), (), study.notes)
    extra: list[str] = []
    predictor = no_predictor(suite)
    if len(suite.stratum) - suite.n_strata < LEAST_FITTED - 1:
        few = f"{len(suite.stratum)} rated prompts are too few to learn a prediction from"
        extra.append(f"{few}; the estimate is the classical one.")
    elif len(suite.unrated_stratum):
        predictor = fit_predictor(suite, seed)
    overall = _rate(None, suite, predictor, level)
    categories = []
    for at, name in enumerate(study.strata):
        if len(study.strata) > 1 and " + ".join(study.merged) != name:
            own, part = _part(suite, predictor, at)
            categories.append(_rate(name, own, part, level))
    balance = _balance(suite, study.metrics, predictor)
    notes = [*study.notes, *extra, *_unlike(balance)]
    return PoweredComparison(first, second, question, overall, tuple(categories), balance, tuple(notes))


def _part(suite: RatedSuite, predictor: Predictor, at: int) -> tuple[RatedSuite, Predictor]:
    """One stratum alone, with predictions by the fit to all of them."""
    mine, others = suite.stratum == at, suite.unrated_stratum == at
    rows = mine[suite.prompt]
    place = np.cumsum(mine) - 1
    own = RatedSuite(
        y=suite.y[rows],
        rater=np.unique(suite.rater[rows], return_inverse=True)[1].astype(np.int64),
        prompt=place[suite.prompt[rows]],
        stratum=np.zeros(int(mine.sum()), dtype=np.int64),
        unrated_stratum=np.zeros(int(others.sum()), dtype=np.int64),
        scores=suite.scores[mine],
        unrated_scores=suite.unrated_scores[others],
    )
    part = Predictor(
        predictor.deviation[mine],
        predictor.spread[at : at + 1],
        predictor.power,
        predictor.coefficients,
        predictor.unrated[others],
    )
    return own, part


def _rate(category: str | None, suite: RatedSuite, predictor: Predictor, level: float) -> PoweredRate:
    n_raters, n_rated = int(suite.rater.max()) + 1, len(suite.stratum)
    powered = _intervals(powered_mean(suite, predictor), n_raters, level)
    classical = _intervals(powered_mean(suite, no_predictor(suite)), n_raters, level)
    return PoweredRate(
        category=category,
        n_ratings=len(suite.y),
        n_raters=n_raters,
        n_rated=n_rated,
        n_prompts=n_rated + len(suite.unrated_stratum),
        powered=powered,
        classical=classical,
        power=predictor.power,
        width_ratios=width_ratios(powered, classical),
    )


def _intervals(mean: PoweredMean, n_raters: int, level: float) -> Rate:
    spreads = {"new_prompts": mean.new_prompts, "these_prompts": mean.these_prompts}
    found = {name: _interval(mean.estimate, spread, n_raters, level) for name, spread in spreads.items()}
    return Rate(mean.estimate, MappingProxyType(found))


def _interval(estimate: float, spread: Spread, n_raters: int, level: float) -> PoweredInterval:
    if not math.isfinite(spread.variance):
        unit = "rater" if n_raters < 2 else "rated prompt"
        absent = Absent(f"there is a single {unit}, so nothing is known about how {unit}s differ")
        return PoweredInterval(absent, absent)
    if spread.variance <= 0:
        absent = Absent("all ratings are alike, so there is no spread to estimate an interval from")
        return PoweredInterval(absent, absent)
    se = math.sqrt(spread.variance)
    made = []
    for method, df in (("satterthwaite", spread.satterthwaite), ("two_way", spread.df)):
        half = quantile(level, df) * se
        made.append(Interval(method, level, se, df, estimate - half, estimate + half))
    return PoweredInterval(made[0], made[1])


def _balance(suite: RatedSuite, metrics: Sequence[str], predictor: Predictor) -> tuple[Balance, ...]:
    rated, unrated = standard_scores(suite)
    found = []
    sizes = (
        np.bincount(suite.stratum, minlength=suite.n_strata),
        np.bincount(suite.unrated_stratum, minlength=suite.n_strata),
    )
    share = sizes[0] / sizes[0].sum()
    both = sizes[1] > 0
    for at, name in enumerate(metrics):
        if not both.any():
            found.append(Balance(name, None, None, float(predictor.coefficients[at])))
            continue
        sums = [
            np.bincount(stratum, weights=x[:, at], minlength=suite.n_strata)
            for x, stratum in ((rated, suite.stratum), (unrated, suite.unrated_stratum))
        ]
        off = np.where(both, sums[0] / sizes[0] - sums[1] / np.maximum(sizes[1], 1), 0.0)
        difference = float(share @ off)
        variance = float((share**2 * both * (1 / sizes[0] + 1 / np.maximum(sizes[1], 1))).sum())
        p = (
            two_sided_p(difference, math.sqrt(variance), None)
            if np.ptp(np.concatenate([rated, unrated])[:, at])
            else None
        )
        found.append(Balance(name, difference, p, float(predictor.coefficients[at])))
    return tuple(found)


def _unlike(balance: Sequence[Balance]) -> list[str]:
    tested = [each for each in balance if each.p_value is not None]
    adjusted = holm([each.p_value or 0.0 for each in tested])
    unlike = [each.metric for each, p in zip(tested, adjusted, strict=True) if p < _UNLIKE]
    if not unlike:
        return []
    note = f"Rated and unrated prompts differ in {listed(unlike)} by more than chance. Were the rated prompts drawn at"
    return [f"{note} random? If not, the prediction-powered intervals do not hold."]
