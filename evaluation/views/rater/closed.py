"""What raters see who were inside a study when it closed: what they did, and how they are paid."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from evaluation.models import Rater, Study, StudyStatus
from evaluation.selectors.crowd import declared_about
from evaluation.selectors.inside import inside_of
from evaluation.selectors.trials import study_is_demonstration


def rater_of_closed(study: Study, participant: str, session: str) -> Rater | None:
    """The unfinished rater of a closed study who comes back from the recruitment site in the same session; None
    otherwise. Whoever has finished sees the completion code in their own browser alone.
    """
    if study.status != StudyStatus.CLOSED or not participant:
        return None
    raters = Rater.objects.filter(
        study=study, participant=participant, session=session, dropped_at=None, finished_at=None
    )
    return raters.select_related("study", "invitation").first()


def closed_page(request: HttpRequest, rater: Rater, *, here: bool = True) -> HttpResponse:
    """The page of a rater of a closed study. `here`: whether the browser holds the rater's key."""
    context = {
        "inside": inside_of(rater),
        "contact": rater.study.specification["raters"]["contact"],
        "about": here and declared_about(rater.study.specification),
        "demonstration": study_is_demonstration(rater.study_id),
    }
    return render(request, "rater/closed.html", context)
