"""The simulated crowd takes places of a study and rates its real assignments. Its raters are marked `simulated`."""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterator, Mapping

from django.db import transaction
from django.utils import timezone

from common.words import nearest
from evaluation.analysis.simulate import CrowdSpec
from evaluation.analysis.simulate_answers import AnswerCrowd, AnswerTrial
from evaluation.design import next_place
from evaluation.errors import ConflictError, InputError
from evaluation.models import Assignment, Place, Rater, Rating, Study, StudyStatus
from evaluation.protocols.kinds import words_of
from evaluation.selectors.locked import locked_protocol
from evaluation.services.rating.enrol import assign, places_of, taken_of

KEYS = uuid.UUID("6f1d3c9a-6c0e-5f0b-9d0a-3c5f1f6f2a11")
"""Namespace of simulated raters' keys: the same study and seed give the same raters, in exports too."""


@transaction.atomic
def raters_simulate(
    *,
    study: Study,
    seed: int,
    share: float | None = None,
    raters: int | None = None,
    prefer: Mapping[str, float] | None = None,
    crowd: CrowdSpec | None = None,
) -> dict[str, object]:
    """Let simulated raters take places and answer all their trials. The same seed gives the same raters and ratings.

    Args:
        share: fill the panels until simulated raters hold this share of each one's places, 0 to 1, and no more if they
            do already. Give this or `raters`.
        raters: this many more of them, into the emptiest panels.
        prefer: how good the crowd finds a run, on the logit scale, by its label (`"imagen": 0.8`) or by label and
            question (`"imagen:alignment": 0.8`); 0 where nothing is said. Between two runs the difference counts: 0.8
            above the other is chosen by 69 % of the average raters who are not indifferent. Of single images it is what
            `evaluation.analysis.simulate_answers` calls the truth: at 0.8 a claim holds for 69 % of them.
        crowd: how the crowd behaves otherwise.

    Returns:
        How many `raters` and `ratings` were made, and how many places are left for people (`places_left`).

    Raises:
        ConflictError: the study is not open.
        InputError: a share outside 0 to 1, more raters than free places, an unknown label or question.
    """
    study = Study.objects.select_for_update(no_key=True).get(pk=study.pk)
    if study.status != StudyStatus.OPEN:
        raise ConflictError(
            f"The study {study} is {study.status}. Raters, simulated ones too, can join only an open study."
        )
    leaning = _leanings(study, prefer or {})
    taken = taken_of(study)
    made = _enrol(study, seed, list(_places(study, taken, share, raters)))
    ratings = _rate(study, made, AnswerCrowd(crowd or CrowdSpec(), seed), leaning)
    places_left = sum(places_of(study).values()) - sum(map(len, taken.values()))
    return {"study": study.name, "raters": len(made), "ratings": ratings, "places_left": places_left, "seed": seed}


def _places(
    study: Study, taken: dict[str, set[int]], share: float | None, raters: int | None
) -> Iterator[tuple[str, int]]:
    """The places for the simulated raters; each is added to `taken` as it is given."""
    places = places_of(study)
    if (share is None) == (raters is None):
        raise InputError("Give either share, the part of the places to fill, or raters, their number.")
    if raters is not None:
        free = sum(places.values()) - sum(map(len, taken.values()))
        if not 1 <= raters <= free:
            raise InputError(
                f"raters must be from 1 to the {free} free places of the study {study}; got {raters}.", field="raters"
            )
        limits, wanted = places, raters
    else:
        assert share is not None
        if not (math.isfinite(share) and 0 <= share <= 1):
            raise InputError(f"share must be from 0 to 1, such as 0.6; got {share}.", field="share")
        there = dict.fromkeys(places, 0)
        for panel in Rater.objects.filter(study=study, dropped_at=None, simulated=True).values_list("panel", flat=True):
            there[panel] += 1
        more = {panel: max(0, round(share * n) - there[panel]) for panel, n in places.items()}
        limits = {panel: min(n, len(taken[panel]) + more[panel]) for panel, n in places.items()}
        wanted = sum(max(0, limits[panel] - len(taken[panel])) for panel in places)
    for _ in range(wanted):
        open_panels = {panel: places[panel] for panel in places if len(taken[panel]) < limits[panel]}
        place = next_place(open_panels, taken)
        assert place is not None
        taken[place[0]].add(place[1])
        yield place


