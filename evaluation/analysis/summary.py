"""The analysis of a frame of ratings: every comparison, overall and by category. Start reading here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import pandas as pd

from common.words import nearest
from evaluation.analysis.agreement import Agreement, fleiss_kappa, krippendorff_alpha
from evaluation.analysis.classic import holm
from evaluation.analysis.compare import effect_in_words
from evaluation.analysis.crossed import check_between
from evaluation.analysis.frame import validate_ratings
from evaluation.analysis.preference import (
    ESTIMAND_WORDS,
    ESTIMANDS,
    Interval,
    PreferenceRate,
    preference_rate,
)
from evaluation.analysis.ranking import Ranking, rank_generators
from evaluation.analysis.results import VERSION, Document, NotebookTable, document, to_json
from evaluation.analysis.sides import SideBias, side_bias
from evaluation.analysis.tally import Comparison, Tally, tally_ratings

SCHEMA = "drawbench-analysis/1"


@dataclass(frozen=True)
class ComparisonResult:
    """The preference rates of one pair on one question, and how far raters agree (over all prompts as units)."""

    comparison: Comparison
    overall: PreferenceRate
    categories: Mapping[str, PreferenceRate]
    agreement: tuple[Agreement, ...]

    def to_dict(self) -> dict[str, object]:
        """The contract's form of a comparison."""
        return {
            "generator_a": self.comparison.generator_a,
            "generator_b": self.comparison.generator_b,
            "question": self.comparison.question,
            "overall": self.overall.to_dict() | {"words": self.words(), "by_estimand": self.overall.by_estimand()},
            "categories": {
                name: rate.to_dict() | {"p_holm": self.holm()[name], "words": self.words(name)}
                for name, rate in self.categories.items()
            },
            "agreement": [each.to_dict() for each in self.agreement],
        }

    def holm(self) -> dict[str, float | None]:
        """p-values of the categories' net shares against zero, adjusted by Holm over those that can be tested."""
        tested = {name: p for name, rate in self.categories.items() if (p := rate.net.p_value) is not None}
        adjusted: dict[str, float | None] = dict.fromkeys(self.categories)
        return adjusted | dict(zip(tested, holm(list(tested.values())), strict=True))

    def words(self, category: str | None = None) -> str:
        """The effect in words, overall or in a category."""
        rate = self.overall if category is None else self.categories[category]
        return effect_in_words(rate, self.comparison.generator_a, self.comparison.generator_b)


@dataclass(frozen=True)
class Analysis(NotebookTable):
    """All comparisons of a frame, with what was asked (``estimand``, ``level``) and what the frame held.

    ``n_control`` ratings of control trials were left out of every rate; ``n_simulated`` of the ``n_ratings`` counted
    were given by simulated raters, and ``simulated`` says whether any were. ``agreement``: by question, over all
    prompts of all pairs. ``rankings``: Davidson's, by question, where there are three generators or more.
    """

    comparisons: tuple[ComparisonResult, ...]
    estimand: str
    level: float
    n_ratings: int
    n_raters: int
    n_prompts: int
    n_control: int
    n_simulated: int
    agreement: Mapping[str, tuple[Agreement, ...]]
    rankings: tuple[Ranking, ...]
    side_bias: SideBias
    notes: tuple[str, ...]

    @property
    def simulated(self) -> bool:
        return self.n_simulated > 0

    def to_dict(self) -> Document:
        """The ``drawbench-analysis/1`` document; plain values, the same for the same ratings in any order."""
        return document(
            {
                "schema": SCHEMA,
                "simulated": self.simulated,
                "n_ratings": self.n_ratings,
                "n_raters": self.n_raters,
                "n_prompts": self.n_prompts,
                "n_control_excluded": self.n_control,
                "n_simulated": self.n_simulated,
                "level": self.level,
                "estimand": {"name": self.estimand, "means": ESTIMAND_WORDS[self.estimand]},
                "indifferent": "a share of its own; zero in the net share; left out of 'decided' alone",
                "version": VERSION,
                "notes": list(self.notes),
                "comparisons": [each.to_dict() for each in self.comparisons],
                "agreement": {name: [each.to_dict() for each in found] for name, found in self.agreement.items()},
                "rankings": [each.to_dict() for each in self.rankings],
                "side_bias": self.side_bias.to_dict(),
            }
        )

    def to_json(self) -> str:
        """Canonical JSON of ``to_dict``: the same ratings give the same bytes."""
        return to_json(self.to_dict())

    def to_frame(self) -> pd.DataFrame:
        """One row a comparison and category (None for overall): n, shares, net share, default and naive interval."""
        rows = []
        for each in self.comparisons:
            for category, rate in [(None, each.overall), *each.categories.items()]:
                naive = rate.net.intervals["independent"]
                rows.append(
                    {
                        "generator_a": each.comparison.generator_a,
                        "generator_b": each.comparison.generator_b,
                        "question": each.comparison.question,
                        "category": category,
                        "n_ratings": rate.n_ratings,
                        "n_raters": rate.n_raters,
                        "n_prompts": rate.n_prompts,
                        "share_a": rate.share("a"),
                        "share_indifferent": rate.share("indifferent"),
                        "share_b": rate.share("b"),
                        "net": rate.net.estimate,
                        "interval": rate.net.default,
                        "low": rate.net.interval.low if rate.net.interval else None,
                        "high": rate.net.interval.high if rate.net.interval else None,
                        "independent_low": naive.low if isinstance(naive, Interval) else None,
                        "independent_high": naive.high if isinstance(naive, Interval) else None,
                    }
                )
        return pd.DataFrame(rows, columns=_COLUMNS)


