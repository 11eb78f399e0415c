"""Raters come in: each takes a place of the design, under a lock, with all its trials.

The panel with the fewest raters is next, and in it the lowest free slot. Raters who dropped out hold no place; nor do,
when no other is left, raters who have long not been seen.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from evaluation.design import next_place
from evaluation.models import Assignment, Comparison, Invitation, Place, Rater, Study, StudyStatus
from evaluation.selectors.trials import session_key_hash, unanswered_exist
from evaluation.services.rating.errors import RaterError


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A rater and the key that the browser keeps (only its hash is stored). `new`: false for one who came back."""

    rater: Rater
    session_key: str
    new: bool


@transaction.atomic
def rater_enrol(*, invitation: Invitation, participant: str = "", session: str = "", language: str = "") -> Enrolled:
    """Take a rater into the invitation's study, after consent.

    Args:
        participant, session: the crowd platform's ids, empty for plain links. The same participant in the same session
            is the same rater: who has not finished goes on where the answers end, with a new key (the old one is void).
        language: that the rater reads the questions in; the protocol's own when empty.

    Raises:
        RaterError: `closed`, `not-open`, `expired`, `revoked`, `used-up`, `full`, `finished`, `other-session`.
    """
    # the lock keeps two raters from taking one place, and one participant from taking two
    study = Study.objects.select_for_update(no_key=True).get(pk=invitation.study_id)
    refuse_unless_open(study)
    if participant:
        again = _come_back(study, participant, session)
        if again is not None:
            return again
    invitation.refresh_from_db()
    refuse_invitation(invitation)
    place = _free_place(study)
    if place is None:
        raise _full()
    now = timezone.now()
    key = secrets.token_urlsafe(32)
    taken = Place.objects.get(study=study, panel=place[0], slot=place[1])
    rater = Rater.objects.create(
        study=study,
        invitation=invitation,
        panel=taken.panel,
        slot=taken.slot,
        trials=len(taken.showings),
        language=language,
        participant=participant,
        session=session,
        session_key_hash=session_key_hash(key),
        consented_at=now,
        last_seen_at=now,
    )
    assign([(rater, taken)])
    return Enrolled(rater, key, new=True)


def refuse_unless_open(study: Study) -> None:
    """Raise `RaterError` unless the study takes raters."""
    if study.status == StudyStatus.CLOSED:
        raise RaterError("closed", _("This study is closed. Thank you for your interest."), status=410)
    if study.status != StudyStatus.OPEN:
        raise RaterError("not-open", _("This study is not open yet. Please come back later."))


def refuse_invitation(invitation: Invitation) -> None:
    """Raise `RaterError` unless the invitation lets another rater in."""
    if invitation.revoked_at is not None:
        raise RaterError("revoked", _("The researchers have withdrawn it. Thank you for your interest."), status=410)
    if invitation.expires_at is not None and invitation.expires_at <= timezone.now():
        raise RaterError("expired", _("Ask the researchers for a new one if you still want to take part."), status=410)
    if invitation.max_raters is not None:
        used = Rater.objects.filter(invitation=invitation, dropped_at=None).count()
        if used >= invitation.max_raters:
            raise RaterError(
                "used-up",
                _("If it was you, continue in the browser in which you started."),
            )


def refuse_unless_place(study: Study) -> None:
    """Raise `RaterError` if every place is taken, and none by a rater who would lose it."""
    if next_place(places_of(study), taken_of(study)) is None and not _idle(study):
        raise _full()


def _full() -> RaterError:
    return RaterError("full", _("All places in this study are taken. Thank you for your interest."))


def assign(raters: Sequence[tuple[Rater, Place]]) -> None:
    """Give each rater the trials of the place that it holds."""
    pks = {pk for _, place in raters for pk, *_ in place.showings}
    controls = set(Comparison.objects.filter(pk__in=pks).exclude(control="").values_list("pk", flat=True))
    Assignment.objects.bulk_create(
        (
            Assignment(
                rater=rater,
                comparison_id=pk,
                position=position,
                shown_order=order,
                repetition=repetition,
                seed=place.seed,
                reason="control" if pk in controls else "repeat" if repetition else "panel",
            )
            for rater, place in raters
            for position, (pk, order, repetition) in enumerate(place.showings)
        ),
        batch_size=5000,
    )


def places_of(study: Study) -> dict[str, int]:
    """How many raters each panel is to have, in the specification's order."""
    return {panel["panel"]: panel["raters"] for panel in study.specification["panels"]}


def taken_of(study: Study) -> dict[str, set[int]]:
    """The slots of each panel that raters hold."""
    taken: dict[str, set[int]] = {panel: set() for panel in places_of(study)}
    for panel, slot in Rater.objects.filter(study=study, dropped_at=None).values_list("panel", "slot"):
        taken[panel].add(slot)
    return taken


def _free_place(study: Study) -> tuple[str, int] | None:
    """The next free place; if there is none, one of a rater who has long not been seen."""
    place = next_place(places_of(study), taken_of(study))
    if place is None and (idle := _idle(study)):
        Rater.objects.filter(pk__in=idle).update(dropped_at=timezone.now())
        place = next_place(places_of(study), taken_of(study))
    return place


def _idle(study: Study) -> list[int]:
    """Unfinished raters not seen for the declared time: shorter for those who have answered nothing."""
    now = timezone.now()
    declared = study.specification["raters"]
    started = now - timedelta(days=declared["idle_days"])
    unstarted = now - timedelta(hours=declared["idle_hours_unstarted"])
    candidates = Rater.objects.filter(
        study=study, dropped_at=None, finished_at=None, simulated=False, created_at__lt=unstarted
    ).annotate(last_rating=Max("ratings__created_at"))
    return [
        rater.pk
        for rater in candidates
        if _last_seen(rater) < (unstarted if rater.last_rating is None else started) and unanswered_exist(rater.pk)
    ]


def _last_seen(rater: Rater) -> datetime:
    moments = [rater.created_at, rater.last_seen_at, getattr(rater, "last_rating", None)]
    return max(moment for moment in moments if moment is not None)


def _come_back(study: Study, participant: str, session: str) -> Enrolled | None:
    """The participant's earlier place, with a new key; None if there is none to go on with."""
    earlier = list(
        Rater.objects.filter(study=study, participant=participant, dropped_at=None).select_related(
            "study", "invitation"
        )
    )
    if not earlier:
        if Rater.objects.filter(study=study, participant=participant, session=session).exists():
            raise RaterError("dropped", _("You have left this study, so you can't take part again."))
        return None
    rater = next((each for each in earlier if each.session == session), None)
    if rater is None:
        raise RaterError(
            "other-session",
            _(
                "You are already taking part in this study. Continue in the same browser and with the same link as "
                "before."
            ),
        )
    if rater.finished_at is not None:
        raise RaterError("finished", _("You have already taken part in this study. Thank you."))
    key = secrets.token_urlsafe(32)
    rater.session_key_hash, rater.device_key_hashes = session_key_hash(key), []
    rater.last_seen_at = timezone.now()
    rater.save(update_fields=["session_key_hash", "device_key_hashes", "last_seen_at"])
    return Enrolled(rater, key, new=False)


def rater_instructed(*, rater: Rater) -> None:
    """Note that the rater has read the instructions."""
    if rater.instructed_at is None:
        rater.instructed_at = timezone.now()
        rater.save(update_fields=["instructed_at"])


def rater_seen(*, rater: Rater) -> None:
    """Note that the rater opened the page; answers are noted by themselves."""
    rater.last_seen_at = timezone.now()
    rater.save(update_fields=["last_seen_at"])
