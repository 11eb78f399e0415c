"""Images of a study under further addresses, for control trials and repeats: other bytes, the same pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evaluation.models import Sample, Study, StudyImage
from evaluation.models.study import new_key
from evaluation.services.store.images import ImageFile, file_path, image_rows
from evaluation.services.store.shown import images_name
from evaluation.services.studies.renditions import renditions_make
from evaluation.services.studies.specify import Display

Copy = tuple[Sample, int]
"""An image, and in which of the encodings after the first."""


class Copies:
    """Keys that are given out first, and the images behind them, which are made once it is known which.

    `samples`: by the key under which an image stands in trials.
    """

    def __init__(self, samples: Mapping[str, Sample]) -> None:
        self._samples = samples
        self._given: dict[str, Copy] = {}

    def of(self, keys: Sequence[str], encoding: int) -> list[str]:
        """New keys of the images of `keys`. `encoding`: 0 or 1; two of one trial differ in it."""
        fresh = [new_key() for _ in keys]
        self._given |= {each: (self._samples[key], encoding) for each, key in zip(fresh, keys, strict=True)}
        return fresh

    def make(self, study: Study, display: Display, stored: list[ImageFile], named: list[str]) -> None:
        """Make the rows, files and names of all that was given out.

        `stored`, `named`: every file and key is added, so that the caller can take them away on an error.

        Raises:
            StoreFullError: no room.
        """
        files: dict[tuple[int, int], ImageFile] = {}
        for encoding in sorted({each for _, each in self._given.values()}):
            images = {sample.image_id: sample.image for sample, each in self._given.values() if each == encoding}
            made = renditions_make(images.values(), display, stored=stored, encoding=1 + encoding)
            files |= {(image, encoding): file for image, file in made.items()}
        rows = image_rows(files.values())
        numbers: dict[int, int] = {}
        images_made = []
        for key, (sample, encoding) in self._given.items():
            numbers[sample.pk] = numbers.get(sample.pk, 0) + 1
            rendition = rows[files[sample.image_id, encoding].sha256]
            images_made.append(
                StudyImage(study=study, sample=sample, key=key, copy=numbers[sample.pk], rendition=rendition)
            )
        StudyImage.objects.bulk_create(images_made, batch_size=2000)
        named += self._given
        images_name(
            (key, file_path(files[sample.image_id, encoding])) for key, (sample, encoding) in self._given.items()
        )
