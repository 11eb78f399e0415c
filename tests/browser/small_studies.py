"""Open studies of two or three trials under any protocol, with what it needs: reference photographs, claims, runs."""

from __future__ import annotations

from collections.abc import Mapping

from evaluation import protocols
from evaluation.models import Prompt, Study
from evaluation.protocols import Protocol
from evaluation.protocols.claims import PromptClaim
from evaluation.protocols.kinds import Claim
from evaluation.services.studies.create import StudyDraft, study_create
from evaluation.services.studies.open import study_open
from evaluation.suites.types import fold
from tests.studies.world import a_run, a_suite

CLAIMS = ("Is there a cat?", "Is the cat red?")

OF_EVERY_KIND = """
name: every-kind
title: Ten questions of every kind that asks about one image
questions:
  - id: look
    text: How does the image look?
    kind: choice
    answers: [{choice: sharp, text: Sharp}, {choice: blurred, text: Blurred}, {choice: broken, text: Broken}]
  - id: quality
    text: How good is the image?
    kind: scale
    steps: [{value: 1, text: Bad}, {value: 2}, {value: 3}, {value: 4}, {value: 5, text: Good}]
    unable: I can't say
  - id: fits
    text: Does it fit {caption}?
    kind: scale
    steps: [{value: 100, text: "Yes"}, {value: 50, text: Somewhat}, {value: 0, text: "No"}]
  - id: claims
    text: "{claim}"
    kind: claim
    unsure: I can't tell
  - id: missing
    text: Mark the words that are missing.
    kind: words
    none: Nothing is missing
  - id: where
    text: Point to what looks wrong.
    kind: points
    at_most: 3
  - id: why
    text: What is wrong?
    kind: reasons
    tags: [{tag: hands, text: Hands}, {tag: text, text: Writing}, {tag: light, text: Light}]
  - id: note
    text: Anything else?
    kind: text
    at_most: 40
set_size: 1
shown: {sets: 1}
panels: all
raters_per_panel: 2
"""

OF_ORDERS = """
name: orders
title: The whole order of three, with and without ties, and the best and the worst
questions:
  - id: ties
    text: Put these images of {caption} in order.
    kind: ranking
    ties: true
  - id: strict
    text: Put them in order once more, without ties.
    kind: ranking
  - id: ends
    text: Which is best, which is worst?
    kind: ranking
    order: best-worst
set_size: 1
shown: {sets: 3}
panels: all
raters_per_panel: 2
"""


def own(text: str, **changes: str) -> Protocol:
    """The protocol of a file's text, with some of it replaced."""
    for before, after in changes.items():
        text = text.replace(before, after)
    return protocols.load(text.encode(), "own.yaml")


def a_small_study(
    protocol: str | Protocol,
    *,
    prompts: int = 1,
    size: tuple[int, int] = (32, 32),
    claims: Mapping[str, tuple[PromptClaim, ...]] | None = None,
    texts: tuple[str, ...] = (),
) -> Study:
    """A study under `protocol`, open, each set as small as it may be. `texts`: of the prompts, if not made up."""
    declared = protocols.get(protocol) if isinstance(protocol, str) else protocol
    shown = declared.shown
    suite = a_suite({} if texts else {"Colors": prompts}, name=f"small-{declared.name}")
    Prompt.objects.bulk_create(
        Prompt(suite=suite, number=number, text=text, category="Colors") for number, text in enumerate(texts)
    )
    needed = max(2, shown.sets - (shown.reference == "beside"))
    samples = min(declared.set_size, 2)
    if claims is None and any(isinstance(each.answers, Claim) for each in declared.questions):
        asked = tuple(PromptClaim(text) for text in CLAIMS)
        claims = {fold(prompt.text): asked for prompt in suite.prompts.all()}
    draft = StudyDraft(
        name=f"small-{declared.name}",
        runs=[a_run(suite, f"{declared.name}-{at}", samples=samples, size=size) for at in range(needed)],
        reference=a_run(suite, f"{declared.name}-photos", samples=1, size=size) if shown.reference != "none" else None,
        protocol=declared,
        raters_per_panel=2,
        claims=claims,
        without_controls=declared.controls is not None and declared.controls.kind == "known",
    )
    return study_open(study=study_create(draft))
