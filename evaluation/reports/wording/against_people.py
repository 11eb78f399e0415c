"""Automatic scores against people as plain text, for terminals."""

from __future__ import annotations

from evaluation.analysis.automatic_results import ComparisonAgreement, Disagreement, MetricAgreement
from evaluation.analysis.estimands import POWERED_ESTIMANDS
from evaluation.analysis.estimates import MeanEstimate
from evaluation.analysis.powered_results import ASSUMPTION, PoweredComparison, PoweredRate, Rate
from evaluation.reports.against_people import AgainstPeople
from evaluation.reports.reading import OVERALL, question_name
from evaluation.reports.wording.numbers import coefficient, percent, percent_range, points, points_range, signed
from evaluation.reports.wording.results import aligned

LISTED = 5
"""Prompts of greatest disagreement that are named, for each score."""


def against_people_text(report: AgainstPeople) -> str:
    """`report` as a readable table for each pair and question: agreement first, then the rates with scores."""
    text = [f"NOTE  {note}" for note in report.notes]
    for each in report.agreement:
        text += ["", *_agreement(each)]
    text += [
        "",
        "Accuracy: per cent of ratings that agree with the score; ratings without preference count.",
        "Baseline: always giving the most common answer.",
        "Decided: of the ratings with a preference, those on the score's side; guessing reaches 50.",
        "Tau-b: rank correlation, over prompts, of the score's difference with the raters' net share.",
    ]
    for comparison in report.powered:
        text += ["", *_powered(comparison)]
    text += ["", "Width: of the interval with scores, relative to the one from ratings alone.", ASSUMPTION]
    text += [f"{name.replace('_', ' ').capitalize()}: {words}." for name, words in POWERED_ESTIMANDS.items()]
    return "\n".join(text).strip()


def _agreement(each: ComparisonAgreement) -> list[str]:
    a, b = each.generator_a, each.generator_b
    text = [f"{question_name(each.question)}, {a} against {b}: agreement with raters"]
    rows = [_score(one) for one in each.metrics]
    raters = each.among_raters
    if raters is not None:
        n = f"{raters.n_ratings:,}"
        others = (
            ("another rater", raters.another, raters.another_decided),
            ("majority of the other raters", raters.majority, raters.majority_decided),
        )
        rows += [[name, "all", n, _share(every), "", _share(decided), ""] for name, every, decided in others]
    text += aligned(["", "category", "ratings", "accuracy", "baseline", "decided", "tau-b"], rows)
    for name in dict.fromkeys(one.metric for one in each.metrics):
        worst = [one for one in each.disagreements if one.metric == name][:LISTED]
        if worst:
            told = ", ".join(f"{one.prompt_id} ({_raters(one, a, b)})" for one in worst)
            text.append(f"{name} and the raters disagree most on {told}.")
    return text


def _raters(each: Disagreement, a: str, b: str) -> str:
    return f"raters: {a if each.net > 0 else b} by {percent(abs(each.net), 0)} points"


def _score(one: MetricAgreement) -> list[str]:
    tau = one.correlation
    said = "–" if tau.value is None else coefficient(tau.value)
    if tau.low is not None and tau.high is not None:
        said += f" ({coefficient(tau.low)} to {coefficient(tau.high)})"
    name, n = one.category or "all", f"{one.n_ratings:,}"
    return [one.metric, name, n, _share(one.accuracy), percent(one.constant), _share(one.decided), said]


def _share(mean: MeanEstimate | None) -> str:
    if mean is None:
        return "–"
    return percent(mean.estimate) + (f" ({percent_range(mean.interval)})" if mean.interval else " (no interval)")


def _powered(comparison: PoweredComparison) -> list[str]:
    a, b = comparison.generator_a, comparison.generator_b
    name = question_name(comparison.question)
    text = [f"{name}, {a} against {b}: net share over all prompts, in points (above zero: raters prefer {a})"]
    text += [f"NOTE  {note}" for note in comparison.notes]
    weights = ", ".join(f"{each.metric} {signed(each.weight)}" for each in comparison.balance)
    text.append(f"Predicted from {weights or 'nothing'}; lambda {comparison.overall.power:.2f}")
    rates = (comparison.overall, *comparison.categories)
    rows = [_rate(rate, estimand) for rate in rates for estimand in POWERED_ESTIMANDS]
    text += aligned(["", "rated prompts", "speaks for", "ratings and scores", "ratings alone", "width"], rows)
    return text + [f"{rate.category or OVERALL}: none, because {rate.why}." for rate in rates if rate.why]


def _rate(rate: PoweredRate, estimand: str) -> list[str]:
    ratio = rate.width_ratio(estimand)
    return [
        rate.category or OVERALL,
        f"{rate.n_rated:,} of {rate.n_prompts:,}",
        estimand.replace("_", " "),
        _net(rate.powered, estimand),
        _net(rate.classical, estimand),
        "–" if ratio is None else f"{percent(ratio, 0)} %",
    ]


def _net(rate: Rate | None, estimand: str) -> str:
    if rate is None:
        return "–"
    own = rate.interval(estimand)
    return points(rate.estimate) + (f" ({points_range(own)})" if own else " (no interval)")
