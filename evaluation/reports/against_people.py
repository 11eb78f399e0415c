"""Automatic scores against people, as one document (`drawbench-against-people/1`) and as text for terminals."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from evaluation.analysis.automatic_agreement import automatic_agreement
from evaluation.analysis.automatic_results import AutomaticAgreement, ComparisonAgreement, MetricAgreement
from evaluation.analysis.automatic_scores import metric_directions, validate_automatic_scores
from evaluation.analysis.estimates import MeanEstimate
from evaluation.analysis.powered_results import ESTIMANDS, PoweredComparison, PoweredRate, PredictionPowered, Rate
from evaluation.analysis.prediction_powered import prediction_powered
from evaluation.analysis.results import Document, document

SCHEMA = "drawbench-against-people/1"
LISTED = 5  # prompts of greatest disagreement in a text, for each score


def against_people(
    ratings: pd.DataFrame,
    scores: pd.DataFrame,
    *,
    metrics: Sequence[str] | None = None,
    aggregate: str = "mean",
    estimand: str = "raters_and_prompts",
    level: float = 0.95,
    notes: Sequence[str] = (),
) -> tuple[Document, str]:
    """How far `scores` agree with `ratings`, and the preference rates that both give together: the document and a text.

    `metrics`: the scores that the prediction-powered rates use, all unless given; agreement is of all of them.

    Raises:
        RatingsError: ratings or scores are not in their form, or do not belong together.
        ValueError: a setting is not one of those allowed.
    """
    checked = validate_automatic_scores(scores)
    agreement = automatic_agreement(ratings, checked, aggregate=aggregate, estimand=estimand, level=level)
    powered = prediction_powered(ratings, checked, metrics=metrics, aggregate=aggregate, level=level)
    told = list(dict.fromkeys([*notes, *agreement.notes, *powered.notes]))
    if agreement.n_simulated:
        told.insert(0, "Simulated: there are ratings by simulated raters among these, not only by people.")
    found = document(
        {
            "schema": SCHEMA,
            "aggregate": aggregate,
            "estimand": estimand,
            "level": level,
            "simulated": bool(agreement.n_simulated),
            "metrics": [{"metric": name, "better": better} for name, better in metric_directions(checked).items()],
            "agreement": [each.to_dict() for each in agreement.comparisons],
            "powered": {
                key: value
                for key, value in powered.to_dict().items()
                if key in ("assumption", "estimands", "comparisons")
            },
            "notes": told,
        }
    )
    return found, _text(agreement, powered, told)


def _text(agreement: AutomaticAgreement, powered: PredictionPowered, notes: Sequence[str]) -> str:
    lines = [f"NOTE  {note}" for note in notes]
    for each in agreement.comparisons:
        lines += ["", *_agreement(each)]
    lines += [
        "",
        "accuracy: share of ratings that say what the score says, indifferent answers included; same: what the best",
        "answer that is always the same would have. decided: share of decided ratings on its side; a coin has 50.",
        "tau-b: rank correlation over prompts of the score's difference with the raters' net share.",
    ]
    for comparison in powered.comparisons:
        lines += ["", *_powered(comparison)]
    lines += ["", powered.to_dict()["assumption"]]
    lines += [f"{name.replace('_', ' ')}: {words}" for name, words in ESTIMANDS.items()]
    return "\n".join(lines).strip()


def _percent(mean: MeanEstimate | None) -> str:
    if mean is None:
        return "-"
    own = mean.interval
    return f"{100 * mean.estimate:5.1f}" + (f" [{100 * own.low:5.1f}, {100 * own.high:5.1f}]" if own else " [none]")


def _agreement(each: ComparisonAgreement) -> list[str]:
    names = [*(one.metric for one in each.metrics), "another rater", "the other raters' majority"]
    width = max(len(name) for name in names)
    lines = [f"Agreement with raters, {each.question}: A = {each.generator_a}, B = {each.generator_b}"]
    header = f"{'':{width}}  {'category':<16} {'n':>6}  {'accuracy':<20} {'same':>5}  {'decided':<20}  tau-b"
    lines += [header, "-" * len(header)]
    for one in each.metrics:
        lines.append(_row(one, width))
    for rater in each.raters[:1]:
        for name, accuracy, decided in (
            ("another rater", rater.another, rater.another_decided),
            ("the other raters' majority", rater.majority, rater.majority_decided),
        ):
            start = f"{name:{width}}  {'all':<16} {rater.n_ratings:>6}  {_percent(accuracy):<20} {'':>5}"
            lines.append(f"{start}  {_percent(decided):<20}".rstrip())
    for name in dict.fromkeys(one.metric for one in each.metrics):
        worst = [one for one in each.disagreements if one.metric == name][:LISTED]
        if worst:
            told = ", ".join(f"{one.prompt_id} (raters {100 * one.net:+.0f})" for one in worst)
            lines.append(f"{name} and the raters differ most on {told}.")
    return lines


def _row(one: MetricAgreement, width: int) -> str:
    tau = one.correlation
    said = "-" if tau.value is None else f"{tau.value:+.2f}"
    if tau.low is not None and tau.high is not None:
        said += f" [{tau.low:+.2f}, {tau.high:+.2f}]"
    start = f"{one.metric:{width}}  {(one.category or 'all')[:16]:<16} {one.n_ratings:>6}  {_percent(one.accuracy):<20}"
    return f"{start} {100 * one.constant:5.1f}  {_percent(one.decided):<20}  {said}"


def _powered(comparison: PoweredComparison) -> list[str]:
    lines = [
        f"Net share over all prompts, {comparison.question}: A = {comparison.generator_a}, B = {comparison.generator_b}"
    ]
    lines += [f"NOTE  {note}" for note in comparison.notes]
    weights = ", ".join(f"{each.metric} {each.weight:+.2f}" for each in comparison.balance)
    lines.append(f"Prediction from {weights or 'nothing'}; lambda {comparison.overall.power:.2f}.")
    header = f"{'':<20} {'rated':>11}  {'estimand':<13}  {'ratings and scores':<26}  {'ratings alone':<26}  width"
    lines += [header, "-" * len(header)]
    for rate in (comparison.overall, *comparison.categories):
        lines += _rates(rate)
    return lines


def _rates(rate: PoweredRate) -> list[str]:
    lines = []
    for estimand in ESTIMANDS:
        ratio = rate.width_ratio(estimand)
        start = f"{(rate.category or 'Overall')[:20]:<20} {f'{rate.n_rated} of {rate.n_prompts}':>11}"
        cells = f"{_net(rate.powered, estimand):<26}  {_net(rate.classical, estimand):<26}"
        lines.append(f"{start}  {estimand.replace('_', ' '):<13}  {cells}  {'-' if ratio is None else f'{ratio:.2f}'}")
    return lines + ([f"  none: {rate.why}"] if rate.why else [])


def _net(rate: Rate | None, estimand: str) -> str:
    if rate is None:
        return "-"
    own = rate.interval(estimand)
    return f"{100 * rate.estimate:+6.1f}" + (f" [{100 * own.low:+6.1f}, {100 * own.high:+6.1f}]" if own else " [none]")
