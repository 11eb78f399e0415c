"""Images that were blurred, and that a rater uncovered: kept, so that a report can say how often."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.db import transaction
from django.utils.translation import gettext as _

from evaluation.errors import InputError
from evaluation.models import Assignment, Uncovering
from evaluation.selectors.trials import RaterSession
from evaluation.services.rating.errors import RaterError, refuse_unless_rating

MOST_TRIALS = 200


@transaction.atomic
def images_uncover(*, session: RaterSession, uncovered: Mapping[int, Sequence[str]]) -> int:
    """Keep that the rater uncovered images, by assignment their keys. Again changes nothing. How many were new.

    Raises:
        InputError: a key is of no covered image of that trial, or there are too many trials.
        RaterError: a trial is not the rater's, or the study takes nothing more.
    """
    if len(uncovered) > MOST_TRIALS:
        raise InputError(f"At most {MOST_TRIALS} trials in a request; got {len(uncovered)}. Send them in parts.")
    refuse_unless_rating(session)
    found = Assignment.objects.filter(rater=session.rater_pk, pk__in=list(uncovered))
    covered = {pk: set(keys) for pk, keys in found.values_list("pk", "comparison__covered")}
    if covered.keys() != uncovered.keys():
        raise RaterError("not-yours", _("This comparison is not one of yours. Reload the page."), status=403)
    rows = []
    for assignment, keys in uncovered.items():
        for key in keys:
            if key not in covered[assignment]:
                raise InputError(f'"{key[:40]}" is no covered image of this comparison.', field="images")
            rows.append(Uncovering(assignment_id=assignment, image=key))
    before = Uncovering.objects.filter(assignment__in=list(uncovered)).count()
    Uncovering.objects.bulk_create(rows, ignore_conflicts=True)
    return Uncovering.objects.filter(assignment__in=list(uncovered)).count() - before
