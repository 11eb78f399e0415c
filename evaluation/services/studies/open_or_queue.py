"""Opening a study from a page or the API: at once where that is quick, by a worker where it would keep people waiting.

How far a worker is stands in the cache: it is lost without harm, since opening is all or nothing and may be asked for
again.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from django.core.cache import cache
from django.db.models import Count

from common.words import counted
from evaluation.errors import ConflictError, InputError
from evaluation.models import Study, StudyStatus
from evaluation.services.studies.open import study_open
from evaluation.services.studies.specify import settings_of
from evaluation.services.work.queue import hand_over

AT_ONCE = 400
"""Images up to which a request opens the study itself: making one alike takes about 10 ms."""

KEPT_S = 24 * 3600
REPORTED_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class Opening:
    """Where a worker stands with opening a study: `done` of `images` are ready. `message`: why it can't be opened."""

    images: int
    done: int = 0
    message: str = ""


def study_opening(study: Study) -> Opening | None:
    """What is known of the study being opened by a worker, or None."""
    found = cache.get(_key(study.pk)) if study.status == StudyStatus.DRAFT else None
    return found if isinstance(found, Opening) else None


def study_open_soon(*, study: Study) -> bool:
    """Open the study with a first invitation, or have a worker do it. True when it is open already on return.

    Raises:
        ConflictError: it is open or closed already, or a worker is at it.
        InputError: it can't be opened, or the workers' queue does not answer.
    """
    if study.status != StudyStatus.DRAFT:
        raise ConflictError(
            f"The study {study} can't be opened: it is already {study.status}, and only drafts can be opened."
        )
    images = _images(study)
    if images <= AT_ONCE:
        study_open(study=study, invite=True)
        return True
    opening = study_opening(study)
    if opening is not None and not opening.message:
        raise ConflictError(
            f"The study {study} is being opened already: {opening.done} of {counted(opening.images, 'image')} ready. "
            "Wait for the rest."
        )
    cache.set(_key(study.pk), Opening(images), KEPT_S)
    if not hand_over("study_open_queued", study.pk):
        cache.delete(_key(study.pk))
        raise InputError("The task queue does not respond, so the study was not opened. Try again in a minute.")
    return False


def study_open_by_worker(*, study_pk: int) -> None:
    """Open a study that was asked for, reporting how far it is; what goes wrong is reported the same way."""
    study = Study.objects.filter(pk=study_pk, status=StudyStatus.DRAFT).first()
    if study is None:
        return
    reported = 0.0

    def report_progress(done: int, images: int) -> None:
        nonlocal reported
        if time.monotonic() - reported >= REPORTED_EVERY_S or done == images:
            reported = time.monotonic()
            cache.set(_key(study_pk), Opening(images, done), KEPT_S)

    try:
        study_open(study=study, progress=report_progress, invite=True)
    except ConflictError:
        pass  # handed out twice, and the other was first
    except InputError as error:
        study_opening_failed(study_pk=study_pk, message=error.message)
        return
    cache.delete(_key(study_pk))


def study_opening_failed(*, study_pk: int, message: str) -> None:
    """Keep for people why a study could not be opened. It stays a draft."""
    cache.set(_key(study_pk), Opening(0, message=message), KEPT_S)


def _images(study: Study) -> int:
    """How many images there are to make alike, at most."""
    sets = study.study_runs.aggregate(n=Count("run__suite__prompts"))["n"]
    return int(sets) * settings_of(study).set_size


def _key(study_pk: int) -> str:
    return f"study:{study_pk}:opening"
