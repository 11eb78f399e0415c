"""A rater's end: finished, or withdrawn."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from evaluation.models import Rater, Rating
from evaluation.selectors.trials import unanswered_exist
from evaluation.services.rating.errors import RaterError


@transaction.atomic
def rater_finish(*, rater: Rater) -> Rater:
    """Mark the rater as finished, once every trial's ratings are committed. Finishing again changes nothing.

    Raises:
        RaterError: trials are left, or the rater dropped out.
    """
    locked = Rater.objects.select_for_update(of=("self",)).select_related("study", "invitation").get(pk=rater.pk)
    if locked.finished_at is not None:
        return locked
    if locked.dropped_at is not None:
        raise RaterError("dropped", _("You are no longer part of this study."))
    if unanswered_exist(locked.pk):
        raise RaterError("unfinished", _("Some comparisons are not answered yet."))
    locked.finished_at = timezone.now()
    locked.save(update_fields=["finished_at"])
    return locked


@transaction.atomic
def rater_withdraw(*, rater: Rater) -> None:
    """The rater withdraws: the answers are retracted, and the place is given again. A second time changes nothing.

    Raises:
        RaterError: the rater has finished, so the answers may be part of a result already.
    """
    locked = Rater.objects.select_for_update().get(pk=rater.pk)
    if locked.finished_at is not None:
        raise RaterError(
            "finished", _("You have finished the study. To have your answers removed, contact the researchers.")
        )
    now = timezone.now()
    Rating.objects.filter(rater=locked, retracted_at=None).update(retracted_at=now)
    if locked.dropped_at is None:
        locked.dropped_at = now
        locked.save(update_fields=["dropped_at"])
