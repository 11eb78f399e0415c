"""What a generator answered becomes a sample or a failure: each at most once, whoever comes first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.db import transaction

from common.parameters import ParameterValue
from evaluation.models import GenerationRun, Sample, SampleFailure
from evaluation.services.store.images import image_put
from generators.contract import Failure


@dataclass(frozen=True, slots=True)
class DrawnImage:
    """An image as a generator made it. `png`: its file; `width`, `height` in pixels. `seconds`: wall time it took.

    `content_key`: says all that it depends on (`generators.runner.content_key`). `provenance`: what the generator says
    of how it was made.
    """

    png: bytes
    width: int
    height: int
    content_key: str = ""
    seconds: float | None = None
    provenance: Mapping[str, ParameterValue] = field(default_factory=dict)


@transaction.atomic
def sample_store(*, run: GenerationRun, prompt_pk: int, sample: int, drawn: DrawnImage) -> None:
    """Keep one image of `run`: its file, then its row. One that is there already stays as it is.

    Raises:
        StoreFullError: no room; nothing is kept.
    """
    image = image_put(data=drawn.png, image_format="png", width=drawn.width, height=drawn.height)
    row = Sample(
        run=run,
        prompt_id=prompt_pk,
        sample=sample,
        image=image,
        content_key=drawn.content_key,
        seconds=drawn.seconds,
        provenance=dict(drawn.provenance),
    )
    # the unique constraint decides, not a look before: two workers may have drawn it
    Sample.objects.bulk_create([row], ignore_conflicts=True)
    SampleFailure.objects.filter(run=run, prompt=prompt_pk, sample=sample).delete()


@transaction.atomic
def sample_fail(*, run: GenerationRun, prompt_pk: int, sample: int, failure: Failure, tries: int = 1) -> bool:
    """Keep that a sample could not be made, unless it was made meanwhile. True when it is to be tried again.

    `tries`: how many attempts a failure that may pass gets before it stands.
    """
    if Sample.objects.filter(run=run, prompt=prompt_pk, sample=sample).exists():
        return False
    row = SampleFailure(run=run, prompt_id=prompt_pk, sample=sample, attempts=0)
    SampleFailure.objects.bulk_create([row], ignore_conflicts=True)
    row = SampleFailure.objects.select_for_update().get(run=run, prompt=prompt_pk, sample=sample)
    row.attempts += 1
    row.kind, row.message = failure.kind.value, failure.message
    row.retrying = failure.kind.retryable and row.attempts < tries
    row.save(update_fields=["attempts", "kind", "message", "retrying"])
    return row.retrying
