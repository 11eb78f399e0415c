"""A trial whose images a rater can't see is not rated blind: it is skipped, and that is kept."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from common.limits import REASON
from common.text import cleaned
from evaluation.models import Assignment, Rater
from evaluation.selectors.trials import RaterSession
from evaluation.services.rating.errors import RaterError, refuse_unless_rating

MOST_SKIPPED = 0.2
"""Share of a rater's trials, though one in any case: beyond it the trouble is the server's or the connection's, and
going on would only produce a finished rater without ratings."""


@transaction.atomic
def rating_skip(*, session: RaterSession, assignment: int, reason: str) -> None:
    """Skip a trial of the rater's that has no answers yet. Skipping it again changes nothing.

    Args:
        reason: what the page saw, such as "3 of 16 images did not load".

    Raises:
        RaterError: it is not the rater's, is answered already, or too many were skipped.
    """
    refuse_unless_rating(session)
    Rater.objects.select_for_update().get(pk=session.rater_pk)
    trial = Assignment.objects.filter(pk=assignment, rater=session.rater_pk).first()
    if trial is None:
        raise RaterError("not-yours", _("This comparison is not one of yours. Reload the page."), status=403)
    if trial.skipped_at is not None:
        return
    if trial.ratings.filter(retracted_at=None).exists():
        raise RaterError("answered", _("This comparison is already answered."))
    skipped = Assignment.objects.filter(rater=session.rater_pk, skipped_at__isnull=False).count()
    if skipped >= max(1, int(MOST_SKIPPED * session.trials)):
        raise RaterError(
            "too-many-skips",
            _("Too many comparisons had missing images. Please come back later; your answers are saved."),
        )
    trial.skipped_at = timezone.now()
    trial.skip_reason = cleaned(reason, REASON)
    trial.save(update_fields=["skipped_at", "skip_reason"])
