"""Opening a study: its comparisons are drawn, its images made alike, its specification locked. And closing it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from common.hashes import hash_of
from evaluation.errors import ConflictError
from evaluation.models import Comparison, Prompt, Rater, Sample, Study, StudyImage, StudyRun, StudyStatus
from evaluation.selectors.crowd import declared_crowd
from evaluation.selectors.inside import Inside, inside_in_words, raters_inside
from evaluation.selectors.shared_images import shown_alike
from evaluation.selectors.trials import unanswered_exist
from evaluation.services.sealing.seal import study_seal
from evaluation.services.store.images import ImageFile, file_path, image_discard, image_rows
from evaluation.services.store.shown import images_name, images_unname
from evaluation.services.studies.blind import blind_audit
from evaluation.services.studies.control_trials import qualification_items
from evaluation.services.studies.copies import Copies
from evaluation.services.studies.design import design_make, questions_make
from evaluation.services.studies.invitation import invitation_create
from evaluation.services.studies.prepare import Prepared, prepare
from evaluation.services.studies.renditions import done_to, renditions_make
from evaluation.services.studies.specify import Opened, specification
from generators.sizes import Size

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
                crowd = declared_crowd(opened.specification)
                invitation_create(study=opened, platform=crowd.platform if crowd else "")
            return opened
    except BaseException:
        images_unname(named)
        image_discard(stored)
        raise


class RatersInsideError(ConflictError):
    """Raters are inside a study that is to be closed, and whoever closes it has not said to know. `details`: each of
    them, what they have done, and how they are paid.
    """

    def __init__(self, study: Study, inside: Sequence[Inside]) -> None:
        told = (
            f"The study {study} was not closed: {inside_in_words(inside)} Confirm it with {len(inside)} raters inside."
        )
        super().__init__(told, field="inside", details={"inside": [each.to_dict() for each in inside]})


@transaction.atomic
def study_close(*, study: Study, inside: int | None = None) -> Study:
    """Take no more raters and ratings. What was rated stays. Raters who have answered everything have finished.

    `inside`: how many raters whoever closes the study knows to be inside it; None where nobody is asked.

    Raises:
        ConflictError: it is not open.
        RatersInsideError: more raters are inside than that.
    """
    study = Study.objects.select_for_update().get(pk=study.pk)
    if study.status != StudyStatus.OPEN:
        raise ConflictError(
            f"The study {study} can't be closed: it is {study.status}, and only open studies can be closed."
        )
    there = raters_inside(study)
    if inside is not None and len(there) > inside:
        raise RatersInsideError(study, there)
    now = timezone.now()
    whole = [each.pk for each in _inside_rows(study) if not unanswered_exist(each.pk)]
    Rater.objects.filter(pk__in=whole).update(finished_at=now)
    study.status = StudyStatus.CLOSED
    study.closed_at = now
    study.save(update_fields=["status", "closed_at"])
    study_seal(study=study)
    return study


@transaction.atomic
def study_pause(*, study: Study, paused: bool) -> Study:
    """Let nobody in and give no further trial, or go on. Raters who are inside finish the trial that they see.

    Raises:
        ConflictError: it is not open.
    """
    study = Study.objects.select_for_update().get(pk=study.pk)
    if study.status != StudyStatus.OPEN:
        done = "paused" if paused else "resumed"
        raise ConflictError(f"The study {study} can't be {done}: it is {study.status}, and only open studies can be.")
    study.paused_at = (study.paused_at or timezone.now()) if paused else None
    study.save(update_fields=["paused_at"])
    return study


def _inside_rows(study: Study) -> QuerySet[Rater]:
    return Rater.objects.filter(study=study, finished_at=None, dropped_at=None)


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
        ours=all(each.run.is_drawn_by_us for each in draft.study_runs),
        progress=None if progress is None else lambda done: progress(done, len(draft.images)),
    )
    keys = _study_images(study, draft.chosen, files, named)
    questions_make(study, draft.settings.study_protocol)

    def set_of(study_run: StudyRun, prompt: Prompt) -> list[str]:
        return [keys[sample.pk] for sample in draft.chosen[study_run.run_id, prompt.pk]]

    copies = Copies({keys[sample.pk]: sample for samples in draft.chosen.values() for sample in samples})
    shown = draft.shown(keys)
    panels = design_make(shown, set_of, copies.of)
    items = qualification_items(shown, draft.settings.admission.qualification, set_of, copies.of)
    Comparison.objects.bulk_create(items)
    copies.make(study, draft.display, stored, named)
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
            from_sizes=_from_sizes(draft, labels),
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


def _from_sizes(draft: Prepared, labels: Mapping[int, str]) -> dict[str, dict[str, str]]:
    """What was done with the sizes of each run's images to show them alike, by the run's label."""
    done: dict[str, dict[str, str]] = {}
    for (run, _), samples in draft.chosen.items():
        for sample in samples:
            size = Size(sample.image.width, sample.image.height)
            done.setdefault(labels[run], {})[str(size)] = done_to(size, draft.display)
    return done


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
