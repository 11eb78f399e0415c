"""What a report's page shows of automatic scores and of how far they agree with the raters."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from common.text import isolated
from evaluation.analysis.automatic_results import ComparisonAgreement, Disagreement
from evaluation.analysis.estimates import Interval
from evaluation.analysis.powered_results import ASSUMPTION, PoweredComparison, PoweredRate
from evaluation.models import Report, Sample
from evaluation.reports.automatic import ESTIMAND_NAMES, AutomaticScores
from evaluation.reports.wording.descriptions import agreement_description
from evaluation.selectors.metrics import study_sets

IMAGES_A_SET = 8
MOST_PAIRS = 12
"""Comparisons of scores with raters that a report shows."""
SHOWN = 3
"""Prompts of greatest disagreement that a report shows with their images, a score."""

Sets = dict[tuple[str, str], list[Sample]]
PoweredLine = tuple[PoweredRate, str, Interval | None, Interval | None, float | None]


def automatic_context(
    report: Report, automatic: AutomaticScores | None, place: Callable[[str], int]
) -> dict[str, object]:
    """The context of `reports/_automatic.html`; nothing where the report has no automatic scores. Three queries.

    `place`: of a question among those of the study.
    """
    if automatic is None:
        return {}
    every = automatic.against_people.pairs() if automatic.against_people else []
    pairs = sorted(enumerate(every), key=lambda each: place(each[1][0].question))[:MOST_PAIRS]
    wanted = {each.prompt_id for _, (agreement, _) in pairs for each in agreement.worst(SHOWN)}
    sets = study_sets(report.study, wanted) if wanted else {}
    sets = {(prompt, isolated(label)): samples for (prompt, label), samples in sets.items()}
    return {
        "automatic": automatic,
        "assumption": ASSUMPTION,
        "scored": automatic.by_metric(),
        "n_against": len(every),
        "against": [
            (
                number,
                agreement,
                agreement_description(agreement),
                list(_shown(agreement, sets)),
                powered,
                _rates(powered),
            )
            for number, (agreement, powered) in pairs
        ],
    }


def _shown(agreement: ComparisonAgreement, sets: Sets) -> Iterator[tuple[Disagreement, list[Sample], list[Sample]]]:
    """The prompts of greatest disagreement with the images of both sets."""
    for each in agreement.worst(SHOWN):
        a, b = (
            sets.get((each.prompt_id, isolated(name)), [])[:IMAGES_A_SET]
            for name in (agreement.generator_a, agreement.generator_b)
        )
        yield each, a, b


def _rates(powered: PoweredComparison | None) -> list[PoweredLine]:
    """Each rate for each estimand: what it is over, both intervals, and their widths' ratio."""
    if powered is None:
        return []
    return [
        (
            rate,
            ESTIMAND_NAMES[estimand],
            rate.powered.interval(estimand) if rate.powered else None,
            rate.classical.interval(estimand) if rate.classical else None,
            rate.width_ratio(estimand),
        )
        for rate in (powered.overall, *powered.categories)
        for estimand in ("these_prompts", "new_prompts")
    ]
