"""What a run comes to, told before it starts and while it draws: images, time and money."""

from __future__ import annotations

from dataclasses import dataclass

from common.words import counted, duration
from evaluation.models import GenerationRun, RunStatus
from evaluation.reports.wording.scores import figures_text
from evaluation.selectors.runs import RunProgress
from evaluation.services.runs.request import RunDraft, draft_resolved
from evaluation.services.runs.spending import images_expected_usd
from evaluation.services.work.states import UNFINISHED
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


def run_pace_in_words(run: GenerationRun, progress: RunProgress, expected_usd: float | None = None) -> list[str]:
    """How fast a run is, how long it still takes and what it costs, as people read it; nothing of what nobody knows.

    `expected_usd`: US dollars for all of it.
    """
    told, under_way = [], run.status in UNFINISHED
    per_second, per_minute = progress.samples_per_second, progress.samples_per_minute
    if under_way and per_minute:
        pace = f"{figures_text(per_second, 3)} images a second" if per_second >= 1 else ""
        pace = pace or f"{figures_text(per_minute, 3)} images a minute"
        told.append(pace if progress.seconds_left is None else f"{pace}, about {duration(progress.seconds_left)} left")
    elif run.status == RunStatus.QUEUED:
        told.append("waiting for a worker")
    elif run.status == RunStatus.PAUSED:
        told.append("paused")
    elif under_way and progress.remaining:
        told.append("measuring speed")
    if run.spent_usd or run.budget_usd is not None or expected_usd:
        is_over = not progress.remaining
        if expected_usd and not is_over:
            told.append(f"about {usd(expected_usd)} expected")
        budget = "" if run.budget_usd is None else f" of a budget of {usd(run.budget_usd)}"
        told.append(f"cost {'' if is_over else 'so far '}{usd(run.spent_usd)}{budget}")
    return told
