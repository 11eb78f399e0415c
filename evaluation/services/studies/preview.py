"""A draft as raters would see it: its first trials, and any image as it would be shown. Nothing is written."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import starmap

from evaluation.errors import ConflictError, NotFoundError
from evaluation.models import Comparison, Sample, Study, StudyStatus
from evaluation.protocols import Protocol
from evaluation.selectors.trials import Trial, trial_from
from evaluation.services.store.images import image_read
from evaluation.services.studies.design import first_trials
from evaluation.services.studies.prepare import prepare
from evaluation.services.studies.renditions import rendition_bytes
from evaluation.services.studies.specify import Display, settings_of
from evaluation.services.studies.viewing import Viewing

MOST_TRIALS = 12
"""Trials that a preview plays."""


@dataclass(frozen=True, slots=True)
class Preview:
    """A draft's first trials. Each one's assignment is its number, an image's key the primary key of its sample."""

    protocol: Protocol
    set_size: int
    display: Display
    viewing: Viewing
    trials: tuple[Trial, ...]


def draft_preview(study: Study) -> Preview:
    """The first trials of the first rater of `study`.

    Raises:
        ConflictError: it is no draft.
        InputError: it can't be opened as it stands.
    """
    if study.status != StudyStatus.DRAFT:
        raise ConflictError(
            f"The study {study} is {study.status}: only drafts are previewed. Copy it as a new draft to preview that."
        )
    draft = prepare(study)
    protocol = draft.settings.study_protocol
    chosen = first_trials(
        draft.shown({sample.pk: str(sample.pk) for each in draft.chosen.values() for sample in each}),
        lambda study_run, prompt: [str(sample.pk) for sample in draft.chosen[study_run.run_id, prompt.pk]],
        at_most=MOST_TRIALS,
    )

    def shown(number: int, trial: tuple[Comparison, list[int]]) -> Trial:
        comparison, order = trial
        sets, claims = json.dumps(comparison.sets), json.dumps(comparison.claims)
        text, asked = comparison.prompt.text, comparison.questions
        return trial_from(
            [number, number, text, order, sets, asked, claims, comparison.guide, comparison.covered], protocol
        )

    return Preview(
        protocol,
        draft.settings.set_size,
        draft.display,
        draft.settings.viewing,
        tuple(starmap(shown, enumerate(chosen))),
    )


def preview_image(study: Study, sample: int, *, width: int, height: int) -> bytes:
    """A sample of one of the study's runs as raters would see it.

    Raises:
        NotFoundError: the study has no such sample.
        InputError: its file is gone.
    """
    found = Sample.objects.filter(pk=sample, run__study_runs__study=study).select_related("image").first()
    if found is None:
        raise NotFoundError(f"The study {study} has no such image.")
    return rendition_bytes(image_read(found.image), Display(width, height, settings_of(study).masks))
