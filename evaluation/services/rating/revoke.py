"""A rater's place taken back by a researcher, and given again."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from evaluation.errors import ConflictError
from evaluation.models import Departure, Rater, Rating, StudyStatus
from evaluation.selectors.ratings import rater_pseudonym
from evaluation.services.rating.about import rater_about_delete


@transaction.atomic
def rater_revoke(*, rater: Rater) -> Rater:
    """Take `rater` out of an open study: the answers are retracted, and the place is given to somebody else.

    Raises:
        ConflictError: the study is not open, or the rater has finished or left it.
    """
    found = Rater.objects.select_for_update(of=("self",)).select_related("study").get(pk=rater.pk)
    called = f"The rater {rater_pseudonym(str(found.key))}"
    if found.study.status != StudyStatus.OPEN:
        raise ConflictError(f"{called} can't be taken out: the study is {found.study.status}.")
    if found.finished_at is not None:
        raise ConflictError(
            f"{called} has finished, so the answers may be part of a result already. Use a screening rule instead."
        )
    if found.dropped_at is not None:
        raise ConflictError(f"{called} has left the study already.")
    now = timezone.now()
    Rating.objects.filter(rater=found, retracted_at=None).update(retracted_at=now)
    found.dropped_at = now
    found.save(update_fields=["dropped_at"])
    rater_about_delete(rater=found)
    Departure.objects.get_or_create(rater=found, reason=Departure.Reason.SCREENED)
    return found
