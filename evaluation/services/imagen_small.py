"""Imagen's human comparison (section 4.3) in small: the bundled cascade against contenders of other shapes.

What has weights is drawn, scored and compared; what has none yet is named with the command that trains it. The crowd is
simulated and marked as such. It is told what was measured and nothing else: how often each system's pictures show what
was asked, by the bundled world's checker. Each step looks first whether it was done, so an interrupted study goes on.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from django.db.models import Avg, Count

from common.words import counted
from evaluation.errors import ConflictError, InputError
from evaluation.models import GenerationRun, MetricRun, Report, RunStatus, Study, StudyStatus, Suite
from evaluation.selectors.runs import run_progress
from evaluation.services.rating.simulate import raters_simulate
from evaluation.services.reporting.make import report_make
from evaluation.services.runs.draw import run_drawing
from evaluation.services.runs.request import RunDraft, run_render, run_resume
from evaluation.services.scoring.in_process import metric_work
from evaluation.services.scoring.request import metric_request
from evaluation.services.studies.create import StudyDraft, study_create
from evaluation.services.studies.open import study_open
from evaluation.services.suites.load import suite_load
from evaluation.services.work.items import work_here
from generators import registry
from generators.contract import GeneratorError, WeightsMissingError
from generators.sizes import square

NAME = "imagen-small"
SUITE, SMALL_SUITE = "drawbench-cc0", "drawbench-cc0-demo"
CHECKS = "scene-checks"
"""How the pictures of each run are measured: what of the prompt the bundled world's checker finds in them."""

OWN = "cascade"
"""The label that all others are compared with, as Imagen is in the paper."""

TOLD_EVERY_S = 15.0
"""Seconds between two lines on how far a run is."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Contender:
    """A system of the comparison. `stands_for`: whose shape it has, in the paper's comparison or as an ablation."""

    label: str
    generator: str
    stands_for: str
    parameters: Mapping[str, object] = field(default_factory=dict)


CONTENDERS: tuple[Contender, ...] = (
    Contender(OWN, "cascade", "Imagen"),
    Contender("unclip", "unclip", "DALL-E 2"),
    Contender("cascade led", "cascade", "GLIDE, CLIP-guided", {"matcher_guidance": 10.0}),
    Contender("latent", "latent", "latent diffusion"),
    Contender("guided-clip", "guided-clip", "VQ-GAN+CLIP"),
    Contender("no SR text", "cascade-no-sr-text", "an ablation: super-resolution without the prompt"),
    Contender("CLIP text", "cascade-clip-text", "an ablation: the matcher's text states"),
)


@dataclass(frozen=True, slots=True)
class StudySize:
    """How much is drawn. `full`: all 200 prompts and 8 samples each. `size`: pixels a side. `share`: of each panel's
    places that simulated raters take, from 0 to 1."""

    full: bool = False
    size: int = 256
    share: float = 1.0

    @property
    def samples(self) -> int:
        """Images of each prompt."""
        return 8 if self.full else 4

    @property
    def suffix(self) -> str:
        """What tells studies of other sizes apart; nothing for the usual one."""
        return ("-full" if self.full else "") + ("" if self.size == StudySize().size else f"-{self.size}")


@dataclass(frozen=True, slots=True)
class Measured:
    """What the checker found of a run. `right`: mean share of what was asked, over `n` images it could judge."""

    label: str
    right: float
    n: int


@dataclass(frozen=True, slots=True)
class SmallStudy:
    """What was opened. `missing`: label of each contender without weights, and the commands that train it."""

    study: Study
    runs: Mapping[str, GenerationRun]
    measured: Sequence[Measured]
    missing: Mapping[str, Sequence[str]]
    simulated: int
    report: Report


def study_imagen_small(*, size: StudySize, say: Say) -> SmallStudy:
    """Draw, score, open, simulate and report, all in this process; what is there already stays.

    `say`: told each step.

    Raises:
        InputError: a step can't be done; the ones before it stay.
        ConflictError: a study of this name compares others.
    """
    suite = _suite(size)
    ready, missing = contenders_ready(size.size)
    for label, commands in missing.items():
        say(f"{label} is left out: it has no weights yet. Train them with: {', then '.join(commands)}")
    runs = {one.label: _run(suite, one, size, say) for one in ready}
    measured = [_measured(label, run, say) for label, run in runs.items()]
    study = _study(runs, size, say)
    simulated = _simulated(study, measured, size.share, say)
    say("Computing the report ...")
    return SmallStudy(study, runs, measured, missing, simulated, report_make(study=study))


def contenders_ready(size: int) -> tuple[list[Contender], dict[str, Sequence[str]]]:
    """Those that can be drawn, and of the others by label the commands that make their weights.

    Raises:
        InputError: one's weights are there and can't be used.
    """
    ready: list[Contender] = []
    missing: dict[str, Sequence[str]] = {}
    for one in CONTENDERS:
        spec = registry.get_spec(one.generator)
        try:
            registry.identity(spec, spec.resolve(one.parameters), size)
        except WeightsMissingError as error:
            missing[one.label] = error.commands
        except GeneratorError as error:
            raise InputError(str(error)) from error
        else:
            ready.append(one)
    return ready, missing


