"""What a generator answered becomes a sample or a failure: each at most once, whoever comes first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

import numpy as np
from django.db import transaction
from django.utils import timezone
from numpy.typing import NDArray

from common.parameters import ParameterValue
from evaluation.models import GenerationRun, Sample, SampleFailure
from evaluation.services.store.images import ComingFile, file_path, hold_store, image_file_write, image_rows
from generators.contract import Failure

Place: TypeAlias = tuple[int, int]
"""A sample's place in a run: its prompt's primary key, and its index from 0."""


@dataclass(frozen=True, slots=True, eq=False)
class DrawnImage:
    """An image as a generator made it. `pixels`: uint8 RGB, (height, width, 3). `seconds`: wall time it took.

    `content_key`: says all that it depends on (`generators.runner.content_key`). `provenance`: what the generator says
    of how it was made.
    """

    pixels: NDArray[np.uint8]
    content_key: str = ""
    seconds: float | None = None
    provenance: Mapping[str, ParameterValue] = field(default_factory=dict)
    drawn_at: datetime = field(default_factory=timezone.now)


@transaction.atomic
def samples_store(run: GenerationRun, images: Sequence[tuple[Place, DrawnImage, ComingFile]]) -> None:
    """The rows of images whose files are written. One that is there already stays as it is.

    Raises:
        StoreFullError: no room; nothing is kept.
    """
    hold_store()
    for _, _, coming in images:
        file = coming.file
        if not file_path(file).exists():  # the same image was deleted elsewhere before the store was held
            image_file_write(data=coming.data, image_format="png", width=file.width, height=file.height)
    rows = image_rows(coming.file for _, _, coming in images)
    # the unique constraint decides, not a look before: two workers may have drawn it
    Sample.objects.bulk_create(
        [
            Sample(
                run=run,
                prompt_id=prompt,
                sample=sample,
                image=rows[coming.file.sha256],
                content_key=drawn.content_key,
                seconds=drawn.seconds,
                provenance=dict(drawn.provenance),
                created_at=drawn.drawn_at,
            )
            for (prompt, sample), drawn, coming in images
        ],
        ignore_conflicts=True,
    )
    made = {place for place, _, _ in images}
    failures = SampleFailure.objects.filter(run=run, prompt__in={prompt for prompt, _ in made})
    gone = [pk for pk, prompt, sample in failures.values_list("pk", "prompt", "sample") if (prompt, sample) in made]
    if gone:
        SampleFailure.objects.filter(pk__in=gone).delete()


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
