"""A participant's data is deleted on request; that somebody was there stays, so that counts stay honest."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from evaluation.models import Departure, Rater, RaterAbout, Rating, Study
from evaluation.participants import participant_hash
from evaluation.selectors.participants import participants_named
from evaluation.selectors.ratings import rater_pseudonym
from evaluation.services.sealing.seal import study_seal


@transaction.atomic
def participant_erase(*, study: Study, who: str) -> list[str]:
    """Delete what is kept of a participant of `study`; the pseudonyms of the raters who are gone.

    Their ids, the key of their browser and what they said about themselves are deleted. Their answers are withdrawn
    from every result, what they wrote is emptied, and no export has them again, of earlier moments neither. A
    `Departure` stays, with the keyed hash of the participant's id: the same participant can't take part again.

    Args:
        who: as `participants_named` takes it.

    Raises:
        NotFoundError: nobody is there, or they are gone already.
    """
    raters = participants_named(study, who)
    gone = [_erase(Rater.objects.select_for_update().get(pk=rater.pk)) for rater in raters]
    study_seal(study=study)  # the chain goes on without what it can't show any more
    return gone


def _erase(rater: Rater) -> str:
    now = timezone.now()
    key = participant_hash(rater.participant)
    _, new = Departure.objects.get_or_create(
        rater=rater, reason=Departure.Reason.ERASED, defaults={"participant_key": key}
    )
    if not new:
        return rater_pseudonym(str(rater.key))
    Rating.objects.filter(rater=rater, retracted_at=None).update(retracted_at=now)
    Rating.objects.filter(rater=rater, value__isnull=False).exclude(value="").update(value="")
    RaterAbout.objects.filter(rater=rater).delete()
    rater.participant = rater.session = rater.session_key_hash = ""
    rater.device_key_hashes = []
    rater.dropped_at = rater.dropped_at or now
    rater.save(update_fields=["participant", "session", "session_key_hash", "device_key_hashes", "dropped_at"])
    return rater_pseudonym(str(rater.key))
