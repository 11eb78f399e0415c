"""The demonstration: every station of the path once, with the bundled cascade and a simulated crowd.

In two parts. `demo_begin` opens the study, from images that ship where they are those of the present weights: from
then on people can rate. `demo_finish` draws a further run, scores all images and makes the report. Each step looks
first whether it was done, so an interrupted demonstration goes on from where it stopped, and a second start only reads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User

from common.words import counted
from evaluation.errors import ConflictError, InputError
from evaluation.models import GenerationRun, Invitation, MetricRun, Report, RunStatus, Study, StudyStatus, Suite
from evaluation.services.rating.simulate import raters_simulate
from evaluation.services.reporting.make import report_make
from evaluation.services.runs.request import RunDraft, run_render, run_resume
from evaluation.services.runs.shipped import run_ship, run_take_shipped, shipped_file
from evaluation.services.scoring.request import RUN_PREFIX, metric_request
from evaluation.services.store.places import drawn_to_ship
from evaluation.services.studies.create import StudyDraft, study_create
from evaluation.services.studies.invitation import invitation_create
from evaluation.services.studies.open import study_open
from evaluation.services.suites.load import suite_load
from evaluation.services.suites.make import suite_make_subset
from generators.runner import Progress
from generators.sizes import square

SUITE_NAME = "drawbench-cc0-demo"
EACH = 3
"""Its prompts of each category: some that the bundled weights can draw, beside some that they can't."""
STUDY_NAME = "demo"
RESEARCHER = "demo"
GUIDANCE_WEIGHTS = (1.5, 4.0)
"""The two contenders, whose images ship: one cascade at a guidance weight that suits it, and past that, where quality
falls (Imagen, section 2.2 and figure 4). What is seen, scored, and told to the crowd to find goes the same way.
"""

LIVE_WEIGHT = 1.0
"""The run that is drawn while people rate: without guidance. It is in no study yet; with it, scores make a curve."""

SIMULATED_SHARE = 0.6
"""How much of every panel the simulated crowd fills; the rest is left for people."""

LABELS = {weight: f"cascade w={weight:g}" for weight in GUIDANCE_WEIGHTS}
PREFER = {f"{LABELS[GUIDANCE_WEIGHTS[0]]}:alignment": 0.4, f"{LABELS[GUIDANCE_WEIGHTS[0]]}:fidelity": 0.9}
"""What the simulated crowd is told to find of them, on the logit scale: made up, and known, unlike people's taste."""

SCORES = ("scene-checks", "clip-score")
"""How each image of both contenders is scored: by the bundled world's checker and its CLIP."""

DISTANCE = "frechet"
"""How all images of the one are set against the other's."""

