"""Automatic scores for a study's report: what they are, how far they agree with the raters, what they add to them."""

from __future__ import annotations

import pandas as pd

from evaluation.analysis.columns import RatingsError
from evaluation.metrics import registry
from evaluation.models import Study
from evaluation.reports.against_people import against_people
from evaluation.reports.compute import Settings
from evaluation.reports.document import AutomaticDict, ScoredRunDict
from evaluation.reports.ratings_file import input_hash, ratings_csv
from evaluation.reports.score_summary import summarise
from evaluation.selectors.against_people import study_scores
from evaluation.selectors.metrics import metric_names, study_metric_runs, study_metrics_left_out

SCHEMA = "drawbench-automatic/1"


def automatic_section(*, study: Study, ratings: pd.DataFrame, settings: Settings) -> AutomaticDict | None:
    """What the report says of automatic scores; None where no two runs were scored alike.

    `ratings`: those of the report, in the ratings file's form. The numbers are those of
    `manage.py against_people --ratings FILE --scores FILE` on the report's own files.
    """
    scores, notes = study_scores(study)
    if not len(scores):
        return None
    section: AutomaticDict = {
        "schema": SCHEMA,
        "scores_sha256": input_hash(ratings_csv(scores)),
        "scored": _scored(study, scores),
        "against_people": None,
        "why": "",
        "notes": [*study_metrics_left_out(study), *notes],
    }
    if not len(ratings):
        section["why"] = "nobody has rated yet"
        return section
    try:
        found, _ = against_people(ratings, scores, estimand=settings.estimand, level=settings.level)
    except RatingsError as error:
        section["why"] = str(error)
    else:
        section["against_people"] = dict(found)
    return section


def _scored(study: Study, scores: pd.DataFrame) -> list[ScoredRunDict]:
    labels = {each.run_id: each.label for each in study.study_runs.all()}
    metric_runs = study_metric_runs(study)
    names = metric_names(metric_runs)
    found: list[ScoredRunDict] = []
    for each in metric_runs:
        mine = (scores["metric"] == names[each.pk]) & (scores["generator"] == labels[each.run_id])
        spread = summarise(scores[mine.to_numpy()], registry.value_range_of(each.metric))["overall"]
        found.append(
            {
                "name": names[each.pk],
                "label": each.label,
                "better": each.better,
                "generator": labels[each.run_id],
                "metric_run": each.pk,
                "parameters": each.parameters,
                "code_version": each.code_version,
                "images_hash": each.images_hash,
                "n": spread["n"],
                "n_missing": spread["n_missing"],
                "mean": spread["mean"],
                "low": spread["low"],
                "high": spread["high"],
            }
        )
    return found
