"""What a rater says about themselves: said, changed, deleted, always by the rater's own wish."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext as _

from evaluation.models import Rater, RaterAbout
from evaluation.selectors.crowd import declared_about
from evaluation.services.rating.errors import RaterError


def rater_about(*, rater: Rater, answers: Mapping[str, str]) -> None:
    """Keep what the rater says, in place of what was said before; nothing at all is kept of nothing.

    Args:
        answers: by the id of a declared question one of its answers; "" or none where the rater would rather not say.

    Raises:
        RaterError: `not-asked` for an answer that the question does not have.
    """
    said: dict[str, str] = {}
    for question in declared_about(rater.study.specification):
        answer = answers.get(question.id, "")
        if answer and answer not in question.answers:
            raise RaterError(
                "not-asked",
                _("Choose one of the answers on the page, or “rather not say”. Nothing was changed."),
                status=400,
            )
        if answer:
            said[question.id] = answer
    if said:
        RaterAbout.objects.update_or_create(rater=rater, defaults={"answers": said})
    else:
        rater_about_delete(rater=rater)


def rater_about_delete(*, rater: Rater) -> None:
    """Delete what the rater said. A second time changes nothing."""
    RaterAbout.objects.filter(rater=rater).delete()
