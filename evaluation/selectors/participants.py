"""Participants of a study, found by the recruitment site's id or by a pseudonym, and all that is kept of one."""

from __future__ import annotations

from typing import Any

from common.words import prompt_name
from evaluation.errors import NotFoundError
from evaluation.models import Departure, Rater, RaterAbout, Rating, Study
from evaluation.participants import participant_hash
from evaluation.selectors.ratings import rater_pseudonym

SCHEMA = "drawbench-participant/1"


def participants_named(study: Study, who: str) -> list[Rater]:
    """The raters of `study` who are `who`: a recruitment site's participant, or one rater by the pseudonym that exports
    have.

    Raises:
        NotFoundError: nobody is; or their data has been deleted already.
    """
    who = who.strip()
    raters = Rater.objects.filter(study=study).select_related("study", "invitation").order_by("created_at", "pk")
    found = list(raters.filter(participant=who)) if who else []
    if not found:
        keys = raters.filter(simulated=False).values_list("pk", "key")
        named = [pk for pk, key in keys if who and rater_pseudonym(str(key)) == who]
        found = list(raters.filter(pk__in=named))
    gone = Departure.objects.filter(reason=Departure.Reason.ERASED, rater__study=study)
    if who and not found and gone.filter(participant_key=participant_hash(who)).exists():
        raise NotFoundError(
            "The data of this participant was deleted already. Nothing is kept but the count.", field="participant"
        )
    erased = set(gone.filter(rater__in=found).values_list("rater", flat=True))
    if found and all(rater.pk in erased for rater in found):
        raise NotFoundError(
            "The data of this rater was deleted already. Nothing is kept but the count.", field="participant"
        )
    if not found:
        raise NotFoundError(
            f'Nobody in the study {study} has the id "{who[:60]}". Give the participant\'s id as the recruitment site '
            "has it, or the rater's pseudonym from an export.",
            field="participant",
        )
    return found


def participant_data(rater: Rater) -> dict[str, Any]:
    """All that is kept of one rater, ready for JSON: times are ISO 8601, UTC; ratings in the order given, with those
    that were withdrawn. Three queries.
    """
    about = RaterAbout.objects.filter(rater=rater).first()
    ratings = (
        Rating.objects.filter(rater=rater).select_related("assignment__comparison__prompt").order_by("created_at", "pk")
    )
    moments = ("created_at", "consented_at", "instructed_at", "finished_at", "dropped_at", "last_seen_at")
    return {
        "schema": SCHEMA,
        "study": rater.study.name,
        "rater_id": rater_pseudonym(str(rater.key)),
        "participant": rater.participant,
        "session": rater.session,
        "panel": rater.panel,
        "language": rater.language,
        "simulated": rater.simulated,
        **{name: _iso(getattr(rater, name)) for name in moments},
        "about": about.answers if about else {},
        "skipped": [
            {"position": position, "at": _iso(at), "kind": kind, "reason": reason}
            for position, at, kind, reason in rater.assignments.filter(skipped_at__isnull=False).values_list(
                "position", "skipped_at", "skip_kind", "skip_reason"
            )
        ],
        "ratings": [
            {
                "prompt_id": prompt_name(each.assignment.comparison.prompt.number),
                "prompt": each.assignment.comparison.prompt.text,
                "position": each.assignment.position,
                "question": each.question,
                "answer": each.shown_choice if each.value is None else each.value,
                "response_time_ms": each.response_time_ms,
                "at": _iso(each.created_at),
                "withdrawn_at": _iso(each.retracted_at),
            }
            for each in ratings
        ],
    }


def _iso(moment: Any) -> str | None:
    return None if moment is None else moment.isoformat()
