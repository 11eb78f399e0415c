"""What a report is made of, read once: the ratings, who has finished, the automatic scores."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from common.hashes import hash_of
from evaluation.metrics import registry
from evaluation.models import MetricRun, Study
from evaluation.reports.automatic import ScoredBy, Scores
from evaluation.reports.compute import ReportInput, Settings
from evaluation.reports.ratings_file import input_hash, ratings_csv
from evaluation.selectors.against_people import study_scores
from evaluation.selectors.declared import family_of
from evaluation.selectors.live_board import arrivals_key, asked_questions, declared_rule, study_arrivals
from evaluation.selectors.metrics import metric_names, study_metric_groups
from evaluation.selectors.ratings import ratings_frame, study_categories


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
        sha256=input_hash(ratings_csv(frame)),
        scored=tuple(_scored_by(each, names, labels) for each in metric_runs),
        notes=(*left_out, *notes),
    )


def settings_hash(given: ReportInput, settings: Settings) -> str:
    """Names the settings, and of the input what the ratings' own hash does not: who has finished, and the scores."""
    parts: list[object] = [settings.hash]
    if given.rule is not None and given.arrivals is not None:
        parts.append({"rule": given.rule.to_dict(), "arrivals": list(arrivals_key(given.arrivals))})
    if given.scores is not None:
        scored = [[each.metric_run, each.label, each.images_hash, each.value_range] for each in given.scores.scored]
        parts.append({"scores": given.scores.sha256, "scored": scored, "notes": list(given.scores.notes)})
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
