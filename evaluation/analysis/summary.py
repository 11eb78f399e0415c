"""The analysis of a frame of ratings: every comparison, overall and by category. Start reading here."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import pandas as pd

from common.words import counted
from evaluation.analysis.agreement import Agreement, fleiss_kappa, krippendorff_alpha
from evaluation.analysis.classic import holm
from evaluation.analysis.compare import effect_in_words
from evaluation.analysis.crossed import check_between
from evaluation.analysis.effective_design import is_nested
from evaluation.analysis.estimands import DEFAULT_ESTIMAND, check_estimand
from evaluation.analysis.estimates import PreferenceRate
from evaluation.analysis.families import ALL, Family
from evaluation.analysis.frame import validate_ratings
from evaluation.analysis.highlights import judged
from evaluation.analysis.preference import preference_rate
from evaluation.analysis.preference_many import category_rates
from evaluation.analysis.ranking import Ranking, rank_counted
from evaluation.analysis.retest import retest_of_ratings
from evaluation.analysis.sides import side_bias
from evaluation.analysis.summary_results import Analysis, ComparisonResult
from evaluation.analysis.tally import Comparison, CountTable, Tally, distinct, tally_ratings

NAMED = 10
"""Categories and comparisons that a note names; the rest are counted."""


def analyse(
    ratings: pd.DataFrame,
    *,
    estimand: str = DEFAULT_ESTIMAND,
    level: float = 0.95,
    family: Family = ALL,
    declared: Collection[str] = (),
) -> Analysis:
    """Analyse ratings: shares, net shares and their intervals for every pair and question, overall and by category.

    Args:
        ratings: a frame in the form of the ratings file contract; it is validated here (``analyse_valid`` takes one
            that was).
        estimand: for whom the default interval speaks, a key of ``estimates.ESTIMANDS``.
        level: confidence level, between 0 and 1.
        family: the primary pairs and questions, over which p-values are adjusted; all of them unless said otherwise.
        declared: the categories that the study has, where some may have no rating yet; those of the ratings count in
            any case. An overall figure that lacks one of them says so.

    Raises:
        RatingsError: the ratings are not in the contract's form.
        ValueError: ``estimand`` or ``level`` is not one of those allowed.
    """
    return analyse_valid(validate_ratings(ratings), estimand=estimand, level=level, family=family, declared=declared)


def analyse_valid(
    valid: pd.DataFrame,
    *,
    estimand: str = DEFAULT_ESTIMAND,
    level: float = 0.95,
    family: Family = ALL,
    declared: Collection[str] = (),
) -> Analysis:
    """``analyse`` of a frame from ``validate_ratings`` or ``read_ratings``, which is not checked again."""
    check_estimand(estimand)
    check_between(level, "confidence level")
    tally = tally_ratings(valid)
    known = {*declared, *(category for category in _categories_of(tally))}
    results = tuple(
        replace(each, not_rated=tuple(sorted(known - set(each.categories))))
        for each in _compared(tally, estimand, level)
    )
    return Analysis(
        comparisons=judged(results, family, level),
        estimand=estimand,
        level=level,
        n_ratings=tally.n_ratings,
        n_raters=len(np.unique(tally.by_rater.unit)),
        n_prompts=len(np.unique(tally.by_prompt.unit)),
        n_control=tally.n_control,
        n_simulated=tally.n_simulated,
        agreement=MappingProxyType(_agreement_by_question(tally, level)),
        rankings=_rankings(valid, tally, level),
        side_bias=side_bias(valid, level),
        notes=(*_notes(tally), *_not_rated_notes(results), *valid.attrs.get("notes", ())),
        family=family,
        retest=retest_of_ratings(valid, level),
    )


def _agreement_by_question(tally: Tally, level: float) -> dict[str, tuple[Agreement, ...]]:
    """Over all pairs: a unit is a prompt of a pair, and the interval leaves out a prompt with all its pairs."""
    tables: dict[str, list[CountTable]] = {}
    for at, comparison in enumerate(tally.comparisons):
        tables.setdefault(comparison.question, []).append(tally.by_prompt.of_comparison(at).over_categories())
    return {
        name: _agreement(
            np.concatenate([each.counts for each in tables[name]]),
            level,
            np.concatenate([each.unit for each in tables[name]]),
        )
        for name in sorted(tables)
    }


def _agreement(
    counts: npt.NDArray[np.int64], level: float, prompts: npt.NDArray[np.int64] | None = None
) -> tuple[Agreement, ...]:
    return (
        krippendorff_alpha(counts, "nominal", level=level, clusters=prompts),
        krippendorff_alpha(counts, "ordinal", level=level, clusters=prompts),
        fleiss_kappa(counts, level=level, clusters=prompts),
    )


def _rankings(valid: pd.DataFrame, tally: Tally, level: float) -> tuple[Ranking, ...]:
    found = []
    for question in sorted({each.question for each in tally.comparisons}):
        pairs = [each for each in tally.comparisons if each.question == question]
        if len({name for each in pairs for name in (each.generator_a, each.generator_b)}) > 2:
            found.append(rank_counted(valid, tally, question, level))
    return tuple(found)


def overall_rate(ratings: pd.DataFrame, estimand: str = DEFAULT_ESTIMAND, level: float = 0.95) -> PreferenceRate:
    """The overall rate of validated ratings of one pair and question, without the rest of an analysis."""
    tally = tally_ratings(ratings)
    rows = tally.by_rater.of_comparison(0), tally.by_prompt.of_comparison(0)
    if rows[0].one_category:
        (rate,) = category_rates(*rows, tally.categories, estimand, level).values()
    else:
        rate = _over_categories(tally, *rows, estimand, level)
    return replace(rate, words=_words(rate, tally.comparisons[0]))


def _over_categories(
    tally: Tally, raters: CountTable, prompts: CountTable, estimand: str, level: float
) -> PreferenceRate:
    """The overall rate of a comparison with several categories, from its rows."""
    sizes = raters.sizes()
    blocks = [
        (tally.categories[code], raters.of_category(code), prompts.of_category(code))
        for code in raters.categories().tolist()
    ]
    n_prompts = len(distinct(prompts.unit))
    stratified = is_nested(sizes)
    return preference_rate(blocks, len(sizes), n_prompts, stratified=stratified, estimand=estimand, level=level)


def _compared(tally: Tally, estimand: str, level: float) -> Iterator[ComparisonResult]:
    rates = category_rates(tally.by_rater, tally.by_prompt, tally.categories, estimand, level)
    by_comparison: dict[int, dict[str, PreferenceRate]] = {}
    for (at, category), rate in rates.items():
        by_comparison.setdefault(at, {})[tally.categories[category]] = rate
    for at, categories in by_comparison.items():
        comparison = tally.comparisons[at]
        raters, prompts = tally.by_rater.of_comparison(at), tally.by_prompt.of_comparison(at)
        if len(categories) == 1:
            (overall,) = categories.values()
        else:
            overall = _over_categories(tally, raters, prompts, estimand, level)
        yield ComparisonResult(
            comparison=comparison,
            overall=replace(overall, words=_words(overall, comparison)),
            categories=MappingProxyType(_adjusted(categories, comparison)),
            widths=overall.widths(),
            agreement=_agreement(prompts.over_categories().counts, level),
        )


def _words(rate: PreferenceRate, comparison: Comparison) -> str:
    return effect_in_words(rate, comparison.generator_a, comparison.generator_b)


def _adjusted(categories: Mapping[str, PreferenceRate], comparison: Comparison) -> dict[str, PreferenceRate]:
    """The categories' rates with words, and with p-values adjusted by Holm over those that can be tested."""
    tested = {name: rate.p_value for name, rate in categories.items() if rate.p_value is not None}
    adjusted = dict(zip(tested, holm(list(tested.values())), strict=True))
    return {
        name: replace(rate, p_holm=adjusted.get(name), words=_words(rate, comparison))
        for name, rate in categories.items()
    }