_COLUMNS = (
    *("generator_a", "generator_b", "question", "category", "n_ratings", "n_raters", "n_prompts"),
    *("share_a", "share_indifferent", "share_b", "net", "interval", "low", "high"),
    *("independent_low", "independent_high"),
)


def analyse(
    ratings: pd.DataFrame,
    *,
    estimand: str = "raters_and_prompts",
    level: float = 0.95,
) -> Analysis:
    """Analyse ratings: shares, net shares and their intervals for every pair and question, overall and by category.

    Args:
        ratings: a frame in the form of the ratings file contract; it is validated here, which leaves an already
            validated one as it is.
        estimand: for whom the default interval speaks, a key of ``preference.ESTIMANDS``.
        level: confidence level, between 0 and 1.

    Raises:
        RatingsError: the ratings are not in the contract's form.
        ValueError: ``estimand`` or ``level`` is not one of those allowed.
    """
    if estimand not in ESTIMANDS:
        hint = nearest(estimand, ESTIMANDS) or "."
        raise ValueError(f"Unknown estimand {estimand!r}{hint} Allowed are {', '.join(ESTIMANDS)}.")
    check_between(level, "confidence level")
    valid = validate_ratings(ratings)
    tally = tally_ratings(valid)
    results = tuple(_compare(tally, at, estimand, level) for at in range(len(tally.comparisons)))
    return Analysis(
        comparisons=results,
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
        notes=_notes(tally),
    )


def _agreement_by_question(tally: Tally, level: float) -> dict[str, tuple[Agreement, ...]]:
    counts: dict[str, list[npt.NDArray[np.int64]]] = {}
    for at, comparison in enumerate(tally.comparisons):
        units = tally.by_prompt.of_comparison(at).over_categories().counts
        counts.setdefault(comparison.question, []).append(units)
    return {name: _agreement(np.concatenate(counts[name]), level) for name in sorted(counts)}


def _agreement(counts: npt.NDArray[np.int64], level: float) -> tuple[Agreement, ...]:
    return (
        krippendorff_alpha(counts, "nominal", level=level),
        krippendorff_alpha(counts, "ordinal", level=level),
        fleiss_kappa(counts, level=level),
    )


def _rankings(valid: pd.DataFrame, tally: Tally, level: float) -> tuple[Ranking, ...]:
    found = []
    for question in sorted({each.question for each in tally.comparisons}):
        pairs = [each for each in tally.comparisons if each.question == question]
        if len({name for each in pairs for name in (each.generator_a, each.generator_b)}) > 2:
            found.append(rank_generators(valid, question=question, level=level))
    return tuple(found)


def _compare(tally: Tally, at: int, estimand: str, level: float) -> ComparisonResult:
    raters, prompts = tally.by_rater.of_comparison(at), tally.by_prompt.of_comparison(at)
    blocks = [
        (tally.categories[code], raters.of_category(code), prompts.of_category(code))
        for code in np.unique(raters.category).tolist()
    ]
    whole_raters, whole_prompts = raters.over_categories(), prompts.over_categories()
    n_raters, n_prompts = len(whole_raters.unit), len(whole_prompts.unit)
    categories = {
        name: preference_rate(
            [(name, rater, prompt)], len(rater.unit), len(prompt.unit), stratified=False, estimand=estimand, level=level
        )
        for name, rater, prompt in blocks
    }
    nested = len(blocks) > 1 and n_raters == len(raters.unit)  # no rater has rows in two categories
    overall = preference_rate(
        blocks if nested else [("", whole_raters, whole_prompts)],
        n_raters,
        n_prompts,
        stratified=nested,
        estimand=estimand,
        level=level,
    )
    agreement = _agreement(whole_prompts.counts, level)
    return ComparisonResult(tally.comparisons[at], overall, MappingProxyType(categories), agreement)


def _notes(tally: Tally) -> tuple[str, ...]:
    notes = []
    if tally.n_simulated:
        share = "all" if tally.n_simulated == tally.n_ratings else f"{tally.n_simulated} of {tally.n_ratings}"
        notes.append(f"Simulated: {share} of the ratings were given by simulated raters, not by people.")
    if tally.n_control:
        several = f"{tally.n_control} ratings of control trials are"
        one = "1 rating of a control trial is"
        notes.append(f"{one if tally.n_control == 1 else several} left out of every rate.")
    if not tally.n_ratings:
        notes.append("There are no ratings yet.")
    prompts = pd.unique(tally.by_prompt.unit * max(len(tally.categories), 1) + tally.by_prompt.category)
    if len(prompts) > len(np.unique(tally.by_prompt.unit)):
        notes.append("Some prompt ids stand in several categories; within the overall figure each id is one prompt.")
    return tuple(notes)
