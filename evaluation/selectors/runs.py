"""Generation runs: by name, how far they are, what is missing, and the record of how each image was made."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import or_

from django.db.models import Count, Max, Min, Q
from django.utils import timezone

from common.words import counted, nearest
from evaluation.errors import NotFoundError
from evaluation.models import GenerationRun, Prompt, RunStatus, Sample, SampleFailure
from generators import manifest
from generators.prompt_notes import CUT, UNKNOWN, UNSEEN
from generators.sizes import Size

PACE_WINDOW = timedelta(minutes=5)
"""How far back the pace is measured: long enough for slow generators, short enough to notice that one slowed down."""

ONE_BATCH = timedelta(seconds=0.25)
"""The rows of a batch come within so long."""

GENERATOR = ("generator", "version", "weights_fingerprint", "tolerance", "seeded")
SOFTWARE = ("code_version", "python", "platform", "packages")
"""Keys of a run's `provenance` that have places of their own in its record; the others are the generator's."""

NAMES_LISTED = 10


@dataclass(frozen=True, slots=True)
class RunProgress:
    """How far a run is, in samples. `expected` = prompts x samples a prompt; `failed`: those that wait for no retry.

    `samples_per_minute`, `seconds_left`: from the samples of the last minutes; None when the run is not under way or
    has made none of late.
    """

    expected: int
    made: int
    failed: int
    samples_per_minute: float | None = None
    seconds_left: float | None = None

    @property
    def samples_per_second(self) -> float:
        """0 where none is known."""
        return (self.samples_per_minute or 0.0) / 60

    @property
    def remaining(self) -> int:
        """Samples neither made nor failed."""
        return max(0, self.expected - self.made - self.failed)

    @property
    def fraction(self) -> float:
        """Share of the samples that are made or have failed, 0 to 1."""
        return 1.0 if not self.expected else min(1.0, (self.made + self.failed) / self.expected)


@dataclass(frozen=True, slots=True)
class RunGap:
    """A prompt of a run that lacks samples. `samples`: their indices, from 0. `why`: each failed one's reason."""

    prompt_id: str
    text: str
    samples: tuple[int, ...]
    why: Mapping[int, str]


def run_by_name(name: str) -> GenerationRun:
    """The run called `name`.

    Raises:
        NotFoundError: there is none; the nearest name is told.
    """
    run = GenerationRun.objects.select_related("suite").filter(name=name.strip()).first()
    if run is not None:
        return run
    known = list(GenerationRun.objects.values_list("name", flat=True)[:1000])
    if not known:
        raise NotFoundError(
            f'Unknown run "{name}": there are no runs yet. Create one with manage.py render.', field="run"
        )
    listing = ", ".join(known[:NAMES_LISTED]) + (" ..." if len(known) > NAMES_LISTED else "")
    raise NotFoundError(
        f'Unknown run "{name}"{nearest(name, known) or "."} Runs, newest first: {listing}.', field="run"
    )


def run_progress(run: GenerationRun) -> RunProgress:
    """How far `run` is. Three queries."""
    return runs_progress([run])[run.pk]


