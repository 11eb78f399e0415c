"""A trial whose images a rater can't or won't see is not rated blind: it is skipped, and that is kept."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from common.limits import REASON
from common.text import cleaned
from common.words import nearest
from evaluation.errors import InputError
from evaluation.models import Assignment, Rater, Refusal, SkipKind
from evaluation.selectors.trials import RaterSession
from evaluation.services.rating.errors import RaterError, refuse_unless_rating

MOST_SKIPPED = 0.2
"""Share of a rater's trials that may miss images, though one in any case: beyond it the trouble is the server's or the
connection's, and going on would only produce a finished rater without ratings. What a rater would rather not see has no
such limit."""


@transaction.atomic
def rating_skip(*, session: RaterSession, assignment: int, reason: str, kind: str = SkipKind.MISSING) -> None:
    """Skip a trial of the rater's that has no answers yet. Skipping it again changes nothing.

    Args:
        reason: what the page saw, such as "3 of 16 images did not load"; of a trial that the rater would rather not
            rate one of `Refusal`.
        kind: one of `SkipKind`.

    Raises:
        InputError: an unknown kind or refusal.
        RaterError: it is not the rater's, is answered already, or too many images were missing.
    """
    _refuse_unknown("kind", kind, SkipKind.values)
    if kind == SkipKind.REFUSED:
        _refuse_unknown("reason", reason, Refusal.values)
    refuse_unless_rating(session)
    Rater.objects.select_for_update().get(pk=session.rater_pk)
    trial = Assignment.objects.filter(pk=assignment, rater=session.rater_pk).first()
    if trial is None:
        raise RaterError("not-yours", _("This comparison is not one of yours. Reload the page."), status=403)
    if trial.skipped_at is not None:
        return
    if trial.ratings.filter(retracted_at=None).exists():
        raise RaterError("answered", _("This comparison is already answered."))
    if kind == SkipKind.MISSING:
        _refuse_too_many(session)
    trial.skipped_at = timezone.now()
    trial.skip_kind = kind
    trial.skip_reason = cleaned(reason, REASON)
    trial.save(update_fields=["skipped_at", "skip_kind", "skip_reason"])


def _refuse_too_many(session: RaterSession) -> None:
    missing = Assignment.objects.filter(rater=session.rater_pk, skipped_at__isnull=False)
    if missing.exclude(skip_kind=SkipKind.REFUSED).count() >= max(1, int(MOST_SKIPPED * session.trials)):
        raise RaterError(
            "too-many-skips",
            _("Too many comparisons had missing images. Please come back later; your answers are saved."),
        )


def _refuse_unknown(field: str, given: str, known: list[str]) -> None:
    if given not in known:
        raise InputError(
            f'Unknown {field} "{given[:60]}"{nearest(given, known) or "."} Known: {", ".join(known)}.', field=field
        )
