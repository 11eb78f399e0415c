"""Runs and scores share the workers of their kind of device: nobody waits until another run is through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from common.queues import ACCELERATOR, CPU, DEFAULT, NETWORK
from evaluation import tasks
from evaluation.models import GenerationRun, MetricScore, RunStatus
from evaluation.selectors.runs import run_progress
from evaluation.services.runs import draw as run_draw
from evaluation.services.runs.request import run_pause
from evaluation.services.work import queue, turns
from evaluation.services.work.locks import claim_prompts, claim_scores
from tests.metric_services import steps as scoring
from tests.runs.conftest import make_suite, plugin  # noqa: F401  (fixtures)
from tests.runs.steps import MakeSuite, ask

pytestmark = pytest.mark.django_db


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """The queue as a list, first come first served; each task draws one prompt's images and leaves the rest."""
    waiting: list[tuple[Any, ...]] = []
    monkeypatch.setattr(tasks, "hand_on", lambda task, *arguments, after_s=0.0: waiting.append(arguments))
    monkeypatch.setattr(tasks.settings, "TASK_SECONDS", 0)
    return waiting


def served(line: list[tuple[Any, ...]], name_of: Callable[[int], str]) -> list[str]:
    """Work the line off; whose images were made, in order."""
    order: list[str] = []
    for _ in range(2000):
        if not line:
            return order
        run_pk, *rest = line.pop(0)
        before = run_progress(GenerationRun.objects.get(pk=run_pk)).made
        tasks.run_draw_prompts(run_pk, *rest)
        if run_progress(GenerationRun.objects.get(pk=run_pk)).made > before:
            order.append(name_of(run_pk))
    raise AssertionError("the line never ends")


def test_a_small_run_does_not_wait_for_a_large_one(
    make_suite: MakeSuite,  # noqa: F811
    line: list[tuple[Any, ...]],
) -> None:
    large = ask(make_suite(*(f"prompt {number}" for number in range(40)), name="forty"), name="large")
    small = ask(make_suite("a fox", "a heron", name="two"), name="small")
    for run in (large, small):
        tasks.run_begin(run.pk)
    order = served(line, {large.pk: "large", small.pk: "small"}.__getitem__)
    last_of_small = len(order) - order[::-1].index("small")
    assert last_of_small <= 2 * order.count("small") + 1, order
    for run in (large, small):
        run.refresh_from_db()
        assert run.status == RunStatus.DONE and run.samples.count() == run_progress(run).expected


def test_who_has_more_workers_lets_others_first(make_suite: MakeSuite) -> None:  # noqa: F811
    suite = make_suite("a fox", "a heron")
    one, two = ask(suite, name="one"), ask(suite, name="two")
    assert not turns.lets_others_first(one) and not turns.lets_others_first(two)
    with claim_prompts(one.pk, [1]):
        assert turns.lets_others_first(one) and not turns.lets_others_first(two)
    turns.is_served(two)
    assert turns.lets_others_first(two) and not turns.lets_others_first(one)
    run_pause(run=one)
    assert not turns.lets_others_first(two), "a paused run is nobody's rival"


