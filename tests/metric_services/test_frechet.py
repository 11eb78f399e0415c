"""The Frechet distance of a run with the bundled network: in parts by several tasks, merged, with each image's cost."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from common.images import encode_png
from evaluation.metrics import registry
from evaluation.metrics.spec import no_progress
from evaluation.models import GenerationRun, MetricRun, MetricShard, Prompt, RunStatus, Sample, Suite
from evaluation.services.scoring import parts as metric_parts
from evaluation.services.scoring.images import scored_images
from evaluation.services.scoring.parts import metric_part_score, metric_parts_left, metric_parts_plan
from evaluation.services.scoring.request import metric_retry
from evaluation.services.store.images import image_path, image_put
from tests.metric_services.steps import ask, score
from tests.runs.conftest import Worker, until

LITE = {"extractor": "efficientnet-lite0"}


def noise_run(name: str, n: int, seed: int) -> GenerationRun:
    """A run of `n` prompts with an image of coloured noise each."""
    suite = Suite.objects.create(name=f"suite-{name}", version_hash=f"{name:0<64}"[:64], content_hash="c" * 64)
    prompts = Prompt.objects.bulk_create(Prompt(suite=suite, number=k, text=f"prompt {k}") for k in range(n))
    run = GenerationRun.objects.create(
        name=name, suite=suite, origin="rendered", generator="noise", samples_per_prompt=1, status=RunStatus.DONE
    )
    rng = np.random.default_rng(seed)
    for prompt in prompts:
        small = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
        pixels = np.asarray(Image.fromarray(small).resize((32, 32), Image.Resampling.BICUBIC))
        image = image_put(data=encode_png(pixels), image_format="png", width=32, height=32)
        Sample.objects.create(run=run, prompt=prompt, sample=0, image=image)
    return run


@pytest.mark.longest
@pytest.mark.django_db
def test_parts_scored_apart_give_what_one_process_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metric_parts, "PART", 32)
    run, other = noise_run("apart", 40, 1), noise_run("other", 8, 2)
    found = ask(run, "frechet", parameters=LITE, reference="run:other")
    parts = metric_parts_plan(metric_run_pk=found.pk)
    assert len(parts) == 2 + 1 and metric_parts_left(metric_run_pk=found.pk)
    found.refresh_from_db()
    assert (found.status, found.n_done, found.n_total) == (RunStatus.RUNNING, 0, 48)
    for number in (parts[2], parts[0]):
        assert metric_part_score(metric_run_pk=found.pk, number=number)
    found.refresh_from_db()
    assert found.n_done == 8 + 32
    # planned again, as a sweep does it: what is there is not scored again
    assert metric_parts_plan(metric_run_pk=found.pk) == parts[1:2]
    assert metric_part_score(metric_run_pk=found.pk, number=parts[1])
    assert not metric_parts_left(metric_run_pk=found.pk)
    score(found)
    assert found.status == RunStatus.DONE and found.result is not None and not MetricShard.objects.exists()

    metric = registry.load("frechet", LITE)
    images = [list(scored_images(each).values()) for each in (run, other)]
    whole = metric.score(images[0], images[1], no_progress)  # type: ignore[call-arg]
    assert found.result["value"] == pytest.approx(whole["value"], rel=1e-12)  # type: ignore[call-overload]
    assert found.label == "Frechet distance (EfficientNet-Lite0 features)"
    assert found.result["protocol"]["name"] == "imagen-full" and found.provenance["extractor_sha256"]

    costs = found.scores.order_by("-value")
    assert costs.count() == 40
    dearest, cheapest = costs.first(), costs.last()
    assert dearest is not None and cheapest is not None and dearest.value > cheapest.value  # type: ignore[operator]
    assert not metric_parts_plan(metric_run_pk=metric_retry(metric_run=found, anew=True, queue=False).pk)


@pytest.mark.longest
@pytest.mark.django_db
def test_a_file_that_can_not_be_read_is_named_and_the_rest_is_scored() -> None:
    run, other = noise_run("torn", 12, 3), noise_run("whole", 12, 4)
    image_path(run.samples.all()[0].image).write_bytes(b"\x89PNG\r\n\x1a\n broken")
    found = score(ask(run, "frechet", parameters=LITE, reference=f"run:{other.name}"))
    assert found.status == RunStatus.DONE and found.result is not None
    assert found.result["n_1"] == 11 and len(found.result["skipped"]) == 1
    assert found.scores.count() == 11


@pytest.mark.django_db
def test_weights_that_are_not_there_are_asked_for() -> None:
    run, other = noise_run("few", 3, 5), noise_run("others", 3, 6)
    found = score(ask(run, "frechet", parameters={"extractor": "inception"}, reference=f"run:{other.name}"))
    assert found.status == RunStatus.FAILED and "6726825d" in found.message


@pytest.mark.longest
@pytest.mark.worker
@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_real_worker_scores_a_run(start_worker: Callable[..., Worker]) -> None:
    run, other = noise_run("one", 12, 7), noise_run("two", 12, 8)
    start_worker()
    found = ask(run, "frechet", parameters=LITE, reference=f"run:{other.name}", queue=True)
    until(lambda: MetricRun.objects.get(pk=found.pk).status not in (RunStatus.QUEUED, RunStatus.RUNNING))
    found.refresh_from_db()
    assert found.status == RunStatus.DONE, found.message
    assert found.result is not None and found.result["value"] > 0 and found.scores.count() == 12