def _categories_of(tally: Tally) -> list[str]:
    """The categories that have a rating."""
    return [tally.categories[code] for code in np.unique(tally.by_prompt.category).tolist()]


def _not_rated_notes(results: Sequence[ComparisonResult]) -> list[str]:
    """A note for each set of categories that overall figures lack; it names the comparisons where not all lack it."""
    lacking: dict[tuple[str, ...], list[ComparisonResult]] = {}
    for each in results:
        if each.not_rated:
            lacking.setdefault(each.not_rated, []).append(each)
    notes = []
    for names, those in lacking.items():
        rated = len(those[0].categories)
        whose = (
            ""
            if len(those) == len(results)
            else " of "
            + "; ".join(f"{each.generator_a} against {each.generator_b}, {each.question}" for each in those[:NAMED])
            + (f" and {len(those) - NAMED} more" if len(those) > NAMED else "")
        )
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        notes.append(
            f"The overall figures{whose} cover {rated} of {rated + len(names)} categories: nobody has rated "
            f"{', '.join(names[:NAMED])}{more}."
        )
    return notes


def _notes(tally: Tally) -> tuple[str, ...]:
    notes = []
    if tally.n_simulated:
        share = "all" if tally.n_simulated == tally.n_ratings else f"{tally.n_simulated:,} of {tally.n_ratings:,}"
        notes.append(f"Simulated: {share} ratings come from simulated raters, not from people.")
    if tally.n_control:
        several = f"{tally.n_control:,} ratings of control trials are"
        one = "1 rating of a control trial is"
        notes.append(f"{one if tally.n_control == 1 else several} left out of all results.")
    if tally.n_repeats:
        repeats = counted(tally.n_repeats, "rating")
        notes.append(f"Repeats: {repeats} of what a rater had rated before count in test-retest reliability alone.")
    if not tally.n_ratings:
        notes.append("There are no ratings yet.")
    prompts = pd.unique(tally.by_prompt.unit * max(len(tally.categories), 1) + tally.by_prompt.category)
    if len(prompts) > len(np.unique(tally.by_prompt.unit)):
        notes.append(
            "Some prompt ids occur in several categories; in the overall result, each id counts as one prompt."
        )
    return tuple(notes)
