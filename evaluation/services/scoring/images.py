"""A run's samples as metrics read them: the original upload where there is one, since encoding anew moves scores."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from common.words import prompt_name
from evaluation.metrics.spec import ScoredImage
from evaluation.models import GenerationRun, Sample
from evaluation.services.store.images import image_path


def scored_images(run: GenerationRun, sample_pks: Sequence[int] | None = None) -> dict[int, ScoredImage]:
    """The samples of `run` (these, or all) by primary key, in the suite's order. One query."""
    samples = Sample.objects.filter(run=run).select_related("prompt", "image", "original")
    if sample_pks is not None:
        samples = samples.filter(pk__in=sample_pks)
    return {sample.pk: _scored(sample) for sample in samples.order_by("prompt__number", "sample").iterator(2000)}


def images_hash(runs: Iterable[GenerationRun]) -> str:
    """SHA-256 over the keys and file hashes of all samples of `runs`: says which images a score is of."""
    digest = hashlib.sha256()
    for run in runs:
        rows = Sample.objects.filter(run=run).order_by("prompt__number", "sample")
        digest.update(b"run\n")
        for number, sample, image, original in rows.values_list(
            "prompt__number", "sample", "image__sha256", "original__sha256"
        ).iterator(2000):
            digest.update(f"{prompt_name(number)}/{sample} {original or image}\n".encode())
    return digest.hexdigest()


def _scored(sample: Sample) -> ScoredImage:
    prompt = sample.prompt
    return ScoredImage(
        key=f"{prompt.prompt_id}/{sample.sample}",
        path=image_path(sample.original or sample.image),
        prompt=prompt.text,
        category=prompt.category,
        attributes=prompt.attributes,
    )
