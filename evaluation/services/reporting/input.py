"""What a report is made of, read once: the ratings, who has finished, the automatic scores."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import pandas as pd

from common.hashes import hash_of
from common.words import counted, prompt_name
from evaluation.errors import ConflictError
from evaluation.metrics import registry
from evaluation.models import Departure, MetricRun, Report, Study
from evaluation.reports.automatic import ScoredBy, Scores
from evaluation.reports.compute import AnswersInput, ReportInput, Settings
from evaluation.reports.ratings_file import csv_sha256, frames_hash
from evaluation.selectors.against_people import study_scores
from evaluation.selectors.answers import answers_frame, has_other_answers, study_scales
from evaluation.selectors.declared import added_controls, declared_signs, family_of
from evaluation.selectors.live_board import arrivals_key, asked_questions, declared_rule, study_arrivals
from evaluation.selectors.locked import locked_protocol
from evaluation.selectors.metrics import metric_names, study_metric_groups
from evaluation.selectors.ratings import ratings_frame, study_categories, study_prompts
from evaluation.selectors.skips import study_skips

CHANGED = (
    "The ratings that this report was made from can't be read again exactly: one was being saved at that very moment. "
    "Open the study's report anew; a new report is made from the ratings as they stand."
)


ERASED = (
    "The ratings that this report was made from can't be read again whole: {} had their data deleted on request since. "
    "Open the study's report anew; a new report is made from the ratings as they stand."
)


def report_frames(report: Report) -> tuple[pd.DataFrame, AnswersInput]:
    """The ratings and other answers that `report` was made from.

    Raises:
        ConflictError: they can't be read again exactly.
    """
    include = bool(report.settings.get("include_simulated", True))
    ratings = ratings_frame(report.study, include_simulated=include, as_of=report.as_of)
    answers = answers_input(report.study, include_simulated=include, as_of=report.as_of)
    if frames_hash(ratings, answers.frame) != report.input_hash:
        erased = Departure.objects.filter(
            rater__study=report.study, reason=Departure.Reason.ERASED, left_at__gt=report.as_of
        ).count()
        raise ConflictError(ERASED.format(counted(erased, "rater")) if erased else CHANGED)
    return ratings, answers


def report_input(*, study: Study, settings: Settings, as_of: datetime) -> ReportInput:
    """What a report of `study` at a moment is made of. One query reads the ratings."""
    include = settings.include_simulated
    rule = declared_rule(study.specification)
    arrivals = study_arrivals(study, as_of=as_of, include_simulated=include).arrivals if rule is not None else None
    return ReportInput(
        ratings=ratings_frame(study, include_simulated=include, as_of=as_of),
        questions=tuple(asked_questions(study)),
        rule=rule,
        arrivals=arrivals,
        family=family_of(study.specification, settings.estimand),
        scores=report_scores(study),
        categories=study_categories(study),
        answers=answers_input(study, include_simulated=include, as_of=as_of),
        refused=study.specification.get("refusals"),
        n_shown=sum(panel["prompts"] for panel in study.specification["panels"]),
        skipped=study_skips(study, include_simulated=include, as_of=as_of),
    )


def answers_input(study: Study, *, include_simulated: bool, as_of: datetime) -> AnswersInput:
    """What `study` has beside preferences with three answers, at a moment. A query, and three where it has any."""
    frame = None
    if has_other_answers(study):
        frame = answers_frame(study, include_simulated=include_simulated, as_of=as_of)
    prompts = study_prompts(study)
    named = {prompt_name(number) for number, _, people in prompts if people}
    nobody = {prompt_name(number) for number, _, people in prompts if people is False}
    controls = locked_protocol(study).controls
    return AnswersInput(
        frame=frame,
        prompts={} if frame is None else {prompt_name(number): text for number, text, _ in prompts},
        scales=study_scales(study),
        least_right=controls.least_right if controls else None,
        rule=controls.rule if controls else "",
        reference=next((each.label for each in study.study_runs.all() if each.is_reference), ""),
        nobody=frozenset(nobody) if named else frozenset(),
        added=added_controls(study.specification),
        signs=declared_signs(study.specification),
        set_size=study.specification["sets"]["size"],
        asked=tuple(each.id for each in locked_protocol(study).questions),
    )


def report_scores(study: Study) -> Scores | None:
    """The automatic scores of the study's runs; None where no two runs were scored alike."""
    groups = study_metric_groups(study)
    metric_runs = [each for group, why in groups if not why for each in group]
    frame, notes = study_scores(study, metric_runs)
    if not len(frame):
        return None
    left_out = [why for _, why in groups if why]
    labels = {each.run_id: each.label for each in study.study_runs.all()}
    names = metric_names(metric_runs)
    return Scores(
        frame=frame,
        sha256=csv_sha256(frame),
        scored=tuple(_scored_by(each, names, labels) for each in metric_runs),
        notes=(*left_out, *notes),
    )


def settings_hash(given: ReportInput, settings: Settings) -> str:
    """Names the settings, and of the input what the ratings' own hash does not: who has finished, the scores, what
    was skipped."""
    parts: list[object] = [settings.hash]
    if given.rule is not None and given.arrivals is not None:
        parts.append({"rule": given.rule.to_dict(), "arrivals": list(arrivals_key(given.arrivals))})
    if given.scores is not None:
        scored = [[each.metric_run, each.label, each.images_hash, each.value_range] for each in given.scores.scored]
        parts.append({"scores": given.scores.sha256, "scored": scored, "notes": list(given.scores.notes)})
    if given.skipped is not None:
        parts.append({"skipped": given.skipped.to_dict()})
    return settings.hash if len(parts) == 1 else hash_of(parts)


def _scored_by(metric_run: MetricRun, names: Mapping[int, str], labels: Mapping[int, str]) -> ScoredBy:
    return ScoredBy(
        name=names[metric_run.pk],
        label=metric_run.label,
        better=metric_run.better,
        generator=labels[metric_run.run_id],
        metric_run=metric_run.pk,
        parameters=metric_run.parameters,
        code_version=metric_run.code_version,
        images_hash=metric_run.images_hash,
        value_range=registry.value_range_of(metric_run.metric),
    )
