"""What a report's page shows of automatic scores and of how far they agree with the raters."""

from __future__ import annotations

from evaluation.models import Report, Sample
from evaluation.reports.automatic import AgainstPeople, against_people_rows, agreement_description, scored_runs
from evaluation.reports.document import Results
from evaluation.selectors.metrics import study_sets

IMAGES_A_SET = 8


def automatic_context(report: Report, results: Results) -> dict[str, object]:
    """The context of `reports/_automatic.html`; nothing where the report has no automatic scores. Three queries."""
    section = results.get("automatic")
    if section is None:
        return {}
    tables = against_people_rows(section)
    wanted = {row.prompt_id for table in tables for row in table.disagreements}
    sets = study_sets(report.study, wanted) if wanted else {}
    return {
        "automatic": section,
        "scored": scored_runs(section),
        "against": [
            (number, table, agreement_description(table), _shown(table, sets)) for number, table in enumerate(tables)
        ],
    }


def _shown(table: AgainstPeople, sets: dict[tuple[str, str], list[Sample]]) -> list[tuple[object, ...]]:
    """The prompts of greatest disagreement with the images of both sets."""
    return [
        (
            row,
            sets.get((row.prompt_id, table.generator_a), [])[:IMAGES_A_SET],
            sets.get((row.prompt_id, table.generator_b), [])[:IMAGES_A_SET],
        )
        for row in table.disagreements
    ]
