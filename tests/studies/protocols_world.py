"""Small studies under any protocol: runs, reference photographs, claims, control trials as each one needs them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from evaluation import protocols
from evaluation.models import GenerationRun, Suite
from evaluation.protocols.claims import PromptClaim
from evaluation.protocols.kinds import Choice, value_text
from evaluation.protocols.serving import needs
from evaluation.services.studies.create import StudyDraft
from evaluation.suites.types import fold
from tests.studies.world import TWO_CATEGORIES, a_run, a_suite

CLAIMS = (PromptClaim("Is there a cube?"), PromptClaim("Is it red?"))


def some_runs(
    n: int, categories: Mapping[str, int] = TWO_CATEGORIES, *, samples: int = 1
) -> tuple[Suite, list[GenerationRun]]:
    """A suite, and so many runs of it."""
    suite = a_suite(categories)
    return suite, [a_run(suite, f"run-{at}", samples=samples) for at in range(n)]


def known_rows(protocol: protocols.Protocol, labels: Sequence[str], suite: Suite, n: int) -> list[dict[str, str]]:
    """`n` control trials in each panel, with an answer to each question."""
    rows = []
    prompts = list(suite.prompts.order_by("number"))
    for at in range(n * (len({each.category for each in prompts}) if protocol.panels == "category" else 1)):
        shown = [labels[(at // len(prompts) + each) % len(labels)] for each in range(protocol.shown.sets)]
        for question in protocol.questions:
            kind = question.answers
            value = kind.ids[0] if isinstance(kind, Choice) else getattr(kind, "values", [1])[0]
            rows.append(
                {
                    "prompt_id": prompts[at % len(prompts)].prompt_id,
                    "shown": value_text(shown),
                    "question": question.id,
                    "answer": value_text(value),
                }
            )
    return rows


def a_draft(protocol: str | protocols.Protocol, *, raters: int = 3, n_runs: int = 4, **changes: Any) -> StudyDraft:
    """What a small study under `protocol` asks for, with all that it needs."""
    declared = protocols.get(protocol) if isinstance(protocol, str) else protocol
    suite, runs = some_runs(n_runs)
    draft = StudyDraft(name="small", runs=runs, protocol=protocol, raters_per_panel=raters)
    needed = needs(declared)
    if "reference" in needed:
        draft = replace(draft, reference=a_run(suite, "photographs", samples=1))
    if "claims" in needed:
        texts = suite.prompts.values_list("text", flat=True)
        draft = replace(draft, claims={fold(text): CLAIMS for text in texts}, claims_source="claims.csv")
    if "known" in needed:
        assert declared.controls is not None
        labels = [run.name for run in runs]
        if declared.shown.reference == "beside":
            labels = [run.name for run in runs] + ["reference"]
        rows = known_rows(declared, labels, suite, declared.controls.trials)
        draft = replace(draft, controls=rows)
    return replace(draft, **changes)
