"""A small open study for `benchmarks.report_page`: the page shows its images, whatever the report's ratings are."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from evaluation.models import GenerationRun, Prompt, RunStatus, Sample, Study, Suite
from evaluation.services.store.images import image_file_put, image_rows
from evaluation.services.studies.create import StudyDraft, study_create
from evaluation.services.studies.open import study_open

SIDE = 64


def a_study(labels: Sequence[str], categories: int) -> Study:
    """A study of these labels, two prompts a category, an image each."""
    suite = Suite.objects.create(name="bench-report", version_hash="b" * 64, content_hash="b" * 64)
    Prompt.objects.bulk_create(
        Prompt(suite=suite, number=n, text=f"prompt {n} about a red cube", category=f"category {n % categories}")
        for n in range(2 * categories)
    )
    runs = [_run(suite, label, seed) for seed, label in enumerate(labels)]
    draft = StudyDraft(name="bench-report", runs=runs, labels=list(labels), raters_per_panel=2, samples_per_set=1)
    return study_open(study=study_create(draft))


def _run(suite: Suite, label: str, seed: int) -> GenerationRun:
    run = GenerationRun.objects.create(
        name=f"bench-report-{label.replace(' ', '-')}",
        suite=suite,
        origin=GenerationRun.Origin.RENDERED,
        generator="noise",
        samples_per_prompt=1,
        status=RunStatus.DONE,
        width=SIDE,
        height=SIDE,
    )
    rng = np.random.default_rng(seed)
    prompts = list(suite.prompts.order_by("number"))
    files = []
    for _ in prompts:
        out = io.BytesIO()
        Image.fromarray(rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)).save(out, "PNG")
        files.append(image_file_put(data=out.getvalue(), image_format="png", width=SIDE, height=SIDE))
    rows = image_rows(files)
    Sample.objects.bulk_create(
        Sample(run=run, prompt=prompt, sample=0, image=rows[file.sha256])
        for prompt, file in zip(prompts, files, strict=True)
    )
    return run
