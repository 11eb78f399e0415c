"""The demonstration: every station of the path once, with the bundled cascade and a simulated crowd.

Each step looks first whether it was done, so an interrupted demonstration goes on from where it stopped, and a
second start only reads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User

from common.words import counted
from evaluation.errors import ConflictError, InputError
from evaluation.models import GenerationRun, Invitation, MetricRun, Report, RunStatus, Study, StudyStatus, Suite
from evaluation.services.rating.simulate import raters_simulate
from evaluation.services.reporting.make import report_make
from evaluation.services.runs.request import RunDraft, run_render, run_resume
from evaluation.services.scoring.request import RUN_PREFIX, metric_request
from evaluation.services.studies.create import StudyDraft, study_create
from evaluation.services.studies.invitation import invitation_create
from evaluation.services.studies.open import study_open
from evaluation.services.suites.load import suite_load
from evaluation.services.suites.make import suite_make_subset

SUITE_NAME = "drawbench-cc0-demo"
STUDY_NAME = "demo"
RESEARCHER = "demo"
GUIDANCE_WEIGHTS = (1.5, 4.0)
"""The two contenders: one cascade at a guidance weight that suits it, and past that, where quality falls (Imagen,
section 2.2 and figure 4). What is seen, what is scored and what the crowd is told to find go the same way.
"""

SIMULATED_SHARE = 0.6
"""How much of every panel the simulated crowd fills; the rest is left for people."""

LABELS = {weight: f"cascade w={weight:g}" for weight in GUIDANCE_WEIGHTS}
PREFER = {f"{LABELS[GUIDANCE_WEIGHTS[0]]}:alignment": 0.4, f"{LABELS[GUIDANCE_WEIGHTS[0]]}:fidelity": 0.9}
"""What the simulated crowd is told to find of them, on the logit scale: made up, and known, unlike people's taste."""

SCORES = ("scene-checks", "clip-score")
"""How each image of both contenders is scored: by the bundled world's checker and its CLIP."""

