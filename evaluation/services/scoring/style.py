"""The styles of a study's images, as its raters saw them."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from common.words import prompt_name
from evaluation.errors import InputError
from evaluation.metrics.errors import MetricError
from evaluation.metrics.features.decode import NotScoredError
from evaluation.metrics.prompts.read_image import read_image
from evaluation.metrics.prompts.style import STYLES, TEXT, style_of
from evaluation.models import Study, StudyImage
from evaluation.services.store.images import image_path


def study_styles(*, study: Study, with_text: bool = False) -> pd.DataFrame:
    """One row for each prompt and run of an opened study: `prompt_id, generator` (the run's label) and the means of the
    styles over the images of its set. `with_text`: whether text was found, too, which takes seconds an image.

    Raises:
        InputError: the study shows no images yet, one of them can't be read, or the reader of text is not installed.
    """
    rows = list(_rows(study, with_text))
    if not rows:
        raise InputError(f"Study {study.name} shows no images yet. Open it first.")
    styles = [*STYLES, *([TEXT] if with_text else [])]
    frame = pd.DataFrame(rows, columns=["prompt_id", "generator", *styles])
    return frame.groupby(["prompt_id", "generator"], as_index=False, sort=True)[styles].mean()


def _rows(study: Study, with_text: bool) -> Iterator[dict[str, object]]:
    labels = dict(study.study_runs.values_list("run_id", "label"))
    reader = None
    if with_text:
        from evaluation.metrics.prompts.text_reader import load_reader

        try:
            reader = load_reader()
        except MetricError as error:
            raise InputError(str(error)) from error
    images = StudyImage.objects.filter(study=study, copy=0).select_related("sample__prompt", "rendition").order_by("pk")
    for image in images.iterator(2000):
        try:
            picture = read_image(image_path(image.rendition)).image
        except NotScoredError as error:
            raise InputError(f"An image of prompt {image.sample.prompt.number} can't be read: {error}.") from error
        row: dict[str, object] = {
            "prompt_id": prompt_name(image.sample.prompt.number),
            "generator": labels[image.sample.run_id],
            **style_of(picture),
        }
        if reader is not None:
            row[TEXT] = float(bool(reader.read(picture)))
        yield row
