"""A few prompts of a run, drawn by a worker. Safe to do again, at the same time, or after a kill: nothing comes twice.

What is to be drawn is always asked of the database; a prompt is held (`locks`) while it is drawn; an image is kept
in a transaction of its own. So a task may be handed out again at any moment, and a kill loses one batch at most.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.utils import timezone

from common.images import encode_png
from evaluation.models import GenerationRun, Prompt, RunStatus, Sample, SampleFailure
from evaluation.selectors.runs import run_missing, run_progress
from evaluation.services.runs.generator import Loaded, described, generator_for
from evaluation.services.runs.request import UNFINISHED
from evaluation.services.runs.samples import sample_fail, sample_store
from evaluation.services.store.images import StoreFullError
from evaluation.services.work.locks import prompts_held
from generators import runner
from generators.contract import Failure, FailureKind, Generator, GeneratorError, ImageRequest, ImageResult

log = logging.getLogger(__name__)

SAMPLES_PER_TASK = 32
MAX_TASKS = 1_000
"""A run is cut into tasks of about so many samples, and into no more tasks than that."""

TRIES = 3
"""How often a sample is tried by itself when its failure may pass (`FailureKind.retryable`)."""

DEATHS = 4
"""How often a task may kill its worker before its samples are given up: no prompt may kill workers for ever."""

KEPT_S = 24 * 3600
"""How long it is remembered that a task was begun."""

BATCH_SHARE = 0.1
"""Share of a task's longest time that one batch should take: the pace of the batch before says how many fit."""


@dataclass(frozen=True, slots=True)
class Left:
    """What a task leaves for another: prompts (primary keys), not before `after_s` seconds from now."""

    prompts: list[int]
    after_s: float = 0.0


class RunSpoiledError(Exception):
    """The run can't go on as it is; the message is for people and becomes the run's own."""