DISTANCE = "frechet"
"""How all images of the one are set against the other's."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class DemoSize:
    """How much the demonstration draws. `size`: pixels a side."""

    per_category: int = 3
    samples: int = 8
    size: int = 256

    @property
    def suffix(self) -> str:
        """What tells a demonstration of another size apart: nothing for the usual one."""
        return "" if self == DemoSize() else f"-{self.per_category}x{self.samples}-{self.size}"


@dataclass(frozen=True, slots=True)
class Demo:
    """What stands when the demonstration is ready. `study` has an open invitation and a report."""

    suite: Suite
    runs: tuple[GenerationRun, ...]
    study: Study
    invitation: Invitation
    report: Report
    researcher: User


def demo_prepare(
    *,
    size: DemoSize,
    say: Say,
    wait: Callable[[GenerationRun], None],
    wait_scores: Callable[[Sequence[MetricRun]], None],
) -> Demo:
    """Prepare all of it, or what is missing.

    `say`: told each step. `wait`: blocks until a run has ended, showing its progress; a worker must be there.
    `wait_scores`: the same for automatic scores. It may give up: the demonstration is whole without them.

    Raises:
        InputError: a step can't be done; the ones before it stay.
    """
    suite = _suite(size, say)
    runs = tuple(_run(suite, weight, size, say, wait) for weight in GUIDANCE_WEIGHTS)
    scores = _scores_asked(runs, say)
    study = _study(runs, size, say)
    _simulated_ratings(study, say)
    _scores_there(scores, say, wait_scores)
    invitation = study.invitations.filter(label="demo").first() or invitation_create(study=study, label="demo")
    say("Computing the report ...")
    report = report_make(study=study)
    return Demo(suite, runs, study, invitation, report, _researcher())


def _suite(size: DemoSize, say: Say) -> Suite:
    try:
        loaded = suite_load(source="drawbench")
        say(f"Suite {loaded.suite}: the published DrawBench, {counted(loaded.suite.prompts.count(), 'prompt')}.")
    except InputError as error:
        say(f"Continuing without the published DrawBench: {error.message}")
    own = suite_load(source="drawbench-cc0").suite
    say(f"Suite {own}: 200 prompts in DrawBench's eleven categories, CC0.")
    subset = suite_make_subset(suite=own, per_category=size.per_category, name=f"{SUITE_NAME}{size.suffix}")
    say(f"Suite {subset}: {subset.prompts.count()} of these, {size.per_category} per category, for a quick first run.")
    return subset


def _run(suite: Suite, weight: float, size: DemoSize, say: Say, wait: Callable[[GenerationRun], None]) -> GenerationRun:
    name = f"cascade-w{weight:g}{size.suffix}"
    run = GenerationRun.objects.filter(name=name).first()
    if run is not None and run.suite_id != suite.pk:
        raise ConflictError(
            f"The run {name} already exists with another suite ({run.suite}). To start the demonstration from scratch, "
            "run ./dev stop and delete the folder var/."
        )
    if run is None:
        say(f"Run {name}: bundled cascade, guidance weight {weight:g}, {counted(size.samples, 'sample')} per prompt.")
        run = run_render(
            RunDraft(
                suite=suite,
                generator="cascade",
                parameters={"guidance": weight},
                size=size.size,
                samples_per_prompt=size.samples,
                run_seed=0,
                name=name,
            )
        )
    elif run.status != RunStatus.DONE:
        say(f"Run {name}: continuing where it stopped.")
        run_resume(run=run)
    if run.status != RunStatus.DONE:
        wait(run)
        run.refresh_from_db()
    if run.status != RunStatus.DONE:
        raise InputError(f"The run {name} ended as {run.status}: {run.message or 'its page says what failed'}")
    return run


def _scores_asked(runs: tuple[GenerationRun, ...], say: Say) -> list[MetricRun]:
    """The automatic scores of the runs, asked for where they are not there. Workers take up what was killed."""
    one, other = runs
    wanted = [(metric, run, "") for metric in SCORES for run in runs]
    wanted.append((DISTANCE, other, f"{RUN_PREFIX}{one.name}"))
    scores = []
    for metric, run, reference in wanted:
        try:
            scores.append(metric_request(run=run, metric=metric, reference=reference).metric_run)
        except InputError as error:
            say(f"{metric} is left out: {error.message}")
    if any(each.under_way for each in scores):
        names = dict.fromkeys(each.metric for each in scores)
        say(f"Scoring the images automatically ({', '.join(names)}) in the background.")
    return scores


def _scores_there(scores: Sequence[MetricRun], say: Say, wait: Callable[[Sequence[MetricRun]], None]) -> None:
    """Waits for the scores, and tells which there are not."""
    if any(each.under_way for each in scores):
        wait(scores)
    lines = []
    for each in scores:
        each.refresh_from_db()
        if each.under_way:
            lines.append(
                f"{each.metric} is not finished yet. Workers continue with it, and a later report will show it."
            )
        elif each.status != RunStatus.DONE:
            lines.append(f"{each.metric} is left out: {each.message or each.get_status_display().lower()}")
    for line in dict.fromkeys(lines):  # both runs lack the same
        say(line)


def _study(runs: tuple[GenerationRun, ...], size: DemoSize, say: Say) -> Study:
    name = f"{STUDY_NAME}{size.suffix}"
    study = Study.objects.filter(name=name).first()
    if study is None:
        study = study_create(
            StudyDraft(
                name=name,
                title=f"Guidance weight {' against '.join(f'{weight:g}' for weight in GUIDANCE_WEIGHTS)}",
                runs=list(runs),
                labels=list(LABELS.values()),
            )
        )
    elif {place.run_id for place in study.study_runs.all()} != {run.pk for run in runs}:
        raise ConflictError(
            f"The study {name} already exists with other runs than {' and '.join(run.name for run in runs)}. To start "
            "the demonstration from scratch, run ./dev stop and delete the folder var/."
        )
    if study.status == StudyStatus.DRAFT:
        say(f"Study {study}: opening it under the DrawBench protocol ...")
        study = study_open(study=study)
    return study


def _simulated_ratings(study: Study, say: Say) -> None:
    if study.status != StudyStatus.OPEN:
        return
    result: Mapping[str, object] = raters_simulate(study=study, share=SIMULATED_SHARE, seed=0, prefer=PREFER)
    if result["raters"]:
        say(
            f"{result['raters']} simulated raters gave {result['ratings']} ratings, marked as simulated wherever they "
            "show; the other places are left for people."
        )


def _researcher() -> User:
    user, created = get_user_model().objects.get_or_create(
        username=RESEARCHER, defaults={"is_staff": True, "is_superuser": True}
    )
    if created:
        user.set_unusable_password()
        user.save()
    return user