def _enrol(study: Study, seed: int, places: list[tuple[str, int]]) -> list[Rater]:
    now = timezone.now()
    designed = {(place.panel, place.slot): place for place in Place.objects.filter(study=study)}
    raters = Rater.objects.bulk_create(
        Rater(
            key=uuid.uuid5(KEYS, f"{study.specification_hash}/{seed}/{panel}/{slot}"),
            study=study,
            panel=panel,
            slot=slot,
            trials=len(designed[panel, slot].showings),
            simulated=True,
            consented_at=now,
            instructed_at=now,
            qualified_at=now,
            finished_at=now,
            last_seen_at=now,
        )
        for panel, slot in places
    )
    assign([(rater, designed[rater.panel, rater.slot]) for rater in raters])
    return raters


def _rate(study: Study, raters: list[Rater], crowd: AnswerCrowd, leaning: Mapping[tuple[str, str], float]) -> int:
    """Every trial of `raters` answered by `crowd`; how many ratings."""
    protocol = locked_protocol(study)
    options = {question.id: question.answers.to_dict() for question in protocol.questions}
    labels = dict(study.study_runs.values_list("pk", "label"))
    assignments = Assignment.objects.filter(rater__in=raters).select_related("rater", "comparison__prompt")
    ratings = []
    for assignment in assignments.order_by("rater_id", "position"):
        comparison, rater = assignment.comparison, assignment.rater
        members = tuple(labels[each] for each in comparison.members)
        n_words = len(words_of(comparison.prompt.text))
        for name in comparison.questions:
            question = protocol.question(name)
            kind = question.answers
            trial = AnswerTrial(
                rater_key=f"{rater.panel}/{rater.slot}",
                prompt_key=comparison.prompt.prompt_id,
                category=comparison.category,
                question=name,
                kind=kind.name,
                options=options[question.id],
                members=members,
                order=tuple(assignment.shown_order),
                truths=tuple(leaning[label, question.id] for label in members),
                position=assignment.position,
                n_words=n_words,
                control_answer=comparison.expected.get(name),
            )
            answer = crowd.answer(trial)
            ratings.append(
                Rating(
                    assignment=assignment,
                    rater=rater,
                    question=name,
                    shown_choice=answer.value if kind.closed else None,
                    value=None if kind.closed else answer.value,
                    response_time_ms=answer.response_time_ms,
                    submission=uuid.uuid5(rater.key, f"{comparison.pk}"),
                )
            )
    Rating.objects.bulk_create(ratings, batch_size=5000)
    return len(ratings)


def _leanings(study: Study, prefer: Mapping[str, float]) -> dict[tuple[str, str], float]:
    """How good the crowd finds each (label, question)."""
    labels = list(study.study_runs.order_by("order").values_list("label", flat=True))
    questions = [question.id for question in locked_protocol(study).questions]
    leaning = dict.fromkeys(((label, question) for label in labels for question in questions), 0.0)
    for name, value in prefer.items():
        label, _, question = name.rpartition(":")
        if name in labels:
            label, asked = name, questions
        elif label in labels:
            if question not in questions:
                raise InputError(
                    f'"{name}": unknown question "{question}"{nearest(question, questions) or "."} '
                    f"Questions: {', '.join(questions)}.",
                    field="prefer",
                )
            asked = [question]
        else:
            raise InputError(
                f'Unknown label "{name}"{nearest(name, labels) or "."} The study compares: {", ".join(labels)}.',
                field="prefer",
            )
        if not math.isfinite(value):
            raise InputError(f"The preference for {name} must be a number, such as 0.8; got {value}.", field="prefer")
        for each in asked:
            leaning[label, each] = float(value)
    return leaning
