"""What a generator answered becomes a sample or a failure: each at most once, whoever comes first."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

import numpy as np
from django.db import transaction
from django.utils import timezone
from numpy.typing import NDArray

from common.images import encode_png
from common.parameters import ParameterValue
from evaluation.models import GenerationRun, Sample, SampleFailure
from evaluation.services.store.images import ImageFile, file_path, hold_store, image_file_write, image_rows
from generators.contract import Failure

Place: TypeAlias = tuple[int, int]
"""A sample's place in a run: its prompt's primary key, and its index from 0."""

THREADS = 2
"""That encode and write: a disk that is brought up to date for two files at once takes hardly longer than for one."""

KEPT_EVERY_S = 0.03
MOST_WAITING = 64
"""Images of batches that take less than so long become samples together: their rows then cost a fraction. Slower
batches are kept each by itself, and so is what was paid for."""


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


@dataclass(frozen=True, slots=True)
class _Written:
    """A file in the store, and its bytes until the row is there that keeps it."""

    file: ImageFile
    data: bytes


class SampleWriter:
    """The images of a run on their way to the store: threads encode and write them while the next are drawn.

    Only `keep` makes them samples: what was not kept when the process dies is still missing, and is drawn again.
    """

    def __init__(self, run: GenerationRun) -> None:
        self._run = run
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="image-writer")
        self._under_way: list[tuple[Place, DrawnImage, Future[_Written]]] = []
        self._kept_at = time.monotonic()

    def __len__(self) -> int:
        return len(self._under_way)

    def is_due(self) -> bool:
        """Whether it is time to keep what is written."""
        return len(self) >= MOST_WAITING or time.monotonic() - self._kept_at >= KEPT_EVERY_S

    def add(self, place: Place, drawn: DrawnImage) -> None:
        """Encode and write an image, some time."""
        self._under_way.append((place, drawn, self._threads.submit(_written, drawn.pixels)))

    def keep(self, n_first: int | None = None) -> None:
        """Make samples of the first `n_first` images, or of all, when they are written.

        Raises:
            StoreFullError: no room for one of them; the others are kept.
        """
        first = self._under_way[:n_first]
        self._under_way = self._under_way[len(first) :]
        self._kept_at = time.monotonic()
        there: list[tuple[Place, DrawnImage, _Written]] = []
        error: Exception | None = None
        for place, drawn, under_way in first:
            try:
                there.append((place, drawn, under_way.result()))
            except Exception as caught:
                error = error or caught
        if there:
            _samples_store(self._run, there)
        if error is not None:
            raise error

    def close(self) -> None:
        """End the threads. Harmless twice."""
        self._threads.shutdown(wait=True, cancel_futures=True)


def _written(pixels: NDArray[np.uint8]) -> _Written:
    height, width, _ = pixels.shape
    data = encode_png(pixels)
    return _Written(image_file_write(data=data, image_format="png", width=width, height=height), data)


@transaction.atomic
def _samples_store(run: GenerationRun, images: Sequence[tuple[Place, DrawnImage, _Written]]) -> None:
    """The rows of images whose files are written. One that is there already stays as it is.

    Raises:
        StoreFullError: no room; nothing is kept.
    """
    hold_store()
    for _, _, written in images:
        file = written.file
        if not file_path(file).exists():  # the same image was deleted elsewhere before the store was held
            image_file_write(data=written.data, image_format="png", width=file.width, height=file.height)
    rows = image_rows(written.file for _, _, written in images)
    # the unique constraint decides, not a look before: two workers may have drawn it
    Sample.objects.bulk_create(
        [
            Sample(
                run=run,
                prompt_id=prompt,
                sample=sample,
                image=rows[written.file.sha256],
                content_key=drawn.content_key,
                seconds=drawn.seconds,
                provenance=dict(drawn.provenance),
                created_at=drawn.drawn_at,
            )
            for (prompt, sample), drawn, written in images
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
