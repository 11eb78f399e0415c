"""The qualification: a few items with known answers before the study, with feedback after each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from evaluation.models import Comparison, Departure, Place, Rater
from evaluation.protocols import Protocol
from evaluation.protocols.kinds import Choice, Kind, Scale
from evaluation.selectors.locked import locked_protocol
from evaluation.services.rating.enrol import assign, is_to_qualify
from evaluation.services.rating.errors import RaterError
from evaluation.services.studies.admission import Admission
from evaluation.services.studies.control_trials import QUALIFY

SIDES = {"a": "left", "b": "right"}
"""Items show the sets in the order of their file."""


@dataclass(frozen=True, slots=True)
class Judged:
    """An answered item: by question what was `given` and what is `right`. `passed`: whether all were right."""

    item: Comparison
    given: Mapping[str, str]
    right: Mapping[str, str]
    passed: bool


def next_item(rater: Rater) -> Comparison | None:
    """The rater's next item; None where all are answered, or there are none."""
    answered = {pk for pk, *_right in rater.qualification}
    items = Comparison.objects.filter(study=rater.study, control=QUALIFY).select_related("prompt").order_by("pk")
    return next((each for each in items if each.pk not in answered), None)


def options_of(kind: Kind) -> list[tuple[str, str]]:
    """The answers to choose from, as (value, text)."""
    if isinstance(kind, Scale):
        steps = [(f"{step.value:g}", step.text or f"{step.value:g}") for step in kind.steps]
        return steps + ([("unable", kind.unable)] if kind.unable else [])
    assert isinstance(kind, Choice)
    return [(each.choice, each.text) for each in kind.answers]


@transaction.atomic
def qualification_answer(*, rater: Rater, item: int, answers: Mapping[str, str]) -> Judged:
    """Keep the answers to an item and say whether they are right. Answering it again changes nothing.

    With the last item the rater gets the trials, or is screened out and loses the place.

    Raises:
        RaterError: there is no such item, or a question has no answer.
    """
    locked = Rater.objects.select_for_update(of=("self",)).select_related("study").get(pk=rater.pk)
    found = Comparison.objects.filter(study=locked.study, control=QUALIFY, pk=item).select_related("prompt").first()
    if found is None:
        raise RaterError("no-item", _("There is no such example. Go back to the study."), status=404)
    right = right_answers(found, locked_protocol(locked.study))
    for question in right:
        kind = locked_protocol(locked.study).question(question).answers
        if answers.get(question) not in [value for value, *_text in options_of(kind)]:
            raise RaterError("no-answer", _("Please go back and answer each question."), status=400)
    given = {question: answers[question] for question in right}
    judged = Judged(found, given, right, given == right)
    if is_to_qualify(locked) and locked.dropped_at is None and item not in [pk for pk, *_right in locked.qualification]:
        locked.qualification = [*locked.qualification, [item, int(judged.passed)]]
        locked.last_seen_at = timezone.now()
        changed = ["qualification", "last_seen_at"]
        if next_item(locked) is None:
            changed += _decide(locked)
        locked.save(update_fields=changed)
    return judged


def right_answers(item: Comparison, protocol: Protocol) -> dict[str, str]:
    """By question, the right answer as it is chosen on the page."""
    found = {}
    for question, value in item.expected.items():
        if isinstance(protocol.question(question).answers, Scale):
            found[question] = value if isinstance(value, str) else f"{value:g}"
        else:
            found[question] = SIDES.get(value, value)
    return found


def _decide(rater: Rater) -> list[str]:
    """Let the rater in or out; the fields that changed."""
    now = timezone.now()
    if sum(right for *_item, right in rater.qualification) >= Admission.of(rater.study.specification).least_right:
        rater.qualified_at = now
        assign([(rater, Place.objects.get(study=rater.study, panel=rater.panel, slot=rater.slot))])
        return ["qualified_at"]
    rater.screened_at = rater.dropped_at = now
    rater.screened_for = "qualification"
    Departure.objects.get_or_create(rater=rater, reason=Departure.Reason.SCREENED)
    return ["screened_at", "screened_for", "dropped_at"]
