"""A compared run as a study's specification names it: whose images, how they were made, what is declared of them."""

from __future__ import annotations

from evaluation.models import GenerationRun


def run_specified(label: str, run: GenerationRun) -> dict[str, object]:
    """`run` under its label in the study, as JSON has it."""
    return {
        "label": label,
        "run": run.name,
        "origin": run.origin,
        "generator": run.generator,
        "parameters": run.parameters,
        "width": run.width,
        "height": run.height,
        "samples_per_prompt": run.samples_per_prompt,
        "run_seed": run.known_seed,
        "weights_fingerprint": run.weights_fingerprint,
        **({"declared": run.declared} if run.declared else {}),
    }
