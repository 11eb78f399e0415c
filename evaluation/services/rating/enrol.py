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
from evaluation.models import Assignment, Comparison, Departure, Invitation, Place, Rater, Study, StudyStatus
from evaluation.participants import participant_hash
from evaluation.selectors.trials import session_key_hash, unanswered_exist
from evaluation.services.rating.errors import RaterError
from evaluation.services.studies.admission import Admission


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A rater and the key that the browser keeps (only its hash is stored). `new`: false for one who came back."""

    rater: Rater
    session_key: str
    new: bool


@transaction.atomic
def rater_enrol(
    *, invitation: Invitation, participant: str = "", session: str = "", language: str = "", quota: str = ""
) -> Enrolled:
    """Take a rater into the invitation's study, after consent.

    Args:
        participant, session: the crowd platform's ids, empty for plain links. The same participant in the same session
            is the same rater: who has not finished goes on where the answers end, with a new key (the old one is void).
        language: that the rater reads the questions in; the protocol's own when empty.
        quota: the answer to the study's question for quotas.

    Raises:
        RaterError: `closed`, `not-open`, `paused`, `expired`, `revoked`, `used-up`, `full`, `finished`,
            `other-session`; `no-answer` to the question for quotas; and of those whom the study does not take
            `quota-full`, `took-part`, `not-qualified`.
    """
    # the lock keeps two raters from taking one place, and one participant from taking two
    study = Study.objects.select_for_update(no_key=True).get(pk=invitation.study_id)
    refuse_unless_open(study)
    if participant:
        refuse_erased(study, participant)
        again = _come_back(study, participant, session)
        if again is not None:
            return again
    invitation.refresh_from_db()
    refuse_invitation(invitation)
    admission = Admission.of(study.specification)
    refuse_unless_admitted(study, admission, participant, quota)
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
        participant_hash=participant_hash(participant),
        quota=quota if admission.quotas else "",
        session=session,
        session_key_hash=session_key_hash(key),
        consented_at=now,
        last_seen_at=now,
    )
    if not admission.qualification:  # else the trials come once it is passed
        assign([(rater, taken)])
    return Enrolled(rater, key, new=True)


def refuse_unless_open(study: Study, *, or_paused: bool = False) -> None:
    """Raise `RaterError` unless the study takes raters. `or_paused`: also while it is paused."""
    if study.status == StudyStatus.CLOSED:
        raise RaterError("closed", _("This study is closed. Thank you for your interest."), status=410)
    if study.status != StudyStatus.OPEN:
        raise RaterError("not-open", _("This study is not open yet. Please come back later."))
    if study.paused_at is not None and not or_paused:
        raise RaterError("paused", paused_text())


def paused_text() -> str:
    """What raters read of a paused study."""
    return _("The researchers have paused it for a while. Please come back later with the same link.")


def not_qualified_text() -> str:
    """What those read who did not pass the qualification."""
    return _("Your answers to the first trials did not match well enough for this study. Thank you for your time.")


def refuse_unless_admitted(study: Study, admission: Admission, participant: str, quota: str) -> None:
    """Raise `RaterError` where the study does not take this participant, or enough who answered so."""
    if participant and admission.excluded_studies:
        took_part = Rater.objects.filter(
            study__name__in=admission.excluded_studies,
            participant_hash=participant_hash(participant),
            screened_at=None,
        )
        if took_part.exists():
            raise RaterError(
                "took-part",
                _("You have taken part in an earlier study, so you can't take part in this one. Thank you."),
            )
    if admission.quotas:
        if quota not in admission.quotas:
            raise RaterError("no-answer", _("Please go back and choose an answer."), status=400)
        if Rater.objects.filter(study=study, dropped_at=None, quota=quota).count() >= admission.quotas[quota]:
            raise RaterError("quota-full", _("We already have enough people who gave your answer. Thank you."))


def refuse_erased(study: Study, participant: str) -> None:
    """Raise `RaterError` where this participant's data was deleted on request: the place was counted once already."""
    gone = Departure.objects.filter(
        rater__study=study, reason=Departure.Reason.ERASED, participant_key=participant_hash(participant)
    )
    if gone.exists():
        raise RaterError("dropped", "Your data in this study was deleted on request, so you can't take part again.")


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
                reason="repeat" if repetition else "control" if pk in controls else "panel",
            )
            for rater, place in raters
            for position, (pk, order, repetition) in enumerate(place.showings)
        ),
        batch_size=5000,
    )


def places_of(study: Study) -> dict[str, int]:
    """How many raters each panel takes, in the specification's order."""
    most = Admission.of(study.specification).most_per_panel
    places = {panel["panel"]: panel["raters"] for panel in study.specification["panels"]}
    return places if most is None else {panel: min(most, n) for panel, n in places.items()}


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
        Departure.objects.bulk_create(
            (Departure(rater_id=pk, reason=Departure.Reason.IDLE) for pk in idle), ignore_conflicts=True
        )
        place = next_place(places_of(study), taken_of(study))
    return place


def _idle(study: Study) -> list[int]:
    """Unfinished raters not seen for the declared time: shorter for those who have answered nothing."""
    now = timezone.now()
    declared = study.specification["raters"]
    started = now - timedelta(days=declared["idle_days"])
    unstarted = now - timedelta(hours=declared["idle_hours_unstarted"])
    candidates = (
        Rater.objects.filter(study=study, dropped_at=None, finished_at=None, simulated=False, created_at__lt=unstarted)
        .select_related("study")
        .annotate(last_rating=Max("ratings__created_at"))
    )
    return [
        rater.pk
        for rater in candidates
        if _last_seen(rater) < (unstarted if rater.last_rating is None else started)
        and (unanswered_exist(rater.pk) or is_to_qualify(rater))
    ]


def is_to_qualify(rater: Rater) -> bool:
    """Whether the rater has a qualification still to pass."""
    return (
        rater.qualified_at is None
        and not rater.simulated
        and bool(Admission.of(rater.study.specification).qualification)
    )


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
        if Rater.objects.filter(study=study, participant=participant, screened_at__isnull=False).exists():
            raise RaterError("not-qualified", not_qualified_text())
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
