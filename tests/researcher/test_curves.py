"""Guidance curves: which runs stand on one, and what the page says where there is none."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from evaluation.models import GenerationRun, MetricRun, Suite
from tests.studies.world import a_suite

pytestmark = pytest.mark.django_db

CLIP, FRECHET = "CLIP score (tiny)", "Frechet distance (EfficientNet-Lite0 features)"


def guided(suite: Suite, guidance: float, name: str = "", **more: object) -> GenerationRun:
    return GenerationRun.objects.create(
        name=name or f"w{guidance:g}",
        suite=suite,
        origin="rendered",
        generator="cascade",
        parameters={"guidance": guidance, "sampler": "ddim", **more},
        samples_per_prompt=1,
        status="done",
    )


def scored(run: GenerationRun, distance: float | None, clip: float | None, *, label: str = CLIP, n: int = 100) -> None:
    """As a worker leaves them."""
    base = {"run": run, "parameters_hash": "p", "status": "done", "finished_at": timezone.now()}
    if distance is not None:
        MetricRun.objects.create(
            **base,
            metric="frechet",
            kind="set",
            better="lower",
            reference_name="coco-val2014",
            label=FRECHET,
            result={"value": distance, "corrected": {"low": distance - 1, "high": distance + 1, "estimate": distance}},
        )
    if clip is not None:
        overall = {"mean": clip, "low": clip - 0.01, "high": clip + 0.01, "n": n}
        MetricRun.objects.create(
            **base, metric="clip-score", kind="sample", better="higher", label=label, result={"overall": overall}
        )


def test_without_scores_the_page_says_how_a_curve_comes_about(signed_in: Client) -> None:
    text = signed_in.get("/curves/").content.decode()
    assert "No curve yet" in text and "clip-score" in text
    assert 'href="/curves/"' in signed_in.get("/runs/").content.decode()


def test_runs_that_differ_in_guidance_alone_stand_on_one_curve(signed_in: Client) -> None:
    suite = a_suite()
    for guidance, distance, clip in ((1.0, 9.0, 0.24), (8.0, 12.0, 0.29), (1.35, 7.3, 0.265)):
        scored(guided(suite, guidance), distance, clip)
    scored(guided(suite, 5.0, "half"), 8.0, None)
    scored(guided(suite, 2.0, "other sampler", sampler="ddpm"), 3.0, 0.28)
    text = signed_in.get("/curves/").content.decode()
    assert text.count("<section") == 2 and "figure.svg?theme=dark" in text and "style=" not in text
    first = text[text.index("<section") : text.index("<section", text.index("<section") + 1)]
    rows = [first.index(f">{name}</a>") for name in ("w1", "w1.35", "w8")]
    assert rows == sorted(rows) and "other sampler" not in first
    assert "smallest distance (1.35)" in first
    assert "half (guidance 5, not scored with clip-score)" in first
    assert FRECHET in first and CLIP in first
    key = first.split('id="curve-')[1].split('"')[0]
    drawn = signed_in.get(f"/curves/{key}/figure.svg")
    assert drawn.status_code == 200 and b"<svg" in drawn.content
    assert signed_in.get(f"/curves/{key}/figure.png?narrow&theme=dark").content.startswith(b"\x89PNG")
    assert signed_in.get("/curves/999-999/figure.svg").status_code == 404


def test_scores_of_other_weights_make_another_curve(signed_in: Client) -> None:
    suite = a_suite()
    scored(guided(suite, 1.0), 9.0, 0.24)
    scored(guided(suite, 2.0), 8.0, 0.3, label="CLIP score (another)")
    text = signed_in.get("/curves/").content.decode()
    assert text.count("<section") == 2 and text.count("w2</a>") == 1


def test_a_run_that_the_others_are_compared_with_is_no_point(signed_in: Client) -> None:
    suite = a_suite()
    runs = [guided(suite, guidance) for guidance in (1.0, 5.0, 8.0)]
    for run in runs:
        scored(run, None, 0.25)

    def compare(run: GenerationRun) -> None:
        MetricRun.objects.create(
            run=run,
            metric="frechet",
            kind="set",
            better="lower",
            reference_run=runs[0],
            label=FRECHET,
            parameters_hash="p",
            status="done",
            finished_at=timezone.now(),
            result={"value": 9.0},
        )

    compare(runs[1])
    runs[2].delete()
    assert "No curve yet" in signed_in.get("/curves/").content.decode()  # one other alone
    other = guided(suite, 7.0)
    scored(other, None, 0.26)
    text = signed_in.get("/curves/").content.decode()
    assert text.count("<section") == 1 and "w7 (guidance 7, not scored with frechet)." in text
    compare(other)
    assert "Not on it yet" not in signed_in.get("/curves/").content.decode()


def test_points_that_can_not_be_compared_say_so(signed_in: Client) -> None:
    suite = a_suite()
    scored(guided(suite, 1.0), 9.0, 0.24)
    scored(guided(suite, 2.0), 8.0, 0.3, n=50)
    assert "Do not compare the points" in signed_in.get("/curves/").content.decode()
    scored(guided(suite, 2.0, "again"), 8.0, 0.3)
    text = signed_in.get("/curves/").content.decode()
    assert "This curve can't be drawn" in text
    assert "two points at guidance 2" in text


def test_queries_do_not_grow_with_the_runs(
    signed_in: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    suite = a_suite()
    for guidance in range(1, 12):
        scored(guided(suite, float(guidance)), 20.0 - guidance, guidance / 40)
    with django_assert_max_num_queries(4):
        assert signed_in.get("/curves/").status_code == 200