def runs_progress(runs: Iterable[GenerationRun]) -> dict[int, RunProgress]:
    """How far each run is, by primary key. Three queries, however many runs; another where some are under way."""
    runs = list(runs)
    keys = [run.pk for run in runs]
    now = timezone.now()
    prompts = dict(
        Prompt.objects.filter(suite__in={run.suite_id for run in runs})
        .values_list("suite")
        .annotate(n=Count("pk"))
        .order_by()
    )
    recent = Q(created_at__gt=now - PACE_WINDOW)
    made = {
        row["run"]: row
        for row in Sample.objects.filter(run__in=keys)
        .values("run")
        .annotate(
            n=Count("pk"),
            n_recent=Count("pk", filter=recent),
            first=Min("created_at", filter=recent),
            last=Max("created_at", filter=recent),
        )
        .order_by()
    }
    failed = dict(
        SampleFailure.objects.filter(run__in=keys, retrying=False).values_list("run").annotate(n=Count("pk")).order_by()
    )
    drawing = {run.pk: made[run.pk] for run in runs if run.status == RunStatus.RUNNING and run.pk in made}
    later = _made_after({key: row["first"] + ONE_BATCH for key, row in drawing.items() if row["first"]})
    progress: dict[int, RunProgress] = {}
    for run in runs:
        expected = prompts.get(run.suite_id, 0) * run.samples_per_prompt
        row = made.get(run.pk)
        n_made, n_failed = (row["n"] if row else 0), failed.get(run.pk, 0)
        rate = None
        if row and run.pk in later:
            # the window's first batch marks the beginning: the time that it took is unknown
            rate = later[run.pk] / (row["last"] - row["first"]).total_seconds()
        elif (
            row and run.pk in drawing and row["n_recent"] == n_made and run.started_at and row["last"] > run.started_at
        ):
            # all that there is: the time since the beginning holds no pause
            rate = n_made / max((row["last"] - run.started_at).total_seconds(), 0.001)
        left = max(0, expected - n_made - n_failed)
        progress[run.pk] = RunProgress(
            expected=expected,
            made=n_made,
            failed=n_failed,
            samples_per_minute=60 * rate if rate else None,
            seconds_left=left / rate if rate else None,
        )
    return progress


def _made_after(moments: Mapping[int, datetime]) -> dict[int, int]:
    """How many samples each run (by primary key) has from after its moment; none of it where there are none."""
    if not moments:
        return {}
    which = reduce(or_, (Q(run=key, created_at__gt=moment) for key, moment in moments.items()))
    return dict(Sample.objects.filter(which).values_list("run").annotate(n=Count("pk")).order_by())


def run_prompts_noted(run: GenerationRun) -> int:
    """How many prompts of `run` its generator could not wholly read or was never taught (`generators.prompt_notes`)."""
    noted = Sample.objects.filter(run=run, provenance__has_any_keys=[CUT, UNKNOWN, UNSEEN])
    return noted.order_by().values("prompt").distinct().count()


def run_missing(run: GenerationRun, prompt_pks: Sequence[int] | None = None) -> dict[int, list[int]]:
    """What is still to be made: prompt (primary key) -> sample indices. What failed for good is not. Three queries.

    `prompt_pks`: those to look at; all of the suite when None. In the suite's order.
    """
    wanted = Prompt.objects.filter(suite=run.suite_id)
    made = Sample.objects.filter(run=run)
    failed = SampleFailure.objects.filter(run=run, retrying=False)
    if prompt_pks is not None:
        wanted, made, failed = (
            wanted.filter(pk__in=prompt_pks),
            made.filter(prompt__in=prompt_pks),
            failed.filter(prompt__in=prompt_pks),
        )
    there = set(made.order_by().values_list("prompt", "sample"))
    there.update(failed.order_by().values_list("prompt", "sample"))
    missing: dict[int, list[int]] = {}
    for key in wanted.order_by("number").values_list("pk", flat=True):
        indices = [sample for sample in range(run.samples_per_prompt) if (key, sample) not in there]
        if indices:
            missing[key] = indices
    return missing


def run_size(run: GenerationRun) -> Size | None:
    """The size that its images were asked for in, or all have; None where each has its own."""
    return None if run.width is None or run.height is None else Size(run.width, run.height)


def _side(run: GenerationRun) -> int | None:
    """The side that its generator's factory was given (`generators.sizes`): 0 where it took none, None for uploads."""
    if not run.is_drawn_by_us:
        return run.width if run.width == run.height else None
    return 0 if run.width is None or {"width", "height"} <= run.parameters.keys() else run.width


