"""What a run will come to, told before it starts: how many images, and what they are expected to cost."""

from __future__ import annotations

from dataclasses import dataclass

from common.words import counted
from evaluation.services.runs.request import RunDraft, draft_resolved
from evaluation.services.runs.spending import images_expected_usd
from generators.costs import usd


@dataclass(frozen=True, slots=True)
class RunEstimate:
    """`n_images`: prompts x samples. `expected_usd`: US dollars for all of them, None where nobody names a price."""

    n_prompts: int
    n_images: int
    expected_usd: float | None

    def __str__(self) -> str:
        """One sentence for people."""
        told = f"{counted(self.n_images, 'image')} of {counted(self.n_prompts, 'prompt')}"
        if self.expected_usd is None or not self.n_images:
            return f"{told}."
        each = usd(self.expected_usd / self.n_images)
        return f"{told}, at about {each} each: about {usd(self.expected_usd)} in all."


def run_estimate(draft: RunDraft, *, operator: bool = False) -> RunEstimate:
    """What the run as drafted will come to. Loads nothing.

    Raises:
        InputError: an unknown generator or parameter, or a size that can't be.
    """
    values, _ = draft_resolved(draft, operator)
    n_prompts = draft.suite.prompts.count()
    n_images = n_prompts * draft.samples_per_prompt
    return RunEstimate(n_prompts, n_images, images_expected_usd(draft.generator, values, n_images))
