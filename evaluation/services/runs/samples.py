"""What a generator answered becomes a sample or a failure: each at most once, whoever comes first."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction

from common.parameters import ParameterValue
from evaluation.models import GenerationRun, Sample, SampleFailure
from evaluation.services.store.images import image_put
from generators.contract import Failure


@transaction.atomic
def sample_store(
    *,
    run: GenerationRun,
    prompt: int,
    sample: int,
    png: bytes,
    width: int,
    height: int,
    content_key: str = "",
    seconds: float | None = None,
    provenance: Mapping[str, ParameterValue] | None = None,
) -> None:
    """Keep one image of `run`: its file, then its row. One that is there already stays as it is.

    `prompt`: its primary key. `png`: the image's file; `width`, `height` in pixels. `seconds`: wall time it took.

    Raises:
        StoreFullError: no room; nothing is kept.
    """
    image = image_put(data=png, image_format="png", width=width, height=height)
    row = Sample(
        run=run,
        prompt_id=prompt,
        sample=sample,
        image=image,
        content_key=content_key,
        seconds=seconds,
        provenance=dict(provenance or {}),
    )
    # the unique constraint decides, not a look before: two workers may have drawn it
    Sample.objects.bulk_create([row], ignore_conflicts=True)
    SampleFailure.objects.filter(run=run, prompt=prompt, sample=sample).delete()


@transaction.atomic
def sample_fail(*, run: GenerationRun, prompt: int, sample: int, failure: Failure, tries: int = 1) -> bool:
    """Keep that a sample could not be made, unless it was made meanwhile. True when it is to be tried again.

    `tries`: how many attempts a failure that may pass gets before it stands.
    """
    if Sample.objects.filter(run=run, prompt=prompt, sample=sample).exists():
        return False
    row = SampleFailure(run=run, prompt_id=prompt, sample=sample, attempts=0)
    SampleFailure.objects.bulk_create([row], ignore_conflicts=True)
    row = SampleFailure.objects.select_for_update().get(run=run, prompt=prompt, sample=sample)
    row.attempts += 1
    row.kind, row.message = failure.kind.value, failure.message[:2000]
    row.retrying = failure.kind.retryable and row.attempts < tries
    row.save(update_fields=["attempts", "kind", "message", "retrying"])
    return row.retrying
