"""Which images a study's generators did not give, as its specification keeps it: what policies are applied to later."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Count

from common.words import prompt_name
from evaluation.models import GenerationRun, Prompt, SampleFailure, Suite
from evaluation.services.studies.sets import ImageSets, MissingRule


def refused_specified(
    policy: str,
    *,
    suite: Suite,
    runs: Sequence[tuple[str, GenerationRun]],
    sets: ImageSets,
    size: int,
    missing: MissingRule,
) -> dict[str, object] | None:
    """`policy`; of each run how many images were wanted, how many are missing, and of how many it is known why; by
    prompt that was left out the labels of the runs that gave too few. None where no policy is declared and nothing is
    missing. Two queries.

    Args:
        runs: (label, run). size: images of a set. missing: the rule, which says from where on too few are too few.
    """
    if not policy and not sets.dropped and not sets.smaller:
        return None
    numbers = dict(Prompt.objects.filter(suite=suite).order_by("number").values_list("number", "pk"))
    kinds: dict[int, dict[str, int]] = {}
    failures = SampleFailure.objects.filter(run__in=[run for _, run in runs], retrying=False).order_by("run", "kind")
    for run, kind, n in failures.values_list("run", "kind").annotate(n=Count("pk")):
        kinds.setdefault(run, {})[kind] = n
    least = size if missing == "drop-prompts" else 1
    found = []
    for label, run in runs:
        wanted = run.samples_per_prompt * len(numbers)
        made = sum(len(sets.available.get((run.pk, pk), ())) for pk in numbers.values())
        entry = {"label": label, "wanted": wanted, "missing": max(0, wanted - made), "kinds": kinds.get(run.pk, {})}
        found.append(entry)
    lacking = {
        prompt_name(number): [
            label for label, run in runs if len(sets.available.get((run.pk, numbers[number]), ())) < least
        ]
        for number in sets.dropped
    }
    return {"policy": policy, "runs": found, "lacking": {prompt: each for prompt, each in lacking.items() if each}}
