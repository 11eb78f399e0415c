"""Sealing what has come of a study's ratings, beside the rating path: by the sweep every minute, and when it closes."""

from __future__ import annotations

import itertools
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from common.hashes import hash_of
from evaluation.models import Seal, SealedRating, Study, StudyStatus
from evaluation.reports.bundle.chain import (
    CLOSING,
    DELETION,
    OPENING,
    RATINGS,
    Link,
    commitment_of,
    instance_key,
    new_salt,
    public_name,
)
from evaluation.selectors.sealed import (
    iso,
    last_seal,
    locked_hashes,
    records_of,
    unsealed,
    untold_deletions,
    untold_retractions,
)

MOST = 5_000
"""Ratings that one link commits to: of more, the next one does."""
LOCK = 0x5EA1
"""Names the advisory lock under which a study's chain grows; its second number is the study's."""


def public_key() -> str:
    """The instance's public key, as pages, reports and exports name it."""
    return public_name(instance_key(settings.SECRET_KEY))


@transaction.atomic
def study_seal(*, study: Study) -> int:
    """Commit to all ratings, retractions and deletions of an open or closed study that no link has; their number.

    The first link commits to what the study locked; of a closed study the last one says that nothing comes after it.
    Where nothing is new, nothing is written. Two at once wait for each other; ratings never wait.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK, study.pk % 2**31])
    last = last_seal(study)
    if last is None:
        last = _link(study, None, OPENING, {"locked": locked_hashes(study), "opened_at": iso(_opened_at(study))})
    labels = dict(study.study_runs.values_list("pk", "label"))
    n = 0
    waiting = records_of(unsealed(study), labels)
    while batch := list(itertools.islice(waiting, MOST)):
        sealed = []
        for pk, record in batch:
            salt = new_salt()
            sealed.append((pk, salt, commitment_of(salt, record)))
        last = _link(study, last, RATINGS, {"commitments": [commitment for *_, commitment in sealed]})
        SealedRating.objects.bulk_create(
            (
                SealedRating(rating_id=pk, seal=last, salt=salt, commitment=commitment)
                for pk, salt, commitment in sealed
            ),
            batch_size=1000,
        )
        n += len(sealed)
    deleted = untold_deletions(study)
    if deleted:
        last = _link(study, last, DELETION, {"deleted": [name for _, name in deleted]})
        SealedRating.objects.filter(pk__in=[pk for pk, _ in deleted]).update(deleted_in=last, salt="")
        n += len(deleted)
    withdrawn = list(untold_retractions(study))
    if withdrawn:
        last = _link(study, last, RATINGS, {"retracted": [[name, iso(at)] for _, name, at in withdrawn]})
        SealedRating.objects.filter(pk__in=[pk for pk, *_ in withdrawn]).update(retracted_in=last)
        n += len(withdrawn)
    if study.status == StudyStatus.CLOSED and not study.seals.filter(body__kind=CLOSING).exists():
        _link(study, last, CLOSING, {"n_ratings": SealedRating.objects.filter(seal__study=study).count()})
    return n


def studies_seal() -> list[str]:
    """Seal what has come of every open study, and of closed ones that were never sealed to the end; names of those with
    news. Each study by itself: where one can't be sealed, the others are.
    """
    sealed = []
    studies = Study.objects.exclude(status=StudyStatus.DRAFT)
    for study in studies.exclude(seals__body__kind=CLOSING).defer("specification"):
        if study_seal(study=study):
            sealed.append(study.name)
    return sealed


def _opened_at(study: Study) -> Any:
    return study.opened_at or study.created_at


def _link(study: Study, last: Seal | None, kind: str, contents: dict[str, Any]) -> Seal:
    number, before = (0, "") if last is None else (last.number + 1, last.head)
    body = {
        "study": study.name,
        "number": number,
        "previous": before,
        "kind": kind,
        "at": iso(timezone.now()),
        **contents,
    }
    link = Link.signed(body, instance_key(settings.SECRET_KEY))
    assert link.head == hash_of(body)
    return Seal.objects.create(
        study=study, number=number, body=body, head=link.head, public_key=link.public_key, signature=link.signature
    )
