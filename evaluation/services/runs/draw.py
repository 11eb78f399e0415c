"""The images of a run, drawn by workers: what a generation run gives the machine of `services.work.items`."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import ClassVar

from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import transaction

from common import limits
from common.text import cleaned
from evaluation.models import GenerationRun, Prompt, Sample, SampleFailure
from evaluation.selectors.runs import run_missing, run_progress, run_size
from evaluation.services.runs.generator import Loaded, described, forget_generators, generator_for
from evaluation.services.runs.samples import DrawnImage, Place, sample_fail
from evaluation.services.runs.spending import put_aside, settle
from evaluation.services.runs.writer import SampleWriter
from evaluation.services.store.images import StoreFullError
from evaluation.services.work.deaths import ALONE_DEATHS, DEATHS
from evaluation.services.work.items import ItemWork, Left, cut
from evaluation.services.work.limits import Pace, SoftLimit
from evaluation.services.work.locks import claim_prompts, prompts_drawn
from evaluation.services.work.shares import work_in_shares
from evaluation.services.work.states import STARTED, UNFINISHED, SpoiledError, locked, start, unfinished
from evaluation.services.work.turns import lanes, lets_others_first
from generators import runner
from generators.contract import Failure, FailureKind, GeneratorError, ImageRequest, ImageResult
from generators.costs import cost_of

log = logging.getLogger(__name__)

SAMPLES_PER_TASK = 32
"""A run is cut into tasks of about so many samples."""

SAMPLES_CLAIMED = 1024
PROMPTS_CLAIMED = 256
"""So many at most are held by one worker at a time. It waits for the rows of its images when it lets go of them, and
PostgreSQL has room for a few thousand locks."""

MORE_S = 10.0
"""Seconds of drawing that a task takes more of when its own prompts are through: to look for them costs an image."""

SHORT_BATCH_S = 0.05
MOST_WAITING = 64
MOST_WAITING_BYTES = 64 * 2**20
"""Images of batches that take less than so long may wait together until they are samples, so many or so many bytes of
pixels: their rows then cost a fraction. Before a slower batch is followed by another, the one before is kept."""

TRIES = 3
"""How often a sample is tried by itself when its failure may pass (`FailureKind.retryable`)."""

PATIENT_TRIES = 30
"""How often where the service only asked for patience: each try waits as long as it said."""

TRIED_AFTER_S = 2.0
"""Seconds before another try where the generator names none."""


def run_drawing(run_pk: int, *, goes_on: bool = False) -> Drawing | None:
    """The drawing of a run, if it is not over. `goes_on`: as `run_draw`."""
    run = unfinished(GenerationRun, run_pk)
    return None if run is None else Drawing(run, goes_on=goes_on)


def run_chunks(run: GenerationRun) -> list[list[int]]:
    """What is still to be drawn, as the prompts (primary keys) of each task."""
    return cut(list(run_missing(run)), SAMPLES_PER_TASK // run.samples_per_prompt)


def run_lanes(run: GenerationRun) -> list[list[int]]:
    """What is still to be drawn, as the prompts of each of the tasks that are handed out at once."""
    return lanes(run_chunks(run))


def run_draw(*, run_pk: int, prompt_pks: Sequence[int], seconds: float, goes_on: bool = False) -> Left | None:
    """Draw what is missing of these prompts, for about `seconds`; as `work_on`, a few prompts after the other.

    `goes_on`: go on with prompts of other tasks that nobody draws yet; those tasks then find less to do, or nothing.
    """

    def at_once(work: Drawing) -> int:
        return work.prompts_claimed

    return work_in_shares(lambda: run_drawing(run_pk, goes_on=goes_on), prompt_pks, at_once=at_once, seconds=seconds)


class Drawing(ItemWork[GenerationRun, Place]):
    """A run as the machine draws it: it claims prompts, and does their samples. `goes_on`: as `run_draw`."""

    endings: ClassVar[tuple[type[Exception], ...]] = (GeneratorError, StoreFullError)
    _loaded: Loaded

    def __init__(self, row: GenerationRun, *, goes_on: bool = False) -> None:
        super().__init__(row)
        self._goes_on = goes_on
        self._claims = ExitStack()
        self._claimed: list[int] = []
        self._pace = Pace()
        self._writer: SampleWriter | None = None
        self._prompts: dict[int, Prompt] = {}
        self._has_budget = True

    def missing(self, keys: Sequence[int] | None = None) -> list[Place]:
        return [(prompt, sample) for prompt, samples in run_missing(self.row, keys).items() for sample in samples]

    def chunks(self) -> list[list[int]]:
        return run_chunks(self.row)

    @property
    def prompts_claimed(self) -> int:
        """How many prompts are claimed at a time."""
        return min(PROMPTS_CLAIMED, max(1, SAMPLES_CLAIMED // self.row.samples_per_prompt))

    @contextmanager
    def claim(self, keys: Sequence[int]) -> Iterator[list[int]]:
        with ExitStack() as self._claims:
            self._claimed = self._claims.enter_context(claim_prompts(self.row.pk, keys))
            yield self._claimed

    def more(self) -> list[Place]:
        """As `ItemWork`. Nothing where it is another job's turn, or where so much is held that it is time to let go."""
        n_most = self.prompts_claimed - len(self._claimed)
        if not self._goes_on or n_most <= 0 or lets_others_first(self.row, of_all_queues=True):
            return []
        drawn = prompts_drawn(self.row.pk)
        free = [prompt for prompt in run_missing(self.row) if prompt not in drawn]
        if not free:
            return []
        # from the end, where no other task begins soon; no more than a worker's share, so that all end together
        n_prompts = self._pace.fit_into(MORE_S) // self.row.samples_per_prompt
        n_workers = len(set(drawn.values())) or 1
        some = free[-max(1, min(n_most, n_prompts, len(free) // n_workers)) :]
        claimed = self._claims.enter_context(claim_prompts(self.row.pk, some))
        self._claimed.extend(claimed)
        return self.missing(claimed)

    def load(self) -> Pace:
        self._loaded = generator_for(self.row)
        self._pace = self._loaded.pace
        return self._pace

    def unload(self) -> None:
        forget_generators()

    @property
    def batch_size(self) -> int:
        return self._loaded.generator.batch_size

    @property
    def loading_kills(self) -> str:
        return (
            f"Loading the generator {self.row.generator} killed its worker or exceeded the time limit {ALONE_DEATHS} "
            "times. Check that there is enough memory, or set DRAWBENCH_TASK_SECONDS higher for the workers."
        )

    @transaction.atomic
    def start(self) -> None:
        """Raises:
        SpoiledError: the generator's weights or version are others than those of the samples that are there.
        """
        generator = self._loaded.generator
        provenance = described(generator)
        fingerprint = cleaned(generator.info.weights_fingerprint, limits.FINGERPRINT)
        row = locked(self.row)
        start(row)
        same = (row.weights_fingerprint, row.provenance.get("version")) == (fingerprint, provenance["version"])
        if not same and row.provenance and Sample.objects.filter(run=row).exists():
            raise SpoiledError(_changed(row, fingerprint, str(provenance["version"])))
        if not same or not row.provenance:
            row.weights_fingerprint, row.provenance = fingerprint, provenance
        row.save(update_fields=[*STARTED, "weights_fingerprint", "provenance"])

    def failed_before(self, items: Collection[Place]) -> Collection[Place]:
        prompts = {prompt for prompt, _ in items}
        failures = SampleFailure.objects.filter(run=self.row, prompt__in=prompts)
        return set(failures.values_list("prompt", "sample"))

    def do(self, batch: Sequence[Place], limit: SoftLimit) -> Mapping[Place, float]:
        generator = self._loaded.generator
        n_allowed, aside = len(batch), 0.0
        if self._has_budget:
            n_allowed, aside = put_aside(self.row, len(batch), generator.info.image_usd)
        batch = batch[:n_allowed]  # what is left is still missing, and meets the budget's end next
        requests = self._requests(batch)
        writer = self._writer = self._writer or SampleWriter(self.row)
        places = {request.key: place for request, place in zip(requests, batch, strict=True)}
        sink = _Samples(self.row, places, limit)
        # SystemExit: so the pool ends its processes
        ends = (SoftTimeLimitExceeded, SystemExit)
        plan = runner.RunPlan(chunk=len(batch), retries=0, interrupts=ends, size=run_size(self.row))
        began = time.monotonic()
        writer.begin()
        try:
            summary = runner.run(generator, requests, sink, plan)
        finally:
            is_short = time.monotonic() - began < SHORT_BATCH_S
            writer.add(sink.images, hurried=is_short)
            settle(self.row, aside=aside, cost=sink.cost_usd)
        for stray in summary.strays:
            log.warning("generator %s: %s", self.row.generator, stray)
        if sink.interrupted:
            raise SoftTimeLimitExceeded
        # what was paid for is not left to luck
        writer.wait(0 if aside or sink.cost_usd else _may_wait(sink, is_short))
        return sink.again

    def is_wanted(self) -> bool:
        """As `ItemWork`, and whether it has a budget: one query for both."""
        rows = GenerationRun.objects.filter(pk=self.row.pk, status__in=UNFINISHED)
        budgets = list(rows.values_list("budget_usd", flat=True))
        self._has_budget = budgets != [None]
        return bool(budgets)

    def keep_rest(self) -> None:
        writer, self._writer = self._writer, None
        if writer is None:
            return
        try:
            writer.wait()
        finally:
            writer.close()

    def too_long(self, item: Place) -> Mapping[Place, float]:
        failure = Failure(
            FailureKind.TIMEOUT,
            f"this image exceeded the time limit ({settings.TASK_SECONDS} s): set DRAWBENCH_TASK_SECONDS "
            "higher for the workers, or ask for smaller images",
        )
        return _failed(self.row, item, failure)

    def give_up(self, items: Collection[Place]) -> None:
        message = f"the worker died {DEATHS} times while it drew this image. Check that there is enough memory."
        for item in items:
            _failed(self.row, item, Failure(FailureKind.CRASH, message), tries=1)

    def outcome(self, row: GenerationRun) -> str | None:
        progress = run_progress(row)
        if progress.remaining:
            return None
        if progress.made or not progress.failed:
            return ""
        first = SampleFailure.objects.filter(run=row).first()
        return "No sample could be made." + (f" The first: {first.kind}: {first.message}" if first else "")

    def _requests(self, batch: Sequence[Place]) -> list[ImageRequest]:
        run, fingerprint = self.row, self._loaded.generator.info.weights_fingerprint
        prompts = self._prompts
        if any(prompt not in prompts for prompt, _ in batch):
            needed = {*self._claimed, *(prompt for prompt, _ in batch)}
            prompts |= Prompt.objects.in_bulk([prompt for prompt in needed if prompt not in prompts])
        requests: list[ImageRequest] = []
        for prompt_pk, sample in batch:
            prompt_id, text = prompts[prompt_pk].prompt_id, prompts[prompt_pk].text
            key = runner.content_key(
                run.generator, run.parameters, fingerprint, self._loaded.side, run.run_seed, prompt_id, text, sample
            )
            requests.append(ImageRequest(key, prompt_id, text, sample, run.run_seed))
        return requests


@dataclass(slots=True)
class _Samples:
    """The runner's sink: a failure becomes a row at once; images are gathered for the writer.

    `places`: of each request, by its key. `again`: as `ItemWork.do` returns it. `interrupted`: something failed, and
    the task's limit on time had rung. `cost_usd`: what the results cost.
    """

    run: GenerationRun
    places: Mapping[str, Place]
    limit: SoftLimit
    images: list[tuple[Place, DrawnImage]] = field(default_factory=list)
    again: dict[Place, float] = field(default_factory=dict)
    interrupted: bool = False
    cost_usd: float = 0.0

    def done_keys(self) -> Collection[str]:
        return ()

    def put(self, request: ImageRequest, result: ImageResult) -> None:
        place, failure = self.places[request.key], result.failure
        self.cost_usd += cost_of(result.provenance)
        if failure is None:
            assert result.image is not None
            self.images.append((place, DrawnImage(result.image, request.key, result.seconds, result.provenance)))
            return
        if self.limit.rang:  # a generator that took the ringing for a fault of its own
            self.interrupted = True
            return
        self.again.update(_failed(self.run, place, failure))


def _may_wait(sink: _Samples, is_short: bool) -> int:
    """How many images may be no samples yet when the next batch begins, after one that was short or not."""
    if not is_short or not sink.images:
        return len(sink.images)
    n_bytes = max(drawn.pixels.nbytes for _, drawn in sink.images)
    return max(len(sink.images), min(MOST_WAITING, MOST_WAITING_BYTES // n_bytes))


def _failed(run: GenerationRun, place: Place, failure: Failure, *, tries: int | None = None) -> dict[Place, float]:
    """Keep a failure; as `ItemWork.do` returns it."""
    if tries is None:
        tries = PATIENT_TRIES if failure.kind is FailureKind.RATE_LIMITED else TRIES
    again = sample_fail(run=run, prompt_pk=place[0], sample=place[1], failure=failure, tries=tries)
    return {place: failure.retry_after_s or TRIED_AFTER_S} if again else {}


def _changed(run: GenerationRun, fingerprint: str, version: str) -> str:
    if run.weights_fingerprint != fingerprint:
        what = f"weights of {run.generator} have changed ({run.weights_fingerprint[:12]} to {fingerprint[:12]})"
    else:
        what = f"version of {run.generator} has changed ({run.provenance.get('version')} to {version})"
    return (
        f"The {what} while the run was in progress. A run must not mix images of two generators. Restore the earlier "
        "one and resume the run, or render a new run."
    )