SHIPPED_TOLD = 32
"""After so many images drawn to ship, it is said how many there are."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class DemoSize:
    """How much the demonstration draws. `size`: pixels a side."""

    per_category: int = EACH
    samples: int = 8
    size: int = 256

    @property
    def suffix(self) -> str:
        """What tells a demonstration of another size apart: nothing for the usual one."""
        return "" if self == DemoSize() else f"-{self.per_category}x{self.samples}-{self.size}"


@dataclass(frozen=True, slots=True)
class Demo:
    """What stands when people can rate. `study` is open and has an invitation; `runs` are its two."""

    suite: Suite
    runs: tuple[GenerationRun, ...]
    study: Study
    invitation: Invitation
    researcher: User


Wait = Callable[[GenerationRun], None]
WaitScores = Callable[[Sequence[MetricRun]], None]


def demo_begin(*, size: DemoSize, say: Say, wait: Wait) -> Demo:
    """Open the study, or find it open: all that people need to rate.

    `say`: told each step. `wait`: blocks until a run has ended, showing its progress. It is called only where images
    don't ship (another size, other weights), and needs a worker.

    Raises:
        InputError: a step can't be done; the ones before it stay.
    """
    suite = _suite(size, say)
    runs = tuple(_run(suite, weight, size, say, wait) for weight in GUIDANCE_WEIGHTS)
    study = _study(runs, size, say)
    _simulated_ratings(study, say)
    invitation = study.invitations.filter(label="demo").first() or invitation_create(study=study, label="demo")
    return Demo(suite, runs, study, invitation, _researcher())


def demo_ships(size: DemoSize) -> bool:
    """Whether the study can be opened without a worker: its images ship, or are there."""
    suite = _demo_suite(size)
    drafts = [_draft(suite, weight, size) for weight in GUIDANCE_WEIGHTS]
    there = GenerationRun.objects.filter(name__in=[draft.name for draft in drafts], status=RunStatus.DONE)
    names = set(there.values_list("name", flat=True))
    return all(draft.name in names or shipped_file(draft).is_file() for draft in drafts)


def demo_finish(*, demo: Demo, size: DemoSize, say: Say, wait: Wait, wait_scores: WaitScores) -> Report:
    """All that takes a worker: the further run, automatic scores, and the report that has them.

    `wait`, `wait_scores`: block until a run, and automatic scores, have ended, showing their progress. `wait_scores`
    may give up: the demonstration is whole without them.

    Raises:
        InputError: a step can't be done; the ones before it stay.
    """
    _published_suite(say)
    live = _run(demo.suite, LIVE_WEIGHT, size, say, wait)
    _scores_there(_scores_asked((live, *demo.runs), say), say, wait_scores)
    say("Computing the report ...")
    return report_make(study=demo.study)


def demo_ship(*, size: DemoSize, say: Say) -> list[Path]:
    """Draw the images of the study anew, in this process, and put them where they ship; the files.

    Raises:
        InputError: they can't be drawn.
    """
    suite = _demo_suite(size)
    shipped = []
    for weight in GUIDANCE_WEIGHTS:
        draft = _draft(suite, weight, size)

        def progress_say(progress: Progress, name: str = draft.name) -> None:
            if progress.done in (0, progress.total) or progress.images % SHIPPED_TOLD == 0:
                say(f"{name}: {progress.done} of {progress.total} images.")

        shipped.append(
            run_ship(draft, folder=drawn_to_ship(f"{draft.name}-{suite.version_hash[:8]}"), on_progress=progress_say)
        )
    return shipped


def _suite(size: DemoSize, say: Say) -> Suite:
    suite = _demo_suite(size)
    say(
        f"Suite {suite}: {suite.prompts.count()} prompts, {size.per_category} in each of DrawBench's eleven categories "
        "(CC0). Some the bundled weights can draw, some not: the runs' pages say which words they never saw."
    )
    return suite


def _demo_suite(size: DemoSize) -> Suite:
    """Its own, a part of it, or where more is asked for than that has, a part of the 200 prompts."""
    own = suite_load(source=SUITE_NAME if size.per_category <= EACH else "drawbench-cc0").suite
    if size.per_category == EACH:
        return own
    return suite_make_subset(suite=own, per_category=size.per_category, name=f"{SUITE_NAME}{size.suffix}")


def _published_suite(say: Say) -> None:
    try:
        loaded = suite_load(source="drawbench")
        say(f"Suite {loaded.suite}: the published DrawBench, {counted(loaded.suite.prompts.count(), 'prompt')}.")
    except InputError as error:
        say(f"Continuing without the published DrawBench: {error.message}")


def _draft(suite: Suite, weight: float, size: DemoSize) -> RunDraft:
    return RunDraft(
        suite=suite,
        generator="cascade",
        parameters={"guidance": weight},
        size=square(size.size),
        samples_per_prompt=size.samples,
        run_seed=0,
        name=f"cascade-w{weight:g}{size.suffix}",
    )


def _run(suite: Suite, weight: float, size: DemoSize, say: Say, wait: Wait) -> GenerationRun:
    draft = _draft(suite, weight, size)
    run = GenerationRun.objects.filter(name=draft.name).first()
    if run is not None and run.suite_id != suite.pk:
        raise ConflictError(
            f"The run {draft.name} already exists with another suite ({run.suite}). To start the demonstration from "
            "scratch, run ./dev stop and delete the folder var/."
        )
    told = (
        f"Run {draft.name}: bundled cascade, guidance weight {weight:g}, {counted(size.samples, 'sample')} per prompt"
    )
    if run is None and weight in GUIDANCE_WEIGHTS and (run := run_take_shipped(draft)) is not None:
        say(f"{told}: images that ship with DrawBench, {run.provenance['stored_as']}.")
    elif run is None:
        say(f"{told}.")
        run = run_render(draft)
    elif run.status != RunStatus.DONE:
        say(f"Run {draft.name}: continuing where it stopped.")
        run_resume(run=run)
    if run.status != RunStatus.DONE:
        wait(run)
        run.refresh_from_db()
    if run.status != RunStatus.DONE:
        raise InputError(f"The run {draft.name} ended as {run.status}: {run.message or 'its page says what failed'}")
    return run


def _scores_asked(runs: tuple[GenerationRun, ...], say: Say) -> list[MetricRun]:
    """The automatic scores of the runs, asked for where they are not there. Workers take up what was killed.

    `runs`: the further one, and the two of the study, the second set against the first.
    """
    _, one, other = runs
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


def _scores_there(scores: Sequence[MetricRun], say: Say, wait: WaitScores) -> None:
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
                prompts_language="en",
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
