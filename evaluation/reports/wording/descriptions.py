"""What each figure shows, in words, for those who can't see it; the table beside it has every number."""

from __future__ import annotations

from common.words import counted
from evaluation.analysis.automatic_results import ComparisonAgreement
from evaluation.analysis.columns import CHOICES
from evaluation.analysis.summary_results import ComparisonResult
from evaluation.metrics.distances.curve import GuidanceCurve
from evaluation.reports.reading import lines, not_rated_words, question_name, too_few
from evaluation.reports.score_summary import ScoreSummary
from evaluation.reports.wording.numbers import figures, percent_range, percent_sign, points, points_range


def comparison_description(comparison: ComparisonResult) -> str:
    """What `comparison_figure` shows."""
    (_, rate), *categories = lines(comparison)
    a, indifferent, b = (percent_sign(rate.share(choice)) for choice in CHOICES)
    said = (
        f"{question_name(comparison.question)}, overall: {comparison.generator_a} was preferred in {a} of "
        f"{counted(rate.n_ratings, 'rating')}, {comparison.generator_b} in {b}; {indifferent} had no preference. "
        f"Net share: {points(rate.net.estimate)} points"
    )
    if rate.too_few:
        said += f" ({too_few(rate)} for an interval)"
    elif rate.net.interval:
        said += f" (interval {points_range(rate.net.interval)})"
    said += f"; above zero, raters prefer {comparison.generator_a}."
    if comparison.not_rated:
        said += f" {not_rated_words(comparison)}"
    if categories:
        best = max(categories, key=lambda each: each[1].net.estimate)
        worst = min(categories, key=lambda each: each[1].net.estimate)
        said += (
            f" By category, the net share ranges from {points(worst[1].net.estimate)} points ({worst[0]}) to "
            f"{points(best[1].net.estimate)} ({best[0]})."
        )
    return said


def agreement_description(agreement: ComparisonAgreement) -> str:
    """What `agreement_figure` shows."""
    told = []
    for each in agreement.overall:
        bounds = f" ({percent_range(each.accuracy.interval)} %)" if each.accuracy.interval else ""
        told.append(f"{each.metric} {percent_sign(each.accuracy.estimate)}{bounds}")
    raters = agreement.among_raters
    said = ""
    if raters and raters.majority:
        said = f" Raters with the majority of the other raters: {percent_sign(raters.majority.estimate)}."
    name = question_name(agreement.question)
    return f"{name}: share of ratings that agree with the score. {'; '.join(told)}.{said}"


def spread_description(summary: ScoreSummary, label: str) -> str:
    """What `spread_figure` shows."""
    overall = summary["overall"]
    if overall["mean"] is None:
        return f"{label}: no image has a number."
    said = f"{label} of {counted(overall['n'], 'image')}: mean {figures(overall['mean'])}"
    if overall["low"] is not None:
        said += f" (interval {figures(overall['low'])} to {figures(overall['high'])})"
    said += f". The middle half lies between {figures(overall['q1'])} and {figures(overall['q3'])}."
    means = {name: each["mean"] for name, each in summary["categories"].items() if each["mean"] is not None}
    if len(means) > 1:
        low, high = min(means, key=lambda name: means[name] or 0.0), max(means, key=lambda name: means[name] or 0.0)
        said += f" By category, the mean ranges from {figures(means[low])} ({low}) to {figures(means[high])}"
        said += f" ({high})."
    return said


def curve_description(curve: GuidanceCurve) -> str:
    """What `curve_figure` shows."""
    told = [f"{each.guidance:g}: {figures(each.clip)}, {figures(each.distance)}" for each in curve.points]
    return (
        f"{curve.clip_name} and {curve.distance_name} by guidance weight. {'; '.join(told)}. "
        f"The distance is smallest at weight {curve.turns_at:g}."
    )
