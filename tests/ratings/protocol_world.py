"""An open study under any protocol: prompts with claims, some that name people, photographs, known control trials."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from evaluation import protocols
from evaluation.models import Prompt, Study
from evaluation.protocols.claims import PromptClaim
from evaluation.protocols.kinds import Choice, Claim
from evaluation.protocols.rows import REFERENCE
from evaluation.services.studies.create import StudyDraft, study_create
from evaluation.services.studies.open import study_open
from tests.studies.world import a_run, a_suite

LABELS = ("plain", "guided", "third", "fourth")
CLAIMS = tuple(PromptClaim(text) for text in ("Is there a cube?", "Is it red?", "Is it on a table?"))


def known_rows(protocol: protocols.Protocol, texts: Sequence[str], labels: Sequence[str]) -> list[dict[str, str]]:
    """Two control trials of each prompt with right answers, where `protocol` has some that the study brings."""
    if protocol.controls is None or protocol.controls.kind != "known":
        return []
    rows = []
    for number in range(len(texts)):
        for label in labels[:2]:
            beside = [REFERENCE] if protocol.shown.reference == "beside" else list(labels[2:])
            shown = [label, *beside][: protocol.shown.sets]
            for question in protocol.questions:
                if isinstance(question.answers, Claim):
                    continue
                rows.append(
                    {
                        "prompt_id": f"{number:05d}",
                        "shown": json.dumps(shown),
                        "question": question.id,
                        "answer": right_answer(question),
                    }
                )
    return rows


def right_answer(question: protocols.Question) -> str:
    """An answer that can be right, as a file has it."""
    kind = question.answers
    if isinstance(kind, Choice):
        return "right" if kind.preference else kind.ids[0]
    return str(max(getattr(kind, "values", (0,))))


def a_study_under(
    protocol: str | protocols.Protocol,
    *,
    categories: Mapping[str, int] | None = None,
    labels: Sequence[str] = LABELS,
    raters_per_panel: int = 3,
    name: str = "under",
    seed: int = 0,
) -> Study:
    """Open, small, with all that `protocol` needs."""
    declared = protocols.get(protocol) if isinstance(protocol, str) else protocol
    categories = categories or {"Colors": 3, "Counting": 3}
    photographs = declared.shown.reference != "none"
    suite = a_suite(
        categories,
        name=f"suite-{name}",
        attributes=lambda number: {"people": number % 2 == 0} if photographs else {},
    )
    prompts = list(Prompt.objects.filter(suite=suite).order_by("number"))
    labels = labels[:2] if declared.shown.sets == 2 and declared.shown.combinations == "every" else labels
    asks_claims = any(isinstance(question.answers, Claim) for question in declared.questions)
    draft = StudyDraft(
        name=name,
        runs=[a_run(suite, f"{name}-{label}", samples=declared.set_size) for label in labels],
        labels=labels,
        protocol=declared,
        raters_per_panel=raters_per_panel,
        design_seed=seed,
        reference=a_run(suite, f"{name}-photos", samples=1) if photographs else None,
        claims={prompt.text: CLAIMS for prompt in prompts} if asks_claims else None,
        claims_source="claims.csv" if asks_claims else "",
        controls=known_rows(declared, [prompt.text for prompt in prompts], labels),
    )
    return study_open(study=study_create(draft))
