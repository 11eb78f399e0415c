"""Opening a study: its comparisons are drawn, its images made alike, its specification locked. And closing it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from django.db import transaction
from django.utils import timezone

from common.hashes import hash_of
from evaluation.errors import ConflictError
from evaluation.models import Comparison, Prompt, Sample, Study, StudyImage, StudyRun, StudyStatus
from evaluation.selectors.shared_images import shown_alike
from evaluation.services.sealing.seal import study_seal
from evaluation.services.store.images import ImageFile, file_path, image_discard, image_rows
from evaluation.services.store.shown import images_name, images_unname
from evaluation.services.studies.blind import blind_audit
from evaluation.services.studies.design import design_make, questions_make
from evaluation.services.studies.invitation import invitation_create
from evaluation.services.studies.prepare import prepare
from evaluation.services.studies.renditions import renditions_make
from evaluation.services.studies.specify import Opened, specification

Progress = Callable[[int, int], None]
"""Told how many images are ready, and of how many."""


def study_open(*, study: Study, progress: Progress | None = None, invite: bool = False) -> Study:
    """Draw the comparisons, make the images that raters see, lock and hash the specification: all of it or nothing.

    `invite`: also make a first invitation, as people who open a study want one: by page, API and command alike.

    Returns:
        The study, open.

    Raises:
        ConflictError: it is open or closed already.
        InputError: samples went missing since it was made; or (`StoreFullError`) there is no room for the images.
    """
    stored: list[ImageFile] = []
    named: list[str] = []
    try:
        with transaction.atomic():
            opened = _open(Study.objects.select_for_update().get(pk=study.pk), stored, named, progress)
            if invite:
                invitation_create(study=opened)
            return opened
    except BaseException:
        images_unname(named)
        image_discard(stored)
        raise


@transaction.atomic
def study_close(*, study: Study) -> Study:
    """Take no more raters and ratings. What was rated stays.

    Raises:
        ConflictError: it is not open.
    """
    study = Study.objects.select_for_update().get(pk=study.pk)
    if study.status != StudyStatus.OPEN:
        raise ConflictError(
            f"The study {study} can't be closed: it is {study.status}, and only open studies can be closed."
        )
    study.status = StudyStatus.CLOSED
    study.closed_at = timezone.now()
    study.save(update_fields=["status", "closed_at"])
    study_seal(study=study)
    return study


def _open(study: Study, stored: list[ImageFile], named: list[str], progress: Progress | None) -> Study:
    if study.status != StudyStatus.DRAFT:
        raise ConflictError(
            f"The study {study} can't be opened: it is already {study.status}, and only drafts can be opened."
        )
    draft = prepare(study)
    files = renditions_make(
        draft.images.values(),
        draft.display,
        stored=stored,
        progress=None if progress is None else lambda done: progress(done, len(draft.images)),
    )
    keys = _study_images(study, draft.chosen, files, named)
    questions_make(study, draft.settings.study_protocol)
    panels = design_make(
        draft.shown(keys),
        lambda study_run, prompt: [keys[sample.pk] for sample in draft.chosen[study_run.run_id, prompt.pk]],
    )
    labels = {each.run_id: each.label for each in draft.study_runs}
    study.specification = specification(
        study=study,
        suite=draft.suite,
        runs=[(study_run.label, study_run.run) for study_run in draft.compared],
        reference=draft.reference,
        settings=draft.settings,
        sets=draft.sets,
        opened=Opened(
            display=draft.display,
            n_comparisons=Comparison.objects.filter(study=study, control="").count(),
            shown=[_as_shown(draft.study_runs, prompt, draft.chosen) for prompt in draft.sets.prompts],
            panels=panels,
            covered=Counter(
                labels[sample.run_id] for each in draft.chosen.values() for sample in each if sample.pk in draft.covered
            ),
            blind=blind_audit(study, draft).to_dict(),
            shared_images=[each.to_dict() for each in shown_alike(study, labels)],
        ),
    )
    study.save(update_fields=["specification"])
    # hashed as the database gives it back, which is as anyone will read it: JSONB writes some numbers otherwise
    study.refresh_from_db(fields=["specification"])
    study.specification_hash = hash_of(study.specification)
    study.status = StudyStatus.OPEN
    study.opened_at = timezone.now()
    study.save(update_fields=["specification_hash", "status", "opened_at"])
    return study


def _study_images(
    study: Study, chosen: Mapping[tuple[int, int], list[Sample]], files: Mapping[int, ImageFile], named: list[str]
) -> dict[int, str]:
    """Make the rows and names of all shown images; the key of each by its sample's primary key.

    `named`: the keys are added before their files get these names, so that the caller can take them away on an error.
    """
    rows = image_rows(files.values())
    images = [
        StudyImage(study=study, sample=sample, rendition=rows[files[sample.image_id].sha256])
        for samples in chosen.values()
        for sample in samples
    ]
    StudyImage.objects.bulk_create(images, batch_size=2000)
    named += [image.key for image in images]
    shown = {sample.pk: files[sample.image_id] for samples in chosen.values() for sample in samples}
    images_name((image.key, file_path(shown[image.sample_id])) for image in images)
    return {image.sample_id: image.key for image in images}


def _as_shown(
    study_runs: list[StudyRun], prompt: Prompt, chosen: Mapping[tuple[int, int], list[Sample]]
) -> list[object]:
    """A prompt's sets by content: number, and for each label the shown samples' indices and hashes."""
    return [
        prompt.number,
        [
            [study_run.label, [[sample.sample, sample.image.sha256] for sample in chosen[study_run.run_id, prompt.pk]]]
            for study_run in study_runs
        ],
    ]