def run_gaps(run: GenerationRun) -> list[RunGap]:
    """The prompts that lack samples, in the suite's order, failed ones among them. Three queries."""
    there = set(Sample.objects.filter(run=run).order_by().values_list("prompt", "sample"))
    why: dict[int, dict[int, str]] = defaultdict(dict)
    for prompt, sample, kind, message in SampleFailure.objects.filter(run=run).values_list(
        "prompt", "sample", "kind", "message"
    ):
        why[prompt][sample] = f"{kind}: {message}" if message else kind
    gaps: list[RunGap] = []
    for asked in Prompt.objects.filter(suite=run.suite_id).order_by("number"):
        missing = tuple(sample for sample in range(run.samples_per_prompt) if (asked.pk, sample) not in there)
        if missing:
            reasons = {sample: text for sample, text in why.get(asked.pk, {}).items() if sample in missing}
            gaps.append(RunGap(asked.prompt_id, asked.text, missing, reasons))
    return gaps


def run_manifest(run: GenerationRun) -> Iterator[dict[str, object]]:
    """The record of a run, line by line, in the form of `generators.manifest`: how it and each of its images were made.

    `file`: where an image lies in the run's folder or zip. Read as it goes: a run of any length takes little memory.
    """
    found = run.provenance
    yield {
        "kind": "session",
        "schema": manifest.SCHEMA,
        "run": run.name,
        "suite": str(run.suite),
        "suite_version_hash": run.suite.version_hash,
        "origin": run.origin,
        "generator": run.generator,
        "parameters": run.parameters,
        "weights_fingerprint": run.weights_fingerprint,
        "size": _side(run),
        "width": run.width,
        "height": run.height,
        "run_seed": run.known_seed,
        "samples_per_prompt": run.samples_per_prompt,
        "generator_version": found.get("version") or run.declared.get("version", ""),
        **({"declared": run.declared} if run.declared else {}),
        **{name: found.get(name) for name in ("tolerance", "seeded", *SOFTWARE)},
        "provenance": {name: value for name, value in found.items() if name not in (*GENERATOR, *SOFTWARE)},
        "time": (run.started_at or run.created_at).isoformat(timespec="seconds"),
    }
    samples = Sample.objects.filter(run=run).select_related("prompt", "image", "original")
    for sample in samples.order_by("prompt__number", "sample").iterator(chunk_size=1000):
        prompt_id = sample.prompt.prompt_id
        yield {
            "kind": "image",
            "key": sample.content_key or f"{prompt_id}/{sample.sample}",
            "prompt_id": prompt_id,
            "prompt": sample.prompt.text,
            "sample": sample.sample,
            "file": f"{prompt_id}/{sample.sample}.{sample.image.image_format}",
            "sha256": sample.image.sha256,
            "bytes": sample.image.n_bytes,
            "width": sample.image.width,
            "height": sample.image.height,
            "original_sha256": sample.original.sha256 if sample.original else None,
            "seconds": sample.seconds,
            "provenance": sample.provenance,
            "time": sample.created_at.isoformat(timespec="seconds"),
        }
    failures = SampleFailure.objects.filter(run=run).select_related("prompt").order_by("prompt__number", "sample")
    for failure in failures.iterator(chunk_size=1000):
        prompt_id = failure.prompt.prompt_id
        yield {
            "kind": "failure",
            "key": f"{prompt_id}/{failure.sample}",
            "prompt_id": prompt_id,
            "prompt": failure.prompt.text,
            "sample": failure.sample,
            "failure": failure.kind,
            "message": failure.message,
            "tries": failure.attempts,
            "time": failure.created_at.isoformat(timespec="seconds"),
        }


def gaps_in_words(gaps: Sequence[RunGap], *, at_most: int = 10) -> str:
    """Gaps in a line for people: how many samples of how many prompts, and the first of them."""
    n_samples = sum(len(gap.samples) for gap in gaps)
    named = ", ".join(f"{gap.prompt_id} ({len(gap.samples)} missing)" for gap in gaps[:at_most])
    more = f" and {len(gaps) - at_most} more" if len(gaps) > at_most else ""
    return f"{counted(n_samples, 'sample')} of {counted(len(gaps), 'prompt')}: {named}{more}"