def test_who_goes_on_leaves_off_for_a_run_of_another_queue_that_nobody_draws(
    make_suite: MakeSuite,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A worker of all queues that went on with one run's prompts would keep another kind of run waiting."""
    suite = make_suite("a fox", "a heron")
    run, other = ask(suite, name="run"), ask(suite, name="other")
    first, second = run_draw.Drawing(run).missing()[0][0], run_draw.Drawing(run).missing()[-1][0]
    monkeypatch.setattr(turns, "_queue", lambda job: NETWORK if job.pk == other.pk else CPU)

    def goes_on() -> bool:
        drawing = run_draw.Drawing(run, goes_on=True)
        with drawing.claim([first]):
            return {prompt for prompt, _ in drawing.more()} == {second}

    assert not turns.lets_others_first(run) and not goes_on()
    with claim_prompts(other.pk, [1]):
        assert goes_on(), "somebody is at it"
    run_pause(run=other)
    assert goes_on()


def test_a_task_does_not_let_others_first_for_ever(
    make_suite: MakeSuite,  # noqa: F811
    line: list[tuple[Any, ...]],
) -> None:
    suite = make_suite("a fox")
    mine, lost = ask(suite, name="mine"), ask(suite, name="lost")
    turns.is_served(mine)
    tasks.run_begin(mine.pk)
    assert served(line, lambda pk: GenerationRun.objects.get(pk=pk).name) == ["mine", "mine"]
    assert lost.samples.count() == 0


def test_work_goes_to_the_queue_of_its_device(
    make_suite: MakeSuite,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert queue.run_queue("cascade", {}) == ACCELERATOR == queue.run_queue("diffusers", {})
    assert queue.run_queue("http", {}) == NETWORK and queue.run_queue("folder", {}) == CPU
    assert queue.run_queue("gone by now", {}) == DEFAULT == queue.run_queue("command", {"program": "gone by now"})
    run = ask(make_suite("a fox"))
    sent: list[tuple[str, str]] = []

    def note(self: Any, args: object = None, **options: Any) -> None:
        sent.append((self.name.rpartition(".")[2], options.get("queue", DEFAULT)))

    monkeypatch.setattr("celery.app.task.Task.apply_async", note)
    queue.hand_on("run_begin", run.pk)
    queue.hand_on("run_draw_prompts", run.pk, [1])
    queue.hand_on("metric_score_samples", 1, [1])
    assert sent == [("run_begin", DEFAULT), ("run_draw_prompts", CPU), ("metric_score_samples", ACCELERATOR)]


def test_a_run_is_handed_out_in_a_few_tasks_that_hold_all_of_it(make_suite: MakeSuite) -> None:  # noqa: F811
    run = ask(make_suite(*(f"prompt {number}" for number in range(700))), samples_per_prompt=32)
    lanes = run_draw.run_lanes(run)
    assert len(lanes) == turns.LANES and sorted(key for lane in lanes for key in lane) == sorted(
        key for chunk in run_draw.run_chunks(run) for key in chunk
    )


def test_a_small_score_does_not_wait_for_a_large_one(line: list[tuple[Any, ...]]) -> None:
    """One image a task: the two of the small score come among the first of the large one's forty."""
    large, small = (
        scoring.ask(scoring.grey_run({f"{name} {number}": (number,) for number in range(n)}, name=name))
        for name, n in (("large", 40), ("small", 2))
    )
    for score in (large, small):
        tasks.metric_begin(score.pk)
    order: list[str] = []
    while line:
        pk, *rest = line.pop(0)
        before = MetricScore.objects.filter(metric_run=pk).count()
        tasks.metric_score_samples(pk, *rest)
        order += [{large.pk: "large", small.pk: "small"}[pk]] * (
            MetricScore.objects.filter(metric_run=pk).count() - before
        )
    assert (order.count("large"), order.count("small")) == (40, 2)
    assert len(order) - order[::-1].index("small") <= 2 * 16 + 2, order
    for score in (large, small):
        score.refresh_from_db()
        assert score.status == RunStatus.DONE


def test_scores_and_runs_of_one_device_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = scoring.grey_run({"a fox": (1,)}, name="drawn")
    score = scoring.ask(scoring.grey_run({"a heron": (1,)}, name="scored"))
    GenerationRun.objects.filter(pk=drawn.pk).update(status=RunStatus.QUEUED)
    drawn.refresh_from_db()
    for queue_of_run, rivals in ((CPU, False), (ACCELERATOR, True)):
        monkeypatch.setattr(turns, "run_queue", lambda name, parameters, there=queue_of_run: there)
        with claim_scores(score.pk, [1]):
            assert turns.lets_others_first(score) is rivals and not turns.lets_others_first(drawn)
        with claim_prompts(drawn.pk, [1]):
            assert turns.lets_others_first(drawn) is rivals and not turns.lets_others_first(score)
        turns.is_served(score)
        assert turns.lets_others_first(score) is rivals
        turns.is_served(drawn)
        assert not turns.lets_others_first(score) and turns.lets_others_first(drawn) is rivals
