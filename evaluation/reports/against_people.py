"""Automatic scores against people: the result, its document (`drawbench-against-people/1`), and its text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import pandas as pd

from evaluation.analysis.automatic_agreement import automatic_agreement_valid
from evaluation.analysis.automatic_results import ComparisonAgreement, MetricAgreement
from evaluation.analysis.automatic_scores import metric_directions, validate_automatic_scores
from evaluation.analysis.estimates import MeanEstimate
from evaluation.analysis.powered_results import ASSUMPTION, ESTIMANDS, PoweredComparison, PoweredRate, Rate
from evaluation.analysis.prediction_powered import prediction_powered_valid
from evaluation.analysis.results import Document, document, rounded

SCHEMA = "drawbench-against-people/1"
LISTED = 5  # prompts of greatest disagreement in a text, for each score


@dataclass(frozen=True)
class AgainstPeople:
    """Automatic scores held against raters, comparison by comparison, and the rates that both give together.

    `metrics`: which way is good, by score. `aggregate`, `estimand`, `level`: what was asked for.
    """

    aggregate: str
    estimand: str
    level: float
    simulated: bool
    metrics: Mapping[str, str]
    agreement: tuple[ComparisonAgreement, ...]
    powered: tuple[PoweredComparison, ...]
    notes: tuple[str, ...]

    def pairs(self) -> list[tuple[ComparisonAgreement, PoweredComparison | None]]:
        """The agreement of each pair and question with its prediction-powered rates, where there are any."""
        powered = {(each.generator_a, each.generator_b, each.question): each for each in self.powered}
        return [(each, powered.get((each.generator_a, each.generator_b, each.question))) for each in self.agreement]

    def to_dict(self) -> Document:
        """The `drawbench-against-people/1` document."""
        return document(
            {
                "schema": SCHEMA,
                "aggregate": self.aggregate,
                "estimand": self.estimand,
                "level": self.level,
                "simulated": self.simulated,
                "metrics": [{"metric": name, "better": better} for name, better in self.metrics.items()],
                "agreement": [each.to_dict() for each in self.agreement],
                "powered": {
                    "assumption": ASSUMPTION,
                    "estimands": ESTIMANDS,
                    "comparisons": [each.to_dict() for each in self.powered],
                },
                "notes": self.notes,
            }
        )

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> AgainstPeople:
        """What the document says: `from_dict(x.to_dict()) == x`."""
        level = found["level"]
        return cls(
            found["aggregate"],
            found["estimand"],
            level,
            found["simulated"],
            MappingProxyType({each["metric"]: each["better"] for each in found["metrics"]}),
            tuple(ComparisonAgreement.from_dict(each, level) for each in found["agreement"]),
            tuple(PoweredComparison.from_dict(each, level) for each in found["powered"]["comparisons"]),
            tuple(found["notes"]),
        )


def against_people(
    valid: pd.DataFrame,
    scores: pd.DataFrame,
    *,
    metrics: Sequence[str] | None = None,
    aggregate: str = "mean",
    estimand: str = "raters_and_prompts",
    level: float = 0.95,
    notes: Sequence[str] = (),
) -> AgainstPeople:
    """How far `scores` agree with ratings (`valid`: validated), and the preference rates that both give together.

    `metrics`: the scores that the prediction-powered rates use, all unless given; agreement is of all of them.

    Raises:
        RatingsError: scores are not in their form, or do not belong to the ratings.
        ValueError: a setting is not one of those allowed.
    """
    checked = validate_automatic_scores(scores)
    agreement = automatic_agreement_valid(valid, checked, aggregate=aggregate, estimand=estimand, level=level)
    powered = prediction_powered_valid(valid, checked, metrics=metrics, aggregate=aggregate, level=level)
    told = list(dict.fromkeys([*notes, *agreement.notes, *powered.notes]))
    if agreement.n_simulated:
        told.insert(0, "Simulated: there are ratings by simulated raters among these, not only by people.")
    return rounded(
        AgainstPeople(
            aggregate,
            estimand,
            level,
            bool(agreement.n_simulated),
            metric_directions(checked),
            agreement.comparisons,
            powered.comparisons,
            tuple(told),
        )
    )


def against_people_text(found: AgainstPeople) -> str:
    """`found` for terminals."""
    lines = [f"NOTE  {note}" for note in found.notes]
    for each in found.agreement:
        lines += ["", *_agreement(each)]
    lines += [
        "",
        "accuracy: share of ratings that say what the score says, indifferent answers included; same: what the best",
        "answer that is always the same would have. decided: share of decided ratings on its side; a coin has 50.",
        "tau-b: rank correlation over prompts of the score's difference with the raters' net share.",
    ]
    for comparison in found.powered:
        lines += ["", *_powered(comparison)]
    lines += ["", ASSUMPTION]
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
