"""Steps that the tests of automatic scores share: a run of known brightness, asking, scoring here, the command."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence

import pytest
from django.core.management import CommandError, call_command
from PIL import Image

from evaluation.models import GenerationRun, MetricRun, Prompt, RunStatus, Sample, Suite
from evaluation.services.scoring.in_process import metric_work
from evaluation.services.scoring.request import metric_request
from evaluation.services.store.images import image_put


def grey(level: int, *, size: int = 8, mark: int = 0) -> bytes:
    """A PNG of one grey level; `mark`: makes files of the same level differ."""
    image = Image.new("L", (size, size), level)
    image.putpixel((0, 0), (level + mark) % 256)
    out = io.BytesIO()
    image.convert("RGB").save(out, "PNG")
    return out.getvalue()


def grey_run(
    levels: Mapping[str, Sequence[int]],
    *,
    name: str = "greys",
    suite: Suite | None = None,
    category: str = "Colors",
    parameters: Mapping[str, object] | None = None,
) -> GenerationRun:
    """A run with, for each prompt, samples of these grey levels."""
    if suite is None:
        suite = Suite.objects.create(name=f"suite-{name}", version_hash=f"{name:0<64}"[:64], content_hash="c" * 64)
        Prompt.objects.bulk_create(
            Prompt(suite=suite, number=number, text=text, category=category) for number, text in enumerate(levels)
        )
    run = GenerationRun.objects.create(
        name=name,
        suite=suite,
        origin=GenerationRun.Origin.RENDERED,
        generator="greys",
        parameters=dict(parameters or {}),
        samples_per_prompt=max(len(each) for each in levels.values()),
        status=RunStatus.DONE,
    )
    for prompt, each in zip(suite.prompts.order_by("number"), levels.values(), strict=True):
        for sample, level in enumerate(each):
            add_sample(run, prompt, sample, level)
    return run


def add_sample(run: GenerationRun, prompt: Prompt, sample: int, level: int) -> Sample:
    """One more sample."""
    image = image_put(data=grey(level), image_format="png", width=8, height=8)
    return Sample.objects.create(run=run, prompt=prompt, sample=sample, image=image)


def ask(run: GenerationRun, metric: str = "testbright", *, queue: bool = False, **options: object) -> MetricRun:
    """A metric run that nobody scores yet."""
    options.setdefault("operator", True)
    return metric_request(run=run, metric=metric, queue=queue, **options).metric_run  # type: ignore[arg-type]


def score(metric_run: MetricRun) -> MetricRun:
    """Score it here until nothing is left."""
    metric_work(metric_run=metric_run)
    metric_run.refresh_from_db()
    return metric_run


def values(metric_run: MetricRun) -> dict[str, float | None]:
    """The scores, rounded, by sample."""
    return {
        f"{each.sample.prompt.prompt_id}/{each.sample.sample}": None if each.value is None else round(each.value, 4)
        for each in metric_run.scores.select_related("sample__prompt")
    }


def command(*arguments: str) -> dict[str, object]:
    out = io.StringIO()
    call_command("score", *arguments, "--format", "json", stdout=out)
    result = json.loads(out.getvalue())
    assert isinstance(result, dict)
    return result


def refused(*arguments: str) -> str:
    with pytest.raises(CommandError) as error:
        call_command("score", *arguments)
    assert error.value.returncode == 2
    return str(error.value)