def run_chunks(run: GenerationRun) -> list[list[int]]:
    """What is still to be drawn, as the prompts (primary keys) of each task."""
    missing = list(run_missing(run))
    a_task = max(1, SAMPLES_PER_TASK // run.samples_per_prompt, -(-len(missing) // MAX_TASKS))
    return [missing[start : start + a_task] for start in range(0, len(missing), a_task)]


def run_draw(*, run: int, prompts: Sequence[int], seconds: float) -> Left | None:
    """Draw what is missing of `prompts` in `run` (primary keys), for about `seconds`.

    Returns what is left when the time is up or a failure asks for patience. A run that can't go on (no weights, other
    weights than before, a full disk) ends as failed with its message; one that has all its samples ends as done.
    """
    found = GenerationRun.objects.filter(pk=run).first()
    if found is None or found.status not in UNFINISHED:
        return None
    deadline = time.monotonic() + seconds
    begun = f"run:{run}:{min(prompts, default=0)}:begun"
    try:
        while True:
            with prompts_held(run, prompts) as held:
                deaths = _deaths(begun) if held else 0
                if deaths >= DEATHS:
                    _give_up(found, held)
                left = _draw_held(found, held, deadline, careful=deaths > 0)
            cache.delete(begun)
            if left is not None:
                return left
            # a retry may have been asked for while the prompts were held, and its own task turned away
            if not held or not _wanted(run) or not run_missing(found, held):
                break
    except (RunSpoiledError, StoreFullError, GeneratorError) as error:
        cache.delete(begun)
        run_spoil(run=run, message=str(error))
        return None
    run_finish(run=run)
    return None


def run_spoil(*, run: int, message: str) -> None:
    """End a run as failed, with what to tell people. What is made stays, and it may be resumed."""
    log.warning("run %s failed: %s", run, message)
    GenerationRun.objects.filter(pk=run, status__in=UNFINISHED).update(
        status=RunStatus.FAILED, message=message, finished_at=timezone.now()
    )


@transaction.atomic
def run_finish(*, run: int) -> bool:
    """End a run that has nothing left to draw; True when it has ended. Any number of tasks may ask."""
    found = GenerationRun.objects.select_for_update().filter(pk=run).first()
    if found is None or found.status not in UNFINISHED:
        return found is not None
    progress = run_progress(found)
    if progress.remaining:
        return False
    found.status, found.message, found.finished_at = RunStatus.DONE, "", timezone.now()
    if progress.failed and not progress.made:
        first = SampleFailure.objects.filter(run=found).first()
        found.status = RunStatus.FAILED
        found.message = "No sample could be made." + (f" The first: {first.kind}: {first.message}" if first else "")
    found.save(update_fields=["status", "message", "finished_at"])
    return True


def _draw_held(run: GenerationRun, held: Sequence[int], deadline: float, *, careful: bool) -> Left | None:
    """Draw what is missing of the prompts that this process holds. `careful`: one by one, after a worker died here."""
    missing = run_missing(run, held) if held else {}
    if not missing:
        return None
    loaded = generator_for(run)
    _begin(run, loaded.generator)
    sink = _Samples(run, loaded.generator)
    waiting = _requests(run, missing, loaded.generator, sink)
    # what failed before goes last and alone: if it kills its batch, it harms no other
    tried = set(SampleFailure.objects.filter(run=run, prompt__in=missing).values_list("prompt", "sample"))
    fresh: list[ImageRequest] = []
    alone: list[ImageRequest] = []
    for request in waiting:
        (alone if careful or (sink.prompts[request.key], request.sample) in tried else fresh).append(request)
    while fresh or alone:
        if not _wanted(run.pk):
            return None
        batch = fresh[: _batch_size(loaded)] or alone[:1]
        fresh, alone = (fresh[len(batch) :], alone) if fresh else ([], alone[1:])
        began = time.monotonic()
        summary = runner.run(loaded.generator, batch, sink, chunk=len(batch), retries=0)
        loaded.seconds_per_sample = (time.monotonic() - began) / len(batch)
        for stray in summary.strays:
            log.warning("generator %s: %s", run.generator, stray)
        if (fresh or alone) and (sink.out_of_time or time.monotonic() > deadline):
            return Left(sorted({sink.prompts[request.key] for request in [*fresh, *alone]} | sink.again))
    return Left(sorted(sink.again), min(sink.after_s, settings.TASK_SECONDS)) if sink.again else None


@dataclass(slots=True)
class _Samples:
    """The runner's sink: each result becomes a row at once. `prompts`: request key -> the prompt's primary key.

    `again`: prompts with samples to be tried again, in `after_s` seconds. `out_of_time`: a batch met the task's limit.
    """

    run: GenerationRun
    generator: Generator
    prompts: dict[str, int] = field(default_factory=dict)
    again: set[int] = field(default_factory=set)
    after_s: float = 0.0
    out_of_time: bool = False

    def done_keys(self) -> Collection[str]:
        return ()

    def put(self, request: ImageRequest, result: ImageResult) -> None:
        prompt, failure = self.prompts[request.key], result.failure
        if failure is None and result.image is not None:
            height, width, _ = result.image.shape
            if self.run.size and (width, height) != (self.run.size, self.run.size):
                message = (
                    f"the image has {width} x {height} pixels where {self.run.size} x {self.run.size} were asked for"
                )
                failure = Failure(FailureKind.INVALID, message)
            else:
                sample_store(
                    run=self.run,
                    prompt=prompt,
                    sample=request.sample,
                    png=encode_png(result.image),
                    width=width,
                    height=height,
                    content_key=request.key,
                    seconds=result.seconds,
                    provenance=result.provenance,
                )
        if failure is None:
            return
        if "SoftTimeLimitExceeded" in failure.message:
            self.out_of_time = True
            failure = Failure(
                FailureKind.TIMEOUT,
                f"this image exceeded the time limit ({settings.TASK_SECONDS} s): set DRAWBENCH_TASK_SECONDS "
                "higher for the workers, or ask for smaller images",
            )
        if sample_fail(run=self.run, prompt=prompt, sample=request.sample, failure=failure, tries=TRIES):
            self.again.add(prompt)
            self.after_s = max(self.after_s, failure.retry_after_s or 2.0)


def _requests(
    run: GenerationRun, missing: dict[int, list[int]], generator: Generator, sink: _Samples
) -> list[ImageRequest]:
    texts = Prompt.objects.in_bulk(list(missing))
    requests: list[ImageRequest] = []
    for prompt, samples in missing.items():
        prompt_id, text = texts[prompt].prompt_id, texts[prompt].text
        for sample in samples:
            key = runner.content_key(
                run.generator,
                run.parameters,
                generator.info.weights_fingerprint,
                run.size or 0,
                run.run_seed,
                prompt_id,
                text,
                sample,
            )
            sink.prompts[key] = prompt
            requests.append(ImageRequest(key, prompt_id, text, sample, run.run_seed))
    return requests


def _begin(run: GenerationRun, generator: Generator) -> None:
    """Mark the run as under way, and hold it to the generator that its first samples came from.

    Raises:
        RunSpoiledError: the generator's weights or version are others than those of the samples that are there.
    """
    provenance = described(generator)
    fingerprint = generator.info.weights_fingerprint
    with transaction.atomic():
        row = GenerationRun.objects.select_for_update().get(pk=run.pk)
        if row.status == RunStatus.QUEUED:
            row.status, row.message = RunStatus.RUNNING, ""
        row.started_at = row.started_at or timezone.now()
        same = (row.weights_fingerprint, row.provenance.get("version")) == (fingerprint, provenance["version"])
        if not same and row.provenance and Sample.objects.filter(run=run).exists():
            raise RunSpoiledError(_changed(row, fingerprint, str(provenance["version"])))
        if not same or not row.provenance:
            row.weights_fingerprint, row.provenance = fingerprint, provenance
        row.save(update_fields=["status", "message", "started_at", "weights_fingerprint", "provenance"])


def _changed(run: GenerationRun, fingerprint: str, version: str) -> str:
    if run.weights_fingerprint != fingerprint:
        what = f"weights of {run.generator} have changed ({run.weights_fingerprint[:12]} to {fingerprint[:12]})"
    else:
        what = f"version of {run.generator} has changed ({run.provenance.get('version')} to {version})"
    return (
        f"The {what} while the run was in progress. A run must not mix images of two generators. Restore the earlier "
        "one and resume the run, or render a new run."
    )


def _batch_size(loaded: Loaded) -> int:
    """As many as the generator likes and as fit a share of a task's time at its pace; one to learn the pace."""
    if loaded.seconds_per_sample is None:
        return 1
    fit = settings.TASK_SECONDS * BATCH_SHARE / max(loaded.seconds_per_sample, 1e-6)
    return max(1, min(loaded.generator.batch_size, int(fit)))


def _wanted(run: int) -> bool:
    return GenerationRun.objects.filter(pk=run, status__in=UNFINISHED).exists()


def _deaths(begun: str) -> int:
    """How often this task was begun without coming to an end, this time not counted."""
    cache.add(begun, 0, timeout=KEPT_S)
    try:
        return int(cache.incr(begun)) - 1
    except ValueError:  # another task at the same prompts came to its end in between, and took the key with it
        cache.set(begun, 1, timeout=KEPT_S)
        return 0


def _give_up(run: GenerationRun, held: Sequence[int]) -> None:
    failure = Failure(
        FailureKind.CRASH,
        f"the worker died {DEATHS} times on this image or others of its batch: check that there is enough memory",
    )
    for prompt, samples in run_missing(run, held).items():
        for sample in samples:
            sample_fail(run=run, prompt=prompt, sample=sample, failure=failure, tries=1)
