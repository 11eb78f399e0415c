"""The automatic scores of the images that a study is about, for what raters saw and for what nobody rated."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from common.words import counted, prompt_name
from evaluation.design import choose_samples, rng_for
from evaluation.models import MetricRun, Study, StudyImage
from evaluation.selectors.metrics import metric_names, scores_frame, study_metric_runs


def study_scores(study: Study, metric_runs: Sequence[MetricRun] | None = None) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The scores of the study's runs in the scores file's form, and notes for people. Empty where nothing was scored.

    Generators are called by their labels in the study. Of a prompt that the study shows, the scores are those of the
    images shown; of any other prompt of the suite, those of as many images, drawn by the study's own rule and seed:
    rated and unrated prompts then differ in nothing but in having been rated.

    `metric_runs`: those of `study_metric_runs`, read unless given.
    """
    newest: dict[tuple[str, str, int], MetricRun] = {}
    if metric_runs is None:
        metric_runs = study_metric_runs(study)
    for each in metric_runs:  # the same metric against two references: one of them
        newest.setdefault((each.metric, each.parameters_hash, each.run_id), each)
    metric_runs = list(newest.values())
    runs = {each.run_id: each for each in study.study_runs.select_related("run")}
    labels = {key: each.label for key, each in runs.items()}
    frame = scores_frame(metric_runs, labels=labels, names=metric_names(metric_runs))
    if not len(frame):
        return frame, ()
    shown = set(
        StudyImage.objects.filter(study=study, copy=0).values_list(
            "sample__run_id", "sample__prompt__number", "sample__sample"
        )
    )
    sizes = pd.Series([(run, prompt) for run, prompt, _ in shown], dtype=object).value_counts()
    size = int(sizes.mode().max()) if len(sizes) else 0
    in_study = {prompt_name(prompt) for _, prompt, _ in shown}
    keys = {each.label: key for key, each in runs.items()}
    keep = pd.Series(False, index=frame.index)
    for (label, prompt), part in frame.groupby(["generator", "prompt_id"], sort=False):
        run, samples = runs[keys[str(label)]].run, sorted(set(part["sample"].tolist()))
        number = int(str(prompt))
        if str(prompt) in in_study:
            wanted = {sample for sample in samples if (run.pk, number, sample) in shown}
        else:
            fits = min(size or len(samples), len(samples))
            wanted = set(choose_samples(samples, fits, rng_for(study.design_seed, "samples", run.name, number)))
        keep[part.index[part["sample"].isin(wanted).to_numpy()]] = True
    outside = frame.loc[keep & ~frame["prompt_id"].isin(in_study), "prompt_id"].nunique()
    note = (
        f"{counted(outside, 'prompt')} of the suite not shown in the study; for each, as many images count as in a set."
    )
    return frame[keep.to_numpy()].reset_index(drop=True), (note,) if outside else ()