def leanings(measured: Sequence[Measured]) -> dict[str, float]:
    """What a simulated crowd is told of each run's alignment, on the logit scale, by label and question.

    The logarithm of the odds that what was asked is there, as measured, half an image added on each side so that
    no share is certain. Of how good pictures look nothing was measured, so nothing is told: 0 for all.
    """
    told = {}
    for one in measured:
        share = (one.right * one.n + 0.5) / (one.n + 1)
        told[f"{one.label}:alignment"] = math.log(share / (1 - share))
    return told


def _suite(size: StudySize) -> Suite:
    return suite_load(source=SUITE if size.full else SMALL_SUITE).suite


def _run(suite: Suite, one: Contender, size: StudySize, say: Say) -> GenerationRun:
    name, run = _there(suite, one, size)
    if run is None:
        say(f"{one.label} ({one.stands_for}): drawing {counted(size.samples, 'sample')} of each prompt ...")
        run = run_render(
            RunDraft(
                suite=suite,
                generator=one.generator,
                parameters=one.parameters,
                size=square(size.size),
                samples_per_prompt=size.samples,
                name=name,
            ),
            operator=True,
            queue=False,
        )
    elif run.status not in (RunStatus.DONE, RunStatus.QUEUED, RunStatus.RUNNING):
        run = run_resume(run=run, queue=False)
    if run.status != RunStatus.DONE:
        work_here(lambda: run_drawing(run.pk), report_progress=_progress(run, one, say))
        run.refresh_from_db()
    if run.status != RunStatus.DONE:
        raise InputError(f"The run {name} ended as {run.status}: {run.message or 'its page says what failed'}")
    return run


def _progress(run: GenerationRun, one: Contender, say: Say) -> Callable[[], None]:
    """What says now and then how many images of a run there are."""
    said = time.monotonic()

    def progress_say() -> None:
        nonlocal said
        if time.monotonic() - said >= TOLD_EVERY_S:
            said = time.monotonic()
            progress = run_progress(run)
            say(f"{one.label}: {progress.made} of {progress.expected} images.")

    return progress_say


def _there(suite: Suite, one: Contender, size: StudySize) -> tuple[str, GenerationRun | None]:
    """The name of a contender's run, and the run if it is there. A run of other prompts or of other weights than those
    of now keeps its pictures and its name; the new one's name says which it has."""
    spec = registry.get_spec(one.generator)
    now = registry.identity(spec, spec.resolve(one.parameters), size.size)
    weights = now[1] if now else ""
    name = f"{NAME}{size.suffix} {one.label}"
    for also in ("", f", weights {weights[:8]}", f", weights {weights[:8]}, suite {suite.version_hash[:8]}"):
        run = GenerationRun.objects.filter(name=name + also).first()
        if run is None or (run.suite_id == suite.pk and (not weights or run.weights_fingerprint in ("", weights))):
            break
    return name + also, run


def _measured(label: str, run: GenerationRun, say: Say) -> Measured:
    scored = metric_request(run=run, metric=CHECKS, queue=False).metric_run
    if scored.status != RunStatus.DONE:
        metric_work(metric_run=scored)
    if scored.status != RunStatus.DONE:
        raise InputError(f"{CHECKS} of the run {run.name} ended as {scored.status}: {scored.message}")
    found = MetricRun.objects.filter(pk=scored.pk, scores__value__isnull=False).aggregate(
        mean=Avg("scores__value"), n=Count("scores")
    )
    told = Measured(label, float(found["mean"] or 0.0), int(found["n"]))
    say(f"{label}: {told.right:.0%} of what was asked is there, by the checker, over {counted(told.n, 'image')}.")
    return told


def _study(runs: Mapping[str, GenerationRun], size: StudySize, say: Say) -> Study:
    name = f"{NAME}{size.suffix}"
    study = Study.objects.filter(name=name).first()
    if study is None:
        study = study_create(
            StudyDraft(
                name=name,
                title="Imagen's section 4.3 in small: the bundled cascade against contenders of other shapes",
                runs=list(runs.values()),
                labels=list(runs),
                primary_pairs=[(OWN, label) for label in runs if label != OWN],
            )
        )
    elif {place.run_id for place in study.study_runs.all()} != {run.pk for run in runs.values()}:
        raise ConflictError(
            f"The study {name} exists and compares other runs than {', '.join(runs)}, or runs of other weights: a "
            "contender was trained since. "
            "Rename or delete it, and give this command again."
        )
    if study.status == StudyStatus.DRAFT:
        say(f"Study {study}: opening it under the DrawBench protocol ...")
        study = study_open(study=study)
    return study


def _simulated(study: Study, measured: Sequence[Measured], share: float, say: Say) -> int:
    if study.status != StudyStatus.OPEN or not share:
        return 0
    made = raters_simulate(study=study, share=share, seed=0, prefer=leanings(measured))
    if made["raters"]:
        say(f"{made['raters']} simulated raters gave {made['ratings']} ratings, marked as simulated wherever shown.")
    return int(str(made["ratings"]))
